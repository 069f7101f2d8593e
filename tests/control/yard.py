"""Small things the control tests are made of: samples, pieces, jobs."""

from __future__ import annotations

from control.types import Interlocks, Job, MachineSample, ShotReport
from vision.types import Evidence, Piece

MS = 1_000_000
ALL_SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)


def make_sample(
    count: int, taken_ns: int, interlocks: Interlocks = ALL_SAFE, reports: tuple[ShotReport, ...] = ()
) -> MachineSample:
    return MachineSample(count, taken_ns, interlocks, running=True, armed=True, reports=reports)


def make_piece(
    *,
    at: int = 0,
    across_mm: float = 400.0,
    width_mm: float = 30.0,
    length_mm: float = 40.0,
    looks: int = 3,
    touching: bool = False,
) -> Piece:
    return Piece(
        id=7,
        at=at,
        across_mm=across_mm,
        left_mm=across_mm - width_mm / 2,
        right_mm=across_mm + width_mm / 2,
        length_mm=length_mm,
        area_mm2=width_mm * length_mm,
        touching=touching,
        sightings=3,
        evidence=Evidence(looks, ()),
    )


def make_job(
    job_id: int, *, open_count: int = 1000, length: int = 100, outputs: int = 1, class_code: int = 3, flags: int = 0
) -> Job:
    return Job(job_id, open_count, length, outputs, class_code, flags)
