"""What the card says in sentences: unknown pieces, hazards and false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from station.training import metrics
from station.training.calibration import combined
from station.training.evaluate import UNKNOWN
from station.training.photos import Cutout
from station.training.rollup import RollUp, roll_up

Logs = NDArray[np.float32]
HAZARD = "BAT-LI"
EJECTS = 0.6
_LIMITS = (0.5, 0.8, 0.95)
_COVERED, _RED = 200, -0.2


def family_rollup(cutouts: Sequence[Cutout], labels: Sequence[str], families: Mapping[str, str]) -> RollUp:
    """Model labels summed up to the families that the cut-outs show."""
    return roll_up(labels, sorted({one.family for one in cutouts if one.family != UNKNOWN}), families)


def unknown_note(
    photos: Logs, strange: Logs, cutouts: Sequence[Cutout], labels: Sequence[str], families: Mapping[str, str]
) -> str:
    """How well what is no class comes out unsure, by the surest family of single looks."""
    rollup = family_rollup(cutouts, labels, families)
    is_strange = np.array([one.family == UNKNOWN for one in cutouts])
    surest = rollup.rolled(np.exp(photos)).max(axis=1)
    invented = rollup.rolled(np.exp(strange)).max(axis=1)
    said = [
        f"{name} AUROC {metrics.auroc(surest[~is_strange], scores):.3f}, "
        f"{metrics.false_accept(surest[~is_strange], scores):.3f} accepted when 95 % of the known are"
        for name, scores in (("bimetal coins (never taught)", surest[is_strange]), ("invented things", invented))
        if len(scores)
    ]
    return f"Unknown pieces against validation photographs: {'; '.join(said)}."


def trap_note(photos: Logs, cutouts: Sequence[Cutout], labels: Sequence[str], families: Mapping[str, str]) -> str:
    """What became of steel and aluminium that look like copper or brass, at the confidence that ejects."""
    rollup = family_rollup(cutouts, labels, families)
    traps = np.array([looks_red(one) for one in cutouts])
    shares = rollup.rolled(np.exp(photos))[traps]
    truth = np.array([rollup.groups.index(one.family) for one in cutouts if looks_red(one)], np.int64)
    sure, right = shares.max(axis=1) >= EJECTS, shares.argmax(axis=1) == truth
    red = [n for n, name in enumerate(rollup.groups) if name.startswith("copper")]
    worst = (sure & np.isin(shares.argmax(axis=1), red)).sum()
    objects = len({one.object_id for one, is_trap in zip(cutouts, traps, strict=True) if is_trap})
    return (
        f"Traps, steel or aluminium as red as copper or brass ({len(truth)} validation crops of {objects} objects): "
        f"right {(sure & right).sum()}, unsure {(~sure).sum()}, wrong {(sure & ~right).sum()}, "
        f"of these {worst} as copper or brass (sure is {EJECTS} or more)."
    )


def looks_red(one: Cutout) -> bool:
    """True for a grey metal's photograph whose mean colour lies where copper and brass lie."""
    if one.family not in ("ferrous", "aluminium"):
        return False
    seen = one.image[..., :3][one.image[..., 3] > _COVERED]
    blue, green, red = seen.astype(np.float64).mean(axis=0) + 1 if len(seen) else (1.0, 1.0, 1.0)
    return bool(np.log(green / red) < _RED and np.log(blue / red) < _RED)


def hazard_note(
    looks: Mapping[str, Logs],
    truth: Mapping[str, NDArray[np.int64]],
    photos: Logs,
    labels: Sequence[str],
    correlation: float,
) -> tuple[str, ...]:
    """How often the hazard is called rightly and wrongly: rendered pieces after all looks, photographs at one look."""
    if HAZARD not in labels:
        return (f"{HAZARD} is not taught: no lithium battery is recognised.",)
    at = labels.index(HAZARD)
    said = []
    for name, scores in looks.items():
        stated = np.exp(combined(scores, correlation))[:, at]
        real = truth[name] == at
        said.append(f"{name}: {_alarms(stated[~real], 'false alarms')}; {_alarms(stated[real], 'found')}")
    alarms = _alarms(np.exp(photos)[:, at], "false alarms")
    return (f"{HAZARD} (rendered pouches only), {'; '.join(said)}; validation photographs: {alarms}.",)


def _alarms(stated: NDArray[np.floating], what: str) -> str:
    shares = []
    for limit in _LIMITS:
        count = int((stated >= limit).sum())
        _low, high = metrics.wilson(count, len(stated))
        shares.append(f"{count} of {len(stated)} (95 %: up to {high:.4f}) at {limit}")
    return f"{what} {', '.join(shares)}"
