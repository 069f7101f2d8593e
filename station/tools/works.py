"""What the child of ``station.tools.niced`` can do: each a function of what it is told."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from station.recording.reader import Recording

Told = dict[str, Any]
Tell = Callable[[str, int, int], None]
Work = Callable[[Told, Tell], Told]
_EVERY = 200
_MOST_CROPS = 20_000
_MOST_MOVED = 50


def check(told: Told, _tell: Tell) -> Told:
    """All that ``station check`` checks, with ``drafts`` (text by path) in the place of files."""
    from station.config import load_config
    from station.plan import check_station

    drafts = {Path(path): text for path, text in told["drafts"].items()}
    return {"lines": list(check_station(load_config(Path(told["config"]), drafts)))}


def prove(told: Told, _tell: Tell) -> Told:
    """That a model is what its card says."""
    from station.wiring import prove_model
    from vision.model_card import load_card

    prove_model(load_card(Path(told["folder"])))
    return {}


def promote(told: Told, _tell: Tell) -> Told:
    """As ``station model promote``."""
    from station.promotion.promote import promote as promoted

    change = promoted(Path(told["config"]), Path(told["folder"]), told["by"], told["why"], _now())
    return {"from": change.from_id, "to": change.to_id}


def take_back(told: Told, _tell: Tell) -> Told:
    """As ``station model return``."""
    from station.promotion.promote import take_back as taken_back

    change = taken_back(Path(told["config"]), told["by"], told["why"], _now())
    return {"from": change.from_id, "to": change.to_id}


def watch(told: Told, _tell: Tell) -> Told:
    """Which model is watched beside; ``folder`` None: none."""
    from station.promotion.promote import watch as watched

    folder = None if told["folder"] is None else Path(told["folder"])
    return {"to": watched(Path(told["config"]), folder, told["by"], _now())}


def evaluate(told: Told, tell: Tell) -> Told:
    """A model on the crops that people labelled here, as ``station evaluate --crops``."""
    import json

    from station.codebook import CODEBOOK
    from station.training.evaluate import UNKNOWN
    from station.training.evaluate import evaluate as evaluated
    from station.training.folders import read_crops
    from station.training.rollup import read_families, roll_up
    from vision.classifier import Classifier
    from vision.model_card import load_card

    eye = Classifier(load_card(Path(told["folder"])))
    with tempfile.TemporaryDirectory(prefix="station-") as folder:
        _lay_out(Path(told["crops"]), Path(folder))
        data = read_crops(Path(folder), eye.card.crop, lambda n, of: tell("Reading crops", n, of))
    rollup = roll_up(eye.card.labels, sorted(set(data.folders) - {UNKNOWN}), read_families(CODEBOOK))
    found = evaluated(eye, data, rollup, "labelled crops", lambda n, of: tell("Classifying", n, of))
    figures: Told = json.loads(found.as_json())
    return {name: value for name, value in figures.items() if name not in {"worst", "reliability"}}


def replay(told: Told, tell: Tell) -> Told:
    """As ``station replay``."""
    from station.recording.reader import open_recording
    from station.recording.replay import replay as replayed
    from station.recording.words import RecordingUnreadable

    recording = open_recording(Path(told["file"]))
    of = _steps_of(recording)
    found = replayed(recording, lambda n: tell("Replaying", n, of) if n % _EVERY == 0 else None)
    if not found.proved:
        raise RecordingUnreadable(f"{recording.path.name} holds no step that can be proved: {found.steps} steps.")
    return {
        "equal": found.is_equal,
        "steps": found.steps,
        "proved": found.proved,
        "missing": found.missing,
        "recorded_s": round(found.recorded_s, 1),
        "software": recording.about.software,
        "differing": found.differing,
        "first": None if found.first is None else found.first._asdict(),
        "pieces": [piece.sentence for piece in found.pieces[:_MOST_MOVED]],
    }


def what_if(told: Told, tell: Tell) -> Told:
    """As ``station whatif``; a picture of the pieces that end otherwise is written to ``sheet``."""
    from station.config import ConfigError
    from station.recording.reader import open_recording
    from station.whatif.changes import Change
    from station.whatif.report import as_plain, caption
    from station.whatif.sheet import write_sheet
    from station.whatif.trial import Subject
    from vision.labels import labels_beside, read_labels

    file, sheet = Path(told["file"]), Path(told["sheet"])
    recording, table = open_recording(file), labels_beside(file)
    changes = [Change(key, value) for key, value in told["changes"]]
    subject = Subject(recording, read_labels(table) if table.is_file() else None)
    try:
        subject.check(changes)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--set ", "")) from error  # that is how the command calls them
    of = _steps_of(recording)
    trial = subject.try_out(changes, lambda n: tell("Trying", n, of) if n % _EVERY == 0 else None)
    sheet.parent.mkdir(parents=True, exist_ok=True)
    sheet.unlink(missing_ok=True)
    tell("Drawing", 0, 0)
    shown = write_sheet(recording, trial.moved, sheet)
    plain = {name: value for name, value in as_plain(trial, file).items() if name != "changed"}
    return plain | {"moved": [caption(moved) for moved in trial.moved[:_MOST_MOVED]], "on_sheet": shown}


def _lay_out(crops: Path, folder: Path) -> None:
    """Every labelled crop as ``label/picture``; the newest where there are very many."""
    from station.dataset.book import Book
    from station.dataset.words import DatasetRefused

    with Book.open(crops) as book:
        labelled = [crop for crop in book.crops() if crop.label is not None][-_MOST_CROPS:]
        if not labelled:
            raise DatasetRefused("Nobody has labelled a kept picture yet. Label some first.")
        for crop in labelled:
            assert crop.label is not None
            with suppress(DatasetRefused):  # newer ones needed its place meanwhile
                picture = book.picture(crop)
                (folder / crop.label).mkdir(exist_ok=True)
                (folder / crop.label / f"{crop.sha256[:16]}.{crop.kind}").write_bytes(picture)


def _steps_of(recording: Recording) -> int:
    from station.recording.texts import StepTexts

    return sum(isinstance(entry, StepTexts) for entry in recording.raw_entries())


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the moment a person acts


WORKS: Mapping[str, Work] = {
    "check": check,
    "prove": prove,
    "promote": promote,
    "take back": take_back,
    "watch": watch,
    "evaluate": evaluate,
    "replay": replay,
    "what-if": what_if,
}
