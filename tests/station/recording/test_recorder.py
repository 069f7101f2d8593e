"""The recorder: files that rotate, a disk that is full, the last minute around an incident, a reader that is slow."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from hil.types import MishapName
from station.recording.reader import open_recording
from station.recording.recorder import Recorder
from station.recording.replay import replay
from station.recording.settings import Frames, RecorderSetup, RecordingSettings
from station.recording.tap import StepMade, Told
from station.recording.words import Begin, Gap, KeptFrame, Why
from station.types import Order
from tests.station.paper_line import PaperPiece
from tests.station.recording.recorded_line import ABOUT, RECIPE, ToldLine

GB = 1_000_000_000
SETTINGS = RecordingSettings(
    max_bytes=GB, min_free_bytes=0, frames=Frames.flight, keep_s=2.0, rotate_s=2.0, after_s=0.5, retry_s=0.5
)


class RecorderPort:
    """Hands everything to a recorder at once; every frame that a step saw is a picture of ``frame_bytes`` bytes."""

    def __init__(self, recorder: Recorder, frame_bytes: int = 1000) -> None:
        self._recorder = recorder
        self._frame_bytes = frame_bytes

    def send(self, message: object) -> bool:
        for told in cast(tuple[Told, ...], message):
            self._recorder.take(told)
            if isinstance(told, StepMade) and told.inputs.frame is not None and told.answers.found is not None:
                self._recorder.take_frame(KeptFrame(told.inputs.frame, "jpeg", bytes(self._frame_bytes)))
            self._recorder.work()
        return True

    def receive(self) -> list[object]:
        return []


class SlowPort:
    """Takes nothing while ``is_slow``."""

    def __init__(self) -> None:
        self.is_slow = False
        self.told: list[Told] = []

    def send(self, message: object) -> bool:
        if not self.is_slow:
            self.told.extend(cast(tuple[Told, ...], message))
        return not self.is_slow

    def receive(self) -> list[object]:
        return []


class GonePort:
    """Its other end is not there any more."""

    def send(self, message: object) -> bool:
        raise BrokenPipeError

    def receive(self) -> list[object]:
        raise ConnectionError


@contextmanager
def full_disk() -> Iterator[None]:
    """Files cannot grow any more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def recorder_in(folder: Path, *, file: Path | None = None, settings: RecordingSettings = SETTINGS) -> Recorder:
    return Recorder(RecorderSetup(folder, file, ABOUT, (RECIPE,), settings, None))


def line_into(recorder: Recorder, frame_bytes: int = 1000) -> ToldLine:
    rng = random.Random(2)
    pieces = [PaperPiece(2600.0 + 90 * n, rng.uniform(30, 770), n % 2) for n in range(600)]
    return ToldLine(RecorderPort(recorder, frame_bytes), pieces)


def test_files_follow_each_other_and_each_replays_by_itself(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, settings=replace(SETTINGS, frames=Frames.off))
    line = line_into(recorder)
    line.line.run(7.0, Order.start)
    line.end()
    recorder.close()
    files = sorted(tmp_path.glob("run-*.mcap"))
    assert len(files) == 4
    found = [replay(open_recording(file)) for file in files]
    assert all(one.is_equal and one.proved == one.steps for one in found)
    assert sum(one.steps for one in found) == 700
    assert open_recording(files[-1]).attachments["recipe.yaml"].text == "name: paper\n"


def test_the_oldest_files_go_when_there_is_more_than_allowed(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, settings=replace(SETTINGS, frames=Frames.off, max_bytes=150_000, rotate_s=1.0))
    line = line_into(recorder)
    for _ in range(16):
        line.line.run(1.0, Order.start)
        recorder.look_after()
    recorder.close()
    files = sorted(tmp_path.glob("run-*.mcap"))
    assert 1 <= len(files) < 10
    assert sum(file.stat().st_size for file in files) < 150_000 + 50_000
    assert replay(open_recording(files[-1])).is_equal
    news = recorder.news(0)
    assert news.days_kept is not None
    assert news.days_kept == pytest.approx(150_000 / news.bytes_per_s / 86_400, rel=0.01)


def test_a_full_disk_stops_the_recording_and_nothing_else(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, settings=replace(SETTINGS, retry_s=60.0))
    line = line_into(recorder)
    line.line.run(3.0, Order.start)
    with full_disk():
        assert line.line.run(3.0).status.pieces > 20
        assert recorder.news(0).stopped == "File too large"
    recorder.close()
    assert replay(open_recording(sorted(tmp_path.glob("run-*"))[0])).is_equal


def test_recording_begins_again_by_itself_when_there_is_room(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, file=tmp_path / "a.mcap")
    line = line_into(recorder)
    line.line.run(0.1, Order.start)
    with full_disk():
        while not recorder.news(0).stopped:
            line.line.run(0.1)
    line.line.run(3.0)
    assert recorder.news(0).stopped == ""
    line.end()
    recorder.close()
    found = replay(open_recording(tmp_path / "a-2.mcap"))
    assert found.is_equal
    assert found.proved > 100


def test_a_disk_that_has_to_be_left_free_is_left_free(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, settings=replace(SETTINGS, min_free_bytes=10**18))
    line_into(recorder).line.run(5.0, Order.start)
    recorder.close()
    assert "free on the disk" in recorder.news(0).stopped
    assert not list(tmp_path.iterdir())


def test_around_an_incident_the_last_seconds_are_kept_with_their_pictures(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    line = line_into(recorder)
    line.line.run(6.0, Order.start)
    assert not list(tmp_path.glob("incident-*-estop.mcap"))
    line.line.suffer(MishapName.estop, on=True)
    line.line.run(1.0)
    (file,) = tmp_path.glob("incident-*-estop.mcap")
    recording = open_recording(file)
    found = replay(recording)
    assert found.is_equal
    assert found.proved == found.steps
    assert 2.4 <= found.recorded_s <= 4.0
    searched = {step.inputs.frame for step in recording.steps() if step.answers.found is not None}
    assert {frame.stamp for frame in recording.frames()} == searched
    assert recorder.news(0).incidents == 2
    recorder.close()


def test_memory_for_pictures_is_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, settings=replace(SETTINGS, keep_bytes=20_000))
    line = line_into(recorder, frame_bytes=1000)
    line.line.run(5.0, Order.start)
    assert recorder.work() is False
    recorder.keep_this("keep-this")
    recorder.close()
    (file,) = tmp_path.glob("incident-*-keep-this.mcap")
    recording = open_recording(file)
    stamps = [frame.stamp.seq for frame in recording.frames()]
    searched = [
        step.inputs.frame.seq for step in recording.steps() if step.inputs.frame and step.answers.found is not None
    ]
    assert stamps == searched[-20:]
    assert replay(recording).is_equal


def test_a_fault_that_flickers_does_not_fill_the_disk(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    line = line_into(recorder)
    line.line.run(3.0, Order.start)
    for _ in range(5):
        line.line.suffer(MishapName.air_low, on=True)
        line.line.run(0.2)
        line.line.suffer(MishapName.air_low, on=False)
        line.line.run(2.5)
    recorder.close()
    assert len(list(tmp_path.glob("incident-*-air-low.mcap"))) == 1


def count(told: list[Told], kind: type[object]) -> int:
    return sum(isinstance(one, kind) for one in told)


def test_steps_that_nobody_takes_are_a_gap_and_the_sorters_state_follows(tmp_path: Path) -> None:
    port = SlowPort()
    line = ToldLine(port, [PaperPiece(2600.0 + 90 * n, 400.0, n % 2) for n in range(200)])
    line.line.run(4.0, Order.start)
    port.is_slow = True
    line.line.run(7.0)
    port.is_slow = False
    line.line.run(2.0)
    line.end()
    gap = next(n for n, one in enumerate(port.told) if isinstance(one, Gap))
    missing, begin = port.told[gap : gap + 2]
    assert isinstance(missing, Gap)
    assert isinstance(begin, Begin)
    assert begin.why is Why.after_gap
    assert count(port.told, StepMade) + missing.steps == 1300
    recorder = recorder_in(tmp_path, file=tmp_path / "a.mcap")
    RecorderPort(recorder).send(tuple(port.told))
    recorder.close()
    found = replay(open_recording(tmp_path / "a.mcap"))
    assert found.is_equal
    assert (found.proved, found.missing) == (found.steps, missing.steps)
    assert found.steps == 1300 - missing.steps


def test_a_vanished_recorder_does_not_disturb_the_sorter() -> None:
    line = ToldLine(GonePort(), [PaperPiece(2600.0 + 90 * n, 400.0, n % 2) for n in range(50)])
    assert line.line.run(6.0, Order.start).status.pieces > 20
