"""Writes a model's folder: network, card and one golden crop per label."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from vision.crop import CropSpec
from vision.model_card import CARD_FILE, Figures, GoldenCrop, InputSpec, ModelCard, Training

NETWORK_FILE = "model.onnx"
GOLDEN_TOLERANCE = 0.02


def draft_card(
    folder: Path,
    network: bytes,
    *,
    labels: tuple[str, ...],
    spec: InputSpec,
    crop: CropSpec,
    version: int,
    training: Training,
) -> ModelCard:
    """Write the network and give a card with everything that is known before it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK_FILE).write_bytes(network)
    return ModelCard(
        folder=folder,
        name=folder.name,
        version=version,
        licence="Apache-2.0",
        labels=labels,
        file=NETWORK_FILE,
        sha256=hashlib.sha256(network).hexdigest(),
        input=spec,
        crop=crop,
        temperature=1.0,
        look_correlation=1.0,
        golden=(),
        golden_tolerance=GOLDEN_TOLERANCE,
        training=training,
        measured=(),
        speed=(),
        notes=(),
    )


def write_golden(
    folder: Path,
    labels: tuple[str, ...],
    crops: NDArray[np.uint8],
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
) -> tuple[GoldenCrop, ...]:
    """Keep one crop per label as a picture: the one of median score for its own label. ``scores`` (n, labels)."""
    (folder / "golden").mkdir(exist_ok=True)
    kept = []
    for n, label in enumerate(labels):
        rows = np.flatnonzero(truth == n)
        chosen = rows[np.argsort(scores[rows, n])[len(rows) // 2]]
        file = f"golden/{label}.png"
        cv2.imwrite(str(folder / file), crops[chosen], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        kept.append(GoldenCrop(file, tuple(round(float(score), 5) for score in scores[chosen])))
    return tuple(kept)


def write_card(card: ModelCard) -> None:
    """Write ``model.yaml`` into the card's folder, whole or not at all."""
    partial = card.folder / f"{CARD_FILE}.partial"
    yaml = YAML()
    yaml.width = 120
    with partial.open("w", encoding="utf-8") as out:
        yaml.dump(_as_map(card), out)
    partial.replace(card.folder / CARD_FILE)


def _as_map(card: ModelCard) -> CommentedMap:
    top = CommentedMap()
    top["name"], top["version"], top["licence"] = card.name, card.version, card.licence
    top["labels"] = _flow_list(card.labels)
    top["file"], top["sha256"] = card.file, card.sha256
    top["input"] = CommentedMap(colour=card.input.colour, layout=card.input.layout)
    top["input"]["mean"] = _flow_list(card.input.mean)
    top["input"]["scale"] = _flow_list(round(each, 8) for each in card.input.scale)
    top["crop"] = _flow_map(asdict(card.crop))
    top["temperature"], top["look_correlation"] = round(card.temperature, 4), round(card.look_correlation, 4)
    top["training"] = CommentedMap(
        data=list(card.training.data),
        crops=_flow_map(dict(card.training.crops)),
        objects=_flow_map(dict(card.training.objects)),
        seed=card.training.seed,
        epochs=card.training.epochs,
    )
    top["measured"] = [_figures(figures) for figures in card.measured]
    top["speed"] = _flow_map({name: round(value, 3) for name, value in card.speed})
    top["notes"] = list(card.notes)
    crops = [_golden(golden, card.labels) for golden in card.golden]
    top["golden"] = CommentedMap(tolerance=card.golden_tolerance, crops=crops)
    top.yaml_set_start_comment("Written by station train. Lengths in mm, probabilities 0..1, intervals 95 % Wilson.")
    return top


def _figures(figures: Figures) -> CommentedMap:
    out = CommentedMap(
        split=figures.split,
        n=figures.n,
        accuracy=round(figures.accuracy, 4),
        macro_f1=round(figures.macro_f1, 4),
        ece_before=round(figures.ece_before, 4),
        ece_after=round(figures.ece_after, 4),
        low=round(figures.low, 4),
        high=round(figures.high, 4),
    )
    out["classes"] = _flow_list(figures.classes)
    out["confusion"] = [_flow_list(row) for row in figures.confusion]
    out["per_label"] = [
        _flow_map({key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(each).items()})
        for each in figures.per_label
    ]
    return out


def _golden(golden: GoldenCrop, labels: tuple[str, ...]) -> CommentedMap:
    return CommentedMap(file=golden.file, expected=_flow_map(dict(zip(labels, golden.expected, strict=True))))


def _flow_list(values: object) -> CommentedSeq:
    out = CommentedSeq(values)
    out.fa.set_flow_style()
    return out


def _flow_map(values: dict[str, object]) -> CommentedMap:
    out = CommentedMap(values)
    out.fa.set_flow_style()
    return out
