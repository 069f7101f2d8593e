"""The real photographs of the development data (never shipped): cut-outs with their material, split by object."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from station.training.evaluate import UNKNOWN
from station.training.folders import read_picture
from station.training.refusals import TrainingRefused

INDEX = "images/pieces.csv"
FAMILY_OF = {
    "copper": "copper",
    "brass": "copper-alloy",
    "alu_can": "aluminium",
    "alu_foil": "aluminium",
    "steel": "ferrous",
    "glass": "residue",
    "paper": "residue",
    "cardboard": "residue",
    "plastic": "residue",
    "trash": "residue",
    "bimetal": UNKNOWN,
}
LABELS_OF = {
    "copper": ("CU-NO2",),
    "brass": ("BRASS-YEL",),
    "alu_can": ("AL-UBC", "AL-WROUGHT"),
    "alu_foil": ("AL-WROUGHT",),
    "steel": ("FE-SHRED",),
    "glass": ("RES-MIN",),
    "paper": ("RES-LIGHT",),
    "cardboard": ("RES-LIGHT",),
    "plastic": ("RES-LIGHT",),
    "trash": ("RES-LIGHT", "RES-MIN"),
    "bimetal": (),
}
_LONGEST_PX = 224


@dataclass(frozen=True, slots=True)
class Cutout:
    """A photographed piece (h, w, 4) BGRA; ``labels`` are the classes it may be, as far as its photograph tells.

    ``from_coin``: a coin's face, whose outline says nothing about scrap.
    """

    file: str
    family: str
    labels: tuple[str, ...]
    object_id: str
    from_coin: bool
    image: NDArray[np.uint8]


def read_cutouts(data: Path, split: str) -> tuple[Cutout, ...]:
    """Cut-outs of ``split`` (train or val), shrunk to 224 px; materials nobody is sure of stay out.

    ``data`` is the folder that holds ``images``. Raises TrainingRefused when it does not.
    """
    found = tuple(_cutout(data, row) for row in _rows(data) if row["split"] == split and row["material"] in FAMILY_OF)
    if not found:
        raise TrainingRefused(f"{data / INDEX} lists no piece of split {split}.")
    return found


def data_id(data: Path) -> str:
    """What the card calls these photographs: their index by its hash."""
    digest = hashlib.sha256((data / INDEX).read_bytes()).hexdigest()[:12]
    return f"photographs, index {digest} (TrashNet, MIT; coins-dataset, MIT)"


def objects_of(cutouts: Sequence[Cutout]) -> Counter[str]:
    """Number of different objects of every family."""
    return Counter(family for family, _object in {(one.family, one.object_id) for one in cutouts})


def _cutout(data: Path, row: dict[str, str]) -> Cutout:
    image = read_picture(data / "images" / row["file"])
    shrink = _LONGEST_PX / max(image.shape[:2])
    if shrink < 1:
        size = (max(2, round(image.shape[1] * shrink)), max(2, round(image.shape[0] * shrink)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    material = row["material"]
    return Cutout(
        row["file"], FAMILY_OF[material], LABELS_OF[material], row["object_group"], row["source"] == "coins", image
    )


def _rows(data: Path) -> list[dict[str, str]]:
    try:
        with (data / INDEX).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise TrainingRefused(f"No photographs: {data / INDEX} cannot be read ({error.strerror}).") from error
