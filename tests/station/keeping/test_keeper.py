"""Crops worth labelling are kept, a candidate is compared, and nobody waits for either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from control.types import Outcome
from control.types import Reason as Decided
from station.dataset.book import Book
from station.dataset.words import Reason
from station.keeping.keeper import Keeper, KeeperSettings
from station.keeping.opinion import Opinion
from station.keeping.shadow import Shadow
from station.keeping.shadow_book import Compared, ShadowBook, read_comparisons
from station.keeping.worth import Ration, WorthSettings, reason_to_keep
from station.link import Link, open_link
from station.reporting.factors import read_full_codebook
from station.reporting.hazard_pictures import HazardPictures
from station.reporting.hazards import hazards_of
from station.types import PieceRecord
from tests.station.pieces import RUN, closed_piece
from tests.vision.tiny_model import LABELS, plain_crop, write_model
from vision.classifier import Classifier
from vision.model_card import load_card
from vision.watched_eye import CandidateCrop, Taken

WORTH = WorthSettings(("CU-NO2", "AL-CAST"), frozenset({"BAT-LI"}), 0.6, 0.0, 100)
SURE, OTHER, DOUBT = (0.95, 0.05), (0.1, 0.9), (0.55, 0.45)


def record(piece_id: int = 1, confidence: float = 0.9, **changes: object) -> PieceRecord:
    found = closed_piece(piece_id)
    return replace(found, decision=found.decision._replace(confidence=confidence), **changes)  # type: ignore[arg-type]


def look(piece_id: int, scores: tuple[float, ...], crop: NDArray[np.uint8] | None = None) -> Taken:
    noise = np.random.default_rng([piece_id, int(scores[0] * 100)]).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    return Taken(piece_id, tuple(np.log(scores)), noise if crop is None else crop)


def test_a_sure_piece_is_not_worth_a_look() -> None:
    assert reason_to_keep(record(), [SURE, SURE], WORTH) is None


def test_doubt_dispute_hazard_and_chance_are_reasons() -> None:
    assert reason_to_keep(record(confidence=0.5), [DOUBT], WORTH) is Reason.unsure
    assert reason_to_keep(record(outcome=Outcome.unsure), [SURE], WORTH) is Reason.unsure
    assert reason_to_keep(record(), [SURE, OTHER], WORTH) is Reason.disputed
    found = record()
    hazard = replace(found, decision=found.decision._replace(reason=Decided.hazard))
    assert reason_to_keep(hazard, [SURE], WORTH) is Reason.hazard
    assert reason_to_keep(record(), [SURE], replace(WORTH, hazards=frozenset({"CU-NO2"}))) is Reason.hazard
    assert reason_to_keep(record(), [SURE], replace(WORTH, random_share=1.0)) is Reason.random


def test_pieces_that_touch_are_kept_as_hazards_only() -> None:
    found = record(confidence=0.3)
    touching = replace(found, piece=replace(found.piece, touching=True))
    assert reason_to_keep(touching, [DOUBT], WORTH) is None
    assert reason_to_keep(touching, [SURE], replace(WORTH, hazards=frozenset({"CU-NO2"}))) is Reason.hazard


def test_the_random_sample_is_as_large_as_asked_and_the_same_every_time() -> None:
    settings = replace(WORTH, random_share=0.1)
    drawn = [reason_to_keep(record(n), [SURE], settings) for n in range(3000)]
    assert drawn == [reason_to_keep(record(n), [SURE], settings) for n in range(3000)]
    assert drawn.count(Reason.random) == pytest.approx(300, abs=60)


def test_each_reason_has_a_ration_of_its_own_per_minute() -> None:
    ration, second = Ration(2), 1_000_000_000
    assert [ration.allows(Reason.unsure, n * second) for n in range(4)] == [True, True, False, False]
    assert ration.allows(Reason.hazard, 3 * second)
    assert ration.allows(Reason.unsure, 60 * second)


class Bench(NamedTuple):
    keeper: Keeper
    eye: Link
    book: Book


class Yard:
    """Opens benches and closes everything they opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    def bench(
        self,
        worth: WorthSettings = WORTH,
        shadow: Shadow | None = None,
        most_bytes: int = 10**9,
        own_crops: bool = False,
    ) -> Bench:
        eye, here = open_link()
        book = Book.open(self.folder / "crops", create=True)
        pair = None if shadow is None else (shadow, ShadowBook(self.folder / "shadow.sqlite"))
        for end in (eye, here, book, *(() if pair is None else pair[1:])):
            self._stack.callback(end.close)
        settings = KeeperSettings(worth, RUN.utc_offset_ns, most_bytes, 2, own_crops)
        return Bench(Keeper(settings, here, book, pair), eye, book)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    found = Yard(tmp_path)
    yield found
    found.close()


def test_the_crops_of_an_unsure_piece_are_kept_as_the_camera_saw_them(yard: Yard) -> None:
    found = yard.bench()
    looks = [look(7, DOUBT), look(7, (0.58, 0.42)), look(7, (0.52, 0.48))]
    for one in looks:
        found.eye.send(one)
    found.eye.send(look(8, SURE))
    found.keeper.take(record(8))
    found.keeper.take(record(7, confidence=0.5))
    found.keeper.turn()

    kept = list(found.book.crops())
    assert [crop.object for crop in kept] == ["run-1/7", "run-1/7"]
    assert (kept[0].reason, kept[0].taken_utc) == (Reason.unsure, "2027-01-15T08:00:06.000+00:00")
    assert kept[0].scores == {"CU-NO2": 0.55, "AL-CAST": 0.45}
    for crop, one in zip(kept, (looks[0], looks[2]), strict=True):
        picture = cv2.imdecode(np.frombuffer(found.book.picture(crop), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert np.array_equal(picture, one.crop)
    assert found.keeper.counts.kept == 2


def test_the_disk_they_take_is_bounded_and_the_least_valuable_go_first(yard: Yard) -> None:
    found = yard.bench(replace(WORTH, random_share=1.0), most_bytes=5000)
    for n in range(30):
        found.eye.send(look(n, DOUBT if n == 3 else SURE))
        found.keeper.take(record(n, confidence=0.5 if n == 3 else 0.9))
        found.keeper.turn()
    tally = found.book.tally()
    assert tally.bytes <= 5000
    assert "run-1/3" in {crop.object for crop in found.book.crops()}
    assert found.keeper.counts.removed == found.keeper.counts.kept - tally.crops > 0


def test_pieces_that_close_faster_than_they_are_looked_through_are_passed_over_and_counted(yard: Yard) -> None:
    found = yard.bench()
    for n in range(700):
        found.keeper.take(record(n))
    assert found.keeper.counts.dropped == 200


def test_an_eye_whose_reader_sleeps_is_not_held_up(yard: Yard) -> None:
    found = yard.bench()
    big = np.zeros((96, 96, 3), np.uint8)
    sent = [found.eye.send(look(1, SURE, big)) for _ in range(200)]
    assert sent[0]
    assert not sent[-1]
    assert len(found.keeper._hear()) == sent.count(True)


def test_a_full_disk_is_counted_and_said_once(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    found = yard.bench()
    found.book.close()
    for n in range(3):
        found.eye.send(look(n, DOUBT))
        found.keeper.take(record(n, confidence=0.5))
    found.keeper.turn()
    assert found.keeper.counts.failed == 3
    assert len(caplog.records) == 1


class Clock:
    def __init__(self) -> None:
        self.wall_s = 0.0
        self.spent_s = 0.0

    def wall(self) -> float:
        return self.wall_s

    def spent(self) -> float:
        self.spent_s += 0.02
        return self.spent_s


def shadow_of(tmp_path: Path, clock: Clock, share: float) -> Shadow:
    return Shadow(Classifier(load_card(write_model(tmp_path / "tiny"))), share, clock.wall, clock.spent)


def test_the_candidate_says_what_it_would_have_decided(tmp_path: Path) -> None:
    clock = Clock()
    shadow = shadow_of(tmp_path, clock, 0.5)
    assert shadow.judge([plain_crop(1)]) is None
    clock.wall_s = 1.0
    opinion = shadow.judge([plain_crop(1), plain_crop(1)])
    assert opinion is not None
    assert opinion.label == LABELS[1]


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_the_candidate_never_takes_more_than_its_share_of_a_core(tmp_path: Path, share: float) -> None:
    clock = Clock()
    shadow = shadow_of(tmp_path, clock, share)
    judged = 0
    for n in range(2000):
        clock.wall_s = n * 0.05
        judged += shadow.judge([plain_crop(0)]) is not None
    assert judged * 0.02 == pytest.approx(share * 100, rel=0.05)


def test_differences_are_stored_with_both_labels_and_confidences(yard: Yard, tmp_path: Path) -> None:
    clock = Clock()
    found = yard.bench(shadow=shadow_of(tmp_path, clock, 1.0))
    crops = {1: plain_crop(0), 2: plain_crop(1), 3: plain_crop(0)}
    for piece_id, crop in crops.items():
        found.eye.send(look(piece_id, SURE, crop))
        found.keeper.take(record(piece_id))
    clock.wall_s = 0.0
    found.keeper.turn()
    assert (found.keeper.counts.compared, found.keeper.counts.skipped) == (0, 3)
    for piece_id, crop in crops.items():
        clock.wall_s += 10.0
        found.eye.send(look(piece_id, SURE, crop))
        found.keeper.take(record(piece_id))
        found.keeper.turn()

    [comparison] = read_comparisons(tmp_path / "shadow.sqlite")
    assert (comparison.pieces, comparison.agreed, comparison.skipped) == (3, 2, 3)
    different = [pair for pair in comparison.pairs if pair.label != pair.candidate_label]
    assert [(pair.label, pair.candidate_label, pair.pieces) for pair in different] == [("CU-NO2", "BRASS-YEL", 1)]
    assert different[0].confidence == pytest.approx(0.9)
    assert 0.5 < different[0].candidate_confidence < 1


def test_every_difference_names_its_piece(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with ShadowBook(tmp_path / "s.sqlite") as book:
        book.note([Compared("run-1", n, "t", "m", "c", Opinion("A", 0.9), Opinion("AB"[n % 2], 0.7)) for n in range(6)])
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as reader:
        rows = reader.execute(
            "SELECT run, piece_id, label, confidence, candidate_label, candidate_confidence FROM differences"
        ).fetchall()
    assert rows == [("run-1", n, "A", 0.9, "B", 0.7) for n in (1, 3, 5)]


def test_a_candidate_with_crops_of_its_own_is_shown_those(yard: Yard, tmp_path: Path) -> None:
    clock = Clock()
    shadow = shadow_of(tmp_path, clock, 1.0)
    found = yard.bench(shadow=shadow, own_crops=True)
    shadow.judge([])
    clock.wall_s = 5.0
    found.eye.send(look(1, SURE, np.zeros((5, 5, 3), np.uint8)))
    found.eye.send(CandidateCrop(1, plain_crop(2)))
    found.keeper.take(record(1))
    found.keeper.turn()
    [comparison] = read_comparisons(tmp_path / "shadow.sqlite")
    assert comparison.pairs[0].candidate_label == LABELS[2]


def test_pieces_that_never_close_are_forgotten(yard: Yard) -> None:
    found = yard.bench()
    for n in range(400):
        found.eye.send(look(n, DOUBT))
        found.keeper.turn()
    assert len(found.keeper._open) == 300


def test_the_thread_stores_what_waits_before_it_ends(yard: Yard, tmp_path: Path) -> None:
    found = yard.bench()
    found.keeper.start()
    found.eye.send(look(1, DOUBT))
    found.keeper.take(record(1, confidence=0.5))
    found.keeper.close()
    with Book.open(tmp_path / "crops") as book:
        assert book.tally().crops == 1


def test_a_hazardous_piece_leaves_its_picture_for_the_ledger_even_where_no_crops_are_kept(tmp_path: Path) -> None:
    eye, here = open_link()
    pictures = HazardPictures(tmp_path / "hazards", hazards_of(read_full_codebook()))
    settings = KeeperSettings(WORTH, RUN.utc_offset_ns, 10**9, 2)
    keeper = Keeper(settings, here, None, None, hazards=pictures)
    for number, label in ((1, "CU-NO2"), (2, "BAT-NICD")):
        eye.send(look(number, SURE))
        keeper.take(replace(closed_piece(number, label), run="run-1"))
    keeper.turn()
    for end in (eye, here):
        end.close()
    [picture] = (tmp_path / "hazards").iterdir()
    assert picture.name == "run-1-2.png"
    found = cv2.imread(str(picture))
    assert found is not None
    assert found.shape == (16, 16, 3)
