"""A thread of the parent that keeps the hazards ledger up to date while the line runs; nobody ever waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from station.reporting.factors import FullCodebook, read_full_codebook
from station.reporting.hazards import Hazard, gather, hazards_of
from station.reporting.pace import come_last
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import BookRefused

_log = logging.getLogger(__name__)
_TURN_S = 5.0
_MOST_NAMED = 3


class HazardWatch:
    """Follows ``records`` from entering to leaving, and once more when it is left."""

    def __init__(self, records: Path, turn_s: float = _TURN_S) -> None:
        self._records = records
        self._yard = YardBook(records.parent / BOOK)
        self._turn_s = turn_s
        self._ending = threading.Event()
        self._trouble = ""
        self._waiting: str | None = None
        self._thread = threading.Thread(target=self._follow, name="hazards", daemon=True)

    @property
    def waiting(self) -> str | None:
        """Findings of classes that always need a person and that nobody has closed yet, in words; None without any."""
        return self._waiting

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _follow(self) -> None:
        come_last()
        book = read_full_codebook()
        self._turn(book)
        while not self._ending.wait(self._turn_s):
            self._turn(book)
        self._turn(book)

    def _turn(self, book: FullCodebook) -> None:
        """Trouble is said once; what was not written down now is found at the next turn."""
        try:
            gather(self._records, self._yard, book, lambda: not self._ending.is_set())
            self._waiting = _in_words(self._yard, hazards_of(book))
            self._trouble = ""
        except BookRefused as refused:
            if str(refused) != self._trouble:
                self._trouble = str(refused)
                _log.warning("the hazards ledger waits: %s", refused)


def _in_words(yard: YardBook, hazards: Mapping[str, Hazard]) -> str | None:
    """What was merely to be diverted and was missed stands in the ledger, but is no alarm."""
    found = [each for each in yard.findings(only_open=True) if hazards[each.class_id].needs_person]
    named = ", ".join(f"{each.id} {each.class_id}" for each in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"findings {named}{more}" if found else None
