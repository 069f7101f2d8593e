"""Compares a fine model with coarse folders: model labels are summed up to the level the folders are sorted at."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from station.training.refusals import TrainingRefused


@dataclass(frozen=True, slots=True)
class RollUp:
    """``groups`` are the classes compared; ``group_of[n]`` is the index of the group that model label n belongs to.

    ``unreachable`` names folders that no label of the model belongs to: everything in them is counted as wrong.
    """

    groups: tuple[str, ...]
    group_of: tuple[int, ...]
    unreachable: tuple[str, ...]

    def rolled(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities (n, labels) summed up to (n, groups)."""
        out = np.zeros((len(probabilities), len(self.groups)))
        for label, group in enumerate(self.group_of):
            out[:, group] += probabilities[:, label]
        return out


def read_families(codebook: Path) -> dict[str, str]:
    """Family of every class id of the codebook, blanks as dashes; raises TrainingRefused when there is no codebook."""
    try:
        with codebook.open(encoding="utf-8", newline="") as lines:
            return {row["class_id"]: row["family"].replace(" ", "-") for row in csv.DictReader(lines)}
    except (OSError, KeyError) as error:
        raise TrainingRefused(f"No codebook in {codebook} ({error}); name it with --codebook.") from error


def roll_up(labels: Sequence[str], folders: Sequence[str], families: Mapping[str, str]) -> RollUp:
    """Match model labels to folders; raises TrainingRefused when a folder is no class or two folders overlap."""
    coarse = False
    chosen: dict[str, str] = {}
    for folder in folders:
        if folder not in families and folder not in families.values():
            raise TrainingRefused(
                f"Folder {folder} is neither a class nor a family (blanks as dashes) of the codebook; rename it."
            )
        coarse = coarse or folder not in families
        for label in labels:
            if folder in (label, families.get(label)):
                if label in chosen:
                    raise TrainingRefused(f"Folders {chosen[label]} and {folder} both hold {label}; merge them.")
                chosen[label] = folder
    names = [chosen.get(label, families.get(label, label) if coarse else label) for label in labels]
    groups = tuple(dict.fromkeys([*folders, *names]))
    unreachable = tuple(folder for folder in folders if folder not in names)
    return RollUp(groups, tuple(groups.index(name) for name in names), unreachable)
