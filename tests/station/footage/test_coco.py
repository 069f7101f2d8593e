"""Labels as polygons and back again, on a real recording."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from station.footage.coco import export_coco, import_coco
from station.recording.words import RecordingUnreadable
from tests.station.whatif.tried import labels, recorded
from vision.labels import Label
from vision.types import FootageError


def test_polygons_come_back_as_the_labels_they_were_made_of(tmp_path: Path) -> None:
    count = export_coco(recorded(), labels(), tmp_path / "a.json", tmp_path / "pictures")
    assert count > 200
    back = import_coco(recorded(), tmp_path / "a.json", "me", "2026-11-22")
    seen = [label for label in labels() if any(_is_near(label, other) for other in back)]
    assert len(seen) > 60
    assert len(back) < 1.15 * len(seen)
    assert {label.who for label in back} == {"me"}


def _is_near(one: Label, other: Label) -> bool:
    apart_mm = abs(one.at_tick - other.at_tick) / 10 + abs(one.across_mm - other.across_mm)
    return one.label == other.label and apart_mm < 45


def test_the_file_is_what_coco_tools_expect(tmp_path: Path) -> None:
    export_coco(recorded(), labels(), tmp_path / "a.json", tmp_path / "pictures")
    tree = json.loads((tmp_path / "a.json").read_text())
    images = {image["id"]: image for image in tree["images"]}
    categories = {category["id"] for category in tree["categories"]}
    real = 0
    for row in tree["annotations"]:
        image, (x, y, w, h) = images[row["image_id"]], row["bbox"]
        assert 0 <= x <= x + w <= image["width"]
        assert 0 <= y <= y + h <= image["height"]
        assert row["category_id"] in categories
        (polygon,) = row["segmentation"]
        assert len(polygon) >= 6
        assert row["area"] > 0
        real += len(polygon) > 8
    assert real > 0.9 * len(tree["annotations"])
    assert all((tmp_path / "pictures" / image["file_name"]).is_file() for image in images.values())


def test_a_polygon_drawn_by_hand_becomes_a_piece_on_the_belt(tmp_path: Path) -> None:
    export_coco(recorded(), labels(), tmp_path / "a.json", None)
    tree = json.loads((tmp_path / "a.json").read_text())
    image = tree["images"][20]
    square = [100, 200, 139, 200, 139, 239, 100, 239]
    row = {"id": 1, "image_id": image["id"], "category_id": 7, "segmentation": [square]}
    tree |= {"categories": [{"id": 7, "name": "ZN-DIE"}], "annotations": [row]}
    (tmp_path / "b.json").write_text(json.dumps(tree))
    (label,) = import_coco(recorded(), tmp_path / "b.json", "me", "")
    assert label.label == "ZN-DIE"
    assert label.across_mm == pytest.approx(150, abs=1)
    assert (label.length_mm, label.width_mm) == pytest.approx((50, 50), abs=2)
    assert label.at_tick == pytest.approx(image["tick"] - 275 * 10, abs=10)


@pytest.mark.parametrize("text", ["no json", "{}", '{"categories": [], "images": [], "annotations": [{}]}'])
def test_what_is_no_coco_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FootageError, match="cannot be read as COCO"):
        import_coco(recorded(), tmp_path / "a.json", "me", "")


def test_a_recording_without_pictures_has_no_polygons(tmp_path: Path) -> None:
    from station.recording.reader import open_recording
    from station.recording.words import KeptFrame
    from station.recording.writer import RecordingWriter

    with RecordingWriter(tmp_path / "a.mcap", recorded().about, recorded().attachments.values()) as writer:
        for entry in recorded().raw_entries():
            if not isinstance(entry, KeptFrame):
                writer.write(entry)
    with pytest.raises(RecordingUnreadable, match="kept no searched pictures"):
        export_coco(open_recording(tmp_path / "a.mcap"), labels(), tmp_path / "a.json", None)
