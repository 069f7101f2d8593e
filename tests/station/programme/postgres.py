"""A real PostgreSQL of our own, in a folder that goes away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.station.ports import free_port

_WHERE = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


@contextmanager
def running_postgres() -> Iterator[str]:
    """URL of a server without databases of ours; ended with its folder."""
    assert _WHERE, "PostgreSQL is missing: make setup-test installs it"
    tools, port = _WHERE[-1].parent, free_port()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    data = folder / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _run([tools / "initdb", "-D", data, "-A", "trust", "-U", "programme", "-E", "UTF8", "--no-sync", "--locale=C"])
        options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c max_connections=40 -c fsync=off"
        _run([tools / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"])
        try:
            yield f"postgresql+psycopg://programme@127.0.0.1:{port}/postgres"
        finally:
            _run([tools / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str, name: str) -> str:
    """URL of a new, empty database."""
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.rpartition("/")[0] + f"/{name}"


def _run(command: list[str | Path]) -> None:
    done = subprocess.run([*_as_postgres(), *command], check=False, capture_output=True, text=True, cwd="/tmp")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
