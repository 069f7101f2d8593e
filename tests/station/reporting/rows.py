"""Rows for tests: one like any other, and chains of them."""

from __future__ import annotations

from dataclasses import replace

from station.reporting.row import (
    NO_PREVIOUS,
    Count,
    Downtime,
    DowntimeKind,
    IntervalRow,
    RowKind,
    StateTime,
    seal,
)

EPOCH = "0123456789abcdef0123456789abcdef"

ROW = IntervalRow(
    station="demo-line",
    epoch=EPOCH,
    sequence=1,
    is_simulated=True,
    kind=RowKind.interval,
    from_utc="2027-01-15T08:00:00.000Z",
    to_utc="2027-01-15T08:01:00.000Z",
    seconds=60.0,
    clock_trusted=True,
    batch="B-17",
    shift="early",
    recipe="three metals 1.0",
    model="rendered-v1",
    calibration="2027-01-02",
    codebook="0.1",
    software="0.1.0",
    degraded=True,
    degraded_reasons=("encoder-slip",),
    states=(StateTime("running", 50.5), StateTime("bypass", 9.5)),
    downtime=(Downtime("bypass", DowntimeKind.held, "camera-silent", 9.5),),
    counts=(
        Count("CU-NO2", "copper", "ejected", 17, 312.004, 20.1, 15.25),
        Count("AL-CAST", "rest", "passed", 3, 40.0, 9.0, 2.0),
    ),
)


def chain(length: int, first: IntervalRow = ROW) -> list[IntervalRow]:
    """Rows 1 to ``length``; each counts as many pieces of copper as its number."""
    rows: list[IntervalRow] = []
    for number in range(1, length + 1):
        counts = (Count("CU-NO2", "copper", "ejected", number, float(number), 0.5, 0.25),)
        previous = rows[-1].hash if rows else NO_PREVIOUS
        rows.append(seal(replace(first, sequence=number, counts=counts), previous))
    return rows
