"""How the station is, for monitoring systems: ``/metrics`` in the text form of Prometheus, and ``/api/health``."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from station.access.words import Role
from station.faults import FAULTS, Effect
from station.types import State
from station.web.access import needs
from station.web.view import StationView

_KIND = "text/plain; version=0.0.4; charset=utf-8"
_BAD = frozenset({Effect.stop, Effect.bypass, Effect.pause})


class StationCollector(Collector):
    """Reads the view when asked; nothing is counted twice."""

    def __init__(self, view: StationView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Every figure with its unit in its name; a simulated line says so in each of them."""
        facts = self._view.facts()
        names, values = ["station", "is_simulated"], [facts.name, str(facts.is_simulated).lower()]
        yield from self._line(names, values)
        yield from self._pieces(names, values)
        state = GaugeMetricFamily("station_state", "1 for the state the station is in", labels=[*names, "state"])
        now = self._view.status()
        for word in State:
            state.add_metric([*values, word], float(now is not None and now.state is word))
        yield state
        faults = GaugeMetricFamily("station_fault", "1 while the fault is present", labels=[*names, "code"])
        for row in self._view.faults():
            faults.add_metric([*values, row.code], float(row.present))
        yield faults

    def _line(self, names: list[str], values: list[str]) -> Iterator[Metric]:
        now, pace = self._view.status(), self._view.performance()
        if now is not None:
            speed = GaugeMetricFamily("station_belt_speed_mm_per_second", "speed of the belt", labels=names)
            speed.add_metric(values, now.speed_mm_s)
            yield speed
            frames = CounterMetricFamily("station_frames", "pictures by what became of them", labels=[*names, "fate"])
            fates = (("taken", now.frames), ("dropped", now.frames_dropped), ("unplaced", now.frames_unplaced))
            for fate, number in fates:
                frames.add_metric([*values, fate], number)
            yield frames
        if pace is not None:
            work = GaugeMetricFamily("station_frame_work_milliseconds", "work per picture", labels=[*names, "quantile"])
            work.add_metric([*values, "0.5"], pace.frame_ms_p50)
            work.add_metric([*values, "0.99"], pace.frame_ms_p99)
            yield work

    def _pieces(self, names: list[str], values: list[str]) -> Iterator[Metric]:
        of = [*names, "class", "outlet", "outcome"]
        pieces = CounterMetricFamily("station_pieces", "closed pieces of this run", labels=of)
        grams = CounterMetricFamily("station_mass_grams", "estimated mass of the closed pieces of this run", labels=of)
        rest = self._view.facts().rest_outlet
        for row in self._view.counts().rows:
            key = [*values, row.label, rest if row.outlet is None else row.outlet, row.outcome]
            pieces.add_metric(key, row.pieces)
            grams.add_metric(key, row.mass_g)
        yield pieces
        yield grams
        openings = CounterMetricFamily(
            "station_openings", "openings of an output in its life", labels=[*names, "output"]
        )
        for output, number in sorted(self._view.openings().items()):
            openings.add_metric([*values, str(output)], number)
        yield openings


def health_message(view: StationView) -> dict[str, object]:
    """``well`` is False while something keeps the station from sorting; every check with its sentence."""
    now, recording = view.status(), view.recording()
    checks = [{"check": "answers", "well": now is not None, "sentence": "" if now else "The station is starting up."}]
    checks += [
        {"check": row.code, "well": not _keeps_from_sorting(row.code), "sentence": row.sentence}
        for row in view.faults()
    ]
    if recording is not None:
        checks.append({"check": "recording", "well": True, "sentence": recording.stopped})
    return {"well": all(check["well"] for check in checks), "checks": checks}


def _keeps_from_sorting(code: str) -> bool:
    return code not in FAULTS or FAULTS[code].effect in _BAD


def add_metrics(app: FastAPI, view: StationView) -> None:
    """Both routes; a viewer may ask."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StationCollector(view))

    @app.get("/metrics", openapi_extra=needs(Role.viewer), response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(registry), 200, {"content-type": _KIND})

    @app.get("/api/health", openapi_extra=needs(Role.viewer))
    async def health() -> dict[str, object]:
        return health_message(view)
