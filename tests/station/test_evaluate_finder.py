"""``station evaluate --finder``: frames with outlines become figures and a page."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from station.cli import app
from station.training.frames import evaluate_frames, read_frames
from station.training.refusals import TrainingRefused
from tests.vision.scene import Outline, belt, disc, lay, square
from vision.finder import FinderSettings

STEEL, COPPER = (150, 152, 155), (60, 85, 150)


def frames_folder(folder: Path, extra: Outline | None = None) -> Path:
    """Four unrelated frames of one belt, two pieces on each; ``extra`` is an outline with nothing under it."""
    polygons = {}
    for n in range(4):
        pieces = [square(60 + 90 * n, 100, 60), disc(500 - 80 * n, 350, 30)]
        cv2.imwrite(str(folder / f"belt_{n}.png"), lay(belt(700 * n), [(pieces[0], STEEL), (pieces[1], COPPER)]))
        truth = [*pieces, extra] if extra is not None and n == 0 else pieces
        polygons[f"belt_{n}.png"] = [{"x": one[:, 0].tolist(), "y": one[:, 1].tolist()} for one in truth]
    polygons["gone.png"] = []
    (folder / "polygons.json").write_text(json.dumps(polygons), encoding="utf-8")
    return folder


def test_pieces_on_unrelated_frames_are_found_and_a_missing_one_is_missed(tmp_path: Path) -> None:
    report = evaluate_frames(frames_folder(tmp_path, extra=square(300, 200, 50)), FinderSettings())
    total = report.total.score
    assert (report.frames, total.pieces, total.matched, total.outlines) == (4, 9, 8, 8)
    assert total.recall_iou50 == pytest.approx(8 / 9)
    assert list(report.groups) == ["belt"]
    assert report.worst[0].frame.path.name == "belt_0.png"


def test_pieces_that_touch_count_as_stacked(tmp_path: Path) -> None:
    frames_folder(tmp_path)
    polygons = json.loads((tmp_path / "polygons.json").read_text())
    beside = square(121, 100, 60)
    polygons["belt_0.png"].append({"x": beside[:, 0].tolist(), "y": beside[:, 1].tolist()})
    (tmp_path / "polygons.json").write_text(json.dumps(polygons), encoding="utf-8")
    report = evaluate_frames(tmp_path, FinderSettings())
    assert (report.apart.pieces, report.stacked.pieces) == (7, 2)


def test_the_command_writes_json_and_one_page(tmp_path: Path) -> None:
    frames = frames_folder(tmp_path, extra=square(300, 200, 50))
    out, html = tmp_path / "finder.json", tmp_path / "finder.html"
    said = CliRunner().invoke(
        app, ["evaluate", "--finder", "--frames", str(frames), "--json", str(out), "--html", str(html)]
    )
    assert said.exit_code == 0, said.output
    figures = json.loads(out.read_text())
    assert {"recall_iou50", "precision_iou50", "split", "merged", "found", "missed", "groups"} <= set(figures)
    assert (figures["found"], figures["missed"]) == (8, 1)
    assert re.search(r"^all +9 +8 +1 +0\.889 +1\.000 +0 +0 ", said.output, re.MULTILINE)
    page = html.read_text()
    assert f"<td>{figures['centre_p50_mm']:.2f}</td><td>{figures['centre_p99_mm']:.2f}</td>" in page
    assert f"<td>{figures['cpu_ms_floor']:.2f}</td>" in page
    assert "data:image/jpeg;base64," in page
    assert "http" not in page


def test_a_folder_without_outlines_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="polygons"):
        read_frames(tmp_path)
    (tmp_path / "polygons.json").write_text('{"a.png": [{"x": 1}]}', encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(TrainingRefused, match="form"):
        read_frames(tmp_path)


@pytest.mark.parametrize("mm_per_px", [0.625, 0.5])
def test_how_far_off_the_middles_are_is_told_in_millimetres(mm_per_px: float, tmp_path: Path) -> None:
    frames_folder(tmp_path)
    polygons = json.loads((tmp_path / "polygons.json").read_text())
    for outlines in polygons.values():
        for one in outlines:
            one["x"] = [x + 8 for x in one["x"]]
    (tmp_path / "polygons.json").write_text(json.dumps(polygons), encoding="utf-8")
    out = tmp_path / "finder.json"
    asked = ["evaluate", "--finder", "--frames", str(tmp_path), "--mm-per-px", str(mm_per_px), "--json", str(out)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    figures = json.loads(out.read_text())
    assert figures["centre_p50_mm"] == pytest.approx(8 * mm_per_px, abs=0.4)
    assert figures["centre_p50_mm"] <= figures["centre_p99_mm"] < 8 * mm_per_px + 1.5


def test_without_frames_the_command_measures_on_rendered_ones(tmp_path: Path) -> None:
    out = tmp_path / "finder.json"
    said = CliRunner().invoke(app, ["evaluate", "--finder", "--pieces", "50", "--json", str(out)])
    assert said.exit_code == 0, said.output
    figures = json.loads(out.read_text())
    assert (figures["data"], list(figures["groups"])) == ("rendered pieces of split test", ["dark", "light", "worn"])
    assert figures["pieces"] >= 50
    assert figures["groups"]["dark"]["recall_iou50"] >= 0.8
    assert figures["centre_p50_mm"] < 2
    assert figures["cpu_ms_floor"] < figures["cpu_ms_bare_frame"] < figures["cpu_ms_per_frame"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "stacked"), [("Aauto", 0), ("Bauto", 0), ("Amanual", 14)])
def test_pieces_on_real_line_scan_frames_are_found(kind: str, stacked: int, tmp_path: Path) -> None:
    data = os.environ.get("STATION_DATA")
    if data is None or not (Path(data) / "images" / "belt_csw").is_dir():
        pytest.skip("STATION_DATA names no folder with images/belt_csw, so nothing can be measured on real frames.")
    source = Path(data) / "images" / "belt_csw"
    polygons = json.loads((source / "polygons.json").read_text())
    chosen = {name: outlines for name, outlines in polygons.items() if name.startswith(kind)}
    for name in chosen:
        (tmp_path / name).symlink_to(source / name)
    (tmp_path / "polygons.json").write_text(json.dumps(chosen), encoding="utf-8")
    found = evaluate_frames(tmp_path, FinderSettings())
    assert found.apart.recall_iou50 >= 0.9
    assert found.stacked.pieces == stacked
    assert found.stacked.matched >= 0.7 * stacked
