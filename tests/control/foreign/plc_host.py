"""Compiles and runs the foreign controller: the reference program in C behind libmodbus."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from control import job_ring
from control.types import Identity
from tests.control.structured_text import to_c

PROGRAM = Path(__file__).parents[3] / "configs/devices/plc/job_ring.st"
HOST = Path(__file__).with_name("plc_host.c")
IDENTITY = Identity(job_ring.MAP_VERSION, outputs=49, counter_bits=32, ticks_per_mm=10.0)


class ForeignPlant:
    """The running program; its belt's time passes by itself."""

    identity = IDENTITY

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def press_estop(self) -> None:
        self._say("p")

    def release_estop(self) -> None:
        self._say("r")

    def wait(self, ms: float) -> None:
        time.sleep(ms / 1000)

    def _say(self, letter: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(letter)
        self._process.stdin.flush()


@cache
def compiled() -> Path:
    """The program as an executable file; skips the test where there is no C compiler or no libmodbus."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc): the reference program cannot be compiled here")
    folder = Path(tempfile.mkdtemp(prefix="plc-host-"))
    (folder / "job_ring.c").write_text(to_c(PROGRAM.read_text(encoding="utf-8")), encoding="utf-8")
    binary = folder / "plc_host"
    command = [compiler, "-O1", "-Wall", "-Werror", "-I", str(folder), str(HOST), "-o", str(binary), "-lmodbus"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if "modbus.h" in made.stderr:
        pytest.skip("libmodbus-dev is not installed: the foreign controller cannot be compiled here")
    assert made.returncode == 0, made.stderr
    return binary


@contextmanager
def running(*where: str) -> Iterator[ForeignPlant]:
    """The foreign controller at ("tcp", port) or ("rtu", device, baud) until the end."""
    with subprocess.Popen(
        [str(compiled()), *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            yield ForeignPlant(process)
            assert process.poll() is None, process.stderr.read()
        finally:
            process.terminate()


@contextmanager
def serial_pair(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Two serial devices joined by socat; skips the test where there is none."""
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed: no pair of serial devices")
    near, far = folder / "near", folder / "far"
    ends = [f"pty,raw,echo=0,link={end}" for end in (near, far)]
    with subprocess.Popen(["socat", *ends], stderr=subprocess.PIPE) as process:
        try:
            for _ in range(500):
                if near.exists() and far.exists():
                    break
                time.sleep(0.01)
            yield near, far
        finally:
            process.terminate()
