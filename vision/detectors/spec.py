"""What a card says about a detector: which shape its outputs have, and how its boxes are read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self, TypeVar

from vision.types import ModelRefused

CLASSIFIER = "classifier"
_T = TypeVar("_T", int, float, str)


class Kind(StrEnum):
    """Output shapes for a picture of n = 1, in the words of ``detectors.decode.SHAPES``."""

    yolov5 = "yolov5"
    yolov8 = "yolov8"
    end_to_end = "end-to-end"
    nms = "nms"
    nanodet = "nanodet"
    rt_detr = "rt-detr"


class Fit(StrEnum):
    """How the picture gets into the network's input.

    ``centre`` and ``corner`` keep its proportions and pad around or to the right and below; ``stretch`` does neither.
    """

    centre = "centre"
    corner = "corner"
    stretch = "stretch"


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """``min_score`` (0..1) is the weakest box that counts, ``iou`` the overlap from which two boxes of one class are
    one; ``piece_iou`` that from which two of any class are one piece. ``fill``: share of its box that a piece covers.
    ``pad``: level around the picture. ``strides``, ``bins`` (per side) and ``offset`` (of the first cell's middle,
    cells) describe the grid of a ``nanodet``.
    """

    kind: Kind
    width_px: int
    height_px: int
    min_score: float
    iou: float = 0.45
    piece_iou: float = 0.7
    fill: float = 0.75
    fit: Fit = Fit.centre
    pad: int = 114
    strides: tuple[int, ...] = ()
    bins: int = 0
    offset: float = 0.5


class CardTable(Protocol):
    """One mapping of a model card."""

    def has(self, key: str) -> bool: ...

    def value(self, key: str, kind: type[_T]) -> _T: ...

    def table(self, key: str) -> Self: ...

    def many(self, key: str) -> list[object]: ...

    def refusal(self, key: str, expected: str, found: object) -> ModelRefused: ...


def read_detector(card: CardTable) -> DetectorSpec | None:
    """The section ``detector`` of a card, None for a classifier; raises ModelRefused with the key that is wrong."""
    kind = card.value("kind", str) if card.has("kind") else CLASSIFIER
    if kind == CLASSIFIER:
        return None
    if kind not in tuple(Kind):
        raise card.refusal("kind", f"one of {CLASSIFIER}, {', '.join(Kind)}", kind)
    table = card.table("detector")
    grid = _grid(table) if kind == Kind.nanodet else ((), 0, 0.5)
    pad = table.value("pad", int) if table.has("pad") else 114
    return DetectorSpec(
        kind=Kind(kind),
        width_px=_size(table, "width_px"),
        height_px=_size(table, "height_px"),
        min_score=_share(table, "min_score", None),
        iou=_share(table, "iou", 0.45),
        piece_iou=_share(table, "piece_iou", 0.7),
        fill=_share(table, "fill", 0.75),
        fit=_fit(table),
        pad=pad,
        strides=grid[0],
        bins=grid[1],
        offset=grid[2],
    )


def _size(table: CardTable, key: str) -> int:
    found = table.value(key, int)
    if not 32 <= found <= 8192:
        raise table.refusal(key, "32 to 8192 pixels", found)
    return found


def _share(table: CardTable, key: str, default: float | None) -> float:
    if default is not None and not table.has(key):
        return default
    found = table.value(key, float)
    if not 0 < found <= 1:
        raise table.refusal(key, "a share above 0 and up to 1", found)
    return found


def _fit(table: CardTable) -> Fit:
    found = table.value("fit", str) if table.has("fit") else Fit.centre
    if found not in tuple(Fit):
        raise table.refusal("fit", f"one of {', '.join(Fit)}", found)
    return Fit(found)


def _grid(table: CardTable) -> tuple[tuple[int, ...], int, float]:
    strides = tuple(stride for stride in table.many("strides") if isinstance(stride, int) and stride > 0)
    if not strides or len(strides) != len(table.many("strides")):
        raise table.refusal("strides", "a list of whole numbers above 0", table.many("strides"))
    bins = table.value("bins", int)
    if not 2 <= bins <= 64:
        raise table.refusal("bins", "2 to 64 bins per side", bins)
    return strides, bins, table.value("offset", float) if table.has("offset") else 0.5
