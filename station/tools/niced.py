"""Work beside the sorting: in a child process of the lowest precedence, bounded in memory and time.

The child is ``python -m station.tools.child``: it reads one JSON object, tells its progress line by line, and ends by
itself when the station does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import IO, NamedTuple

from station.marked import marked

Told = dict[str, object]
_SHORT_S = 300.0
_LONGEST_S = 1800.0
_LONGEST_LINE = 16 << 20
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkRefused(Exception):  # noqa: N818 - a fact
    """The work could not be done; the text says why."""


class Progress(NamedTuple):
    """``of`` 0: nobody knows how much there is."""

    words: str
    done: int
    of: int


def ask(work: str, told: Mapping[str, object], longest_s: float = _SHORT_S) -> Told:
    """Do short work and wait for it, away from the event loop; raises WorkRefused."""
    with _Child(work, told, longest_s) as child:
        return child.result(lambda _progress: None)


class ErrandState(NamedTuple):
    """The newest errand: what, about what, by whom; ``result`` or ``refusal`` once it has ended."""

    number: int
    work: str
    subject: str
    by: str
    begun_utc: str
    progress: Progress
    running: bool
    refusal: str
    result: Told | None


class Errand:
    """At most one long work at a time. Safe from any thread."""

    def __init__(self, longest_s: float = _LONGEST_S) -> None:
        self._longest_s = longest_s
        self._turn = threading.Lock()
        self._state: ErrandState | None = None
        self._child: _Child | None = None

    @property
    def state(self) -> ErrandState | None:
        """None until the first."""
        return self._state

    def start(
        self, work: str, subject: str, told: Mapping[str, object], by: str, keep: Callable[[ErrandState], None]
    ) -> str | None:
        """None when it has begun, else why not. ``keep`` is given the end, in a thread."""
        with self._turn:
            if self._state is not None and self._state.running:
                return marked("Something else is being worked out. Wait for it, or stop it.")
            number = 1 if self._state is None else self._state.number + 1
            begun = datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - when a person asked
            self._state = ErrandState(number, work, subject, by, begun, Progress("", 0, 0), True, "", None)
            self._child = _Child(work, told, self._longest_s)
            threading.Thread(target=self._follow, args=(self._child, keep), name="errand", daemon=True).start()
        return None

    def stop(self) -> bool:
        """False when nothing runs."""
        with self._turn:
            child, state = self._child, self._state
        if child is None or state is None or not state.running:
            return False
        child.kill(marked("It was stopped."))
        return True

    def _follow(self, child: _Child, keep: Callable[[ErrandState], None]) -> None:
        refusal, result = "", None
        try:
            with child:
                result = child.result(self._progressed)
        except WorkRefused as refused:
            refusal = str(refused)
        assert self._state is not None
        ended = self._state._replace(running=False, refusal=refusal, result=result)
        try:
            keep(ended)
        finally:
            self._state = ended

    def _progressed(self, progress: Progress) -> None:
        if self._state is not None:
            self._state = self._state._replace(progress=progress)


class _Child:
    """The process; it is gone when the block is left."""

    def __init__(self, work: str, told: Mapping[str, object], longest_s: float) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._ended_because = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "station.tools.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **dict.fromkeys(_THREADS, "1"), "OMP_WAIT_POLICY": "PASSIVE"},
        )
        minutes = longest_s / 60
        too_long = marked("It took longer than {minutes} minutes and was stopped.").format(minutes=f"{minutes:g}")
        self._timer = threading.Timer(longest_s, self.kill, (too_long,))
        self._timer.daemon = True
        self._timer.start()
        self._send({"work": work, "told": dict(told)})

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for end in (self._process.stdin, self._process.stdout, self._errors):
            _close(end)

    def kill(self, why: str) -> None:
        """End it at once; ``why`` becomes the refusal."""
        self._ended_because = self._ended_because or why
        self._process.kill()

    def result(self, on_progress: Callable[[Progress], None]) -> Told:
        """What it says at the end; raises WorkRefused."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(_LONGEST_LINE):
            said = json.loads(line)
            if "result" in said:
                found: Told = said["result"]
                return found
            if "refusal" in said:
                raise WorkRefused(str(said["refusal"]))
            on_progress(Progress(str(said["words"]), int(said["done"]), int(said["of"])))
        raise WorkRefused(self._ended_because or self._fate())

    def _fate(self) -> str:
        """The last words of a child that ended without an answer."""
        code = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        said = marked("The work ended unexpectedly (exit code {code}): {last}")
        return said.format(code=code, last=last or "-")

    def _send(self, told: Told) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # it is gone already; its end says why


def _close(end: IO[bytes] | None) -> None:
    if end is not None:
        try:
            end.close()
        except OSError:
            return
