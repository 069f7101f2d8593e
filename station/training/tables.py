"""What the commands of training print in a terminal when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from station.training.evaluate import Report
from vision.model_card import ModelCard

if TYPE_CHECKING:
    from station.training.frames import FinderReport


def show_card(card: ModelCard) -> None:
    """What was measured of a model that was just made."""
    console = Console()
    for figures in card.measured:
        console.print(f"{figures.split}: accuracy {figures.accuracy:.3f}, calibration error {figures.ece_after:.3f}")
    for note in card.notes:
        console.print(note)
    console.print(f"Model {card.id} is in {card.folder}.")


def show_frames(report: FinderReport) -> None:
    """How well the finder does and what it costs, by kind of frame."""
    console = Console()
    found = _table("frames", "pieces", "found", "missed", "recall", "precision", "split", "merged", "off mm", "p99")
    costs = _table("ms CPU", "a frame", "a bare one", "each piece more", "shrinking alone")
    for name, group in (*report.groups.items(), ("all", report.total)):
        score = group.score
        shares = (f"{score.recall_iou50:.3f}", f"{score.precision_iou50:.3f}")
        counts = (score.pieces, score.matched, score.pieces - score.matched)
        off = [f"{one:.2f}" for one in group.centre_mm or ()]
        found.add_row(name, *map(str, counts), *shares, str(score.split), str(score.merged), *off)
        spent = (group.frame_ms, group.bare_ms, group.piece_ms, group.floor_ms)
        costs.add_row(name, *("" if one is None else f"{one:.2f}" for one in spent))
    console.print(found, costs)
    for name, score in (("separate", report.apart), ("stacked", report.stacked)):
        console.print(f"{name} pieces: {score.matched} of {score.pieces} found, recall {score.recall_iou50:.3f}")


def _table(*headings: str) -> Table:
    """Narrow enough for a terminal of eighty columns."""
    return Table(*headings, box=None, pad_edge=False)


def show_report(report: Report) -> None:
    """How well a model does, altogether and by class."""
    console = Console()
    low, high = report.accuracy_interval
    console.print(
        f"{report.model} on {report.data}: {report.n} crops, accuracy {report.accuracy:.3f} ({low:.3f}-{high:.3f})"
    )
    coverage = ", ".join(f"{value:.3f} at {share:.0%}" for share, value in report.accuracy_at_coverage.items())
    console.print(
        f"balanced {report.balanced_accuracy:.3f}, macro F1 {report.macro_f1:.3f}, calibration error {report.ece:.3f}, "
        f"accuracy {coverage} coverage"
    )
    if report.unknown_auroc is not None:
        console.print(f"unknown AUROC {report.unknown_auroc:.3f} over {report.unknown_n} unknown crops")
    table = Table("class", "n", "precision", "recall", "recall 95 %", "F1")
    for name, figure in report.per_class.items():
        interval = f"{figure.recall_low:.3f}-{figure.recall_high:.3f}"
        table.add_row(
            name, str(figure.n), f"{figure.precision:.3f}", f"{figure.recall:.3f}", interval, f"{figure.f1:.3f}"
        )
    console.print(table)
