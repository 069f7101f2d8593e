"""The recorder process: steps from vision, pictures out of shared memory, files out, news to the station.

It ends when the station closes its links; what was on its way is written before.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

from station.link import Link
from station.recording.press import Press
from station.recording.recorder import Recorder
from station.recording.settings import Frames, KeepThis, RecorderSetup
from station.recording.tap import StepMade

_NICENESS = 5
_TURN_S = 0.05
_NEWS_NS = 1_000_000_000


def recorder_main(setup: RecorderSetup, steps: Link, station: Link) -> None:
    """Until ``station`` is closed; then whatever ``steps`` still holds is taken."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(_NICENESS)
    is_off = setup.settings.frames is Frames.off or setup.pictures is None
    press = None if is_off or setup.pictures is None else Press(setup.pictures, setup.settings)
    recorder = Recorder(setup)
    loop = _Loop(recorder, press, steps, station, setup)
    try:
        with suppress(ConnectionError):
            while True:
                loop.turn()
    finally:
        loop.drain()
        if press is not None:
            press.close()
            loop.take_frames()
        recorder.close()
        loop.say_news()


class _Loop:
    def __init__(
        self, recorder: Recorder, press: Press | None, steps: Link, station: Link, setup: RecorderSetup
    ) -> None:
        self._recorder = recorder
        self._press = press
        self._steps = steps
        self._station = station
        self._settings = setup.settings
        self._said_ns = 0
        self._searched = 0
        self._has_more = False

    def turn(self) -> None:
        """Take what came, write a bit; raises ConnectionError when the station is gone."""
        ports = [self._steps.fileno(), self._station.fileno()]
        select.select(ports, [], [], 0 if self._has_more else _TURN_S)
        for message in self._station.receive():
            if isinstance(message, KeepThis):
                self._recorder.keep_this("keep-this")
        self.drain()
        self.take_frames()
        self._has_more = self._recorder.work()
        now_ns = time.monotonic_ns()  # noqa: TID251 - a process loop
        if now_ns - self._said_ns >= _NEWS_NS:
            self._said_ns = now_ns
            self._recorder.look_after()
            self.say_news()

    def drain(self) -> None:
        """Everything the tap told by now."""
        with suppress(ConnectionError):
            for batch in self._steps.receive():
                if isinstance(batch, tuple):
                    for told in batch:
                        self._recorder.take(told)
                        if isinstance(told, StepMade):
                            self._ask_frame(told)

    def take_frames(self) -> None:
        for frame in [] if self._press is None else self._press.take():
            self._recorder.take_frame(frame)

    def say_news(self) -> None:
        with suppress(ConnectionError):
            self._station.send(self._recorder.news(0 if self._press is None else self._press.missed))

    def _ask_frame(self, made: StepMade) -> None:
        """Of the pictures that were searched every nth."""
        if self._press is None or made.inputs.frame is None:
            return
        if self._settings.unsearched or made.answers.found is not None:
            self._searched += 1
            if self._searched % self._settings.nth == 0:
                self._press.ask(made.inputs.frame)
