"""What the network learns from: rendered pieces, photographs and strangers, each as a crop with what it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.sprites.atlas import Sprite
from station.training.evaluate import Progress
from station.training.grounds import make_grounds
from station.training.laying import Laying, lay
from station.training.photos import Cutout
from station.training.refusals import TrainingRefused
from station.training.strangers import stranger
from vision.crop import CropSpec

Picture = NDArray[np.uint8]
FAMILY_SHARES = {"aluminium": 0.17, "ferrous": 0.17, "residue": 0.32, "copper": 0.16, "copper-alloy": 0.18}
AS_SEEN = Laying(
    irregular=0.0, fill=(0.8, 0.95), gain=(0.5, 1.0), tint=0.02, coarse=0.0, noise=(0.5, 3.0), squeezed=0.0
)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Crops uint8 (n, size, size, 3) BGR. ``may_be`` is bool (n, labels + 1): the classes a crop may show, the last
    column for "none of them". ``objects`` names what each shows. ``crops`` is empty where they were left on disk."""

    crops: Picture
    may_be: NDArray[np.bool_]
    objects: tuple[str, ...]


def joined(parts: Sequence[Lessons]) -> Lessons:
    """One after the other."""
    return Lessons(
        np.concatenate([one.crops for one in parts]),
        np.concatenate([one.may_be for one in parts]),
        tuple(name for one in parts for name in one.objects),
    )


def from_photos(
    cutouts: Sequence[Cutout],
    labels: Sequence[str],
    spec: CropSpec,
    how: Laying,
    *,
    count: int,
    seed: int,
    on_progress: Progress | None = None,
) -> Lessons:
    """Lay ``count`` cut-outs on belts, families by FAMILY_SHARES, within a family every piece equally often."""
    rng = np.random.default_rng(seed)
    grounds = make_grounds(rng, *how.belts)
    tree = _by_family(cutouts)
    names = [name for name in FAMILY_SHARES if name in tree]
    shares = np.array([FAMILY_SHARES[name] for name in names])
    crops, may_be, objects = np.empty((count, spec.size_px, spec.size_px, 3), np.uint8), [], []
    for n in range(count):
        family = tree[names[int(rng.choice(len(names), p=shares / shares.sum()))]]
        poses = family[int(rng.integers(len(family)))]
        one = poses[int(rng.integers(len(poses)))]
        irregular = rng.random() < (how.irregular_coins if one.from_coin else how.irregular)
        crops[n] = lay(rng, one.image, grounds, spec.size_px, how, bool(irregular))
        may_be.append([label in one.labels for label in labels] + [False])
        objects.append(one.object_id)
        if on_progress is not None and n % 100 == 0:
            on_progress(n, count)
    return Lessons(crops, np.array(may_be), tuple(objects))


def whole_photos(
    cutouts: Sequence[Cutout],
    labels: Sequence[str],
    spec: CropSpec,
    belts: tuple[int, int],
    *,
    poses: int,
    seed: int,
) -> Lessons:
    """Every cut-out as it is, ``poses`` times on a belt as a camera sees it; strangers among them are no class."""
    rng = np.random.default_rng(seed)
    grounds = make_grounds(rng, *belts)
    crops = [lay(rng, one.image, grounds, spec.size_px, AS_SEEN, False) for one in cutouts for _pose in range(poses)]
    may_be = [[label in one.labels for label in labels] + [not one.labels] for one in cutouts for _pose in range(poses)]
    objects = tuple(one.object_id for one in cutouts for _pose in range(poses))
    return Lessons(np.stack(crops), np.array(may_be), objects)


def from_sprites(
    sprites: Sequence[Sprite],
    labels: Sequence[str],
    spec: CropSpec,
    how: Laying,
    *,
    count: int,
    seed: int,
    on_progress: Progress | None = None,
) -> Lessons:
    """Lay ``count`` rendered pieces on belts as the photographs are laid: as large, under the same lights."""
    rng = np.random.default_rng(seed)
    grounds = make_grounds(rng, *how.belts)
    mine = [[one for one in sprites if one.label == label] for label in labels]
    crops, truth, objects = np.empty((count, spec.size_px, spec.size_px, 3), np.uint8), [], []
    for n in range(count):
        label = int(rng.integers(len(labels)))
        one = mine[label][int(rng.integers(len(mine[label])))]
        crops[n] = lay(rng, one.image, grounds, spec.size_px, how, bool(rng.random() < how.irregular))
        truth.append(label)
        objects.append(one.object_id)
        if on_progress is not None and n % 100 == 0:
            on_progress(n, count)
    return Lessons(crops, sure(np.array(truth), len(labels)), tuple(objects))


def from_strangers(
    cutouts: Sequence[Cutout],
    labels: Sequence[str],
    spec: CropSpec,
    how: Laying,
    *,
    count: int,
    seed: int,
) -> Lessons:
    """Things that are no class, made out of the photographs and of nothing."""
    rng = np.random.default_rng(seed)
    grounds = make_grounds(rng, *how.belts)
    metals = [(one.family, one.image) for one in cutouts if one.family not in ("residue", "unknown")]
    if not any(family.startswith("copper") for family, _face in metals):
        raise TrainingRefused("Strangers are made from photographed copper and brass; there is none.")
    crops = np.empty((count, spec.size_px, spec.size_px, 3), np.uint8)
    for n in range(count):
        image = stranger(rng, metals)
        if image is None:
            image = np.zeros((8, 8, 4), np.uint8)
        crops[n] = lay(rng, image, grounds, spec.size_px, how, bool(rng.random() < 0.15))
    return Lessons(crops, sure(np.full(count, len(labels)), len(labels)), ("stranger",) * count)


def sure(truth: NDArray[np.int64], labels: int) -> NDArray[np.bool_]:
    """``may_be`` of crops whose class is known."""
    return np.asarray(truth[:, np.newaxis] == np.arange(labels + 1))


def _by_family(cutouts: Sequence[Cutout]) -> dict[str, list[list[Cutout]]]:
    """Pictures of one piece together; the coins of one photograph, which are one object to a split, are many pieces."""
    tree: dict[str, dict[str, list[Cutout]]] = {}
    for one in cutouts:
        piece = one.file if one.from_coin else one.object_id
        tree.setdefault(one.family, {}).setdefault(piece, []).append(one)
    return {family: list(objects.values()) for family, objects in tree.items()}
