"""What-ifs on a real recording: with nothing changed nothing changes, and changes do what they say."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from control.types import Outcome
from station.cli import app
from station.recording.codec import encode
from station.recording.reader import open_recording
from station.recording.snapshot import freeze
from station.recording.texts import StepTexts
from station.recording.words import Begin, KeptFrame, RecordingUnreadable, Why
from station.recording.writer import RecordingWriter
from station.sorter import Sorter
from station.types import PieceRecord
from station.whatif.score import fate
from station.whatif.trial import Subject
from tests.station.whatif.mid_run import replayed_to
from tests.station.whatif.tried import ROOT, STATION, changes, labels, recorded, subject, trial


def test_with_nothing_changed_every_piece_ends_as_it_did_byte_for_byte() -> None:
    found = trial()
    then, now = ([encode(PieceRecord, record) for record in run] for run in (found.run.then, found.run.now))
    assert then == now
    assert len(then) >= 90
    assert (found.moved, found.run.unanswered, found.new) == ((), 0, found.old)


def test_a_higher_threshold_makes_copper_purer_and_loses_some() -> None:
    found = trial("rules.copper.min_confidence=0.85", known=labels())
    old, new = found.old.outlets["copper"], found.new.outlets["copper"]
    assert new.recovery.right < old.recovery.right
    assert (new.purity.value or 0) > (old.purity.value or 0)
    assert found.old.outlets["brass"] == found.new.outlets["brass"]
    assert {fate(one.then) for one in found.moved if one.then} == {"copper"}
    assert {fate(one.now) for one in found.moved if one.now} == {"unsure"}
    assert sum(found.confusion.values()) == len(found.run.now)


def test_what_is_no_longer_shot_falls_and_what_is_shot_elsewhere_is_fired_there() -> None:
    found = trial("rules.copper.outlet=brass", "rules.brass.outlet=copper")
    moved = {(fate(one.then), fate(one.now)) for one in found.moved if one.then and one.now}
    assert moved == {("copper", "brass"), ("brass", "copper")}
    shots = [record for record in found.run.now if record.decision.outlet == "brass"]
    assert shots
    assert all(record.outcome is Outcome.ejected for record in shots)


def test_shots_that_need_more_slack_than_there_is_are_late() -> None:
    found = trial("sorting.min_slack_ms=900")
    assert found.new.late > 30
    assert found.new.shots < found.old.shots


def test_labels_are_needed_to_know_what_is_right() -> None:
    assert trial("rules.copper.min_confidence=0.85").old.outlets["copper"].purity.value == 1.0
    assert (trial(known=labels()).old.outlets["copper"].purity.value or 0) < 1.0


def test_the_same_model_looks_again_at_the_pictures_and_says_the_same() -> None:
    found = trial(f"model={ROOT / 'models' / 'rendered-v1'}", known=labels())
    assert found.moved == ()
    pairs = zip(found.run.then, found.run.now, strict=True)
    assert all(old.scores == pytest.approx(new.scores, abs=1e-5) for old, new in pairs)


def test_another_belt_step_searches_the_pictures_again() -> None:
    found = trial("vision.step_mm=200", known=labels())
    looks = [sum(record.piece.evidence.looks for record in run) for run in (found.run.then, found.run.now)]
    assert looks[1] < 0.7 * looks[0]
    assert found.run.unanswered == 0


def test_without_pictures_another_model_is_refused_and_a_threshold_is_not(tmp_path: Path) -> None:
    path = tmp_path / "steps.mcap"
    with RecordingWriter(path, recorded().about, recorded().attachments.values()) as writer:
        for entry in recorded().raw_entries():
            if not isinstance(entry, KeptFrame):
                writer.write(entry)
    bare = Subject(open_recording(path), labels())
    with pytest.raises(RecordingUnreadable, match="kept no pictures, and this change needs them"):
        bare.try_out(changes(f"model={ROOT / 'models' / 'rendered-v1'}"))
    assert bare.try_out(changes("rules.copper.min_confidence=0.85")).moved


def test_a_recording_that_begins_in_mid_run_goes_on_with_the_changed_settings(tmp_path: Path) -> None:
    """The state of the sorter lies in the file; what lay on the belt is decided by the new rules."""
    path, sorter = tmp_path / "part.mcap", Sorter(recorded().settings())
    with RecordingWriter(path, recorded().about, recorded().attachments.values()) as writer:
        for entry in recorded().raw_entries():
            if isinstance(entry, StepTexts) and entry.number == 200:
                replayed_to(recorded(), sorter, 200)
                state = freeze(sorter)
                writer.write(Begin(entry.now_ns, 200, Why.continued, recorded().settings(), (), state))
            if not isinstance(entry, Begin) and (not isinstance(entry, StepTexts) or entry.number >= 200):
                writer.write(entry)
    part = Subject(open_recording(path), labels())
    same = part.try_out(())
    assert same.moved == ()
    assert 30 < len(same.run.now) < len(list(recorded().pieces()))
    assert part.try_out(changes("rules.copper.min_confidence=0.95")).moved
    assert (same.old.outlets["brass"].purity.value or 0) > 0.7


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["whatif", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_tells_figures_and_what_changed_and_draws_the_pieces(tmp_path: Path) -> None:
    sheet, report = tmp_path / "sheet.png", tmp_path / "r.json"
    words = said(
        str(STATION), "--set", "rules.copper.min_confidence=0.85", "--sheet", str(sheet), "--json", str(report)
    )
    assert "against labels" in words
    assert "copper -> unsure" in words
    assert "times as fast as it happened" in words
    plain = json.loads(report.read_text())
    copper = plain["new"]["outlets"]["copper"]["purity"]
    assert copper["low"] < copper["value"] <= copper["high"]
    assert len(plain["changed"]) == sum(row["pieces"] for row in plain["confusion"] if row["old"] != row["new"])
    picture = cv2.imread(str(sheet))
    assert picture is not None
    tiles = -(-len(plain["changed"]) // 6)
    assert picture.shape == (tiles * 216, 900, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500


def test_a_sweep_draws_a_curve_and_one_page_that_needs_nothing_else(tmp_path: Path) -> None:
    curve, report = tmp_path / "curve.png", tmp_path / "r.json"
    path = tmp_path / "belt.mcap"
    path.write_bytes(recorded().path.read_bytes())
    (tmp_path / "belt.labels.csv").write_bytes((ROOT / "tests/recordings/first-belt/labels.csv").read_bytes())
    words = said(
        str(path), "--sweep", "rules.copper.min_confidence=0.3:0.95:4", "--curve", str(curve), "--json", str(report)
    )
    assert words.count("copper ") == 4
    points = json.loads(report.read_text())["points"]
    recoveries = [point["new"]["outlets"]["copper"]["recovery"]["value"] for point in points]
    assert recoveries == sorted(recoveries, reverse=True)
    assert recoveries[0] > recoveries[-1]
    picture = cv2.imread(str(curve))
    assert picture is not None
    assert picture.shape[1] > 900
    page = curve.with_suffix(".html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page
    assert page.count("<tr>") == 6


def test_what_cannot_be_tried_ends_in_one_sentence(tmp_path: Path) -> None:
    assert "near ones: copper" in said(str(STATION), "--set", "rules.coper.min_confidence=1", code=2)
    assert "expected key=from:to:number" in said(str(STATION), "--sweep", "vision.sure=0.5", code=2)
    assert "no recording" in said(str(tmp_path), code=2)
    assert subject().check(()).model is None
