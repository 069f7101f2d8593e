"""Closed pieces to store in tests."""

from __future__ import annotations

from control.types import Decision, Ejection, Outcome, Reason, ShotReport, ShotResult
from station.store_rows import Run
from station.types import PieceRecord
from vision.types import Evidence, Piece

RUN = Run(
    uuid="run-1",
    station="Yard 7",
    started_ns=5_000_000_000,
    utc_offset_ns=1_800_000_000_000_000_000,
    is_simulated=True,
    software="0.1.0",
    config_sha256="c" * 64,
    model_sha256="a" * 64,
    labels=("CU-NO2", "AL-CAST"),
)


def closed_piece(
    piece_id: int,
    label: str = "CU-NO2",
    outcome: Outcome = Outcome.ejected,
    outlet: str | None = "copper",
    mass_g: float | None = 32.1,
) -> PieceRecord:
    """One piece of ``RUN``; it was shot at when it has an outlet."""
    piece = Piece(piece_id, 1000 + piece_id, 400.0, 380.0, 420.0, 50.0, 1800.0, False, 12, Evidence(2, (-0.1, -2.3)))
    shot = outlet is not None
    return PieceRecord(
        run=RUN.uuid,
        piece=piece,
        scores=(0.9, 0.1),
        decision=Decision(piece_id, label, 0.9, outlet, Reason.rule if shot else Reason.rest),
        ejection=Ejection(piece_id, 1 << 70, 11_000, 11_500) if shot else None,
        slack_ms=120.5 if shot else None,
        report=ShotReport(piece_id, ShotResult.fired, 11_001) if shot else None,
        outcome=outcome,
        reason="fired",
        degraded=False,
        recipe="copper first",
        model="scrapnet-1",
        closed_ns=6_000_000_000,
        mass_g=mass_g,
        mass_sd_g=None if mass_g is None else mass_g / 2,
    )
