"""A station with one recorded batch: copper, boards that are diverted, one missed, a lithium battery that stops it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from control.types import Decision, Outcome, Reason
from station.config import Config, load_config
from station.reporting.batches import Intake, close_batch, open_batch
from station.reporting.hazards import PICTURES, picture_name
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import HandSample, Method
from station.store_rows import Run
from station.types import PieceRecord
from tests.station.pieces import closed_piece
from tests.station.reporting.yard import LINE_RUN, Yard

ROOT = Path(__file__).parents[3]
BATCH = "B-2027-01"
REAL_RUN: Run = replace(LINE_RUN, is_simulated=False)


def station(folder: Path) -> Config:
    """The built-in line with its records in a folder of its own."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "models").symlink_to(ROOT / "models")
    return load_config(folder / "configs" / "sim.yaml")


def data_of(folder: Path) -> Path:
    return folder / "data" / "sim"


def hazard(number: int, label: str, *, reason: Reason = Reason.rule, outcome: Outcome = Outcome.ejected) -> PieceRecord:
    """A hazardous piece; what is no hazard to the decision goes to quarantine."""
    outlet = None if reason is not Reason.rule else "quarantine"
    found = closed_piece(number, label, outcome, outlet)
    return replace(found, decision=Decision(number, label, 0.9, outlet, reason), reason=reason.value)


def record_batch(folder: Path, run: Run = REAL_RUN, weight_kg: float | None = 10.0) -> None:
    """Two intervals of the batch, one piece before it; 300 pieces of 32.1 g in all."""
    data = data_of(folder)
    data.mkdir(parents=True)
    with Yard(data, run) as yard:
        yard.see(1)
        intake = Intake("Manila <port>", "SUP-9", "mixed copper", weight_kg, 0.2, id=BATCH)
        yard.store.change(lambda connection: open_batch(connection, intake, "Lin", "2027-01-15T08:00:07.000Z"))
        yard.close()
        yard.see(180)
        yard.see(100, outlet=None)
        yard.close()
        yard.now_ns += 1_000_000_000
        found = [
            *(hazard(1000 + n, "PWB") for n in range(17)),
            hazard(1017, "PWB", outcome=Outcome.late),
            hazard(1018, "BAT-LI", reason=Reason.hazard, outcome=Outcome.passed),
            hazard(1019, "PWB", reason=Reason.unsure, outcome=Outcome.unsure),
        ]
        yard.store.append([replace(each, run=run.uuid, closed_ns=yard.now_ns) for each in found])
        yard.store.change(lambda connection: close_batch(connection, "Lin", "2027-01-15T08:00:20.000Z"))
        yard.close()
    keep_picture(data, run.uuid, 1018)


def keep_picture(data: Path, run: str, piece: int) -> Path:
    """As the keeper of crops leaves it."""
    folder = data / PICTURES
    folder.mkdir(exist_ok=True)
    picture = np.full((48, 48, 3), (30, 120, 200), np.uint8)
    path = folder / picture_name(run, piece)
    assert cv2.imwrite(str(path), picture)
    return path


def take_sample(folder: Path, pieces: dict[str, int], outlet: str = "copper", *, is_simulated: bool = False) -> None:
    """What a person looked at in a bin of the batch."""
    sample = HandSample(0, BATCH, outlet, "2027-01-15T09:00:00+00:00", "Mei", Method.xrf, pieces, is_simulated)
    YardBook(data_of(folder) / BOOK).add_sample(sample)
