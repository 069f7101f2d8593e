"""What a batch report says in figures: composition, outlets with purity, mass balance, avoided emissions. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from control.types import Outcome
from station.reporting.batch_reader import BatchRecords, Kg, Total, mass_of
from station.reporting.batches import Balance
from station.reporting.emissions import Avoided, KgRange, OutletClass, avoided
from station.reporting.estimates import Recovery, Share, purity, recovery, share
from station.reporting.factors import FullCodebook
from station.reporting.yard_words import HandSample


class ClassLine(NamedTuple):
    """One class in the whole batch, as the camera saw it; ``share`` is of the pieces."""

    class_id: str
    pieces: int
    share: Share
    mass: Kg


class OutletLine(NamedTuple):
    """One outlet. ``purity`` None: no piece was looked at by hand; ``is_product`` False: residue, hazards."""

    outlet: str
    pieces: int
    mass: Kg
    weighed: Kg | None
    is_product: bool
    purity: Share | None
    recovery: Recovery | None
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchSums:
    pieces: int
    degraded_pieces: int
    mass: Kg
    classes: tuple[ClassLine, ...]
    outlets: tuple[OutletLine, ...]
    balance: Balance
    avoided: Avoided


def sum_batch(
    records: BatchRecords,
    drawn: Balance,
    samples: Sequence[HandSample],
    accepted: Mapping[str, frozenset[str]],
    book: FullCodebook,
) -> BatchSums:
    """``drawn``: the balance of the same batch. ``accepted``: by outlet the classes that belong there by the recipe."""
    totals = records.totals
    pieces = sum(each.pieces for each in totals)
    outlets = _outlets(records, samples, accepted, book)
    products = {line.outlet: line.purity for line in outlets if line.is_product}
    return BatchSums(
        pieces=pieces,
        degraded_pieces=sum(each.degraded for each in totals),
        mass=mass_of(totals),
        classes=_classes(totals, pieces),
        outlets=outlets,
        balance=drawn,
        avoided=avoided(
            _masses(totals), products, {entry.id: entry.factor for entry in book.entries.values()}
        ),
    )  # fmt: skip


def _classes(totals: Sequence[Total], pieces: int) -> tuple[ClassLine, ...]:
    by_class: dict[str, list[Total]] = defaultdict(list)
    for each in totals:
        by_class[each.reported_class].append(each)
    lines = [_class_line(class_id, found, pieces) for class_id, found in by_class.items()]
    return tuple(sorted(lines, key=lambda line: (-line.mass.kg, -line.pieces, line.class_id)))


def _class_line(class_id: str, found: Sequence[Total], pieces: int) -> ClassLine:
    own = sum(each.pieces for each in found)
    return ClassLine(class_id, own, share(own, pieces), mass_of(found))


def _outlets(
    records: BatchRecords, samples: Sequence[HandSample], accepted: Mapping[str, frozenset[str]], book: FullCodebook
) -> tuple[OutletLine, ...]:
    by_outlet: dict[str, list[Total]] = defaultdict(list)
    for each in records.totals:
        by_outlet[each.outlet].append(each)
    filled = {outlet: sum(each.pieces for each in found) for outlet, found in by_outlet.items()}
    seen = {outlet: _added(sample.pieces for sample in samples if sample.outlet == outlet) for outlet in filled}
    lines = []
    for outlet, found in by_outlet.items():
        belongs = accepted.get(outlet, frozenset())
        is_product = bool(belongs) and all(book.entries[label].is_product for label in belongs)
        lines.append(
            OutletLine(
                outlet=outlet,
                pieces=filled[outlet],
                mass=mass_of(found),
                weighed=records.weighed.get(outlet),
                is_product=is_product,
                purity=purity([seen[outlet]], belongs) if belongs else None,
                recovery=recovery(filled, seen, outlet, belongs) if is_product else None,
                methods=tuple(dict.fromkeys(each.method.value for each in samples if each.outlet == outlet)),
            )
        )
    return tuple(sorted(lines, key=lambda line: (not line.is_product, -line.mass.kg)))


def _added(samples: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added: dict[str, int] = defaultdict(int)
    for sample in samples:
        for label, pieces in sample.items():
            added[label] += pieces
    return dict(added)


def _masses(totals: Sequence[Total]) -> list[OutletClass]:
    """What was ejected, by outlet and class, as ranges."""
    found: dict[tuple[str, str], list[Total]] = defaultdict(list)
    for each in totals:
        if each.outcome is Outcome.ejected:
            found[each.outlet, each.class_id].append(each)
    masses = ((key, mass_of(group)) for key, group in found.items())
    return [OutletClass(*key, KgRange(mass.low, mass.high)) for key, mass in masses]
