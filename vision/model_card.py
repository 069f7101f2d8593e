"""A model's card: what the network is, what it was trained on, how good it is, and how to tell that it is still itself.

The card is ``model.yaml`` in the model's folder, beside the network and one golden crop per label.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from vision.card_table import CardTable, read_mapping
from vision.crop import CropSpec
from vision.detectors.spec import DetectorSpec, read_detector
from vision.types import ModelRefused

CARD_FILE = "model.yaml"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the network takes: ``value = (pixel - mean) * scale`` per channel, in ``colour`` and ``layout`` order."""

    colour: str
    layout: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class GoldenCrop:
    """A picture in the model's folder and the probability per label (in the card's order) it must give."""

    file: str
    expected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LabelFigure:
    """Share of the ``n`` pieces of this label that were right, with its 95 % Wilson interval.

    The interval counts ``objects``: many pictures of one object do not prove more than one.
    """

    label: str
    n: int
    objects: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured on one split of the data.

    ``low`` and ``high`` bound the accuracy (95 % Wilson, counting objects). ``confusion`` has a row per true class and
    a column per answer, both in the order of ``classes``; cards of earlier versions have neither.
    """

    split: str
    n: int
    accuracy: float
    macro_f1: float
    ece_before: float
    ece_after: float
    per_label: tuple[LabelFigure, ...]
    low: float = 0.0
    high: float = 1.0
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Training:
    """What the model was trained on, and how. ``data`` names the data sets, ``crops`` counts them per split."""

    data: tuple[str, ...]
    crops: tuple[tuple[str, int], ...]
    objects: tuple[tuple[str, int], ...]
    seed: int
    epochs: int


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model. ``look_correlation`` (0..1) says how much a second look at the same piece repeats the first;
    ``detector`` is None for a classifier of crops."""

    folder: Path
    name: str
    version: int
    licence: str
    labels: tuple[str, ...]
    file: str
    sha256: str
    input: InputSpec
    crop: CropSpec
    temperature: float
    look_correlation: float
    golden: tuple[GoldenCrop, ...]
    golden_tolerance: float
    training: Training
    measured: tuple[Figures, ...]
    speed: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]
    detector: DetectorSpec | None = None

    @property
    def id(self) -> str:
        """Name, version and the start of the hash: what records and reports say about the model they used."""
        return f"{self.name} {self.version} {self.sha256[:12]}"


def load_card(folder: Path) -> ModelCard:
    """Read the card and check that the network beside it is the one it describes.

    Raises ModelRefused with one sentence when a file is missing, the card cannot be read or the hash differs.
    """
    path = folder / CARD_FILE
    card = _card(folder, CardTable(path, "", read_mapping(path)))
    model_bytes(card)
    return card


def model_bytes(card: ModelCard) -> bytes:
    """The network, as read once and compared with the card's hash; raises ModelRefused."""
    path = card.folder / card.file
    try:
        network = path.read_bytes()
    except OSError as error:
        raise ModelRefused(
            f"Model file check: expected {path}, found none ({error.strerror}); copy the whole model folder again."
        ) from error
    found = hashlib.sha256(network).hexdigest()
    if found != card.sha256:
        raise ModelRefused(
            f"Model hash check: {path} should have sha256 {card.sha256[:16]}..., found {found[:16]}...; "
            "the file was damaged or exchanged, copy the whole model folder again."
        )
    return network


def _card(folder: Path, top: CardTable) -> ModelCard:
    labels = top.texts("labels")
    golden = top.table("golden")
    return ModelCard(
        folder=folder,
        name=top.value("name", str),
        version=top.value("version", int),
        licence=top.value("licence", str),
        labels=labels,
        file=top.value("file", str),
        sha256=top.value("sha256", str),
        input=_input(top.table("input")),
        crop=_crop(top.table("crop")),
        temperature=_positive(top, "temperature"),
        look_correlation=top.value("look_correlation", float),
        golden=tuple(_golden(crop, labels) for crop in golden.tables("crops")),
        golden_tolerance=_positive(golden, "tolerance"),
        training=_training(top.table("training")),
        measured=tuple(map(_figures, top.tables("measured"))),
        speed=top.table("speed").numbers(float),
        notes=top.texts("notes"),
        detector=read_detector(top),
    )


def _positive(table: CardTable, key: str) -> float:
    found = table.value(key, float)
    if not found > 0:
        raise table.refusal(key, "a number above 0", found)
    return found


def _input(table: CardTable) -> InputSpec:
    colour, layout = table.value("colour", str), table.value("layout", str)
    if colour not in ("rgb", "bgr"):
        raise table.refusal("colour", "rgb or bgr", colour)
    if layout not in ("nchw", "nhwc"):
        raise table.refusal("layout", "nchw or nhwc", layout)
    return InputSpec(colour, layout, table.three("mean"), table.three("scale"))


def _crop(table: CardTable) -> CropSpec:
    return CropSpec(table.value("size_px", int), table.value("margin", float), table.value("floor_mm", float))


def _golden(table: CardTable, labels: tuple[str, ...]) -> GoldenCrop:
    expected = table.table("expected")
    return GoldenCrop(table.value("file", str), tuple(expected.value(label, float) for label in labels))


def _training(table: CardTable) -> Training:
    return Training(
        data=table.texts("data"),
        crops=table.table("crops").numbers(int),
        objects=table.table("objects").numbers(int),
        seed=table.value("seed", int),
        epochs=table.value("epochs", int),
    )


def _figures(table: CardTable) -> Figures:
    return Figures(
        split=table.value("split", str),
        n=table.value("n", int),
        accuracy=table.value("accuracy", float),
        macro_f1=table.value("macro_f1", float),
        ece_before=table.value("ece_before", float),
        ece_after=table.value("ece_after", float),
        per_label=tuple(map(_label_figure, table.tables("per_label"))),
        low=table.value("low", float) if "low" in table else 0.0,
        high=table.value("high", float) if "high" in table else 1.0,
        classes=table.texts("classes") if "classes" in table else (),
        confusion=_counts(table) if "confusion" in table else (),
    )


def _counts(table: CardTable) -> tuple[tuple[int, ...], ...]:
    rows = table.many("confusion")
    if not all(isinstance(row, list) and all(isinstance(count, int) for count in row) for row in rows):
        raise table.refusal("confusion", "a list of lists of counts", rows)
    return tuple(tuple(row) for row in rows if isinstance(row, list))


def _label_figure(table: CardTable) -> LabelFigure:
    return LabelFigure(
        table.value("label", str),
        table.value("n", int),
        table.value("objects", int),
        table.value("accuracy", float),
        table.value("low", float),
        table.value("high", float),
    )
