"""Which pictures are learnt from and which are kept to measure with: decided by object, never by picture."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from station.dataset.words import Crop, DatasetRefused

TRAIN, VAL, TEST = "train", "val", "test"


class Shares(NamedTuple):
    """Shares of the objects; the rest is learnt from."""

    val: float = 0.15
    test: float = 0.15


def split_objects(objects: Iterable[str], shares: Shares, seed: int) -> Mapping[str, str]:
    """Split by object. It depends on the object's own name and the seed alone, so what is added later moves nothing."""
    if shares.val < 0 or shares.test < 0 or shares.val + shares.test >= 1:
        raise DatasetRefused("The shares of val and test must be 0 or more and together less than 1.")
    return {name: _split(name, shares, seed) for name in sorted(set(objects))}


def counts(crops: Iterable[Crop], splits: Mapping[str, str]) -> Mapping[tuple[str, str], tuple[int, int]]:
    """(label, split) -> (objects, pictures) of the labelled crops."""
    pictures: Counter[tuple[str, str]] = Counter()
    objects: dict[tuple[str, str], set[str]] = {}
    for crop in crops:
        if crop.label is not None and crop.object in splits:
            key = (crop.label, splits[crop.object])
            pictures[key] += 1
            objects.setdefault(key, set()).add(crop.object)
    return {key: (len(objects[key]), number) for key, number in sorted(pictures.items())}


def disputed(crops: Iterable[Crop]) -> tuple[tuple[Crop, ...], ...]:
    """The labelled pictures of every object that carries different labels: one of them must be wrong."""
    objects: dict[str, list[Crop]] = {}
    for crop in crops:
        if crop.label is not None:
            objects.setdefault(crop.object, []).append(crop)
    return tuple(tuple(found) for _name, found in sorted(objects.items()) if len({one.label for one in found}) > 1)


def _split(name: str, shares: Shares, seed: int) -> str:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    if place < shares.test:
        return TEST
    return VAL if place < shares.test + shares.val else TRAIN
