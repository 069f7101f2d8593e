"""The page says what the station says, and takes orders only from itself."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import station.web
from station.codebook import plain_name
from station.types import Order, State
from station.web.app import create_app
from station.web.messages import cells, picture_message
from station.web.view import Mishap
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import AIR_LOW, TITLES, PaperStation

HERE = "http://127.0.0.1:8080"


def ask(
    paper: PaperStation, method: str, path: str, headers: Mapping[str, str] | None = None, content: str | None = None
) -> httpx.Response:
    async def go() -> httpx.Response:
        door = httpx.ASGITransport(create_app(paper, paper_access(), hosts=("yard-pc",)))
        async with httpx.AsyncClient(transport=door, base_url=HERE) as browser:
            return await browser.request(method, path, headers=as_admin() | dict(headers or {}), content=content)

    return asyncio.run(go())


def order(paper: PaperStation, body: object, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/json", "origin": HERE} | headers
    return ask(paper, "POST", "/api/orders", sent, json.dumps(body))


def test_the_page_shows_state_safety_boundary_and_that_it_is_simulated() -> None:
    text = ask(PaperStation(), "GET", "/").text
    assert "Idle" in text
    assert "Process stop request, not a safety function. Use the emergency stop in danger." in text
    assert "Stop ejectors and belt. This is not the emergency stop." in text
    assert "SIMULATED" in text
    assert "Try a mishap" in text


def test_a_real_line_shows_no_truth_and_no_mishaps() -> None:
    paper = PaperStation(is_simulated=False)
    text = ask(paper, "GET", "/").text
    assert "SIMULATED" not in text
    assert "mishap" not in text
    assert ask(paper, "GET", "/api/counts").json()["truth"] is None
    refused = ask(
        paper, "POST", "/api/mishaps", {"content-type": "application/json"}, '{"mishap": "estop", "on": true}'
    )
    assert refused.status_code == 403
    assert not paper.on


def test_the_page_needs_nothing_inline_and_nothing_from_outside() -> None:
    answer = ask(PaperStation(), "GET", "/")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
    assert "<style" not in answer.text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", answer.text)
    pages = Path(station.web.__file__).parent
    for file in (*pages.glob("static/*"), *pages.glob("templates/*")):
        outside = re.findall(r"(?:https?:)?//[a-z0-9][\w.]*\.\w+", file.read_text())
        assert set(outside) <= {"http://www.w3.org"}, file.name


def test_words_of_the_station_are_shown_as_text_not_run() -> None:
    paper = PaperStation()
    TITLES["XSS"] = ("<script>alert(1)</script>", "rest", (0, 0, 0))
    try:
        assert "<script>alert" not in ask(paper, "GET", "/").text
    finally:
        del TITLES["XSS"]


def test_an_order_is_given_in_the_name_of_who_asks() -> None:
    paper = PaperStation()
    assert order(paper, {"order": "start"}).json() == {"taken": True, "refusal": None}
    assert paper.orders == [(Order.start, "this computer")]
    assert paper.state is State.running


def test_a_refused_order_answers_with_its_sentence() -> None:
    answer = order(PaperStation(guard_open=True), {"order": "start"})
    assert answer.status_code == 200
    assert answer.json() == {"taken": False, "refusal": "Close the guard first."}


def test_after_a_fault_a_start_that_was_not_held_for_a_second_is_refused() -> None:
    paper = PaperStation(holds=True)
    for held in ({}, {"held_ms": 999}):
        answer = order(paper, {"order": "start", **held}).json()
        assert not answer["taken"]
        assert answer["refusal"] == "After a fault Start has to be held for one second."
    assert paper.orders == []
    assert order(paper, {"order": "stop"}).json()["taken"]
    assert order(paper, {"order": "start", "held_ms": 1000}).json()["taken"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"host": "evil.example:8080", "origin": "http://evil.example:8080"},
    ],
)
def test_an_order_from_a_foreign_page_is_refused(headers: dict[str, str]) -> None:
    paper = PaperStation()
    assert order(paper, {"order": "start"}, **headers).status_code == 403
    assert paper.orders == []


def test_the_station_answers_to_its_own_names_only() -> None:
    paper = PaperStation()
    for host, status in (("yard-pc:8080", 200), ("localhost:8080", 200), ("[::1]:8080", 200), ("evil.example", 403)):
        assert ask(paper, "GET", "/livez", {"host": host}).status_code == status


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", "order=start", 422),
        ("application/json", "{", 422),
        ("application/json", "[" * 500, 422),
        ("application/json", '["start"]', 422),
        ("application/json", '{"order": "fly"}', 422),
        ("application/json", '{"order": ["start"]}', 422),
        ("application/json", '{"order": "' + "x" * 300_000 + '"}', 413),
    ],
)
def test_nonsense_is_no_order(kind: str, body: str, status: int) -> None:
    paper = PaperStation()
    answer = ask(paper, "POST", "/api/orders", {"content-type": kind}, body)
    assert answer.status_code == status
    assert answer.json()["refusal"]
    assert paper.orders == []


def test_mishaps_are_switched_on_and_off() -> None:
    paper = PaperStation()
    for on in (True, False):
        body = json.dumps({"mishap": "lens_covered", "on": on})
        assert ask(paper, "POST", "/api/mishaps", {"content-type": "application/json"}, body).json()["taken"]
        assert (Mishap.lens_covered in paper.on) is on


def test_a_recipe_is_chosen_from_those_there_are() -> None:
    paper, kind = PaperStation(), {"content-type": "application/json"}
    assert "<option>brass-first</option>" in ask(paper, "GET", "/").text
    taken = ask(paper, "POST", "/api/recipe", kind, '{"recipe": "brass-first"}')
    unknown = ask(paper, "POST", "/api/recipe", kind, '{"recipe": "../secrets"}')
    paper.guard_open = True
    refused = ask(paper, "POST", "/api/recipe", kind, '{"recipe": "copper-first"}')
    assert taken.json() == {"taken": True, "refusal": None}
    assert (unknown.status_code, "brass-first" in unknown.json()["refusal"]) == (422, True)
    assert refused.json() == {"taken": False, "refusal": "Close the guard first."}
    assert [name for name, _by in paper.chosen] == ["brass-first", "copper-first"]


def test_a_valve_that_ever_opened_is_listed_with_its_openings() -> None:
    valves = ask(PaperStation(), "GET", "/api/status").json()["valves"]
    rows = [(valve["output"], valve["openings"], valve["word"]) for valve in valves]
    assert rows == [
        (0, 12_000, ""),
        (8, 31_415, ""),
    ]


def test_a_station_that_has_said_nothing_is_alive_but_not_ready() -> None:
    paper = PaperStation(is_silent=True)
    assert ask(paper, "GET", "/livez").status_code == 200
    assert ask(paper, "GET", "/readyz").status_code == 503
    assert ask(paper, "GET", "/api/status").json()["word"] == "Starting"
    assert ask(PaperStation(), "GET", "/readyz").status_code == 200


def test_every_state_has_its_word_and_only_the_abnormal_ones_a_colour() -> None:
    levels = {}
    for state in (State.running, State.paused, State.bypass, State.fault, State.estop):
        status = ask(PaperStation(state=state), "GET", "/api/status").json()
        levels[status["word"]] = status["level"]
    assert levels == {
        "Running": "calm",
        "Paused": "calm",
        "Not sorting": "attention",
        "Fault": "alarm",
        "Emergency stop": "alarm",
    }


def test_a_fault_says_since_when_what_it_does_and_what_to_do() -> None:
    [fault] = ask(PaperStation(fault_rows=(AIR_LOW,)), "GET", "/api/status").json()["faults"]
    assert fault["since_s"] > 0
    assert (fault["sentence"], fault["effect"], fault["hint"]) == (AIR_LOW.sentence, AIR_LOW.effect, AIR_LOW.hint)


def test_the_cells_of_the_table_sum_to_all_pieces() -> None:
    counts = PaperStation(seq=500).counts()
    shown = json.loads(json.dumps(cells(counts, "rest")))
    assert sum(sum(outlets.values()) for outlets in shown["cells"].values()) == counts.pieces
    assert sum(shown["outcomes"].values()) == counts.pieces


def test_a_picture_travels_with_its_marks() -> None:
    picture = PaperStation().draw()
    sent = picture_message(picture, picture.captured_ns + 7_000_000)
    length = struct.unpack_from(">I", sent)[0]
    header = json.loads(sent[4 : 4 + length])
    assert (header["seq"], header["age_ms"], len(header["marks"])) == (1, 7, len(picture.marks))
    assert sent[4 + length :] == picture.jpeg


def test_plain_names_leave_out_the_examples() -> None:
    assert plain_name("Aluminium cast: housings, pistons, wheels") == "Aluminium cast"
    assert plain_name("Stainless 18-8 (304)") == "Stainless 18-8"


def test_a_monitoring_system_reads_every_figure_and_that_it_is_simulated() -> None:
    paper = PaperStation(seq=500)
    answer = ask(paper, "GET", "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    pieces = families["station_pieces"].samples
    assert sum(sample.value for sample in pieces) == paper.counts().pieces
    assert {sample.labels["is_simulated"] for family in families.values() for sample in family.samples} == {"true"}
    [state] = [sample for sample in families["station_state"].samples if sample.value]
    assert state.labels["state"] == "idle"


def test_health_is_bad_while_something_keeps_the_station_from_sorting() -> None:
    assert ask(PaperStation(), "GET", "/api/health").json()["well"] is True
    assert ask(PaperStation(is_silent=True), "GET", "/api/health").json()["well"] is False
    ill = ask(PaperStation(fault_rows=(AIR_LOW,)), "GET", "/api/health").json()
    assert ill["well"] is False
    assert AIR_LOW.sentence in [check["sentence"] for check in ill["checks"]]
