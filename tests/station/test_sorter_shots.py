"""Shots of the whole sorter: cut late on a changing belt, around neighbours, by the recipe of the moment."""

from __future__ import annotations

from dataclasses import replace

from control.types import Outcome, Reason, Rule, ShotResult
from station.types import Inputs, Order, RecipeGiven
from tests.station.paper_line import LABELS, PaperLine, PaperPiece, settings
from vision.types import FrameStamp

COPPER, STEEL = 0, 1
DELAY_S, DISTANCE_MM = 0.012, 1000.0


def misses_mm(line: PaperLine, pieces: list[PaperPiece]) -> list[float]:
    """How far the middle of each blast was from the nearest piece under its lane, at the nozzle."""
    misses = []
    since = {}
    for event in line.fired:
        if event.on:
            since[event.output] = event
            continue
        on = since.pop(event.output)
        middle = sum(e.pos_mm + e.speed_mm_s * DELAY_S for e in (on, event)) / 2 - DISTANCE_MM
        under = [piece.at_mm for piece in pieces if piece.across_mm // 50 == event.output]
        misses.append(min((middle - at for at in under), key=abs))
    return misses


def test_on_a_ramp_the_valve_leads_by_the_speed_it_will_have() -> None:
    pieces = [PaperPiece(2600.0 + 150 * n, 25.0 + 50 * (n % 16), COPPER) for n in range(40)]
    line = PaperLine(pieces, speed_mm_s=2500.0, ramp_mm_s2=400.0)
    line.run(6.0, Order.start)

    misses = misses_mm(line, pieces)

    assert len(misses) >= 15
    assert max(map(abs, misses)) < 1.0


def test_a_shot_is_sent_as_late_as_the_look_ahead_allows() -> None:
    line = PaperLine([PaperPiece(2600.0 + 120 * n, 425.0, COPPER) for n in range(10)])
    line.run(6.0, Order.start)

    slacks = [record.slack_ms for record in line.records if record.ejection is not None]

    assert len(slacks) == 10
    assert all(slack is not None and 100 < slack <= 175 for slack in slacks)


def test_steel_beside_copper_is_not_blown_with_it() -> None:
    steel = PaperPiece(2605.0, 450.0, STEEL)
    line = PaperLine([PaperPiece(2600.0, 412.0, COPPER), steel, PaperPiece(2900.0, 425.0, COPPER)])
    line.run(6.0, Order.start)

    near, alone = (record for record in line.records if record.decision.label == LABELS[COPPER])

    assert (near.outcome, near.reason) == (Outcome.passed, Reason.neighbour.value)
    assert alone.outcome is Outcome.ejected


def test_copper_beside_copper_is_blown_with_it() -> None:
    line = PaperLine([PaperPiece(2600.0, 412.0, COPPER), PaperPiece(2605.0, 450.0, COPPER)])
    line.run(6.0, Order.start)

    assert [record.outcome for record in line.records] == [Outcome.ejected] * 2


def test_a_recipe_is_changed_between_two_pieces_and_each_record_names_its_own() -> None:
    line = PaperLine([PaperPiece(2600.0 + 120 * n, 425.0, COPPER) for n in range(30)])
    line.run(4.4, Order.start)
    first = settings(32, 60.0).recipe
    second = replace(first, version="paper 2", rules=(Rule(("FE-SHRED",), "copper", 0.6),))
    line.now_ns += 10_000_000
    sample = line.machine.sample()
    frame = FrameStamp(10_000, line.now_ns - 4_000_000, None)
    given = RecipeGiven(7, second, "test")
    outputs = line.sorter.step(Inputs(line.now_ns, frame, 0, (sample,), (), (), (given,)), line.eye)
    line.machine.beat(run=True, armed=True)
    line.machine.arm(outputs.command.jobs)
    line.records += outputs.records
    line.run(4.0)

    by_recipe = {(record.recipe, record.outcome) for record in line.records}

    assert [answer.refusal for answer in outputs.answers] == [None]
    assert outputs.status.recipe == "paper 2"
    assert by_recipe == {("1", Outcome.ejected), ("paper 2", Outcome.passed)}


def test_a_recipe_for_outlets_that_nobody_serves_is_refused_and_the_old_one_stays() -> None:
    line = PaperLine([])
    wrong = replace(settings(32, 60.0).recipe, version="wrong", rules=(Rule(("CU-NO2",), "gold", 0.6),))

    outputs = line.sorter.step(Inputs(line.now_ns, None, 0, (), (), (), (RecipeGiven(1, wrong, "test"),)), line.eye)

    assert [answer.refusal for answer in outputs.answers] == ["No ejector of this line leads to gold."]
    assert outputs.status.recipe == "1"


def test_what_a_lost_machine_was_told_is_lost_and_what_it_was_not_told_is_cancelled() -> None:
    line = PaperLine([PaperPiece(2600.0 + 60 * n, 425.0, COPPER) for n in range(30)])
    line.run(3.6, Order.start)
    before = len(line.records)
    line.is_silent = True
    line.run(0.05)

    ends = [(r.outcome, r.reason, r.ejection is not None) for r in line.records[before:] if r.decision.outlet]

    assert {(Outcome.lost, "no-report", True), (Outcome.cancelled, "stopped", False)} <= set(ends)
    assert {outcome for outcome, _, was_sent in ends if was_sent} <= {Outcome.lost, Outcome.ejected}
    assert ShotResult.unanswered not in {r.report.result for r in line.records if r.report}
