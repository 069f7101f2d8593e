"""Everything a report says can be counted again from the pieces, and a changed figure is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.reporting.outbox import Outbox
from station.reporting.recount import in_words, recount
from station.reporting.trimming import trim_before
from tests.station.reporting.yard import Yard

DAY_NS = 86_400 * 1_000_000_000


def filled(folder: Path) -> Path:
    with Yard(folder) as yard:
        yard.fill(rows=4, pieces=3)
        yard.see(5, outlet=None, mass_g=None)
        yard.close()
        yard.see(2)
        assert yard.store.flush()
        return yard.store.path


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=8))
def test_rows_and_open_pieces_sum_to_the_records(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]]
) -> None:
    with Yard(tmp_path_factory.mktemp("yard")) as yard:
        for pieces, ejected, closes in steps:
            yard.see(pieces, "copper" if ejected else None)
            if closes:
                yard.close()
        assert yard.store.flush()
        found = recount(yard.store.path)
    assert found.difference is None
    assert found.pieces + found.open_pieces == yard.pieces


def test_a_recount_agrees_and_says_how_many(tmp_path: Path) -> None:
    found = recount(filled(tmp_path))
    assert (found.rows, found.pieces, found.open_pieces, found.difference) == (5, 17, 2, None)
    assert in_words(found).endswith("Records, rows, chain and totals agree.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE pieces SET outlet = 'brass' WHERE seq = 5", "row 2: CU-NO2 brass ejected: nothing, records say 1 pi"),
        ("UPDATE pieces SET mass_g = mass_g + 1 WHERE seq = 5", "row 2: CU-NO2 copper ejected: 3 pieces of 96.3 g"),
        ("DELETE FROM pieces WHERE seq = 8", "row 3: CU-NO2 copper ejected: 3 pieces of 96.3 g, records say 2"),
        ("UPDATE totals SET pieces = pieces + 1 WHERE outlet = 'rest'", "CU-NO2 rest passed: 6 pieces, rows say 5"),
        ("DELETE FROM intervals WHERE sequence = 2", "row 3 does not follow row 1"),
        (
            "UPDATE intervals SET told = replace(told, '\"pieces\":3', '\"pieces\":4') WHERE sequence = 3",
            "fit its hash",
        ),
        ("UPDATE intervals SET after_piece = 4 WHERE sequence = 2", "row 2 begins after piece 4, the one before ends"),
        ("UPDATE open_interval SET after_piece = 16", "the open interval begins after piece 16"),
        ("INSERT INTO moments VALUES (1, 1, 0, 'bypass', 'held', 'air-low', '[]')", "its times of states"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, change: str, said: str) -> None:
    path = filled(tmp_path)
    with closing(sqlite3.connect(path)) as hand:
        hand.execute(change)
        hand.commit()
    difference = recount(path).difference
    assert difference is not None
    assert said in difference


def test_details_go_by_age_and_totals_and_waiting_rows_stay(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=6, pieces=10)
        outbox = Outbox(yard.store)
        epoch = outbox.pending()[0].epoch
        outbox.acknowledge(epoch, up_to=2)
        far = yard.now_ns + yard.run.utc_offset_ns + DAY_NS
        assert yard.store.change(lambda connection: trim_before(connection, far, at_once=25)) == 20
        assert [row.sequence for row in outbox.pending()] == [3, 4, 5, 6]
        found = recount(yard.store.path)
        assert (found.rows, found.trimmed, found.difference) == (4, 0, None)
        while yard.store.change(lambda connection: trim_before(connection, far)):
            pass
        found = recount(yard.store.path)
        assert (found.rows, found.trimmed, found.difference) == (4, 4, None)
        outbox.acknowledge(epoch, up_to=6)
        yard.store.change(lambda connection: trim_before(connection, far))
    with Yard(tmp_path) as yard:
        yard.fill(rows=1, pieces=3)
        [row] = Outbox(yard.store).pending()
        assert row.sequence == 7
        assert row.row.counts[0].pieces == 3
        assert yard.store.change(lambda c: c.execute("SELECT sum(pieces) FROM totals").fetchone()[0]) == 63
        assert recount(yard.store.path).difference is None


def test_what_is_younger_stays(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2, pieces=10)
        before = yard.run.started_ns + yard.run.utc_offset_ns
        assert yard.store.change(lambda connection: trim_before(connection, before)) == 0
