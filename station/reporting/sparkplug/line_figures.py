"""The metrics of a sorting line: what stands in births and data, with names that hosts show as folders."""

from __future__ import annotations

from collections.abc import Iterator

from station.reporting.line_now import About, LineNow
from station.reporting.sparkplug.edge_node import Figure, Snapshot
from station.reporting.sparkplug.payload import Datatype, Value

DEVICE = "line"
Named = tuple[str, Figure]


def snapshot_of(about: About, now: LineNow | None) -> Snapshot:
    """``now`` None: there is a node, but no line yet."""
    node = dict(
        (
            _text("Properties/Station", about.name),
            _text("Properties/Software", about.software),
            _flag("Properties/Is simulated", about.is_simulated),
        )
    )
    return Snapshot(node, {} if now is None else {DEVICE: dict(_line(about, now))})


def _line(about: About, now: LineNow) -> Iterator[Named]:
    yield _flag("Properties/Is simulated", about.is_simulated)
    yield _text("Properties/Model", about.model)
    yield _text("Properties/Calibration", about.calibration)
    yield _text("Properties/Recipe", now.recipe)
    yield _text("State/Name", now.state.value)
    yield _whole("State/PackML", now.packml)
    yield _text("State/Sentence", now.sentence)
    yield _text("State/Faults", ",".join(now.faults))
    yield _real("Rates/Belt speed mm per s", now.speed_mm_s)
    yield _real("Rates/Pieces per min", now.pieces_per_min)
    yield _count("Outbox/Rows waiting", now.backlog.waiting)
    yield _count("Outbox/Rows in quarantine", now.backlog.quarantined)
    yield from _counters(about, now)
    yield from _valves(about, now)


def _counters(about: About, now: LineNow) -> Iterator[Named]:
    """Every class and outlet from the first birth on, so that a first piece asks for no other birth."""
    yield _text("Counters/Epoch", now.totals.epoch)
    yield _count("Counters/Pieces", now.totals.pieces)
    found = {(row.class_id, row.outlet): row for row in now.totals.rows}
    grid = {(label, outlet) for label in about.labels for outlet in about.outlets}
    for class_id, outlet in sorted(grid | found.keys()):
        row = found.get((class_id, outlet))
        place = f"Counters/{class_id}/{outlet}"
        yield _count(f"{place}/Pieces", 0 if row is None else row.pieces)
        yield _count(f"{place}/Grams", 0 if row is None else row.grams)


def _valves(about: About, now: LineNow) -> Iterator[Named]:
    """Openings over the valve's life; health as known in this run."""
    known = {valve.output: valve for valve in now.valves}
    yield _count("Valves/Dead", sum(valve.is_dead for valve in now.valves))
    yield _count("Valves/Slow", sum(valve.is_slow for valve in now.valves))
    for output in sorted({*about.outputs, *known, *now.openings}):
        valve = known.get(output)
        response = None if valve is None or valve.response_ms is None else round(valve.response_ms, 1)
        yield _count(f"Valves/{output}/Openings", now.openings.get(output, 0))
        yield _real(f"Valves/{output}/Response ms", response)
        yield _flag(f"Valves/{output}/Is dead", None if valve is None else valve.is_dead)


def _text(name: str, value: Value) -> Named:
    return name, Figure(Datatype.string, value)


def _flag(name: str, value: Value) -> Named:
    return name, Figure(Datatype.boolean, value)


def _real(name: str, value: Value) -> Named:
    return name, Figure(Datatype.double, value)


def _whole(name: str, value: Value) -> Named:
    return name, Figure(Datatype.int64, value)


def _count(name: str, value: Value) -> Named:
    return name, Figure(Datatype.uint64, value)
