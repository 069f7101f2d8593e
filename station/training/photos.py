"""The real photographs of the development data (never shipped): cut-outs with their material, split by object."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hil.look import Look, View
from hil.texture import belt_loop
from station.training.card_writer import write_card
from station.training.evaluate import UNKNOWN, LabelledCrops, evaluate
from station.training.folders import as_crop, read_picture
from station.training.refusals import TrainingRefused
from station.training.rollup import roll_up
from vision.classifier import Classifier
from vision.crop import CropSpec
from vision.model_card import ModelCard

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


def read_photos(data: Path, split: str, spec: CropSpec, coins: bool = True) -> LabelledCrops:
    """Cut-outs of ``split`` (train or val) laid on a rendered belt, by family; materials nobody is sure of stay out.

    ``data`` is the folder that holds ``images``. Raises TrainingRefused when it does not.
    """
    belt = belt_loop(Look(loop_mm=400.0), View())
    crops: list[NDArray[np.uint8]] = []
    folders: list[str] = []
    sources: list[str] = []
    for n, row in enumerate(_rows(data)):
        family = FAMILY_OF.get(row["material"])
        if row["split"] == split and family is not None and (coins or row["source"] != "coins"):
            crops.append(as_crop(read_picture(data / "images" / row["file"]), belt, spec, seed=n))
            folders.append(family)
            sources.append(row["file"])
    if not crops:
        raise TrainingRefused(f"{data / INDEX} lists no piece of split {split}.")
    return LabelledCrops(np.stack(crops), tuple(folders), tuple(sources))


def with_photo_notes(card: ModelCard, data: Path, families: Mapping[str, str]) -> ModelCard:
    """Note in the card, and in its file, how the model does on the validation photographs, with and without coins."""
    eye = Classifier(card)
    notes = [_note(eye, read_photos(data, "val", card.crop, coins), families, coins) for coins in (True, False)]
    noted = replace(card, notes=(*card.notes, *notes))
    write_card(noted)
    return noted


def _note(eye: Classifier, photos: LabelledCrops, families: Mapping[str, str], coins: bool) -> str:
    folders = sorted(set(photos.folders) - {UNKNOWN})
    found = evaluate(eye, photos, roll_up(eye.card.labels, folders, families), "photographs")
    recalls = ", ".join(f"{name} {figure.recall:.2f} of {figure.n}" for name, figure in found.per_class.items())
    unknown = "" if found.unknown_auroc is None else f", unknown (bimetal coins) AUROC {found.unknown_auroc:.2f}"
    return (
        f"Real validation photographs laid on a rendered belt, as families, {'with' if coins else 'without'} the "
        f"coins: {found.n} crops, accuracy {found.accuracy:.3f}, balanced {found.balanced_accuracy:.3f}, "
        f"calibration error {found.ece:.3f}{unknown}; recall {recalls}."
    )


def _rows(data: Path) -> list[dict[str, str]]:
    try:
        with (data / INDEX).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise TrainingRefused(f"No photographs: {data / INDEX} cannot be read ({error.strerror}).") from error
