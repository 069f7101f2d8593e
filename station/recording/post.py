"""The recorder process as the station sees it: started, heard, minded, ended last."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from station.crew import Member, RestartLimit, start_member
from station.link import Link, open_link
from station.recording.process import recorder_main
from station.recording.settings import KeepThis, PicturesChoice, RecorderNews, RecorderSetup
from vision.frame_ring import FrameRing

_PATIENCE_S = 20.0
_GONE = "the recorder process ended too often"


class Post:
    """Keeps both ends of the link between vision and recorder, so that either may die and be started again.

    A recorder that starts again opens another file as soon as the sorter is written down, within ten seconds.
    """

    def __init__(self, setup: RecorderSetup, ring: FrameRing | None) -> None:
        """``ring``: memory of our own that the camera lays its pictures into; None when the camera's ring is read."""
        self._setup = setup
        self._ring = ring
        self._limit = RestartLimit()
        self._member: Member | None = None
        self.news: RecorderNews | None = None
        self._gave_up = False

    def __enter__(self) -> Self:
        self._ours, self._theirs = open_link()
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Vision has ended by now: what it told is written, then the files are closed, which may take a while."""
        if self._member is not None:
            self._member.link.close()
            self._member.process.join(_PATIENCE_S)
            self._member.end()
        self._ours.close()
        self._theirs.close()
        if self._ring is not None:
            self._ring.close()

    @property
    def steps(self) -> Link:
        """Where vision tells its steps; never read here."""
        return self._ours

    @property
    def pictures(self) -> PicturesChoice | None:
        """The ring that the camera has to fill; None when it has one of its own."""
        return None if self._ring is None else self._setup.pictures

    @property
    def member(self) -> Member | None:
        return self._member

    @property
    def trouble(self) -> str:
        """Why nothing is recorded; empty while all is well."""
        if self._gave_up:
            return _GONE
        return "" if self.news is None else self.news.stopped

    def keep_this(self, by: str) -> str | None:
        """Ask for the last minute to be kept; the sentence that says why not, or None."""
        if self.news is None or self._member is None or self._gave_up:
            return "The recorder is not running; wait a moment and try again."
        if not self.news.has_memory:
            return "The station file keeps no last minute: set recording.frames to 'flight'."
        with suppress(ConnectionError):
            if self._member.link.send(KeepThis(by)):
                return None
        return "The recorder does not answer; wait a moment and try again."

    def mind(self, now_ns: int) -> None:
        """Hear its news, and start it again when it has died."""
        if self._member is None:
            return
        with suppress(ConnectionError):
            for message in self._member.link.receive():
                if isinstance(message, RecorderNews):
                    self.news = message
        if self._member.process.is_alive():
            return
        self._member.end()
        self._member = None
        if self._limit.allows(now_ns):
            self._start()
        else:
            self._gave_up = True

    def _start(self) -> None:
        theirs, ours = open_link()
        self._member = start_member("recorder", recorder_main, (self._setup, self._theirs, theirs), ours)
        theirs.close()
