"""The receiver's pages: stations with gaps and conflicts, totals, one station. Rendered here, no scripts, read only."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import ipaddress
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from station.codebook import Material, load_codebook
from station.programme.door import Visitor
from station.programme.limits import Limit
from station.programme.page_words import LANGUAGES, language_of, words
from station.programme.reading import ClassLine, DailyCount, DayLine, LedgerReader, StationLine
from station.programme.registry import Registry
from station.reporting.safe_csv import cell_text

_HERE = Path(__file__).parent
_DAYS_SHOWN = 30
_LATE_MS = 15 * 60 * 1000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages need. ``channels`` are sentences on the ways rows come in."""

    reader: LedgerReader
    registry: Registry
    who: Callable[[Request], Visitor]
    channels: Callable[[], Sequence[str]]
    codebook: Mapping[str, Material] = field(default_factory=load_codebook)
    by_failures: Limit = field(default_factory=lambda: Limit(per_s=0.1, burst=10.0))


@dataclass(frozen=True, slots=True)
class Span:
    """Days shown, ISO 8601, both inside."""

    first: str
    last: str
    station: str | None


def add_pages(app: FastAPI, desk: Desk) -> None:
    """Pages are for viewers; without any registered, for this computer alone."""
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"moment": _moment, "thousands": _thousands}

    def show(request: Request, name: str, values: Values) -> Response:
        _let_look(desk, request)
        language = language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        both = {
            "w": words(language), "lang": language, "languages": LANGUAGES, "page": name,
            "switch": {other: request.url.include_query_params(lang=other).query for other in LANGUAGES},
            "title_of": _titles(desk.codebook, language), **values,
        }  # fmt: skip
        return HTMLResponse(templates.get_template(f"{name}.html").render(both))

    _add_overview(app, desk, show)
    _add_totals(app, desk, show)
    _add_station(app, desk, show)
    _add_csv(app, desk)


Show = Callable[[Request, str, Values], Response]


def _add_overview(app: FastAPI, desk: Desk, show: Show) -> None:
    @app.get("/", response_model=None, include_in_schema=False)
    def overview(request: Request) -> Response:
        _let_look(desk, request)
        now_ms = _now_ms()
        lines = [(line, _state(line, now_ms)) for line in desk.reader.stations()]
        groups = [[pair for pair in lines if pair[0].is_simulated is kind] for kind in (False, True)]
        return show(request, "overview", {"groups": groups, "now_ms": now_ms, "channels": desk.channels()})

    @app.get("/conflicts", response_model=None, include_in_schema=False)
    def conflicts(request: Request) -> Response:
        _let_look(desk, request)
        return show(request, "conflicts", {"conflicts": desk.reader.conflicts()})


def _add_totals(app: FastAPI, desk: Desk, show: Show) -> None:
    @app.get("/totals", response_model=None, include_in_schema=False)
    def totals(request: Request) -> Response:
        _let_look(desk, request)
        span = _span(request)
        sheets = [_sheet(desk.reader, span, is_simulated=kind) for kind in (False, True)]
        stations = [(line.station, line.name) for line in desk.reader.stations()]
        return show(request, "totals", {"span": span, "sheets": sheets, "stations": stations})


def _add_station(app: FastAPI, desk: Desk, show: Show) -> None:
    @app.get("/stations/{station}", response_model=None, include_in_schema=False)
    def one(request: Request, station: str) -> Response:
        _let_look(desk, request)
        found = [line for line in desk.reader.stations() if line.station == station]
        if not found:
            raise HTTPException(404, "No such station is registered.")
        span = _span(request)
        kind = found[0].is_simulated
        values: Values = {
            "line": found[0], "state": _state(found[0], _now_ms()), "chains": desk.reader.chains(station),
            "conflicts": desk.reader.conflicts(station), "refusals": desk.reader.refusals(station), "span": span,
            "sheet": _sheet(desk.reader, Span(span.first, span.last, station), is_simulated=kind),
            "pauses": desk.reader.downtime(is_simulated=kind, first=span.first, last=span.last, station=station),
        }  # fmt: skip
        return show(request, "station", values)


def _add_csv(app: FastAPI, desk: Desk) -> None:
    @app.get("/v1/counts_daily.csv", response_model=None)
    def counts_daily(request: Request, simulated: bool = False) -> Response:
        """Daily counts as CSV, for viewers; real ones, or with ``simulated=true`` simulated ones, never both."""
        _let_look(desk, request)
        span = _span(request)
        lines = desk.reader.daily(is_simulated=simulated, first=span.first, last=span.last, station=span.station)
        name = f"{'simulated-' if simulated else ''}counts_daily_{span.first}_{span.last}.csv"
        return Response(
            _csv(lines), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
        )


def _csv(lines: Sequence[DailyCount]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(DailyCount._fields)
    writer.writerows([cell_text(cell) for cell in line] for line in lines)
    return text.getvalue().encode("utf-8-sig")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Totals of one kind. ``cells`` by class, outlet; ``by_day``: day, stations, hours, degraded, untrusted, pieces."""

    is_simulated: bool
    outlets: tuple[str, ...]
    cells: Mapping[str, Mapping[str, ClassLine]]
    class_sums: Mapping[str, tuple[int, float]]
    outlet_sums: Mapping[str, tuple[int, float]]
    by_day: tuple[tuple[str, int, float, float, int, int], ...]


def _sheet(reader: LedgerReader, span: Span, *, is_simulated: bool) -> Sheet:
    lines = reader.classes(is_simulated=is_simulated, first=span.first, last=span.last, station=span.station)
    cells: dict[str, dict[str, ClassLine]] = {}
    by_class: dict[str, tuple[int, float]] = {}
    by_outlet: dict[str, tuple[int, float]] = {}
    for line in lines:
        cells.setdefault(line.class_id, {})[line.outlet] = line
        for sums, key in ((by_class, line.class_id), (by_outlet, line.outlet)):
            pieces, kg = sums.get(key, (0, 0.0))
            sums[key] = (pieces + line.pieces, kg + line.kg)
    days = reader.days(is_simulated=is_simulated, first=span.first, last=span.last, station=span.station)
    pieces_by_day = reader.pieces_by_day(
        is_simulated=is_simulated, first=span.first, last=span.last, station=span.station
    )
    outlets = tuple(sorted(by_outlet, key=lambda outlet: -by_outlet[outlet][0]))
    return Sheet(is_simulated, outlets, cells, by_class, by_outlet, _by_day(days, pieces_by_day))


def _by_day(lines: Sequence[DayLine], pieces: Mapping[str, int]) -> tuple[tuple[str, int, float, float, int, int], ...]:
    found: dict[str, tuple[str, int, float, float, int, int]] = {}
    for line in lines:
        _, stations, hours, degraded, untrusted, _ = found.get(line.day, ("", 0, 0.0, 0.0, 0, 0))
        found[line.day] = (
            line.day, stations + 1, hours + line.hours, degraded + line.degraded_hours,
            untrusted + line.untrusted, pieces.get(line.day, 0),
        )  # fmt: skip
    return tuple(found[day] for day in sorted(found, reverse=True))


def _state(line: StationLine, now_ms: int) -> tuple[str, str]:
    """A word of the pages and its level: calm, attention or alarm."""
    if line.is_revoked:
        return "revoked", "calm"
    if line.conflicts:
        return "conflict", "alarm"
    if line.last_ms is None:
        return "never", "calm"
    if line.waiting or line.withheld:
        return "gap", "attention"
    return ("late", "attention") if now_ms - line.last_ms > _LATE_MS else ("well", "calm")


def _span(request: Request) -> Span:
    today = datetime.now(UTC).date()  # noqa: TID251 - what "the last days" are is asked now
    asked = request.query_params
    first, last, station = asked.get("from", ""), asked.get("to", ""), asked.get("station", "")
    return Span(
        first if _DAY.fullmatch(first) else (today - timedelta(days=_DAYS_SHOWN - 1)).isoformat(),
        last if _DAY.fullmatch(last) else today.isoformat(),
        station if _ID.fullmatch(station) else None,
    )


def _let_look(desk: Desk, request: Request) -> None:
    """Raises HTTPException unless the visitor is a viewer, or nobody is one and the visitor sits at this computer."""
    address = desk.who(request).address
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    now_s = time.monotonic()  # noqa: TID251 - limits count real seconds
    if not desk.registry.viewer_hashes():
        if address and ipaddress.ip_address(address.partition("%")[0]).is_loopback:
            return
        raise HTTPException(403, "Nobody may look yet: station programme viewer add NAME, on the receiver's computer.")
    if scheme.lower() == "basic":
        name, _, password = _decoded(told).partition(":")
        if desk.registry.may_look(name, password):
            return
        if desk.by_failures.take(address, now_s):
            raise HTTPException(429, "Too many wrong passwords from there.", {"retry-after": "60"})
    raise HTTPException(401, "Log in as a viewer.", {"www-authenticate": 'Basic realm="programme", charset="UTF-8"'})


def _decoded(told: str) -> str:
    try:
        return base64.b64decode(told, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _titles(codebook: Mapping[str, Material], language: str) -> Callable[[str], str]:
    def title(class_id: str) -> str:
        known = codebook.get(class_id)
        return "" if known is None else known.name_zh if language == "zh" else known.name

    return title


def _moment(at_ms: int | None) -> str:
    return "–" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _thousands(number: float, places: int = 0) -> str:
    """With thin spaces, as both languages read it."""
    return f"{number:,.{places}f}".replace(",", "\u202f")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
