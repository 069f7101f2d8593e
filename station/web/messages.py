"""What the page is told, as JSON: the facts, the status, the counts, and pictures with their marks."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from typing import NamedTuple

from station.alarm_desk import AlarmDesk
from station.marked import marked
from station.span_counts import Span, SpanCounts
from station.store_reader import Counts
from station.types import Mark, Shot, State, Truth
from station.web.view import FaultRow, Picture, StationView

Message = dict[str, object]

_HEADER_LENGTH = struct.Struct(">I")


class StateWord(NamedTuple):
    """``level`` is calm, attention or alarm: only what is abnormal gets a colour."""

    word: str
    level: str


STATE_WORDS = {
    State.idle: StateWord(marked("Idle"), "calm"),
    State.starting: StateWord(marked("Starting"), "calm"),
    State.running: StateWord(marked("Running"), "calm"),
    State.bypass: StateWord(marked("Not sorting"), "attention"),
    State.paused: StateWord(marked("Paused"), "calm"),
    State.setup: StateWord(marked("Set-up"), "attention"),
    State.fault: StateWord(marked("Fault"), "alarm"),
    State.estop: StateWord(marked("Emergency stop"), "alarm"),
}


def facts_message(view: StationView) -> Message:
    facts = view.facts()
    return {
        "kind": "facts",
        "name": facts.name,
        "is_simulated": facts.is_simulated,
        "outlets": [outlet._asdict() for outlet in facts.outlets],
        "rest_outlet": facts.rest_outlet,
        "banks": [bank._asdict() for bank in facts.banks],
        "labels": {label.label: label.title for label in facts.labels},
        "version": facts.version,
    }


def status_message(view: StationView) -> Message:
    """The state in words, what is wrong, and how the line runs; a silent station is starting."""
    status = view.status()
    state = State.starting if status is None else status.state
    performance = view.performance()
    return {
        "kind": "status",
        "state": state,
        **STATE_WORDS[state]._asdict(),
        "sentence": marked("The station is starting up.") if status is None else status.sentence,
        "speed_mm_s": None if status is None else round(status.speed_mm_s, 1),
        "open_pieces": None if status is None else status.open_pieces,
        "performance": None if performance is None else performance._asdict(),
        "recipe": "" if status is None else status.recipe.rpartition(" ")[0],
        "grades": [] if status is None else [grade._asdict() for grade in status.grades],
        "valves": _valves(view),
        "faults": [_fault(row, 0 if status is None else status.now_ns) for row in view.faults()],
        **alarms_message(view.alarms()),
        "must_hold": view.must_hold(),
        "recording": _recording(view),
        "mishaps": sorted(view.mishaps()) if view.facts().is_simulated else [],
    }


def alarms_message(desk: AlarmDesk) -> Message:
    """Alarms that are there, the most urgent first, and those on the shelf."""
    return {
        "alarms": [alarm._asdict() for alarm in desk.shown()],
        "shelved": [shelf._asdict() for shelf in desk.shelved()],
    }


def _recording(view: StationView) -> Message | None:
    """``stopped`` is the reason when nothing is recorded; days are null while the rate is unknown."""
    news = view.recording()
    if news is None:
        return None
    days = {"days_kept": news.days_kept, "days_left": news.days_left}
    return {**news._asdict(), **{name: None if value is None else round(value, 2) for name, value in days.items()}}


def _valves(view: StationView) -> list[Message]:
    """Every output that has ever opened, with what is known of it in this run."""
    status = view.status()
    known = {valve.output: valve for valve in (() if status is None else status.valves)}
    openings = view.openings()
    rows: list[Message] = []
    for output in sorted({*openings, *known}):
        valve = known.get(output)
        word = "" if valve is None else "dead" if valve.is_dead else "slow" if valve.is_slow else "well"
        response = None if valve is None or valve.response_ms is None else round(valve.response_ms, 1)
        rows.append({"output": output, "openings": openings.get(output, 0), "response_ms": response, "word": word})
    return rows


def counts_message(view: StationView) -> Message:
    """Counts of the run; pieces that passed are in the rest outlet's column. ``truth`` is null on a real line.

    ``spans`` has the same of this run, batch, shift and day, each null while there is none.
    """
    truth, rest, spans = view.truth(), view.facts().rest_outlet, view.spans()
    return {
        "kind": "counts",
        **cells(view.counts(), rest),
        "kg": outlet_kg(view.counts(), rest),
        "spans": {span: None if span not in spans else _span(spans[span], rest) for span in Span},
        "bins": bins_message(view),
        "truth": None if truth is None else {outlet: _truth(found) for outlet, found in truth.items()},
    }


def bins_message(view: StationView) -> list[Message]:
    """How full the bins are; ``share`` is null where nobody said how much fits in."""
    return [
        {
            "outlet": level.outlet,
            "kg": round(level.kg, 2),
            "sd_kg": round(level.sd_kg, 2),
            "capacity_kg": level.capacity_kg,
            "share": None if level.share is None else round(level.share, 4),
            "is_nearly_full": level.is_nearly_full,
            "since_utc": _utc(level.since_ns),
            "emptied_by": level.emptied_by,
        }
        for level in view.bins().levels()
    ]


def _span(span: SpanCounts, rest_outlet: str) -> Message:
    return {
        "name": span.name,
        "since_utc": None if span.since_ns is None else _utc(span.since_ns),
        **cells(span.counts, rest_outlet),
        "kg": cells_kg(span.counts, rest_outlet),
    }


def cells(counts: Counts, rest_outlet: str) -> Message:
    """``cells``: label -> outlet -> pieces; ``outcomes``: outcome -> pieces. Both sum to ``pieces``."""
    by_label: dict[str, dict[str, int]] = {}
    outcomes: dict[str, int] = {}
    for row in counts.rows:
        outlet = rest_outlet if row.outlet is None else row.outlet
        of_label = by_label.setdefault(row.label, {})
        of_label[outlet] = of_label.get(outlet, 0) + row.pieces
        outcomes[row.outcome] = outcomes.get(row.outcome, 0) + row.pieces
    return {"pieces": counts.pieces, "cells": by_label, "outcomes": outcomes}


def cells_kg(counts: Counts, rest_outlet: str) -> dict[str, dict[str, float]]:
    """Estimated mass by label and outlet."""
    found: dict[str, dict[str, float]] = {}
    for row in counts.rows:
        outlet = rest_outlet if row.outlet is None else row.outlet
        of_label = found.setdefault(row.label, {})
        of_label[outlet] = of_label.get(outlet, 0.0) + row.mass_g / 1000
    return {label: {outlet: round(kg, 3) for outlet, kg in row.items()} for label, row in found.items()}


def outlet_kg(counts: Counts, rest_outlet: str) -> dict[str, float]:
    """Estimated mass by outlet."""
    found: dict[str, float] = {}
    for of_label in cells_kg(counts, rest_outlet).values():
        for outlet, kg in of_label.items():
            found[outlet] = found.get(outlet, 0.0) + kg
    return {outlet: round(kg, 3) for outlet, kg in found.items()}


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="seconds")


def picture_message(picture: Picture, now_ns: int) -> bytes:
    """Four bytes (big endian) with the length of a JSON header, the header, the JPEG."""
    outlines = picture.outlines or ((),) * len(picture.marks)
    header = json.dumps(
        {
            "seq": picture.seq,
            "captured_us": picture.captured_ns // 1000,
            "age_ms": max(0, now_ns - picture.captured_ns) // 1_000_000,
            "width": picture.width,
            "height": picture.height,
            "marks": [_mark(mark, outline) for mark, outline in zip(picture.marks, outlines, strict=True)],
            "shots": [_shot(shot, now_ns) for shot in picture.shots],
        },
        separators=(",", ":"),
    ).encode()
    return b"".join((_HEADER_LENGTH.pack(len(header)), header, picture.jpeg))


def _mark(mark: Mark, outline: tuple[int, ...]) -> Message:
    return {
        "box": mark.box,
        "outline": outline,
        "label": mark.label,
        "confidence": round(mark.confidence, 3),
        "outlet": mark.outlet,
        "decided": mark.decided,
    }


def _shot(shot: Shot, now_ns: int) -> Message:
    return {
        "piece": shot.piece_id,
        "label": shot.label,
        "outputs": shot.outputs,
        "result": shot.result,
        "age_ms": max(0, now_ns - shot.heard_ns) // 1_000_000,
    }


def _fault(row: FaultRow, now_ns: int) -> Message:
    words: Message = {**row._asdict(), "since_s": round(max(0, now_ns - row.since_ns) / 1e9, 1)}
    del words["since_ns"]
    return words


def _truth(truth: Truth) -> Message:
    return dict(truth._asdict())
