"""The summary adds up, and says so when it does not."""

import json
from pathlib import Path

import pytest

from station.store_reader import CountRow, Counts
from station.summary import Quantiles, RunFacts, in_words, summarize, write_summary
from station.tally import Seen
from station.types import Truth

ROWS = (
    CountRow("CU-NO2", "copper", "ejected", 5),
    CountRow("CU-NO2", None, "unsure", 2),
    CountRow("FE-SHRED", None, "passed", 3),
)


def facts(pieces: int = 10) -> RunFacts:
    frame_ms, slack_ms = Quantiles(), Quantiles()
    frame_ms.add(float(n) for n in range(100))
    return RunFacts(
        seen=Seen(pieces, frames=600, frames_dropped=3),
        counts=Counts(10, ROWS),
        rest_outlet="rest",
        frame_ms=frame_ms,
        slack_ms=slack_ms,
        truth={"copper": Truth(0.9, None, 5)},
        is_simulated=True,
        model="m",
        config="c",
        memory_mb={},
        cpu_s={},
        seconds=12.34,
    )


def test_outcomes_and_outlets_add_up_to_the_pieces() -> None:
    summary = summarize(facts())
    assert summary["outcomes"] == {
        "ejected": 5, "passed": 3, "unsure": 2, "late": 0, "cancelled": 0, "lost": 0
    }  # fmt: skip
    assert summary["outlets"] == {"copper": {"CU-NO2": 5}, "rest": {"CU-NO2": 2, "FE-SHRED": 3}}
    assert summary["conservation_ok"] is True
    assert summary["truth"] == {"copper": {"purity": 0.9, "recovery": None, "n": 5}}


def test_a_piece_without_a_record_breaks_conservation_and_is_said_aloud() -> None:
    summary = summarize(facts(pieces=11))
    assert summary["conservation_ok"] is False
    assert "DISAGREE" in in_words(summary)
    assert "exactly one record" in in_words(summarize(facts()))


def test_pieces_that_were_under_way_when_vision_ended_are_said_and_do_not_upset_the_books() -> None:
    summary = summarize(facts()._replace(seen=Seen(12, unrecorded=2, restarts=1)))
    assert summary["conservation_ok"] is True
    assert "exactly one record, but 2 that were under way when the vision process ended (1 x)" in in_words(summary)


def test_quantiles_are_of_the_values_seen_and_none_before_the_first() -> None:
    summary = summarize(facts())
    assert summary["frame_ms"] == {"p50": 50.0, "p99": 99.0, "max": 99.0}
    assert summary["slack_ms"] == {"p1": None, "p50": None}


def test_the_file_is_whole_json(tmp_path: Path) -> None:
    write_summary(tmp_path / "s.json", summarize(facts()))
    assert json.loads((tmp_path / "s.json").read_text())["frames"] == 600
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


@pytest.mark.parametrize("rows", [ROWS[:2], (*ROWS, ROWS[0])])
def test_lost_and_doubled_records_are_noticed(rows: tuple[CountRow, ...]) -> None:
    counts = Counts(sum(row.pieces for row in rows), rows)
    assert summarize(facts()._replace(counts=counts))["conservation_ok"] is False


def test_quantiles_are_of_the_newest_values_by_rank_and_of_nothing_before_the_first() -> None:
    kept = Quantiles()
    assert kept.at(0.5, 1.0) == (None, None)
    kept.add(float(n) for n in reversed(range(100)))
    assert kept.at(0.5, 0.99, 1.0, 0.0) == (50.0, 99.0, 99.0, 0.0)
    kept.add(7.0 for _ in range(200_000))
    assert len(kept) == 200_000
    assert kept.at(0.0, 1.0) == (7.0, 7.0)
