"""Files that are cut off, foreign, full or too many."""

from __future__ import annotations

import base64
import calendar
import json
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from mcap.reader import make_reader

from station.recording.codec import NotReadable, decode, encode
from station.recording.reader import open_recording
from station.recording.replay import replay
from station.recording.shelf import Shelf, ShelfFull
from station.recording.snapshot import freeze, thaw
from station.recording.texts import StepTexts
from station.recording.words import About, EyeAnswers, KeptFrame, RecordingUnreadable
from station.recording.writer import RecordingWriter
from station.sorter import Sorter
from station.types import Order, Outputs
from tests.station.paper_line import PaperPiece, settings
from tests.station.recording.recorded_line import ABOUT, RECIPE, RecordedLine
from vision.types import FrameStamp, Look, LookRequest


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds with many pieces, in about a dozen chunks."""
    path = tmp_path_factory.mktemp("recorded") / "a.mcap"
    rng = random.Random(3)
    line = RecordedLine(path, [PaperPiece(2600.0 + 60 * k, rng.uniform(30, 770), k % 2) for k in range(150)])
    line.line.run(10.0, Order.start)
    line.end()
    return path


def chunks(path: Path) -> list[tuple[int, int]]:
    """Where each chunk ends in the file, and the number of steps up to there."""
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    outputs = next(id_ for id_, channel in summary.channels.items() if channel.topic == "/sorter/outputs")
    total, found = 0, []
    with path.open("rb") as file:
        times = [message.log_time for _, channel, message in make_reader(file).iter_messages() if channel.id == outputs]
    for index in summary.chunk_indexes:
        total = sum(1 for time in times if time <= index.message_end_time)
        found.append((index.chunk_start_offset + index.chunk_length, total))
    return found


def test_a_file_cut_anywhere_loses_at_most_its_last_chunk(recorded: Path, tmp_path: Path) -> None:
    raw, whole = recorded.read_bytes(), chunks(recorded)
    assert len(whole) >= 8
    rng = random.Random(5)
    first = next(end for end, steps in whole if steps)
    cut = tmp_path / "cut.mcap"
    for _ in range(100):
        size = rng.randrange(whole[0][0], len(raw))
        cut.write_bytes(raw[:size])
        numbers = [entry.number for entry in open_recording(cut).raw_entries() if isinstance(entry, StepTexts)]
        due = max((steps for end, steps in whole if end <= size), default=0)
        assert numbers == list(range(1, len(numbers) + 1))
        assert due - 1 <= len(numbers) <= due
        if size > first:
            assert numbers


def test_what_a_cut_file_still_holds_replays_equal(recorded: Path, tmp_path: Path) -> None:
    raw = recorded.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(raw[: len(raw) * 2 // 3])
    found = replay(open_recording(cut))
    assert found.is_equal
    assert found.proved > 300


def test_a_viewer_finds_schemas_and_times_in_the_file(recorded: Path) -> None:
    with recorded.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    assert {channel.message_encoding for channel in summary.channels.values()} == {"json"}
    names = {schema.name: schema for schema in summary.schemas.values()}
    assert {"station.Inputs", "station.Outputs", "foxglove.CompressedImage"} <= set(names)
    assert {schema.encoding for schema in names.values()} == {"jsonschema"}
    assert summary.statistics is not None
    assert summary.statistics.message_start_time >= ABOUT.utc_offset_ns


def test_a_picture_comes_back_as_it_was(tmp_path: Path) -> None:
    frame = KeptFrame(FrameStamp(5, 123_456_789, -7), "jpeg", bytes(range(256)))
    with RecordingWriter(tmp_path / "a.mcap", ABOUT, (RECIPE,)) as writer:
        writer.write(frame)
    assert list(open_recording(tmp_path / "a.mcap").frames()) == [frame]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + bytes(100)])
def test_a_file_that_is_no_recording_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "strange.mcap"
    path.write_bytes(content)
    with pytest.raises(RecordingUnreadable, match=r"strange.mcap is no recording"):
        open_recording(path)
    with pytest.raises(RecordingUnreadable, match="cannot be read"):
        open_recording(tmp_path / "missing.mcap")


@pytest.mark.parametrize("number", [0.1, 1e-323, -0.0, 1.7976931348623157e308, float("inf"), 3, 2**53 + 1.0])
def test_numbers_come_back_to_the_last_bit(number: float) -> None:
    answers = EyeAnswers(None, (LookRequest(1, 2),), (Look(1, (number, 1.0)),))
    text = encode(EyeAnswers, answers)
    again = decode(EyeAnswers, text)
    assert [value.hex() for value in again.looks[0].log_scores] == [float(number).hex(), (1.0).hex()]
    assert encode(EyeAnswers, again) == text


def test_what_is_no_such_value_is_refused() -> None:
    for text in (b"{", b"[]", b'{"command":1}', b"null"):
        with pytest.raises(NotReadable, match="no Outputs"):
            decode(Outputs, text)


def test_a_sorters_state_may_hold_a_sorter_only() -> None:
    assert isinstance(thaw(freeze(Sorter(settings(32, 60.0)))), Sorter)
    evil = b"cos\nsystem\n(S'true'\ntR."
    with pytest.raises(RecordingUnreadable, match="is no part of a sorter"):
        thaw(evil)
    with pytest.raises(RecordingUnreadable, match="cannot be read"):
        thaw(b"nonsense")


def shelf_of(folder: Path, sizes: Iterator[int] | list[int]) -> None:
    for n, size in enumerate(sizes):
        (folder / f"run-20260101T00000{n}Z-x.mcap").write_bytes(bytes(size))


def test_the_oldest_recording_goes_first_and_busy_ones_stay(tmp_path: Path) -> None:
    shelf_of(tmp_path, [400, 400, 400])
    (tmp_path / "incident-20260101T000001Z-estop.mcap").write_bytes(bytes(400))
    shelf = Shelf(tmp_path, 900, 0)
    shelf.make_room([tmp_path / "run-20260101T000000Z-x.mcap"])
    assert [path.name for path in shelf.recordings()] == ["run-20260101T000000Z-x.mcap", "run-20260101T000002Z-x.mcap"]


def test_a_shelf_without_room_says_so(tmp_path: Path) -> None:
    shelf_of(tmp_path, [400])
    busy = list(tmp_path.iterdir())
    with pytest.raises(ShelfFull, match="recordings reached"):
        Shelf(tmp_path, 300, 0).make_room(busy)
    with pytest.raises(ShelfFull, match="free on the disk"):
        Shelf(tmp_path, 1000, 10**18).make_room(busy)


def test_days_are_forecast_from_the_rate(tmp_path: Path) -> None:
    shelf_of(tmp_path, [250_000])
    forecast = Shelf(tmp_path, 1_000_000, 0).forecast(1_000_000 / 86_400)
    assert forecast.days_kept == pytest.approx(1.0)
    assert forecast.days_left == pytest.approx(0.75)
    assert Shelf(tmp_path, 1_000_000, 0).forecast(0.0).days_left is None


def test_a_bad_minute_is_not_forecast_to_last_all_day(tmp_path: Path) -> None:
    shelf_of(tmp_path, [250_000])
    incident = tmp_path / "incident-20260101T000001Z-estop.mcap"
    incident.write_bytes(bytes(500_000))
    begun_s = calendar.timegm((2026, 1, 1, 0, 0, 0))
    for days, per_day in ((0.01, 1_500_000), (1, 1_500_000), (2, 1_250_000)):
        for path in tmp_path.iterdir():
            os.utime(path, (begun_s, begun_s + days * 86_400))
        forecast = Shelf(tmp_path, 3_000_000, 0).forecast(1_000_000 / 86_400)
        assert forecast.days_kept == pytest.approx(3_000_000 / per_day, rel=1e-3)


def test_where_a_recording_comes_from_is_kept(tmp_path: Path) -> None:
    about = About("r", "s", "9.9", "m", "c", -5, is_simulated=False)
    RecordingWriter(tmp_path / "a.mcap", about, ()).close()
    assert open_recording(tmp_path / "a.mcap").about == about


def test_every_message_is_what_its_schema_in_the_file_says(recorded: Path, tmp_path: Path) -> None:
    """Read by the format's own reader and judged by a foreign validator, as a viewer would."""
    path = tmp_path / "pictured.mcap"
    with RecordingWriter(path, ABOUT, (RECIPE,)) as writer:
        for entry in islice(open_recording(recorded).raw_entries(), 0, None, 20):
            writer.write(entry)
        writer.frame(KeptFrame(FrameStamp(5, 123_456_789, None), "jpeg", b"\xff\xd8\xff\xd9"))
    judged: set[str] = set()
    with path.open("rb") as file:
        for schema, _, message in make_reader(file, validate_crcs=True).iter_messages():
            assert schema is not None
            told = json.loads(message.data)
            Draft202012Validator(json.loads(schema.data)).validate(without_nothing(told))
            judged.add(schema.name)
            if schema.name == "foxglove.CompressedImage":
                assert set(told["timestamp"]) == {"sec", "nsec"}
                assert (base64.b64decode(told["data"], validate=True), told["format"]) == (b"\xff\xd8\xff\xd9", "jpeg")
    assert {"station.Inputs", "station.Outputs", "station.EyeAnswers", "foxglove.CompressedImage"} <= judged


def without_nothing(value: object) -> object:
    """A field that is null is a field that is not there: viewers know no type for it."""
    if isinstance(value, dict):
        return {key: without_nothing(inside) for key, inside in value.items() if inside is not None}
    return [without_nothing(inside) for inside in value] if isinstance(value, list) else value
