"""The tables of the report, in the same database as the piece records, so that one transaction holds both.

``intervals`` are the rows of the outbox; ``totals`` outlive all details; ``open_interval`` has exactly one line.
"""

from __future__ import annotations

LOST_ROWS = "lost rows of "  # and an epoch: what stands under it are numbers that cannot be sent any more
BY_PIECE = """
CREATE INDEX IF NOT EXISTS intervals_by_piece
    ON intervals (last_piece, after_piece, kind, clock, to_ns, utc_offset_ns, context_id);
"""
TABLES = f"""
CREATE TABLE IF NOT EXISTS epochs (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    after_piece INTEGER NOT NULL,
    cause TEXT NOT NULL
) STRICT;
INSERT INTO epochs (uuid, after_piece, cause)
    SELECT lower(hex(randomblob(16))), (SELECT coalesce(max(seq), 0) FROM pieces), 'database made'
    WHERE NOT EXISTS (SELECT 1 FROM epochs);
CREATE TABLE IF NOT EXISTS contexts (
    id INTEGER PRIMARY KEY,
    told TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS moments (
    seq INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    at_ns INTEGER NOT NULL,
    state TEXT NOT NULL,
    kind TEXT,
    reason TEXT NOT NULL,
    faults TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS open_interval (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    run_id INTEGER REFERENCES runs (id),
    context_id INTEGER REFERENCES contexts (id),
    from_ns INTEGER NOT NULL,
    after_piece INTEGER NOT NULL,
    utc_offset_ns INTEGER NOT NULL,
    clock TEXT NOT NULL
) STRICT;
INSERT INTO open_interval
    SELECT 1, 0, NULL, NULL, 0, (SELECT coalesce(max(seq), 0) FROM pieces), 0, 'good'
    WHERE NOT EXISTS (SELECT 1 FROM open_interval);
CREATE TABLE IF NOT EXISTS intervals (
    epoch_id INTEGER NOT NULL REFERENCES epochs (id),
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    context_id INTEGER NOT NULL REFERENCES contexts (id),
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    utc_offset_ns INTEGER NOT NULL,
    clock TEXT NOT NULL,
    after_piece INTEGER NOT NULL,
    last_piece INTEGER NOT NULL,
    hash TEXT NOT NULL,
    told TEXT,
    delivery TEXT NOT NULL DEFAULT 'waiting' CHECK (delivery IN ('waiting', 'acknowledged', 'quarantined')),
    refusals INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (epoch_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS intervals_waiting ON intervals (epoch_id, sequence) WHERE delivery = 'waiting';
CREATE INDEX IF NOT EXISTS intervals_quarantined ON intervals (epoch_id, sequence) WHERE delivery = 'quarantined';
{BY_PIECE}CREATE TABLE IF NOT EXISTS totals (
    day TEXT NOT NULL,
    batch TEXT NOT NULL,
    class_id TEXT NOT NULL,
    outlet TEXT NOT NULL,
    outcome TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    unweighed INTEGER NOT NULL,
    mass_mg INTEGER NOT NULL,
    own_g2 REAL NOT NULL,
    common_g REAL NOT NULL,
    PRIMARY KEY (day, batch, class_id, outlet, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    supplier TEXT NOT NULL,
    material TEXT NOT NULL,
    weight_kg REAL,
    weight_sd_kg REAL,
    unu_key TEXT,
    opened_utc TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    closed_utc TEXT,
    closed_by TEXT,
    is_told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_open_batch ON batches (closed_utc IS NULL) WHERE closed_utc IS NULL;
CREATE TABLE IF NOT EXISTS weighed (
    batch TEXT NOT NULL REFERENCES batches (id),
    outlet TEXT NOT NULL,
    mass_kg REAL NOT NULL,
    sd_kg REAL NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (batch, outlet)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS standing (
    name TEXT PRIMARY KEY,
    told TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS simulated_and_real_never_mix BEFORE INSERT ON runs
    WHEN EXISTS (SELECT 1 FROM runs WHERE is_simulated <> NEW.is_simulated)
    BEGIN SELECT raise(ABORT, 'simulated and real records never lie in one database'); END;
"""
