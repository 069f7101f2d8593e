"""A row waits until the receiver itself has it, whatever happens in between."""

from __future__ import annotations

import json
from pathlib import Path

from station.reporting.outbox import Outbox
from station.reporting.row import verify_chain
from tests.station.reporting.yard import Yard


def test_closed_intervals_wait_in_order_as_a_chain_that_counts_every_piece(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=3, pieces=4)
        waiting = Outbox(yard.store).pending()
    rows = [each.row for each in waiting]
    verify_chain(rows)
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [sum(count.pieces for count in row.counts) for row in rows] == [4, 4, 4]
    assert rows[0].counts[0].grams == 4 * 32.1
    assert rows[0].is_simulated
    assert rows[0].from_utc == "2027-01-15T08:00:06.000Z"
    assert rows[0].seconds == 2.0


def test_a_row_leaves_by_an_acknowledgement_only_and_only_once(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=5)
        outbox = Outbox(yard.store)
        epoch = outbox.pending()[0].epoch
        assert outbox.acknowledge(epoch, up_to=2) == 2
        assert outbox.acknowledge(epoch, sequences=[4, 4, 99]) == 1
        assert outbox.acknowledge(epoch, up_to=2) == 0
        assert outbox.acknowledge("f" * 32, up_to=99) == 0
        assert [each.sequence for each in outbox.pending()] == [3, 5]
        assert [each.sequence for each in outbox.pending(after=(epoch, 3))] == [5]
        assert [each.sequence for each in outbox.pending(limit=1)] == [3]


def test_what_was_not_acknowledged_waits_after_a_restart_and_the_sequence_goes_on(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        first = Outbox(yard.store).pending()
    with Yard(tmp_path) as yard:
        yard.fill(rows=1)
        again = Outbox(yard.store).pending()
    assert again[:2] == first
    assert again[-1].sequence == len(again)
    verify_chain(each.row for each in again)


def test_a_row_the_receiver_refuses_three_times_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=3)
        outbox = Outbox(yard.store)
        epoch = outbox.pending()[0].epoch
        assert [outbox.refused(epoch, 2, "422 no such class") for _ in range(3)] == [False, False, True]
        assert [each.sequence for each in outbox.pending()] == [1, 3]
        [aside] = outbox.quarantined()
        assert (aside.sequence, aside.reason) == (2, "422 no such class")
        assert outbox.export_quarantine(tmp_path / "poison.jsonl") == 1
        told = json.loads((tmp_path / "poison.jsonl").read_text())
        assert told["row"]["sequence"] == 2
        assert told["reason"] == "422 no such class"

        assert outbox.retry(epoch, 2) == 1
        assert [each.sequence for each in outbox.pending()] == [1, 2, 3]
        assert not outbox.refused(epoch, 2, "again")


def test_a_row_can_be_set_aside_at_once_and_a_late_acknowledgement_still_counts(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        outbox = Outbox(yard.store)
        epoch = outbox.pending()[0].epoch
        assert outbox.quarantine(epoch, 1, "too large")
        assert outbox.acknowledge(epoch, up_to=1) == 0
        assert len(outbox.quarantined()) == 1
        assert outbox.acknowledge(epoch, sequences=[1]) == 1
        assert outbox.quarantined() == ()
        assert not outbox.quarantine(epoch, 1, "too late")
        assert outbox.retry() == 0


def test_a_held_outbox_gives_nothing_and_loses_nothing(tmp_path: Path) -> None:
    sentence: list[str | None] = ["The clock is wrong."]
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        outbox = Outbox(yard.store, lambda: sentence[0])
        assert outbox.pending() == ()
        assert outbox.held == "The clock is wrong."
        sentence[0] = None
        assert len(outbox.pending()) == 2


def test_the_forecast_says_what_waits_and_how_long_the_disk_bears_it(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        outbox = Outbox(yard.store)
        assert outbox.forecast().waiting == 0
        assert outbox.forecast().days_left is None
        yard.fill(rows=4)
        epoch = outbox.pending()[0].epoch
        outbox.quarantine(epoch, 2, "no")
        outbox.acknowledge(epoch, up_to=1)
        found = outbox.forecast()
    assert (found.waiting, found.quarantined) == (2, 1)
    assert found.oldest_utc == "2027-01-15T08:00:10Z"
    assert found.bytes_per_day is not None
    assert found.days_left is not None
    assert found.days_left * found.bytes_per_day / found.free_bytes > 0.5
