"""Letting go of old details: totals, hashes and conflicts outlive the rows they came from."""

from __future__ import annotations

from sqlalchemy import Engine, update

from station.programme.tables import rows
from station.reporting.row import RowKind


def thin(engine: Engine, before_ms: int) -> int:
    """Forget the content of applied interval rows received before that; returns of how many.

    They still answer as duplicates and conflicts. A correction of the clock that comes later no longer moves them.
    """
    old = (
        rows.c.received_ms < before_ms,
        rows.c.state == "applied",
        rows.c.kind == RowKind.interval.value,
        rows.c.body.is_not(None),
    )
    with engine.begin() as connection:
        return connection.execute(update(rows).where(*old).values(body=None)).rowcount
