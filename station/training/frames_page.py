"""One self-contained page about how well the finder does on frames: figures, and the worst frames as pictures."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader

from station.training.frames import FinderReport, FrameScore, figures, read_picture, recall

_WIDTH_PX = 640
_TRUTH, _FOUND = (80, 200, 80), (60, 60, 240)


def write_frames_report(report: FinderReport, json_file: Path | None, html_file: Path | None) -> None:
    """Write the JSON and the page where wanted."""
    if json_file is not None:
        json_file.write_text(report.as_json() + "\n", encoding="utf-8")
    if html_file is not None:
        html_file.write_text(frames_page(report), encoding="utf-8")


def frames_page(report: FinderReport) -> str:
    """HTML text that needs no other file and no network."""
    folder = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(
        "frames.html"
    )
    return template.render(
        report=report,
        rows=[(name, figures(group)) for name, group in (*report.groups.items(), ("all", report.total))],
        lying=[("separate", recall(report.apart)), ("stacked", recall(report.stacked))],
        worst=[(one, _inline(one)) for one in report.worst],
    )


def _inline(one: FrameScore) -> str:
    """The frame with the true outlines in green and what was found in red."""
    picture = read_picture(one.frame.path)
    scale = min(1.0, _WIDTH_PX / picture.shape[1])
    picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    for outlines, colour, width in ((one.frame.truth, _TRUTH, 3), (one.found, _FOUND, 1)):
        scaled = [np.rint(outline * scale).astype(np.int32) for outline in outlines]
        cv2.polylines(picture, scaled, isClosed=True, color=colour, thickness=width, lineType=cv2.LINE_AA)
    _done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode("ascii")
