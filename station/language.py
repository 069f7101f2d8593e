"""Languages of papers and pages: gettext catalogues, read as people edit them (``locale/<language>/station.po``).

A further language is a folder with a file; ``make messages`` brings every catalogue up to date with the sources.
"""

from __future__ import annotations

import io
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from station.codebook import load_codebook, plain_name

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
    write_mo(compiled, _with_classes(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def sentences(language: str) -> dict[str, str]:
    """What every sentence is in this language, the names of the codebook's classes among them; none for English."""
    if language == SOURCE:
        return {}
    return {str(said.id): str(said.string) for said in _with_classes(language) if said.id and isinstance(said.id, str)}


def names() -> dict[str, str]:
    """Every language as those who speak it call it."""
    return {language: str(Locale.parse(language).get_display_name(language)) for language in languages()}


def _with_classes(language: str) -> Catalog:
    """The codebook carries some languages itself."""
    catalogue = read_catalogue(language)
    for material in load_codebook().values():
        if language == "zh":
            catalogue.add(plain_name(material.name), plain_name(material.name_zh))
    return catalogue


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
