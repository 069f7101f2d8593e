from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from station.training.calibration import floor_of, spread_logs
from station.training.findings import HAZARD, hazard_note, trap_note, unknown_note
from station.training.measuring import photo_figures, piece_note, rendered_figures
from station.training.photos import Cutout
from station.training.scaling import HeldOut, Seen, cross_fitted, fit_answers, fit_biases, fit_shared_temperature
from vision.classifier import log_softmax

LABELS = ("CU-NO2", "AL-CAST", "AL-UBC", "RES-MIN")
FAMILIES = {"CU-NO2": "copper", "AL-CAST": "aluminium", "AL-UBC": "aluminium", "RES-MIN": "residue"}

FLOOR = floor_of(LABELS, FAMILIES)


def _logs(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.log(np.array(rows, np.float32))


def _seen(logs: NDArray[np.float32], truth: list[int], objects: list[str]) -> Seen:
    return Seen(logs, np.array(truth)[:, np.newaxis] == np.arange(4), np.array(objects))


def _cutout(family: str) -> Cutout:
    return Cutout("a.webp", family, (), "o", False, np.zeros((2, 2, 4), np.uint8))


FOUR = _logs((0.7, 0.1, 0.1, 0.1), (0.1, 0.3, 0.5, 0.1), (0.1, 0.1, 0.6, 0.2), (0.25, 0.25, 0.25, 0.25))


def test_intervals_count_objects_and_not_pictures() -> None:
    few = rendered_figures("val", _seen(FOUR[:3], [0, 1, 2], ["a", "a", "a"]), FOUR[:3], LABELS)
    many = rendered_figures("val", _seen(FOUR[:3], [0, 1, 2], ["a", "b", "c"]), FOUR[:3], LABELS)
    assert few.accuracy == many.accuracy == pytest.approx(2 / 3)
    assert few.high - few.low > many.high - many.low
    assert few.confusion[1] == (0, 0, 1, 0)


def test_photographs_are_compared_as_families_and_strangers_left_out() -> None:
    cutouts = [_cutout(name) for name in ("copper", "aluminium", "aluminium", "unknown")]
    found = photo_figures("photos", _seen(FOUR, [0, 1, 2, 3], list("abcd")), FOUR, cutouts, LABELS, FAMILIES)
    assert (found.n, found.accuracy) == (3, 1.0)
    assert [one.label for one in found.per_label] == ["aluminium", "copper"]


def test_one_temperature_serves_both_data_sets_alike_however_large() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4000, 4)).astype(np.float32)
    truth = np.array([rng.choice(4, p=row / row.sum()) for row in np.exp(log_softmax(logits)).astype(float)])
    calm = _seen(logits, list(truth), ["x"] * 4000)
    loud = Seen(logits[:100] * 4, calm.may_be[:100], calm.objects[:100])
    between = fit_shared_temperature([calm, loud])
    assert fit_shared_temperature([calm]) < between < fit_shared_temperature([loud])


def test_biases_bring_back_the_shares_that_classes_come_in() -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(4, 3000, p=(0.7, 0.1, 0.1, 0.1))
    means = 1.5 * np.eye(4)
    even = log_softmax((1.5 * (means[truth] + rng.normal(0, 1, (3000, 4)))).astype(np.float32))
    biases = fit_biases([_seen(even, list(truth), ["x"] * 3000)], pull=0.0)
    assert biases[0] - biases[1:] == pytest.approx(np.log(7), abs=0.35)
    before, after = ((logs.argmax(axis=1) == truth).mean() for logs in (even, even + biases))
    assert after > before


def test_strangers_do_not_move_the_temperature() -> None:
    known = _seen(np.repeat(FOUR, 30, axis=0), [0, 1, 2, 3] * 30, ["x"] * 120)
    stranger = Seen(FOUR[:1] * 9, np.zeros((1, 4), bool), np.array(["s"]))
    both = Seen(*(np.concatenate(pair) for pair in zip(_parts(known), _parts(stranger), strict=True)))
    assert fit_shared_temperature([both]) == pytest.approx(fit_shared_temperature([known]))


def _parts(one: Seen) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.str_]]:
    return one.logs, one.may_be, one.objects


def _answers(logs: NDArray[np.float32], truth: list[int], objects: list[str]) -> Seen:
    """Five answers, of which the last is "none of them"."""
    return Seen(
        np.concatenate([logs, np.full((len(logs), 1), -1.0, np.float32)], axis=1),
        np.array(truth)[:, np.newaxis] == np.arange(5),
        np.array(objects),
    )


def test_a_photograph_does_not_fit_its_own_temperature() -> None:
    rendered = _answers(np.repeat(FOUR, 5, axis=0), [0, 1, 2, 3] * 5, ["r"] * 20)
    strange = _answers(FOUR, [4] * 4, ["s"] * 4)
    photos = _answers(np.repeat(FOUR, 2, axis=0), [0, 0, 2, 2, 1, 1, 3, 3], list("aabbccdd"))
    held = HeldOut(rendered, photos, strange, np.arange(8) < 2, FLOOR)
    first = cross_fitted(held)
    worse = Seen(photos.logs, photos.may_be[::-1], photos.objects)
    assert first.shape == (8, 4)
    assert np.allclose(np.exp(first).sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(first, cross_fitted(replace(held, photographed=worse)))
    otherwise = photos.may_be.copy()
    otherwise[:2] = np.arange(5) == 3
    again = cross_fitted(replace(held, photographed=Seen(photos.logs, otherwise, photos.objects)))
    assert np.array_equal(first[:2], again[:2])
    assert not np.allclose(first[2:], again[2:])


def test_photographs_of_no_class_are_never_fitted_to() -> None:
    rendered = _answers(np.repeat(FOUR, 5, axis=0), [0, 1, 2, 3] * 5, ["r"] * 20)
    strange = _answers(FOUR, [4] * 4, ["s"] * 4)
    photos = _answers(np.repeat(FOUR, 2, axis=0), [0, 0, 2, 2, 1, 1, 4, 4], list("aabbccdd"))
    louder = Seen(np.where(photos.may_be[:, 4:], 9 * photos.logs, photos.logs), photos.may_be, photos.objects)
    known = ~photos.may_be[:, 4]
    before, after = (
        cross_fitted(HeldOut(rendered, one, strange, np.arange(8) < 2, FLOOR))[known] for one in (photos, louder)
    )
    assert np.array_equal(before, after)


def test_many_coins_do_not_drown_few_other_photographs() -> None:
    rng = np.random.default_rng(3)
    rendered = _answers(np.repeat(FOUR, 5, axis=0), [0, 1, 2, 3] * 5, ["r"] * 20)
    strange = _answers(FOUR, [4] * 4, ["s"] * 4)
    logs = np.log(rng.dirichlet((2, 2, 2, 2), 300)).astype(np.float32)
    photos = _answers(logs, [0] * 280 + [3] * 20, ["o"] * 300)
    apart, _ = fit_answers(HeldOut(rendered, photos, strange, np.arange(300) < 280, FLOOR))
    mixed, _ = fit_answers(HeldOut(rendered, photos, strange, np.zeros(300, bool), FLOOR))
    assert apart[3] - apart[0] > mixed[3] - mixed[0] + 1


def test_other_photographs_count_twice_what_coins_count() -> None:
    rendered = _answers(np.repeat(FOUR, 5, axis=0), [0, 1, 2, 3] * 5, ["r"] * 20)
    strange = _answers(FOUR, [4] * 4, ["s"] * 4)
    photos = _answers(np.repeat(FOUR[3:], 40, axis=0), [1] * 20 + [2] * 20, ["o"] * 40)
    biases, _ = fit_answers(HeldOut(rendered, photos, strange, np.arange(40) < 20, FLOOR))
    swapped, _ = fit_answers(HeldOut(rendered, photos, strange, np.arange(40) >= 20, FLOOR))
    assert biases[2] - biases[1] > swapped[2] - swapped[1] + 0.5


def test_a_hazard_is_as_unlikely_as_it_may_be_while_those_held_out_still_stop_the_belt() -> None:
    rng = np.random.default_rng(4)
    truth = np.repeat(np.arange(4), 200)
    logs = (6.0 * np.eye(4)[truth] + rng.normal(0, 1.5, (800, 4))).astype(np.float32)
    held = HeldOut(
        _answers(logs, list(truth), ["r"] * 800),
        _answers(logs, list(truth), ["p"] * 800),
        _answers(FOUR, [4] * 4, ["s"] * 4),
        np.zeros(800, bool),
        FLOOR,
    )
    found, alarms = [], []
    for hazard in (None, 3):
        biases, temperature = fit_answers(replace(held, hazard=hazard))
        calm = log_softmax(spread_logs(held.rendered.logs, FLOOR, biases) / np.float32(temperature))
        called = np.exp(calm)[:, 3] >= 0.5
        found.append(float(called[truth == 3].mean()))
        alarms.append(int(called[truth != 3].sum()))
    assert found[0] > 0.98
    assert 0.95 <= found[1] < 0.97
    assert alarms[1] < alarms[0]


def test_what_is_none_of_them_is_unsure_of_all_after_biases() -> None:
    logits = np.array([[0.0, 0.0, 0.0, 0.0, 9.0], [9.0, 0.0, 0.0, 0.0, 0.0]], np.float32)
    shares = np.exp(spread_logs(logits, FLOOR, np.array([2.0, 0, 0, 0, 0], np.float32)))
    assert shares[0] == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 3], abs=0.01)
    assert shares[1, 0] > 0.99


def test_steel_as_red_as_copper_is_counted_as_a_trap() -> None:
    red, grey = np.full((4, 4, 4), 255, np.uint8), np.full((4, 4, 4), 255, np.uint8)
    red[..., :3] = (60, 90, 190)
    pieces = [replace(_cutout("ferrous"), image=image) for image in (red, red, red, grey)]
    pieces.append(replace(_cutout("copper"), image=red))
    labels, families = ("CU-NO2", "FE-SHRED"), {"CU-NO2": "copper", "FE-SHRED": "ferrous"}
    logs = _logs((0.9, 0.1), (0.2, 0.8), (0.5, 0.5), (0.9, 0.1), (0.9, 0.1))
    note = trap_note(logs, pieces, labels, families)
    assert "(3 validation crops of 1 objects): right 1, unsure 1, wrong 1, of these 1 as copper" in note


def test_more_looks_at_a_piece_are_told_apart() -> None:
    looks = np.stack([FOUR, FOUR], axis=1)
    note = piece_note("val", looks, np.array([0, 2, 2, 3]), 0.0)
    assert "4 pieces" in note
    assert "1: right 0.750" in note or "1: right 1.000" in note
    assert "none stated 0.95" in note


def test_a_hazard_that_is_not_taught_is_named() -> None:
    assert hazard_note({}, {}, FOUR, LABELS, 0.5) == (f"{HAZARD} is not taught: no lithium battery is recognised.",)


def test_false_alarms_are_counted_with_their_upper_bound() -> None:
    labels = ("CU-NO2", "AL-CAST", "AL-UBC", HAZARD)
    looks = np.stack([_logs((0.1, 0.1, 0.1, 0.7), (0.04, 0.03, 0.03, 0.9))] * 2, axis=1)
    (note,) = hazard_note({"val": looks}, {"val": np.array([0, 3])}, FOUR, labels, 1.0)
    assert "false alarms 1 of 1 (95 %: up to 1.0000) at 0.5, 0 of 1" in note
    assert "found 1 of 1 (95 %: up to 1.0000) at 0.5, 1 of 1 (95 %: up to 1.0000) at 0.8" in note


def test_unknown_things_are_told_by_how_unsure_they_are() -> None:
    cutouts = [_cutout(name) for name in ("copper", "aluminium", "residue", "unknown")]
    note = unknown_note(FOUR, FOUR[3:], cutouts, LABELS, FAMILIES)
    assert "bimetal coins (never taught) AUROC" in note
    assert "invented things AUROC" in note
