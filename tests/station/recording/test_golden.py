"""The golden gate: what was decided stays decided, unless somebody runs ``make golden`` and reads the diff."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from station.recording.reader import open_recording
from station.recording.replay import replay
from tests.station.recording.golden import FOLDER, SCENARIOS, decisions_of, renew
from tests.station.recording.golden_line import GoldenLine

RECORDINGS = sorted(FOLDER.glob("*.mcap"))


def test_every_scenario_has_a_recording_and_every_recording_its_text() -> None:
    names = {path.stem for path in RECORDINGS}
    assert {scenario.name for scenario in SCENARIOS} <= names
    assert {path.stem for path in FOLDER.glob("*.txt")} == names


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_what_was_decided_is_decided_again(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert list(decisions_of(path)) == expected, "if this is meant: make golden, and read its diff"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_golden_recording_replays_equal(path: Path) -> None:
    found = replay(open_recording(path))
    assert found.is_equal, [piece.sentence for piece in found.pieces] or found.first
    assert found.proved == found.steps > 100


@pytest.mark.parametrize("scenario", SCENARIOS[:3], ids=lambda scenario: scenario.name)
def test_a_script_gives_the_same_file_every_time(tmp_path: Path, scenario: object) -> None:
    chosen = next(known for known in SCENARIOS if known is scenario)
    GoldenLine(chosen, tmp_path / "again.mcap").play(chosen.turns)
    assert (tmp_path / "again.mcap").read_bytes() == (FOLDER / f"{chosen.name}.mcap").read_bytes()


def test_a_recording_that_was_copied_in_keeps_its_inputs(tmp_path: Path) -> None:
    path = tmp_path / "copied.mcap"
    shutil.copy(FOLDER / "estop.mcap", path)
    before = list(open_recording(path).raw_entries())
    renew(path)
    assert list(open_recording(path).raw_entries()) == before


def test_the_golden_recordings_show_what_they_are_meant_to() -> None:
    texts = {path.stem: path.with_suffix(".txt").read_text(encoding="utf-8") for path in RECORDINGS}
    assert " ejected (rule)" in texts["normal"]
    assert " unsure (" in texts["normal"]
    assert "(touching)" in texts["dense-touching"]
    assert "state paused" in texts["stop-restart"]
    counts = [int(count) for count in re.findall(r"at count (\d+)", texts["encoder-wrap"])]
    assert max(counts) > 60_000
    assert counts.index(max(counts)) < counts.index(min(counts))
    assert "fault camera-frozen" in texts["camera-freeze"]
    assert "state estop" in texts["estop"]
    assert " cancelled (" in texts["estop"]
    assert "fault hazard-found" in texts["hazard"]
    assert "state bypass" in texts["bypass"]
    assert " passed (bypass)" in texts["bypass"]
    assert " late (no-slack)" in texts["late-frames"]
    assert "fault frames-unplaced" in texts["late-frames"]
