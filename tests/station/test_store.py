"""The record store keeps every piece it committed and never makes the line wait."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.types import Outcome
from station.reporting.shifts import ShiftPlan
from station.span_counts import Span, SpanReader
from station.store import Store, StoreSettings
from station.store_file import StoreRefused
from station.store_reader import open_reader, read_counts
from station.store_rows import SCHEMA_VERSION, Event, EventKind
from tests.station.pieces import RUN, closed_piece

FAST = StoreSettings(commit_every_s=0.01, retry_every_s=0.02, busy_s=0.01)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(open_reader(path)) as reader:
        return reader.execute(query).fetchall()


def test_a_stored_piece_can_be_read_back_with_its_reasons_and_its_time(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "records.db", FAST)
    store.begin_run(RUN)
    store.append([closed_piece(31)])
    assert store.flush()
    store.close()

    [found] = rows(
        tmp_path / "records.db",
        "SELECT run, piece_id, at, label, outlet, outputs, scores, shot_result, closed_utc FROM closed_pieces",
    )
    assert found == (
        ("run-1", 31, 1031, "CU-NO2", "copper", f"{1 << 70:#x}", "[0.9, 0.1]", "fired", "2027-01-15T08:00:06.000Z")
    )


def test_the_database_syncs_fully_and_is_in_wal_mode(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "records.db", FAST)
    assert store._connection is not None
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


pieces = st.lists(
    st.tuples(
        st.sampled_from(["CU-NO2", "AL-CAST"]),
        st.sampled_from(list(Outcome)),
        st.sampled_from(["copper", "brass", None]),
    ),
    max_size=40,
)


@settings(max_examples=15, deadline=None)
@given(pieces, pieces)
def test_counts_sum_to_the_pieces_and_both_ways_of_counting_agree(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str, Outcome, str | None]],
    second: list[tuple[str, Outcome, str | None]],
) -> None:
    path = tmp_path_factory.mktemp("counts") / "records.db"
    store = Store.open(path, FAST)
    store.begin_run(RUN)
    assert store.flush()
    with SpanReader(path, ShiftPlan((), ZoneInfo("UTC")), "rest") as spans:
        for part in (first, second):
            store.append(closed_piece(n, *kind) for n, kind in enumerate(part))
            assert store.flush()
            counted = spans.read({}).spans[Span.run].counts
    store.close()

    assert counted == read_counts(path, RUN.uuid)
    assert counted.pieces == len(first) + len(second) == sum(row.pieces for row in counted.rows)
    assert all(row.outlet is None for row in counted.rows if row.outcome != "ejected")


def test_pieces_that_close_during_a_commit_are_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, StoreSettings(commit_every_s=0.0005))
    store.begin_run(RUN)
    for n in range(3000):
        store.append([closed_piece(n)])
    store.close()
    assert read_counts(path, RUN.uuid).pieces == 3000


def test_events_keep_their_first_out_order(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "records.db", FAST)
    store.begin_run(RUN)
    store.note(Event(RUN.uuid, 7, EventKind.fault_raised, code, "", n, None) for n, code in enumerate(("air", "guard")))
    store.note([Event(RUN.uuid, 9, EventKind.order_refused, "start", "Close the guard first.", None, "page")])
    store.end_run(RUN.uuid, 99)
    store.close()

    assert rows(tmp_path / "records.db", "SELECT code, first_out, by FROM event_log ORDER BY seq") == [
        ("air", 0, None),
        ("guard", 1, None),
        ("start", None, "page"),
    ]
    assert rows(tmp_path / "records.db", "SELECT ended_ns, started_utc FROM runs") == [(99, "2027-01-15T08:00:05.000Z")]


def test_a_newer_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    Store.open(path, FAST).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreRefused, match="newer station"):
        Store.open(path, FAST)
    assert path.read_bytes() == before


def test_a_foreign_database_is_refused_and_a_file_that_is_none_is_set_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as foreign:
        foreign.execute("CREATE TABLE pieces (x)")
    (tmp_path / "text.db").write_text("no database " * 100)

    with pytest.raises(StoreRefused, match="another program"):
        Store.open(tmp_path / "foreign.db", FAST)
    store = Store.open(tmp_path / "text.db", FAST)
    store.close()
    assert "how far it had come is not known" in str(store.restored)
    [aside] = tmp_path.glob("text.damaged-*.db")
    assert aside.read_text() == "no database " * 100


def test_two_stations_cannot_write_one_database(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "records.db", FAST)
    with pytest.raises(StoreRefused, match="Another station"):
        Store.open(tmp_path / "records.db", FAST)
    store.close()
    Store.open(tmp_path / "records.db", FAST).close()


def test_rows_wait_in_memory_while_the_disk_refuses_and_follow_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, FAST)
    store.begin_run(RUN)
    assert store.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        assert store.append([closed_piece(1), closed_piece(2)])
        assert not store.flush(0.3)
        assert store.trouble is not None
        assert "wait in memory" in store.trouble
        assert not store.must_pause
        blocker.execute("ROLLBACK")
    assert store.flush()
    assert store.trouble is None
    store.close()
    assert read_counts(path, RUN.uuid).pieces == 2


def test_a_full_memory_turns_pieces_away_says_so_and_asks_for_a_pause(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, StoreSettings(0.01, 0.02, 0.01, keep_s=600.0, most_waiting=3))
    store.begin_run(RUN)
    assert store.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        assert not store.append(closed_piece(n) for n in range(5))
        assert not store.flush(0.2)
        assert store.must_pause
        blocker.execute("ROLLBACK")
    assert store.flush()
    assert store.trouble is not None
    assert store.trouble.startswith("2 records could not be stored")
    store.close()
    assert read_counts(path, RUN.uuid).pieces == 3


def test_rows_that_waited_too_long_ask_for_a_pause(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, StoreSettings(0.01, 0.02, 0.01, keep_s=0.05))
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        store.begin_run(RUN)
        assert not store.flush(0.3)
        assert store.must_pause
        blocker.execute("ROLLBACK")
    store.close()


def test_a_record_no_table_takes_blocks_no_other(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, FAST)
    store.append([closed_piece(1)])  # its run was never announced
    store.begin_run(RUN)
    store.append([closed_piece(2)])
    assert store.flush()
    assert store.trouble == "1 records could not be stored and are missing."
    store.close()
    assert read_counts(path, RUN.uuid).pieces == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_is_not_silent(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "records.db", FAST)
    store.begin_run(replace(RUN, labels=(b"no text",)))  # type: ignore[arg-type]
    store._writer.join(30)
    assert store.trouble is not None
    assert store.trouble.startswith("The record writer has stopped")
    assert store.must_pause
    assert store._connection is not None
    store._connection.close()
    store.close()


KILLED = """
import sys
from pathlib import Path
from station.store import Store, StoreSettings
from tests.station.pieces import RUN, closed_piece
store = Store.open(Path(sys.argv[1]), StoreSettings(commit_every_s=0.005))
store.begin_run(RUN)
for n in range(1, 1_000_000):
    store.append([closed_piece(n)])
    if n % 25 == 0 and store.flush():
        print(n, flush=True)
"""


def test_nothing_committed_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as station:
        assert station.stdout is not None
        promised = [int(station.stdout.readline()) for _ in range(20)][-1]
        station.send_signal(signal.SIGKILL)
        promised = max([promised, *(int(line) for line in station.stdout if line.endswith("\n"))])

    store = Store.open(path, FAST)
    store.append([closed_piece(7_000_000)])
    store.close()
    kept = [row[0] for row in rows(path, "SELECT seq FROM pieces ORDER BY seq")]
    assert len(kept) > promised
    assert kept == list(range(1, len(kept) + 1))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


FULL_DISK = """
import resource, sys
from pathlib import Path
from station.store import Store, StoreSettings
from station.store_reader import read_counts
from tests.station.pieces import RUN, closed_piece
path = Path(sys.argv[1])
store = Store.open(path, StoreSettings(0.01, 0.02, 0.05))
store.begin_run(RUN)
assert store.flush()
before = resource.getrlimit(resource.RLIMIT_FSIZE)
largest = path.with_name(path.name + "-wal").stat().st_size + 10_000
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
store.append(closed_piece(n) for n in range(500))
assert not store.flush(0.5)
assert store.trouble is not None and "Free or check the disk" in store.trouble, store.trouble
resource.setrlimit(resource.RLIMIT_FSIZE, before)
assert store.flush(5.0), store.trouble
assert store.trouble is None
store.close()
assert read_counts(path, RUN.uuid).pieces == 500
print("kept all")
"""


def test_a_disk_that_takes_no_more_costs_no_piece_once_there_is_room_again(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "records.db")], capture_output=True, text=True, check=False
    )
    assert told.stdout == "kept all\n", told.stderr


def test_masses_are_stored_and_summed_and_a_piece_without_one_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, FAST)
    store.begin_run(RUN)
    store.append([closed_piece(1, mass_g=10.0005), closed_piece(2, mass_g=None), closed_piece(3, mass_g=4.25)])
    store.close()
    assert rows(path, "SELECT mass_g, mass_sd_g FROM pieces ORDER BY seq") == [
        (10.0005, 5.00025), (None, None), (4.25, 2.125)
    ]  # fmt: skip
    assert [row.mass_g for row in read_counts(path, RUN.uuid).rows] == [pytest.approx(14.251, abs=0.0011)]


def test_a_database_of_the_first_version_is_brought_up_to_date_with_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    store = Store.open(path, FAST)
    store.begin_run(RUN)
    store.append([closed_piece(1), closed_piece(2)])
    store.close()
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            "DROP VIEW counts; DROP VIEW closed_pieces; ALTER TABLE pieces DROP COLUMN mass_g;"
            " ALTER TABLE pieces DROP COLUMN mass_sd_g; CREATE VIEW counts AS SELECT 1;"
            " CREATE VIEW closed_pieces AS SELECT pieces.* FROM pieces; PRAGMA user_version = 1;"
        )

    store = Store.open(path, FAST)
    store.append([closed_piece(3, mass_g=7.0)])
    store.close()
    assert rows(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows(path, "SELECT piece_id, mass_g FROM closed_pieces ORDER BY seq") == [(1, None), (2, None), (3, 7.0)]
    assert read_counts(path, RUN.uuid).pieces == 3
