"""Measures a model on crops it has never seen and says where it is wrong, in JSON and on one page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from station.training import metrics
from station.training.rollup import RollUp

if TYPE_CHECKING:
    from vision.classifier import Classifier

COVERAGES = (0.9, 0.8)
UNKNOWN = "unknown"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LabelledCrops:
    """Crops uint8 (n, size, size, 3) BGR with the folder each belongs to and where each came from."""

    crops: NDArray[np.uint8]
    folders: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer and how sure it was."""

    source: str
    truth: str
    said: str
    confidence: float
    crop: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one evaluation. ``unknown_*`` are None when no unknown crops were given.

    ``per_class`` holds the classes that occur; ``confusion`` has a row per occurring class in ``classes`` order and a
    column per class the model can say.
    """

    model: str
    data: str
    n: int
    unknown_n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    ece: float
    accuracy_at_coverage: dict[float, float]
    per_class: dict[str, metrics.ClassFigure]
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    reliability: tuple[metrics.ReliabilityBin, ...]
    unknown_auroc: float | None
    unknown_false_accept: float | None
    unreachable: tuple[str, ...]
    worst: tuple[Mistake, ...]

    def as_json(self) -> str:
        """The figures as JSON text; the pictures of the mistakes stay out."""
        return json.dumps(
            {
                "model": self.model,
                "data": self.data,
                "n": self.n,
                "unknown_n": self.unknown_n,
                "accuracy": self.accuracy,
                "accuracy_interval": list(self.accuracy_interval),
                "balanced_accuracy": self.balanced_accuracy,
                "macro_f1": self.macro_f1,
                "ece": self.ece,
                "accuracy_at_coverage": {str(share): value for share, value in self.accuracy_at_coverage.items()},
                "per_class": {name: figure._asdict() for name, figure in self.per_class.items()},
                "confusion": {"classes": list(self.classes), "counts": self.confusion.tolist()},
                "reliability": [entry._asdict() for entry in self.reliability],
                "unknown_auroc": self.unknown_auroc,
                "unknown_false_accept": self.unknown_false_accept,
                "unreachable": list(self.unreachable),
                "worst": [[each.source, each.truth, each.said, each.confidence] for each in self.worst],
            },
            indent=2,
        )


def evaluate(
    classifier: Classifier, data: LabelledCrops, rollup: RollUp, name: str, on_progress: Progress | None = None
) -> Report:
    """Classify every crop once and compare at the level of the folders; crops of folder ``unknown`` must be unsure."""
    scores = rollup.rolled(np.exp(_classified(classifier, data.crops, on_progress)))
    strange = np.array([folder == UNKNOWN for folder in data.folders], bool)
    known = np.flatnonzero(~strange)
    truth = np.array([rollup.groups.index(data.folders[n]) for n in known], np.int64)
    return report(classifier.card.id, name, data, rollup, truth=truth, known=known, scores=scores, strange=strange)


def report(
    model: str,
    name: str,
    data: LabelledCrops,
    rollup: RollUp,
    *,
    truth: NDArray[np.int64],
    known: NDArray[np.int64],
    scores: NDArray[np.float64],
    strange: NDArray[np.bool_],
) -> Report:
    """All figures from rolled-up ``scores`` (n, groups); ``known`` indexes the rows that ``truth`` speaks of."""
    said, confidence = scores[known].argmax(axis=1), scores[known].max(axis=1)
    right = said == truth
    table = metrics.confusion(truth, said, len(rollup.groups))
    figures = dict(zip(rollup.groups, metrics.class_figures(table), strict=True))
    unsure = scores[strange].max(axis=1)
    measurable = bool(strange.any() and len(known))
    return Report(
        model=model,
        data=name,
        n=len(known),
        unknown_n=int(strange.sum()),
        accuracy=float(right.mean()) if len(right) else 0.0,
        accuracy_interval=metrics.wilson(int(right.sum()), len(right)),
        balanced_accuracy=metrics.balanced_accuracy(table),
        macro_f1=metrics.macro_f1(table),
        ece=metrics.calibration_error(confidence, right),
        accuracy_at_coverage={c: metrics.accuracy_at_coverage(confidence, right, c) for c in COVERAGES},
        per_class={name: figure for name, figure in figures.items() if figure.n},
        classes=rollup.groups,
        confusion=table,
        reliability=tuple(metrics.reliability(confidence, right)),
        unknown_auroc=metrics.auroc(confidence, unsure) if measurable else None,
        unknown_false_accept=metrics.false_accept(confidence, unsure) if measurable else None,
        unreachable=rollup.unreachable,
        worst=_worst(data, rollup, known[~right], said=said[~right], confidence=confidence[~right]),
    )


def write_report(found: Report, json_file: Path | None, html_file: Path | None) -> None:
    """Write the JSON and the page where wanted."""
    from station.training.page import page

    if json_file is not None:
        json_file.write_text(found.as_json() + "\n", encoding="utf-8")
    if html_file is not None:
        html_file.write_text(page(found), encoding="utf-8")


def _classified(classifier: Classifier, crops: NDArray[np.uint8], on_progress: Progress | None) -> NDArray[np.float32]:
    rows = []
    for start in range(0, len(crops), 256):
        rows.append(classifier.classify(crops[start : start + 256]))
        if on_progress is not None:
            on_progress(min(start + 256, len(crops)), len(crops))
    return np.concatenate(rows) if rows else np.empty((0, len(classifier.card.labels)), np.float32)


def _worst(
    data: LabelledCrops,
    rollup: RollUp,
    rows: NDArray[np.int64],
    *,
    said: Sequence[int] | NDArray[np.int64],
    confidence: NDArray[np.float64],
    keep: int = 24,
) -> tuple[Mistake, ...]:
    order = np.argsort(-confidence, kind="stable")[:keep]
    return tuple(
        Mistake(
            data.sources[rows[n]],
            data.folders[rows[n]],
            rollup.groups[said[n]],
            float(confidence[n]),
            data.crops[rows[n]],
        )
        for n in order
    )
