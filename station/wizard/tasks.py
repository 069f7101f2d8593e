"""The measuring tasks, each a sequence of moments: what is looked at, what is asked of the machine, what is found.

Pure but for ``aside``: no device, no clock. The loop asks each for its next wish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from control.types import Interlocks, Job, MachineSample
from station.marked import marked
from station.wizard.moment import Moment, Steps, Wish, aside, must_answer, must_hold, until_held
from station.wizard.words import (
    BeltFollowed,
    BoardLaid,
    Fell,
    Fired,
    FiredEach,
    FireEach,
    FollowBelt,
    HeartMayStop,
    LightSeen,
    MeasureRefused,
    TickRead,
)
from vision.belt_motion import BlindBelt, follow_belt, still_part
from vision.board import BoardRefused, BoardSeen, find_board, mean_corners
from vision.flat_field import FlatFieldRefused, fit_flat_field
from vision.picture_meters import find_dirt, meters

_S = 1_000_000_000
_PICTURES = 24
_NTH_ROW = 8
_APART_NS = 55_000_000
_SPEEDING_UP_NS = 1_800_000_000
_SIGHTS, _TRIES = 4, 12
_AT_REST_NS = 400_000_000
_AT_REST_TICKS = 2
_FOLLOWED = 56
_SETTLED_NS = 80_000_000
_STEADY = 0.03
_STEADY_NS = 300_000_000
_PREVIEW_QUALITY = 80

HOLD = marked("Press and hold: the belt runs as long as you hold.")
KEEP_HOLDING = marked("Keep holding.")
WAIT = marked("Measuring; wait a moment.")
REST = marked("Waiting for the belt to stand still.")


def see_light() -> Steps[LightSeen]:
    """Pictures of many places of the empty, running belt."""
    moment = yield from until_held(HOLD)
    pictures: list[NDArray[np.uint8]] = []
    begun_ns = taken_ns = moment.now_ns
    while len(pictures) < _PICTURES:
        must_hold(moment)
        if moment.frame is not None and moment.now_ns - taken_ns >= _APART_NS:
            if moment.now_ns - begun_ns > _SPEEDING_UP_NS / 3:
                pictures.append(moment.frame.image.copy())
            taken_ns = moment.now_ns
        _refuse_endless(moment, begun_ns)
        moment = yield Wish(run=True, share=len(pictures) / _PICTURES, sentence=KEEP_HOLDING)
    return (yield from aside(lambda: _light_of(pictures), Wish(share=1.0, sentence=WAIT)))


def _light_of(pictures: Sequence[NDArray[np.uint8]]) -> LightSeen:
    try:
        field = fit_flat_field([picture[::_NTH_ROW] for picture in pictures])
    except FlatFieldRefused as refused:
        raise MeasureRefused(str(refused)) from refused
    lanes = field.brightness()
    return LightSeen(field.gains, min(lanes), max(lanes), find_dirt(pictures), meters(pictures[-1]))


def see_board() -> Steps[BoardLaid]:
    """Several sights of the board at rest, and the picture they were seen in."""
    moment = yield from at_rest()
    sights: list[BoardSeen] = []
    image: NDArray[np.uint8] | None = None
    for _ in range(_TRIES):
        while moment.frame is None:
            moment = yield Wish(share=len(sights) / _SIGHTS, sentence=WAIT)
        image = moment.frame.image.copy()
        seen = find_board(image)
        sights += [] if seen is None else [seen]
        if len(sights) == _SIGHTS:
            break
        moment = yield Wish(share=len(sights) / _SIGHTS, sentence=WAIT)
    if len(sights) < _SIGHTS or image is None:
        raise MeasureRefused(
            marked(
                "The board is not seen. Lay it flat and wholly into the picture, nothing on it, and light it evenly."
            )
        )
    try:
        return BoardLaid(mean_corners(sights), moment.belt.tick, _preview(image))
    except BoardRefused as refused:
        raise MeasureRefused(str(refused)) from refused


def _preview(image: NDArray[np.uint8]) -> bytes:
    _, jpeg = cv2.imencode(".jpg", image[::2, ::2], [cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY])
    return jpeg.tobytes()


def read_tick() -> Steps[TickRead]:
    moment = yield from at_rest()
    return TickRead(moment.belt.tick, moment.epoch)


def at_rest(patience_ns: int = 20 * _S) -> Steps[Moment]:
    """Wait until the belt has stood still for a moment."""
    moment = yield Wish(sentence=REST)
    begun_ns = since_ns = moment.now_ns
    tick = moment.belt.tick
    while not moment.samples or moment.now_ns - since_ns < _AT_REST_NS:
        if abs(moment.belt.tick - tick) > _AT_REST_TICKS:
            tick, since_ns = moment.belt.tick, moment.now_ns
        if moment.now_ns - begun_ns > _AT_REST_NS:
            must_answer(moment)
        if moment.now_ns - begun_ns > patience_ns:
            raise MeasureRefused(marked("The belt does not come to rest. Stop it first."))
        moment = yield Wish(sentence=REST)
    return moment


def follow(task: FollowBelt) -> Steps[BeltFollowed]:
    """The belt at an even speed, by pictures and by the encoder."""
    moment = yield from until_held(HOLD)
    moment = yield from steady_run(moment)
    pictures: list[NDArray[np.uint8]] = []
    stamps: list[int] = []
    ticks: list[int] = []
    while len(pictures) < _FOLLOWED:
        must_hold(moment)
        if moment.frame is not None and moment.tick is not None:
            pictures.append(moment.frame.image[::2, ::2].copy())
            stamps.append(moment.frame.captured_ns)
            ticks.append(moment.tick)
        moment = yield Wish(run=True, share=0.2 + 0.8 * len(pictures) / _FOLLOWED, sentence=KEEP_HOLDING)
    per_mm = moment.belt.ticks_per_mm
    return (
        yield from aside(
            lambda: compare_ways(pictures, stamps, ticks, task.mm_per_px * 2, per_mm), Wish(share=1.0, sentence=WAIT)
        )
    )


def steady_run(moment: Moment) -> Steps[Moment]:
    """Let the belt run up until its speed has stayed the same for a while; it goes on running."""
    begun_ns = since_ns = moment.now_ns
    speed = 0.0
    while speed <= 0 or moment.now_ns - since_ns < _STEADY_NS:
        must_hold(moment)
        now = moment.belt.speed_mm_s
        if abs(now - speed) > _STEADY * max(abs(now), 1.0):
            speed, since_ns = now, moment.now_ns
        _refuse_endless(moment, begun_ns)
        moment = yield Wish(run=True, share=0.1, sentence=KEEP_HOLDING)
    return moment


def _refuse_endless(moment: Moment, begun_ns: int) -> None:
    if moment.now_ns - begun_ns > 20 * _S:
        raise MeasureRefused(marked("The belt does not run evenly, or sends no pictures. Look at drive and camera."))


def compare_ways(
    pictures: Sequence[NDArray[np.uint8]],
    stamps: Sequence[int],
    ticks: Sequence[int],
    mm_per_px: float,
    ticks_per_mm: float,
) -> BeltFollowed:
    """The same way by pictures of ``mm_per_px`` and by the encoder; raises MeasureRefused when the belt is not seen."""
    try:
        path = follow_belt(pictures, stamps, still_part(pictures[:: max(1, len(pictures) // 8)]))
    except BlindBelt as blind:
        raise MeasureRefused(str(blind)) from blind
    seen_mm = np.array(path.travelled_px) * abs(mm_per_px)
    told_mm = np.abs(np.array(ticks) - ticks[0]) / ticks_per_mm
    seconds = (np.array(stamps) - stamps[0]) / 1e9
    scale = float(told_mm @ seen_mm / max(1e-9, seen_mm @ seen_mm))
    off = told_mm - seen_mm * scale
    speeds = np.diff(told_mm) / np.maximum(np.diff(seconds), 1e-6)
    return BeltFollowed(
        seconds=float(seconds[-1]),
        encoder_mm=float(told_mm[-1]),
        picture_mm=float(told_mm[-1] / scale) if scale else 0.0,
        residual_mm=float(np.sqrt(np.mean((off - off.mean()) ** 2))),
        slowest_mm_s=float(np.quantile(speeds, 0.05)),
        fastest_mm_s=float(np.quantile(speeds, 0.95)),
        quality=path.quality,
        off_mm=tuple(round(float(value), 3) for value in off - off.mean()),
    )


def fire_each(task: FireEach, longest_counts: int, numbers: Iterator[int]) -> Steps[FiredEach]:
    """One output after the other at a standing belt: armed, opened, and disarmed again when its time is over."""
    moment = yield from at_rest()
    shots: list[Fired] = []
    for n, output in enumerate(task.outputs):
        _refuse_unsafe(moment.samples[-1].interlocks)
        shot, moment = yield from _fire(output, task.ms, longest_counts, next(numbers), n / len(task.outputs))
        shots.append(shot)
    return FiredEach(tuple(shots))


def _fire(output: int, ms: float, longest_counts: int, job_id: int, share: float) -> Steps[tuple[Fired, Moment]]:
    wish = Wish(armed=True, share=share, sentence=WAIT)
    moment = yield from _armed(wish)
    before = moment.samples[-1]
    job = Job(job_id, before.encoder_count, longest_counts, 1 << output, 0, 0)
    moment = yield wish._replace(jobs=(job,))
    begun_ns = moment.now_ns
    shot = Fired(output, "", None, None)
    while not (shot.result and moment.samples and moment.now_ns - begun_ns > ms * 1e6 + _SETTLED_NS):
        for sample in moment.samples:
            shot = _seen_of(shot, job_id, before, sample)
        if moment.now_ns - begun_ns > 2 * _S:
            raise MeasureRefused(marked("The controller has not said what became of the shot. Look at its display."))
        moment = yield wish._replace(armed=moment.now_ns - begun_ns < ms * 1e6)
    return shot, moment


def _seen_of(shot: Fired, job_id: int, before: MachineSample, sample: MachineSample) -> Fired:
    """What this sample says of the shot, beside what is known of it."""
    result = next((told.result.value for told in sample.reports if told.job_id == job_id), shot.result)
    was_on, felt = shot.was_on, shot.felt
    if sample.outputs is not None:
        was_on = bool(was_on) or bool(sample.outputs >> shot.output & 1)
    if sample.felt is not None and before.felt is not None:
        felt = bool(felt) or bool((sample.felt ^ before.felt) >> shot.output & 1)
    return Fired(shot.output, result, was_on, felt)


def _armed(wish: Wish) -> Steps[Moment]:
    """Ask until the controller has granted it."""
    moment = yield wish
    begun_ns = moment.now_ns
    while not (moment.samples and moment.samples[-1].armed and moment.samples[-1].running >= wish.run):
        must_answer(moment)
        if moment.now_ns - begun_ns > 2 * _S:
            raise MeasureRefused(
                marked("The controller does not let jobs fire. Put it into automatic and look at its display.")
            )
        moment = yield wish
    return moment


def _refuse_unsafe(interlocks: Interlocks) -> None:
    for is_ok, sentence in (
        (interlocks.estop_ok, marked("The emergency stop is pressed. Release it first.")),
        (interlocks.guard_closed, marked("A guard is open. Close the guard first.")),
        (interlocks.air_ok, marked("There is no air pressure. Switch the air on first.")),
    ):
        if not is_ok:
            raise MeasureRefused(sentence)


def watch_fall(silence_ms: float) -> Steps[Fell]:
    """Run and be armed, let the heart be stopped, and see what the controller has done by itself meanwhile."""
    moment = yield from at_rest()
    _refuse_unsafe(moment.samples[-1].interlocks)
    moment = yield from until_held(HOLD)
    wish = Wish(run=True, armed=True, share=0.3, sentence=KEEP_HOLDING)
    moment = yield from _armed(wish)
    begun_ns, last_ns = moment.now_ns, moment.samples[-1].taken_ns
    moment = yield wish._replace(note=HeartMayStop(), share=0.6)
    while not moment.samples or (gap_ms := _gap_ms(moment.samples, last_ns)) < silence_ms * 0.7:
        last_ns = moment.samples[-1].taken_ns if moment.samples else last_ns
        if moment.now_ns - begun_ns > 4 * _S:
            raise MeasureRefused(marked("The heartbeat was not interrupted; try again."))
        moment = yield wish._replace(share=0.6)
    after = next(sample for sample in moment.samples if sample.taken_ns - last_ns >= silence_ms * 0.7e6)
    return Fell(gap_ms, after.running, after.armed, after.outputs)


def _gap_ms(samples: tuple[MachineSample, ...], last_ns: int) -> float:
    """The longest silence before one of these samples."""
    times = [last_ns, *(sample.taken_ns for sample in samples)]
    return max(after - before for before, after in pairwise(times)) / 1e6
