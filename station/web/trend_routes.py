"""Charts over time: one page, the figures behind it as JSON, and each chart as a table to take away."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from station.access.words import Role
from station.marked import marked
from station.reporting.safe_csv import ENCODING, cell_text
from station.trends.book import BOOK, TrendBook
from station.trends.charts import Chart, Names, charts
from station.trends.spans import SPANS, Span, SpanUnknown, Stretch, stretch
from station.trends.watch import BINS
from station.web.access import Body, Refused, needs
from station.web.pages import Pages, Tab
from station.web.view import StationFacts


class TrendQuery(Body):
    """``batch`` empty: the newest one."""

    span: Span = Span.hour
    batch: Annotated[str, Field(max_length=64)] = ""


def add_trends(app: FastAPI, pages: Pages, facts: StationFacts, records: Path) -> None:
    """``records`` is the record database; the trend book lies beside it."""
    book = TrendBook(records.parent / BOOK)
    names = Names(
        {outlet.name: outlet.title for outlet in facts.outlets}, {label.label: label.title for label in facts.labels}
    )
    pages.add_tab(Tab("/trends", marked("Trends")))

    async def find(query: TrendQuery) -> tuple[Stretch, tuple[Chart, ...]]:
        return await asyncio.to_thread(_find, book, names, records, query)

    @app.get("/trends", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "trends.html", spans=SPANS)

    @app.get("/api/trends", openapi_extra=needs(Role.viewer))
    async def trends(query: Annotated[TrendQuery, Query()]) -> dict[str, object]:
        over, drawn = await find(query)
        return {
            "from_utc": _utc(over.from_s),
            "step_s": over.step_s,
            "steps": over.steps,
            "charts": [chart._asdict() | {"strips": [strip._asdict() for strip in chart.strips]} for chart in drawn],
        }

    @app.get("/api/trends/{chart}.csv", openapi_extra=needs(Role.viewer), response_class=Response)
    async def table(chart: str, query: Annotated[TrendQuery, Query()]) -> Response:
        over, drawn = await find(query)
        found = next((each for each in drawn if each.id == chart), None)
        if found is None:
            raise Refused(404, marked("There are no such figures of that time."))
        headers = {"content-disposition": f'attachment; filename="{found.id}-{query.span}.csv"'}
        return Response(_csv(over, found).encode(ENCODING), 200, headers, "text/csv; charset=utf-8")


def _find(book: TrendBook, names: Names, records: Path, query: TrendQuery) -> tuple[Stretch, tuple[Chart, ...]]:
    now_s = time.time()  # noqa: TID251 - "the last hour" ends now
    try:
        over = stretch(query.span, query.batch, records, now_s)
        return over, charts(book, names, over)
    except SpanUnknown as unknown:
        raise Refused(404, str(unknown)) from unknown
    except sqlite3.Error as error:
        raise Refused(
            503, marked("The figures cannot be read now ({error}). Try again.").format(error=error)
        ) from error


def _csv(over: Stretch, chart: Chart) -> str:
    """A line for every slot, a column for every strip."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(
        ["confidence_from" if chart.shares else "from_utc", *(cell_text(strip.name) for strip in chart.strips)]
    )
    slots = range(BINS) if chart.shares else range(over.steps)
    for n in slots:
        begins = f"{n / BINS:.1f}" if chart.shares else _utc(over.from_s + n * over.step_s)
        writer.writerow([begins, *(strip.values[n] for strip in chart.strips)])
    return written.getvalue()


def _utc(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
