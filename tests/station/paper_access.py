"""Access for the page's tests: a book of its own in a folder that goes with the test run."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from station.web.access import LOCAL_TOKEN, Access


@cache
def paper_folder() -> Path:
    """Where the book lies."""
    folder = Path(tempfile.mkdtemp(prefix="station-access-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def paper_access() -> Access:
    """One book for all tests that do not ask who may do what."""
    return Access(paper_folder())


def as_admin() -> dict[str, str]:
    """Headers of a program on the station's own computer."""
    paper_access()
    return {"authorization": f"Bearer {(paper_folder() / LOCAL_TOKEN).read_text(encoding='ascii')}"}
