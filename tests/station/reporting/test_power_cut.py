"""The power fails at any moment, torn sectors and all: nothing that was promised is lost, no number is used twice."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from hil.power_cut import PowerCutDisk
from station.reporting.outbox import Outbox, Waiting
from station.reporting.row import parse, verify_chain
from station.store import Store, StoreBusy, StoreSettings
from station.store_file import StoreRefused
from tests.station.reporting.yard import Yard

SETTINGS = StoreSettings(commit_every_s=0.001, retry_every_s=0.01, busy_s=0.2)
CUTS = int(os.environ.get("STATION_POWER_CUTS", "40"))  # 200 and more before a release
_AT_ONCE = 20
_STEPS = 150


class Promises:
    """What was said to be safe: pieces that were flushed, rows that the outbox gave out, rows acknowledged."""

    def __init__(self) -> None:
        self.pieces = 0
        self.rows: dict[int, bytes] = {}
        self.acknowledged = 0
        self.asked = 0
        self.epoch = ""

    def given(self, waiting: tuple[Waiting, ...]) -> None:
        for row in waiting:
            self.epoch = row.epoch
            assert self.rows.setdefault(row.sequence, row.data) == row.data, "a number was used twice"


def settled(store: Store, disk: PowerCutDisk) -> bool:
    """True when all is on the disk, False when the power failed first."""
    while not store.flush(0.05):
        if disk.is_cut:
            return False
    return True


def work_until_cut(disk: PowerCutDisk, chance: random.Random, promises: Promises) -> None:
    with Yard(disk.folder, settings=SETTINGS, patience_s=1.0) as yard:
        outbox = Outbox(yard.store)
        while not disk.is_cut:
            yard.see(chance.randint(1, 6), outlet=chance.choice(["copper", None]))
            if not settled(yard.store, disk):
                break
            promises.pieces = yard.store._piece_seq
            if chance.random() < 0.4:
                yard.close()
                promises.given(outbox.pending())
            if chance.random() < 0.2 and promises.rows:
                promises.asked = max(promises.rows) - 1
                outbox.acknowledge(promises.epoch, up_to=promises.asked)
                promises.acknowledged = promises.asked
        yard.store.close(0.01)


def check(folder: Path, promises: Promises) -> None:
    with Yard(folder, settings=SETTINGS, patience_s=30.0) as yard:
        outbox = Outbox(yard.store)

        def ask(sql: str) -> list[tuple[int, ...]]:
            return yard.store.change(lambda connection: connection.execute(sql).fetchall(), 30.0)

        assert str(ask("PRAGMA integrity_check")[0][0]) == "ok"
        [(pieces, newest)] = ask("SELECT count(*), coalesce(max(seq), 0) FROM pieces")
        assert pieces == newest >= promises.pieces
        rows = [parse(told) for (told,) in ask("SELECT told FROM intervals ORDER BY sequence")]  # type: ignore[arg-type]
        verify_chain(rows)
        assert sum(count.pieces for row in rows for count in row.counts) == pieces
        assert ask("SELECT coalesce(sum(pieces), 0) FROM totals") == [(pieces,)]
        kept = {row.sequence: row.hash for row in rows}
        assert all(kept[number] == parse(data).hash for number, data in promises.rows.items())
        waiting = outbox.pending(10_000)
        gone = len(rows) - len(waiting)  # an acknowledgement that was just being noted may be on the disk or not
        assert [row.sequence for row in waiting] == list(range(gone + 1, len(rows) + 1))
        assert promises.acknowledged <= gone <= promises.asked
        promises.acknowledged = gone
        promises.pieces = pieces
        promises.given(waiting)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("first", range(0, CUTS, _AT_ONCE))
def test_a_power_cut_in_mid_commit_loses_no_promise(tmp_path: Path, first: int) -> None:
    promises = Promises()
    with PowerCutDisk(tmp_path / "disk") as disk:
        for seed in range(first, min(first + _AT_ONCE, CUTS)):
            chance = random.Random(seed)
            if seed % 5 == 4:
                disk.fail_sync(chance.randint(0, 20))
            disk.cut_after(chance.randint(1, _STEPS), seed)
            with suppress(StoreBusy, StoreRefused, OSError):
                work_until_cut(disk, chance, promises)
            disk.restore()
            check(disk.folder, promises)
    assert promises.pieces > _AT_ONCE
    assert promises.acknowledged > 0
