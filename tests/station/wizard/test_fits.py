"""The fits and what is kept of them, without a line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from station import setup
from station.calibration import amend, values_of
from station.config import ConfigError
from station.wizard.belt_steps import EncoderWork
from station.wizard.board_pdf import PAPERS, board_pdf
from station.wizard.book import Deed, Entry, SetupBook
from station.wizard.figures import FIGURES
from station.wizard.picture_steps import CameraWork
from station.wizard.timing import Shot, fit_timing
from station.wizard.words import LightSeen, Step, TickRead
from station.wizard.work import Bench, Given
from station.wizard.worker import Hold
from tests.station.site import site_config
from vision.board import BoardRefused, BoardSeen, board_image, find_board, fit_belt
from vision.picture_meters import Meters

NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
S = 1_000_000_000


def shots(distance_mm: float, delay_ms: float, reach_mm: float, speeds: tuple[float, ...]) -> list[Shot]:
    """Hits and misses of a bank that is off by so much. Between two shots nobody knows: of the middle at one speed that
    is 1 mm either way, of the distance twice that and once more."""
    tried = []
    for speed in speeds:
        middle = distance_mm - speed * delay_ms / 1000
        tried += [Shot(o, speed, abs(o - middle) <= reach_mm) for o in (float(mm) for mm in range(-60, 61, 2))]
    return tried


@settings(max_examples=100, deadline=None)
@given(st.floats(-15, 15), st.floats(-8, 8), st.floats(8, 25))
def test_two_speeds_tell_distance_and_delay_apart(distance_mm: float, delay_ms: float, reach_mm: float) -> None:
    fit = fit_timing(shots(distance_mm, delay_ms, reach_mm, (750.0, 1500.0)))
    assert fit is not None
    assert fit.has_both
    assert fit.distance_mm == pytest.approx(distance_mm, abs=3.5)
    assert fit.delay_ms == pytest.approx(delay_ms, abs=3.2)


def test_one_speed_puts_everything_onto_the_delay_and_says_so() -> None:
    fit = fit_timing(shots(0.0, 6.0, 14.0, (1500.0,)))
    assert fit is not None
    assert not fit.has_both
    assert fit.distance_mm == 0.0
    assert fit.delay_ms == pytest.approx(6.0, abs=1.0)


def test_hits_without_misses_on_both_sides_prove_nothing() -> None:
    assert fit_timing([Shot(-10.0, 1500.0, False), Shot(0.0, 1500.0, True), Shot(10.0, 1500.0, True)]) is None


def tilted(view: np.ndarray) -> tuple[BoardSeen, BoardSeen]:
    """The board at two places, seen by a camera that ``view`` (belt in mm to pixels) describes."""
    found = []
    for downstream_mm in (60.0, 260.0):
        place = np.array([[0.5, 0, 150.0], [0, 0.5, downstream_mm], [0, 0, 1]])
        seen = cv2.warpPerspective(board_image(), view @ place, (1280, 1024), borderValue=60)
        sight = find_board(np.asarray(cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR), np.uint8))
        assert sight is not None
        found.append(sight)
    return found[0], found[1]


def test_a_tilted_camera_is_found_out_and_costs_no_exactness() -> None:
    view = np.array([[1.5, 0.05, 40.0], [-0.03, 1.55, 20.0], [0.0001, 0.00025, 1.0]])
    first, second = tilted(view)
    datum = view @ (400.0, 0.0, 1.0)
    fit = fit_belt(first, second, 45.0, 150.0, (datum[0] / datum[2], datum[1] / datum[2]), (1280, 1024))
    assert fit.residual_mm < 0.25
    assert fit.scale_spread > 0.05
    to_belt = np.array(fit.to_belt)
    for across, downstream in ((100, 50), (500, 50), (100, 450), (500, 450)):
        pixel = view @ (across, downstream, 1.0)
        back = to_belt @ (pixel / pixel[2])
        assert back[:2] / back[2] == pytest.approx((across, downstream), abs=0.8)
    with pytest.raises(BoardRefused, match="hardly moved"):
        fit_belt(first, first, 45.0, 150.0, (640.0, 0.0), (1280, 1024))


def test_the_calibration_is_dated_the_one_before_is_kept_and_nonsense_changes_nothing(tmp_path: Path) -> None:
    config = site_config(tmp_path)
    path = config.resolve(config.file.calibration)
    before = path.read_text()
    changes = {"ticks_per_mm": 10.07, "nominal_ticks_per_mm": 10.0, "to_belt": [[0.6, 0, 0], [0, 0.6, 0], [0, 0, 1]]}
    fresh = amend(config, changes, "Tam", NOW)
    assert fresh.calibration.ticks_per_mm == 10.07
    assert (fresh.calibration.made, fresh.calibration.by) == ("2027-01-02", "Tam")
    assert setup.expected_identity(fresh).ticks_per_mm == 10.0
    assert setup.geometry(fresh).to_belt[0][0] == 0.6
    assert [kept.read_text() for kept in path.parent.glob("sim-calibration.2027*.yaml")] == [before]
    with pytest.raises(ConfigError, match="ticks_per_mm"):
        amend(fresh, {"ticks_per_mm": -1.0}, "Tam", NOW)
    assert "ticks_per_mm: 10.07" in path.read_text()
    back = amend(fresh, values_of(config, changes), "Tam", NOW)
    assert back.calibration.to_belt is None
    assert back.calibration.ticks_per_mm == 10.0


def test_what_was_undone_no_longer_counts_and_what_was_before_counts_again(tmp_path: Path) -> None:
    book = SetupBook(tmp_path)
    for n, deed in enumerate((Deed.accepted, Deed.accepted, Deed.undone)):
        book.note(Entry(f"2027-01-0{n + 1}", "Tam", Step.encoder, deed, {"ticks_per_mm": 10.0 + n}, {}, {}))
    again = SetupBook(tmp_path)
    assert again.standing()[Step.encoder].figures == {"ticks_per_mm": 10.0}
    assert len(again.history()) == 3


@pytest.mark.parametrize(("sharpness", "is_good"), [(3.4, True), (2.3, False)])
def test_a_picture_that_was_sharper_lately_is_refused(tmp_path: Path, sharpness: float, is_good: bool) -> None:
    bench = Bench(site_config(tmp_path))
    work = CameraWork(bench)
    for each in (2.0, 3.6, sharpness):
        bench.focus.see(each)
    work.ask("light", Given())
    work.take(LightSeen(((1.0, 1.0, 1.0),), 0.8, 1.2, (), Meters(1.0, 100.0, 0.0, 0.0)))
    proof = work.proof()
    assert proof is not None
    assert proof.is_good is is_good
    assert ("turn the focus ring" in proof.sentence) is not is_good


def test_a_hand_before_the_lens_is_forgotten_after_two_minutes(tmp_path: Path) -> None:
    focus = Bench(site_config(tmp_path)).focus
    assert focus.share() == 1.0
    focus.see(90.0)
    for _ in range(5 * 120):
        focus.see(3.0)
    assert focus.share() == 1.0


@pytest.mark.parametrize(
    ("ticks", "said"),
    [((0, 10_000, 20_010), "the turns agree"), ((0, 10_000, 0), "the other way"), ((0, 0, 0), "did not count"),
     ((20_000, 10_000, 0), "count falls"), ((0, 10_000, 22_000), "differ too much"), ((0, 10_000), "once more")],
)  # fmt: skip
def test_turns_of_the_belt_prove_the_encoder_or_say_what_is_wrong(
    tmp_path: Path, ticks: tuple[int, ...], said: str
) -> None:
    work = EncoderWork(Bench(site_config(tmp_path)))
    for n, tick in enumerate(ticks):
        work.ask("to" if n else "from", Given(length_mm=1000.0))
        work.take(TickRead(tick, 1))
    proof = work.proof()
    assert proof is not None
    assert said in proof.sentence


def test_figures_are_told_in_words() -> None:
    told = {figure.key: figure for figures in FIGURES.values() for figure in figures}
    assert told["burnt"].shown(0.0123) == "1.2 %"
    assert told["running"].shown(False) == "stopped"
    assert told["turns"].shown(2) == "2"
    assert told["outlet"].shown("copper") == "copper"
    assert told["sd"].shown(None) == "–"


def test_a_held_button_runs_the_belt_half_a_minute_at_most_and_stops_when_nothing_is_heard() -> None:
    hold = Hold()
    assert not hold.at(0)
    hold.hear(1 * S)
    assert hold.at(2 * S)
    assert not hold.at(3 * S)
    for second in range(10, 45):
        hold.hear(second * S)
        assert hold.at(second * S) is (second < 40)
    hold.let_go()
    assert not hold.at(45 * S)


def test_the_board_is_printed_in_true_size() -> None:
    pdf = board_pdf(PAPERS["a4"], ("Print at 100 %", "This bar measures 100 mm.", "The belt runs this way"))
    box = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", pdf)
    assert box is not None
    assert [float(side) / 72 * 25.4 for side in box.groups()] == pytest.approx([297.0, 210.0], abs=0.1)
