"""A simple station against the ledger: whatever is lost, doubled or set aside, the sums agree in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from station.reporting.row import IntervalRow
from tests.station.programme.books import Book, opened
from tests.station.reporting.rows import ROW, chain

_ROWS = 24
_MOST_STEPS = 300


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with opened(f"sqlite:///{tmp_path_factory.mktemp('model')}/p.db") as found:
        yield found


@pytest.mark.parametrize("seed", range(20))
def test_what_is_acknowledged_is_what_was_recorded_and_each_row_counts_once(book: Book, seed: int) -> None:
    chance, epoch = Random(seed), f"{seed + 1:032x}"
    rows = chain(_ROWS, replace(ROW, epoch=epoch))
    aside = {row.sequence for row in rows if chance.random() < 0.06}
    before = book.pieces()
    acknowledged = deliver(book, rows, aside, chance)
    assert acknowledged == {row.sequence for row in rows} - aside
    assert book.pieces() - before == sum(acknowledged)
    retried = [row for row in rows if row.sequence in aside]
    chance.shuffle(retried)
    for row in retried:
        assert book.take([row], epoch=epoch).refused == ()
    assert book.pieces() - before == sum(range(_ROWS + 1))


def deliver(book: Book, rows: list[IntervalRow], aside: set[int], chance: Random) -> set[int]:
    """Send until all is acknowledged: rows are dropped, shuffled and doubled, acknowledgements lost."""
    acknowledged: set[int] = set()
    for _ in range(_MOST_STEPS):
        waiting = [row for row in rows if row.sequence not in acknowledged | aside]
        if not waiting:
            return acknowledged
        given = [row for row in waiting[: chance.randrange(1, 9)] if chance.random() > 0.15]
        given += [row for row in rows[: waiting[0].sequence] if chance.random() < 0.1 and row.sequence not in aside]
        chance.shuffle(given)
        withheld = tuple(aside) if chance.random() < 0.5 else ()
        ack = book.take(given, withheld=withheld, epoch=rows[0].epoch)
        assert ack.refused == ()
        if chance.random() > 0.3:
            acknowledged |= {row.sequence for row in given if row.sequence <= ack.acknowledged_through}
    raise AssertionError(f"never done: {sorted(acknowledged)}")
