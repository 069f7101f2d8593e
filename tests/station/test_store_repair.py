"""A damaged page, a log that is gone or of another database, an older copy: the station starts, says what is missing,
and nothing that the programme has counted is counted again. Nobody deletes a file."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.pool import StaticPool

from hil.power_cut import PowerCutDisk
from station.programme.ledger import apply
from station.programme.tables import LEDGER, totals
from station.programme.words import Delivery, Sender
from station.reporting.outbox import Outbox
from station.reporting.recount import recount
from station.store_copy import CopyWatch, copy_records
from station.store_file import StoreRefused
from station.store_gap import restorations
from station.store_repair import copy_of, remember_newest
from tests.station.reporting.yard import Yard

PAGE = 4096
SEEDS = int(os.environ.get("STATION_DAMAGED_PAGES", "6"))  # 100 and more before a release


@pytest.fixture
def receiver() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    LEDGER.create_all(engine)
    yield engine
    engine.dispose()


def send(outbox: Outbox, receiver: Engine, rows: int = 1000) -> None:
    """As the senders do: the rows of one epoch, with what can never come."""
    while waiting := outbox.pending(rows):
        portion = [each for each in waiting if each.epoch == waiting[0].epoch][:rows]
        lost = tuple(outbox.withheld(portion[0].epoch))
        delivery = Delivery(portion[0].epoch, tuple(each.row for each in portion), lost)
        with receiver.begin() as connection:
            ack = apply(connection, Sender("demo-line", True), delivery, 0)
        assert not ack.refused
        assert ack.acknowledged_through >= portion[-1].sequence
        outbox.acknowledge(ack.epoch, sequences=[each.sequence for each in portion])
        rows -= len(portion)
        if rows <= 0:
            return


def applied(receiver: Engine) -> int:
    with receiver.connect() as connection:
        return int(connection.execute(select(func.coalesce(func.sum(totals.c.pieces), 0))).scalar_one())


def ask(path: Path, sql: str) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        return int(reader.execute(sql).fetchone()[0])


def told(path: Path) -> tuple[str, ...]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        return restorations(reader)


def pieces(path: Path) -> int:
    return ask(path, "SELECT count(*) FROM pieces")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_damaged_page_costs_what_stood_on_it_and_says_so(tmp_path: Path, receiver: Engine, seed: int) -> None:
    chance, path = random.Random(seed), tmp_path / "records.sqlite"
    with Yard(tmp_path) as yard:
        yard.fill(rows=10, pieces=60)
        if seed % 3:
            copy_records(path)
        yard.fill(rows=10, pieces=60)
        send(Outbox(yard.store), receiver, rows=chance.choice([5, 15]))
        yard.see(7)
        yard.store.flush()
        remember_newest(path)
    before, sent = pieces(path), applied(receiver)
    damaged = bytearray(path.read_bytes())
    at = PAGE * (0 if seed == 0 else chance.randrange(1, len(damaged) // PAGE))
    damaged[at : at + PAGE] = chance.randbytes(PAGE)
    path.write_bytes(damaged)

    with Yard(tmp_path) as yard:
        said = str(yard.store.restored)
        yard.fill(rows=2, pieces=3)
        outbox = Outbox(yard.store)
        rows = [each.row for each in outbox.pending(1000)]
        send(outbox, receiver)
        assert outbox.pending(1) == ()
        left, in_rows = pieces(path), ask(path, "SELECT coalesce(sum(pieces), 0) FROM totals")
    [aside] = tmp_path.glob("records.damaged-*.sqlite")
    assert aside.read_bytes() == damaged
    assert told(path) == (said,)
    assert applied(receiver) <= before + 6
    if "Nothing is missing." in said and "stand in no row" not in said:
        assert left == in_rows == applied(receiver) == before + 6
        assert recount(path).difference is None
    else:
        assert "Missing: " in said or "stand in no row" in said
    assert applied(receiver) >= sent + 6
    assert sum(count.pieces for row in rows[-2:] for count in row.counts) == 6


@pytest.mark.parametrize("log", ["gone", "of another database"])
def test_without_its_log_the_newest_rows_are_missing_and_no_number_is_used_twice(
    tmp_path: Path, receiver: Engine, log: str
) -> None:
    (here := tmp_path / "here").mkdir()
    (other := tmp_path / "other").mkdir()
    with Yard(tmp_path) as yard, Yard(other) as stranger:
        yard.fill(rows=5, pieces=20)
        stranger.fill(rows=10, pieces=20)
        yard.store.change(lambda connection: None)
        with closing(sqlite3.connect(tmp_path / "records.sqlite")) as reader:
            reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yard.fill(rows=5, pieces=20)
        send(Outbox(yard.store), receiver)
        remember_newest(tmp_path / "records.sqlite")
        shutil.copy(tmp_path / "records.sqlite", here)
        shutil.copy(tmp_path / "records.sqlite.newest", here)
        if log != "gone":
            shutil.copy(other / "records.sqlite-wal", here)
    with Yard(here) as yard:
        said = str(yard.store.restored)
        yard.fill(rows=1, pieces=3)
        send(Outbox(yard.store), receiver)
    assert "Missing: rows " in said
    assert applied(receiver) == 10 * 20 + 3


def test_a_waiting_row_that_is_not_as_it_was_sealed_is_set_aside_and_told(tmp_path: Path, receiver: Engine) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=4, pieces=5)
    path = tmp_path / "records.sqlite"
    with closing(sqlite3.connect(path)) as forger:
        forger.execute("UPDATE intervals SET told = replace(told, '\"pieces\":5', '\"pieces\":6') WHERE sequence = 3")
        assert forger.total_changes == 1
        forger.commit()
    with Yard(tmp_path) as yard:
        said = str(yard.store.restored)
        send(Outbox(yard.store), receiver)
    assert "row 3 is not as it was sealed" in said
    assert "Missing: " in said
    assert applied(receiver) == 15


@pytest.mark.timeout(240)
def test_a_power_cut_while_it_is_restored_is_made_up_for(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=8, pieces=20)
    whole = (tmp_path / "records.sqlite").read_bytes()
    damaged = bytearray(whole)
    with closing(sqlite3.connect(tmp_path / "records.sqlite")) as reader:
        root = reader.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pieces_of_a_run'").fetchone()[0]
    damaged[PAGE * (root - 1) : PAGE * root] = bytes(PAGE)
    with PowerCutDisk(tmp_path / "disk") as disk:
        for seed in range(6):
            path = disk.folder / "records.sqlite"
            for old in disk.folder.iterdir():
                old.unlink()
            path.write_bytes(damaged)
            with path.open("rb") as written:
                os.fsync(written.fileno())
            disk.cut_after(random.Random(seed).randint(1, 120), seed)
            with suppress(StoreRefused, OSError, sqlite3.Error), Yard(disk.folder, patience_s=0.5):
                pass
            disk.restore()
            with Yard(disk.folder, patience_s=30.0) as yard:
                yard.fill(rows=1, pieces=1)
            assert pieces(path) == 8 * 20 + 1
            assert recount(path).difference is None
            assert len(told(path)) == 1


def test_a_copy_is_made_once_a_day_beside_the_writer_and_an_older_one_stays_till_then(tmp_path: Path) -> None:
    now_s = [0.0]
    with Yard(tmp_path) as yard:
        yard.fill(rows=3)
        watch = CopyWatch(yard.store.path, lambda: now_s[0])
        copy = copy_of(yard.store.path)
        watch.turn()
        assert not copy.exists()
        now_s[0] = 301.0
        watch.turn()
        assert pieces(copy) == 6
        yard.fill(rows=3)
        watch.turn()
        assert pieces(copy) == 6
        now_s[0] += 86_400.0
        watch.turn()
        assert pieces(copy) == 12
        assert watch.trouble is None
