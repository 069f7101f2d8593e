"""Footage without a camera: a stretch of the simulated line, painted offline into a folder of JPEGs and tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.feeder import WorldPiece
from hil.line import Line, LineSettings, sprites_of
from hil.look import View
from vision.labels import LABELS, WORLD, Label, write_labels

_TICKS_EVERY_NS = 10_000_000
_RUN_UP_NS = 2_500_000_000
_RUN_OUT_NS = 1_500_000_000
_LICENCE = "CC0-1.0, rendered by this project"


@dataclass(frozen=True, slots=True)
class FootageSettings:
    """The line that is recorded. The belt has been running for 2.5 s when the first picture is taken."""

    line: LineSettings
    drive: DriveSettings = field(default_factory=DriveSettings)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)


def write_footage(
    folder: Path,
    seconds: float,
    settings: FootageSettings,
    *,
    step_mm: float | None = None,
    scale: float = 0.5,
    jpeg_quality: int = 78,
    progress: Callable[[float], None] = lambda _share: None,
) -> int:
    """Write frames, tables of frames, ticks, truth and labels, and ``footage.yaml``; the number of frames.

    A picture every ``step_mm`` of belt at nominal speed, or at the line's rate when None. ``scale`` shrinks the
    pictures. Raises FileExistsError when the folder holds footage already, and ``hil.sprites.atlas.AtlasError``.
    """
    if (folder / "footage.yaml").exists():
        raise FileExistsError(f"{folder} holds footage already: choose another folder or delete it.")
    folder.mkdir(parents=True, exist_ok=True)
    view = _scaled(settings.line.view, scale)
    fps = settings.line.fps if step_mm is None else settings.drive.speed_mm_s / step_mm
    take = _Take(folder, replace(settings, line=replace(settings.line, view=view, fps=fps)), jpeg_quality)
    count = max(1, round(seconds * fps))
    for number in range(count):
        take.shoot(number)
        progress((number + 1) / count)
    take.write_tables()
    return count


class _Take:
    """One recording in the making; time is made up, from 0 on."""

    def __init__(self, folder: Path, settings: FootageSettings, jpeg_quality: int) -> None:
        self._folder = folder
        self._settings = settings
        self._quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
        self._belt = DrivenBelt(settings.drive, settings.encoder, 0)
        self._line = Line(settings.line, sprites_of(settings.line))
        self._picture = np.empty(settings.line.view.shape, np.uint8)
        self._frames: list[tuple[str, int]] = []
        self._ticks: list[tuple[int, int]] = []
        self._pieces: dict[int, WorldPiece] = {}
        self._first_mm = 0.0

    def shoot(self, number: int) -> None:
        """Run the belt to the instant of picture ``number`` and take it."""
        at_ns = _RUN_UP_NS + round(number * 1e9 / self._settings.line.fps)
        self._run_to(at_ns)
        self._line.expose(self._picture, self._belt.advance(at_ns, run=True))
        name = f"{number:06d}.jpg"
        cv2.imwrite(str(self._folder / name), self._picture, self._quality)
        self._frames.append((name, at_ns))

    def write_tables(self) -> None:
        """The tables beside the pictures; the ticks go on until what was seen has fallen."""
        self._run_to(self._frames[-1][1] + _RUN_OUT_NS)
        _write_rows(self._folder / "frames.csv", ("file", "captured_ns"), self._frames)
        _write_rows(self._folder / "ticks.csv", ("taken_ns", "count"), self._ticks)
        header = ("truth_id", "label", "form", "at_tick", "across_mm", "length_mm", "width_mm", "mass_g")
        _write_rows(self._folder / "truth.csv", header, (self._row(piece) for piece in self._pieces.values()))
        write_labels(self._folder / LABELS, map(self._label, self._pieces.values()))
        (self._folder / "footage.yaml").write_text(self._description(), encoding="utf-8")

    def _run_to(self, at_ns: int) -> None:
        while _next_tick_ns(self._belt.motion.t_ns) <= at_ns:
            self._line.step(self._belt.advance(_next_tick_ns(self._belt.motion.t_ns), run=True))
            now_ns = self._belt.motion.t_ns
            if now_ns > _RUN_UP_NS - 10 * _TICKS_EVERY_NS:
                if not self._ticks:
                    self._first_mm = self._belt.motion.pos_mm
                self._ticks.append((now_ns, self._belt.count(now_ns)))
                self._pieces |= {piece.truth_id: piece for piece in self._line.on_belt()}

    def _row(self, piece: WorldPiece) -> tuple[object, ...]:
        encoder = self._settings.encoder
        at_tick = encoder.start_count + piece.placed.at_mm * encoder.ticks_per_mm
        width_mm = float(np.ptp(piece.outline[:, 1]))
        return (
            piece.truth_id, piece.label, piece.form, round(at_tick), round(piece.placed.across_mm, 1),
            round(2 * piece.half_mm, 1), round(width_mm, 1), round(piece.mass_g, 1),
        )  # fmt: skip

    def _label(self, piece: WorldPiece) -> Label:
        """The same truth in the form of every footage: counted from the first reading of the tick table."""
        encoder, modulus = self._settings.encoder, 1 << self._settings.encoder.counter_bits
        at_tick = encoder.start_count + piece.placed.at_mm * encoder.ticks_per_mm
        first = math.floor(encoder.start_count + self._first_mm * encoder.ticks_per_mm)
        width_mm = float(np.ptp(piece.outline[:, 1]))
        across_mm, length_mm = piece.placed.across_mm, 2 * piece.half_mm
        at_tick -= first // modulus * modulus
        return Label(round(at_tick), across_mm, length_mm, width_mm, piece.label, WORLD, "")

    def _description(self) -> str:
        view, encoder = self._settings.line.view, self._settings.encoder
        return (
            f"# Rendered footage; at_tick in truth.csv is not cut to the counter's width.\n"
            f"mm_per_px: {view.mm_per_px:g}\nwidth_px: {view.width_px}\nheight_px: {view.height_px}\n"
            f"ticks_per_mm: {encoder.ticks_per_mm:g}\ncounter_bits: {encoder.counter_bits}\n"
            f"is_simulated: true\nlicence: {_LICENCE}\n"
        )


def _next_tick_ns(now_ns: int) -> int:
    return (now_ns // _TICKS_EVERY_NS + 1) * _TICKS_EVERY_NS


def _scaled(view: View, scale: float) -> View:
    return View(round(view.width_px * scale), round(view.height_px * scale), view.mm_per_px / scale)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
