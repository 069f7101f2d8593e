"""What the wires beside the outputs tell: each mishap of the line has its fault, and a healthy line has none."""

from __future__ import annotations

import pytest

from control.types import Outcome
from hil.types import Mishap, MishapName
from station.faults import FAULTS
from station.types import Order, State
from tests.station.paper_line import PaperLine, PaperPiece

COPPER = 0
LANE_MM = 425.0


def line_of(number: int = 90, across_mm: float = LANE_MM) -> PaperLine:
    line = PaperLine([PaperPiece(2600.0 + 90 * n, across_mm, COPPER) for n in range(number)])
    line.run(3.2, Order.start)
    return line


def suffer(line: PaperLine, name: MishapName, output: int = 8) -> None:
    line.machine.suffer(Mishap(name, on=True, output=output))


def faults(line: PaperLine) -> dict[str, str]:
    return {fault.code: fault.detail for fault in line.sorter.status(line.now_ns).faults}


def test_a_healthy_line_has_no_fault_and_its_openings_are_counted() -> None:
    line = line_of()

    last = line.run(3.0)

    (valve,) = (one for one in last.status.valves if one.output == 8)
    assert faults(line) == {}
    assert valve.openings >= 30
    assert valve.response_ms == pytest.approx(12, abs=6)
    assert (valve.is_dead, valve.is_slow) == (False, False)


def test_a_dead_valve_is_named_and_its_pieces_pass() -> None:
    line = line_of()
    suffer(line, MishapName.valve_dead)
    line.run(1.0)

    detail = faults(line)["lane-dead"]
    passed = [record for record in line.records if record.reason == "lane-dead"]
    line.run(1.5)

    assert "output 8" in detail
    assert "400-450 mm" in detail
    assert line.states[-1] is State.running, "the other lanes go on"
    assert {r.outcome for r in line.records if r.reason == "lane-dead"} == {Outcome.passed}
    assert len([r for r in line.records if r.reason == "lane-dead"]) > len(passed)


def test_a_dead_lane_is_tried_again_when_a_person_starts_anew() -> None:
    line = line_of(200)
    suffer(line, MishapName.valve_dead)
    line.run(1.0)
    line.machine.suffer(Mishap(MishapName.valve_dead, on=False))
    line.run(2.5, Order.stop)

    line.run(3.0, Order.start)

    assert "lane-dead" not in faults(line)
    assert line.states[-1] is State.running


def test_a_slow_valve_is_named_with_how_slow_it_is() -> None:
    line = line_of(150)
    suffer(line, MishapName.valve_slow)

    line.run(5.5)

    assert "output 8" in faults(line)["lane-slow"]
    assert 10 <= int(faults(line)["lane-slow"].split(" by ")[1].split()[0]) <= 20


def test_an_output_that_stays_on_stops_the_line_and_is_named() -> None:
    line = line_of()
    suffer(line, MishapName.output_stuck, output=3)

    last = line.run(0.6)

    assert {"output-stuck", "other-master"} <= faults(line).keys()
    assert "output 3" in faults(line)["output-stuck"]
    assert last.status.state is State.fault


def test_lost_pulses_are_seen_in_how_far_pieces_move() -> None:
    line = line_of(150)
    assert "encoder-slip" not in faults(line)
    suffer(line, MishapName.encoder_slip)

    line.run(4.0)

    assert faults(line).keys() == {"encoder-slip"}
    assert "+2.0 %" in faults(line)["encoder-slip"] or "+1.9 %" in faults(line)["encoder-slip"]


def test_a_drive_that_says_it_stands_while_the_encoder_counts_is_a_fault_with_both_values() -> None:
    line = line_of(150)
    suffer(line, MishapName.drive_signal_lost)

    last = line.run(6.0)

    assert "drive stands, encoder counted 15" in faults(line)["encoder-disagrees"]
    assert last.status.state is State.bypass


def test_a_belt_that_coasts_after_a_stop_is_no_disagreement() -> None:
    line = line_of(10)

    line.run(6.0, Order.stop)

    assert faults(line) == {}


@pytest.mark.parametrize(
    "code",
    ["lane-dead", "lane-slow", "output-stuck", "other-master", "encoder-slip", "encoder-disagrees", "alarm-found"],
)
def test_every_self_check_has_words_for_people(code: str) -> None:
    assert FAULTS[code].sentence
    assert FAULTS[code].hint
