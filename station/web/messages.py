"""What the page is told, as JSON: the facts, the status, the counts, and pictures with their marks."""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

from station.store_reader import Counts
from station.types import State, Truth
from station.web.view import FaultRow, Picture, StationView

Message = dict[str, object]

_HEADER_LENGTH = struct.Struct(">I")


class StateWord(NamedTuple):
    """``level`` is calm, attention or alarm: only what is abnormal gets a colour."""

    word: str
    level: str


STATE_WORDS = {
    State.idle: StateWord("Idle", "calm"),
    State.starting: StateWord("Starting", "calm"),
    State.running: StateWord("Running", "calm"),
    State.bypass: StateWord("Not sorting", "attention"),
    State.paused: StateWord("Paused", "calm"),
    State.setup: StateWord("Set-up", "attention"),
    State.fault: StateWord("Fault", "alarm"),
    State.estop: StateWord("Emergency stop", "alarm"),
}


def facts_message(view: StationView) -> Message:
    facts = view.facts()
    return {
        "kind": "facts",
        "name": facts.name,
        "is_simulated": facts.is_simulated,
        "outlets": [outlet._asdict() for outlet in facts.outlets],
        "rest_outlet": facts.rest_outlet,
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
        "sentence": "The station is starting up." if status is None else status.sentence,
        "speed_mm_s": None if status is None else round(status.speed_mm_s, 1),
        "open_pieces": None if status is None else status.open_pieces,
        "performance": None if performance is None else performance._asdict(),
        "recipe": "" if status is None else status.recipe.rpartition(" ")[0],
        "grades": [] if status is None else [grade._asdict() for grade in status.grades],
        "valves": _valves(view),
        "faults": [_fault(row, 0 if status is None else status.now_ns) for row in view.faults()],
        "recording": _recording(view),
        "mishaps": sorted(view.mishaps()) if view.facts().is_simulated else [],
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
    """Counts of the run; pieces that passed are in the rest outlet's column. ``truth`` is null on a real line."""
    truth = view.truth()
    return {
        "kind": "counts",
        **cells(view.counts(), view.facts().rest_outlet),
        "kg": outlet_kg(view.counts(), view.facts().rest_outlet),
        "truth": None if truth is None else {outlet: _truth(found) for outlet, found in truth.items()},
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


def outlet_kg(counts: Counts, rest_outlet: str) -> dict[str, float]:
    """Estimated mass by outlet."""
    found: dict[str, float] = {}
    for row in counts.rows:
        outlet = rest_outlet if row.outlet is None else row.outlet
        found[outlet] = found.get(outlet, 0.0) + row.mass_g / 1000
    return {outlet: round(kg, 3) for outlet, kg in found.items()}


def picture_message(picture: Picture, now_ns: int) -> bytes:
    """Four bytes (big endian) with the length of a JSON header, the header, the JPEG."""
    header = json.dumps(
        {
            "seq": picture.seq,
            "age_ms": max(0, now_ns - picture.captured_ns) // 1_000_000,
            "width": picture.width,
            "height": picture.height,
            "marks": [
                {
                    "box": mark.box,
                    "label": mark.label,
                    "confidence": round(mark.confidence, 3),
                    "outlet": mark.outlet,
                    "decided": mark.decided,
                }
                for mark in picture.marks
            ],
        },
        separators=(",", ":"),
    ).encode()
    return b"".join((_HEADER_LENGTH.pack(len(header)), header, picture.jpeg))


def _fault(row: FaultRow, now_ns: int) -> Message:
    words: Message = {**row._asdict(), "since_s": round(max(0, now_ns - row.since_ns) / 1e9, 1)}
    del words["since_ns"]
    return words


def _truth(truth: Truth) -> Message:
    return dict(truth._asdict())
