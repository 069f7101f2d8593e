"""The board to print: in true size, with a bar to check the print by."""

from __future__ import annotations

import io
from typing import NamedTuple

from vision.board import COLUMNS, ROWS, board_image


class Paper(NamedTuple):
    """A sheet across: its size, and the squares that fit it."""

    width_mm: float
    height_mm: float
    square_mm: float


PAPERS = {"a3": Paper(420.0, 297.0, 45.0), "a4": Paper(297.0, 210.0, 30.0)}
BAR_MM = 100.0
_MM_PER_INCH = 25.4


def board_pdf(paper: Paper, words: tuple[str, str, str]) -> bytes:
    """One page. ``words``: how to print it, what the bar measures, which way the belt runs."""
    from matplotlib.figure import Figure

    how, bar, way = words
    wide, high = COLUMNS * paper.square_mm, ROWS * paper.square_mm
    left, top = (paper.width_mm - wide) / 2, (paper.height_mm - high) * 0.32
    figure = Figure(figsize=(paper.width_mm / _MM_PER_INCH, paper.height_mm / _MM_PER_INCH))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, paper.width_mm)
    axes.set_ylim(paper.height_mm, 0)
    axes.imshow(
        board_image(),
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="none",
        extent=(left, left + wide, top + high, top),
        aspect="auto",
    )
    under = top + high
    axes.plot([left, left + BAR_MM], [under + 14, under + 14], color="black", linewidth=1.5)
    for end in (left, left + BAR_MM):
        axes.plot([end, end], [under + 10, under + 18], color="black", linewidth=1.0)
    axes.text(left + BAR_MM + 5, under + 14, bar, va="center", fontsize=11)
    axes.text(left, under + 27, how, va="center", fontsize=11)
    axes.annotate(
        "",
        xy=(paper.width_mm - left, under + 24),
        xytext=(paper.width_mm - left, under + 6),
        arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 2},
    )
    axes.text(paper.width_mm - left - 4, under + 14, way, va="center", ha="right", fontsize=11)
    axes.plot([left - 1.5], [top - 1.5], marker=(3, 0, -45), markersize=9, color="black")
    axes.set_xlim(0, paper.width_mm)
    axes.set_ylim(paper.height_mm, 0)
    page = io.BytesIO()
    figure.savefig(page, format="pdf")
    return page.getvalue()
