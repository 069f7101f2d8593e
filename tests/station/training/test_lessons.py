from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from station.training.grounds import make_grounds
from station.training.laying import Laying, lay
from station.training.lessons import FAMILY_SHARES, from_photos, from_strangers, sure, whole_photos
from station.training.photos import Cutout
from station.training.refusals import TrainingRefused
from station.training.strangers import stranger
from vision.crop import CropSpec

LABELS = ("CU-NO2", "FE-SHRED", "RES-MIN", "RES-LIGHT")
SPEC = CropSpec(size_px=48)
HOW = Laying(belts=(0, 1))


def _cutout(family: str, labels: tuple[str, ...], colour: int, name: str = "one") -> Cutout:
    image = np.full((60, 30, 4), colour, np.uint8)
    image[..., 3] = 255
    return Cutout(f"{name}.webp", family, labels, f"{family}-{name}", False, image)


COPPER = _cutout("copper", ("CU-NO2",), 250)
STEEL = _cutout("ferrous", ("FE-SHRED",), 90)
TRASH = _cutout("residue", ("RES-LIGHT", "RES-MIN"), 160)
COIN = _cutout("unknown", (), 10)


def test_a_crop_may_be_all_that_its_photograph_allows_and_nothing_else() -> None:
    found = from_photos((COPPER, STEEL, TRASH), LABELS, SPEC, HOW, count=30, seed=1)
    for row, name in zip(found.may_be, found.objects, strict=True):
        allowed = {"copper-one": [0], "ferrous-one": [1], "residue-one": [2, 3]}[name]
        assert np.flatnonzero(row).tolist() == allowed


def test_photographs_of_no_class_are_never_taught() -> None:
    found = from_photos((COPPER, COIN), LABELS, SPEC, HOW, count=20, seed=1)
    assert set(found.objects) == {"copper-one"}


def test_families_come_by_their_shares_however_many_photographs_there_are() -> None:
    many = tuple(_cutout("residue", ("RES-MIN",), 160, f"r{n}") for n in range(20))
    found = from_photos((*many, STEEL), LABELS, CropSpec(size_px=16), HOW, count=300, seed=2)
    share = np.mean([name.startswith("ferrous") for name in found.objects])
    expected = FAMILY_SHARES["ferrous"] / (FAMILY_SHARES["ferrous"] + FAMILY_SHARES["residue"])
    assert share == pytest.approx(expected, abs=0.1)


def test_every_coin_of_a_photograph_counts_as_a_piece() -> None:
    coins = [replace(_cutout("copper", ("CU-NO2",), 250, f"c{n}"), from_coin=True, object_id="photo") for n in range(9)]
    other = replace(COPPER, from_coin=True)
    found = from_photos((*coins, other), LABELS, CropSpec(size_px=16), HOW, count=300, seed=2)
    assert np.mean([name == "photo" for name in found.objects]) == pytest.approx(0.9, abs=0.06)


def test_validation_photographs_come_once_per_pose_in_their_order() -> None:
    found = whole_photos((COPPER, COIN), LABELS, SPEC, (0, 1), poses=2, seed=1)
    assert found.objects == ("copper-one", "copper-one", "unknown-one", "unknown-one")
    assert found.may_be[:, -1].tolist() == [False, False, True, True]


def test_the_same_seed_lays_the_same_crops() -> None:
    first, second = (from_photos((COPPER,), LABELS, SPEC, HOW, count=3, seed=5).crops for _ in range(2))
    assert np.array_equal(first, second)


def test_a_laid_piece_fills_as_much_of_the_crop_as_asked() -> None:
    rng = np.random.default_rng(3)
    how = Laying(irregular=0, fill=(0.8, 0.8), gain=(1, 1), tint=0, shadow=(0, 0), coarse=0, noise=(0, 0), jpeg=0)
    dark = [np.zeros((200, 200, 3), np.uint8)]
    for _ in range(10):
        bright = np.argwhere(lay(rng, COPPER.image, dark, 96, how, False).max(axis=2) > 60)
        assert max(bright.max(axis=0) - bright.min(axis=0) + 1) == pytest.approx(0.8 * 96, abs=9)


def test_an_irregular_piece_is_a_part_of_the_face() -> None:
    rng = np.random.default_rng(4)
    how = Laying(fill=(0.8, 0.8), gain=(1, 1), tint=0, shadow=(0, 0), coarse=0, noise=(0, 0), jpeg=0, squeezed=0)
    dark = [np.zeros((200, 200, 3), np.uint8)]
    shares = []
    for _ in range(12):
        cover = lay(rng, COPPER.image, dark, 96, how, True).max(axis=2) > 60
        rows, columns = (np.flatnonzero(cover.any(axis=axis)) for axis in (1, 0))
        shares.append(cover.sum() / ((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)))
    assert np.std(shares) > 0.04


def test_strangers_are_no_class_and_need_copper_to_be_made_of() -> None:
    found = from_strangers((COPPER, STEEL), LABELS, SPEC, HOW, count=12, seed=1)
    assert np.array_equal(found.may_be, sure(np.full(12, 4), 4))
    with pytest.raises(TrainingRefused, match="there is none"):
        from_strangers((STEEL, COIN), LABELS, SPEC, HOW, count=1, seed=1)


def test_strangers_keep_an_outline_or_are_bare_belt() -> None:
    rng = np.random.default_rng(6)
    metals = [("copper", COPPER.image), ("ferrous", STEEL.image)]
    made = [stranger(rng, metals) for _ in range(120)]
    assert any(one is None for one in made)
    assert all(one is None or (one.shape[2] == 4 and one[..., 3].any()) for one in made)


def test_belts_differ_and_the_same_seed_makes_the_same() -> None:
    one, two = make_grounds(np.random.default_rng(1), 1, 1)
    again = make_grounds(np.random.default_rng(1), 1, 1)
    assert np.array_equal(one, again[0])
    assert np.array_equal(two, again[1])
    assert one.shape[:2] != (0, 0)
    assert abs(float(one.mean()) - float(two.mean())) > 0.1
