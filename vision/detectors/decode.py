"""From a detector's outputs to candidates: which shapes each kind has, and which module reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from vision.detectors.candidates import Candidates, Floats, strong, thinned
from vision.detectors.detr import decode_detr
from vision.detectors.listed import decode_end_to_end, decode_nms
from vision.detectors.nanodet import cells, decode_nanodet
from vision.detectors.spec import DetectorSpec, Kind
from vision.detectors.yolo import decode_yolov5, decode_yolov8

Shape = tuple[int | None, ...]

_THINS_ITSELF = frozenset({Kind.end_to_end, Kind.nms, Kind.rt_detr})


def candidates(outputs: Sequence[Floats], spec: DetectorSpec, labels: int) -> Candidates:
    """Everything that counts, strongest first; boxes of one class on the same place are one.

    Of outputs whose shapes are among ``expected_shapes``.
    """
    found = strong(_decoded(outputs, spec, labels), spec.min_score)
    return found if spec.kind in _THINS_ITSELF else thinned(found, spec.iou, by_class=True)


def expected_shapes(spec: DetectorSpec, labels: int) -> tuple[tuple[Shape, ...], ...]:
    """The shapes that the outputs of this kind may have for one picture; None: any number."""
    match spec.kind:
        case Kind.yolov5:
            return (((1, None, 5 + labels),),)
        case Kind.yolov8:
            return (((1, 4 + labels, None),),)
        case Kind.end_to_end:
            return (((1, None, 6),),)
        case Kind.nms:
            return (((1, 1), (1, None, 4), (1, None), (1, None)),)
        case Kind.nanodet:
            grids = [cells(spec, stride) for stride in spec.strides]
            joined = ((1, sum(grids), labels + 4 * spec.bins),)
            return joined, (*((1, n, labels) for n in grids), *((1, n, 4 * spec.bins) for n in grids))
        case Kind.rt_detr:
            return (((1, None, 4), (1, None, labels)),)
        case _:
            assert_never(spec.kind)


def fits(shapes: Sequence[Sequence[int]], expected: tuple[Shape, ...]) -> bool:
    """True when outputs of these shapes are as expected."""
    return len(shapes) == len(expected) and all(
        len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))
        for shape, wanted in zip(shapes, expected, strict=True)
    )


def _decoded(outputs: Sequence[Floats], spec: DetectorSpec, labels: int) -> Candidates:
    match spec.kind:
        case Kind.yolov5:
            return decode_yolov5(outputs, spec.min_score)
        case Kind.yolov8:
            return decode_yolov8(outputs, spec.min_score)
        case Kind.end_to_end:
            return decode_end_to_end(outputs, labels)
        case Kind.nms:
            return decode_nms(outputs, labels)
        case Kind.nanodet:
            return decode_nanodet(outputs, spec, labels)
        case Kind.rt_detr:
            return decode_detr(outputs, spec)
        case _:
            assert_never(spec.kind)
