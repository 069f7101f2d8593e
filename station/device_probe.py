"""What ``station machine probe`` says of a serial board or a coupler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from control.coil_settings import CoilSettings, coupler_wire
from control.serial_machine import SerialBoardSettings, SerialMachine


def look(settings: SerialBoardSettings | CoilSettings, now_ns: Callable[[], int], polls: int) -> Iterator[str]:
    """Lines for a person; raises MachineLost or MachineMismatch with a sentence.

    A board begins a new session and drops everything; a coupler is only read.
    """
    match settings:
        case SerialBoardSettings():
            yield from _board(settings, now_ns, polls)
        case CoilSettings():
            yield from _coupler(settings, now_ns, polls)


def _board(settings: SerialBoardSettings, now_ns: Callable[[], int], polls: int) -> Iterator[str]:
    with closing(SerialMachine(settings, now_ns)) as machine:
        version, outputs, bits, ticks = machine.open()
        yield f"The board at {settings.port} answers: protocol version {version}, {outputs} outputs, "
        yield f"{bits}-bit counter, {ticks:g} ticks per mm"
        trips: list[float] = []
        for _ in range(polls):
            asked_ns = now_ns()
            machine.beat(run=False, armed=False)
            sample = machine.sample()
            trips.append((now_ns() - asked_ns) / 1e6)
        estop_ok, guard_closed, air_ok = sample.interlocks
        yield _interlocks(estop_ok, guard_closed, air_ok, sample.encoder_count)
        yield f"{_trip(trips)}, damaged frames {machine.health().share:.2%}"


def _coupler(settings: CoilSettings, now_ns: Callable[[], int], polls: int) -> Iterator[str]:
    made, watchdog = settings.coupler, settings.coupler.watchdog
    with closing(coupler_wire(settings, now_ns)) as wire:
        wire.connect()
        trips: list[float] = []
        for _ in range(polls):
            asked_ns = now_ns()
            inputs = wire.read(made.inputs_at, 1, "the inputs")[0]
            trips.append((now_ns() - asked_ns) / 1e6)
        outputs = wire.read(made.outputs_at, 1, "the outputs")[0]
        time_ms = wire.read(watchdog.time_at, 1, "the watchdog's time")[0]
        yield f"{made.name} at {wire.where} answers; a coupler has no identity of ours"
        yield f"inputs 0 to 15: {inputs:016b} (the lowest is on the right), outputs 0 to 15: {outputs:016b}"
        yield f"watchdog {time_ms} ms, the station sets {settings.watchdog_ms} ms when it connects"
        yield _trip(trips)


def _interlocks(estop_ok: bool, guard_closed: bool, air_ok: bool, count: int) -> str:
    return (
        f"Emergency stop {'healthy' if estop_ok else 'PRESSED'}, guards {'closed' if guard_closed else 'OPEN'}, "
        f"air {'there' if air_ok else 'MISSING'}; encoder count {count}"
    )


def _trip(trips_ms: list[float]) -> str:
    ordered = sorted(trips_ms)
    p50, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99))
    return f"Round trip: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {ordered[-1]:.2f} ms"
