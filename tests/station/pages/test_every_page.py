"""Every page, in every language and look, in a real browser: calm, local, light, accessible, and in one language."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from station import language as spoken
from station.access.words import Person, Role
from station.complaints import complaints
from station.safe_mode.good import Good
from station.safe_mode.page import create_safe_app
from station.web.access import LOCAL_TOKEN
from tests.station.access.test_web_access import PASSWORD, Gate, full_app
from tests.station.pages.walk import FOREIGN, Seen, masked, masked_locale, walk
from tests.station.paper_station import OUTLETS
from tests.station.test_web_browser import CHROMIUM

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
    pytest.mark.timeout(600),
]
FIRST_LOAD_BYTES = 300_000
NAME = "阿达"
UNITS = {"kg", "mm", "cm", "ms", "fps", "min", "GB", "MB", "Hz", "p99"}
NAMES = {"Apache-2", *(outlet.name for outlet in OUTLETS)}
CODES = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Seen]]:
    """The walk, once for all tests."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(spoken, "LOCALE", masked_locale(folder / "locale"))
        gate = Gate(folder)
        gate.access.book.add(NAME, Role.admin, PASSWORD)
        gate.access.note(Person(NAME, Role.admin), f"account {NAME}", after="admin")
        headers = {"authorization": f"Bearer {(folder / LOCAL_TOKEN).read_text(encoding='ascii')}"}
        with full_app(gate) as app:
            yield asyncio.run(walk((app, safe_app(gate)), headers, ("en", FOREIGN)))


def safe_app(gate: Gate) -> FastAPI:
    """Safe mode, with a file that was broken since it worked."""
    file = gate.folder / "plant/sim.yaml"
    kept = gate.folder / "plant/.last-good/sim"
    kept.mkdir(parents=True)
    file.write_text("web: {prot: 8080}\n", encoding="utf-8")
    files = ("sim.yaml", "calibration.yaml", "recipe.yaml")
    good = Good("Line 2", True, "127.0.0.1", 8080, True, str(gate.folder), "2027-01-15T08:00:00+00:00", files)
    errors = complaints(f"{file}:1:7  web.prot  unknown key\nModel hash check: no")
    return create_safe_app(file, good, errors, gate.access, asyncio.Event())


def told(seen: list[Seen], what: str) -> str:
    """A line for everything there is to tell, with its page and language."""
    return "\n".join(f"{page.language} {page.path}: {each}" for page in seen for each in getattr(page, what))


def test_no_page_makes_the_browser_complain_or_asks_another_host(seen: list[Seen]) -> None:
    assert len(seen) > 20
    assert told(seen, "complaints") == ""
    assert told(seen, "hosts") == ""


def test_no_page_sticks_out_of_a_phone(seen: list[Seen]) -> None:
    assert told(seen, "overflow") == ""


def test_no_page_violates_a_rule_of_accessibility_in_any_look(seen: list[Seen]) -> None:
    assert told(seen, "violations") == ""


def test_the_first_load_of_every_page_is_light(seen: list[Seen]) -> None:
    heavy = {f"{page.language} {page.path}": page.weight for page in seen if page.weight > FIRST_LOAD_BYTES}
    assert heavy == {}


def test_no_english_is_left_on_a_page_in_another_language(seen: list[Seen]) -> None:
    left = [(page.path, text) for page in seen if page.language == FOREIGN for text in page.words if english(text)]
    how = 'Sentences belong into _(), told() or marked(); names and codes into an element with translate="no".'
    assert not left, "\n".join((how, *(f"{path}: {text}" for path, text in dict.fromkeys(left))))


def test_masking_leaves_places_for_values_and_no_letter() -> None:
    assert masked("Lane {lane} is slow.") == "მაოე {lane} იტ ტმპღ."
    assert english("Log in")
    assert not english(f"{masked('Copper')} 3.2 kg CU-NO2 100 %")


def english(text: str) -> bool:
    """Whether words are left in it; units, codes and the plant's own names are the same in every language."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9'-]+", text)
    return any(word not in UNITS | NAMES and not CODES.fullmatch(word) for word in words)
