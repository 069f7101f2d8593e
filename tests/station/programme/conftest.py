"""Every law of the receiver is tried on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.station.programme.postgres import new_database, running_postgres

_NUMBER = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/programme.db"
    return new_database(request.getfixturevalue("postgres"), f"programme{next(_NUMBER)}")
