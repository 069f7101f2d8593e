"""What a model is taught with and measured on: how much of what, made by several processes, kept to go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from hil.sprites.atlas import FOLDER as ATLAS_FOLDER
from hil.sprites.atlas import INDEX, LESSONS, AtlasError, Sprite, load_atlas
from station.training import photos
from station.training.dataset import Scene, render_crops, sprites_of
from station.training.laying import Laying
from station.training.lessons import Lessons, from_photos, from_sprites, from_strangers, joined, sure, whole_photos
from station.training.own_crops import OWN_VAL, count_of, from_own, read_own
from station.training.photos import Cutout
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

Told = Callable[[str, int, int], None]
RENDERED, REAL = ("painted", "laid"), ("photographed", "strange")
TAUGHT = (*RENDERED, *REAL)
MEASURED = ("val", "test", "held-out light")
PHOTOS_VAL, STRANGE_VAL = "photographs val", "strange val"
LOOKS = 6


@dataclass(frozen=True, slots=True)
class Course:
    """``taught`` counts crops by kind: rendered pieces ``painted`` on a simulated belt and ``laid`` on any belt,
    cut-outs ``photographed`` on any belt, and ``strange`` things that are no class.

    ``measured`` counts rendered pieces per split, each looked at LOOKS times, and strange things; validation
    photographs are laid on belts ``photo_poses`` times each. One process makes ``portion`` at a time, at most.
    """

    taught: dict[str, int] = field(
        default_factory=lambda: {"painted": 16000, "laid": 5000, "photographed": 24000, "strange": 6000}
    )
    measured: int = 400
    photo_poses: int = 2
    portion: int = 1250
    crop: CropSpec = field(default_factory=lambda: CropSpec(size_px=96, margin=1.15, floor_mm=40.0))
    learning: Scene = field(
        default_factory=lambda: Scene(stretch_spread=0.14, recoloured=0.5, gain_spread=0.16, size_spread=0.12)
    )
    measuring: Scene = field(default_factory=lambda: Scene(looks=LOOKS, travel_mm=55.0, turn_deg=40))
    laying: Laying = field(default_factory=Laying)
    seed: int = 1
    version: int = 1


@dataclass(frozen=True, slots=True)
class Material:
    """Everything pictures are made of. ``cutouts`` are (split, cut-outs); ``data`` names the sources for the card.
    ``own`` are (part, crops) of the plant itself."""

    sprites: tuple[Sprite, ...]
    labels: tuple[str, ...]
    cutouts: tuple[tuple[str, tuple[Cutout, ...]], ...]
    data: tuple[str, ...]
    own: tuple[tuple[str, tuple[Cutout, ...]], ...] = ()

    def photographed(self, split: str) -> tuple[Cutout, ...]:
        """Cut-outs of one split."""
        return dict(self.cutouts).get(split, ())


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a part of the course, small enough for one process."""

    part: str
    number: int
    count: int
    seed: int


def course_at(size_px: int) -> Course:
    """The course on crops of another size; raises TrainingRefused where the network cannot halve them four times."""
    if size_px % 16:
        raise TrainingRefused(f"Crops of {size_px} pixels cannot be halved four times; choose a multiple of 16.")
    return Course(crop=replace(Course().crop, size_px=size_px))


def posed(material: Material, course: Course) -> tuple[Cutout, ...]:
    """The validation photograph behind every crop of PHOTOS_VAL."""
    return tuple(one for one in material.photographed("val") for _pose in range(course.photo_poses))


def read_material(
    atlases: Sequence[Path],
    data: Path,
    families: Mapping[str, str],
    left_out: Sequence[str],
    *,
    own: Path | None = None,
    crop: CropSpec,
) -> Material:
    """Sprites (of the shipped atlases, when none is named) and photographs.

    Labels are in the order of ``families``, the codebook's, without those ``left_out``. ``own`` is an exported data set
    of the plant, cut as ``crop`` says. Raises TrainingRefused when any of it cannot be read.
    """
    sprites, names = read_sprites(atlases or (ATLAS_FOLDER, LESSONS), tuple(families))
    present = {one.label for one in sprites}
    labels = tuple(one for one in families if one in present and one not in left_out)
    cutouts = tuple((split, photos.read_cutouts(data, split)) for split in ("train", "val"))
    material = Material(sprites, labels, cutouts, (*names, photos.data_id(data)))
    if own is None:
        return material
    crops, own_name = read_own(own, crop, labels, families)
    return replace(material, own=crops, data=(*material.data, own_name))


def read_sprites(atlases: Sequence[Path], class_ids: Sequence[str]) -> tuple[tuple[Sprite, ...], tuple[str, ...]]:
    """The sprites of some atlas folders and the names these go by in the card.

    Raises TrainingRefused when one cannot be read, holds what is no class, or shows a piece that another one has
    in another split.
    """
    sprites: list[Sprite] = []
    names = []
    for place in atlases:
        try:
            found = load_atlas(place)
            digest = hashlib.sha256((place / INDEX).read_bytes()).hexdigest()[:12]
        except (AtlasError, OSError) as error:
            raise TrainingRefused(f"{error}; render the sprites with station render.") from error
        sprites += found.sprites
        names.append(f"sprite atlas seed {found.seed}, {len(found.sprites)} sprites, index {digest} ({found.renderer})")
    strange = sorted({one.label for one in sprites} - set(class_ids))
    if strange:
        raise TrainingRefused(f"The atlas holds {', '.join(strange)}, which the codebook does not know.")
    splits: dict[str, str] = {}
    for one in sprites:
        if splits.setdefault(one.object_id, one.split) != one.split:
            raise TrainingRefused(
                f"The piece {one.object_id} is in split {splits[one.object_id]} of one atlas and {one.split} of "
                "another; render the further one with --after."
            )
    return tuple(sprites), tuple(names)


def make_parts(
    course: Course, material: Material, work: Path, *, workers: int, tell: Told, bare: Collection[str] = ()
) -> dict[str, Lessons]:
    """All parts of the course; those that ``work`` holds from an earlier run with the same settings are kept.

    The crops of ``bare`` parts stay on disk: many, and not needed by whoever has their maps.
    """
    files = portion_files(course, material, work)
    portions = list(files)
    missing = [one for one in portions if not files[one].exists()]
    tell("Painting", len(portions) - len(missing), len(portions))
    if workers == 1:
        for n, one in enumerate(missing, len(portions) - len(missing) + 1):
            make_portion(course, material, one, files[one])
            tell("Painting", n, len(portions))
    elif missing:
        _in_processes(course, material, {one: files[one] for one in missing}, workers, len(portions), tell)
    parts: dict[str, list[Lessons]] = {}
    for one in portions:
        parts.setdefault(one.part, []).append(_read(files[one], course.crop.size_px, bare=one.part in bare))
    return {name: joined(found) for name, found in parts.items()}


def portion_files(course: Course, material: Material, work: Path) -> dict[Portion, Path]:
    """Where ``work`` keeps each portion of the course, in the order of the crops."""
    name = key(course, material)
    return {one: work / f"{one.part.replace(' ', '-')}-{one.number}-{name}.npz" for one in _portions(course, material)}


def key(course: Course, material: Material, more: str = "") -> str:
    """Names what was made with the same settings."""
    settled = replace(course, version=1)
    return hashlib.sha256(f"{material.data} {material.labels} {settled} {more}".encode()).hexdigest()[:12]


def make_portion(course: Course, material: Material, one: Portion, file: Path) -> None:
    """Make one portion and keep it in ``file``."""
    cv2.setNumThreads(1)
    made = _made(course, material, one)
    partial = file.with_suffix(".partial")
    with partial.open("wb") as out:
        np.savez(out, crops=made.crops, may_be=made.may_be, objects=np.array(made.objects))
    partial.replace(file)


def _portions(course: Course, material: Material) -> list[Portion]:
    wanted = [(part, course.taught.get(part, 0)) for part in TAUGHT]
    wanted += [(part, course.measured) for part in MEASURED]
    wanted += [(PHOTOS_VAL, course.photo_poses), (STRANGE_VAL, course.measured)]
    wanted += [(part, count_of(part, crops)) for part, crops in material.own]
    found = []
    for place, (part, count) in enumerate(wanted):
        for number in range(-(-count // course.portion)):
            size = min(course.portion, count - number * course.portion)
            found.append(Portion(part, number, size, course.seed * 10_000 + place * 100 + number))
    return found


def _made(course: Course, material: Material, one: Portion) -> Lessons:
    labels, spec, how = material.labels, course.crop, course.laying
    match one.part:
        case "photographed":
            cutouts = material.photographed("train")
            return from_photos(cutouts, labels, spec, how, count=one.count, seed=one.seed)
        case "laid":
            sprites = sprites_of("train", material.sprites)
            return from_sprites(sprites, labels, spec, how, count=one.count, seed=one.seed)
        case "strange" | "strange val":
            split = "val" if one.part == STRANGE_VAL else "train"
            return from_strangers(material.photographed(split), labels, spec, how, count=one.count, seed=one.seed)
        case "photographs val":
            return whole_photos(material.photographed("val"), labels, spec, how.belts, poses=one.count, seed=one.seed)
        case "own" | "own val":
            crops = dict(material.own)[one.part]
            first = one.number * course.portion
            views = [crops[n % len(crops)] for n in range(first, first + one.count)]
            return from_own(views, labels, how, seed=one.seed, as_they_are=one.part == OWN_VAL)
        case _:
            return _painted(course, material, one)


def _painted(course: Course, material: Material, one: Portion) -> Lessons:
    taught = one.part == "painted"
    scene = course.learning if taught else course.measuring
    sprites = sprites_of("train" if taught else one.part, material.sprites)
    made = render_crops(sprites, material.labels, course.crop, scene, pieces=one.count, seed=one.seed)
    looks = made.crops.shape[1]
    objects = tuple(name for name in made.objects for _look in range(looks))
    truth = np.repeat(made.truth, looks)
    return Lessons(made.crops.reshape(-1, *made.crops.shape[2:]), sure(truth, len(material.labels)), objects)


def _in_processes(
    course: Course, material: Material, missing: dict[Portion, Path], workers: int, of: int, tell: Told
) -> None:
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        running = [pool.submit(make_portion, course, material, one, file) for one, file in missing.items()]
        for n, future in enumerate(as_completed(running), of - len(missing) + 1):
            future.result()
            tell("Painting", n, of)


def _read(file: Path, size_px: int, *, bare: bool) -> Lessons:
    with np.load(file) as kept:
        crops = np.empty((0, size_px, size_px, 3), np.uint8) if bare else kept["crops"]
        return Lessons(crops, kept["may_be"], tuple(map(str, kept["objects"])))
