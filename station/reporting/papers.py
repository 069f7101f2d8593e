"""Papers to print, in the reader's language: what batch report and hazards sheet have in common."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from station.codebook import plain_name
from station.faults import FAULTS
from station.language import html_tag, pages, translations
from station.marked import marked
from station.reporting.closing import CUT_SHORT
from station.reporting.downtime import IN_SETUP, NOT_STARTED, PERSON
from station.reporting.factors import FullCodebook
from station.reporting.yard_words import METHODS, REASONS, Deed, Finding

_FOLDER = Path(__file__).parent / "sheets"
_FONTS = (
    '"Noto Sans", "DejaVu Sans", "Liberation Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif'
)
_FONTS_ZH = '"Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei", sans-serif'
_LARGEST_PICTURE_BYTES = 400_000
_DEEDS = {
    Deed.stopped: marked("stopped; did not touch it"),
    Deed.diverted: marked("diverted into"),
    Deed.missed: marked("missed it ({why})"),
}
_OUTLETS = {
    "copper": marked("Copper"),
    "brass": marked("Brass"),
    "aluminium": marked("Aluminium"),
    "quarantine": marked("Quarantine"),
    "rest": marked("Rest"),
}
_STOPS = {
    CUT_SHORT: marked("The record was cut short, by a loss of power or a crash."),
    NOT_STARTED: marked("Not started: the line stood."),
    IN_SETUP: marked("The line was being set up."),
    PERSON: marked("Paused by a person."),
}


class HazardLine(NamedTuple):
    """Findings of one class."""

    class_id: str
    findings: int
    diverted: int
    stopped: int
    missed: int
    open: int


class Paper(NamedTuple):
    """What every sheet says of itself; ``made`` has its zone."""

    language: str
    station: str
    station_name: str
    is_simulated: bool
    made: datetime


def render(template: str, paper: Paper, book: FullCodebook, words: Mapping[str, object]) -> str:
    """A page of its own: no other file, no network. Raises LanguageUnknown."""
    spoken = translations(paper.language)
    environment = pages(_FOLDER, paper.language)
    environment.filters.update(duration=_duration, moment=minute, stamp=_stamp)
    mark = f"{spoken.gettext('SIMULATED')} · " if paper.is_simulated else ""
    return environment.get_template(template).render(
        tag=html_tag(paper.language),
        fonts=_FONTS_ZH if paper.language == "zh" else _FONTS,
        footer=f"{mark}{paper.station} · {minute(paper.made.isoformat())}".replace('"', ""),
        is_simulated=paper.is_simulated,
        station=paper.station,
        station_name=paper.station_name,
        made_utc=minute(paper.made.isoformat()),
        **_speakers(book, paper.language, spoken.gettext),
        **words,
    )


def minute(told: str) -> str:
    """A moment as ISO 8601 -> ``2027-01-15 08:00 UTC``."""
    return datetime.fromisoformat(told).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def hazard_lines(found: Iterable[Finding]) -> list[HazardLine]:
    """By class, what is still open first."""
    by_class: dict[str, list[Finding]] = defaultdict(list)
    for each in found:
        by_class[each.class_id].append(each)
    lines = [_hazard_line(class_id, group) for class_id, group in by_class.items()]
    return sorted(lines, key=lambda line: (-line.open, -line.findings, line.class_id))


def _hazard_line(class_id: str, group: Sequence[Finding]) -> HazardLine:
    done = Counter(each.done for each in group)
    still_open = sum(each.is_open for each in group)
    return HazardLine(class_id, len(group), done[Deed.diverted], done[Deed.stopped], done[Deed.missed], still_open)


def inline_pictures(folder: Path, found: Sequence[Finding]) -> dict[int, str | None]:
    """Pictures as data of the page, by number of the finding; None where there is none or it was changed."""
    return {each.id: _inline(folder / each.picture, each.picture_sha256) if each.picture else None for each in found}


def _inline(path: Path, sha256: str | None) -> str | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) > _LARGEST_PICTURE_BYTES or hashlib.sha256(content).hexdigest() != sha256:
        return None
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _stamp(told: str) -> str:
    """Day and time on two lines."""
    return minute(told).replace(" ", "\n", 1)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _speakers(book: FullCodebook, language: str, say: Callable[[str], str]) -> dict[str, Callable[..., str]]:
    """What templates ask for a word."""

    def name(class_id: str) -> str:
        entry = book.entries.get(class_id)
        return class_id if entry is None else plain_name(entry.name(language))

    def outlet(told: str) -> str:
        return say(_OUTLETS[told]) if told in _OUTLETS else told

    def method(told: str) -> str:
        return say(METHODS.get(told, told))

    def fault(code: str) -> str:
        return say(FAULTS[code].sentence) if code in FAULTS else say(_STOPS[code]) if code in _STOPS else code

    def deed(found: Finding) -> str:
        why = outlet(found.detail) if found.done is Deed.diverted else say(REASONS.get(found.detail, found.detail))
        match found.done:
            case Deed.stopped:
                return say(_DEEDS[found.done])
            case Deed.diverted:
                return f"{say(_DEEDS[found.done])} {why}"
            case Deed.missed:
                return say(_DEEDS[found.done]).replace("{why}", why)

    def dealt(found: Finding) -> str:
        if found.closed_utc is not None:
            return f"{minute(found.closed_utc)}, {found.closed_by}: {found.how}"
        return say(marked("OPEN")) if found.is_open else say(marked("by the line"))

    return {"name": name, "outlet": outlet, "method": method, "fault": fault, "deed": deed, "dealt": dealt}
