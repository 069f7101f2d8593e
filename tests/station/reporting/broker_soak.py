"""A hundred broker kills, not part of the suite: ``python -m tests.station.reporting.broker_soak [KILLS [ROWS]]``."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from tests.station.reporting.test_row_sender import kill_the_broker

_log = logging.getLogger(__name__)


def main() -> None:
    asked = [int(word) for word in sys.argv[1:]]
    kills, rows = [*asked, *(100, 10_000)[len(asked) :]][:2]
    with tempfile.TemporaryDirectory() as folder:
        kill_the_broker(Path(folder), rows, kills)
    _log.info("%d broker kills, %d rows: none lost, none applied twice", kills, rows)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    main()
