"""From a planned station to what the measuring process is given."""

from __future__ import annotations

from station import setup
from station.plan import Plan
from station.wiring import CameraChoice, RingCameraChoice
from station.wizard.pieces import PieceRules
from station.wizard.process import MeasuringSetup

_BEYOND_MM = 350.0


def measuring_setup(plan: Plan, camera: CameraChoice, view: RingCameraChoice, newest_piece: int) -> MeasuringSetup:
    """What it gets; it sees and measures with what counts now."""
    config = plan.config
    calibration, sorting = config.calibration, config.file.sorting
    limits = setup.guard_limits(config)
    close_mm = max(calibration.distance_mm.values(), default=sorting.close_mm) + _BEYOND_MM
    return MeasuringSetup(
        camera=camera,
        view=view,
        period_ms=1000 / setup.frames_per_s(config),
        ticks_per_mm=calibration.ticks_per_mm,
        counter_bits=calibration.counter_bits,
        max_speed_mm_s=sorting.max_speed_mm_s,
        longest_counts=min(limits.max_length_counts, limits.max_open_counts),
        newest_piece=newest_piece,
        model=config.resolve(config.file.model),
        finder=setup.finder_settings(config),
        geometry=setup.geometry(config),
        mm_per_px=calibration.mm_per_px,
        flat_field=setup.flat_field(config),
        rules=PieceRules(plan.card.labels, plan.card.look_correlation, sorting.decision_mm, close_mm),
    )
