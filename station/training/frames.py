"""Measures the finder on single frames with the outlines that people drew: found, missed, split and merged pieces.

The frames need not follow each other. Frames of one kind (same size, same letters before the first digit of the name)
show one belt: the finder learns it from all of them first, then each is searched for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from station.training.refusals import TrainingRefused
from vision.finder import Finder, FinderSettings
from vision.finder_score import FinderScore, Outline, score_frame

POLYGONS = "polygons.json"
_ENOUGH_LESSONS = 200
_LEAST_ROUNDS = 2
_NEAR_PX = 7
_WORST = 12

Picture = NDArray[np.uint8]
Progress = Callable[[int, int], None]


class LabelledFrame(NamedTuple):
    """A picture on disk and the outlines in it, int32 (n, 2) in its pixels."""

    path: Path
    truth: tuple[Outline, ...]

    @property
    def kind(self) -> str:
        """The letters its name starts with."""
        matched = re.match(r"[A-Za-z]+", self.path.stem)
        return matched[0] if matched else "frames"


class FrameScore(NamedTuple):
    """One frame searched; ``apart`` and ``stacked`` count its pieces that touch no other, and those that do, each with
    how many of them were found."""

    frame: LabelledFrame
    found: tuple[Outline, ...]
    score: FinderScore
    apart: FinderScore
    stacked: FinderScore


@dataclass(frozen=True, slots=True)
class FinderReport:
    """All figures; ``groups`` by kind of frame, ``worst`` the frames with most pieces missed, split or merged."""

    data: str
    frames: int
    total: FinderScore
    apart: FinderScore
    stacked: FinderScore
    groups: dict[str, FinderScore]
    worst: tuple[FrameScore, ...]

    def as_json(self) -> str:
        """Keys: recall_iou50, precision_iou50, split, merged, found, missed, pieces, outlines, frames, groups."""
        groups = {name: figures(score) for name, score in self.groups.items()}
        lying = {"separate": recall(self.apart), "stacked": recall(self.stacked)}
        return json.dumps(
            {"data": self.data, "frames": self.frames, **figures(self.total), "lying": lying, "groups": groups},
            indent=2,
        )


def figures(score: FinderScore) -> dict[str, float]:
    """The figures of one group as they are written down."""
    return {
        "recall_iou50": score.recall_iou50,
        "precision_iou50": score.precision_iou50,
        "split": score.split,
        "merged": score.merged,
        "found": score.matched,
        "missed": score.pieces - score.matched,
        "pieces": score.pieces,
        "outlines": score.outlines,
    }


def recall(score: FinderScore) -> dict[str, float]:
    """What can be said of some of the pieces in a frame: outlines belong to all of them."""
    return {"recall_iou50": score.recall_iou50, "found": score.matched, "pieces": score.pieces}


def evaluate_frames(folder: Path, settings: FinderSettings, on_progress: Progress | None = None) -> FinderReport:
    """Search every frame of a folder, or of its sub-folders; raises TrainingRefused when there is nothing to score."""
    frames = read_frames(folder)
    scores: list[FrameScore] = []
    for kind in _kinds(frames):
        finder = _taught(kind, settings)
        for frame in kind:
            scores.append(_searched(finder, frame))
            if on_progress is not None:
                on_progress(len(scores), len(frames))
    groups: dict[str, FinderScore] = {}
    for one in scores:
        groups[one.frame.kind] = groups.get(one.frame.kind, FinderScore()).plus(one.score)
    bad = [one for one in scores if _mistakes(one.score)]
    return FinderReport(
        data=str(folder),
        frames=len(frames),
        total=_sum(one.score for one in scores),
        apart=_sum(one.apart for one in scores),
        stacked=_sum(one.stacked for one in scores),
        groups=groups,
        worst=tuple(sorted(bad, key=lambda one: -_mistakes(one.score))[:_WORST]),
    )


def read_frames(folder: Path) -> list[LabelledFrame]:
    """Frames named in ``polygons.json`` of the folder, or of each of its sub-folders; raises TrainingRefused."""
    files = [folder / POLYGONS] if (folder / POLYGONS).is_file() else sorted(folder.glob(f"*/{POLYGONS}"))
    if not files:
        raise TrainingRefused(f"{folder} holds no {POLYGONS}: name a folder with pictures and their outlines.")
    frames = [frame for file in files for frame in _read_polygons(file)]
    if not frames:
        raise TrainingRefused(f"{folder}: none of the pictures named in {POLYGONS} is there.")
    return frames


def read_picture(path: Path) -> Picture:
    """BGR; raises TrainingRefused when it does not decode."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise TrainingRefused(f"{path} is not a picture that can be read.")
    return np.asarray(picture, np.uint8)


def _read_polygons(file: Path) -> Iterator[LabelledFrame]:
    try:
        named = json.loads(file.read_text(encoding="utf-8"))
        for name in sorted(named):
            if (file.parent / name).is_file():
                outlines = (np.stack([one["x"], one["y"]], axis=1) for one in named[name])
                yield LabelledFrame(file.parent / name, tuple(np.rint(one).astype(np.int32) for one in outlines))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TrainingRefused(
            f'{file} is not of the form {{"picture.jpg": [{{"x": [..], "y": [..]}}, ..]}}: {error}.'
        ) from error


def _kinds(frames: list[LabelledFrame]) -> list[list[LabelledFrame]]:
    """Frames that show one belt through one camera."""
    kinds: dict[tuple[Path, str, tuple[int, ...]], list[LabelledFrame]] = {}
    for frame in frames:
        key = (frame.path.parent, frame.kind, read_picture(frame.path).shape)
        kinds.setdefault(key, []).append(frame)
    return list(kinds.values())


def _taught(frames: list[LabelledFrame], settings: FinderSettings) -> Finder:
    finder = Finder(settings)
    for _ in range(max(_LEAST_ROUNDS, -(-_ENOUGH_LESSONS // len(frames)))):
        for frame in frames:
            finder.learn(read_picture(frame.path))
    return finder


def _searched(finder: Finder, frame: LabelledFrame) -> FrameScore:
    picture = read_picture(frame.path)
    height, width = picture.shape[:2]
    found = tuple(blob.contour.reshape(-1, 2) for blob in finder.find(picture))
    touching = _touching(frame.truth, height, width)
    apart, stacked = (
        score_frame(
            found, [one for one, near in zip(frame.truth, touching, strict=True) if near == wanted], height, width
        )
        for wanted in (False, True)
    )
    return FrameScore(frame, found, score_frame(found, frame.truth, height, width), apart, stacked)


def _touching(truth: tuple[Outline, ...], height: int, width: int) -> list[bool]:
    """Whether each piece lies against or on another."""
    size = (_NEAR_PX, _NEAR_PX)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size)
    filled = []
    for outline in truth:
        canvas = np.zeros((height, width), np.uint8)
        cv2.fillPoly(canvas, [outline], 1)
        filled.append(cv2.dilate(canvas, around))
    covered = sum((one.astype(np.uint8) for one in filled), np.zeros((height, width), np.uint8))
    return [bool((covered[one > 0] > 1).any()) for one in filled]


def _mistakes(score: FinderScore) -> int:
    return score.pieces - score.matched + score.split + score.merged


def _sum(scores: Iterator[FinderScore]) -> FinderScore:
    total = FinderScore()
    for one in scores:
        total = total.plus(one)
    return total
