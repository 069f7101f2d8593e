"""The interval row: the one thing that leaves the station, chained by hashes and keyed (station, epoch, sequence).

Its canonical form is JSON in UTF-8 with sorted keys and no blanks; numbers have at most three decimals and whole ones
none, so that it is also the canonical form of RFC 8785. ``hash`` is the SHA-256 of that form without the key ``hash``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from station.reporting.row_shape import ROW
from station.reporting.shape import Checked, RowError, Tree

SCHEMA_NAME = "interval/1"
NO_PREVIOUS = "0" * 64
LARGEST_BYTES = 1 << 18

__all__ = [
    "LARGEST_BYTES",
    "NO_PREVIOUS",
    "SCHEMA_NAME",
    "Correction",
    "Count",
    "Downtime",
    "DowntimeKind",
    "Intake",
    "IntervalRow",
    "RowError",
    "RowKind",
    "StateTime",
    "digest",
    "encode",
    "is_sealed",
    "parse",
    "seal",
    "verify_chain",
]


class RowKind(StrEnum):
    """``interval`` counts pieces; ``correction`` says how far the times of earlier rows were off; ``batch`` tells a
    batch's intake anew. Only intervals carry counts."""

    interval = "interval"
    correction = "correction"
    batch = "batch"


class DowntimeKind(StrEnum):
    """As PackML has it: ``held`` for a cause of our own, ``suspended`` when somebody else's keeps us waiting."""

    held = "held"
    suspended = "suspended"


@dataclass(frozen=True, slots=True)
class StateTime:
    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Downtime:
    """Time in which the line ran but did not sort, or stood; ``reason`` is a fault code, or what a person gave."""

    state: str
    kind: DowntimeKind
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Count:
    """``outlet`` is where the pieces went: what was not ejected went to the outlet at the end of the belt.

    ``grams_sd`` is the standard deviation of ``grams``; ``grams_sd_common`` the part of it that all pieces of the class
    share. Over several rows the common parts of a class are added, everything else in squares.
    """

    class_id: str
    outlet: str
    outcome: str
    pieces: int
    grams: float
    grams_sd: float
    grams_sd_common: float


@dataclass(frozen=True, slots=True)
class Correction:
    """The times of the rows ``from_sequence`` to ``to_sequence`` (both included) have to be moved by ``add_ms``."""

    from_sequence: int
    to_sequence: int
    add_ms: int


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of the batch of this row. No supplier is named: that stays at the station.

    ``weight_kg`` None: not weighed. ``closed_utc`` None: still open. The UNU key is there for e-waste only.
    """

    origin: str
    material: str
    weight_kg: float | None
    weight_sd_kg: float | None
    unu_key: str | None
    opened_utc: str
    closed_utc: str | None


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """``seconds`` is the true length; the times are labels of the wall clock (``clock_trusted``) and may even run back.

    ``degraded_reasons`` are fault codes, sorted. ``correction`` and ``intake`` are None but in rows of their kind.
    ``previous`` and ``hash`` are set by ``seal``.
    """

    station: str
    epoch: str
    sequence: int
    is_simulated: bool
    kind: RowKind
    from_utc: str
    to_utc: str
    seconds: float
    clock_trusted: bool
    batch: str | None
    shift: str | None
    recipe: str
    model: str
    calibration: str
    codebook: str
    software: str
    degraded: bool
    degraded_reasons: tuple[str, ...] = ()
    states: tuple[StateTime, ...] = ()
    downtime: tuple[Downtime, ...] = ()
    counts: tuple[Count, ...] = ()
    correction: Correction | None = None
    intake: Intake | None = None
    schema: str = SCHEMA_NAME
    previous: str = NO_PREVIOUS
    hash: str = ""


def seal(row: IntervalRow, previous: str) -> IntervalRow:
    """The row with its place in the chain; lists are sorted. Raises RowError when it is not one that may be sent."""
    ordered = replace(
        row,
        previous=previous,
        degraded_reasons=tuple(sorted(set(row.degraded_reasons))),
        states=tuple(sorted(row.states, key=lambda found: found.state)),
        downtime=tuple(sorted(row.downtime, key=lambda found: (found.state, found.kind, found.reason))),
        counts=tuple(sorted(row.counts, key=lambda found: (found.class_id, found.outlet, found.outcome))),
    )
    return parse(encode(replace(ordered, hash=digest(ordered))))


def encode(row: IntervalRow) -> bytes:
    """The canonical form, hash included."""
    return _canonical(asdict(row))


def digest(row: IntervalRow) -> str:
    """The hash this row ought to have."""
    tree = asdict(row)
    del tree["hash"]
    return hashlib.sha256(_canonical(tree)).hexdigest()


def is_sealed(told: str, seal: str) -> bool:
    """True when a row's canonical form is what was hashed. Quicker than ``parse``; says nothing of its shape."""
    bare = told.replace(f'"hash":"{seal}",', "", 1)
    return hashlib.sha256(bare.encode()).hexdigest() == seal


def parse(data: bytes | str) -> IntervalRow:
    """A row from JSON in any layout; raises RowError when shape, hash or kind do not fit."""
    if len(data) > LARGEST_BYTES:
        raise RowError(f"the row is larger than {LARGEST_BYTES} bytes")
    try:
        tree = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise RowError(f"the row is not JSON ({error})") from error
    if isinstance(tree, dict) and tree.get("schema") != SCHEMA_NAME:
        raise RowError(f"the row is of schema {str(tree.get('schema'))[:40]!r}, expected {SCHEMA_NAME!r}")
    ROW.check(tree, "row")
    row = _built(Checked(tree))
    _check_kind(row)
    if row.hash != digest(row):
        raise RowError(f"row {row.sequence}: its content does not fit its hash")
    return row


def verify_chain(rows: Iterable[IntervalRow], after: IntervalRow | None = None) -> None:
    """Rows of one station and epoch in order, going on from ``after`` (None: from the first of all).

    Raises RowError that names the first row that does not follow.
    """
    before = after
    for row in rows:
        if row.hash != digest(row):
            raise RowError(f"row {row.sequence}: its content does not fit its hash")
        if before is not None and (row.station, row.epoch) != (before.station, before.epoch):
            raise RowError(f"row {row.sequence} is of another station or epoch than row {before.sequence}")
        if row.sequence != (1 if before is None else before.sequence + 1):
            raise RowError(f"row {row.sequence} does not follow row {0 if before is None else before.sequence}")
        if row.previous != (NO_PREVIOUS if before is None else before.hash):
            raise RowError(f"row {row.sequence} does not know the row before it")
        before = row


def _canonical(tree: Tree) -> bytes:
    told = json.dumps(_plain(tree), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return told.encode()
    except UnicodeEncodeError as error:
        raise RowError("a text of the row holds half a character") from error


def _plain(value: object) -> object:
    """Numbers as every language writes them: at most three decimals, none where they are whole."""
    if isinstance(value, float):
        rounded = round(value, 3)
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _once(pairs: list[tuple[str, object]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key stands there twice")
    return tree


def _check_kind(row: IntervalRow) -> None:
    has = (row.correction is not None, row.intake is not None)
    if has != (row.kind is RowKind.correction, row.kind is RowKind.batch):
        raise RowError(f"row {row.sequence}: correction and intake belong to rows of their kind")
    if row.kind is not RowKind.interval and (row.counts or row.states or row.downtime):
        raise RowError(f"row {row.sequence}: only intervals carry counts and times")
    if row.kind is RowKind.batch and row.batch is None:
        raise RowError(f"row {row.sequence}: an intake without its batch")
    keys = [(count.class_id, count.outlet, count.outcome) for count in row.counts]
    if keys != sorted(set(keys)):
        raise RowError(f"row {row.sequence}: counts are not sorted, or one stands there twice")


def _built(told: Checked) -> IntervalRow:
    correction, intake = told.part("correction"), told.part("intake")
    return IntervalRow(
        station=told.text("station"),
        epoch=told.text("epoch"),
        sequence=told.whole("sequence"),
        is_simulated=told.flag("is_simulated"),
        kind=RowKind(told.text("kind")),
        from_utc=told.text("from_utc"),
        to_utc=told.text("to_utc"),
        seconds=told.number("seconds"),
        clock_trusted=told.flag("clock_trusted"),
        batch=told.text_or_none("batch"),
        shift=told.text_or_none("shift"),
        recipe=told.text("recipe"),
        model=told.text("model"),
        calibration=told.text("calibration"),
        codebook=told.text("codebook"),
        software=told.text("software"),
        degraded=told.flag("degraded"),
        degraded_reasons=told.texts("degraded_reasons"),
        states=tuple(StateTime(item.text("state"), item.number("seconds")) for item in told.parts("states")),
        downtime=tuple(map(_downtime, told.parts("downtime"))),
        counts=tuple(map(_count, told.parts("counts"))),
        correction=None if correction is None else _correction(correction),
        intake=None if intake is None else _intake(intake),
        schema=told.text("schema"),
        previous=told.text("previous"),
        hash=told.text("hash"),
    )


def _downtime(told: Checked) -> Downtime:
    kind = DowntimeKind(told.text("kind"))
    return Downtime(told.text("state"), kind, told.text("reason"), told.number("seconds"))


def _count(told: Checked) -> Count:
    return Count(
        told.text("class_id"),
        told.text("outlet"),
        told.text("outcome"),
        told.whole("pieces"),
        told.number("grams"),
        told.number("grams_sd"),
        told.number("grams_sd_common"),
    )


def _correction(told: Checked) -> Correction:
    return Correction(told.whole("from_sequence"), told.whole("to_sequence"), told.whole("add_ms"))


def _intake(told: Checked) -> Intake:
    return Intake(
        told.text("origin"),
        told.text("material"),
        told.number_or_none("weight_kg"),
        told.number_or_none("weight_sd_kg"),
        told.text_or_none("unu_key"),
        told.text("opened_utc"),
        told.text_or_none("closed_utc"),
    )
