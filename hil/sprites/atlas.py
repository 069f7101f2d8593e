"""The sprite atlases: reading the shipped ones."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).with_name("atlas")
# Further pieces, all of split train: the simulated line never shows them.
LESSONS = Path(__file__).with_name("lessons")
INDEX = "index.json"
VERSION = 1

Split = Literal["train", "val", "test"]


class AtlasError(RuntimeError):
    """The atlas is missing, damaged or of another version; the text says which file and why."""


class SpriteRow(TypedDict):
    """One sprite in index.json; `box` is x, y, width, height in pixels of the sheet."""

    name: str
    form: str
    label: str
    object: str
    light: str
    split: Split
    yaw_deg: float
    height_mm: float
    mass_g: float
    sheet: str
    box: list[int]


class Index(TypedDict):
    """The whole of index.json."""

    version: int
    licence: str
    renderer: str
    seed: int
    spp: int
    mm_per_px: float
    objects_per_form: int
    counts: dict[str, dict[str, int]]
    sprites: list[SpriteRow]


@dataclass(frozen=True, slots=True)
class Sprite:
    """One piece of scrap seen from straight above.

    `image` is (h, w, 4) BGRA uint8, colours not multiplied by alpha; the belt runs along the picture's x axis, the
    light bars lie across it at the left and the right (light "slanted": from above the picture's top edge alone).

    `label` is a class of the codebook, `object_id` the piece, shown in several sprites, and `split` belongs to the
    piece. `height_mm` is the height of its top above the belt.
    """

    name: str
    form: str
    label: str
    object_id: str
    light: str
    split: Split
    yaw_deg: float
    mm_per_px: float
    height_mm: float
    mass_g: float
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Atlas:
    """All sprites, in the order of the index, and where they come from."""

    sprites: tuple[Sprite, ...]
    seed: int
    renderer: str
    licence: str


def read_index(folder: Path) -> Index:
    """Return index.json of an atlas folder; raises AtlasError when it cannot be read."""
    path = folder / INDEX
    try:
        index: Index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise AtlasError(f"{path}: cannot read the sprite index ({cause})") from cause
    if index.get("version") != VERSION:
        raise AtlasError(f"{path}: version {index.get('version')}, this program reads version {VERSION}")
    return index


def _sheet(path: Path) -> NDArray[np.uint8]:
    """Return a sheet as (h, w, 4) BGRA."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as cause:
        raise AtlasError(f"{path}: cannot read the sheet ({cause})") from cause
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise AtlasError(f"{path}: not a picture with alpha")
    return image.astype(np.uint8, copy=False)


def _sprite(row: SpriteRow, mm_per_px: float, sheet: NDArray[np.uint8]) -> Sprite:
    x, y, w, h = row["box"]
    image = np.ascontiguousarray(sheet[y : y + h, x : x + w])
    if image.shape[:2] != (h, w):
        raise AtlasError(f"{row['sheet']}: sprite {row['name']} lies outside the sheet")
    image.setflags(write=False)
    return Sprite(
        row["name"], row["form"], row["label"], row["object"], row["light"], row["split"], row["yaw_deg"], mm_per_px,
        row["height_mm"], row["mass_g"], image,
    )  # fmt: skip


def load_atlas(folder: Path | None = None) -> Atlas:
    """Return the atlas in a folder, the shipped one by default; raises AtlasError."""
    place = folder or FOLDER
    index = read_index(place)
    sheets = {name: _sheet(place / name) for name in sorted({row["sheet"] for row in index["sprites"]})}
    sprites = tuple(_sprite(row, index["mm_per_px"], sheets[row["sheet"]]) for row in index["sprites"])
    return Atlas(sprites, index["seed"], index["renderer"], index["licence"])
