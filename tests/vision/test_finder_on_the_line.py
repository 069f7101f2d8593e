"""The finder on the worn belt of the simulated line, with sprites of scrap that hardly differ from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.look import Look, View
from hil.picture import Painter
from hil.sprites.atlas import Sprite, load_atlas
from hil.stamp import PlacedSprite, Stamp
from vision.finder import Finder, FinderSettings
from vision.types import Blob, Box

VIEW = View()


def placed(sprites: list[Sprite]) -> list[PlacedSprite]:
    """Six pieces in a row across the belt, three rows of them, none near another."""
    places = [(-120.0 - 200 * row, 130.0 + 108 * column) for row in range(3) for column in range(6)]
    return [
        PlacedSprite(sprite, at, across, 90, flip=False, gain=1.0)
        for sprite, (at, across) in zip(sprites, places, strict=True)
    ]


def picture(painter: Painter, belt_mm: float, stamps: list[Stamp]) -> NDArray[np.uint8]:
    into = np.empty(VIEW.shape, np.uint8)
    painter.paint(into, belt_mm, stamps)
    return into


def trained(painter: Painter) -> Finder:
    finder = Finder(FinderSettings())
    for step in range(40):
        finder.learn(picture(painter, 400.0 * step, []))
    return finder


def holds(blob: Blob, box: Box) -> bool:
    x, y = blob.box.x + blob.box.w / 2, blob.box.y + blob.box.h / 2
    return box.x <= x <= box.x + box.w and box.y <= y <= box.y + box.h


def test_steel_and_stone_hardly_unlike_the_worn_belt_are_each_found_once_and_nothing_else() -> None:
    painter = Painter(Look(seed=11, belt="worn"), VIEW)
    finder = trained(painter)
    forms = ("steel-shred", "stone", "copper-wire")
    sprites = [s for form in forms for s in [s for s in load_atlas().sprites if s.form == form][:6]]
    stamps = [painter.stamp(one) for one in placed(sprites)]
    seen, _ = painter.truth(0.0, stamps)
    blobs = finder.find(picture(painter, 0.0, stamps))
    found = [sum(holds(blob, one.box) for blob in blobs) for one in seen]
    assert len(seen) == 18
    assert max(found) == 1
    assert sum(found) >= 16
    assert len(blobs) == sum(found)


def test_the_worn_belt_with_its_scratches_and_splice_holds_nothing() -> None:
    painter = Painter(Look(seed=11, belt="worn"), VIEW)
    finder = trained(painter)
    assert [len(finder.find(picture(painter, 150.0 + 370.0 * step, []))) for step in range(8)] == [0] * 8
