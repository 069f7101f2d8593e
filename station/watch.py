"""The watch: what the sorter's inputs say is wrong at this moment, as fault codes with details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from control.belt import BeltNews, BeltTrouble
from control.types import MachineDown, MachineSample
from station.types import Inputs

_SAMPLE_LIMIT_NS = 300_000_000
_STUCK_LIMIT_NS = 300_000_000
_COMPARED_NS = 1_000_000_000
_COASTING_NS = 4_000_000_000
_STANDING_TICKS = 20
_DROPPED_WINDOW_NS = 10_000_000_000
_DROPPED_LIMIT = 0.01
_UNPLACED_WINDOW_NS = 2_000_000_000
_TROUBLES: Mapping[BeltTrouble, dict[str, str]] = {
    BeltTrouble.jump: {"encoder-jump": ""},
    BeltTrouble.reversed: {"encoder-reversed": ""},
    BeltTrouble.disorder: {"encoder-jump": "readings out of order"},
}


class FrameCounts(NamedTuple):
    """Frames captured, dropped before anyone read them, and without a place on the belt, since the start."""

    frames: int = 0
    dropped: int = 0
    unplaced: int = 0


class Watch:
    """Told everything the sorter is told; it judges, the sorter acts."""

    def __init__(self) -> None:
        self.sample: MachineSample | None = None
        self.counts = FrameCounts()
        self._down: MachineDown | None = None
        self._down_is_news = False
        self._encoder: dict[str, str] = {}
        self._tick = 0
        self._moved_ns = 0
        self._signal: bool | None = None
        self._signal_ns = 0
        self._mark = (0, 0)
        self._disagreement: dict[str, str] = {}
        self._window = (0, FrameCounts())
        self._dropping: dict[str, str] = {}
        self._unplaced_ns = -_UNPLACED_WINDOW_NS

    def hear_down(self, down: MachineDown, *, lost: bool) -> None:
        """The machine cannot be used; when it is ``lost``, its last sample is worth nothing."""
        self._down, self._down_is_news = down, True
        if lost:
            self.sample = None

    def hear_sample(self, sample: MachineSample, news: BeltNews) -> None:
        """The machine answers; ``news`` is what the belt made of the count."""
        if not self._down_is_news:
            self._down = None
        self.sample = sample
        self._encoder = {} if news.trouble is None else _TROUBLES[news.trouble]
        if news.tick != self._tick or not sample.running:
            self._moved_ns = sample.taken_ns
        self._compare(sample, news)
        self._tick = news.tick

    def _compare(self, sample: MachineSample, news: BeltNews) -> None:
        """The drive's own signal against the count, second by second; a drive that is switched off coasts at first."""
        if sample.belt_moving is None or sample.belt_moving is not self._signal:
            self._signal, self._signal_ns = sample.belt_moving, sample.taken_ns
            self._mark, self._disagreement = (news.tick, sample.taken_ns), {}
            return
        if not sample.belt_moving and sample.taken_ns - self._signal_ns < _COASTING_NS:
            self._mark = news.tick, sample.taken_ns
        tick, since_ns = self._mark
        if sample.taken_ns - since_ns < _COMPARED_NS:
            return
        ran = abs(news.tick - tick)
        words = f"drive {'runs' if sample.belt_moving else 'stands'}, encoder counted {ran} in a second"
        self._disagreement = {} if (ran > _STANDING_TICKS) is sample.belt_moving else {"encoder-disagrees": words}
        self._mark = news.tick, sample.taken_ns

    def count_frames(self, inputs: Inputs) -> None:
        """Totals, and after every window whether too many frames were dropped in it."""
        frames = self.counts.frames + (inputs.frame is not None) + inputs.frames_dropped
        self.counts = self.counts._replace(frames=frames, dropped=self.counts.dropped + inputs.frames_dropped)
        since_ns, then = self._window
        if inputs.now_ns - since_ns < _DROPPED_WINDOW_NS:
            return
        seen, dropped = frames - then.frames, self.counts.dropped - then.dropped
        self._dropping = {"frames-dropped": f"{dropped} of {seen} pictures"} if dropped > _DROPPED_LIMIT * seen else {}
        self._window = (inputs.now_ns, self.counts)

    def count_unplaced(self, now_ns: int) -> None:
        """A frame could not be placed between two encoder readings."""
        self.counts = self.counts._replace(unplaced=self.counts.unplaced + 1)
        self._unplaced_ns = now_ns

    def conditions(self, inputs: Inputs) -> dict[str, str]:
        """Fault code -> detail, all that is wrong now.

        A machine that was down for a moment between two steps was down in this one.
        """
        found = (
            dict(inputs.conditions) | self._encoder | self._disagreement | self._dropping | self._machine(inputs.now_ns)
        )
        if inputs.now_ns - self._unplaced_ns < _UNPLACED_WINDOW_NS:
            found["frames-unplaced"] = f"{self.counts.unplaced} since the start"
        self._down_is_news = False
        return found

    def _machine(self, now_ns: int) -> dict[str, str]:
        if self._down is not None:
            return {self._down.code: self._down.detail}
        sample = self.sample
        if sample is None:
            return {}
        locks = sample.interlocks
        stuck = sample.taken_ns - self._moved_ns > _STUCK_LIMIT_NS
        judged = (
            ("machine-lost", now_ns - sample.taken_ns > _SAMPLE_LIMIT_NS, "no reading for 0.3 s"),
            ("estop", not locks.estop_ok, ""),
            ("guard-open", not locks.guard_closed, ""),
            ("air-low", not locks.air_ok, ""),
            ("encoder-stuck", stuck, f"count stays {sample.encoder_count}"),
        )
        return {code: detail for code, wrong, detail in judged if wrong}
