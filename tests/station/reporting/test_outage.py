"""Two hours without the programme in time-lapse; ``bench_outage`` does the week."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.station.reporting.bench_outage import live_through


@pytest.mark.timeout(300)
def test_what_piles_up_without_the_programme_drains_whole(tmp_path: Path) -> None:
    found = live_through(tmp_path, rows=120, pieces_a_row=30)
    assert found.rows == 120
    assert found.applied == found.acknowledged == found.pieces == 120 * 30
    assert found.applied_rows == 120
    assert found.waiting == 0
    assert found.forecast_days is not None
    # Of two hours for a week's rows: what the station itself spends on sending them, generously.
    assert found.outbox_s / found.rows * 10_080 < 600
