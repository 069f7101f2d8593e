"""The charts of a stretch of time: every one is strips side by side, each with one value for a slot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from control.types import Outcome
from station.marked import marked
from station.trends.book import Series, Slot, TrendBook
from station.trends.spans import Stretch
from station.trends.watch import BINS

Slots = Mapping[int, Slot]
_NOTHING = Slot(0.0, 0.0, 0.0, 0.0)


class Strip(NamedTuple):
    """``values`` are None where nothing is known."""

    name: str
    values: tuple[float | None, ...]


class Chart(NamedTuple):
    """``kind`` is bars or line. ``shares``: a slot is a tenth of the model's confidence, not a stretch of time."""

    id: str
    title: str
    unit: str
    kind: str
    shares: bool
    strips: tuple[Strip, ...]


class Names(NamedTuple):
    """How people call what the book calls by its id, in the order they are shown."""

    outlets: Mapping[str, str]
    classes: Mapping[str, str]


def charts(book: TrendBook, names: Names, stretch: Stretch) -> tuple[Chart, ...]:
    """All that there is something to show of. Raises sqlite3.Error."""

    def read(series: Series) -> dict[str, dict[int, Slot]]:
        return book.read(series, stretch.from_s, stretch.to_s, stretch.step_s)

    pieces, steps = read(Series.pieces), range(stretch.steps)
    work, slack, camera, valves = (read(each) for each in (Series.work, Series.slack, Series.camera, Series.valve))
    drawn = (
        Chart("pieces", marked("Pieces by outlet"), "", "bars", False, _outlets(pieces, names, steps, _pieces)),
        Chart("mass", marked("Mass by outlet, as estimated"), "kg", "bars", False, _outlets(pieces, names, steps, _kg)),
        Chart("doubt", marked("Share of pieces without a shot"), "%", "line", False, _doubt(pieces, steps)),
        Chart("work", marked("Work on a picture"), "ms", "line", False, _strips(work, steps, _WORK)),
        Chart("slack", marked("Time left before the shot"), "ms", "line", False, _strips(slack, steps, _SLACK)),
        Chart("camera", marked("Camera"), "", "line", False, _strips(camera, steps, _CAMERA)),
        Chart(
            "confidence", marked("How sure the model was, by class"), "", "bars", True, _sure(read(Series.sure), names)
        ),
        Chart("valves", marked("Response of the ejectors"), "ms", "line", False, _valves(valves, steps)),
    )
    return tuple(chart for chart in drawn if chart.strips)


def _pieces(slot: Slot) -> float:
    return slot.n


def _kg(slot: Slot) -> float:
    return round(slot.total, 3)


def _mean(slot: Slot) -> float:
    return round(slot.total / slot.n, 2)


_WORK = {"p50": (marked("median"), _mean), "p99": (marked("slowest of 100"), lambda slot: round(slot.most, 2))}
_SLACK = {"p50": (marked("median"), _mean), "p1": (marked("shortest of 100"), lambda slot: round(slot.least, 2))}
_CAMERA = {"light": (marked("Brightness, 0 to 255"), _mean), "sharpness": (marked("Sharpness"), _mean)}


def _outlets(
    pieces: Mapping[str, Slots], names: Names, steps: Sequence[int], value: Callable[[Slot], float]
) -> tuple[Strip, ...]:
    found = []
    for outlet, title in names.outlets.items():
        parts = [slots for key, slots in pieces.items() if key.partition("/")[0] == outlet]
        if parts:
            sums = (sum(value(slots.get(n, _NOTHING)) for slots in parts) for n in steps)
            found.append(Strip(title, tuple(round(each, 3) for each in sums)))
    return tuple(found)


def _doubt(pieces: Mapping[str, Slots], steps: Sequence[int]) -> tuple[Strip, ...]:
    def share(outcome: Outcome, n: int) -> float | None:
        whole = sum(slots.get(n, _NOTHING).n for slots in pieces.values())
        part = sum(slots.get(n, _NOTHING).n for key, slots in pieces.items() if key.partition("/")[2] == outcome)
        return round(100 * part / whole, 2) if whole else None

    words = {Outcome.unsure: marked("unsure"), Outcome.late: marked("late")}
    return tuple(Strip(word, tuple(share(each, n) for n in steps)) for each, word in words.items() if pieces)


def _sure(found: Mapping[str, Slots], names: Names) -> tuple[Strip, ...]:
    strips = []
    for label, title in names.classes.items():
        counted = tuple(_all(found.get(f"{label}/{n}", {}).values()) for n in range(BINS))
        if any(counted):
            strips.append(Strip(title, counted))
    return tuple(strips)


def _all(slots: Iterable[Slot]) -> float:
    return sum(slot.n for slot in slots)


def _strips(
    found: Mapping[str, Slots], steps: Sequence[int], wanted: Mapping[str, tuple[str, Callable[[Slot], float]]]
) -> tuple[Strip, ...]:
    return tuple(
        Strip(word, _values(found[key], steps, value)) for key, (word, value) in wanted.items() if key in found
    )


def _valves(found: Mapping[str, Slots], steps: Sequence[int]) -> tuple[Strip, ...]:
    named = ((marked("Output {n}").format(n=output), found[output]) for output in sorted(found, key=int))
    return tuple(Strip(name, _values(slots, steps, _mean)) for name, slots in named)


def _values(slots: Slots, steps: Sequence[int], value: Callable[[Slot], float]) -> tuple[float | None, ...]:
    return tuple(value(slots[n]) if n in slots else None for n in steps)
