"""The ledger applies each row once, in the order of its chain, whatever comes how often and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy.exc import SQLAlchemyError

from station.programme.ledger import apply
from station.programme.tables import DatabaseRefused, open_databases
from station.programme.thinning import thin
from station.programme.words import Code, Delivery, Sender
from station.reporting.row import Correction, Intake, IntervalRow, RowKind, seal
from tests.station.programme.books import NOW_MS, Book, opened, other_history, real
from tests.station.reporting.rows import EPOCH, ROW, chain

DAY = ROW.from_utc[:10]


@pytest.fixture
def book(database: str) -> Iterator[Book]:
    with opened(database) as found:
        yield found


def test_rows_in_order_are_applied_and_acknowledged_with_the_hash_of_the_last(book: Book) -> None:
    rows = chain(3)
    ack = book.take(rows)
    assert (ack.acknowledged_through, ack.acknowledged_hash, ack.accepted) == (3, rows[-1].hash, 3)
    assert book.totals() == {(ROW.station, True, DAY, "CU-NO2"): 1 + 2 + 3}


def test_the_same_rows_again_change_nothing(book: Book) -> None:
    rows = chain(3)
    book.take(rows)
    ack = book.take(rows)
    assert (ack.acknowledged_through, ack.accepted, ack.duplicates) == (3, 0, 3)
    assert book.pieces() == 6


def test_a_row_twice_in_one_delivery_counts_once(book: Book) -> None:
    rows = chain(2)
    ack = book.take([*rows, *rows])
    assert (ack.accepted, ack.duplicates) == (2, 2)
    assert book.pieces() == 3


def test_rows_beyond_a_gap_wait_until_it_is_filled(book: Book) -> None:
    rows = chain(5)
    book.take(rows[:1])
    ack = book.take(rows[3:])
    assert (ack.acknowledged_through, ack.waiting, ack.missing) == (1, 2, ((2, 3),))
    assert book.pieces() == 1
    ack = book.take(rows[1:3])
    assert (ack.acknowledged_through, ack.waiting, ack.missing) == (5, 0, ())
    assert book.pieces() == 15
    assert set(book.states().values()) == {"applied"}


@pytest.mark.parametrize("seed", range(3))
def test_repeated_reordered_and_lost_deliveries_end_in_the_same_totals(book: Book, seed: int) -> None:
    chance, rows = Random(seed), chain(30)
    acknowledged = 0
    for _ in range(200):
        first = chance.randrange(30)
        given = rows[first : first + chance.randrange(1, 8)]
        chance.shuffle(given)
        ack = book.take(given)
        assert ack.acknowledged_through >= acknowledged
        assert ack.refused == ()
        acknowledged = ack.acknowledged_through
        if acknowledged == 30:
            break
    assert acknowledged == 30
    assert book.pieces() == sum(range(31))


def test_another_row_under_a_number_already_held_is_a_conflict_and_never_applied(book: Book) -> None:
    rows = chain(4)
    book.take(rows)
    ack = book.take([rows[1], other_history(rows[2], 999)])
    assert [refusal.code for refusal in ack.refused] == [Code.conflict]
    assert (ack.acknowledged_through, ack.acknowledged_hash) == (2, rows[1].hash)
    assert book.pieces() == 10


def test_a_row_of_another_history_is_not_chained_on(book: Book) -> None:
    rows = chain(3)
    forked = other_history(rows[1], 999)
    ack = book.take([rows[0], forked, rows[2]])
    assert [(refusal.sequence, refusal.code) for refusal in ack.refused] == [(3, Code.chain)]
    assert ack.acknowledged_through == 2
    ack = book.take([seal(rows[2], forked.hash)])
    assert (ack.acknowledged_through, ack.refused) == (3, ())


def test_a_waiting_row_that_turns_out_to_be_of_another_history_makes_room(book: Book) -> None:
    rows = chain(3)
    stray = seal(rows[2], "f" * 64)
    book.take([stray])
    ack = book.take(rows[:2])
    assert [refusal.code for refusal in ack.refused] == [Code.chain]
    assert book.states() == {1: "applied", 2: "applied"}
    assert book.take([rows[2]]).acknowledged_through == 3


def test_the_first_row_has_to_begin_a_chain(book: Book) -> None:
    ack = book.take([seal(ROW, "e" * 64)])
    assert (ack.acknowledged_through, ack.acknowledged_hash) == (0, None)
    assert [refusal.code for refusal in ack.refused] == [Code.chain]


def test_a_real_station_cannot_send_simulated_rows_nor_the_other_way_round(book: Book) -> None:
    ack = book.take(chain(1), sender=Sender(ROW.station, False))
    assert [refusal.code for refusal in ack.refused] == [Code.simulated]
    ack = book.take([real(ROW)], sender=Sender("real-line", True))
    assert [refusal.code for refusal in ack.refused] == [Code.simulated]
    assert book.totals() == {}
    book.take([real(ROW)], sender=Sender("real-line", False))
    assert {key[:2] for key in book.totals()} == {("real-line", False)}


def test_nobody_sends_rows_of_another_station_or_epoch(book: Book) -> None:
    assert book.take(chain(1), sender=Sender("other-line", True)).refused[0].code is Code.station
    assert book.take(chain(1), epoch="f" * 32).refused[0].code is Code.station
    assert book.totals() == {}


def test_epochs_are_chains_of_their_own_and_add_up(book: Book) -> None:
    other = "f" * 32
    book.take(chain(2))
    ack = book.take(chain(3, replace(ROW, epoch=other)), epoch=other)
    assert ack.acknowledged_through == 3
    assert book.pieces() == 3 + 6


def test_a_withheld_row_is_passed_over_and_counted_when_it_comes_after_all(book: Book) -> None:
    rows = chain(5)
    ack = book.take([rows[0], rows[1], rows[3], rows[4]], withheld=(3,))
    assert (ack.acknowledged_through, ack.waiting, ack.missing) == (5, 0, ())
    assert book.pieces() == 1 + 2 + 4 + 5
    assert book.states()[3] == "withheld"
    stranger = book.take([other_history(rows[2], 999)])
    assert [refusal.code for refusal in stranger.refused] == [Code.chain]
    ack = book.take([rows[2]])
    assert (ack.acknowledged_through, ack.accepted) == (5, 1)
    assert book.pieces() == 15
    assert book.take([rows[2]]).duplicates == 1


def test_a_withheld_row_at_the_end_lets_the_next_one_follow(book: Book) -> None:
    rows = chain(3)
    ack = book.take(rows[:1], withheld=(2,))
    assert (ack.acknowledged_through, ack.acknowledged_hash) == (2, None)
    assert book.take(rows[2:]).acknowledged_through == 3
    assert book.take([rows[1]]).accepted == 1


def test_what_is_held_is_not_withheld_and_far_rows_come_later(book: Book) -> None:
    rows = chain(2)
    book.take(rows, withheld=(1, 2))
    assert set(book.states().values()) == {"applied"}
    far = seal(replace(ROW, sequence=50_000), "a" * 64)
    assert [refusal.code for refusal in book.take([far]).refused] == [Code.ahead]


def at_night(sequence: int, previous: str) -> IntervalRow:
    """A row of a clock that began anew in 1970."""
    told = replace(
        ROW, sequence=sequence, from_utc="1970-01-01T00:00:00.000Z", to_utc="1970-01-01T00:01:00.000Z",
        clock_trusted=False,
    )  # fmt: skip
    return seal(told, previous)


def corrected(sequence: int, previous: str, first: int, last: int) -> IntervalRow:
    told = replace(
        ROW, sequence=sequence, kind=RowKind.correction, counts=(), states=(), downtime=(), degraded_reasons=(),
        degraded=False, correction=Correction(first, last, 1_800_000_000_000),
    )  # fmt: skip
    return seal(told, previous)


def test_a_correction_of_the_clock_moves_the_counts_to_their_day(book: Book) -> None:
    lost = at_night(1, "0" * 64)
    told = corrected(2, lost.hash, 1, 1)
    book.take([lost])
    assert {key[2] for key in book.totals()} == {"1970-01-01"}
    before = book.pieces()
    book.take([told])
    book.take([told])
    assert {key[2] for key in book.totals()} == {"2027-01-15"}
    assert book.pieces() == before


def test_a_correction_in_the_same_delivery_or_for_a_withheld_row_moves_too(book: Book) -> None:
    lost = at_night(1, "0" * 64)
    second = at_night(2, lost.hash)
    told = corrected(3, second.hash, 1, 2)
    book.take([second, told], withheld=(1,))
    assert {key[2] for key in book.totals()} == {"2027-01-15"}
    book.take([lost])
    assert {key[2] for key in book.totals()} == {"2027-01-15"}
    assert book.pieces() == 40


def test_a_batch_row_tells_its_intake(book: Book) -> None:
    intake = Intake("municipal", "mixed", 812.5, 0.5, None, ROW.from_utc, None)
    told = replace(ROW, kind=RowKind.batch, counts=(), states=(), downtime=(), intake=intake)
    assert book.take([seal(told, "0" * 64)]).acknowledged_through == 1


def test_nothing_of_a_transaction_that_fails_is_kept(book: Book) -> None:
    with book.databases.writer.connect() as connection:
        apply(connection, Sender(ROW.station, True), Delivery(EPOCH, tuple(chain(2))), 0)
        connection.rollback()
    assert book.totals() == {}
    assert book.take(chain(2)).accepted == 2


def test_the_reader_cannot_write(book: Book) -> None:
    with pytest.raises(SQLAlchemyError), book.databases.reader.begin() as connection:
        apply(connection, Sender(ROW.station, True), Delivery(EPOCH, tuple(chain(1))), 0)
    assert book.totals() == {}


def test_thinned_rows_keep_their_totals_and_still_know_their_doubles(book: Book) -> None:
    rows = chain(3)
    told = corrected(4, rows[2].hash, 1, 3)
    book.take([*rows, told])
    assert thin(book.databases.writer, NOW_MS) == 0
    assert thin(book.databases.writer, NOW_MS + 1) == 3
    assert book.pieces() == 6
    assert book.take(rows).duplicates == 3
    assert book.take([other_history(rows[1], 999)]).refused[0].code is Code.conflict
    later = corrected(5, told.hash, 1, 3)
    assert book.take([later, seal(replace(ROW, sequence=6), later.hash)]).acknowledged_through == 6
    assert book.pieces() == 6 + 20


def test_a_second_receiver_on_the_same_file_is_refused(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/p.db"
    with opened(url), pytest.raises(DatabaseRefused, match="Another receiver already writes"):
        open_databases(url)
    with opened(url):
        pass


def test_a_database_that_is_none_is_refused_in_words() -> None:
    for url, said in (
        ("mysql://x/y", "sqlite:///FILE or postgresql"),
        ("nonsense", "sqlite:///FILE or postgresql"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", "cannot be opened"),
    ):
        with pytest.raises(DatabaseRefused, match=said) as refused:
            open_databases(url)
        assert "secret" not in str(refused.value)
