"""Languages of papers and pages: gettext catalogues, read as people edit them (``locale/<language>/station.po``).

A further language is a folder with a file; ``make messages`` brings every catalogue up to date with the sources.
"""

from __future__ import annotations

import io
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

LOCALE = Path(__file__).parent / "locale"
CATALOGUE = "station.po"
SOURCE = "en"
_TAGS = {"zh": "zh-CN"}


class LanguageUnknown(Exception):  # noqa: N818 - a fact
    """There is no catalogue of that language; the text says which there are."""


def languages() -> tuple[str, ...]:
    """English, which the sources are written in, and every language with a catalogue."""
    return (SOURCE, *sorted(path.parent.name for path in LOCALE.glob(f"*/{CATALOGUE}")))


def read_catalogue(language: str) -> Catalog:
    """Raises OSError when there is none."""
    with (LOCALE / language / CATALOGUE).open("rb") as file:
        return read_po(file, locale=language)


def translations(language: str) -> NullTranslations:
    """What turns sentences of the sources into this language; raises LanguageUnknown."""
    if language not in languages():
        raise LanguageUnknown(f"There is no language {language!r}; choose one of {', '.join(languages())}.")
    if language == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def marked(sentence: str) -> str:
    """A sentence in a table that will be shown in the reader's language; says so to ``make messages``."""
    return sentence


def html_tag(language: str) -> str:
    """The language of a page as browsers know it."""
    return _TAGS.get(language, language)


def pages(folder: Path, language: str) -> Environment:
    """Templates of a folder that speak this language: ``{% trans %}``, ``_()``, and the filter ``number(digits)``."""
    words = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken = translations(language)
    words.install_gettext_callables(spoken.gettext, spoken.ngettext, newstyle=False)  # type: ignore[attr-defined]

    def number(value: float, digits: int = 0) -> str:
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, format=pattern, locale=html_tag(language).replace("-", "_"))

    words.filters["number"] = number
    return words
