"""A what-if in words for the console and as plain values for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from station.types import PieceRecord
from station.whatif.score import OutletScore, Score, Share, fate
from station.whatif.trial import Moved, Trial

Plain = dict[str, object]
_MOST_MOVED = 20


def as_plain(trial: Trial, file: Path) -> Plain:
    """Everything, for JSON."""
    return {
        "file": file.name,
        "changes": [str(change) for change in trial.changes],
        "against": "labels" if trial.reference.is_truth else "recorded decisions",
        "labels_complete": trial.reference.complete if trial.reference.is_truth else None,
        "pieces": trial.pieces,
        "old": _score(trial.old),
        "new": _score(trial.new),
        "confusion": [
            {"old": old, "new": new, "pieces": count} for (old, new), count in trial.confusion.items()
        ],
        "changed": [_moved(moved) for moved in trial.moved],
        "unanswered_looks": trial.run.unanswered,
        "missing_steps": trial.run.missing,
        "recorded_s": round(trial.run.seconds, 3),
        "cpu_s": round(trial.cpu_s, 3),
        "times_real_time": round(trial.times_real_time, 1),
    }  # fmt: skip


def _score(score: Score) -> Plain:
    return {
        "outlets": {name: _outlet(outlet) for name, outlet in score.outlets.items()},
        "missed": dict(score.missed),
        "late": score.late,
        "ejected": score.shots,
        "cost": round(score.cost, 6),
    }


def _outlet(outlet: OutletScore) -> Plain:
    return {"purity": _share(outlet.purity), "recovery": _share(outlet.recovery)}


def _share(share: Share) -> Plain:
    low, high = share.interval or (None, None)
    return {"value": share.value, "low": low, "high": high, "right": share.right, "n": share.n}


def _moved(moved: Moved) -> Plain:
    either = moved.now or moved.then
    assert either is not None
    return {
        "at_tick": either.piece.at,
        "across_mm": round(either.piece.across_mm, 1),
        "label": moved.name,
        "old": _end(moved.then),
        "new": _end(moved.now),
    }


def _end(record: PieceRecord | None) -> Plain | None:
    if record is None:
        return None
    decision = record.decision
    return {
        "piece": record.piece.id,
        "fate": fate(record),
        "class": decision.label,
        "confidence": round(decision.confidence, 4),
    }


def in_words(trial: Trial) -> Iterator[str]:
    """The figures first, then what changed."""
    against = "labels" if trial.reference.is_truth else "the recorded decisions, which may be wrong themselves"
    yield f"{', '.join(map(str, trial.changes)) or 'no change'}: {trial.pieces} pieces, against {against}"
    yield f"{'outlet':<12} {'':<9} {'then':<26} now"
    for name, old in trial.old.outlets.items():
        new = trial.new.outlets[name]
        yield f"{name:<12} {'purity':<9} {_told(old.purity):<26} {_told(new.purity)}"
        yield f"{'':<12} {'recovery':<9} {_told(old.recovery):<26} {_told(new.recovery)}"
    for what, before, after in (
        ("missed", _counts(trial.old.missed), _counts(trial.new.missed)),
        ("late", str(trial.old.late), str(trial.new.late)),
        ("ejected", str(trial.old.shots), str(trial.new.shots)),
        ("cost", f"{trial.old.cost:g}", f"{trial.new.cost:g}"),
    ):
        yield f"{what:<22} {before:<26} {after}"
    yield from _told_moves(trial)
    if trial.run.unanswered:
        yield f"{trial.run.unanswered} looks could not be answered: neither made then nor possible now."
    if trial.run.missing:
        yield f"{trial.run.missing} steps are missing in the recording; what lay on the belt there is left out."
    faster = f"{trial.times_real_time:.0f} times as fast as it happened."
    yield f"{trial.run.seconds:.1f} s in {trial.cpu_s:.1f} s of processor time: {faster}"


def _told_moves(trial: Trial) -> Iterator[str]:
    changed = {pair: count for pair, count in trial.confusion.items() if pair[0] != pair[1]}
    yield f"{sum(changed.values())} of {sum(trial.confusion.values())} pieces end otherwise" + (":" if changed else ".")
    for (old, new), count in sorted(changed.items(), key=lambda item: -item[1]):
        yield f"  {count:>4}  {old} -> {new}"
    for moved in trial.moved[:_MOST_MOVED]:
        yield f"  {caption(moved)}"
    if len(trial.moved) > _MOST_MOVED:
        yield f"  ... and {len(trial.moved) - _MOST_MOVED} more"


def caption(moved: Moved) -> str:
    """One changed piece in one line."""
    either = moved.now or moved.then
    assert either is not None
    before = "no piece" if moved.then is None else f"{fate(moved.then)} {_said(moved.then)}"
    after = "no piece" if moved.now is None else f"{fate(moved.now)} {_said(moved.now)}"
    known = "" if moved.name is None else f" ({moved.name})"
    return f"piece {either.piece.id}{known}: {before} -> {after}"


def _said(record: PieceRecord) -> str:
    return f"{record.decision.label} {record.decision.confidence:.2f}"


def _told(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "- (nothing)"
    low, high = share.interval
    return f"{share.value:.1%} [{low:.1%} {high:.1%}] {share.right}/{share.n}"


def _counts(missed: Mapping[str, int]) -> str:
    parts = ", ".join(f"{count} {how}" for how, count in missed.items())
    return f"{sum(missed.values())}" + (f" ({parts})" if parts else "")
