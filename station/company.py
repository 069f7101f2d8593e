"""Who works beside the pair of a run, and the troubles that only the station's own process sees."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from control.process import ControlStatus
from station.figures import Figures
from station.keeping.opening import Keeping
from station.line_watch import LineWatch
from station.link import Link
from station.recording.post import Post
from station.reporting.hazard_watch import HazardWatch
from station.reporting.opening import Report
from station.reporting.service import Service
from station.scale import ScaleWatch
from station.store import Store
from station.types import Conditions


class Company(NamedTuple):
    """The recorder, the keeper of crops, the reader of the belt scale, the reporter, the follower of hazards."""

    post: Post | None
    kept: Keeping
    scale: ScaleWatch
    report: Report
    hazards: HazardWatch


class Troubles:
    """Conditions of the sorter: the store, recorder, scale, the line's answers, the channels to the programme."""

    def __init__(self, store: Store, company: Company, figures: Figures) -> None:
        self._store = store
        self._company = company
        self._figures = figures
        self._line = LineWatch()
        self._told: tuple[Link | None, tuple[tuple[str, str], ...]] = (None, ())

    def note(self, status: ControlStatus) -> None:
        """What control says about the line to its machine."""
        self._line.note(status)

    def tell(self, service: Service, link: Link | None) -> None:
        """To the vision process, whenever they change or another one listens."""
        told = (link, self._found(service))
        if link is None or told == self._told or (self._told[0] is not link and not told[1]):
            return
        with suppress(ConnectionError):
            if link.send(Conditions(told[1])):
                self._told = told

    def _found(self, service: Service) -> tuple[tuple[str, str], ...]:
        store, company = self._store, self._company
        stopped = "" if company.post is None else company.post.trouble
        found = (
            ("store-trouble", store.trouble if store.must_pause else None),
            ("records-restored", store.restored),
            ("recording-stopped", stopped or None),
            ("scale-lost", company.scale.trouble),
            ("hazard-waiting", company.hazards.waiting),
            ("line-noisy", self._line.trouble),
            ("bin-nearly-full", self._figures.bins.attention()),
            ("certificate-ends", service.warning),
            ("programme-refuses", service.alarm),
        )
        return tuple((code, detail) for code, detail in found if detail is not None)
