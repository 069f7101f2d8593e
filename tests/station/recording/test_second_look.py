"""Finder and classifier again on the kept pictures: the same pictures agree, others do not."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from station.cli import app
from station.config import load_config
from station.offline import record_footage
from station.recording.pictures import decoded
from station.recording.reader import open_recording
from station.recording.second_look import look_again
from station.recording.words import KeptFrame, RecordingUnreadable
from station.recording.writer import RecordingWriter
from tests.station.recording.recorded_line import RecordedLine

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded belt, its pictures kept as they are."""
    path = tmp_path_factory.mktemp("played") / "belt.mcap"
    record_footage(load_config(ROOT / "configs" / "footage.yaml"), path)
    return path


def test_the_same_pictures_are_seen_the_same_way(played: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["replay", str(played), "--frames", "--json", str(tmp_path / "r.json")])
    assert result.exit_code == 0, result.output
    assert "Within tolerance." in result.output
    found = json.loads((tmp_path / "r.json").read_text())["frames"]
    assert found["pictures"] > 40
    assert found["looks"] > 50
    assert found["found"] == found["sightings"] > 100


def test_other_pictures_are_not_within_tolerance(played: Path, tmp_path: Path) -> None:
    recording, path = open_recording(played), tmp_path / "mirrored.mcap"
    with RecordingWriter(path, recording.about, recording.attachments.values()) as writer:
        for entry in recording.raw_entries():
            writer.write(mirrored(entry) if isinstance(entry, KeptFrame) else entry)
    result = CliRunner().invoke(app, ["replay", str(path), "--frames"])
    assert result.exit_code == 1
    assert "NOT within tolerance." in result.output


def mirrored(frame: KeptFrame) -> KeptFrame:
    image = decoded(frame)
    assert image is not None
    return frame._replace(encoded=cv2.imencode(".jpg", cv2.flip(image, 1))[1].tobytes())


def test_a_recording_without_pictures_or_eye_cannot_be_looked_at_again(tmp_path: Path) -> None:
    RecordedLine(tmp_path / "blind.mcap", []).end()
    with pytest.raises(RecordingUnreadable, match="does not hold the eye's settings"):
        look_again(open_recording(tmp_path / "blind.mcap"), None)
