"""Whatever people read exists in every language; a further language is a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from station import language as spoken
from station.language import LOCALE, LanguageUnknown, languages, pages, translations
from station.messages import bring_up_to_date, sources, unfinished


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
def test_every_sentence_of_the_sources_is_translated(language: str) -> None:
    assert unfinished(language) == [], "run `make messages` and translate what is empty in station/locale"


def test_sentences_of_templates_python_and_the_table_of_faults_are_all_found() -> None:
    found = {str(message.id) for message in sources()}
    assert {"Composition", "by eye", "The emergency stop is pressed."} <= found


def test_no_translation_is_left_of_a_sentence_that_is_gone() -> None:
    known = {message.id for message in sources() if message.id}
    with (LOCALE / "zh" / "station.po").open("rb") as file:
        assert {message.id for message in read_po(file) if message.id} <= known


def test_a_further_language_is_a_file_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vi").mkdir()
    (tmp_path / "vi" / "station.po").write_text('msgid ""\nmsgstr ""\n"Language: vi\\n"\n')
    monkeypatch.setattr(spoken, "LOCALE", tmp_path)
    monkeypatch.setattr("station.messages.LOCALE", tmp_path)
    bring_up_to_date("vi")
    assert "Composition" in unfinished("vi")
    path = tmp_path / "vi" / "station.po"
    path.write_text(
        path.read_text().replace('msgid "Composition"\nmsgstr ""', 'msgid "Composition"\nmsgstr "Thành phần"')
    )
    bring_up_to_date("vi")
    assert "Composition" not in unfinished("vi")
    assert translations("vi").gettext("Composition") == "Thành phần"
    assert languages() == ("en", "vi")


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(LanguageUnknown, match="en, zh"):
        translations("xx")


def test_templates_speak_and_write_numbers_as_the_language_does(tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text("{{ _('Composition') }} {{ 12345.678 | number(1) }}")
    assert pages(tmp_path, "zh").get_template("t.html").render() == "物料组成 12,345.7"
    assert pages(tmp_path, "en").get_template("t.html").render() == "Composition 12,345.7"
