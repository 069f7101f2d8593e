"""What is taught and how: the course seen through the frozen blocks, and the schedules it is taught by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from station.training.course import (
    LOOKS,
    PHOTOS_VAL,
    REAL,
    RENDERED,
    TAUGHT,
    Course,
    Material,
    Told,
    key,
    portion_files,
)
from station.training.lessons import Lessons
from station.training.own_crops import OWN, OWN_VAL

if TYPE_CHECKING:
    from torch import nn

    from station.training.train import Schedule


@dataclass(frozen=True, slots=True)
class Ways:
    """How to go about it: the schedule of the model, the shorter one of the ablation, processes that paint."""

    schedule: Schedule
    ablation: Schedule | None
    workers: int
    tell: Told


@dataclass(frozen=True, slots=True)
class Maps:
    """What the frozen blocks say about each part of the course, and the course itself."""

    parts: Mapping[str, Lessons]
    maps: Mapping[str, NDArray[np.float16]]

    def joined(self, names: Sequence[str]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """Maps and what they may be of those of the parts that there are."""
        used = [name for name in names if name in self.parts]
        return (
            np.concatenate([self.maps[name] for name in used]),
            np.concatenate([self.parts[name].may_be for name in used]),
        )

    def to_stop_by(self, names: Sequence[str]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """Held-out pieces of the kinds taught: rendered ones at their first look, photographs without strangers."""
        known = self.parts[PHOTOS_VAL].may_be[:, :-1].any(axis=1)
        rendered = self.maps["val"][::LOOKS], self.parts["val"].may_be[::LOOKS]
        real = self.maps[PHOTOS_VAL][known], self.parts[PHOTOS_VAL].may_be[known]
        pairs = [pair for pair, kind in ((rendered, RENDERED), (real, REAL)) if set(kind) & set(names)]
        if OWN in names and OWN_VAL in self.parts:
            pairs.append(self.joined([OWN_VAL]))
        return np.concatenate([maps for maps, _may in pairs]), np.concatenate([may for _maps, may in pairs])


def all_maps(course: Course, material: Material, work: Path, ways: Ways) -> dict[str, NDArray[np.float16]]:
    """Maps of every part, from ``work`` when they were made before."""
    from station.training.network import FROZEN, write_maps

    files = portion_files(course, material, work)
    maps = {one: file.with_name(f"maps-{FROZEN}-{file.stem}.npy") for one, file in files.items()}
    missing = [one for one, file in maps.items() if not file.exists()]
    with ProcessPoolExecutor(ways.workers, get_context("spawn")) as pool:
        run = map if ways.workers == 1 else pool.map
        for n, _done in enumerate(run(write_maps, [files[one] for one in missing], [maps[one] for one in missing]), 1):
            ways.tell("Frozen blocks", n, len(missing))
    found: dict[str, list[NDArray[np.float16]]] = {}
    for one, file in maps.items():
        found.setdefault(one.part, []).append(np.load(file))
    return {part: np.concatenate(rows) for part, rows in found.items()}


def with_own(names: Sequence[str], material: Material) -> tuple[str, ...]:
    """Parts to teach on, the plant's own crops among them where there are any."""
    return (*names, OWN) if material.own else tuple(names)


def taught(
    maps: Maps, names: Sequence[str], schedule: Schedule, work: Path, course: Course, material: Material, tell: Told
) -> tuple[nn.Sequential, int]:
    """Teach on some parts; held-out pieces of the same kinds say when to stop."""
    from station.training.network import FROZEN
    from station.training.train import fit

    what = "" if set(TAUGHT) <= set(names) else f" on {', '.join(names)} only"
    return fit(
        maps.joined(names),
        maps.to_stop_by(names),
        schedule,
        state=work / f"learning-{key(course, material, f'{names} {schedule} {FROZEN}')}.pt",
        on_epoch=lambda n, of, loss, right: tell(
            f"Epoch {n}{what}: validation loss {loss:.3f}, right {right:.3f}", n, of
        ),
        on_step=lambda n, of: tell(f"Learning{what}", n, of),
    )
