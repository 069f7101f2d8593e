"""A recording tells exactly what happened, and a replay finds every difference."""

from __future__ import annotations

import json
import random
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from hil.types import MishapName
from station.recording.codec import encode
from station.recording.reader import Recording, open_recording
from station.recording.replay import replay
from station.recording.texts import StepTexts
from station.recording.words import Begin, Why
from station.recording.writer import RecordingWriter
from station.types import Order, Outputs
from tests.station.paper_line import PaperPiece
from tests.station.recording.recorded_line import ABOUT, RecordedLine

COPPER, STEEL = range(2)


def pieces(n: int, seed: int = 1) -> list[PaperPiece]:
    rng = random.Random(seed)
    return [PaperPiece(2600.0 + 60 * k, rng.uniform(30, 770), rng.choice([COPPER, STEEL])) for k in range(n)]


def recorded(path: Path, seconds: float = 5.0) -> Recording:
    line = RecordedLine(path, pieces(60))
    line.line.run(seconds, Order.start)
    line.end()
    return open_recording(path)


def test_a_replay_of_what_was_recorded_is_equal(tmp_path: Path) -> None:
    recording = recorded(tmp_path / "a.mcap")
    found = replay(recording)
    assert found.is_equal
    assert found.proved == found.steps == 500
    assert len(list(recording.pieces())) > 20
    assert found.recorded_s == pytest.approx(5.0, abs=0.02)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    line = RecordedLine(tmp_path / "a.mcap", pieces(60))
    line.line.run(5.0, Order.start)
    line.end()
    recording = open_recording(tmp_path / "a.mcap")
    assert list(recording.pieces()) == line.line.records
    assert recording.attachments["recipe.yaml"].text == "name: paper\n"
    assert recording.about == ABOUT
    assert all(encode(Outputs, step.outputs) == step.said for step in recording.steps())


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.floats(2000, 5000), st.floats(30, 770), st.integers(0, 2), st.floats(0.3, 0.99)), max_size=20
    ),
    st.lists(
        st.tuples(
            st.floats(0.05, 0.8),
            st.sampled_from([None, *Order]),
            st.sampled_from([None, *MishapName]),
            st.sampled_from(["go on", "go on", "restart", "silent"]),
        ),
        max_size=5,
    ),
    st.integers(0, 2**32 - 1),
)
def test_whatever_is_recorded_replays_equal(
    tmp_path: Path,
    spots: list[tuple[float, float, int, float]],
    story: list[tuple[float, Order | None, MishapName | None, str]],
    start_count: int,
) -> None:
    path = tmp_path / "any.mcap"
    recorded = RecordedLine(path, [PaperPiece(*spot) for spot in spots], start_count=start_count)
    line = recorded.line
    line.run(2.0, Order.start)
    for seconds, order, mishap, turn in story:
        if turn == "restart":
            recorded.restart((("vision-died", "test"),))
        line.is_silent = turn == "silent"
        if mishap is not None:
            line.suffer(mishap, on=True)
        line.run(seconds, *([] if order is None else [order]))
        if mishap is not None:
            line.suffer(mishap, on=False)
    recorded.end()
    found = replay(open_recording(path))
    assert found.is_equal, found.first
    assert found.proved == found.steps >= 200
    assert found.missing == 0


def rewritten(source: Path, target: Path, change: int, what: str) -> Recording:
    """The same recording with one thing changed in its step number ``change``."""
    with RecordingWriter(target, ABOUT, ()) as writer:
        for entry in open_recording(source).raw_entries():
            if not isinstance(entry, StepTexts):
                writer.write(entry)
                continue
            inputs, outputs = json.loads(entry.inputs), json.loads(entry.outputs)
            if entry.number == change and what == "count":
                inputs["machine"][0]["encoder_count"] += 3
            elif entry.number == change and what == "outputs":
                outputs["status"]["tick"] += 1
            elif entry.number == change and what == "left out":
                continue
            texts = [json.dumps(text, separators=(",", ":"), ensure_ascii=False).encode() for text in (inputs, outputs)]
            writer.write(entry._replace(inputs=texts[0], outputs=texts[1]))
    return open_recording(target)


@pytest.mark.parametrize("what", ["count", "outputs"])
def test_a_planted_change_is_found_where_it_was_planted(tmp_path: Path, what: str) -> None:
    recorded(tmp_path / "a.mcap")
    assert replay(rewritten(tmp_path / "a.mcap", tmp_path / "same.mcap", 300, "nothing")).is_equal
    found = replay(rewritten(tmp_path / "a.mcap", tmp_path / "b.mcap", 300, what))
    assert found.first is not None
    assert found.first.step == 300
    assert "tick" in found.first.what


def test_beyond_a_gap_nothing_is_proved_until_the_sorter_is_written_down_again(tmp_path: Path) -> None:
    recorded(tmp_path / "a.mcap")
    found = replay(rewritten(tmp_path / "a.mcap", tmp_path / "b.mcap", 350, "left out"))
    assert found.is_equal
    assert found.steps == 499
    assert found.proved == 349 + (500 - 401)


def test_a_file_that_begins_in_the_middle_of_a_run_replays_from_the_sorters_state(tmp_path: Path) -> None:
    line = RecordedLine(tmp_path / "a.mcap", pieces(300))
    line.line.run(5.0, Order.start)
    line.end()
    entries = list(open_recording(tmp_path / "a.mcap").raw_entries())
    states = [n for n, entry in enumerate(entries) if isinstance(entry, Begin) and entry.why is Why.continued]
    assert len(states) == 4
    with RecordingWriter(tmp_path / "b.mcap", ABOUT, ()) as writer:
        for entry in entries[states[2] :]:
            writer.write(entry)
    found = replay(open_recording(tmp_path / "b.mcap"))
    assert found.is_equal
    assert found.proved == found.steps == 500 - 301
