"""A record database with pieces and closed intervals, for everything that reads or sends them."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from control.types import Outcome
from station.reporting.closing import Close, Next, close_interval, last_number, recover
from station.reporting.context import ClockState, Context
from station.store import Store, StoreBusy, StoreSettings
from station.store_rows import Run
from tests.station.pieces import RUN, closed_piece

FAST = StoreSettings(commit_every_s=0.002, retry_every_s=0.02, busy_s=0.01)
LINE_RUN: Run = replace(RUN, station="demo-line")
START_NS = LINE_RUN.started_ns
S = 1_000_000_000
CONTEXT = Context(
    recipe="three metals 1.0 0123456789ab",
    model="rendered-v1",
    calibration="2027-01-02",
    codebook="2026.1",
    software="0.1.0",
    rest_outlet="rest",
    factor_sd={"CU-NO2": 0.1},
)


class Yard:
    """A station without belt: pieces are said to close, intervals are closed by hand. Use it with ``with``."""

    def __init__(
        self, folder: Path, run: Run = LINE_RUN, settings: StoreSettings = FAST, patience_s: float = 5.0
    ) -> None:
        """``patience_s`` is how long to wait for the disk; raises StoreBusy after that."""
        self.store = Store.open(folder / "records.sqlite", settings)
        self.run = run
        self.now_ns = run.started_ns
        self.pieces = 0
        self._patience_s = patience_s
        try:
            self.store.begin_run(run)
            self.number = self.store.change(_recovered, patience_s)
            self.close()
        except StoreBusy:
            self.store.close(0.5)
            raise

    def __enter__(self) -> Yard:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def see(
        self, pieces: int, outlet: str | None = "copper", mass_g: float | None = 32.1, label: str = "CU-NO2"
    ) -> None:
        """So many pieces close, all alike, within one second."""
        outcome = Outcome.ejected if outlet else Outcome.passed
        self.now_ns += S
        for _ in range(pieces):
            self.pieces += 1
            record = closed_piece(self.pieces, label, outcome=outcome, outlet=outlet, mass_g=mass_g)
            self.store.append([replace(record, run=self.run.uuid, closed_ns=self.now_ns)])

    def close(self, context: Context = CONTEXT, clock: ClockState = ClockState.good) -> None:
        """Close what is open and begin the next interval."""
        self.number += 1
        self.now_ns += S
        following = Next(self.run.uuid, self.now_ns, context, self.run.utc_offset_ns, clock)
        order = Close(self.number, self.now_ns, following)
        self.store.change(lambda connection: close_interval(connection, order), self._patience_s)

    def fill(self, rows: int, pieces: int = 2) -> None:
        """So many rows in the outbox, each of ``pieces``."""
        for _ in range(rows):
            self.see(pieces)
            self.close()


def _recovered(connection: sqlite3.Connection) -> int:
    recover(connection)
    return last_number(connection)
