"""The recordings of a station: which there are, and what may be worked out from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from station.config import Config
from station.faults import FAULTS
from station.recording.planned import recordings_folder
from station.recording.shelf import INCIDENT, SUFFIX, Shelf
from station.tools.errands import ErrandDesk
from station.tools.models import ModelDesk

_NAME = re.compile(r"^(?P<kind>[a-z]+)-(?P<stamp>\d{8}T\d{6}Z)-(?P<word>.+)$")
_MOST_SHOWN = 500


class RecordingUnknown(LookupError):  # noqa: N818 - a fact
    """There is no recording of that name."""


@dataclass(frozen=True, slots=True)
class RecordingDesk:
    """Of one station. Touches files: asked away from the event loop."""

    config: Config
    models: ModelDesk
    errands: ErrandDesk

    def recordings(self, being_written: str) -> Iterator[dict[str, object]]:
        """The newest first. ``why`` is what the incident was; ``seconds`` None where only the file itself tells."""
        files = Shelf(recordings_folder(self.config), 0, 0).recordings()
        for path in list(reversed(files))[:_MOST_SHOWN]:
            told = _NAME.match(path.stem)
            try:
                about = path.stat()
            except FileNotFoundError:
                continue
            begun = None if told is None else datetime.strptime(told["stamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            is_incident = told is not None and told["kind"] == INCIDENT
            seconds = None if begun is None or is_incident else max(0.0, about.st_mtime - begun.timestamp())
            yield {
                "name": path.name,
                "bytes": about.st_size,
                "begun_utc": None if begun is None else begun.isoformat(),
                "seconds": seconds,
                "incident": is_incident,
                "why": _why(told["word"]) if told is not None and is_incident else "",
                "being_written": path.name == being_written,
            }

    def file(self, name: str) -> Path:
        """Raises RecordingUnknown."""
        path = recordings_folder(self.config) / name
        if path.name != name or path.suffix != SUFFIX or not path.is_file():
            raise RecordingUnknown(name)
        return path

    def thresholds(self) -> dict[str, float]:
        """What may be tried: the least confidence of every outlet's rule, as it is now."""
        return {rule.outlet: rule.min_confidence for rule in self.config.recipe.rules}

    def replay(self, name: str, by: str) -> str | None:
        """None when it has begun, else why not; raises RecordingUnknown."""
        return self.errands.start("replay", name, {"file": str(self.file(name))}, by)

    def what_if(self, name: str, thresholds: Mapping[str, float], model: str | None, by: str) -> str | None:
        """The same; raises ModelUnknown, too."""
        changes = [(f"rules.{outlet}.min_confidence", f"{value:g}") for outlet, value in thresholds.items()]
        if model is not None:
            changes.append(("model", str(self.models.folder(model))))
        sheet = self.errands.picture("what-if", name)
        told = {"file": str(self.file(name)), "changes": changes, "sheet": str(sheet)}
        return self.errands.start("what-if", name, told, by)

    def found(self, name: str) -> dict[str, object]:
        """The newest results about one; raises RecordingUnknown."""
        self.file(name)
        return {work: self.errands.result(work, name) for work in ("replay", "what-if")}

    def sheet(self, name: str) -> bytes:
        """The picture of the pieces that end otherwise; raises RecordingUnknown where there is none."""
        self.file(name)
        try:
            return self.errands.picture("what-if", name).read_bytes()
        except FileNotFoundError as error:
            raise RecordingUnknown(name) from error


def _why(word: str) -> str:
    """A fault in its own words, anything else as the file says it."""
    known = next((code for code in FAULTS if word == code or word.startswith(f"{code}-")), None)
    return word if known is None else FAULTS[known].sentence
