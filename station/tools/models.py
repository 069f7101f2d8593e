"""The library of models: every card in plain figures, and what may be done with a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from station.chain import ChainBroken
from station.codebook import load_codebook, plain_name
from station.config import Config, ConfigError, load_config
from station.keeping.places import CROPS, SHADOW, data_folder
from station.keeping.shadow_book import read_comparisons
from station.marked import marked
from station.promotion.audit import read_audit
from station.promotion.promote import audit_file
from station.tools.niced import WorkRefused, ask
from vision.model_card import CARD_FILE, Figures, ModelCard, load_card
from vision.types import ModelRefused


class ModelUnknown(LookupError):  # noqa: N818 - a fact
    """There is no model of that name in the library."""


class Use(NamedTuple):
    """Folder names of the models that are in use, or will be from the next start on."""

    running: str
    running_shadow: str | None
    next: str | None
    next_shadow: str | None


@dataclass(slots=True)
class ModelDesk:
    """The models beside the one that ``config`` runs with. Touches files: asked away from the event loop."""

    config: Config
    _cards: dict[tuple[Path, int, int], ModelCard | str] = field(default_factory=dict)

    def use(self) -> Use:
        """What runs, and what the files say now."""
        file = self.config.file
        try:
            fresh = load_config(self.config.path).file
        except ConfigError:
            return Use(_name(file.model), _name(file.shadow_model), None, None)
        return Use(_name(file.model), _name(file.shadow_model), _name(fresh.model), _name(fresh.shadow_model))

    def library(self) -> Iterator[dict[str, object]]:
        """One line per model, by name; ``refusal`` where its card cannot be believed."""
        for folder in self._folders():
            card = self._card(folder)
            if isinstance(card, str):
                yield {"name": folder.name, "id": "", "kind": "", "accuracy": None, "refusal": card}
                continue
            best = card.measured[0] if card.measured else None
            kind = "classifier" if card.detector is None else card.detector.kind
            accuracy = None if best is None else _share(best)
            yield {"name": folder.name, "id": card.id, "kind": kind, "accuracy": accuracy, "refusal": ""}

    def card(self, name: str) -> dict[str, object]:
        """All of it; raises ModelUnknown or ModelRefused."""
        card = self._known(name)
        return {
            "name": name,
            "id": card.id,
            "licence": card.licence,
            "labels": [{"label": label, "title": _title(label)} for label in card.labels],
            "trained_on": list(card.training.data),
            "objects": dict(card.training.objects),
            "crops": dict(card.training.crops),
            "measured": [_figures(figures) for figures in card.measured],
            "speed": dict(card.speed),
            "notes": list(card.notes),
            "golden": [_golden(card, n) for n in range(len(card.golden))],
        }

    def golden(self, name: str, number: int) -> bytes:
        """The picture; raises ModelUnknown, ModelRefused or OSError."""
        card = self._known(name)
        if number >= len(card.golden):
            raise ModelUnknown(name)
        return (card.folder / card.golden[number].file).read_bytes()

    def folder(self, name: str) -> Path:
        """Raises ModelUnknown."""
        for folder in self._folders():
            if folder.name == name:
                return folder
        raise ModelUnknown(name)

    def comparisons(self) -> list[dict[str, object]]:
        """How candidates differed from the model beside which they were watched."""
        found = read_comparisons(data_folder(self.config) / SHADOW)
        return [{**each._asdict(), "pairs": [pair._asdict() for pair in each.pairs]} for each in found]

    def changes(self) -> tuple[list[dict[str, object]], str]:
        """The audit, the newest first, and what is wrong with it."""
        try:
            return [change._asdict() for change in reversed(read_audit(audit_file(self.config)))], ""
        except ChainBroken as broken:
            return [], str(broken)

    def prove(self, name: str) -> str:
        """That it is what its card says; raises WorkRefused."""
        ask("prove", {"folder": str(self.folder(name))})
        return marked("Hash, shape, labels and golden pictures are as its card says.")

    def evaluation(self, name: str) -> dict[str, object]:
        """What the errand ``evaluate`` is told."""
        return {"folder": str(self.folder(name)), "crops": str(data_folder(self.config) / CROPS)}

    def watch(self, name: str | None, by: str) -> None:
        """From the next start on; raises ModelUnknown and WorkRefused."""
        folder = None if name is None else str(self.folder(name))
        if name is None and self.use().next_shadow == "":
            raise WorkRefused(marked("No model is watched beside."))
        ask("watch", {"config": str(self.config.path), "folder": folder, "by": by})

    def promote(self, name: str, by: str, why: str) -> None:
        """From the next start on; raises ModelUnknown and WorkRefused."""
        told = {"config": str(self.config.path), "folder": str(self.folder(name)), "by": by, "why": why}
        ask("promote", told)

    def take_back(self, by: str, why: str) -> None:
        """The last promotion; raises WorkRefused."""
        changes, broken = self.changes()
        if not changes:
            raise WorkRefused(broken or marked("There is nothing to go back to: the model was never changed here."))
        ask("take back", {"config": str(self.config.path), "by": by, "why": why})

    def _folders(self) -> list[Path]:
        beside = self.config.resolve(self.config.file.model).parent
        return sorted(path.parent for path in beside.glob(f"*/{CARD_FILE}"))

    def _known(self, name: str) -> ModelCard:
        card = self._card(self.folder(name))
        if isinstance(card, str):
            raise ModelRefused(card)
        return card

    def _card(self, folder: Path) -> ModelCard | str:
        """Read again only when a file of it has changed: reading takes long."""
        newest = max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0)
        size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        key = (folder, newest, size)
        if key not in self._cards:
            try:
                self._cards[key] = load_card(folder)
            except ModelRefused as refused:
                self._cards[key] = str(refused)
        return self._cards[key]


def _name(path: str | None) -> str:
    return "" if path is None else Path(path).name


def _title(label: str) -> str:
    material = load_codebook().get(label)
    return label if material is None else plain_name(material.name)


def _share(figures: Figures) -> dict[str, object]:
    return {
        "split": figures.split, "n": figures.n, "value": figures.accuracy, "low": figures.low, "high": figures.high
    }  # fmt: skip


def _figures(figures: Figures) -> dict[str, object]:
    return {
        **_share(figures),
        "calibration_error": figures.ece_after,
        "macro_f1": figures.macro_f1,
        "per_label": [
            {
                "label": each.label,
                "title": _title(each.label),
                "n": each.n,
                "objects": each.objects,
                "value": each.accuracy,
                "low": each.low,
                "high": each.high,
            }
            for each in figures.per_label
        ],
        "classes": list(figures.classes),
        "confusion": [list(row) for row in figures.confusion],
    }


def _golden(card: ModelCard, number: int) -> dict[str, object]:
    expected = card.golden[number].expected
    best = max(range(len(expected)), key=expected.__getitem__) if expected else 0
    said = card.labels[best] if expected else ""
    return {
        "file": card.golden[number].file,
        "title": _title(said),
        "probability": expected[best] if expected else None,
    }
