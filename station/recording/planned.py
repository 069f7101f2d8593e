"""From a planned run to what the recorder needs, and what ``station check`` says about recordings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from station import setup
from station.codebook import CODEBOOK
from station.config import Config, ConfigError
from station.recording import layout
from station.recording.codec import encode
from station.recording.layout import EyeSettings
from station.recording.post import Post
from station.recording.settings import Frames, PicturesChoice, RecorderSetup, RecordingSettings
from station.recording.shelf import Shelf
from station.recording.words import About, Attachment
from station.wiring import CameraChoice, RingCameraChoice
from vision.frame_ring import FrameRing
from vision.model_card import CARD_FILE

if TYPE_CHECKING:
    from station.plan import Plan

_SLOTS = 12
_GB = 1_000_000_000
_MB = 1_000_000
_FOLDER = "recordings"


def open_post(
    plan: Plan, camera: CameraChoice, file: Path | None, *, all_frames: bool
) -> AbstractContextManager[Post | None]:
    """The recorder of a run, not started yet; None inside when the station file wants none and no ``file`` is named.

    The simulated camera's own memory is read; any other camera lays its pictures into ours.
    """
    section = plan.config.file.recording
    if not section.steps and file is None:
        return nullcontext()
    settings = recording_settings(plan.config, all_frames=all_frames)
    pictures: PicturesChoice | None = None
    ring: FrameRing | None = None
    if settings.frames is not Frames.off:
        if isinstance(camera, RingCameraChoice):
            pictures = PicturesChoice(camera.ring, camera.shape, camera.slots)
        else:
            ring = FrameRing(setup.picture_shape(plan.config), _SLOTS)
            pictures = PicturesChoice(ring.name, ring.shape, _SLOTS)
    return Post(recorder_setup(plan, file, settings, pictures), ring)


def recorder_setup(
    plan: Plan, file: Path | None, settings: RecordingSettings, pictures: PicturesChoice | None
) -> RecorderSetup:
    """What the recorder process gets."""
    run = plan.run
    about = About(
        run=run.uuid,
        station=run.station,
        software=run.software,
        model_sha256=run.model_sha256,
        config_sha256=run.config_sha256,
        utc_offset_ns=run.utc_offset_ns,
        is_simulated=run.is_simulated,
    )
    folder = recordings_folder(plan.config)
    return RecorderSetup(folder, file, about, tuple(_attachments(plan.config)), settings, pictures)


def recording_settings(config: Config, *, all_frames: bool = False) -> RecordingSettings:
    """What a station file says about recordings."""
    section = config.file.recording
    return RecordingSettings(
        max_bytes=round(section.max_gb * _GB),
        min_free_bytes=round(section.min_free_gb * _GB),
        frames=Frames.all if all_frames else Frames(section.frames),
        keep_s=section.keep_s,
        keep_bytes=section.keep_mb * _MB,
        nth=section.nth,
        unsearched=section.unsearched,
        jpeg_quality=section.jpeg_quality,
        lossless=section.lossless,
        rotate_s=section.rotate_s,
    )


def recordings_folder(config: Config) -> Path:
    """Where recordings lie that nobody named."""
    return config.resolve(config.file.station.data_folder) / _FOLDER


def check_record_file(file: Path | None) -> None:
    """Raises ConfigError when a recording cannot be written there."""
    if file is None:
        return
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"{file}  the recording's folder does not exist: create it first")
    if file.exists():
        raise ConfigError(f"{file}  exists already: name another file, recordings are not written over")


def describe_recordings(config: Config) -> Iterator[str]:
    """How much lies there, how far back it reaches, and how long there is room at the rate of the newest."""
    settings, folder = recording_settings(config), recordings_folder(config)
    if not config.file.recording.steps:
        yield "recordings: off (recording.steps)"
        return
    shelf = Shelf(folder, settings.max_bytes, settings.min_free_bytes)
    files = shelf.recordings()
    used, most = shelf.used_bytes() / _GB, settings.max_bytes / _GB
    since = f", since {_utc(files[0])}" if files else ""
    yield f"recordings: {len(files)} files, {used:.2f} of {most:g} GB{since}; frames: {settings.frames}"
    forecast = shelf.forecast(shelf.rate())
    if forecast.days_kept is not None and forecast.days_left is not None:
        yield (
            f"  at the present rate {forecast.days_kept:.1f} days are kept, "
            f"{forecast.days_left:.1f} days until the oldest has to go"
        )


def _attachments(config: Config) -> Iterator[Attachment]:
    here, file = config.path.parent, config.file
    model = config.resolve(file.model)
    yield Attachment(layout.STATION_FILE, "text/yaml", config.path.read_bytes())
    yield Attachment(layout.CALIBRATION_FILE, "text/yaml", (here / file.calibration).read_bytes())
    yield Attachment(layout.RECIPE_FILE, "text/yaml", (here / file.recipe).read_bytes())
    yield Attachment(layout.MODEL_CARD, "text/yaml", (model / CARD_FILE).read_bytes())
    yield Attachment(layout.CODEBOOK, "text/csv", CODEBOOK.read_bytes())
    eye = EyeSettings(setup.finder_settings(config), setup.geometry(config), config.calibration.mm_per_px)
    yield Attachment(layout.EYE, "application/json", encode(EyeSettings, eye))


def _utc(path: Path) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(path.stat().st_mtime))
