"""Gathers what the trend book keeps, in the parent process: a minute in memory, then one transaction in a thread."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from control.types import Outcome
from station.trends.book import MINUTE_S, Figure, Series, TrendBook
from station.types import PieceRecord, Status, Timing

BINS = 10
_log = logging.getLogger(__name__)
_Look = Callable[[], NDArray[np.uint8] | None]


class TrendWatch:
    """``look`` gives the newest picture of the belt (BGR), None while there is none; it is asked for from a thread."""

    def __init__(self, book: TrendBook, rest_outlet: str, look: _Look) -> None:
        self._book = book
        self._rest = rest_outlet
        self._look = look
        self._minute = 0
        self._pieces: dict[tuple[Series, str], list[float]] = {}
        self._work_ms: list[float] = []
        self._slack_ms: list[float] = []
        self._status: Status | None = None
        self._writing: asyncio.Future[None] | None = None

    def take(self, message: object) -> None:
        """A message of the vision process, after the desk has it."""
        match message:
            case PieceRecord():
                self._take_piece(message)
            case Timing():
                self._work_ms.extend(message.frame_ms)
            case Status():
                self._status = message

    def tick(self, now_s: float) -> None:
        """Some times a second, with Unix time: at the end of a minute what was gathered is written away."""
        minute = int(now_s) // MINUTE_S
        if self._minute and minute != self._minute and (self._writing is None or self._writing.done()):
            gathered = self._gathered()
            at_s = self._minute * MINUTE_S
            self._writing = asyncio.ensure_future(asyncio.to_thread(self._write, at_s, gathered))
            self._minute = minute
        self._minute = self._minute or minute

    async def end(self) -> None:
        """What was gathered since the last minute is written, too."""
        if self._writing is not None:
            await self._writing
        if self._minute:
            await asyncio.to_thread(self._write, self._minute * MINUTE_S, self._gathered())

    def _take_piece(self, record: PieceRecord) -> None:
        outlet = record.decision.outlet if record.outcome is Outcome.ejected else None
        self._count(Series.pieces, f"{outlet or self._rest}/{record.outcome}", (record.mass_g or 0.0) / 1000)
        share = min(BINS - 1, max(0, int(record.decision.confidence * BINS)))
        self._count(Series.sure, f"{record.decision.label}/{share}", 0.0)
        if record.slack_ms is not None:
            self._slack_ms.append(record.slack_ms)

    def _count(self, series: Series, key: str, value: float) -> None:
        sums = self._pieces.setdefault((series, key), [0.0, 0.0])
        sums[0] += 1
        sums[1] += value

    def _gathered(self) -> Callable[[], Iterator[Figure]]:
        """Takes everything out; the sums are made where they are called for."""
        pieces, work, slack, status = self._pieces, self._work_ms, self._slack_ms, self._status
        self._pieces, self._work_ms, self._slack_ms, self._status = {}, [], [], None

        def figures() -> Iterator[Figure]:
            for (series, key), (n, total) in pieces.items():
                yield Figure(series, key, n, total, 0.0, 0.0)
            yield from _quantiles(Series.work, work, {"p50": 50, "p99": 99})
            yield from _quantiles(Series.slack, slack, {"p50": 50, "p1": 1})
            for valve in () if status is None else status.valves:
                if valve.response_ms is not None:
                    yield _single(Series.valve, str(valve.output), valve.response_ms)

        return figures

    def _write(self, at_s: int, gathered: Callable[[], Iterator[Figure]]) -> None:
        """In a thread. A disk that does not take it costs a minute of charts and nothing else."""
        try:
            self._book.add(at_s, (*gathered(), *_camera(self._look())))
        except (sqlite3.Error, OSError) as error:
            _log.warning("a minute of the trends is not kept: %s", error)


def _quantiles(series: Series, values: Sequence[float], wanted: dict[str, int]) -> Iterator[Figure]:
    if values:
        for key, found in zip(wanted, np.percentile(values, list(wanted.values())), strict=True):
            yield _single(series, key, float(found))


def _camera(picture: NDArray[np.uint8] | None) -> Iterator[Figure]:
    """Mean brightness, and the variance of the Laplacian (Pech-Pacheco 2000), which falls as the lens gets dirty."""
    if picture is not None:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        yield _single(Series.camera, "light", float(grey.mean()))
        yield _single(Series.camera, "sharpness", float(cv2.Laplacian(grey, cv2.CV_32F).var()))


def _single(series: Series, key: str, value: float) -> Figure:
    return Figure(series, key, 1, value, value, value)
