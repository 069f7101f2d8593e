"""A remote I/O coupler: outputs, inputs, a counter, and the watchdog that closes the outputs when nobody speaks.

Pure of clocks and sockets; ``hil.coupler_process`` gives it both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from control.coupler_map import CouplerMap, EncoderPlace
from hil.drive import Belt
from hil.interlocks import ALL_SAFE, suffered
from hil.types import BeltMotion, Mishap, MishapName, ValveEvent


@dataclass(frozen=True, slots=True)
class CouplerSettings:
    """What hangs on the coupler. ``first_watchdog_ms`` is what its time register holds when it is switched on."""

    coupler: CouplerMap
    encoder: EncoderPlace
    counter_bits: int
    outputs: int
    run_output: int
    interlock_inputs: tuple[int, int, int]
    first_watchdog_ms: int = 1000
    restart_count: int = 0


class Coupler:
    """Registers by address; every verb takes the instant."""

    def __init__(self, settings: CouplerSettings, belt: Belt, publish: Callable[[BeltMotion], None]) -> None:
        self._settings = settings
        self._belt = belt
        self._publish = publish
        self._interlocks = ALL_SAFE
        self._image = 0
        self._fed_ns: int | None = None
        self._start()

    def advance(self, now_ns: int) -> tuple[ValveEvent, ...]:
        """Move the belt, and let the watchdog fall at its own instant; the outputs that switched."""
        events: tuple[ValveEvent, ...] = ()
        falls_ns = self._falls_ns()
        if falls_ns is not None and falls_ns <= now_ns:
            self._move(max(falls_ns, self._belt.motion.t_ns))
            self._fallen = bool(self._settings.coupler.watchdog.reset)
            self._fed_ns = None
            events = self._switch(0)
        self._move(now_ns)
        return events

    def read(self, address: int, count: int, now_ns: int) -> list[int]:
        """Holding registers as they are now."""
        if not self._settings.coupler.watchdog.needs_writes and self._fed_ns is not None:
            self._fed_ns = now_ns
        return [self._register(at, now_ns) for at in range(address, address + count)]

    def write(self, address: int, values: list[int], now_ns: int) -> tuple[ValveEvent, ...] | None:
        """Write registers; the outputs that switched, None when they are not to be written."""
        events: tuple[ValveEvent, ...] = ()
        for at, value in enumerate(values, address):
            if not self._may_write(at):
                return None
            self._memory[at] = value
            self._mind_reset(at, value)
        outputs_at, words = self._settings.coupler.outputs_at, self._words()
        if address < outputs_at + words and address + len(values) > outputs_at and not self._fallen:
            self._fed_ns = now_ns
            image = sum(self._memory.get(outputs_at + n, 0) << 16 * n for n in range(words))
            events = self._switch(image)
        return events

    def suffer(self, mishap: Mishap, now_ns: int) -> tuple[ValveEvent, ...]:
        """Begin or end a mishap that happens to the machine; others are ignored."""
        self._interlocks = suffered(self._interlocks, mishap)
        match mishap.name:
            case MishapName.encoder_stuck:
                self._belt.stick(stuck=mishap.on)
            case MishapName.restart if mishap.on:
                self._belt.recount(self._settings.restart_count)
                return self.outputs_off(now_ns)
        return ()

    def outputs_off(self, now_ns: int) -> tuple[ValveEvent, ...]:
        """Its supply fails: everything off, memory as after power-up."""
        self._move(now_ns)
        events = self._switch(0)
        self._start()
        return events

    def _start(self) -> None:
        watchdog = self._settings.coupler.watchdog
        self._memory: dict[int, int] = {}
        for n in range(watchdog.time_words):
            self._memory[watchdog.time_at + n] = self._settings.first_watchdog_ms >> 16 * n & 0xFFFF
        self._fed_ns = None  # runs from the first write to an output on
        self._fallen = False
        self._resets: list[tuple[int, int]] = []

    def _move(self, now_ns: int) -> None:
        """The run output is a wire to the drive."""
        run = bool(self._image >> self._settings.run_output & 1)
        safe = self._interlocks.estop_ok and self._interlocks.guard_closed
        self._publish(self._belt.advance(now_ns, run=run and safe))

    def _register(self, at: int, now_ns: int) -> int:
        settings = self._settings
        word = at - settings.encoder.at
        if settings.encoder.host is None and 0 <= word < settings.counter_bits // 16:
            width = settings.counter_bits // 16
            n = width - 1 - word if settings.encoder.high_word_first else word
            return self._belt.count(now_ns) >> 16 * n & 0xFFFF
        word = at - settings.coupler.inputs_at
        if 0 <= word <= max(settings.interlock_inputs) // 16:
            bits = zip(settings.interlock_inputs, self._interlocks, strict=True)
            return sum(1 << bit % 16 for bit, safe in bits if safe and bit // 16 == word)
        if 0 <= at - settings.coupler.outputs_at < self._words():
            return self._image >> 16 * (at - settings.coupler.outputs_at) & 0xFFFF
        fallen = settings.coupler.watchdog.is_fallen
        if fallen is not None and at == fallen[0]:
            return fallen[1] if self._fallen else 0
        return self._memory.get(at, 0)

    def _may_write(self, at: int) -> bool:
        """A watchdog that runs does not let its time be changed where it must be reset for that."""
        watchdog = self._settings.coupler.watchdog
        is_time = 0 <= at - watchdog.time_at < watchdog.time_words
        return not (is_time and watchdog.reset and self._fed_ns is not None)

    def _mind_reset(self, at: int, value: int) -> None:
        """The whole sequence, in its order, brings a fallen watchdog back and stops a running one."""
        sequence = list(self._settings.coupler.watchdog.reset)
        self._resets = [*self._resets, (at, value)][-len(sequence) :] if sequence else []
        if sequence and self._resets == sequence:
            self._fallen = False
            self._fed_ns = None

    def _falls_ns(self) -> int | None:
        """When the watchdog falls; None while it is not running."""
        watchdog = self._settings.coupler.watchdog
        time_ms = sum(self._memory[watchdog.time_at + n] << 16 * n for n in range(watchdog.time_words))
        return None if self._fed_ns is None or time_ms == 0 else self._fed_ns + time_ms * 1_000_000

    def _words(self) -> int:
        return -(-max(self._settings.outputs, self._settings.run_output + 1) // 16)

    def _switch(self, image: int) -> tuple[ValveEvent, ...]:
        changed = (image ^ self._image) & ~(1 << self._settings.run_output)
        self._image = image
        motion = self._belt.motion
        return tuple(
            ValveEvent(n, bool(image >> n & 1), motion.t_ns, motion.pos_mm, motion.speed_mm_s)
            for n in range(changed.bit_length())
            if changed >> n & 1
        )
