"""A remote I/O coupler as the coil machine sees it: where it is, what hangs on it, and how its words are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control.coupler_map import CouplerMap, EncoderPlace
from control.modbus_wire import ModbusWire
from control.types import Identity

_MOST_WORDS = 100


@dataclass(frozen=True, slots=True)
class CoilSettings:
    """Where the coupler is and what hangs on it.

    ``expected`` is what the station reckons with; a coupler has no identity of ours. ``longest_on_ms`` is one limit per
    output: this process closes it ``watchdog_ms`` earlier, so that the limit holds even when this computer stands
    still. Interlock inputs are bit numbers from ``coupler.inputs_at`` on, None where nothing is wired (then it counts
    as safe); ``run_output`` None: the belt runs by itself. An edge that is more than ``late_ms`` late is not fired.
    ``latency_ms`` is how old a count is when the coupler tells it, as calibrated; what is seen to be older counts.
    """

    host: str
    port: int
    unit: int
    expected: Identity
    coupler: CouplerMap
    encoder: EncoderPlace
    longest_on_ms: tuple[float, ...]
    estop_input: int
    guard_input: int | None = None
    air_input: int | None = None
    run_output: int | None = None
    watchdog_ms: int = 100
    late_ms: float = 3.0
    timeout_ms: float = 60.0
    connect_timeout_ms: float = 800.0
    max_round_trip_ms: float = 20.0
    latency_ms: float = 0.0

    @property
    def where(self) -> str:
        """For complaints."""
        return f"{self.host}:{self.port}"

    @property
    def output_words(self) -> int:
        """Registers that hold all outputs, the one of the belt too."""
        return -(-max(self.expected.outputs, 0 if self.run_output is None else self.run_output + 1) // 16)


def input_block(settings: CoilSettings) -> tuple[int, int | None]:
    """How many input registers are read at once, and where in them the count is; None: it has a read of its own."""
    wired = (settings.estop_input, settings.guard_input, settings.air_input)
    words = max(bit for bit in wired if bit is not None) // 16 + 1
    word = settings.encoder.at - settings.coupler.inputs_at
    end = word + settings.expected.counter_bits // 16
    if settings.encoder.host is not None or not 0 <= word <= end <= _MOST_WORDS:
        return words, None
    return max(words, end), word


def joined(words: Sequence[int], *, high_word_first: bool = False) -> int:
    """One number of several registers."""
    ordered = reversed(words) if high_word_first else words
    return sum(word << 16 * n for n, word in enumerate(ordered))


def coupler_wire(settings: CoilSettings, now_ns: Callable[[], int]) -> ModbusWire:
    """The way to the coupler alone, not opened yet: for looking at it."""
    return _wire(settings, settings.host, settings.port, settings.unit, now_ns)


def encoder_wire(settings: CoilSettings, now_ns: Callable[[], int]) -> ModbusWire | None:
    """The way to an encoder on another device, not opened yet; None when it hangs on the coupler itself."""
    place = settings.encoder
    return None if place.host is None else _wire(settings, place.host, place.port, place.unit, now_ns)


def _wire(settings: CoilSettings, host: str, port: int, unit: int, now_ns: Callable[[], int]) -> ModbusWire:
    return ModbusWire(host, port, unit, settings.timeout_ms, settings.connect_timeout_ms, now_ns)
