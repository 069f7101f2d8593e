"""Programs of other people in Node.js, installed by ``make setup-test``, that speak Sparkplug with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station.reporting.shape import Tree

_SCRIPTS = Path(__file__).parent / "sparkplug_host"
_MODULES = Path(sys.prefix) / "sparkplug_host" / "node_modules"


class Foreign:
    """A running script; every line it prints is a JSON object."""

    def __init__(self, script: str, port: int) -> None:
        assert _MODULES.is_dir(), f"{_MODULES} is missing: run `make setup-test`"
        self._process = subprocess.Popen(
            ["node", str(_SCRIPTS / script), f"mqtt://127.0.0.1:{port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_PATH": str(_MODULES)},
        )
        self._lines: list[Tree] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def lines(self) -> list[Tree]:
        return list(self._lines)

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(json.loads(line))


@contextmanager
def foreign(script: str, port: int) -> Iterator[Foreign]:
    found = Foreign(script, port)
    try:
        yield found
    finally:
        found.close()
