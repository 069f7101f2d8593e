"""The loop of the vision process, with a camera and ports that live in memory on a clock of their own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from vision.camera_watch import CameraWatch, WatchSettings
from vision.process import Bindings, LoopSettings, News, WaitablePort, run
from vision.types import CameraLost, Eye, Frame, Look, LookRequest, Outlines, Sighting

MS = 1_000_000
IMAGE = np.zeros((4, 4, 3), np.uint8)


@dataclass
class World:
    """One clock; things happen when it passes their time."""

    now_ns: int = 1_000 * MS
    frames: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    lost_from_ns: int | None = None
    lost_until_ns: int = 0
    opens: list[int] = field(default_factory=list)
    waits: int = 0

    def read_clock(self) -> int:
        return self.now_ns

    def wait(self, ports: Sequence[WaitablePort], timeout_s: float) -> None:
        """Until the next sample or the timeout."""
        self.waits += 1
        until = self.now_ns + max(1, round(timeout_s * 1e9))
        coming = [sample for sample in self.samples if sample > self.now_ns]
        self.now_ns = min([until, *coming])

    @property
    def is_lost(self) -> bool:
        return self.lost_from_ns is not None and self.lost_from_ns <= self.now_ns < self.lost_until_ns


@dataclass
class ListedCamera:
    """Gives the frames of a world at their time, one by one."""

    world: World
    dropped: int = 0
    seq: int = 0
    finished: bool = False

    def open(self) -> None:
        self.world.opens.append(self.world.now_ns)
        if self.world.is_lost:
            raise CameraLost("still gone")

    def read(self, timeout_ms: int) -> Frame | None:
        if self.world.is_lost:
            raise CameraLost("unplugged")
        until = self.world.now_ns + timeout_ms * MS
        due = self.world.frames[0] if self.world.frames else until + 1
        self.world.now_ns = max(self.world.now_ns, min(due, until))
        if due > until:
            return None
        self.seq += 1
        return Frame(self.seq, self.world.frames.pop(0), None, IMAGE)

    def close(self) -> None: ...


@dataclass
class SamplePort:
    """The control process as seen from here: sends the samples of a world, takes commands."""

    world: World
    room: int = 1000
    commands: list[tuple[int, object]] = field(default_factory=list)
    gone_ns: int = 1 << 62

    def send(self, message: object) -> bool:
        if len(self.commands) >= self.room:
            return False
        self.commands.append((self.world.now_ns, message))
        return True

    def receive(self) -> list[object]:
        if self.world.now_ns >= self.gone_ns:
            raise ConnectionError("gone")
        arrived = [sample for sample in self.world.samples if sample <= self.world.now_ns]
        self.world.samples = self.world.samples[len(arrived) :]
        return list(arrived)

    def fileno(self) -> int:
        return -1


@dataclass
class ShownEye:
    shown: list[int] = field(default_factory=list)

    def show(self, frame: Frame) -> None:
        self.shown.append(frame.seq)

    def outlines(self) -> Outlines:
        return ()

    def find(self) -> tuple[Sighting, ...]:
        return ()

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        return ()


@dataclass
class NotingSorter:
    """Notes its inputs; its output is the number of the step."""

    steps: list[News] = field(default_factory=list)

    def step(self, inputs: News, eye: Eye) -> int:
        self.steps.append(inputs)
        return len(self.steps)


def as_sample(message: object) -> int | None:
    return message if isinstance(message, int) else None


def drive(
    world: World,
    until_ms: int,
    port: SamplePort | None = None,
    each_step: Callable[[int], None] = lambda now_ns: None,
    tick_wait_ms: float = 30.0,
) -> tuple[NotingSorter, SamplePort, ShownEye]:
    """Run the loop to a time in ms after the world's start."""
    sorter, eye = NotingSorter(), ShownEye()
    machine_port, station_port = port or SamplePort(world), SamplePort(World())
    end_ns = world.now_ns + until_ms * MS

    def inspect(frame: Frame) -> tuple[tuple[str, str], ...]:
        return ()

    bindings: Bindings[News, int] = Bindings(
        taken_ns=as_sample,
        inputs=lambda news: news,
        command=lambda step: step,
        inspect=inspect,
        publish=lambda step, frame: each_step(world.now_ns),
        stop=lambda: world.now_ns >= end_ns,
    )
    settings = LoopSettings(tick_wait_ms=tick_wait_ms)
    run(
        ListedCamera(world),
        eye,
        sorter,
        machine_port,
        station_port,
        bindings=bindings,
        settings=settings,
        now_ns=world.read_clock,
        wait=world.wait,
    )
    return sorter, machine_port, eye


def times(start_ms: int, end_ms: int, step_ms: int) -> list[int]:
    return [(1_000 + ms) * MS for ms in range(start_ms, end_ms, step_ms)]


def codes(news: News) -> list[str]:
    return [code for code, _ in news.conditions]


def test_a_frame_waits_for_the_encoder_reading_after_it() -> None:
    world = World(frames=times(10, 200, 17), samples=times(4, 260, 10))
    sorter, _, eye = drive(world, 200)
    with_frames = [news for news in sorter.steps if news.frame is not None]
    taken = -1
    for news in sorter.steps:
        taken = max([taken, *(sample for sample in news.machine if isinstance(sample, int))])
        assert news.frame is None or taken >= news.frame.captured_ns
    assert eye.shown == [news.frame.seq for news in with_frames if news.frame]
    assert len(with_frames) >= 11


def test_a_frame_without_a_reading_is_given_after_thirty_milliseconds_and_waiting_does_not_spin() -> None:
    world = World(frames=times(5, 6, 1))
    sorter, _, _ = drive(world, 60)
    first = next(news for news in sorter.steps if news.frame is not None)
    assert first.now_ns == 1_035 * MS
    assert world.waits == 1


def test_commands_go_out_at_least_every_fifty_milliseconds_whatever_is_missing() -> None:
    world = World(frames=times(18, 400, 45))
    _, port, _ = drive(world, 600, tick_wait_ms=80)
    sent = [at for at, _ in port.commands]
    assert max(later - earlier for earlier, later in pairwise(sent)) <= 50 * MS


def test_a_silent_camera_is_told_after_a_hundred_and_fifty_milliseconds() -> None:
    world = World(frames=times(0, 100, 17))
    sorter, _, _ = drive(world, 700)
    silent = [news.now_ns for news in sorter.steps if "camera-silent" in codes(news)]
    assert 85 + 150 < silent[0] / MS - 1_000 < 85 + 150 + 45


def test_a_lost_camera_is_tried_again_ever_more_patiently_and_comes_back() -> None:
    world = World(frames=times(7_000, 7_500, 17), lost_from_ns=1_100 * MS, lost_until_ns=7_500 * MS)
    watch = CameraWatch(ListedCamera(world), WatchSettings(), aside=lambda task: task())
    watch.open(world.now_ns)
    got = []
    while world.now_ns < 9_000 * MS:
        got.append(watch.read(20, world.now_ns))
        if 1_200 * MS < world.now_ns < 7_500 * MS:
            assert [code for code, _ in watch.conditions(world.now_ns)] == ["camera-lost"]
        world.now_ns += 1 * MS
    tries = [(later - earlier) / MS for earlier, later in pairwise(world.opens[1:])]
    assert [round(gap, -2) for gap in tries[:2]] == [1000, 2000]
    assert (world.opens[1] - 1_100 * MS) / MS == pytest.approx(500, abs=60)
    assert any(frame is not None for frame in got)


def test_reopening_never_holds_up_the_steps() -> None:
    tasks: list[Callable[[], None]] = []
    world = World(lost_from_ns=0, lost_until_ns=1 << 62)
    watch = CameraWatch(ListedCamera(world), WatchSettings(), aside=tasks.append)
    watch.open(world.now_ns)
    for _ in range(2_000):
        world.now_ns += 10 * MS
        assert watch.read(20, world.now_ns) is None
    assert len(tasks) == 1


def test_frames_dropped_go_on_counting_over_a_reconnection() -> None:
    world = World()
    camera = ListedCamera(world, dropped=7)
    watch = CameraWatch(camera, WatchSettings(), aside=lambda task: task())
    watch.open(world.now_ns)
    world.lost_from_ns, world.lost_until_ns = world.now_ns, world.now_ns + 100 * MS
    watch.read(20, world.now_ns)
    camera.dropped = 0
    world.now_ns += 600 * MS
    watch.read(20, world.now_ns)
    watch.read(20, world.now_ns)
    camera.dropped = 2
    assert watch.dropped == 9


def test_a_command_the_reader_had_no_room_for_is_sent_later_in_order() -> None:
    world = World(frames=times(0, 200, 20), samples=times(1, 200, 2))
    port = SamplePort(world, room=2)

    def make_room(now_ns: int) -> None:
        if now_ns > 1_100 * MS:
            port.room = 1000

    drive(world, 200, port, make_room)
    assert len(port.commands) > 8
    assert [command for _, command in port.commands] == list(range(1, len(port.commands) + 1))


def test_a_vanished_control_process_ends_the_loop_and_memory_is_collected_again() -> None:
    world = World()
    port = SamplePort(world, gone_ns=1_200 * MS)
    drive(world, 10_000, port)
    assert world.now_ns < 1_300 * MS
    assert gc.isenabled()


def test_what_a_step_said_is_told_even_when_the_machines_side_goes_in_that_moment() -> None:
    world = World()
    told: list[object] = []

    class Leaving(SamplePort):
        def send(self, message: object) -> bool:
            if message == 3:
                raise ConnectionError("gone")
            return super().send(message)

    sorter, port, _ = drive(world, 1_000, Leaving(world), told.append)
    assert len(sorter.steps) == len(told) == 3
    assert [message for _, message in port.commands] == [1, 2]
