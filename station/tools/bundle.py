"""Everything that whoever helps from afar asks for, in one file: settings, versions, log, events, machine, health.

Secrets are taken out, names of people are left out, and the size is bounded.
"""

from __future__ import annotations

import io
import json
import platform
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path

from station.config import Config
from station.keeping.places import data_folder
from station.store_reader import open_reader
from station.tools.log_file import tail
from station.tools.machine import MachineDesk, ProbeRefused
from station.tools.redaction import redacted, secrets_of
from station.tools.todo_facts import TodoDesk
from station.web.view import StationView
from station.weighing import RECORDS
from vision.model_card import CARD_FILE

_LOG_BYTES = 3_000_000
_FILE_BYTES = 1_000_000
_EVENTS = 2000
_EVENTS_SQL = (
    "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', (at_ns + utc_offset_ns) / 1000000000, 'unixepoch'), kind, code, detail"
    f" FROM events JOIN runs ON runs.id = run_id ORDER BY seq DESC LIMIT {_EVENTS}"
)


@dataclass(frozen=True, slots=True)
class BundleDesk:
    """Of one running station. Touches files and the machine: asked away from the event loop."""

    config: Config
    machine: MachineDesk
    todo: TodoDesk

    def make(self, view: StationView, has_admin: Callable[[], bool], now: datetime) -> bytes:
        """The ZIP file."""
        secrets = secrets_of(self.config)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in self._parts(view, has_admin, now):
                bundle.writestr(name, redacted(text, secrets))
        return out.getvalue()

    def _parts(self, view: StationView, has_admin: Callable[[], bool], now: datetime) -> Iterator[tuple[str, str]]:
        """Name and text of each file; what cannot be had is said in its place."""
        yield "about.json", _json(self._about(view, now))
        for part, path in self._files():
            yield part, _said(lambda path=path: path.read_bytes()[:_FILE_BYTES].decode(errors="replace"))  # type: ignore[misc]
        yield "log.txt", _said(lambda: tail(data_folder(self.config), _LOG_BYTES))
        yield "events.tsv", _said(self._events)
        yield "faults.json", _json([fault._asdict() for fault in view.faults()])
        yield "machine.json", _said(lambda: _json(self.machine.told(view)))
        yield "machine-probe.txt", _said(lambda: "\n".join(self.machine.probe(view)))
        yield "to-do.json", _said(lambda: _json([item._asdict() for item in self.todo.items(view, has_admin)]))

    def _about(self, view: StationView, now: datetime) -> dict[str, object]:
        status, performance, recording = view.status(), view.performance(), view.recording()
        facts = view.facts()
        return {
            "made_utc": now.isoformat(timespec="seconds"),
            "station": self.config.file.station.id,
            "simulated": facts.is_simulated,
            "software": facts.version,
            "model": facts.model,
            "recipe": facts.recipe,
            "settings": self.config.digest,
            "system": platform.platform(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "packages": dict(sorted((each.name, each.version) for each in distributions())),
            "state": None if status is None else {"state": status.state, "sentence": status.sentence},
            "frames": None if status is None else {"seen": status.frames, "dropped": status.frames_dropped},
            "performance": None if performance is None else performance._asdict(),
            "recording": None if recording is None else recording._asdict(),
        }  # fmt: skip

    def _files(self) -> Iterator[tuple[str, Path]]:
        file = self.config.file
        yield "station.yaml", self.config.path
        yield "calibration.yaml", self.config.resolve(file.calibration)
        yield "recipe.yaml", self.config.resolve(file.recipe)
        yield "model-card.yaml", self.config.resolve(file.model) / CARD_FILE

    def _events(self) -> str:
        with closing(open_reader(data_folder(self.config) / RECORDS)) as reader:
            rows = reader.execute(_EVENTS_SQL).fetchall()
        return "".join("\t".join(str(cell).replace("\n", " ") for cell in row) + "\n" for row in rows)


def _json(told: object) -> str:
    return json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n"


def _said(work: Callable[[], str]) -> str:
    try:
        return work()
    except (OSError, sqlite3.Error, ProbeRefused) as error:
        return f"not there: {error}\n"
