"""A data set keeps pictures, every word people said about them, and never more than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.dataset.book import Book
from station.dataset.words import DatasetRefused, NewCrop, Reason

NOW = "2026-11-22T08:00:00+00:00"


def crop(n: int, reason: Reason = Reason.unsure, size: int = 100) -> NewCrop:
    return NewCrop(f"{n:0{size}d}".encode(), "png", f"run/{n}", "run", reason, NOW, {"CU-NO2": 0.6, "PWB": 0.4}, "m 1")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book.open(tmp_path / "crops", create=True)


def test_a_crop_comes_back_as_it_was_taken_in(book: Book) -> None:
    with book:
        assert book.add([crop(1), crop(2)]) == 2
        found = book.unlabelled(9)
        assert [book.picture(one) for one in found] == [crop(2).picture, crop(1).picture]
        assert (found[0].said, found[0].scores["PWB"], found[0].reason) == ("CU-NO2", 0.4, Reason.unsure)


def test_the_same_picture_is_taken_in_once_and_keeps_its_label(book: Book) -> None:
    with book:
        book.add([crop(1)])
        book.label(1, "PWB", "Ada", NOW)
        assert book.add([crop(1)._replace(label="CU-NO2", labelled_by="Bob")]) == 0
        [found] = book.crops()
        assert (found.label, found.labelled_by) == ("PWB", "Ada")


def test_every_word_about_a_crop_is_kept_with_who_and_when(book: Book) -> None:
    with book:
        book.add([crop(1)])
        assert book.label(1, "PWB", "Ada", NOW)
        assert book.label(1, "CU-NO2", "Bob", "2026-11-23T00:00:00+00:00")
        assert book.label(1, None, "Bob", "2026-11-24T00:00:00+00:00")
        assert book.reviews(1) == (
            ("PWB", "Ada", NOW),
            ("CU-NO2", "Bob", "2026-11-23T00:00:00+00:00"),
            (None, "Bob", "2026-11-24T00:00:00+00:00"),
        )
        [found] = book.unlabelled()
        assert found.labelled_by is None


def test_the_most_valuable_crop_is_asked_about_first(book: Book) -> None:
    with book:
        book.add([crop(1, Reason.random), crop(2, Reason.hazard), crop(3, Reason.disputed), crop(4, Reason.unsure)])
        assert [one.id for one in book.unlabelled(4)] == [2, 3, 4, 1]


def test_room_is_made_by_the_oldest_of_the_least_valuable_and_never_by_a_labelled_one(book: Book) -> None:
    with book:
        kinds = (Reason.random, Reason.unsure, Reason.random, Reason.hazard, Reason.random)
        book.add(crop(n, kind) for n, kind in enumerate(kinds, start=1))
        book.label(1, "PWB", "Ada", NOW)
        assert book.make_room(500) == 0
        assert book.make_room(399) == 2
        assert [one.id for one in book.crops()] == [1, 2, 4]
        assert book.make_room(0) == 2
        assert [one.id for one in book.crops()] == [1]
        assert len(list((book.folder / "pictures").rglob("*.png"))) == 1


def test_a_crop_that_is_gone_cannot_be_labelled(book: Book) -> None:
    with book:
        assert not book.label(7, "PWB", "Ada", NOW)
        assert book.crop(7) is None


def test_a_changed_picture_is_noticed(book: Book) -> None:
    with book:
        book.add([crop(1)])
        [found] = book.crops()
        next((book.folder / "pictures").rglob("*.png")).write_bytes(b"other")
        with pytest.raises(DatasetRefused, match="was changed"):
            book.picture(found)


def test_a_failure_in_the_middle_takes_nothing_in(book: Book) -> None:
    with book:
        with pytest.raises(TypeError):
            book.add([crop(1), crop(2)._replace(scores={"x": "y"})])  # type: ignore[dict-item]
        assert book.tally().crops == 0
        assert book.add([crop(1)]) == 1


def test_no_data_set_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused, match="holds no data set"):
        Book.open(tmp_path / "none")
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "dataset.sqlite")) as foreign:
        foreign.execute("CREATE TABLE x (y)")
    with pytest.raises(DatasetRefused, match="another program"):
        Book.open(tmp_path)
