"""Real encoded videos and folders of pictures become footage, with exact instants and the belt's true motion."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.footage.bring_in import Belt, BroughtIn, bring_in
from station.footage.source import Seen, read_source
from station.footage.take import cut, open_take, told
from station.ticks import read_ticks
from tests.station.footage.belt_video import MM_PER_PX, encode, film, pictures, steady
from vision.footage import check_footage
from vision.labels import Label, read_labels, write_labels
from vision.types import FootageError

PICTURE = Belt(MM_PER_PX)
UNEVEN = [0, 40, 73, 120, 155, 201, 260, 290, 333, 391, 420, 466, 500, 541, 597, 640, 660, 702, 760, 800]


def brought(source: Path, out: Path, belt: Belt = PICTURE, seen: Seen | None = None) -> BroughtIn:
    return bring_in(source, out, seen or Seen(), belt, run_out_mm=500)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mjpeg"), ("a.mkv", "libvpx-vp9")]
)
def test_a_video_comes_in_with_its_exact_instants_and_the_speed_seen_in_it(
    tmp_path: Path, name: str, codec: str
) -> None:
    filmed = steady(40)
    made = brought(encode(tmp_path / name, filmed, codec), tmp_path / "in")
    assert made.frames == 40
    assert check_footage(tmp_path / "in").captured_ns == filmed.captured_ns
    assert made.speed_mm_s == pytest.approx(1000, rel=0.01)
    assert "estimated from the picture" in made.motion


def test_compression_that_leaves_600_bytes_a_picture_costs_less_than_a_hundredth_of_speed(tmp_path: Path) -> None:
    """Such a video goes on showing old belt in its old place; what moved counts, not what stayed."""
    starved = encode(tmp_path / "a.mp4", steady(60), coarse=True)
    assert starved.stat().st_size < 60 * 700
    assert brought(starved, tmp_path / "in").speed_mm_s == pytest.approx(1000, rel=0.01)


def test_a_video_of_varying_rate_keeps_every_instant_and_the_belt_its_place(tmp_path: Path) -> None:
    stamps = [ms * 1_000_000 for ms in UNEVEN]
    filmed = film(stamps, [900.0 * stamp / 1e9 for stamp in stamps])
    made = brought(encode(tmp_path / "phone.mp4", filmed), tmp_path / "in")
    assert check_footage(tmp_path / "in").captured_ns == tuple(stamps)
    assert made.speed_mm_s == pytest.approx(900, rel=0.01)
    ticks = dict(read_ticks(tmp_path / "in"))
    travelled = [ticks[stamp] for stamp in (0, 120_000_000, 500_000_000, 800_000_000)]
    assert np.diff(travelled) == pytest.approx([1080, 3420, 2700], abs=25)
    assert "varying from" in "\n".join(told(open_take(tmp_path / "in")))


def test_a_folder_of_pictures_needs_a_rate_or_a_table(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "shots", steady(12))
    with pytest.raises(FootageError, match="--fps"):
        brought(folder, tmp_path / "in")
    assert not (tmp_path / "in").exists()
    made = brought(folder, tmp_path / "in", seen=Seen(fps=25.0))
    assert made.speed_mm_s == pytest.approx(1000, rel=0.01)
    (folder / "frames.csv").write_text("file,captured_ns\nshot-000.png,5\nshot-003.png,120000005\n")
    brought(folder, tmp_path / "two", Belt(MM_PER_PX, speed_mm_s=1000.0))
    assert check_footage(tmp_path / "two").captured_ns == (5, 120000005)


def test_a_told_speed_and_a_tick_table_make_the_ticks_they_say(tmp_path: Path) -> None:
    video = encode(tmp_path / "a.mp4", steady(10))
    brought(video, tmp_path / "told", Belt(MM_PER_PX, 4.0, speed_mm_s=250.0))
    told_ticks = dict(read_ticks(tmp_path / "told"))
    assert told_ticks[300_000_000] - told_ticks[0] == 300
    table = tmp_path / "ticks.csv"
    table.write_text("taken_ns,count\n-1000000000,100\n0,1100\n200000000,1100\n900000000,8100\n")
    brought(video, tmp_path / "table", Belt(MM_PER_PX, 10.0, table=table))
    ticks = dict(read_ticks(tmp_path / "table"))
    assert ticks[200_000_000] == ticks[0]
    assert ticks[300_000_000] - ticks[200_000_000] == 1000
    table.write_text("taken_ns,count\n0,0\n100000000,1000\n")
    with pytest.raises(FootageError, match="before and after all of them"):
        brought(video, tmp_path / "short", Belt(MM_PER_PX, 10.0, table=table))


def test_ticks_go_on_until_what_was_seen_last_has_fallen(tmp_path: Path) -> None:
    brought(encode(tmp_path / "a.mp4", steady(10)), tmp_path / "in", Belt(MM_PER_PX, speed_mm_s=500.0))
    ticks = read_ticks(tmp_path / "in")
    last_ns = check_footage(tmp_path / "in").captured_ns[-1]
    after = [count for taken_ns, count in ticks if taken_ns >= last_ns]
    assert after[-1] - after[0] == pytest.approx(5000, abs=60)
    assert ticks[0][0] < 0


def test_a_turned_and_shrunk_video_reads_the_same_speed(tmp_path: Path) -> None:
    filmed = steady(30)
    lying = filmed._replace(
        images=tuple(np.asarray(cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8) for image in filmed.images)
    )
    video = encode(tmp_path / "lying.mp4", lying)
    made = brought(video, tmp_path / "in", Belt(MM_PER_PX / 0.75), Seen(rotate=90, scale=0.75))
    assert (made.width_px, made.height_px) == (240, 192)
    assert made.speed_mm_s == pytest.approx(1000, rel=0.01)


def test_only_the_part_asked_for_is_brought_in(tmp_path: Path) -> None:
    video = encode(tmp_path / "a.mp4", steady(30))
    brought(video, tmp_path / "in", seen=Seen(from_s=0.2, to_s=0.6))
    stamps = check_footage(tmp_path / "in").captured_ns
    assert (stamps[0], stamps[-1]) == (200_000_000, 600_000_000)


def test_what_is_no_footage_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "words.mp4").write_text("no video")
    for source in (tmp_path / "words.mp4", tmp_path / "missing.mp4"):
        with pytest.raises(FootageError, match="cannot be played"):
            brought(source, tmp_path / "in")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FootageError, match="holds no pictures"):
        list(read_source(tmp_path / "empty", Seen(fps=10)))
    assert not (tmp_path / "in").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(FootageError, match="not empty"):
        brought(encode(tmp_path / "a.mp4", steady(5)), tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").exists()


def test_a_cut_keeps_pictures_readings_and_labels_together(tmp_path: Path) -> None:
    brought(encode(tmp_path / "a.mp4", steady(40)), tmp_path / "in", Belt(MM_PER_PX, speed_mm_s=1000.0))
    origin = read_ticks(tmp_path / "in")[0]
    at_800_ms = dict(read_ticks(tmp_path / "in"))[800_000_000]
    marks = [Label(at, 100.0, 20.0, 20.0, "CU-NO2", "test", "") for at in (at_800_ms, at_800_ms + 50_000)]
    write_labels(tmp_path / "in" / "labels.csv", marks)
    assert cut(open_take(tmp_path / "in"), tmp_path / "out", 0.6, 1.0, 300.0) == 11
    out = open_take(tmp_path / "out")
    assert (out.pictures.captured_ns[0], out.pictures.captured_ns[-1]) == (600_000_000, 1_000_000_000)
    (label,) = read_labels(tmp_path / "out" / "labels.csv")
    assert label.at_tick == dict(out.ticks)[800_000_000]
    assert origin[1] == 0
    with pytest.raises(FootageError, match="no picture between"):
        cut(open_take(tmp_path / "in"), tmp_path / "none", 50, 60)


def test_a_cut_of_a_rolled_over_counter_counts_its_labels_from_its_own_first_reading(tmp_path: Path) -> None:
    recording = Path(__file__).parents[2] / "recordings" / "first-belt"
    take = open_take(recording)
    wrapped = [count for _, count in read_ticks(recording)]
    assert take.ticks[-1][1] > take.ticks[0][1]
    cut(take, tmp_path / "out", 1.0, 2.0)
    again = open_take(tmp_path / "out")
    assert again.ticks[0][1] in wrapped
    assert again.ticks[-1][1] - again.ticks[0][1] > 0


def test_info_tells_rate_gaps_speed_and_labels(tmp_path: Path) -> None:
    stamps = [n * 40_000_000 for n in range(20) if n not in {8, 9, 10}]
    filmed = film(stamps, [stamp / 1e6 for stamp in stamps])
    brought(encode(tmp_path / "gap.mp4", filmed), tmp_path / "in", Belt(MM_PER_PX, speed_mm_s=1000.0))
    words = "\n".join(told(open_take(tmp_path / "in")))
    assert "17 pictures, 320 x 256 px at 2.5 mm per pixel" in words
    assert "rate: 25.00 pictures per second" in words
    assert "gaps: 1, the longest 160 ms, 0.28 s after the start" in words
    assert "belt: 1000.0 mm/s in the mean" in words
    assert "labels: none" in words


def test_the_tables_are_plain_csv(tmp_path: Path) -> None:
    brought(encode(tmp_path / "a.mp4", steady(5)), tmp_path / "in", Belt(MM_PER_PX, speed_mm_s=10.0))
    with (tmp_path / "in" / "frames.csv").open() as lines:
        assert next(csv.reader(lines)) == ["file", "captured_ns"]
