"""The machine's to-do list: what a technician should see to, why, what it does, and one thing to do.

A pure function of facts; whoever gathers them is ``station.tools.todo_facts``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from station.marked import marked

_OLD_DAYS = 180
_CHECKED_DAYS = 30
_DISK_DAYS = 3.0
_ROWS_WAIT_H = 24.0
_MANY_CROPS = 200


class Urgency(StrEnum):
    """``now``: something does not work. ``soon``: it will not, or nobody knows. ``sometime``: it would be better."""

    now = "now"
    soon = "soon"
    sometime = "sometime"


class Item(NamedTuple):
    """``code`` names the kind; ``detail`` holds what no sentence can say beforehand; ``link`` is a page of ours."""

    code: str
    urgency: Urgency
    cause: str
    effect: str
    action: str
    link: str
    detail: str = ""


class Trouble(NamedTuple):
    """A fault that is present, in its own words."""

    code: str
    cause: str
    effect: str
    action: str
    detail: str
    stops: bool


class SlowingLane(NamedTuple):
    """A lane that answers later than it did some weeks ago."""

    outlet: str
    lane: int
    then_ms: float
    now_ms: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What the station knows. None: it does not know, or there is no such thing; nothing is derived from that."""

    today: date
    has_admin: bool = True
    troubles: Sequence[Trouble] = ()
    calibrated: date | None = None
    has_flat_field: bool = True
    unread_registers: Sequence[str] = ()
    lanes_slowing: Sequence[SlowingLane] = ()
    model_since: date | None = None
    sampled: date | None = None
    rows_wait_since_h: float | None = None
    rows_waiting: int = 0
    rows_quarantined: int = 0
    disk_days: float | None = None
    clock_is_trusted: bool = True
    records: bool = True
    crops_waiting: int = 0
    newer_files: Sequence[str] = ()
    is_simulated: bool = False
    watched_from_anywhere: bool = False


def todo(facts: Facts) -> tuple[Item, ...]:
    """The most urgent first."""
    found = [item for rule in _RULES for item in rule(facts)]
    return tuple(sorted(found, key=lambda item: list(Urgency).index(item.urgency)))


def _troubles(facts: Facts) -> Iterator[Item]:
    for trouble in facts.troubles:
        link = _LINKS.get(trouble.code, "/")
        urgency = Urgency.now if trouble.stops else Urgency.soon
        yield Item(trouble.code, urgency, trouble.cause, trouble.effect, trouble.action, link, trouble.detail)


def _people(facts: Facts) -> Iterator[Item]:
    if not facts.has_admin:
        yield Item(
            "no-admin",
            Urgency.now,
            marked("There is no admin account."),
            marked("Nobody can give orders from the page, and whoever reads the console first could become admin."),
            marked("Make the first account with the code on the console."),
            "/first-run",
        )
    if facts.watched_from_anywhere:
        yield Item(
            "open-viewers",
            Urgency.sometime,
            marked("Everybody in the network may look at this page without logging in."),
            marked("Pictures and counts of the line can be seen by everybody there."),
            marked("If that is not wanted, set web.viewers to false."),
            "/settings",
        )


def _calibration(facts: Facts) -> Iterator[Item]:
    age = None if facts.calibrated is None else (facts.today - facts.calibrated).days
    if age is None:
        yield Item(
            "calibration-undated",
            Urgency.soon,
            marked("The calibration does not say when it was made."),
            marked("Nobody can tell whether shots still hit where they should."),
            marked("Measure the line anew, or write the day into the key made of the calibration."),
            "/settings",
        )
    elif age > _OLD_DAYS and not facts.is_simulated:
        yield Item(
            "calibration-old",
            Urgency.soon,
            marked("The calibration is {days} days old.").format(days=age),
            marked("Belts stretch and valves wear: shots may come beside the piece."),
            marked("Throw test pieces and compare; measure the line anew where they miss."),
            "/settings",
        )
    if not facts.has_flat_field and not facts.is_simulated:
        yield Item(
            "no-flat-field",
            Urgency.sometime,
            marked("The light on the empty belt was never measured."),
            marked("Pieces in darker lanes are found worse."),
            marked("Run station flat-field once on the empty, moving belt."),
            "/machine",
        )


def _devices(facts: Facts) -> Iterator[Item]:
    for doubt in facts.unread_registers:
        yield Item(
            "registers-unread",
            Urgency.soon,
            marked("A device is used by registers that nobody has read in the maker's document."),
            marked("An output may stay on, or a weight may be wrong, without anybody seeing it."),
            marked("Try it as the line below says, then set checked to true in the device's file."),
            "/machine",
            doubt,
        )


def _lanes(facts: Facts) -> Iterator[Item]:
    for lane in facts.lanes_slowing:
        yield Item(
            "lane-slowing",
            Urgency.soon,
            marked("Lane {lane} of {outlet} answers in {now} ms, some weeks ago it was {then} ms.").format(
                lane=lane.lane, outlet=lane.outlet, now=f"{lane.now_ms:.1f}", then=f"{lane.then_ms:.1f}"
            ),
            marked("A valve that wears comes later and later, until its shots miss."),
            marked("Clean or replace the valve, then measure its delay anew."),
            "/machine",
        )


def _model(facts: Facts) -> Iterator[Item]:
    since = facts.model_since
    if facts.sampled is None or (since is not None and facts.sampled < since):
        yield Item(
            "model-unchecked",
            Urgency.soon,
            marked("Nobody has counted a sample of a bin since this model is in use."),
            marked("Purity is an estimate by the model itself, and it may be wrong on this plant's scrap."),
            marked("Take a sample from each bin, count it, and enter it."),
            "/batches",
        )
    elif (facts.today - facts.sampled).days > _CHECKED_DAYS:
        yield Item(
            "sample-old",
            Urgency.sometime,
            marked("The last counted sample of a bin is {days} days old.").format(
                days=(facts.today - facts.sampled).days
            ),
            marked("Scrap changes; purity may have changed with it."),
            marked("Take a sample from each bin, count it, and enter it."),
            "/batches",
        )
    if facts.crops_waiting >= _MANY_CROPS:
        yield Item(
            "crops-wait",
            Urgency.sometime,
            marked("{n} kept pictures wait for a label.").format(n=facts.crops_waiting),
            marked("Without labels nobody knows how good the model is here, and the next one learns nothing."),
            marked("Label some of them."),
            "/review",
        )


def _reports(facts: Facts) -> Iterator[Item]:
    if facts.rows_wait_since_h is not None and facts.rows_wait_since_h > _ROWS_WAIT_H:
        yield Item(
            "outbox-waits",
            Urgency.soon,
            marked("{n} report rows wait for the programme, the oldest for {hours} hours.").format(
                n=facts.rows_waiting, hours=f"{facts.rows_wait_since_h:.0f}"
            ),
            marked("The programme does not see what this station sorts. Nothing is lost."),
            marked("Check the network and the section programme of the station file."),
            "/settings",
        )
    if facts.rows_quarantined:
        yield Item(
            "rows-refused",
            Urgency.soon,
            marked("The programme did not take {n} report rows; they are set aside.").format(n=facts.rows_quarantined),
            marked("They are missing in the programme's sums."),
            marked("Read what it said with station report quarantine, settle it, then station report retry."),
            "/logs",
        )


def _computer(facts: Facts) -> Iterator[Item]:
    if facts.disk_days is not None and facts.disk_days < _DISK_DAYS:
        yield Item(
            "disk-fills",
            Urgency.now if facts.disk_days < 0.5 else Urgency.soon,
            marked("At the present rate the disk is full in {days} days.").format(days=f"{facts.disk_days:.1f}"),
            marked("What cannot be counted is not sorted: the line will pause."),
            marked("Free disk space or lower recording.max_gb."),
            "/recordings",
        )
    if not facts.clock_is_trusted:
        yield Item(
            "clock-unsure",
            Urgency.soon,
            marked("Nobody vouches for this computer's clock."),
            marked("Reports and records may carry the wrong time; certificates are judged by it."),
            marked("Connect a time server; if the time is lost at every start, replace the clock's battery."),
            "/logs",
        )
    if not facts.records:
        yield Item(
            "records-nothing",
            Urgency.sometime,
            marked("This station records nothing (recording.steps is off)."),
            marked("What happened in an incident cannot be played again."),
            marked("Set recording.steps to true."),
            "/settings",
        )
    if facts.newer_files:
        yield Item(
            "settings-newer",
            Urgency.sometime,
            marked("The station runs with older settings than its files."),
            marked("The next start changes how it sorts."),
            marked("Start again when the line is at rest, or bring the old files back."),
            "/settings",
            ", ".join(facts.newer_files),
        )


_LINKS = {
    "certificate-ends": "/settings",
    "programme-refuses": "/settings",
    "recording-stopped": "/recordings",
    "hazard-waiting": "/hazards",
    "lane-dead": "/machine",
    "lane-slow": "/machine",
    "machine-mismatch": "/machine",
    "machine-lost": "/machine",
    "line-noisy": "/machine",
    "vision-died": "/logs",
    "control-died": "/logs",
    "store-trouble": "/logs",
}
_RULES: tuple[Callable[[Facts], Iterator[Item]], ...] = (
    _troubles,
    _people,
    _calibration,
    _devices,
    _lanes,
    _model,
    _reports,
    _computer,
)
