"""The tables of the record store and how a closed piece becomes one row of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from station.reporting.store_tables import BY_PIECE, TABLES
from station.types import PieceRecord

SCHEMA_VERSION = 4
APPLICATION_ID = 0x53435250  # "SCRP": tells our databases from foreign ones

Value = int | float | str | None
Row = tuple[Value, ...]

_COUNTS = """
CREATE VIEW counts AS
    SELECT runs.uuid AS run, label, CASE WHEN outcome = 'ejected' THEN outlet END AS outlet, outcome,
           count(*) AS pieces, sum(degraded) AS degraded,
           sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER)) AS mass_mg
    FROM pieces JOIN runs ON runs.id = pieces.run_id
    GROUP BY run_id, label, 3, outcome;
"""
SCHEMA = f"""
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    station TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    utc_offset_ns INTEGER NOT NULL,
    started_utc TEXT GENERATED ALWAYS AS
        (strftime('%Y-%m-%dT%H:%M:%fZ', (started_ns + utc_offset_ns) / 1e9, 'unixepoch')) STORED,
    ended_ns INTEGER,
    is_simulated INTEGER NOT NULL,
    software TEXT NOT NULL,
    config_sha256 TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    labels TEXT NOT NULL
) STRICT;
CREATE TABLE pieces (
    seq INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    piece_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    across_mm REAL NOT NULL,
    left_mm REAL NOT NULL,
    right_mm REAL NOT NULL,
    length_mm REAL NOT NULL,
    area_mm2 REAL NOT NULL,
    touching INTEGER NOT NULL,
    sightings INTEGER NOT NULL,
    looks INTEGER NOT NULL,
    scores TEXT NOT NULL,
    label TEXT NOT NULL,
    confidence REAL NOT NULL,
    outlet TEXT,
    decision_reason TEXT NOT NULL,
    open_tick INTEGER,
    close_tick INTEGER,
    outputs TEXT,
    slack_ms REAL,
    shot_result TEXT,
    shot_count INTEGER,
    outcome TEXT NOT NULL,
    outcome_reason TEXT NOT NULL,
    degraded INTEGER NOT NULL,
    recipe TEXT NOT NULL,
    model TEXT NOT NULL,
    closed_ns INTEGER NOT NULL,
    mass_g REAL,
    mass_sd_g REAL
) STRICT;
CREATE INDEX pieces_of_a_run ON pieces (run_id, label, outlet, outcome, degraded);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    first_out INTEGER,
    by TEXT
) STRICT;
{_COUNTS}CREATE VIEW closed_pieces AS
    SELECT runs.uuid AS run, runs.station, runs.config_sha256,
           strftime('%Y-%m-%dT%H:%M:%fZ', (closed_ns + utc_offset_ns) / 1e9, 'unixepoch') AS closed_utc, pieces.*
    FROM pieces JOIN runs ON runs.id = pieces.run_id;
CREATE VIEW event_log AS
    SELECT runs.uuid AS run,
           strftime('%Y-%m-%dT%H:%M:%fZ', (at_ns + utc_offset_ns) / 1e9, 'unixepoch') AS at_utc, events.*
    FROM events JOIN runs ON runs.id = events.run_id;
{TABLES}PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""

# What turns a database of the version that is the key into one of the next. Views read ``pieces.*`` anew by themselves.
MIGRATIONS = {
    1: "ALTER TABLE pieces ADD COLUMN mass_g REAL; ALTER TABLE pieces ADD COLUMN mass_sd_g REAL;"
    f" DROP VIEW counts; {_COUNTS}",
    2: TABLES,
    3: BY_PIECE,
}

# A batch whose commit failed may have reached the disk all the same: by its sequence number it is not written twice.
_PIECE_VALUES = ", ".join("?" * 29)
INSERT_PIECE = (
    f"INSERT INTO pieces VALUES (?, (SELECT id FROM runs WHERE uuid = ?), {_PIECE_VALUES}) ON CONFLICT (seq) DO NOTHING"
)
INSERT_EVENT = (
    "INSERT INTO events VALUES (?, (SELECT id FROM runs WHERE uuid = ?), ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING"
)
INSERT_RUN = (
    "INSERT INTO runs (uuid, station, started_ns, utc_offset_ns, is_simulated, software, config_sha256, model_sha256,"
    " labels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uuid) DO NOTHING"
)
END_RUN = "UPDATE runs SET ended_ns = ? WHERE uuid = ?"


@dataclass(frozen=True, slots=True)
class Run:
    """What is true of a whole run. ``utc_offset_ns`` added to a monotonic instant gives UTC nanoseconds."""

    uuid: str
    station: str
    started_ns: int
    utc_offset_ns: int
    is_simulated: bool
    software: str
    config_sha256: str
    model_sha256: str
    labels: tuple[str, ...]


class EventKind(StrEnum):
    fault_raised = "fault_raised"
    fault_cleared = "fault_cleared"
    order_taken = "order_taken"
    order_refused = "order_refused"
    clock = "clock"
    alarm_acknowledged = "alarm_acknowledged"
    alarm_shelved = "alarm_shelved"
    alarm_unshelved = "alarm_unshelved"
    bin_emptied = "bin_emptied"


class Event(NamedTuple):
    """One line of the event log. ``code`` is a fault code or an order, ``first_out`` counts which fault came first."""

    run: str
    at_ns: int
    kind: EventKind
    code: str
    detail: str
    first_out: int | None
    by: str | None


def run_row(run: Run) -> Row:
    return (
        run.uuid,
        run.station,
        run.started_ns,
        run.utc_offset_ns,
        run.is_simulated,
        run.software,
        run.config_sha256,
        run.model_sha256,
        json.dumps(run.labels),
    )


def event_row(seq: int, event: Event) -> Row:
    return (seq, event.run, event.at_ns, event.kind, event.code, event.detail, event.first_out, event.by)


def piece_row(seq: int, record: PieceRecord) -> Row:
    return (
        seq,
        record.run,
        *_seen(record),
        record.decision.label,
        record.decision.confidence,
        record.decision.outlet,
        record.decision.reason,
        *_aimed(record),
        record.outcome,
        record.reason,
        record.degraded,
        record.recipe,
        record.model,
        record.closed_ns,
        record.mass_g,
        record.mass_sd_g,
    )


def _seen(record: PieceRecord) -> Row:
    piece = record.piece
    return (
        piece.id,
        piece.at,
        piece.across_mm,
        piece.left_mm,
        piece.right_mm,
        piece.length_mm,
        piece.area_mm2,
        piece.touching,
        piece.sightings,
        piece.evidence.looks,
        json.dumps([round(score, 4) if math.isfinite(score) else None for score in record.scores]),
    )


def _aimed(record: PieceRecord) -> Row:
    """Outputs are kept in hexadecimal: a wide bar's mask does not fit a signed integer of the database."""
    ejection, report = record.ejection, record.report
    aim: Row = (
        (None, None, None) if ejection is None else (ejection.open_tick, ejection.close_tick, f"{ejection.outputs:#x}")
    )
    shot: Row = (None, None) if report is None else (report.result, report.encoder_count)
    return (*aim, record.slack_ms, *shot)
