"""The shipped sprite atlases, and the making of one."""

import json
import shutil
import time
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from hil.sprites.atlas import FOLDER, LESSONS, Atlas, AtlasError, load_atlas, read_index
from hil.sprites.geometry import FORMS
from hil.sprites.making import further_orders, orders
from hil.sprites.packing import packed, shelves, spread

LABELS = {form.label for form in FORMS.values()}
BYTES_AT_MOST = 7_500_000


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return load_atlas()


@pytest.fixture(scope="module")
def lessons() -> Atlas:
    return load_atlas(LESSONS)


def test_the_shipped_atlas_loads_quickly() -> None:
    start = time.process_time()
    load_atlas()
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("folder", [FOLDER, LESSONS], ids=["atlas", "lessons"])
def test_the_shipped_atlases_are_small_enough(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < BYTES_AT_MOST


def test_lessons_are_further_pieces_for_training_alone(atlas: Atlas, lessons: Atlas) -> None:
    assert {sprite.split for sprite in lessons.sprites} == {"train"}
    assert {sprite.form for sprite in lessons.sprites} == set(FORMS)
    assert "slanted" not in {sprite.light for sprite in lessons.sprites}
    assert len({sprite.object_id for sprite in lessons.sprites}) == len(lessons.sprites) > len(atlas.sprites)
    assert not {sprite.object_id for sprite in lessons.sprites} & {sprite.object_id for sprite in atlas.sprites}
    assert lessons.seed == atlas.seed


def test_every_form_and_label_is_there_in_every_split(atlas: Atlas) -> None:
    forms = {(sprite.form, sprite.split) for sprite in atlas.sprites}
    assert forms == {(form, split) for form in FORMS for split in ("train", "val", "test")}
    assert {sprite.label for sprite in atlas.sprites} == LABELS
    assert all(sprite.label == FORMS[sprite.form].label for sprite in atlas.sprites)


def test_a_piece_is_in_one_split_only(atlas: Atlas) -> None:
    seen = defaultdict(set)
    for sprite in atlas.sprites:
        seen[sprite.object_id].add(sprite.split)
    assert all(len(splits) == 1 for splits in seen.values())


def test_only_test_pieces_are_seen_in_the_held_out_light_and_all_of_them(atlas: Atlas) -> None:
    held_out = {sprite.object_id for sprite in atlas.sprites if sprite.light == "slanted"}
    assert held_out == {sprite.object_id for sprite in atlas.sprites if sprite.split == "test"}


def test_names_are_unique_and_counts_are_true(atlas: Atlas) -> None:
    assert len({sprite.name for sprite in atlas.sprites}) == len(atlas.sprites)
    told = {(label, split): n for label, row in read_index(FOLDER)["counts"].items() for split, n in row.items()}
    assert told == Counter((sprite.label, str(sprite.split)) for sprite in atlas.sprites)


def test_alpha_is_a_body_on_clear_ground(atlas: Atlas) -> None:
    for sprite in atlas.sprites:
        alpha = sprite.image[..., 3]
        assert 0.02 < (alpha > 128).mean() < 0.95, sprite.name
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() == 0, sprite.name


def test_sizes_heights_and_masses_are_those_of_scrap(atlas: Atlas) -> None:
    for sprite in atlas.sprites:
        rows, columns = np.nonzero(sprite.image[..., 3] > 128)
        longest = max(np.ptp(rows), np.ptp(columns)) * sprite.mm_per_px
        assert 6 < longest < 175, sprite.name
        assert 0.3 < sprite.height_mm < 110, sprite.name
        assert 0.02 < sprite.mass_g < 1500, sprite.name


def test_copper_is_redder_and_brass_yellower_than_the_greys(atlas: Atlas) -> None:
    colours = defaultdict(list)
    for sprite in atlas.sprites:
        if sprite.form.endswith(("-shred", "-casting")):
            colours[sprite.label].append(sprite.image[sprite.image[..., 3] > 200][:, :3].mean(axis=0))
    mean = {label: np.mean(found, axis=0) for label, found in colours.items()}
    red_over_green = {label: bgr[2] / bgr[1] for label, bgr in mean.items()}
    green_over_blue = {label: bgr[1] / bgr[0] for label, bgr in mean.items()}
    assert max(red_over_green, key=lambda label: red_over_green[label]) == "CU-NO2"
    assert max(green_over_blue, key=lambda label: green_over_blue[label]) == "BRASS-YEL"
    assert mean["AL-WROUGHT"].mean() > mean["FE-SHRED"].mean() + 15


def test_a_missing_damaged_or_foreign_atlas_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="cannot read the sprite index"):
        load_atlas(tmp_path)
    index = read_index(FOLDER)
    index["sprites"] = index["sprites"][:1]
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(AtlasError, match="cannot read the sheet"):
        load_atlas(tmp_path)
    sheet = index["sprites"][0]["sheet"]
    (tmp_path / sheet).write_bytes(b"not a picture")
    with pytest.raises(AtlasError, match="not a picture with alpha"):
        load_atlas(tmp_path)
    shutil.copy(FOLDER / sheet, tmp_path / sheet)
    assert len(load_atlas(tmp_path).sprites) == 1
    index["sprites"][0]["box"][0] = 100_000
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(AtlasError, match="outside the sheet"):
        load_atlas(tmp_path)
    index["version"] = 99
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(AtlasError, match="version 99"):
        load_atlas(tmp_path)


def test_orders_are_the_same_for_the_same_seed_and_hold_every_split() -> None:
    assert orders(9, 5) == orders(9, 5)
    tally = Counter((order.view.form, order.split) for order in orders(9, 5) if order.view.view == 0)
    assert all(tally[form, split] >= 1 for form in FORMS for split in ("train", "val", "test"))


def test_further_pieces_go_on_where_an_atlas_ends() -> None:
    first, further, more = orders(6, 5), further_orders(6, 3, 5), further_orders(9, 3, 5)
    for form in FORMS:
        numbers = [{order.view.number for order in some if order.view.form == form} for some in (first, further, more)]
        every = [number for some in numbers for number in sorted(some)]
        assert every == list(range(len(every))), form
    assert {order.split for order in further} == {"train"}
    assert {order.view.light for order in further_orders(6, 9, 5)} == {"bars", "low", "dome"}


def test_shelves_never_overlap() -> None:
    rng = np.random.default_rng(3)
    sizes = [(int(w), int(h)) for w, h in rng.integers(20, 260, (60, 2))]
    used = Counter[int]()
    canvas = np.zeros((1 + max(s for s, _, _ in shelves(sizes)), 1024, 1024), dtype=int)
    for (sheet, x, y), (w, h) in zip(shelves(sizes), sizes, strict=True):
        canvas[sheet, y : y + h, x : x + w] += 1
        used[sheet] += w * h
    assert canvas.max() == 1
    assert canvas.sum() == used.total()


def test_packing_keeps_alpha_exactly_and_colour_nearly() -> None:
    rng = np.random.default_rng(4)
    image = np.zeros((60, 80, 4), dtype=np.uint8)
    image[10:50, 10:70] = (90, 120, 200, 255)
    image[10:50, 10:70, 3] = rng.integers(0, 256, (40, 60))
    (data,), [(sheet, (x, y, w, h))] = packed([image])
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert back is not None
    assert sheet == 0
    cut = back[y : y + h, x : x + w]
    np.testing.assert_array_equal(cut[..., 3], image[..., 3])
    solid = image[..., 3] > 128
    assert np.abs(cut[solid][:, :3].astype(int) - image[solid][:, :3]).mean() < 4


def test_edge_colours_grow_into_the_clear_ground() -> None:
    image = np.zeros((9, 9, 4), dtype=np.uint8)
    image[4, 4] = (10, 20, 30, 255)
    grown = spread(image, rounds=2)
    assert tuple(grown[4, 5]) == (10, 20, 30, 0)
    assert tuple(grown[2, 2]) == (10, 20, 30, 0)
    assert tuple(grown[0, 0]) == (0, 0, 0, 0)
