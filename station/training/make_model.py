"""One command from sprites and photographs to a model folder: crops, teaching, calibration, figures, ablation, card."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from station.training.ablation import ablation_figures, arms_of
from station.training.calibration import fit_look_correlation, floor_of
from station.training.card_writer import draft_card, write_card, write_golden
from station.training.course import (
    LOOKS,
    MEASURED,
    PHOTOS_VAL,
    STRANGE_VAL,
    TAUGHT,
    Course,
    Material,
    make_parts,
    posed,
)
from station.training.findings import HAZARD, hazard_note, trap_note, unknown_note
from station.training.learning import Maps, Ways, all_maps, taught, with_own
from station.training.lessons import Lessons
from station.training.measuring import photo_figures, photo_pair, piece_note, rendered_figures, seen, speed_ms
from station.training.own_crops import OWN_VAL
from station.training.scaling import HeldOut, Seen, cross_fitted, fit_answers, fit_shared_temperature, spread_out
from vision.classifier import Classifier, log_softmax
from vision.model_card import ModelCard, Training, load_card

LIMITS = (
    "Only copper, brass, aluminium, steel and residue were ever seen on photographs, copper and brass as coins alone. "
    "Stainless, zinc, castings, cable, circuit boards and batteries are rendered only, not measured on real material. "
    "Copper and brass differ by hue alone: the camera's white balance must be right."
)


def make_model(
    out: Path, work: Path, material: Material, course: Course, families: Mapping[str, str], ways: Ways, command: str
) -> ModelCard:
    """Teach, calibrate and measure a model in ``out``; ``work`` keeps crops and progress to go on from.

    ``families`` gives the family of every label, ``command`` is what made the model, for the card. Returns the card as
    read back.
    """
    from station.training.network import INPUT, Calibrated, as_onnx, build_body
    from station.training.train import answers

    work.mkdir(parents=True, exist_ok=True)
    taught_parts = with_own(TAUGHT, material)
    parts = make_parts(course, material, work, workers=ways.workers, tell=ways.tell, bare=taught_parts)
    maps = Maps(parts, all_maps(course, material, work, ways))
    with ProcessPoolExecutor(1, get_context("spawn")) as second_core:
        arms = arms_of(second_core, work, course, material, ways)
        top, epochs = taught(maps, taught_parts, ways.schedule, work, course, material, ways.tell)
        ways.tell("Ablation", 0, 1)
        said = {arm: answer() for arm, answer in arms.items()}
        ways.tell("Ablation", 1, 1)
    floor = floor_of(material.labels, families)
    raw = {
        name: Seen(answers(top, maps.maps[name]), parts[name].may_be, np.array(parts[name].objects))
        for name in ("val", PHOTOS_VAL, STRANGE_VAL)
    }
    held = HeldOut(
        raw["val"],
        raw[PHOTOS_VAL],
        raw[STRANGE_VAL],
        coins=np.array([one.from_coin for one in posed(material, course)]),
        floor=floor,
        hazard=material.labels.index(HAZARD) if HAZARD in material.labels else None,
    )
    biases, _temperature = fit_answers(held)
    draft = draft_card(
        out,
        as_onnx(Calibrated(build_body(), top, floor, biases), course.crop.size_px, "logits", material.labels),
        labels=material.labels,
        spec=INPUT,
        crop=course.crop,
        version=course.version,
        training=_training(parts, course, material, epochs),
    )
    card = _measured(draft, held, parts, course, material, families)
    figures, note = ablation_figures(said, parts[PHOTOS_VAL], course, material, families, ways)
    card = replace(card, measured=(*card.measured, *figures), notes=(*card.notes, *note, f"Made by: {command}"))
    write_card(card)
    kept = load_card(card.folder)
    Classifier(kept).self_test()
    return kept


def _training(parts: Mapping[str, Lessons], course: Course, material: Material, epochs: int) -> Training:
    return Training(
        data=material.data,
        crops=tuple((name, len(part.may_be)) for name, part in parts.items()),
        objects=tuple((name, len(set(part.objects))) for name, part in parts.items()),
        seed=course.seed,
        epochs=epochs,
    )


def _measured(
    draft: ModelCard,
    held: HeldOut,
    parts: Mapping[str, Lessons],
    course: Course,
    material: Material,
    families: Mapping[str, str],
) -> ModelCard:
    """``held`` is what the biases in the network were fitted to."""
    eye = Classifier(draft)
    labels = draft.labels
    found = {name: seen(eye, parts[name]) for name in (*MEASURED, PHOTOS_VAL, STRANGE_VAL, OWN_VAL) if name in parts}
    temperature = fit_shared_temperature([found["val"], found[PHOTOS_VAL]])
    calm = {name: log_softmax(one.logs / np.float32(temperature)) for name, one in found.items()}
    cutouts = posed(material, course)
    calm_photos = cross_fitted(held)
    looks = {name: calm[name].reshape(-1, LOOKS, len(labels)) for name in MEASURED}
    truth = {name: found[name].may_be[::LOOKS].argmax(axis=1) for name in MEASURED}
    correlation = fit_look_correlation(looks["val"], truth["val"])
    golden = write_golden(
        draft.folder, labels, parts["val"].crops[::LOOKS], truth["val"], np.exp(calm["val"][::LOOKS].astype(np.float64))
    )
    return replace(
        draft,
        temperature=round(temperature, 4),
        look_correlation=round(correlation, 4),
        golden=golden,
        measured=(
            *(rendered_figures(name, found[name], calm[name], labels) for name in MEASURED),
            *photo_pair(spread_out(held.photographed, held.floor), calm_photos, cutouts, labels, families),
            *(
                photo_figures(name, found[name], calm[name], crops, labels, families)
                for name, crops in material.own
                if name == OWN_VAL
            ),
        ),
        speed=(("cpu_ms_per_crop_at_batch_4", speed_ms(eye)),),
        notes=(
            LIMITS,
            *(piece_note(name, looks[name], truth[name], correlation) for name in MEASURED),
            trap_note(calm_photos, cutouts, labels, families),
            unknown_note(calm_photos, calm[STRANGE_VAL], cutouts, labels, families),
            *hazard_note(looks, truth, calm_photos, labels, correlation),
        ),
    )
