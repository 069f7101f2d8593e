"""One command from sprites to a model folder: crops, teaching, calibration, figures, card."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hil.sprites.atlas import FOLDER as ATLAS_FOLDER
from hil.sprites.atlas import INDEX, AtlasError, Sprite, load_atlas
from station.training import metrics
from station.training.calibration import cautious_temperature, fit_look_correlation
from station.training.card_writer import draft_card, write_card, write_golden
from station.training.dataset import CropSet, Scene, objects_per_label, render_crops, sprites_of
from station.training.pieces import PieceFigures, piece_figures
from station.training.refusals import TrainingRefused
from vision.classifier import BATCH, Classifier, log_softmax
from vision.crop import CropSpec
from vision.model_card import Figures, LabelFigure, ModelCard, Training, load_card

if TYPE_CHECKING:
    from station.training.train import Schedule

LOOKS = 3
RULE_FAMILIES = {
    "copper": ("CU-NO2",),
    "brass": ("BRASS-YEL",),
    "aluminium": ("AL-WROUGHT", "AL-CAST", "AL-UBC"),
}
HAZARD = "BAT-LI"
Told = Callable[[str, int, int], None]
RENDERED_ONLY = (
    "Rendered only, not measured on real material: every figure here is about rendered pieces it has not seen."
)


@dataclass(frozen=True, slots=True)
class Course:
    """How much data of what kind; ``pieces`` counts per split, measured ones are looked at LOOKS times."""

    pieces: dict[str, int] = field(
        default_factory=lambda: {"train": 24000, "val": 2000, "test": 2000, "held-out light": 1500}
    )
    crop: CropSpec = field(default_factory=CropSpec)
    learning: Scene = field(
        default_factory=lambda: Scene(stretch_spread=0.14, recoloured=0.5, gain_spread=0.16, size_spread=0.12)
    )
    measuring: Scene = field(default_factory=lambda: Scene(looks=LOOKS, turn_deg=40))
    seed: int = 1
    version: int = 1


@dataclass(frozen=True, slots=True)
class Sprites:
    """An atlas as training sees it, with the name it goes by in the card."""

    all: tuple[Sprite, ...]
    labels: tuple[str, ...]
    data_id: str


def read_sprites(folder: Path | None, class_ids: tuple[str, ...], left_out: Sequence[str] = ()) -> Sprites:
    """The atlas of ``folder`` (None: the shipped one); labels in the order of ``class_ids``, the codebook's.

    Labels ``left_out`` are not taught: their pieces are never painted.
    """
    place = folder or ATLAS_FOLDER
    try:
        atlas = load_atlas(place)
        digest = hashlib.sha256((place / INDEX).read_bytes()).hexdigest()[:12]
    except (AtlasError, OSError) as error:
        raise TrainingRefused(f"{error}; render the sprites with station render.") from error
    present = {one.label for one in atlas.sprites}
    strange = present - set(class_ids)
    if strange:
        raise TrainingRefused(f"The atlas holds {', '.join(sorted(strange))}, which the codebook does not know.")
    labels = tuple(one for one in class_ids if one in present and one not in left_out)
    name = f"sprite atlas seed {atlas.seed}, {len(atlas.sprites)} sprites, index {digest} ({atlas.renderer})"
    return Sprites(atlas.sprites, labels, name)


def make_model(
    out: Path, work: Path, sprites: Sprites, course: Course, *, schedule: Schedule, tell: Told
) -> tuple[ModelCard, dict[str, PieceFigures]]:
    """Teach, calibrate and measure a model in ``out``; ``work`` keeps crops and progress to go on from.

    ``tell`` hears (what is done, steps done, steps in all). Returns the card as read back and the figures per piece.
    """
    from station.training.train import INPUT, as_onnx, fit

    work.mkdir(parents=True, exist_ok=True)
    data = {split: _crops(split, work, sprites, course, tell) for split in course.pieces}
    key = _key(sprites, course, repr(schedule))
    train, val = data["train"], data["val"]
    weights, epochs = fit(
        (train.crops[:, 0], train.truth),
        (val.crops[:, 0], val.truth),
        len(sprites.labels),
        schedule,
        state=work / f"learning-{key}.pt",
        on_epoch=lambda n, of, loss, right: tell(f"Epoch {n}: validation loss {loss:.3f}, right {right:.3f}", n, of),
        on_step=lambda n, of: tell("Learning", n, of),
    )
    network = as_onnx(weights, sprites.labels, course.crop.size_px)
    draft = draft_card(
        out,
        network,
        labels=sprites.labels,
        spec=INPUT,
        crop=course.crop,
        version=course.version,
        training=_training(sprites, data, course, epochs),
    )
    return _measured(draft, data, course, tell)


def _crops(split: str, work: Path, sprites: Sprites, course: Course, tell: Told) -> CropSet:
    """The crops of a split, from ``work`` when they were made before with the same settings."""
    file = work / f"{split.replace(' ', '-')}-{_key(sprites, course, split)}.npz"
    if not file.exists():
        seed = course.seed * 100 + list(course.pieces).index(split)
        scene = course.learning if split == "train" else course.measuring
        made = render_crops(
            sprites_of(split, sprites.all),
            sprites.labels,
            course.crop,
            scene,
            pieces=course.pieces[split],
            seed=seed,
            on_progress=lambda n, of: tell(f"Painting {split}", n, of),
        )
        with file.with_suffix(".partial").open("wb") as partial:
            np.savez(partial, crops=made.crops, truth=made.truth, names=np.array([made.sprites, made.objects]))
        file.with_suffix(".partial").replace(file)
    with np.load(file) as kept:
        names, objects = (tuple(map(str, row)) for row in kept["names"])
        return CropSet(kept["crops"], kept["truth"], sprites.labels, names, objects)


def _key(sprites: Sprites, course: Course, more: str) -> str:
    settled = replace(course, version=1)
    return hashlib.sha256(f"{sprites.data_id} {sprites.labels} {settled} {more}".encode()).hexdigest()[:12]


def _training(sprites: Sprites, data: dict[str, CropSet], course: Course, epochs: int) -> Training:
    return Training(
        data=(sprites.data_id,),
        crops=tuple((split, one.crops.shape[0] * one.crops.shape[1]) for split, one in data.items()),
        objects=tuple((split, sum(objects_per_label(sprites_of(split, sprites.all)).values())) for split in data),
        seed=course.seed,
        epochs=epochs,
    )


def _measured(
    draft: ModelCard, data: dict[str, CropSet], course: Course, tell: Told
) -> tuple[ModelCard, dict[str, PieceFigures]]:
    eye = Classifier(draft)
    splits = [split for split in data if split != "train"]
    raw = {}
    for n, split in enumerate(splits):
        tell(f"Measuring {split}", n, len(splits))
        raw[split] = _looks(eye, data[split].crops)
    truth = {split: data[split].truth for split in splits}
    temperature = cautious_temperature(
        _flat(raw["val"]), np.repeat(truth["val"], LOOKS), np.repeat(data["val"].objects, LOOKS)
    )
    calm = {
        split: log_softmax(_flat(looks) / np.float32(temperature)).reshape(looks.shape) for split, looks in raw.items()
    }
    correlation = fit_look_correlation(calm["val"], truth["val"])
    pieces = {
        split: piece_figures(
            calm[split],
            truth[split],
            draft.labels,
            correlation,
            families=RULE_FAMILIES,
            hazard=HAZARD if HAZARD in draft.labels else None,
        )
        for split in splits
    }
    golden = write_golden(draft.folder, draft.labels, data["val"].crops[:, 0], truth["val"], np.exp(calm["val"][:, 0]))
    card = replace(
        draft,
        temperature=round(temperature, 4),
        look_correlation=round(correlation, 4),
        golden=golden,
        measured=tuple(_figures(split, data[split], raw[split], calm[split]) for split in splits),
        speed=(("cpu_ms_per_crop_at_batch_4", _speed_ms(eye)),),
        notes=(RENDERED_ONLY, *(_note(split, pieces[split]) for split in splits)),
    )
    write_card(card)
    kept = load_card(card.folder)
    Classifier(kept).self_test()
    return kept, pieces


def _looks(eye: Classifier, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Log scores (pieces, looks, labels) of crops (pieces, looks, s, s, 3)."""
    return eye.classify(crops.reshape(-1, *crops.shape[2:])).reshape(*crops.shape[:2], -1)


def _flat(looks: NDArray[np.float32]) -> NDArray[np.float32]:
    return looks.reshape(-1, looks.shape[-1])


def _figures(split: str, data: CropSet, raw: NDArray[np.float32], calm: NDArray[np.float32]) -> Figures:
    """Figures of single looks; intervals count objects, because pictures of one object are not independent."""
    wanted = np.repeat(data.truth, raw.shape[1])
    before, after = np.exp(_flat(raw)), np.exp(_flat(calm))
    right = after.argmax(axis=1) == wanted
    per_label = []
    for n, label in enumerate(data.labels):
        own = right.reshape(len(data.truth), -1)[data.truth == n]
        objects = len({one for one, truth in zip(data.objects, data.truth, strict=True) if truth == n})
        share = float(own.mean()) if len(own) else 0.0
        per_label.append(LabelFigure(label, len(own), objects, share, *metrics.wilson(share * objects, objects)))
    return Figures(
        split=split,
        n=len(data.truth),
        accuracy=float(right.mean()),
        macro_f1=metrics.macro_f1(metrics.confusion(wanted, after.argmax(axis=1), len(data.labels))),
        ece_before=metrics.calibration_error(before.max(axis=1), before.argmax(axis=1) == wanted),
        ece_after=metrics.calibration_error(after.max(axis=1), right),
        per_label=tuple(per_label),
    )


def _speed_ms(eye: Classifier, repeats: int = 100) -> float:
    """Median CPU milliseconds per crop at batch 4, preparation included, on the machine that trained."""
    size = eye.card.crop.size_px
    crops = np.zeros((BATCH, size, size, 3), np.uint8)
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        eye.classify(crops)
        taken.append((time.process_time() - start) * 1000 / BATCH)
    return float(np.median(taken))


def _note(split: str, found: PieceFigures) -> str:
    families = ", ".join(
        f"{name} precision {precision:.3f} recall {recall:.3f}"
        for name, (_n, precision, recall) in found.families.items()
    )
    said = (
        f"Per piece after {LOOKS} looks on {split}: {found.n} pieces, accuracy {found.accuracy:.3f}, calibration error "
        f"{found.ece:.3f}; {families}"
    )
    if found.hazard is None:
        return f"{said}."
    alarms = ", ".join(
        f"{share:.2%} (up to {high:.2%}) reach {limit}" for limit, (share, _low, high) in found.false_alarms.items()
    )
    caught = ", ".join(f"{share:.1%} reach {limit}" for limit, share in found.caught.items())
    return f"{said}; of the pieces that are no {found.hazard} {alarms}; of the {found.hazards} {found.hazard} {caught}."
