"""How often each output has opened in its life, kept in the data folder over runs."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from control.schedule import outputs_of
from control.types import ShotResult
from station.types import PieceRecord

_STORED_AS = "valves.json"
_EVERY = 200


class ValveCounts:
    """Counts every shot that was fired; written now and then and at the end, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """An unreadable file is put aside, not overwritten: counting begins anew."""
        self._path = folder / _STORED_AS
        self._openings: Counter[int] = Counter()
        self._unsaved = 0
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self._openings.update({int(output): int(n) for output, n in stored["openings"].items()})
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._path.replace(self._path.with_suffix(".unreadable"))

    @property
    def openings(self) -> Mapping[int, int]:
        """By output."""
        return self._openings

    def note(self, record: PieceRecord) -> None:
        """A closed piece; only a fired shot has opened anything."""
        if record.ejection is None or record.report is None or record.report.result is not ShotResult.fired:
            return
        self._openings.update(outputs_of(record.ejection.outputs))
        self._unsaved += 1
        if self._unsaved >= _EVERY:
            self.save()

    def save(self) -> bool:
        """False when the disk does not take it: the counts stay in memory and are tried again."""
        fresh = self._path.with_suffix(".new")
        text = json.dumps({"openings": {str(output): n for output, n in sorted(self._openings.items())}}) + "\n"
        try:
            fresh.write_text(text, encoding="utf-8")
            os.replace(fresh, self._path)
        except OSError:
            return False
        self._unsaved = 0
        return True
