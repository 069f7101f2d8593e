"""A cable that damages more than one answer in a hundred is named, and only while it does."""

from __future__ import annotations

from control.modbus_answers import LineHealth
from control.process import ControlStatus
from station.faults import FAULTS, Effect
from station.line_watch import LineWatch

SECOND_NS = 1_000_000_000


def status(at_s: int, line: LineHealth | None) -> ControlStatus:
    return ControlStatus(at_s * SECOND_NS, True, True, 0, 0, 0.0, 0.0, 0, 0, None, None, 0, line=line)


def told(*statuses: tuple[int, int, int]) -> LineWatch:
    """At so many seconds so many requests, so many of them damaged."""
    watch = LineWatch()
    for at_s, requests, damaged in statuses:
        watch.note(status(at_s, LineHealth(requests, (("damaged", damaged),) if damaged else ())))
    return watch


def test_one_answer_in_a_hundred_is_borne_and_more_are_a_fault_with_its_figures() -> None:
    assert told((0, 0, 0), (1, 100, 1)).trouble is None
    assert told((0, 0, 0), (1, 100, 2)).trouble == "of the last 100 answers: 2 damaged"


def test_what_happened_more_than_ten_seconds_ago_is_forgotten() -> None:
    bad = [(0, 0, 0), (1, 100, 50)]

    assert told(*bad, *((n, 100 * n, 50) for n in range(2, 11))).trouble is not None
    assert told(*bad, *((n, 100 * n, 50) for n in range(2, 12))).trouble is None


def test_a_driver_that_begins_to_count_anew_is_judged_by_what_comes_after() -> None:
    assert told((0, 5000, 0), (1, 10, 9)).trouble is None
    assert told((0, 5000, 4000), (1, 10, 0), (2, 110, 1)).trouble is None


def test_a_machine_that_counts_no_answers_is_never_noisy() -> None:
    watch = told((0, 0, 0), (1, 100, 100))
    watch.note(status(2, None))

    assert watch.trouble is None
    assert FAULTS["line-noisy"].effect is Effect.degrade
