"""The keeper: a thread that hears of every look and every closed piece, keeps crops worth labelling and asks the
candidate. Nobody ever waits for it; what it cannot take in time is lost to it alone, and counted."""

from __future__ import annotations

import logging
import math
import os
import select
import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from station.dataset.book import Book
from station.dataset.words import NewCrop, Reason
from station.keeping.album import Album, Remembered
from station.keeping.opinion import Opinion
from station.keeping.shadow import Shadow
from station.keeping.shadow_book import Compared, ShadowBook
from station.keeping.worth import Ration, WorthSettings, reason_to_keep
from station.reporting.hazard_pictures import HazardPictures
from station.types import PieceRecord
from vision.process import WaitablePort
from vision.watched_eye import CandidateCrop, Taken

_log = logging.getLogger(__name__)
_TURN_S = 0.1
_MOST_OPEN = 300
_Waiting = TypeVar("_Waiting")
_MOST_CLOSED = 500
_NICENESS = 10


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """``utc_offset_ns`` added to a monotonic instant gives UTC; ``looks`` crops at most are kept of one piece.
    ``has_candidate_crops``: the candidate is sent crops of its own."""

    worth: WorthSettings
    utc_offset_ns: int
    most_bytes: int
    looks: int
    has_candidate_crops: bool = False


@dataclass(slots=True)
class KeeperCounts:
    """``dropped`` pieces closed faster than they could be looked through; ``failed`` could not be stored."""

    kept: int = 0
    removed: int = 0
    compared: int = 0
    skipped: int = 0
    dropped: int = 0
    failed: int = 0


class Keeper:
    """``book`` None keeps no crops; ``shadow`` None compares nothing."""

    def __init__(
        self,
        settings: KeeperSettings,
        looks: WaitablePort,
        book: Book | None,
        shadow: tuple[Shadow, ShadowBook] | None,
        album: Album | None = None,
        hazards: HazardPictures | None = None,
    ) -> None:
        """Owns the books from now on and closes them."""
        self._settings = settings
        self._looks = looks
        self._book = book
        self._shadow = shadow
        self._album = album
        self._hazards = hazards
        self._ration = Ration(settings.worth.most_per_min)
        self._open: dict[int, list[Taken]] = {}
        self._wanted: dict[int, list[NDArray[np.uint8]]] = {}
        self._closed: deque[PieceRecord] = deque()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="keeper", daemon=True)
        self._trouble = ""
        self.counts = KeeperCounts()

    def start(self) -> None:
        self._thread.start()

    def take(self, record: PieceRecord) -> None:
        """A piece was closed. Never waits: when too many wait already, this one is passed over."""
        if len(self._closed) >= _MOST_CLOSED:
            self.counts.dropped += 1
            return
        self._closed.append(record)

    def close(self, timeout_s: float = 5.0) -> None:
        """Finish what waits and let go of the books."""
        self._ending.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.warning("the keeper of crops does not end; what it has not stored is lost")

    def turn(self) -> None:
        """Hear what has come, deal with what has closed."""
        for message in self._hear():
            match message:
                case Taken():
                    self._open.setdefault(message.piece_id, []).append(message)
                case CandidateCrop():
                    self._wanted.setdefault(message.piece_id, []).append(message.crop)
        _forget(self._open)
        _forget(self._wanted)
        compared = []
        seen: list[Remembered] = []
        while self._closed:
            record = self._closed.popleft()
            taken = self._open.pop(record.piece.id, [])
            wanted = self._wanted.pop(record.piece.id, [])
            self._keep(record, taken)
            looks = [(_shares(look), look.crop) for look in taken]
            seen.append(Remembered(record.run, record.piece.id, looks))
            crops = wanted if self._settings.has_candidate_crops else [look.crop for look in taken]
            compared.extend(self._compare(record, crops))
        self._note(compared)
        self._show(seen)

    def _show(self, seen: Sequence[Remembered]) -> None:
        if self._album is None or not seen:
            return
        try:
            self._album.add(seen)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)

    def _keep_on(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            while not self._ending.is_set():
                select.select([self._looks.fileno()], [], [], _TURN_S)
                self.turn()
            self.turn()
        finally:
            if self._book is not None:
                self._book.close()
            if self._shadow is not None:
                self._shadow[1].close()
            if self._album is not None:
                self._album.close()

    def _hear(self) -> list[object]:
        try:
            return self._looks.receive()
        except ConnectionError:
            self._ending.wait(_TURN_S)
            return []

    def _keep(self, record: PieceRecord, taken: Sequence[Taken]) -> None:
        self._keep_hazard(record, taken)
        if self._book is None or not taken:
            return
        worth = self._settings.worth
        reason = reason_to_keep(record, [_shares(look) for look in taken], worth)
        if reason is None or not self._ration.allows(reason, record.closed_ns):
            return
        crops = [self._crop(record, look, reason) for look in _spread(taken, self._settings.looks)]
        try:
            self.counts.kept += self._book.add(crops)
            self.counts.removed += self._book.make_room(self._settings.most_bytes)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)

    def _keep_hazard(self, record: PieceRecord, taken: Sequence[Taken]) -> None:
        """The look from the middle of the picture shows most."""
        if self._hazards is None or not taken or not self._hazards.wants(record):
            return
        try:
            self._hazards.keep(record, _png(taken[len(taken) // 2].crop))
        except OSError as error:
            self._fail(error)

    def _crop(self, record: PieceRecord, look: Taken, reason: Reason) -> NewCrop:
        scores = dict(zip(self._settings.worth.labels, _shares(look), strict=True))
        name = f"{record.run}/{record.piece.id}"
        return NewCrop(_png(look.crop), "png", name, record.run, reason, self._utc(record), scores, record.model)

    def _compare(self, record: PieceRecord, crops: Sequence[NDArray[np.uint8]]) -> list[Compared]:
        if self._shadow is None or not crops:
            return []
        shadow = self._shadow[0]
        opinion = shadow.judge(crops)
        decided = Opinion(record.decision.label, record.decision.confidence)
        self.counts.skipped += opinion is None
        self.counts.compared += opinion is not None
        return [Compared(record.run, record.piece.id, self._utc(record), record.model, shadow.id, decided, opinion)]

    def _note(self, compared: Sequence[Compared]) -> None:
        if not compared or self._shadow is None:
            return
        try:
            self._shadow[1].note(compared)
        except (OSError, sqlite3.Error) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Said once per kind of trouble; sorting does not depend on it."""
        self.counts.failed += 1
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("crops or comparisons cannot be stored: %s", error)

    def _utc(self, record: PieceRecord) -> str:
        seconds = (record.closed_ns + self._settings.utc_offset_ns) / 1e9
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _forget(waiting: dict[int, list[_Waiting]]) -> None:
    """Pieces that were seen and never closed; the oldest go."""
    while len(waiting) > _MOST_OPEN:
        del waiting[next(iter(waiting))]


def _shares(look: Taken) -> tuple[float, ...]:
    return tuple(map(math.exp, look.log_scores))


def _spread(taken: Sequence[Taken], most: int) -> list[Taken]:
    """The first, the last, and between them at even distances."""
    if len(taken) <= most:
        return list(taken)
    return [taken[round(n * (len(taken) - 1) / max(most - 1, 1))] for n in range(most)]


def _png(crop: NDArray[np.uint8]) -> bytes:
    """Lossless: what a model learns from must be what the camera saw."""
    ok, data = cv2.imencode(".png", crop, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not ok:
        raise OSError("a crop could not be written as PNG")
    return data.tobytes()
