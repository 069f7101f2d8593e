"""From a folder of pictures to a version that the evaluation reads, by command."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from station.cli import app
from station.dataset.book import Book
from station.dataset.split import Shares, split_objects
from station.dataset.words import DatasetRefused
from station.training.folders import folder_names, read_crops
from vision.crop import CropSpec


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dataset", *map(str, arguments)])


def done(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Thirty objects of two classes, three pictures of each."""
    rng = np.random.default_rng(3)
    for n in range(30):
        folder = tmp_path / "tree" / ("CU-NO2" if n % 2 else "copper-alloy")
        folder.mkdir(parents=True, exist_ok=True)
        for look in range(3):
            cv2.imwrite(str(folder / f"obj{n}_{look}.png"), rng.integers(0, 255, (20, 20, 3)))
    return tmp_path / "tree"


PATTERN = r"(obj\d+)_"


def test_pictures_go_in_once_and_come_out_by_label_with_no_object_in_two_splits(tree: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    bring = ("import", data, tree, "--by", "Ada", "--objects", PATTERN)
    assert "90 new pictures; 90 in all, 90 of them labelled" in done(*bring)
    assert "0 new pictures" in done(*bring)
    done("split", data, "--val", 0.2, "--test", 0.2)
    version = re.findall(r"Version (\w+): 90 pictures", done("version", data))[0]
    done("export", data, out, "--version", version[:6])

    objects: dict[str, set[str]] = {}
    for line in (out / "objects.csv").read_text().splitlines()[1:]:
        file, name, split, label = line.split(",")
        objects.setdefault(name, set()).add(split)
        assert (out / file).is_file()
        assert file.startswith(f"{split}/{label}/")
    assert len(objects) == 30
    assert all(len(splits) == 1 for splits in objects.values())
    assert {split for splits in objects.values() for split in splits} == {"train", "val", "test"}


def test_an_exported_split_is_what_the_evaluation_reads(tree: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    done("import", data, tree, "--by", "Ada", "--objects", PATTERN)
    done("split", data, "--val", 0.2, "--test", 0.3)
    version = re.findall(r"Version (\w+)", done("version", data))[0]
    done("export", data, out, "--version", version, "--split", "test")
    assert set(folder_names(out)) == {"CU-NO2", "copper-alloy"}
    crops = read_crops(out, CropSpec(20))
    assert len(crops.crops) % 3 == 0
    assert "is not empty" in run("export", data, out, "--version", version).output


def test_the_same_content_is_the_same_version_and_a_changed_label_is_another(tree: Path, tmp_path: Path) -> None:
    versions = []
    for name in ("one", "two"):
        done("import", tmp_path / name, tree, "--by", name, "--objects", PATTERN)
        done("split", tmp_path / name)
        versions.append(re.findall(r"Version (\w+)", done("version", tmp_path / name))[0])
    assert versions[0] == versions[1]
    for crop_id in (1, 2, 3):
        done("review", tmp_path / "one", "--id", crop_id, "--set", "unknown", "--by", "Eve")
    text = done("version", tmp_path / "one")
    assert versions[0] not in re.findall(r"Version (\w+)", text)
    assert f"Others: {versions[0]}" in text


def test_one_object_with_two_labels_is_refused_with_the_numbers_that_put_it_right(tree: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done("import", data, tree, "--by", "Ada", "--objects", PATTERN)
    done("split", data)
    done("review", data, "--id", 1, "--set", "unknown", "--by", "Eve")
    refused = run("version", data)
    assert refused.exit_code == 2
    said = " ".join(refused.output.split())
    assert "1 objects carry different labels (crop and label: tree/obj11: " in said
    numbers = dict(re.findall(r"(\d+) (unknown|[A-Z][A-Z0-9-]+)", said.partition("obj11: ")[2]))
    assert numbers.pop("1") == "unknown"
    assert numbers
    for number in numbers:
        done("review", data, "--id", number, "--set", "unknown", "--by", "Eve")
    assert "Version" in done("version", data)


def test_a_changed_list_of_a_version_is_noticed(tree: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done("import", data, tree, "--by", "Ada")
    done("split", data)
    version = re.findall(r"Version (\w+)", done("version", data))[0]
    path = data / "versions" / f"{version}.tsv"
    path.write_text(path.read_text().replace("CU-NO2", "PWB"))
    assert "was changed since it was written" in run("export", data, tmp_path / "out", "--version", version).output


@pytest.mark.parametrize(("name", "complaint"), [("gold", "gold are no labels"), ("PWB", "is no picture")])
def test_a_folder_that_is_no_label_and_a_file_that_is_no_picture_take_nothing_in(
    tree: Path, tmp_path: Path, name: str, complaint: str
) -> None:
    (tree / name).mkdir()
    (tree / name / "a.jpg").write_bytes(b"no picture")
    refused = run("import", tmp_path / "data", tree, "--by", "Ada")
    assert refused.exit_code == 2
    assert complaint in refused.output
    with Book.open(tmp_path / "data") as book:
        assert book.tally().crops == 0


def test_nobody_labels_without_a_name_or_with_a_class_that_is_none(tree: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "--by NAME" in run("import", data, tree).output
    done("import", data, tree, "--by", "Ada")
    assert "--by NAME" in run("review", data, "--id", 1, "--set", "PWB").output
    assert "is no class id" in run("review", data, "--id", 1, "--set", "gold", "--by", "Ada").output
    assert "no crop 999" in run("review", data, "--id", 999, "--set", "PWB", "--by", "Ada").output
    assert "0 to label, 90 labelled" in done("review", data)


@given(st.sets(st.text(min_size=1, max_size=8), max_size=60), st.sets(st.text(min_size=1, max_size=8), max_size=20))
def test_what_is_added_later_moves_no_object_to_another_split(first: set[str], later: set[str]) -> None:
    shares = Shares(0.3, 0.3)
    before, after = split_objects(first, shares, 1), split_objects(first | later, shares, 1)
    assert before == {name: after[name] for name in first}


def test_shares_that_leave_nothing_to_learn_from_are_refused() -> None:
    with pytest.raises(DatasetRefused, match="less than 1"):
        split_objects(["a"], Shares(0.5, 0.5), 1)
