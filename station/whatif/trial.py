"""One what-if from end to end: a recording, changes, and the figures before and after."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from control.types import Recipe
from station.codebook import load_codebook
from station.config import Config, ConfigError
from station.recorded_config import recorded_config
from station.recording.codec import decode
from station.recording.layout import EYE, EyeSettings
from station.recording.reader import Recording
from station.recording.second_look import model_of
from station.recording.words import RecordingUnreadable
from station.setup import finder_settings
from station.sorter import SorterSettings
from station.types import PieceRecord
from station.whatif.changes import Change, Changed, apply_changes, changed_settings
from station.whatif.costs import costs_of
from station.whatif.eyes import EyeAgain, PictureFolder
from station.whatif.rerun import Rerun, origin_of, rerun
from station.whatif.score import Judged, Known, Reference, Score, decided_then, fate, judge, matched, scored, truth
from vision.classifier import Classifier
from vision.labels import Label
from vision.model_card import ModelCard, load_card

_NEW, _GONE = "(new)", "(gone)"


class Moved(NamedTuple):
    """A piece whose fate changed; ``then`` or ``now`` None where only the other sorter had such a piece. ``name`` is
    its label, None where nobody knows."""

    then: PieceRecord | None
    now: PieceRecord | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What one change does. ``confusion`` counts pieces by fate then and fate now; ``cpu_s`` it took."""

    changes: tuple[Change, ...]
    reference: Reference
    old: Score
    new: Score
    pieces: int
    confusion: Mapping[tuple[str, str], int]
    moved: tuple[Moved, ...]
    run: Rerun
    cpu_s: float

    @property
    def times_real_time(self) -> float:
        return self.run.seconds / max(self.cpu_s, 1e-9)


class Subject:
    """A recording that changes are tried on; ``labels`` None compares with the recorded decisions."""

    def __init__(self, recording: Recording, labels: Sequence[Label] | None) -> None:
        """Raises RecordingUnreadable when its settings cannot be used."""
        self.recording = recording
        folder = tempfile.mkdtemp(prefix="station-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.config: Config = recorded_config(recording, Path(folder))
        self.settings: SorterSettings = recording.settings()
        self._labels = labels
        self._materials = load_codebook()
        self._origin = origin_of(recording)

    def check(self, changes: Sequence[Change]) -> Changed:
        """The changed settings, without playing anything; raises ConfigError that lists everything wrong."""
        changed = apply_changes(self.config, changes)
        if changed.model is None:
            self._changed(changed, None)(self.settings)
        return changed

    def try_out(self, changes: Sequence[Change], progress: Callable[[int], None] = lambda _steps: None) -> Trial:
        """Play the recording with these changes. Raises ConfigError, ModelRefused, RecordingUnreadable."""
        changed = self.check(changes)
        card = None if changed.model is None else load_card(changed.model)
        begun = time.process_time()
        with self._eye(changed, card) as eye:
            run = rerun(self.recording, self._changed(changed, card), eye, progress)
        cpu_s = time.process_time() - begun
        return self._trial(changes, changed, card, run, cpu_s)

    def _changed(self, changed: Changed, card: ModelCard | None) -> Callable[[SorterSettings], SorterSettings]:
        def settings(base: SorterSettings) -> SorterSettings:
            try:
                return changed_settings(base, self.config, changed, card)
            except ConfigError as error:
                raise ConfigError(str(error).replace(f"{self.config.path.parent}/", "")) from error

        return settings

    @contextmanager
    def _eye(self, changed: Changed, card: ModelCard | None) -> Iterator[EyeAgain]:
        """Recorded answers, unless the change asks for the pictures."""
        if not changed.needs_pictures:
            yield EyeAgain()
            return
        attachment = self.recording.attachments.get(EYE)
        if attachment is None:
            raise RecordingUnreadable(f"{self.recording.path} does not hold the eye's settings.")
        classifier = Classifier(card or load_card(model_of(self.recording)))
        wanted = None if changed.searches else _searched(self.recording)
        with tempfile.TemporaryDirectory(prefix="station-") as folder:
            pictures = PictureFolder(self.recording, Path(folder), wanted)
            finder = finder_settings(changed.config) if changed.searches else None
            yield EyeAgain(decode(EyeSettings, attachment.content), pictures, classifier, finder)

    def _trial(
        self, changes: Sequence[Change], changed: Changed, card: ModelCard | None, run: Rerun, cpu_s: float
    ) -> Trial:
        recipes = (self.settings.recipe, self._changed(changed, card)(self.settings).recipe)
        reference = self._reference(run)
        old, new = (
            judge(records, reference, recipe, self.settings.ticks_per_mm)
            for records, recipe in zip((run.then, run.now), recipes, strict=True)
        )
        moved, confusion = self._compared(run, reference)
        return Trial(
            tuple(changes),
            reference,
            self._scored(old, recipes[0], self.config),
            self._scored(new, recipes[1], changed.config),
            len(new),
            confusion,
            moved,
            run,
            cpu_s,
        )

    def _reference(self, run: Rerun) -> Reference:
        settings = self.settings
        if self._labels is None:
            return decided_then(run.then, settings.recipe.rest_outlet)
        return truth(self._labels, self._origin, settings.counter_bits, settings.ticks_per_mm, run.last_tick)

    def _scored(self, judged: Sequence[Judged], recipe: Recipe, config: Config) -> Score:
        outlets = list(dict.fromkeys(ejector.outlet for ejector in self.settings.ejectors))
        return scored(judged, outlets, recipe.rest_outlet, costs_of(config, self._materials))

    def _compared(self, run: Rerun, reference: Reference) -> tuple[tuple[Moved, ...], Mapping[tuple[str, str], int]]:
        """Pieces of both sorters, paired by place: the pairs whose fate differs, and all pairs counted."""
        ticks_per_mm = self.settings.ticks_per_mm
        then = [Known(record.piece.at, record.piece.across_mm, "") for record in run.then]
        pairs = matched(run.now, then, ticks_per_mm)
        both = [(run.then[k], run.now[n]) for n, k in sorted(pairs.items())]
        taken = set(pairs.values())
        gone = [(record, None) for k, record in enumerate(run.then) if k not in taken]
        fresh = [(None, record) for n, record in enumerate(run.now) if n not in pairs]
        rows: list[tuple[PieceRecord | None, PieceRecord | None]] = [*both, *gone, *fresh]
        counted = Counter((_fate(old, _NEW), _fate(new, _GONE)) for old, new in rows)
        names = _names(rows, reference, ticks_per_mm)
        moved = (
            Moved(old, new, names.get(n)) for n, (old, new) in enumerate(rows) if _fate(old, _NEW) != _fate(new, _GONE)
        )
        return tuple(moved), dict(sorted(counted.items()))


def _fate(record: PieceRecord | None, absent: str) -> str:
    return absent if record is None else fate(record)


def _names(
    rows: Sequence[tuple[PieceRecord | None, PieceRecord | None]], reference: Reference, ticks_per_mm: float
) -> dict[int, str]:
    """Labels of the pieces by row, where there are labels."""
    if not reference.is_truth:
        return {}
    pieces = [new or old for old, new in rows]
    records = [piece for piece in pieces if piece is not None]
    return {n: reference.known[k].name for n, k in matched(records, reference.known, ticks_per_mm).items()}


def _searched(recording: Recording) -> set[tuple[int, int]]:
    """The frames in which something was looked for."""
    return {
        (step.inputs.frame.seq, step.inputs.frame.captured_ns)
        for step in recording.steps()
        if step.inputs.frame is not None and step.answers.found is not None
    }
