"""``station footage`` on the command line: rendered belt in a real video, in, sorted, out again."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from station.cli import app
from station.config import load_config
from station.footage.export import DECISIONS
from station.offline import record_footage
from station.recording.reader import open_recording
from station.recording.replay import replay
from station.whatif.trial import Subject
from tests.station.footage.belt_video import Filmed, encode
from vision.labels import read_labels

ROOT = Path(__file__).parents[3]
BELT = ROOT / "tests" / "recordings" / "first-belt"
STATION = str(ROOT / "configs" / "footage.yaml")


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["footage", *words])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 2.4 s of the recorded belt as a video."""
    with (BELT / "frames.csv").open() as lines:
        rows = list(csv.DictReader(lines))[:36]
    images = tuple(np.asarray(cv2.imread(str(BELT / row["file"])), np.uint8) for row in rows)
    stamps = tuple(int(row["captured_ns"]) - int(rows[0]["captured_ns"]) for row in rows)
    return encode(tmp_path_factory.mktemp("video") / "belt.mp4", Filmed(images, stamps, ()))


def test_a_video_is_brought_in_and_one_more_command_sorts_it(tmp_path: Path, video: Path) -> None:
    out = tmp_path / "in"
    words = said("import", str(video), str(out), "--belt-px", "640", "--station", STATION)
    assert f"See it sorted: station run {out / 'station.yaml'}".replace(" ", "") in words.replace(" ", "")
    made = load_config(out / "station.yaml")
    assert made.calibration.mm_per_px == 1.25
    assert record_footage(made, tmp_path / "in.mcap") > 20
    ends = {record.outcome.value for record in open_recording(tmp_path / "in.mcap").pieces()}
    assert "ejected" in ends


def test_the_estimated_speed_is_within_a_hundredth_of_the_encoder(tmp_path: Path, video: Path) -> None:
    words = said("import", str(video), str(tmp_path / "in"), "--mm-per-px", "1.25", "--station", STATION)
    speed = float(words.split("belt ")[1].split(" mm/s")[0])
    assert speed == pytest.approx(1500, rel=0.01)


def test_a_video_becomes_a_recording_at_once(tmp_path: Path, video: Path) -> None:
    out = tmp_path / "in.mcap"
    said("import", str(video), str(out), "--belt-px", "640", "--station", STATION, "--speed-mm-s", "1500")
    words = said("info", str(out))
    assert "36 seen in 2.33 s, 36 of them kept" in words
    assert "no gaps" in words
    assert list(tmp_path.iterdir()) == [out]


def test_what_was_decided_is_drawn_into_a_video_and_written_into_a_table(tmp_path: Path, video: Path) -> None:
    record = tmp_path / "in.mcap"
    said("import", str(video), str(record), "--belt-px", "640", "--station", STATION)
    words = said("export", str(record), str(tmp_path / "seen.mp4"))
    assert "36 pictures" in words
    with (tmp_path / "seen.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == DECISIONS
    assert len(rows) == len(list(open_recording(record).pieces()))
    with av.open(str(tmp_path / "seen.mp4")) as container:
        frames = list(container.decode(video=0))
    kept = [frame.stamp.captured_ns for frame in open_recording(record).frames()]
    stamps = [float(frame.pts * frame.time_base) for frame in frames if frame.pts is not None and frame.time_base]
    assert stamps == pytest.approx([(ns - kept[0]) / 1e9 for ns in kept], abs=0.0011)
    last = frames[25].to_ndarray(format="bgr24")
    assert last.shape == (512 + 64, 640, 3)
    plain = cv2.imread(str(BELT / "000025.jpg"))
    assert plain is not None
    changed = np.abs(last[:512].astype(int) - plain.astype(int)).max(axis=2) > 90
    assert 300 < changed.sum() < 40_000


def test_decisions_alone_need_no_pictures(tmp_path: Path, video: Path) -> None:
    record = tmp_path / "in.mcap"
    said("import", str(video), str(record), "--belt-px", "640", "--station", STATION)
    assert "pieces in" in said("export", str(record), str(tmp_path / "only.csv"))
    assert not (tmp_path / "only.mp4").exists()


def test_refusals_are_one_sentence(tmp_path: Path, video: Path) -> None:
    assert "give the scale" in said("import", str(video), str(tmp_path / "a"), code=2)
    assert "not both" in said(
        "import", str(video), str(tmp_path / "a"), "--mm-per-px", "1", "--ticks", "t.csv", "--speed-mm-s", "5", code=2
    )
    assert "no recording" in said("export", str(tmp_path), str(tmp_path / "a.mp4"), code=2)
    assert "cannot be read" in said("info", str(tmp_path), code=2)
    assert "Traceback" not in said("cut", str(tmp_path), str(tmp_path / "x"), code=2)


def test_footage_played_twice_offline_gives_the_same_recording_byte_for_byte(tmp_path: Path) -> None:
    config = load_config(ROOT / "configs" / "footage.yaml")
    said_twice = []
    for name in ("a", "b"):
        record_footage(config, tmp_path / f"{name}.mcap")
        steps = open_recording(tmp_path / f"{name}.mcap").steps()
        run = open_recording(tmp_path / f"{name}.mcap").about.run.encode()
        said_twice.append([step.said.replace(run, b"") for step in steps])
    assert said_twice[0] == said_twice[1]
    assert len(said_twice[0]) > 300


def test_a_part_of_a_recording_replays_byte_for_byte_and_keeps_pictures_and_labels(tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.mcap", tmp_path / "part.mcap"
    record_footage(load_config(ROOT / "configs" / "footage.yaml"), whole)
    (tmp_path / "whole.labels.csv").write_bytes((BELT / "labels.csv").read_bytes())
    steps = int(said("cut", str(whole), str(part), "--from", "2", "--to", "4").split()[0])
    assert steps > 100
    found = replay(open_recording(part))
    assert (found.is_equal, found.proved, found.missing) == (True, steps, 0)
    pictures = [frame.stamp.captured_ns for frame in open_recording(part).frames()]
    assert 29 <= len(pictures) <= 31
    labels = read_labels(tmp_path / "part.labels.csv")
    subjects = (Subject(open_recording(path), labels) for path in (part, whole))
    cut_score, whole_score = (subject.try_out(()).old.outlets["brass"] for subject in subjects)
    assert 0 < cut_score.purity.right <= cut_score.purity.n < whole_score.purity.n
    assert "exists already" in said("cut", str(whole), str(part), code=2)
    assert "no step between" in said("cut", str(whole), str(tmp_path / "none.mcap"), "--from", "99", code=2)
    assert not (tmp_path / "none.mcap").exists()
