from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from station.training.refusals import TrainingRefused
from station.training.rollup import read_families, roll_up

FAMILIES = {
    "CU-NO2": "copper",
    "CU-NO1": "copper",
    "BRASS-YEL": "copper-alloy",
    "AL-CAST": "aluminium",
    "AL-UBC": "aluminium",
    "ZN-DIE": "zinc",
    "PB-METAL": "lead",
}
LABELS = ("CU-NO2", "BRASS-YEL", "AL-CAST", "AL-UBC", "ZN-DIE")
SCORES = np.array([[0.1, 0.2, 0.3, 0.35, 0.05]])


def test_finer_labels_are_summed_up_to_the_family_of_the_folder() -> None:
    found = roll_up(LABELS, ["aluminium", "copper"], FAMILIES)
    scores = dict(zip(found.groups, found.rolled(SCORES)[0], strict=True))
    assert scores["aluminium"] == pytest.approx(0.65)
    assert scores["copper"] == pytest.approx(0.1)
    assert scores["zinc"] == pytest.approx(0.05)
    assert sum(scores.values()) == pytest.approx(1)


def test_folders_named_by_class_keep_the_models_own_labels() -> None:
    found = roll_up(LABELS, ["CU-NO2", "AL-CAST"], FAMILIES)
    assert set(found.groups) == set(LABELS)


def test_classes_and_families_can_stand_side_by_side() -> None:
    found = roll_up(LABELS, ["BRASS-YEL", "aluminium"], FAMILIES)
    assert found.groups[found.group_of[LABELS.index("AL-UBC")]] == "aluminium"
    assert found.groups[found.group_of[LABELS.index("BRASS-YEL")]] == "BRASS-YEL"


def test_a_folder_no_label_belongs_to_is_named() -> None:
    assert roll_up(LABELS, ["lead", "copper"], FAMILIES).unreachable == ("lead",)
    assert roll_up(LABELS, ["CU-NO1", "CU-NO2"], FAMILIES).unreachable == ("CU-NO1",)


def test_a_folder_that_the_codebook_does_not_know_is_refused() -> None:
    with pytest.raises(TrainingRefused, match="Folder goldbars is neither"):
        roll_up(LABELS, ["goldbars"], FAMILIES)


def test_folders_that_overlap_are_refused() -> None:
    with pytest.raises(TrainingRefused, match="AL-CAST and aluminium both hold AL-CAST"):
        roll_up(LABELS, ["AL-CAST", "aluminium"], FAMILIES)


def test_the_projects_codebook_gives_families_with_dashes() -> None:
    families = read_families(Path(__file__).parents[3] / "configs/codebook.csv")
    assert families["BRASS-YEL"] == "copper-alloy"
    assert families["PWB"] == "e-waste"


def test_a_missing_codebook_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="No codebook"):
        read_families(tmp_path / "none.csv")
