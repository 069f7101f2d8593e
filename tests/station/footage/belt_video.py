"""A rendered belt as real encoded videos and picture folders, with the truth about how it moved."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from hil.look import Look, View
from hil.picture import Painter

Picture = NDArray[np.uint8]
MM_PER_PX = 2.5
VIEW = View(320, 256, MM_PER_PX)


class Filmed(NamedTuple):
    """Pictures with the instant (ns) and the true belt position (mm) of each."""

    images: tuple[Picture, ...]
    captured_ns: tuple[int, ...]
    pos_mm: tuple[float, ...]


def film(captured_ns: Sequence[int], pos_mm: Sequence[float]) -> Filmed:
    """An empty rendered belt seen at these instants and positions."""
    painter = _painter()
    images = []
    for pos in pos_mm:
        image = np.empty(VIEW.shape, np.uint8)
        painter.paint(image, pos, [])
        images.append(image)
    return Filmed(tuple(images), tuple(captured_ns), tuple(pos_mm))


@cache
def _painter() -> Painter:
    return Painter(Look(seed=3, belt="worn"), VIEW)


def steady(frames: int, fps: float = 25.0, speed_mm_s: float = 1000.0) -> Filmed:
    stamps = [round(n * 1e9 / fps) for n in range(frames)]
    return film(stamps, [speed_mm_s * stamp / 1e9 for stamp in stamps])


def encode(path: Path, filmed: Filmed, codec: str = "mpeg4", coarse: bool = False) -> Path:
    """Write a real video; instants to the millisecond, whatever the rate does; ``coarse`` keeps next to nothing."""
    base = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = filmed.images[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = base
        stream.codec_context.bit_rate = 100_000 if coarse else 4_000_000
        stream.options = {"qmin": "31", "qmax": "31", "mbd": "rd"} if coarse else {}
        for image, stamp in zip(filmed.images, filmed.captured_ns, strict=True):
            frame = VideoFrame.from_ndarray(image, format="bgr24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = stamp // 1_000_000, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pictures(folder: Path, filmed: Filmed, ending: str = "png") -> Path:
    folder.mkdir()
    for number, image in enumerate(filmed.images):
        cv2.imwrite(str(folder / f"shot-{number:03d}.{ending}"), image)
    return folder
