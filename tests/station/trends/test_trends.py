"""Trends: a minute is gathered, kept, thinned and shown; nothing is shown that was not seen."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import httpx
import numpy as np
import pytest

from control.types import Outcome
from station.reporting.batches import Intake, open_batch
from station.trends.book import Figure, Series, TrendBook
from station.trends.charts import Names, charts
from station.trends.spans import Span, SpanUnknown, Stretch, stretch
from station.trends.watch import TrendWatch
from station.types import Timing
from station.web.app import Desks, create_app
from station.web.piece_routes import PieceFiles
from tests.station.paper_access import paper_access
from tests.station.paper_station import PaperStation
from tests.station.pieces import closed_piece
from tests.station.reporting.yard import Yard

NOON_S = 1_800_000_000
DAY_S = 86_400
NAMES = Names({"copper": "Copper", "rest": "Rest"}, {"CU-NO2": "Copper No. 2"})


def one(series: Series, key: str, value: float, n: float = 1) -> Figure:
    return Figure(series, key, n, n * value, value, value)


@pytest.fixture
def book(tmp_path: Path) -> TrendBook:
    return TrendBook(tmp_path / "trends.sqlite")


def gathered(book: TrendBook) -> None:
    """Two minutes of a line: three pieces in the first, one in the second."""
    picture = np.full((64, 64, 3), 90, np.uint8)
    picture[::2] = 110

    async def go() -> None:
        watch = TrendWatch(book, "rest", lambda: picture)
        watch.tick(NOON_S)
        watch.take(closed_piece(1, mass_g=30.0))
        watch.take(closed_piece(2, mass_g=20.0))
        watch.take(closed_piece(3, outcome=Outcome.late))
        watch.take(Timing(tuple(float(n) for n in range(1, 101))))
        watch.tick(NOON_S + 61)
        watch.take(closed_piece(4, outcome=Outcome.unsure, outlet=None))
        await watch.end()

    asyncio.run(go())


def test_a_minute_is_gathered_and_shown_as_it_was(book: TrendBook) -> None:
    gathered(book)
    drawn = {chart.id: chart for chart in charts(book, NAMES, Stretch(NOON_S, NOON_S + 180, 60))}
    assert {strip.name: strip.values for strip in drawn["pieces"].strips} == {"Copper": (2, 0, 0), "Rest": (1, 1, 0)}
    assert drawn["mass"].strips[0].values == (0.05, 0, 0)
    assert [strip.values for strip in drawn["doubt"].strips] == [(0, 100, None), (33.33, 0, None)]
    assert sum(filter(None, drawn["confidence"].strips[0].values)) == 4
    assert [strip.values[0] for strip in drawn["work"].strips] == [50.5, 99.01]
    light, sharpness = drawn["camera"].strips
    assert light.values[0] == 100
    assert sharpness.values[0] is not None
    assert sharpness.values[0] > 100
    assert "valves" not in drawn


def test_old_minutes_become_quarters_and_nothing_is_lost_by_it_until_it_is_too_old(book: TrendBook) -> None:
    for minute in range(30):
        book.add(
            NOON_S + 60 * minute, [one(Series.pieces, "copper/ejected", 0.5, n=2), one(Series.work, "p99", minute)]
        )
    book.add(NOON_S + 3 * DAY_S, [])
    quarters = book.read(Series.pieces, NOON_S, NOON_S + DAY_S, 60)["copper/ejected"]
    assert {slot: (sums.n, sums.total) for slot, sums in quarters.items()} == {0: (30, 15), 15: (30, 15)}
    assert book.read(Series.work, NOON_S, NOON_S + DAY_S, 60)["p99"][15].most == 29
    book.add(NOON_S + 3 * DAY_S + 60, [])
    assert book.read(Series.pieces, NOON_S, NOON_S + DAY_S, DAY_S)["copper/ejected"][0].n == 60
    book.add(NOON_S + 100 * DAY_S, [])
    assert book.read(Series.pieces, 0, NOON_S + 200 * DAY_S, DAY_S) == {}


def test_every_span_has_at_most_96_steps_and_a_batch_its_own_time(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        records, now_s = yard.store.path, NOON_S + 5.0
        with pytest.raises(SpanUnknown, match="No batch yet"):
            stretch(Span.batch, "", records, now_s)
        with pytest.raises(SpanUnknown, match="No shift"):
            stretch(Span.shift, "", records, now_s)
        opened = "2027-01-15T08:00:00+00:00"  # = NOON_S
        yard.store.change(lambda connection: open_batch(connection, Intake(id="B-1"), "Li", opened))
        assert stretch(Span.batch, "B-1", records, now_s) == Stretch(NOON_S, NOON_S + 60, 60)
        with pytest.raises(SpanUnknown, match="no batch B-2"):
            stretch(Span.batch, "B-2", records, now_s)
        for span in (Span.hour, Span.day, Span.week):
            found = stretch(span, "", records, now_s)
            assert 28 <= found.steps <= 97
            assert found.from_s <= now_s - 3600 < now_s < found.to_s


def test_the_page_gives_every_chart_as_json_and_as_a_table(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        app = create_app(
            PaperStation(), paper_access(), desks=Desks(pieces=PieceFiles(yard.store.path, tmp_path / "a", "rest"))
        )
        yard.store.change(
            lambda connection: open_batch(connection, Intake(id="B-1"), "Li", "2027-01-15T08:00:00+00:00")
        )
        gathered(TrendBook(tmp_path / "trends.sqlite"))

        async def go() -> tuple[httpx.Response, ...]:
            door = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1:8080") as browser:
                asked = ("?span=batch", "/pieces.csv?span=batch", "/moon.csv", "?span=year", "?span=batch&batch=B-9")
                return tuple([await browser.get(f"/api/trends{question}") for question in asked])

        told, table, moon, year, unknown = asyncio.run(go())
    assert [answer.status_code for answer in (moon, year, unknown)] == [404, 422, 404]
    assert [chart["id"] for chart in told.json()["charts"]][:2] == ["pieces", "mass"]
    head, first, *_ = csv.reader(table.content.decode("utf-8-sig").splitlines())
    assert (head, first[0]) == (["from_utc", "Copper", "Rest"], told.json()["from_utc"])
