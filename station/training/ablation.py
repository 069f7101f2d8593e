"""The same network taught on rendered pieces alone and on photographs alone, for the card."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from station.training.calibration import floor_of
from station.training.course import PHOTOS_VAL, REAL, RENDERED, Course, Material, make_parts, portion_files, posed
from station.training.learning import Maps, Ways, all_maps, taught, with_own
from station.training.lessons import Lessons
from station.training.measuring import photo_pair
from station.training.scaling import Seen, spread_out
from vision.model_card import Figures

if TYPE_CHECKING:
    from station.training.train import Schedule

_NICE = 10


def arms_of(
    second_core: ProcessPoolExecutor, work: Path, course: Course, material: Material, ways: Ways
) -> dict[str, Callable[[], NDArray[np.float32]]]:
    """The models of the ablation: with two workers taught beside the one that is shipped, with one after it."""
    if ways.ablation is None:
        return {}
    found: dict[str, Callable[[], NDArray[np.float32]]] = {}
    for arm, names in (("rendered only", RENDERED), ("real only", with_own(REAL, material))):
        if ways.workers > 1:
            found[arm] = second_core.submit(arm_beside, names, ways.ablation, work, course, material).result
        else:
            found[arm] = partial(arm_answers, names, ways.ablation, work, course, material)
    return found


def arm_answers(
    names: Sequence[str], schedule: Schedule, work: Path, course: Course, material: Material
) -> NDArray[np.float32]:
    """Teach on some parts only, all of which ``work`` holds; logits of the validation photographs."""
    from station.training.train import answers

    every = {one.part for one in portion_files(course, material, work)}
    parts = make_parts(course, material, work, workers=1, tell=quiet, bare=every)
    maps = Maps(parts, all_maps(course, material, work, Ways(schedule, None, 1, quiet)))
    top, _epochs = taught(maps, names, schedule, work, course, material, quiet)
    return answers(top, maps.maps[PHOTOS_VAL])


def arm_beside(
    names: Sequence[str], schedule: Schedule, work: Path, course: Course, material: Material
) -> NDArray[np.float32]:
    """The same in a process of its own, which stands back behind the one that teaches the model."""
    os.nice(_NICE)
    return arm_answers(names, schedule, work, course, material)


def quiet(_what: str, _done: int, _of: int) -> None:
    """A second process has no screen."""


def ablation_figures(
    answers: Mapping[str, NDArray[np.float32]],
    part: Lessons,
    course: Course,
    material: Material,
    families: Mapping[str, str],
    ways: Ways,
) -> tuple[tuple[Figures, ...], tuple[str, ...]]:
    """Figures of every arm, whose ``answers`` are logits of the crops in ``part``, and a sentence."""
    if ways.ablation is None:
        return (), ()
    cutouts, floor = posed(material, course), floor_of(material.labels, families)
    rows, said = [], []
    for arm, logits in answers.items():
        photos = spread_out(Seen(logits, part.may_be, np.array(part.objects)), floor)
        pair = photo_pair(photos, photos.logs, cutouts, material.labels, families)
        rows += [replace(each, split=f"{arm}: {each.split}") for each in pair]
        said.append(f"{arm} {pair[0].accuracy:.3f}, without coins {pair[1].accuracy:.3f}")
    note = (
        f"Ablation on validation photographs as families, {ways.ablation.epochs} epochs where both together had "
        f"{ways.schedule.epochs}, uncalibrated: {'; '.join(said)}."
    )
    return tuple(rows), (note,)
