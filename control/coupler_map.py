"""Where the registers of a remote I/O coupler are; filled from the files in ``configs/devices``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WatchdogMap:
    """The coupler's own watchdog, which switches its outputs off when nobody speaks to it.

    ``time_at`` holds milliseconds in ``time_words`` registers, low word first. ``reset`` are (register, value) writes
    that bring it back after it has fallen and let its time be written, ``also`` are further settings. ``is_fallen``
    is (register, bit mask) that shows it has fallen, None where nothing shows it. ``needs_writes``: only writing keeps
    it quiet, reading does not.
    """

    time_at: int
    time_words: int = 1
    reset: tuple[tuple[int, int], ...] = ()
    also: tuple[tuple[int, int], ...] = ()
    is_fallen: tuple[int, int] | None = None
    needs_writes: bool = True


@dataclass(frozen=True, slots=True)
class CouplerMap:
    """Holding registers, zero-based. Output n is bit n % 16 of register ``outputs_at`` + n // 16; inputs likewise."""

    name: str
    outputs_at: int
    inputs_at: int
    watchdog: WatchdogMap


@dataclass(frozen=True, slots=True)
class EncoderPlace:
    """Registers of the encoder count: one of 16 bits or two. ``host`` None: on the coupler itself."""

    at: int
    high_word_first: bool = False
    host: str | None = None
    port: int = 502
    unit: int = 1
