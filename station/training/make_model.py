"""One command from sprites and photographs to a model folder: crops, teaching, calibration, figures, ablation, card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from station.training.calibration import fit_look_correlation
from station.training.card_writer import draft_card, write_card, write_golden
from station.training.course import (
    LOOKS,
    MEASURED,
    PHOTOS_VAL,
    REAL,
    RENDERED,
    STRANGE_VAL,
    TAUGHT,
    Course,
    Material,
    Told,
    key,
    make_parts,
    portion_files,
)
from station.training.findings import hazard_note, unknown_note
from station.training.lessons import Lessons
from station.training.measuring import (
    Seen,
    cross_fitted,
    fit_biases,
    fit_shared_temperature,
    photo_figures,
    piece_note,
    rendered_figures,
    seen,
    speed_ms,
)
from station.training.photos import Cutout
from vision.classifier import Classifier, log_softmax
from vision.model_card import Figures, ModelCard, Training, load_card

if TYPE_CHECKING:
    from torch import nn

    from station.training.train import Schedule

COINLESS = "photographs val without coins"
LIMITS = (
    "Only copper, brass, aluminium, steel and residue were ever seen on photographs, copper and brass as coins alone. "
    "Stainless, zinc, castings, cable, circuit boards and batteries are rendered only, not measured on real material."
)


@dataclass(frozen=True, slots=True)
class Ways:
    """How to go about it: the schedule of the model, the shorter one of the ablation, processes that paint."""

    schedule: Schedule
    ablation: Schedule | None
    workers: int
    tell: Told


@dataclass(frozen=True, slots=True)
class _Maps:
    """What the frozen blocks say about each part of the course, and the course itself."""

    parts: Mapping[str, Lessons]
    maps: Mapping[str, NDArray[np.float16]]

    def joined(self, names: Sequence[str]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        used = [name for name in names if name in self.parts]
        return (
            np.concatenate([self.maps[name] for name in used]),
            np.concatenate([self.parts[name].may_be for name in used]),
        )

    def first_looks(self, name: str) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        return self.maps[name][::LOOKS], self.parts[name].may_be[::LOOKS]


def make_model(
    out: Path, work: Path, material: Material, course: Course, families: Mapping[str, str], ways: Ways, command: str
) -> ModelCard:
    """Teach, calibrate and measure a model in ``out``; ``work`` keeps crops and progress to go on from.

    ``families`` gives the family of every label, ``command`` is what made the model, for the card. Returns the card as
    read back.
    """
    from station.training.network import INPUT, Calibrated, as_onnx, build_body

    work.mkdir(parents=True, exist_ok=True)
    parts = make_parts(course, material, work, workers=ways.workers, tell=ways.tell)
    maps = _Maps(parts, _all_maps(course, material, work, ways))
    with ProcessPoolExecutor(1, get_context("spawn")) as second_core:
        arms = _arms(second_core, work, course, material, ways)
        top, epochs = _taught(maps, TAUGHT, ways.schedule, work, course, material, ways.tell)
        ways.tell("Ablation", 0, 1)
        answers = {arm: answer() for arm, answer in arms.items()}
        ways.tell("Ablation", 1, 1)
    training = _training(parts, course, material, epochs)

    def drafted(biases: NDArray[np.float32] | None) -> ModelCard:
        network = as_onnx(Calibrated(build_body(), top, biases), course.crop.size_px, "logits", material.labels)
        return draft_card(
            out,
            network,
            labels=material.labels,
            spec=INPUT,
            crop=course.crop,
            version=course.version,
            training=training,
        )

    plain = Classifier(drafted(None))
    raw = {name: seen(plain, parts[name]) for name in ("val", PHOTOS_VAL)}
    draft = drafted(fit_biases(list(raw.values())))
    card = _measured(draft, raw, parts, course, material, families)
    figures, note = _ablation(answers, parts[PHOTOS_VAL], course, material, families, ways)
    card = replace(card, measured=(*card.measured, *figures), notes=(*card.notes, *note, f"Made by: {command}"))
    write_card(card)
    kept = load_card(card.folder)
    Classifier(kept).self_test()
    return kept


def _all_maps(course: Course, material: Material, work: Path, ways: Ways) -> dict[str, NDArray[np.float16]]:
    """Maps of every part, from ``work`` when they were made before."""
    from station.training.network import FROZEN, write_maps

    files = portion_files(course, material, work)
    maps = {one: file.with_name(f"maps-{FROZEN}-{file.stem}.npy") for one, file in files.items()}
    missing = [one for one, file in maps.items() if not file.exists()]
    with ProcessPoolExecutor(ways.workers, get_context("spawn")) as pool:
        run = map if ways.workers == 1 else pool.map
        for n, _done in enumerate(run(write_maps, [files[one] for one in missing], [maps[one] for one in missing]), 1):
            ways.tell("Frozen blocks", n, len(missing))
    found: dict[str, list[NDArray[np.float16]]] = {}
    for one, file in maps.items():
        found.setdefault(one.part, []).append(np.load(file))
    return {part: np.concatenate(rows) for part, rows in found.items()}


def _taught(
    maps: _Maps, names: Sequence[str], schedule: Schedule, work: Path, course: Course, material: Material, tell: Told
) -> tuple[nn.Sequential, int]:
    """Teach on some parts; rendered validation pieces say when to stop, photographs where none are taught."""
    from station.training.network import FROZEN
    from station.training.train import fit

    what = "" if names == TAUGHT else f" on {', '.join(names)} only"
    return fit(
        maps.joined(names),
        maps.first_looks("val") if "painted" in names else maps.joined([PHOTOS_VAL]),
        schedule,
        state=work / f"learning-{key(course, material, f'{names} {schedule} {FROZEN}')}.pt",
        on_epoch=lambda n, of, loss, right: tell(
            f"Epoch {n}{what}: validation loss {loss:.3f}, right {right:.3f}", n, of
        ),
        on_step=lambda n, of: tell(f"Learning{what}", n, of),
    )


def _training(parts: Mapping[str, Lessons], course: Course, material: Material, epochs: int) -> Training:
    return Training(
        data=material.data,
        crops=tuple((name, len(part.crops)) for name, part in parts.items()),
        objects=tuple((name, len(set(part.objects))) for name, part in parts.items()),
        seed=course.seed,
        epochs=epochs,
    )


def _measured(
    draft: ModelCard,
    plain: Mapping[str, Seen],
    parts: Mapping[str, Lessons],
    course: Course,
    material: Material,
    families: Mapping[str, str],
) -> ModelCard:
    """``plain`` is what the network said of validation pieces and photographs before biases were added."""
    eye = Classifier(draft)
    labels = draft.labels
    raw = {name: seen(eye, parts[name]) for name in (*MEASURED, PHOTOS_VAL, STRANGE_VAL)}
    temperature = fit_shared_temperature([raw["val"], raw[PHOTOS_VAL]])
    calm = {name: log_softmax(one.logs / np.float32(temperature)) for name, one in raw.items()}
    cutouts = _posed(material, course)
    calm_photos = cross_fitted(plain["val"], plain[PHOTOS_VAL])
    looks = {name: calm[name].reshape(-1, LOOKS, len(labels)) for name in MEASURED}
    truth = {name: raw[name].may_be[::LOOKS].argmax(axis=1) for name in MEASURED}
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
            *(rendered_figures(name, raw[name], calm[name], labels) for name in MEASURED),
            *_photographed(plain[PHOTOS_VAL], calm_photos, cutouts, labels, families),
        ),
        speed=(("cpu_ms_per_crop_at_batch_4", speed_ms(eye)),),
        notes=(
            LIMITS,
            *(piece_note(name, looks[name], truth[name], correlation) for name in MEASURED),
            unknown_note(calm_photos, calm[STRANGE_VAL], cutouts, labels, families),
            *hazard_note(looks, truth, calm_photos, labels, correlation),
        ),
    )


def _posed(material: Material, course: Course) -> tuple[Cutout, ...]:
    return tuple(one for one in material.photographed("val") for _pose in range(course.photo_poses))


def _photographed(
    photos: Seen,
    calm: NDArray[np.float32],
    cutouts: Sequence[Cutout],
    labels: Sequence[str],
    families: Mapping[str, str],
) -> tuple[Figures, Figures]:
    plain = np.array([not one.from_coin for one in cutouts])
    coinless = [one for one in cutouts if not one.from_coin]
    return (
        photo_figures(PHOTOS_VAL, photos, calm, cutouts, labels, families),
        photo_figures(COINLESS, photos.at(plain), calm[plain], coinless, labels, families),
    )


def _arms(
    second_core: ProcessPoolExecutor, work: Path, course: Course, material: Material, ways: Ways
) -> dict[str, Callable[[], NDArray[np.float32]]]:
    """The models of the ablation: with two workers taught beside the one that is shipped, with one after it."""
    if ways.ablation is None:
        return {}
    found: dict[str, Callable[[], NDArray[np.float32]]] = {}
    for arm, names in (("rendered only", RENDERED), ("real only", REAL)):
        if ways.workers > 1:
            found[arm] = second_core.submit(arm_answers, names, ways.ablation, work, course, material).result
        else:
            found[arm] = partial(arm_answers, names, ways.ablation, work, course, material)
    return found


def arm_answers(
    names: Sequence[str], schedule: Schedule, work: Path, course: Course, material: Material
) -> NDArray[np.float32]:
    """Teach on some parts only, all of which ``work`` holds; log probabilities of the validation photographs."""
    from station.training.network import answered

    parts = make_parts(course, material, work, workers=1, tell=_quiet)
    maps = _Maps(parts, _all_maps(course, material, work, Ways(schedule, None, 1, _quiet)))
    top, _epochs = _taught(maps, names, schedule, work, course, material, _quiet)
    return answered(top, maps.maps[PHOTOS_VAL])


def _quiet(_what: str, _done: int, _of: int) -> None:
    """A second process has no screen."""


def _ablation(
    answers: Mapping[str, NDArray[np.float32]],
    part: Lessons,
    course: Course,
    material: Material,
    families: Mapping[str, str],
    ways: Ways,
) -> tuple[tuple[Figures, ...], tuple[str, ...]]:
    """The same network taught on rendered pieces only and on photographs only, for a shorter time."""
    if ways.ablation is None:
        return (), ()
    cutouts = _posed(material, course)
    rows, said = [], []
    for arm, logs in answers.items():
        photos = Seen(logs, part.may_be[:, :-1], np.array(part.objects))
        pair = _photographed(photos, logs, cutouts, material.labels, families)
        rows += [replace(each, split=f"{arm}: {each.split}") for each in pair]
        said.append(f"{arm} {pair[0].accuracy:.3f}, without coins {pair[1].accuracy:.3f}")
    note = (
        f"Ablation on validation photographs as families, {ways.ablation.epochs} epochs where both together had "
        f"{ways.schedule.epochs}, uncalibrated: {'; '.join(said)}."
    )
    return tuple(rows), (note,)
