"""A small version of the load test; ``station programme bench`` is the large one."""

from __future__ import annotations

from station.programme.bench import measure

_STATIONS = 2000
_CORES = 2


def test_the_minute_reports_of_two_thousand_stations_cost_less_than_two_cores_and_none_is_lost() -> None:
    found = measure(stations=40, minutes=3)
    assert found.counted == found.pieces > 0
    cores = found.cpu_ms / 1000 * _STATIONS / 60
    assert cores < _CORES / 2
