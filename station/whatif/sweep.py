"""One key through a range of values: the purity-recovery curve of every outlet, as PNG and as one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from station.config import ConfigError
from station.whatif.changes import Change
from station.whatif.score import Share
from station.whatif.trial import Trial

_MOST = 200
_COLOURS = ("#b5562b", "#a88a1e", "#3f7cac", "#7d4fa3", "#2f8f83", "#a3476b")


class Range(NamedTuple):
    """``values`` of ``key``, in order."""

    key: str
    values: tuple[float, ...]


def parse_range(text: str) -> Range:
    """``key=from:to:number``; raises ConfigError with what is expected."""
    key, _, span = text.partition("=")
    try:
        low, high, number = span.split(":")
        count = int(number)
        if not key or not 2 <= count <= _MOST:
            raise ValueError(number)
        return Range(
            key.strip(), tuple(float(f"{value:.10g}") for value in np.linspace(float(low), float(high), count))
        )
    except ValueError:
        raise ConfigError(
            f"--sweep {text}  expected key=from:to:number with 2 to {_MOST} values, such as "
            "rules.copper.min_confidence=0.3:0.95:14"
        ) from None


def change_to(swept: Range, value: float) -> Change:
    """The change of one point."""
    return Change(swept.key, f"{value:.10g}")


def write_curve(swept: Range, trials: Sequence[Trial], title: str, png: Path) -> Path:
    """Draw the curve into ``png`` and write an HTML file of the same name beside it, whose path is returned."""
    picture = _drawn(swept, trials, title)
    png.write_bytes(picture)
    page = png.with_suffix(".html")
    page.write_text(_page(swept, trials, title, picture), encoding="utf-8")
    return page


def moving_outlets(trials: Sequence[Trial]) -> list[str]:
    """The outlets whose figures change along the sweep; all that hold anything when none does."""
    names = [name for name in trials[0].new.outlets if any(trial.new.outlets[name].recovery.n for trial in trials)]
    moving = [name for name in names if len({trial.new.outlets[name] for trial in trials}) > 1]
    return moving or names


def _drawn(swept: Range, trials: Sequence[Trial], title: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 6.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for n, name in enumerate(moving_outlets(trials)):
        colour = _COLOURS[n % len(_COLOURS)]
        points = [(trial.new.outlets[name], value) for trial, value in zip(trials, swept.values, strict=True)]
        kept = [(s.recovery, s.purity, value) for s, value in points if s.recovery.n and s.purity.n]
        xs = [100 * (recovery.value or 0.0) for recovery, _, _ in kept]
        ys = [100 * (purity.value or 0.0) for _, purity, _ in kept]
        axes.errorbar(
            xs, ys, _bars([purity for _, purity, _ in kept]), _bars([recovery for recovery, _, _ in kept]),
            marker="o", color=colour, ecolor=f"{colour}55", label=name, linewidth=1.6, markersize=4,
        )  # fmt: skip
        for end in (0, -1) if kept else ():
            axes.annotate(
                f"{kept[end][2]:g}", (xs[end], ys[end]), xytext=(5, 5), textcoords="offset points", fontsize=8
            )
    axes.set_xlabel("recovery, % of what belongs there")
    axes.set_ylabel("purity, % of what is in it")
    axes.set_title(title, fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    out = BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _bars(shares: Sequence[Share]) -> list[list[float]]:
    """How far the 95 % intervals reach to either side, in percent."""
    below = [100 * ((share.value or 0.0) - (share.interval or (0.0, 0.0))[0]) for share in shares]
    above = [100 * ((share.interval or (0.0, 0.0))[1] - (share.value or 0.0)) for share in shares]
    return [[max(0.0, part) for part in below], [max(0.0, part) for part in above]]


def _page(swept: Range, trials: Sequence[Trial], title: str, picture: bytes) -> str:
    """One file that needs nothing else: the curve and its figures."""
    outlets = moving_outlets(trials)
    heads = "".join(f"<th colspan=2>{html.escape(name)}</th>" for name in outlets)
    under = "<th>purity</th><th>recovery</th>" * len(outlets)
    rows = []
    for value, trial in zip(swept.values, trials, strict=True):
        cells = "".join(
            f"<td>{_cell(trial.new.outlets[name].purity)}</td><td>{_cell(trial.new.outlets[name].recovery)}</td>"
            for name in outlets
        )
        rows.append(
            f"<tr><th>{value:g}</th>{cells}<td>{sum(trial.new.missed.values())}</td><td>{trial.new.late}</td>"
            f"<td>{trial.new.cost:g}</td></tr>"
        )
    against = "labels" if trials[0].reference.is_truth else "the recorded decisions"
    return _TEMPLATE.format(
        title=html.escape(title),
        against=against,
        png=base64.b64encode(picture).decode(),
        key=html.escape(swept.key),
        heads=heads,
        under=under,
        rows="\n".join(rows),
    )


def _cell(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "&ndash;"
    low, high = share.interval
    return f"{share.value:.1%} <small>{low:.1%} to {high:.1%}</small>"


_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem }}
body {{ color: #1d2227; background: #eff0f1 }}
img {{ max-width: 100%; background: #fff; border: 1px solid #bfc4c8; border-radius: 6px }}
table {{ border-collapse: collapse; margin-top: 1rem; font-variant-numeric: tabular-nums; background: #fff }}
th, td {{ border: 1px solid #bfc4c8; padding: .25rem .6rem; text-align: right }} small {{ color: #535b63 }}
</style></head><body>
<h1>{title}</h1>
<p>Against {against}; 95 % intervals after Wilson. Points from first to last value of <code>{key}</code>.</p>
<img alt="Purity over recovery" src="data:image/png;base64,{png}">
<table><thead><tr><th rowspan=2>{key}</th>{heads}<th rowspan=2>missed</th><th rowspan=2>late</th>
<th rowspan=2>cost</th></tr><tr>{under}</tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""
