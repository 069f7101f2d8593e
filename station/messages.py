"""Brings the catalogues of all languages up to date with what the sources say: ``make messages``."""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from station.faults import FAULTS
from station.keys import every_key
from station.language import CATALOGUE, LOCALE, SOURCE, languages, read_catalogue

_ROOT = Path(__file__).parent
_METHODS = {".py": "python", ".html": "jinja2", ".js": "javascript"}
_OPTIONS = {
    "extensions": "jinja2.ext.i18n",
    "trimmed": "true",
    "silent": "false",
    "parse_template_string": "true",
}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
_WIDTH = 120
_HEAD = """msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def sources() -> Catalog:
    """Every sentence that the sources show to people, with where it stands."""
    found = Catalog(project="station", charset="utf-8")
    for path in sorted((*_ROOT.rglob("*.html"), *_ROOT.rglob("*.js"), *filter(_speaks, _ROOT.rglob("*.py")))):
        method = _METHODS[path.suffix]
        for line, message, _, context in extract_from_file(method, path, _KEYWORDS, options=_OPTIONS):
            found.add(message, None, [(path.relative_to(_ROOT).as_posix(), line)], context=context)
    for number, (code, fault) in enumerate(FAULTS.items(), start=1):
        for sentence in (fault.sentence, fault.hint):
            found.add(sentence, None, [(f"station/faults.py:{code}", number)])
    for number, key in enumerate(every_key(), start=1):
        if key.says:
            found.add(key.says, None, [(f"station/keys.py:{key.path}", number)])
    return found


def _speaks(path: Path) -> bool:
    """Most modules say nothing to people."""
    text = path.read_text(encoding="utf-8")
    return any(f"{keyword}(" in text for keyword in _KEYWORDS if keyword != "_")


def unfinished(language: str) -> list[str]:
    """Sentences of the sources that this language lacks, or has only guessed."""
    catalogue = read_catalogue(language)
    lacking = []
    for message in sources():
        if not message.id:
            continue
        known = catalogue.get(message.id, message.context)
        spoken = known.string if known is not None and not known.fuzzy else ""
        if not (all(spoken) if isinstance(spoken, tuple | list) else spoken):
            lacking.append(str(message.id))
    return lacking


def bring_up_to_date(language: str) -> None:
    """New sentences are added empty, gone ones are dropped; what was said stays."""
    catalogue = read_catalogue(language)
    catalogue.update(sources(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalogue, width=_WIDTH, sort_output=True, omit_header=True, no_location=True)
    head = _HEAD.format(language=language, plurals=catalogue.plural_forms).encode()
    (LOCALE / language / CATALOGUE).write_bytes(head + written.getvalue())


def main() -> None:
    """All languages but that of the sources."""
    for language in languages():
        if language != SOURCE:
            bring_up_to_date(language)


if __name__ == "__main__":
    main()
