"""A plant with nothing but plain outputs: this process counts along and fires by itself, through a remote I/O coupler.

The coupler has no job ring. The control process extrapolates the encoder between two readings, sleeps until an edge is
due less the measured latency of a write, and writes the whole output image in one frame. It is milliseconds late when
the computer or the network is; ``errors`` says honestly by how much. The coupler's own watchdog closes everything when
this process dies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from control.coil_settings import CoilSettings, coupler_wire, encoder_wire, input_block, joined
from control.count_line import CountLine
from control.coupler_watchdog import arm_watchdog, has_fallen
from control.lateness import ErrorCurve, Lateness
from control.modbus_answers import LineHealth, Wire
from control.sample_age import AgeAllowance
from control.shot_queue import Shot, ShotQueue
from control.types import (
    Identity,
    Interlocks,
    Job,
    MachineLost,
    MachineSample,
    OtherMaster,
    ShotReport,
    ShotResult,
)

_BEAT_LIMIT_NS = 200_000_000
_STALE_NS = 60_000_000
_LEAD_STEP_NS = 500_000
_LEAD_MOST_NS = 5_000_000
_LEAD_SHARE = 16
_TOGETHER_NS = 100_000


class CoilMachine:
    """A ``Machine`` that also wants to be served between two polls (``serve``). Not safe for threads."""

    def __init__(self, settings: CoilSettings, now_ns: Callable[[], int], wire: Wire | None = None) -> None:
        """``wire`` None speaks Modbus TCP with the coupler."""
        self._settings = settings
        self._now_ns = now_ns
        self._wire: Wire = coupler_wire(settings, now_ns) if wire is None else wire
        self._encoder_wire: Wire = encoder_wire(settings, now_ns) or self._wire
        self._words = settings.output_words
        self._input_words, self._encoder_word = input_block(settings)
        self._lateness = Lateness()
        self._age = AgeAllowance(settings.expected.counter_bits, settings.latency_ms)
        self._lead_ns = 0
        self._begin()

    def open(self) -> Identity:
        """Connect, arm the coupler's watchdog and read it back, switch everything off and see that it is."""
        self._begin()
        self._wire.connect()
        if self._encoder_wire is not self._wire:
            self._encoder_wire.connect()
        arm_watchdog(self._wire, self._settings)
        begun_ns = self._now_ns()
        self._write(0)
        self._lead_ns = (self._now_ns() - begun_ns) // 2
        self._read_back()
        return self._settings.expected

    def sample(self) -> MachineSample:
        """Read inputs and encoder, see that the outputs are as they were written, and do what is due."""
        count, read_ns, doubt_ns, self._interlocks = self._read_inputs()
        taken_ns = self._age.place_count(count, read_ns, doubt_ns)
        self._line.add(count, taken_ns)
        self._follow()
        self.serve()
        outputs = self._read_back()
        self._feed_watchdog()
        reports = tuple(self._reports)
        self._reports.clear()
        return MachineSample(count, taken_ns, self._interlocks, self._run, self._armed, reports, doubt_ns, outputs)

    def serve(self) -> int | None:
        """Switch what is due now; the instant at which to be called again, None when nothing waits.

        Raises MachineLost.
        """
        self._follow()
        now_ns = self._now_ns() + self._lead_ns + _TOGETHER_NS
        shots, late = self._queue.step(now_ns, self._line.at(now_ns), self._late_limit(now_ns))
        self._reports += late
        if self._image() != self._written:
            acted_ns = self._write(self._image())
            for shot in shots:
                self._book(shot, acted_ns)
        else:
            self._reports += [self._fired(shot, now_ns) for shot in shots]
        return self._next_ns()

    def arm(self, jobs: Sequence[Job]) -> None:
        """Queue the jobs; what cannot be done has its report with the next sample."""
        count = self._line.at(self._now_ns())
        for job in jobs:
            refused = self._queue.add(job, count) if self._armed else ShotReport(job.id, ShotResult.ignored, count)
            self._reports += [] if refused is None else [refused]
        self.serve()

    def beat(self, *, run: bool, armed: bool) -> None:
        """State the requests; without a beat for 200 ms everything is dropped."""
        self._beaten_ns = self._now_ns()
        self._wants = (run, armed)
        self._follow()
        self._feed_watchdog()

    def safe(self) -> None:
        """Everything off, now."""
        self._wants = (False, False)
        self._follow()
        self._write(0)

    def close(self) -> None:
        """Let go of the connections; the coupler's own watchdog closes what is still on."""
        self._wire.close()
        if self._encoder_wire is not self._wire:
            self._encoder_wire.close()

    def errors(self) -> ErrorCurve:
        """How far from their counts the shots were fired since this machine was made, as measured here."""
        return self._lateness.curve()

    def health(self) -> LineHealth:
        """How well the line to the coupler carries, since this machine was made."""
        return self._wire.health()

    def _begin(self) -> None:
        settings = self._settings
        limits = [max(1, round((ms - settings.watchdog_ms) * 1e6)) for ms in settings.longest_on_ms]
        self._queue = ShotQueue(settings.expected.counter_bits, limits)
        self._line = CountLine(settings.expected.counter_bits)
        self._reports: list[ShotReport] = []
        self._interlocks = Interlocks(estop_ok=False, guard_closed=False, air_ok=False)
        self._run = self._armed = False
        self._wants = (False, False)
        self._asked = (True, True)
        self._beaten_ns = 0
        self._written = 0
        self._written_ns = 0

    def _follow(self) -> None:
        """A request is granted when it rises, kept while it stands, and lost with the beat or an interlock."""
        is_fresh = self._now_ns() - self._beaten_ns <= _BEAT_LIMIT_NS
        if is_fresh and self._interlocks.estop_ok and self._interlocks.guard_closed:
            run, armed = self._wants
            self._run = run and (self._run or not self._asked[0])
            self._armed = armed and (self._armed or not self._asked[1])
            self._asked = self._wants
        else:
            self._run = self._armed = False
            self._asked = (True, True)
        if not self._armed:
            self._reports += self._queue.drop(self._line.at(self._now_ns()))

    def _feed_watchdog(self) -> None:
        """Write again what stands, before the coupler takes our silence for our death."""
        if self._now_ns() - self._written_ns > self._settings.watchdog_ms * 1_000_000 // 4:
            self._write(self._image())

    def _late_limit(self, now_ns: int) -> int:
        """In counts at the present speed; below 0 when the last reading is too old to go by."""
        is_stale = now_ns - self._line.read_ns >= _STALE_NS
        return -1 if is_stale else round(self._settings.late_ms * 1e6 * self._line.counts_per_ns)

    def _image(self) -> int:
        """The output image as a mask."""
        run = self._settings.run_output
        return self._queue.outputs | (1 << run if self._run and run is not None else 0)

    def _write(self, image: int) -> int:
        """The whole image in one frame; the middle of its round trip."""
        words = [image >> 16 * n & 0xFFFF for n in range(self._words)]
        asked_ns = self._now_ns()
        self._wire.write(self._settings.coupler.outputs_at, words, "the outputs")
        self._written, self._written_ns = image, asked_ns
        return (asked_ns + self._now_ns()) // 2

    def _book(self, shot: Shot, acted_ns: int) -> None:
        """A shot's report, its error, and what the error teaches about the latency."""
        report = self._fired(shot, acted_ns)
        off_counts = self._queue.ahead(report.encoder_count, shot.job.open_count)
        self._reports.append(report)
        rate = self._line.counts_per_ns
        if rate > 0:
            off_ns = off_counts / rate
            self._lateness.add(off_ns / 1e6, off_counts / self._settings.expected.ticks_per_mm)
            step = max(-_LEAD_STEP_NS, min(_LEAD_STEP_NS, round(off_ns)))
            self._lead_ns = max(0, min(_LEAD_MOST_NS, self._lead_ns + step // _LEAD_SHARE))

    def _fired(self, shot: Shot, acted_ns: int) -> ShotReport:
        return ShotReport(shot.job.id, ShotResult.fired, self._line.at(acted_ns))

    def _next_ns(self) -> int | None:
        now_ns = self._now_ns()
        due_ns = self._queue.next_ns(now_ns, self._line.at(now_ns), self._line.counts_per_ns)
        return None if due_ns is None else due_ns - self._lead_ns

    def _read_inputs(self) -> tuple[int, int, int, Interlocks]:
        """(count, its instant, the doubt in it, interlocks); the instant is the middle of the encoder's round trip."""
        settings = self._settings
        words = self._input_words
        begun_ns = self._now_ns()
        images = self._wire.read(settings.coupler.inputs_at, words, "the inputs")
        asked_ns = self._now_ns() if self._encoder_word is None else begun_ns
        width = settings.expected.counter_bits // 16
        if self._encoder_word is None:
            raw = self._encoder_wire.read(settings.encoder.at, width, "the encoder")
        else:
            raw = images[self._encoder_word : self._encoder_word + width]
        answered_ns = self._now_ns()
        if answered_ns - asked_ns > settings.max_round_trip_ms * 1e6:
            self._lose(
                f"answers too slowly: {(answered_ns - asked_ns) / 1e6:.0f} ms. Check the network for other traffic."
            )
        count = joined(raw, high_word_first=settings.encoder.high_word_first)
        wired = (settings.estop_input, settings.guard_input, settings.air_input)
        safe = (bit is None or bool(images[bit // 16] >> bit % 16 & 1) for bit in wired)
        return count, (asked_ns + answered_ns) // 2, (answered_ns - asked_ns) // 2, Interlocks(*safe)

    def _read_back(self) -> int:
        """The coupler's own image of its outputs; another than ours is a fallen watchdog or a second master."""
        seen = joined(self._wire.read(self._settings.coupler.outputs_at, self._words, "the outputs"))
        if seen == self._written:
            return seen & (1 << self._settings.expected.outputs) - 1
        if has_fallen(self._wire, self._settings):
            self._lose(
                "had its watchdog fall: it heard nothing for too long. Check the network and this computer's load."
            )
        if seen & ~self._written:
            self.close()
            raise OtherMaster(
                f"The coupler at {self._settings.where} shows outputs {seen:#x} where {self._written:#x} was written: "
                "another master writes to it. Find that program and stop it."
            )
        self._lose(
            f"shows outputs {seen:#x} where {self._written:#x} was written: its watchdog has closed them, or another "
            "master writes to it. Check the network and this computer's load."
        )

    def _lose(self, what: str) -> NoReturn:
        self.close()
        raise MachineLost(f"The coupler at {self._settings.where} {what}")
