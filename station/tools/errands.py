"""Long work that people ask for on the page, and what came of it: one at a time, the newest result of each kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from station.safe_mode.backups import write
from station.tools.niced import Errand, ErrandState

FOLDER = "errands"
_MOST_KEPT = 100


class ErrandDesk:
    """Results lie in ``folder``, one file per work and subject."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._errand = Errand()

    @property
    def state(self) -> ErrandState | None:
        return self._errand.state

    def start(self, work: str, subject: str, told: Mapping[str, object], by: str) -> str | None:
        """None when it has begun, else why not."""
        return self._errand.start(work, subject, told, by, self._keep)

    def stop(self) -> bool:
        """False when nothing runs."""
        return self._errand.stop()

    def result(self, work: str, subject: str) -> dict[str, object] | None:
        """The newest; None when there is none."""
        try:
            found = json.loads(self._place(work, subject).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def picture(self, work: str, subject: str) -> Path:
        """Where a picture of the result lies, if there is one."""
        return self._place(work, subject).with_suffix(".png")

    def _keep(self, ended: ErrandState) -> None:
        if ended.result is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        told = {"begun_utc": ended.begun_utc, "by": ended.by, "subject": ended.subject, "result": ended.result}
        write(self._place(ended.work, ended.subject), json.dumps(told).encode())
        kept = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)
            old.with_suffix(".png").unlink(missing_ok=True)

    def _place(self, work: str, subject: str) -> Path:
        return self.folder / (re.sub(r"[^A-Za-z0-9_.-]", "_", f"{work}-{subject}")[:150] + ".json")
