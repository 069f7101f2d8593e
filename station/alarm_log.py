"""Alarms in the event log: what earlier runs left behind, and what became of every one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from station.alarms import AlarmEvent
from station.store_reader import open_reader
from station.store_rows import EventKind

_KINDS = (
    EventKind.fault_raised,
    EventKind.fault_cleared,
    EventKind.alarm_acknowledged,
    EventKind.alarm_shelved,
    EventKind.alarm_unshelved,
)
_MOST = 2000


def read_alarm_events(path: Path, *, code: str | None = None, most: int = _MOST) -> tuple[AlarmEvent, ...]:
    """The newest ``most``, oldest first, of one fault or of all. Raises sqlite3.Error when they cannot be read."""
    kinds = ", ".join(f"'{kind}'" for kind in _KINDS)
    with closing(open_reader(path)) as reader:
        rows = reader.execute(
            "SELECT runs.uuid, at_ns + utc_offset_ns, kind, code, detail, first_out, by FROM events"
            f" JOIN runs ON runs.id = run_id WHERE kind IN ({kinds}) AND (?1 IS NULL OR code = ?1)"
            " ORDER BY seq DESC LIMIT ?2",
            (code, most),
        ).fetchall()
    return tuple(AlarmEvent(run, at_ns, EventKind(kind), *rest) for run, at_ns, kind, *rest in reversed(rows))
