"""Making an atlas: which views are rendered of which pieces, by several processes, resumable."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from hil.sprites.atlas import INDEX, VERSION, Index, Split, SpriteRow
from hil.sprites.extra import needed
from hil.sprites.geometry import FORMS, generator
from hil.sprites.packing import Image, packed
from hil.sprites.render import MM_PER_PX, SPP, Shot, View, render_sprite, renderer_name

HELD_OUT_LIGHT = "slanted"
SECOND_LIGHTS = ("low", "dome", "bars")
LESSON_LIGHTS = ("bars", "low", "bars", "dome")
VAL_SHARE = TEST_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Order:
    """One sprite to be made, and the split its piece belongs to."""

    view: View
    split: Split

    @property
    def object_id(self) -> str:
        """Return the name of the piece."""
        return f"{self.view.form}-{self.view.number:02d}"

    @property
    def name(self) -> str:
        """Return the name of the sprite."""
        return f"{self.object_id}-{self.view.view}-{self.view.light}"


def splits(form: str, count: int, seed: int) -> list[Split]:
    """Return the split of each of a form's pieces: at least one each of val and test from three pieces on."""
    val, test = (max(1, round(share * count)) for share in (VAL_SHARE, TEST_SHARE))
    drawn: list[Split] = ["train"] * count
    for place, number in enumerate(generator(seed, form, "split").permutation(count)):
        if place < val + test:
            drawn[int(number)] = "val" if place < val else "test"
    return drawn


def orders(objects_per_form: int, seed: int, forms: Sequence[str] = tuple(FORMS)) -> list[Order]:
    """Return all sprites of an atlas: two views a piece, and one more in the held-out light for test pieces.

    Each form has its share of objects_per_form pieces.
    """
    found = []
    for form in forms:
        count = max(1, round(FORMS[form].share * objects_per_form))
        for number, split in enumerate(splits(form, count, seed)):
            found.append(Order(View(form, number, 0, "bars"), split))
            found.append(Order(View(form, number, 1, SECOND_LIGHTS[number % len(SECOND_LIGHTS)]), split))
            if split == "test":
                found.append(Order(View(form, number, 2, HELD_OUT_LIGHT), split))
    return found


def further_orders(after: int, objects_per_form: int, seed: int, forms: Sequence[str] = tuple(FORMS)) -> list[Order]:
    """Return all sprites of an atlas that goes on where one of `after` pieces per form ends: all for training.

    Many pieces teach more than many views, so each is seen once, under one of the lights that may be learnt from.
    """
    found = []
    for form in forms:
        share = FORMS[form].share
        for number in range(round(share * after), round(share * (after + objects_per_form))):
            found.append(Order(View(form, number, 0, LESSON_LIGHTS[number % len(LESSON_LIGHTS)]), "train"))
    return found


def _row(order: Order, shot: Shot) -> SpriteRow:
    view = order.view
    return SpriteRow(
        name=order.name, form=view.form, label=FORMS[view.form].label, object=order.object_id, light=view.light,
        split=order.split, yaw_deg=round(shot.yaw_deg, 1), height_mm=round(shot.height_mm, 1),
        mass_g=round(shot.mass_g, 2), sheet="", box=[],
    )  # fmt: skip


def _make(order: Order, seed: int, folder: Path) -> None:
    """Render one sprite into the work folder: picture first, then its row, so that a row is proof of both."""
    shot = render_sprite(order.view, seed)
    written, data = cv2.imencode(".png", shot.image)
    if not written:
        raise OSError("OpenCV could not write PNG")
    (folder / f"{order.name}.png").write_bytes(data.tobytes())
    draft = folder / f"{order.name}.part"
    draft.write_text(json.dumps(_row(order, shot)), encoding="utf-8")
    draft.rename(folder / f"{order.name}.json")


def _one_thread() -> None:
    """Keep a worker to one thread and behind everything else on the machine."""
    os.nice(5)
    cv2.setNumThreads(1)
    needed("drjit").set_thread_count(1)


def render_atlas(
    out: Path,
    objects_per_form: int,
    *,
    seed: int,
    workers: int,
    resume: bool,
    progress: Callable[[int, int], None],
    forms: Sequence[str] = tuple(FORMS),
    after: int = 0,
) -> None:
    """Render an atlas of some or all forms into a folder; the same seed gives the same pieces.

    With `after` it holds `further_orders`. Finished sprites wait in `out`/work until all are there; `resume` keeps
    those of an earlier run that was stopped. `progress` is told how many of how many sprites are done; what it raises
    stops the work. Raises RendererMissingError where Mitsuba is not installed.
    """
    renderer = renderer_name()
    folder = out / "work"
    if folder.exists() and not resume:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = further_orders(after, objects_per_form, seed, forms) if after else orders(objects_per_form, seed, forms)
    _make_missing(wanted, seed, workers, folder, progress)
    rows = write_sheets(out, wanted, folder)
    index = Index(
        version=VERSION, licence="Apache-2.0, the project's own work", renderer=renderer, seed=seed, spp=SPP,
        mm_per_px=MM_PER_PX, objects_per_form=objects_per_form, counts=_counts(rows), sprites=rows,
    )  # fmt: skip
    (out / INDEX).write_text(_lines(index), encoding="utf-8")
    shutil.rmtree(folder)


def _make_missing(
    wanted: list[Order], seed: int, workers: int, folder: Path, progress: Callable[[int, int], None]
) -> None:
    """Render what the work folder lacks; when stopped, wait only for the sprites in hand."""
    missing = [order for order in wanted if not (folder / f"{order.name}.json").exists()]
    progress(len(wanted) - len(missing), len(wanted))
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _one_thread)
    try:
        running = [pool.submit(_make, order, seed, folder) for order in missing]
        for done, future in enumerate(as_completed(running), len(wanted) - len(missing) + 1):
            future.result()
            progress(done, len(wanted))
    finally:
        pool.shutdown(cancel_futures=True)


def write_sheets(out: Path, wanted: list[Order], folder: Path) -> list[SpriteRow]:
    """Pack the sprites of a work folder into sheets, one or more a form; return their rows."""
    rows: list[SpriteRow] = []
    for old in out.glob("*.webp"):
        old.unlink()
    for form in dict.fromkeys(order.view.form for order in wanted):
        mine = [order for order in wanted if order.view.form == form]
        files, places = packed([_picture(folder / f"{order.name}.png") for order in mine])
        names = [f"{form}-{number}.webp" for number in range(len(files))]
        for name, data in zip(names, files, strict=True):
            (out / name).write_bytes(data)
        for order, (sheet, box) in zip(mine, places, strict=True):
            row: SpriteRow = json.loads((folder / f"{order.name}.json").read_text("utf-8"))
            row["split"], row["sheet"], row["box"] = order.split, names[sheet], list(box)
            rows.append(row)
    return rows


def _picture(path: Path) -> Image:
    image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise OSError(f"{path}: damaged; render again without resuming")
    return image.astype(np.uint8, copy=False)


def _counts(rows: list[SpriteRow]) -> dict[str, dict[str, int]]:
    """Return the number of sprites by label and split."""
    tally = Counter((row["label"], row["split"]) for row in rows)
    labels = sorted({label for label, _ in tally})
    return {label: {split: tally[label, split] for split in ("train", "val", "test")} for label in labels}


def _lines(index: Index) -> str:
    """Return the index as JSON with one sprite a line, so that changes can be read."""
    head = json.dumps({key: value for key, value in index.items() if key != "sprites"}, indent=1)[:-2]
    body = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in index["sprites"])
    return f'{head},\n "sprites": [\n{body}\n ]\n}}\n'
