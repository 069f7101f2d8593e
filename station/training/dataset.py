"""Makes crops to learn from: rendered pieces on a simulated belt, painted as widely different as plants are.

Every object (not picture) belongs to one split, and the light ``HELD_OUT_LIGHT`` is never trained on. Boxes are the
true ones, shaken as a finder would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import View, vary
from hil.picture import Painter, Seen
from hil.sprites.atlas import Sprite
from hil.stamp import PlacedSprite
from station.training.evaluate import LabelledCrops, Progress
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec, crop
from vision.types import Box

HELD_OUT_LIGHT = "slanted"
RECOLOURED = frozenset({"AL-UBC", "BAT-OTHER", "BAT-LI", "CABLE-CU", "PWB", "RES-LIGHT"})
SPLITS = ("train", "val", "test", "held-out light")


@dataclass(frozen=True, slots=True)
class Scene:
    """How pictures are composed: up to one piece in each cell of a grid over the picture, ``frames_per_look`` per belt.

    A piece is used when at least ``least_visible`` of it shows. ``looks`` pictures are taken of every piece while it
    travels ``travel_mm`` between two of them. ``turn_deg`` limits how far a sprite is turned from the two attitudes in
    which its light bars lie across the belt. For learning only: ``stretch_spread`` changes the outline of a piece, and
    ``recoloured`` is the share of the printed and wrapped pieces (RECOLOURED) that get other colours, so that the
    network does not learn the few prints there are by heart.
    """

    view: View = field(default_factory=View)
    columns: int = 8
    rows: int = 5
    frames_per_look: int = 5
    least_visible: float = 0.6
    looks: int = 1
    travel_mm: float = 110.0
    turn_deg: float = 180.0
    size_spread: float = 0.08
    gain_spread: float = 0.12
    box_shake_px: float = 1.5
    box_shadow_px: float = 8.0
    stretch_spread: float = 0.0
    recoloured: float = 0.0


@dataclass(frozen=True, slots=True)
class CropSet:
    """Crops uint8 (pieces, looks, size, size, 3) BGR; ``truth`` (pieces,) indexes ``labels``.

    ``sprites`` and ``objects`` name what each piece was painted from.
    """

    crops: NDArray[np.uint8]
    truth: NDArray[np.int64]
    labels: tuple[str, ...]
    sprites: tuple[str, ...]
    objects: tuple[str, ...]

    def labelled(self) -> LabelledCrops:
        """Every look as a crop of its own."""
        looks = self.crops.shape[1]
        names = tuple(self.labels[n] for n in np.repeat(self.truth, looks))
        sources = tuple(name for name in self.sprites for _look in range(looks))
        return LabelledCrops(self.crops.reshape(-1, *self.crops.shape[2:]), names, sources)


def sprites_of(split: str, sprites: Sequence[Sprite]) -> tuple[Sprite, ...]:
    """The sprites of one of SPLITS; raises TrainingRefused when there are none."""
    held_out = split == "held-out light"
    wanted = "test" if held_out else split
    found = tuple(one for one in sprites if one.split == wanted and (one.light == HELD_OUT_LIGHT) == held_out)
    if not found:
        raise TrainingRefused(f"The sprite atlas holds nothing of split {split}; render it again with station render.")
    return found


def pieces_in_view(
    rng: np.random.Generator, sprites: Sequence[Sprite], scene: Scene, belt_mm: float = 0.0
) -> list[PlacedSprite]:
    """Pieces as they fall into view when the belt is at ``belt_mm``: every label about equally often, some touching."""
    placed = _placed(rng, _Draw(sprites, sorted({one.label for one in sprites})), scene)
    return [replace(one, at_mm=one.at_mm + belt_mm) for _sprite, one in placed]


def render_crops(
    sprites: Sequence[Sprite],
    labels: tuple[str, ...],
    spec: CropSpec,
    scene: Scene,
    *,
    pieces: int,
    seed: int,
    on_progress: Progress | None = None,
) -> CropSet:
    """Paint pictures until ``pieces`` pieces have been cut, every label about equally often; seeded."""
    rng = np.random.default_rng(seed)
    draw = _Draw(sprites, labels)
    found: list[NDArray[np.uint8]] = []
    drawn: list[Sprite] = []
    while len(found) < pieces:
        painter = Painter(vary(rng, _least_loop(scene.view)), scene.view)
        for _frame in range(scene.frames_per_look):
            for sprite, looks in _one_frame(rng, painter, draw, spec, scene):
                found.append(looks)
                drawn.append(sprite)
        if on_progress is not None:
            on_progress(min(len(found), pieces), pieces)
    del found[pieces:], drawn[pieces:]
    truth = np.array([labels.index(one.label) for one in drawn], np.int64)
    names, objects = tuple(one.name for one in drawn), tuple(one.object_id for one in drawn)
    return CropSet(np.stack(found), truth, labels, names, objects)


class _Draw:
    """Draws a label, then one of its objects, then one of the object's sprites, each equally likely."""

    def __init__(self, sprites: Sequence[Sprite], labels: Sequence[str]) -> None:
        self._tree: list[list[list[Sprite]]] = []
        for label in labels:
            objects: dict[str, list[Sprite]] = {}
            for one in sprites:
                if one.label == label:
                    objects.setdefault(one.object_id, []).append(one)
            if not objects:
                raise TrainingRefused(f"The sprite atlas holds no {label} for this split; render it again.")
            self._tree.append(list(objects.values()))

    def one(self, rng: np.random.Generator) -> Sprite:
        objects = self._tree[int(rng.integers(len(self._tree)))]
        poses = objects[int(rng.integers(len(objects)))]
        return poses[int(rng.integers(len(poses)))]


def objects_per_label(sprites: Sequence[Sprite]) -> Counter[str]:
    """Number of different objects of every label."""
    return Counter(label for label, _object in {(one.label, one.object_id) for one in sprites})


def _one_frame(
    rng: np.random.Generator, painter: Painter, draw: _Draw, spec: CropSpec, scene: Scene
) -> list[tuple[Sprite, NDArray[np.uint8]]]:
    placed = _placed(rng, draw, scene)
    stamps = [painter.stamp(one) for _sprite, one in placed]
    picture = np.empty(scene.view.shape, np.uint8)
    kept: dict[int, list[NDArray[np.uint8]]] = {}
    for look in range(scene.looks):
        belt_mm = (look - (scene.looks - 1) / 2) * scene.travel_mm
        painter.paint(picture, belt_mm, stamps)
        seen, _owners = painter.truth(belt_mm, stamps)
        for one in seen:
            if one.visible >= scene.least_visible and one.whole:
                box = _shaken(rng, one, scene)
                kept.setdefault(one.number, []).append(crop(picture, box, spec, scene.view.mm_per_px))
    return [(placed[n][0], np.stack(looks)) for n, looks in kept.items() if len(looks) == scene.looks]


def _placed(rng: np.random.Generator, draw: _Draw, scene: Scene) -> list[tuple[Sprite, PlacedSprite]]:
    """One piece in some of the cells of a grid, off its middle, so that neighbours now and then touch or overlap."""
    cell_x = scene.view.width_px * scene.view.mm_per_px / scene.columns
    cell_y = scene.view.height_px * scene.view.mm_per_px / scene.rows
    share = float(rng.uniform(0.35, 0.9))
    placed = []
    for column in range(scene.columns):
        for row in range(scene.rows):
            if rng.random() > share:
                continue
            across, down = (column + rng.uniform(0.2, 0.8)) * cell_x, (row + rng.uniform(0.2, 0.8)) * cell_y
            placed.append(_piece(rng, draw.one(rng), float(across), float(-down), scene))
    order = rng.permutation(len(placed))
    return [placed[n] for n in order]


def _piece(
    rng: np.random.Generator, sprite: Sprite, across_mm: float, at_mm: float, scene: Scene
) -> tuple[Sprite, PlacedSprite]:
    size = float(np.exp(rng.normal(0, scene.size_spread)))
    gain = float(np.exp(rng.normal(0, scene.gain_spread)))
    image = _recoloured(rng, sprite, scene.recoloured)
    scaled = replace(sprite, mm_per_px=sprite.mm_per_px * size, image=_stretched(rng, image, scene.stretch_spread))
    turned = 90 + 180 * int(rng.integers(2)) + float(rng.uniform(-1, 1)) * scene.turn_deg
    return sprite, PlacedSprite(scaled, at_mm, across_mm, turned, bool(rng.random() < 0.5), gain)


def _recoloured(rng: np.random.Generator, sprite: Sprite, share: float) -> NDArray[np.uint8]:
    if sprite.label not in RECOLOURED or rng.random() >= share:
        return sprite.image
    tones = cv2.cvtColor(sprite.image[..., :3], cv2.COLOR_BGR2HSV)
    tones[..., 0] = (tones[..., 0] + int(rng.integers(180))) % 180
    return np.dstack([cv2.cvtColor(tones, cv2.COLOR_HSV2BGR), sprite.image[..., 3]]).astype(np.uint8)


def _stretched(rng: np.random.Generator, image: NDArray[np.uint8], spread: float) -> NDArray[np.uint8]:
    if not spread:
        return image
    wider = float(np.exp(rng.normal(0, spread)))
    size = (max(2, round(image.shape[1] * wider)), max(2, round(image.shape[0] / wider)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _shaken(rng: np.random.Generator, seen: Seen, scene: Scene) -> Box:
    """The box as a finder would report it: edges a little off, now and then with some shadow."""
    left, top, right, bottom = (
        rng.normal(0, scene.box_shake_px, 4) + (rng.random(4) < 0.1) * rng.uniform(0, 1, 4) * scene.box_shadow_px
    )
    box = seen.box
    x, y = round(box.x - left), round(box.y - top)
    return Box(x, y, max(2, round(box.x + box.w + right) - x), max(2, round(box.y + box.h + bottom) - y))


def _least_loop(view: View) -> float:
    return view.height_px * view.mm_per_px * 1.25
