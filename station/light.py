"""The command ``station flat-field``: how evenly the belt is lit, measured once with the camera it is sorted by."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape

from station.config import Config, load_config
from station.lines import open_line
from station.plain_errors import plain_errors
from station.wiring import open_camera
from vision.flat_field import FlatField, FlatFieldRefused, fit_flat_field, save_flat_field
from vision.types import CameraLost

_TIMEOUT_MS = 2000
_MOST_SILENT = 3


class Light(NamedTuple):
    """What was measured: the correction, the file it is in, and the calibration as it was before, None if it named
    that file already."""

    field: FlatField
    file: Path
    kept: Path | None


def take_pictures(config: Config, number: int) -> list[NDArray[np.uint8]]:
    """So many pictures of a station's own camera, in the order they came; footage may hold fewer. Raises CameraLost."""
    with open_line(config) as line:
        camera = open_camera(line.camera)
        camera.open()
        try:
            taken: list[NDArray[np.uint8]] = []
            silent = 0
            while len(taken) < number and not camera.finished:
                frame = camera.read(_TIMEOUT_MS)
                silent = 0 if frame is not None else silent + 1
                if silent >= _MOST_SILENT:
                    raise CameraLost("The camera sends no pictures; check its cable and power.")
                if frame is not None:
                    taken.append(frame.image.copy())
            return taken
        finally:
            camera.close()


def measure_light(config: Config, number: int, now: datetime) -> Light:
    """Take pictures of the empty belt or a white board, write the correction beside the calibration, and name it there.

    The calibration is kept under another name before a line is added. Raises CameraLost, and FlatFieldRefused where
    the light is too bad to correct; nothing is written then.
    """
    field = fit_flat_field(take_pictures(config, number))
    calibration = config.resolve(config.file.calibration)
    if config.calibration.flat_field is not None:
        file = config.resolve(config.calibration.flat_field)
        save_flat_field(field, file)
        return Light(field, file, None)
    file = calibration.with_name(f"{calibration.stem}-light.json")
    save_flat_field(field, file)
    return Light(field, file, _name_it(config, calibration, file, now))


def _name_it(config: Config, calibration: Path, file: Path, now: datetime) -> Path:
    """Add the key to the calibration; where the calibration was kept."""
    before = calibration.read_text(encoding="utf-8")
    kept = calibration.with_name(f"{calibration.stem}.{now:%Y%m%dT%H%M%SZ}{calibration.suffix}")
    kept.write_text(before, encoding="utf-8")
    named = Path(os.path.relpath(file, config.path.resolve().parent)).as_posix()
    fresh = calibration.with_suffix(calibration.suffix + ".new")
    fresh.write_text(f"{before.rstrip()}\nflat_field: {json.dumps(named)}\n", encoding="utf-8")
    fresh.replace(calibration)
    return kept


def flat_field(
    config: Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)] = Path("configs/sim.yaml"),
    pictures: Annotated[int, typer.Option(min=1, help="How many to take; a running belt shows other places.")] = 30,
) -> None:
    """Measure with an empty belt, or a white board on it, how evenly it is lit; takes effect at the next start.

    The station must not run meanwhile: it has the camera.
    """
    with plain_errors(FlatFieldRefused):
        light = measure_light(load_config(config), pictures, datetime.now(UTC))  # noqa: TID251 - a command has a clock
    lanes = light.field.brightness()
    out = Console()
    out.print(escape(f"Light correction of {len(lanes)} lanes: {light.file}"), soft_wrap=True)
    out.print(f"The darkest lane has {min(lanes):.0%} of the usual light, the brightest {max(lanes):.0%}.")
    if light.kept is not None:
        out.print(escape(f"The calibration names it now; as it was before: {light.kept}"), soft_wrap=True)
