"""One self-contained page about one evaluation: tables, a reliability diagram and the worst mistakes as pictures."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader
from numpy.typing import NDArray

from station.training.evaluate import Report

_PLOT_PX = 240


def page(report: Report) -> str:
    """HTML text that needs no other file and no network."""
    folder = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(
        "page.html"
    )
    used = report.confusion.sum(axis=0) + report.confusion.sum(axis=1) > 0
    return template.render(
        report=report,
        columns=[name for name, seen in zip(report.classes, used, strict=True) if seen],
        rows=_rows(report, used),
        bars=_bars(report),
        plot=_PLOT_PX,
        worst=[(mistake, _inline(mistake.crop)) for mistake in report.worst],
    )


def _rows(report: Report, used: NDArray[np.bool_]) -> list[tuple[str, list[tuple[int, float, bool]]]]:
    """Confusion table for reading: (class, cells of (count, share of the row, is the diagonal))."""
    rows = []
    for n, name in enumerate(report.classes):
        counts = report.confusion[n]
        if counts.sum():
            shares = counts / counts.sum()
            cells = [(int(counts[m]), float(shares[m]), n == m) for m in np.flatnonzero(used)]
            rows.append((name, cells))
    return rows


def _bars(report: Report) -> list[tuple[float, float, float, float]]:
    """Reliability diagram in pixels: (left, width, height, stated confidence) of every bin that holds something."""
    width = _PLOT_PX / len(report.reliability)
    return [
        (n * width, width, entry.accuracy * _PLOT_PX, entry.confidence * _PLOT_PX)
        for n, entry in enumerate(report.reliability)
        if entry.n
    ]


def _inline(crop: NDArray[np.uint8]) -> str:
    _done, coded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode("ascii")
