"""Writes the table of routes by role anew: ``python -m tests.station.access.routes``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.station.access.test_web_access import TABLE, Gate, table


def main() -> None:
    """The diff of the table is the review."""
    with tempfile.TemporaryDirectory() as folder:
        TABLE.write_text(table(Gate(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
