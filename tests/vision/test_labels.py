"""Labels beside footage: one plain table that reads back as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.labels import HEADER, Label, labels_beside, read_labels, write_labels
from vision.types import FootageError

TENTHS = st.integers(0, 20_000).map(lambda n: n / 10)
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)
LABELS = st.builds(Label, st.integers(-(2**40), 2**40), TENTHS, TENTHS, TENTHS, NAMES, NAMES, st.just("2026-11-22"))


@given(labels=st.lists(LABELS, max_size=20))
def test_what_is_written_reads_back_in_the_order_of_the_belt(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Label]
) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.csv"
    write_labels(path, labels)
    assert read_labels(path) == tuple(sorted(labels))
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(HEADER)


def test_labels_lie_in_a_folder_or_beside_a_file(tmp_path: Path) -> None:
    assert labels_beside(tmp_path) == tmp_path / "labels.csv"
    assert labels_beside(tmp_path / "run.mcap") == tmp_path / "run.labels.csv"


@pytest.mark.parametrize(
    "row", ["1,2,3,4,CU-NO2,me", "one,2,3,4,CU-NO2,me,", "1,nan,3,4,CU-NO2,me,", "1,2,3,4,,me,", "1,2,3,4,CU,me,,more"]
)
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(",".join(HEADER) + "\n5,1,1,1,CU-NO2,me,\n" + row + "\n")
    with pytest.raises(FootageError, match="line 3"):
        read_labels(path)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for text in ("", "truth_id,label\n1,CU-NO2\n"):
        path.write_text(text)
        with pytest.raises(FootageError, match="must begin with the line at_tick"):
            read_labels(path)
    with pytest.raises(FootageError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")
