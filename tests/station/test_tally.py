"""What was seen is counted on when the vision process had to be started anew."""

from station.tally import Seen, Tally
from station.types import State, Status


def status(pieces: int, frames: int) -> Status:
    return Status(State.running, "", (), 0, 0.0, frames, 1, 2, pieces, pieces, 0, 0)


def test_counts_go_on_over_a_restart_and_say_what_was_lost_with_it() -> None:
    tally = Tally()
    assert tally.seen == Seen()
    tally.hear(status(3, 60))
    tally.hear(status(7, 120))
    for _ in range(5):
        tally.record()
    tally.end()
    assert tally.seen == Seen(7, 2, 120, 1, 2, 1)
    tally.hear(status(4, 30))
    for _ in range(4):
        tally.record()
    assert tally.seen == Seen(11, 2, 150, 2, 4, 1)


def test_a_record_that_came_after_the_last_status_is_a_piece_that_was_seen() -> None:
    tally = Tally()
    tally.hear(status(1, 60))
    tally.record()
    tally.record()
    tally.end()
    assert tally.seen == Seen(2, 0, 60, 1, 2, 1)


def test_a_vision_process_that_never_said_anything_changes_nothing_but_the_restarts() -> None:
    tally = Tally()
    tally.end()
    tally.end()
    assert tally.seen == Seen(restarts=2)
