"""Children are started again, but not for ever."""

from station.crew import RestartLimit

SECOND = 1_000_000_000


def test_five_restarts_in_ten_minutes_are_allowed_and_the_sixth_is_not() -> None:
    limit = RestartLimit()
    assert [limit.allows(n * SECOND) for n in range(6)] == [True] * 5 + [False]


def test_restarts_long_ago_do_not_count() -> None:
    limit = RestartLimit()
    for n in range(5):
        assert limit.allows(n * 150 * SECOND)
    assert limit.allows(601 * SECOND)
    assert not limit.allows(602 * SECOND)
