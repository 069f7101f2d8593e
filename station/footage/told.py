"""What is in a recording, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from control.types import MachineSample
from station.footage.bring_in import rate_of
from station.recording.reader import Recording
from vision.labels import labels_beside, read_labels

_GAP = 2.5


def told_recording(recording: Recording) -> Iterator[str]:
    """What there is to say about it, line by line."""
    about, settings = recording.about, recording.settings()
    where = "simulated" if about.is_simulated else "real"
    yield f"{recording.path}: station {about.station}, {where}, made by version {about.software}"
    stamps: list[int] = []
    ticks: list[int] = []
    frames: list[int] = []
    outcomes: Counter[str] = Counter()
    for step in recording.steps():
        if any(isinstance(item, MachineSample) for item in step.inputs.machine):
            stamps.append(step.inputs.now_ns)
            ticks.append(step.outputs.status.tick)
        if step.inputs.frame is not None:
            frames.append(step.inputs.frame.captured_ns)
        outcomes.update(record.outcome.value for record in step.outputs.records)
    yield from _told_frames(frames, sum(1 for _ in recording.frames()))
    yield from _told_belt(stamps, ticks, settings.ticks_per_mm)
    ends = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    yield f"pieces: {sum(outcomes.values())} closed while it ran: {ends or 'none'}"
    path = labels_beside(recording.path)
    yield f"labels: {len(read_labels(path))} pieces in {path.name}" if path.is_file() else "labels: none"


def _told_frames(frames: list[int], kept: int) -> Iterator[str]:
    seconds = (frames[-1] - frames[0]) / 1e9 if frames else 0.0
    yield f"frames: {len(frames)} seen in {seconds:.2f} s, {kept} of them kept as pictures"
    growing = sorted(set(frames))
    if len(growing) < 2:
        return
    median, _least, _most = rate_of(growing)
    gaps = [after - before for before, after in pairwise(growing) if after - before > _GAP * 1e9 / median]
    worst = f", {len(gaps)} gaps, the longest {max(gaps) / 1e6:.0f} ms" if gaps else ", no gaps"
    yield f"rate: {median:.2f} frames per second{worst}"


def _told_belt(stamps: list[int], ticks: list[int], ticks_per_mm: float) -> Iterator[str]:
    if len(stamps) < 2 or stamps[-1] == stamps[0]:
        yield "belt: no readings"
        return
    travelled = (ticks[-1] - ticks[0]) / ticks_per_mm
    yield f"belt: {travelled / 1000:.2f} m, {travelled * 1e9 / (stamps[-1] - stamps[0]):.1f} mm/s in the mean"
