"""Reads crops that people sorted into folders: ``DIR/<label>/*.jpg|png|webp``, cut-outs laid on a belt."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import Look, View
from hil.texture import belt_loop
from station.training.evaluate import UNKNOWN, LabelledCrops, Progress
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

_KINDS = {".jpg", ".jpeg", ".png", ".webp"}


def folder_names(folder: Path) -> tuple[str, ...]:
    """Names of the class folders, without ``unknown``; raises TrainingRefused when there are none."""
    if not folder.is_dir():
        raise TrainingRefused(f"There is no folder {folder}; name one that holds a folder of crops per label.")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and _pictures(entry))
    if not names:
        raise TrainingRefused(f"{folder} holds no pictures; expected {folder}/<label>/*.jpg, .png or .webp.")
    return tuple(name for name in names if name != UNKNOWN)


def read_crops(folder: Path, spec: CropSpec, on_progress: Progress | None = None) -> LabelledCrops:
    """Every picture below ``folder`` as the model's crop; raises TrainingRefused for one that cannot be read."""
    paths = [(name, path) for name in (*folder_names(folder), UNKNOWN) for path in _pictures(folder / name)]
    belt = belt_loop(Look(loop_mm=400.0), View())
    found = np.empty((len(paths), spec.size_px, spec.size_px, 3), np.uint8)
    for n, (_name, path) in enumerate(paths):
        found[n] = as_crop(read_picture(path), belt, spec, zlib.crc32(path.name.encode()))
        if on_progress is not None and n % 50 == 0:
            on_progress(n, len(paths))
    names = tuple(name for name, _path in paths)
    return LabelledCrops(found, names, tuple(f"{name}/{path.name}" for name, path in paths))


def laid_on_belt(cutout: NDArray[np.uint8], belt: NDArray[np.uint8], margin: float, seed: int) -> NDArray[np.uint8]:
    """A cut-out (h, w, 4) BGRA on a square of belt ``margin`` times its longer side: uint8 (side, side, 3) BGR."""
    height, width = cutout.shape[:2]
    side = round(max(height, width) * margin)
    ground = _square_of(belt, side, np.random.default_rng(seed)).astype(np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    cover = cutout[..., 3:].astype(np.float32) / 255
    under = ground[top : top + height, left : left + width]
    under += cover * (cutout[..., :3] - under)
    return np.asarray(ground.round(), np.uint8)


def _square_of(belt: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    have = min(side, *belt.shape[:2])
    y, x = (int(rng.integers(extent - have + 1)) for extent in belt.shape[:2])
    part = belt[y : y + have, x : x + have]
    return part if have == side else np.asarray(cv2.resize(part, (side, side)), np.uint8)


def as_crop(picture: NDArray[np.uint8], belt: NDArray[np.uint8], spec: CropSpec, seed: int) -> NDArray[np.uint8]:
    """A picture (h, w, 3 or 4) at the model's size, a cut-out on a stretch of ``belt`` that ``seed`` chooses.

    A picture that is no square is filled up by repeating its edges, as the running station does: nothing is squeezed.
    """
    if picture.shape[2] == 4:
        picture = laid_on_belt(picture, belt, spec.margin, seed)
    picture = _squared(picture)
    how = cv2.INTER_AREA if picture.shape[0] > spec.size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (spec.size_px, spec.size_px), interpolation=how), np.uint8)


def _squared(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    down, right = max(0, width - height), max(0, height - width)
    if not down and not right:
        return picture
    above, before = down // 2, right // 2
    border = (above, down - above, before, right - before)
    return np.asarray(cv2.copyMakeBorder(picture, *border, cv2.BORDER_REPLICATE), np.uint8)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture (h, w, 3 or 4) uint8, BGR or BGRA; raises TrainingRefused when it is none."""
    read = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED) if path.stat().st_size else None
    if read is None or read.dtype != np.uint8:
        raise TrainingRefused(f"{path} is not a picture of 8 bits per colour; remove or replace it.")
    if read.ndim == 2:
        read = cv2.cvtColor(read, cv2.COLOR_GRAY2BGR)
    return np.asarray(read, np.uint8)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in _KINDS)
