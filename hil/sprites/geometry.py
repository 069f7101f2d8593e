"""The forms of scrap: for each word of the yard a seeded builder of pieces and the codebook class it belongs to."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hil.sprites import electronics, solids, strands
from hil.sprites.body import Body, Part
from hil.sprites.mesh import merge, volume_mm3
from hil.sprites.sheets import bend, shred

Rng = np.random.Generator
Builder = Callable[[Rng, float], Body]

SMALLEST_MM, LARGEST_MM = 15.0, 120.0


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of piece: its codebook class, median and spread of its length, and how many pieces of it an atlas holds,
    relative to the others: more of what is sorted out and of what is mistaken for it."""

    label: str
    build: Builder
    median_mm: float
    spread: float = 0.4
    share: float = 0.7


def _sheet(substance: str, finish: str, density: float, gauge_mm: tuple[float, float], violence: float) -> Builder:
    def build(rng: Rng, length_mm: float) -> Body:
        thickness = min(float(np.exp(rng.uniform(*np.log(gauge_mm)))), length_mm / 14)
        wild = float(np.clip(violence + rng.normal(0, 0.25), 0.05, 1.0)) * min(1.0, 1.6 / (0.6 + thickness))
        mesh = shred(rng, length_mm, rng.uniform(0.2, 0.9), thickness, violence=wild, ragged=rng.uniform(0.4, 1.4))
        return Body((Part(mesh, substance, finish, density),))

    return build


def _wire(rng: Rng, length_mm: float) -> Body:
    mesh = strands.wire(rng, length_mm, float(np.exp(rng.uniform(np.log(0.6), np.log(2.0)))))
    return Body((Part(mesh, "copper", "copper", 8.96),))


def _tube(substance: str, finish: str, density: float) -> Builder:
    def build(rng: Rng, length_mm: float) -> Body:
        radius = float(np.clip(length_mm * rng.uniform(0.1, 0.24), 3.0, 14.0))
        mesh = strands.tube(rng, length_mm, radius, float(rng.uniform(0.8, 1.6)))
        return Body((Part(mesh, substance, finish, density),))

    return build


def _profile(rng: Rng, length_mm: float) -> Body:
    """Return extruded aluminium: rectangular tube, or a flat bar and an angle out of stout sheet."""
    if rng.random() < 0.55:
        width = length_mm * rng.uniform(0.25, 0.6)
        mesh = strands.hollow(rng, length_mm, width, width * rng.uniform(0.35, 1.0), float(rng.uniform(1.2, 2.2)))
    else:
        mesh = shred(rng, length_mm, rng.uniform(0.2, 0.45), min(3.0, length_mm / 15), violence=0.12, ragged=0.25)
    return Body((Part(mesh, "aluminium", "profile", 2.7),))


def _cast(substance: str, finish: str, density: float, wall_share: float) -> Builder:
    def build(rng: Rng, length_mm: float) -> Body:
        mesh = solids.casting(rng, length_mm, float(np.clip(length_mm * wall_share, 2.0, 6.0)))
        return Body((Part(mesh, substance, finish, density),))

    return build


def _brass_casting(rng: Rng, length_mm: float) -> Body:
    return Body((Part(solids.fitting(rng, length_mm), "brass", "brass", 8.5),))


def _can(rng: Rng, length_mm: float) -> Body:
    """Return a whole crushed can of 14 g, or a torn piece of one where the length asked for is small."""
    if length_mm < 55:
        mesh = shred(rng, length_mm, rng.uniform(0.5, 0.95), 0.35, violence=0.9, ragged=0.9)
        return Body((Part(mesh, "aluminium", "print", 1.0),))
    mesh = strands.can(rng, rng.uniform(0.25, 0.85))
    return Body((Part(mesh, "aluminium", "print", 14_000 / abs(volume_mm3(mesh))),))


def _cable(rng: Rng, length_mm: float) -> Body:
    radius = float(np.exp(rng.uniform(np.log(1.1), np.log(4.5))))
    skins, cores = strands.cable(rng, length_mm, min(radius, length_mm / 9))
    return Body((Part(merge(skins), "plastic", "insulation", 4.0), Part(merge(cores), "copper", "strands", 8.96)))


def _plastic(rng: Rng, length_mm: float) -> Body:
    wild, thickness = rng.uniform(0.05, 0.6), rng.uniform(1.5, 3.0)
    mesh = shred(rng, length_mm, rng.uniform(0.35, 0.95), thickness, violence=wild, ragged=0.5)
    return Body((Part(mesh, "plastic", "plastic", 1.05),))


def _paper(rng: Rng, length_mm: float) -> Body:
    mesh = shred(rng, length_mm, rng.uniform(0.4, 0.95), 0.35, violence=rng.uniform(0.4, 1.0), ragged=1.0)
    return Body((Part(mesh, "matte", "paper", 0.7),))


def _glass(rng: Rng, length_mm: float) -> Body:
    """Return a shard of bottle or window: smooth, sharp-cornered, perhaps curved."""
    mesh = shred(rng, length_mm, rng.uniform(0.4, 0.9), rng.uniform(2.5, 4.5), violence=0.0, ragged=0.12)
    if rng.random() < 0.6:
        radius = rng.uniform(28, 45)
        turn = float(rng.uniform(0.5, 1.0) * length_mm / radius)
        start = np.array([-length_mm / 2, 0.0])
        mesh = mesh.moved(bend(mesh.vertices, start, 0.0, turn, radius))
    return Body((Part(mesh, "glass", "glass", 2.5),))


def _stone(rng: Rng, length_mm: float) -> Body:
    return Body((Part(solids.stone(rng, length_mm), "matte", "stone", 2.5),))


def _wood(rng: Rng, length_mm: float) -> Body:
    return Body((Part(solids.splinter(rng, length_mm), "matte", "wood", 0.6),))


FORMS: dict[str, Form] = {
    "copper-shred": Form("CU-NO2", _sheet("copper", "copper", 8.96, (0.5, 2.5), 0.85), 45, share=2),
    "copper-wire": Form("CU-NO2", _wire, 55, share=2),
    "copper-tube": Form("CU-NO2", _tube("copper", "copper", 8.96), 50, share=2),
    "brass-shred": Form("BRASS-YEL", _sheet("brass", "brass", 8.5, (0.6, 2.5), 0.75), 40, share=2),
    "brass-casting": Form("BRASS-YEL", _brass_casting, 40, 0.3, share=2),
    "aluminium-shred": Form("AL-WROUGHT", _sheet("aluminium", "aluminium", 2.7, (0.7, 3.0), 0.9), 55, share=2),
    "aluminium-profile": Form("AL-WROUGHT", _profile, 60, share=2),
    "aluminium-casting": Form("AL-CAST", _cast("aluminium", "cast-aluminium", 2.7, 0.075), 50, share=2),
    "can": Form("AL-UBC", _can, 65, 0.4, share=2),
    "stainless-shred": Form("SS-304", _sheet("stainless", "stainless", 7.9, (0.5, 2.0), 0.7), 50, share=2),
    "stainless-tube": Form("SS-304", _tube("stainless", "stainless", 7.9), 55, share=2),
    "steel-shred": Form("FE-SHRED", _sheet("iron", "steel", 7.85, (0.6, 3.0), 0.8), 60, share=2),
    "steel-rusty": Form("FE-SHRED", _sheet("iron", "rusty", 7.85, (0.8, 4.0), 0.7), 55, share=2),
    "zinc-casting": Form("ZN-DIE", _cast("zinc", "zinc", 6.7, 0.055), 42, 0.3, share=2),
    "cable": Form("CABLE-CU", _cable, 65, share=2),
    "board": Form("PWB", electronics.board, 60, 0.35, share=2),
    "cell": Form("BAT-OTHER", electronics.cell, 48, 0.12, share=2),
    "pouch": Form("BAT-LI", electronics.pouch, 62, 0.25, share=2),
    "plastic": Form("RES-LIGHT", _plastic, 50, share=3),
    "paper": Form("RES-LIGHT", _paper, 50, share=3),
    "stone": Form("RES-MIN", _stone, 32, share=2),
    "wood": Form("RES-MIN", _wood, 55, share=2),
    "glass": Form("RES-MIN", _glass, 35, 0.3, share=2),
}


def generator(seed: int, *words: str | int) -> Rng:
    """Return a random generator that depends on the seed and the words alone, not on the order of work."""
    return np.random.default_rng([seed, *(zlib.crc32(str(word).encode()) for word in words)])


def build(form: str, number: int, seed: int) -> Body:
    """Return piece `number` of a form, 15 to 120 mm long, in any orientation; the same numbers give the same mesh."""
    rng = generator(seed, form, number, "shape")
    kind = FORMS[form]
    asked = float(np.clip(kind.median_mm * np.exp(rng.normal(0, kind.spread)), 18.0, 108.0))
    body = kind.build(rng, asked)
    longest = body.longest_mm()
    return body.scaled(float(np.clip(longest, SMALLEST_MM, LARGEST_MM)) / longest)
