"""Measures the finder on frames whose pieces are outlined: found, missed, split, merged, how far off, at what cost.

The frames need not follow each other. Frames of one kind (same size, same letters before the first digit of the name)
show one belt: the finder learns it first, from those that are bare or else from all, then each is searched for itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from station.training.refusals import TrainingRefused
from vision.finder import Finder, FinderSettings
from vision.finder_score import FinderScore, Match, Outline, score_frame

POLYGONS = "polygons.json"
_ENOUGH_LESSONS = 400
_ENOUGH_BARE = 12
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
    """One frame searched in ``cpu_ms``; ``apart`` and ``stacked`` count its pieces that touch no other, and those that
    do, each with how many of them were found. ``floor_ms`` is what halving it twice costs, which no search of the
    whole picture does without."""

    frame: LabelledFrame
    found: tuple[Outline, ...]
    score: FinderScore
    apart: Match
    stacked: Match
    cpu_ms: float
    floor_ms: float


class Group(NamedTuple):
    """Frames together; ``centre_mm``: median and 99th percentile of how far off the middle is, of found pieces that
    touch no other.

    ``frame_ms`` is the median cost of a frame, ``bare_ms`` of one without pieces, ``piece_ms`` what each outline adds,
    ``floor_ms`` that of the floor; None: there are none."""

    score: FinderScore
    centre_mm: tuple[float, float] | None
    frame_ms: float
    bare_ms: float | None
    piece_ms: float | None
    floor_ms: float


@dataclass(frozen=True, slots=True)
class FinderReport:
    """All figures; ``groups`` by kind of frame, ``worst`` the frames with most pieces missed, split or merged."""

    data: str
    frames: int
    total: Group
    apart: FinderScore
    stacked: FinderScore
    groups: dict[str, Group]
    worst: tuple[FrameScore, ...]

    def as_json(self) -> str:
        """Keys: recall_iou50, precision_iou50, split, merged, found, missed, pieces, outlines, centre_p50_mm,
        centre_p99_mm, cpu_ms_per_frame, cpu_ms_bare_frame, cpu_ms_per_piece, cpu_ms_floor, frames, groups, lying."""
        groups = {name: figures(group) for name, group in self.groups.items()}
        lying = {"separate": recall(self.apart), "stacked": recall(self.stacked)}
        return json.dumps(
            {"data": self.data, "frames": self.frames, **figures(self.total), "lying": lying, "groups": groups},
            indent=2,
        )


def figures(group: Group) -> dict[str, float | None]:
    """The figures of one group as they are written down."""
    score, (half, most) = group.score, group.centre_mm or (None, None)
    return {
        "recall_iou50": score.recall_iou50,
        "precision_iou50": score.precision_iou50,
        "split": score.split,
        "merged": score.merged,
        "found": score.matched,
        "missed": score.pieces - score.matched,
        "pieces": score.pieces,
        "outlines": score.outlines,
        "centre_p50_mm": half,
        "centre_p99_mm": most,
        "cpu_ms_per_frame": group.frame_ms,
        "cpu_ms_bare_frame": group.bare_ms,
        "cpu_ms_per_piece": group.piece_ms,
        "cpu_ms_floor": group.floor_ms,
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
    kinds = dict.fromkeys(one.frame.kind for one in scores)
    bad = [one for one in scores if _mistakes(one.score)]
    return FinderReport(
        data=str(folder),
        frames=len(frames),
        total=_together(scores, settings.mm_per_px),
        apart=_sum(one.apart.score for one in scores),
        stacked=_sum(one.stacked.score for one in scores),
        groups={
            kind: _together([one for one in scores if one.frame.kind == kind], settings.mm_per_px) for kind in kinds
        },
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


@lru_cache(maxsize=24)
def read_picture(path: Path) -> Picture:
    """BGR, not to be painted on; raises TrainingRefused when it does not decode."""
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
    """Knows the belt from its bare frames where there are enough of them, as a plant starts with no pieces on it."""
    bare = [frame for frame in frames if not frame.truth]
    lessons = bare if len(bare) >= _ENOUGH_BARE else frames
    finder = Finder(settings)
    for _ in range(max(_LEAST_ROUNDS, -(-_ENOUGH_LESSONS // len(lessons)))):
        for frame in lessons:
            finder.learn(read_picture(frame.path))
    return finder


def _searched(finder: Finder, frame: LabelledFrame) -> FrameScore:
    picture = read_picture(frame.path)
    height, width = picture.shape[:2]
    start = time.thread_time()
    blobs = finder.find(picture)
    searched = time.thread_time()
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    cv2.resize(half, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    shrunk = time.thread_time()
    found = tuple(blob.contour.reshape(-1, 2) for blob in blobs)
    touching = _touching(frame.truth, height, width)
    apart, stacked = (
        score_frame(
            found, [one for one, near in zip(frame.truth, touching, strict=True) if near == wanted], height, width
        )
        for wanted in (False, True)
    )
    score = score_frame(found, frame.truth, height, width).score
    return FrameScore(frame, found, score, apart, stacked, (searched - start) * 1000, (shrunk - searched) * 1000)


def _together(scores: Sequence[FrameScore], mm_per_px: float) -> Group:
    off_px = [off for one in scores for off in one.apart.off_px]
    half, most = (float(np.percentile(off_px, share) * mm_per_px) if off_px else 0.0 for share in (50, 99))
    bare = [one.cpu_ms for one in scores if not one.frame.truth and not one.found]
    full = [one for one in scores if one.found]
    return Group(
        score=_sum(one.score for one in scores),
        centre_mm=(half, most) if off_px else None,
        frame_ms=median(one.cpu_ms for one in scores),
        bare_ms=median(bare) if bare else None,
        piece_ms=median((one.cpu_ms - median(bare)) / len(one.found) for one in full) if bare and full else None,
        floor_ms=median(one.floor_ms for one in scores),
    )


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
