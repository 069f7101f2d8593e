"""What a person is asked to confirm: every piece the sorter decided, with its picture and its place on the belt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from station.footage.piece_pictures import piece_pictures
from station.recording.reader import Recording
from station.types import PieceRecord
from station.whatif.rerun import origin_of
from vision.labels import Label, write_labels

_GATE_MM = 25.0


class Proposal(NamedTuple):
    """A piece as the sorter saw it; ``at_tick`` counts as labels do. ``picture`` None when no kept frame shows it."""

    piece: int
    at_tick: int
    across_mm: float
    length_mm: float
    width_mm: float
    label: str
    confidence: float
    outlet: str
    picture: Path | None


class Labelling:
    """The proposals of one recording and what people said of them; every answer is on the disk before it returns."""

    def __init__(self, proposals: Sequence[Proposal], known: Sequence[Label], table: Path, ticks_per_mm: float) -> None:
        """``known`` labels that belong to no proposal are kept as they are."""
        self.proposals = tuple(proposals)
        self.table = table
        pairs = _paired(self.proposals, known, ticks_per_mm)
        self._answers: dict[int, Label] = {n: known[k] for n, k in pairs.items()}
        self._others = [label for k, label in enumerate(known) if k not in set(pairs.values())]
        self._drawn: list[Label] = []

    @property
    def answers(self) -> Mapping[int, Label]:
        """By number of the proposal."""
        return self._answers

    def answer(self, number: int, label: str | None, who: str, when_utc: str) -> None:
        """Say what proposal ``number`` is, or take that back with None. Raises IndexError, and OSError as files do."""
        proposal = self.proposals[number]
        if label is None:
            self._answers.pop(number, None)
        else:
            place = (proposal.at_tick, proposal.across_mm, proposal.length_mm, proposal.width_mm)
            self._answers[number] = Label(*place, label, who, when_utc)
        self._write()

    @property
    def drawn(self) -> Sequence[Label]:
        """The pieces drawn since the command began, newest last."""
        return self._drawn

    def draw(self, label: Label) -> None:
        """A piece that nothing proposes. Raises OSError as files do."""
        self._drawn.append(label)
        self._write()

    def take_back(self) -> None:
        """The newest drawn piece was none; nothing happens when there is none. Raises OSError as files do."""
        self._drawn = self._drawn[:-1]
        self._write()

    def _write(self) -> None:
        write_labels(self.table, [*self._others, *self._drawn, *self._answers.values()])


def _paired(proposals: Sequence[Proposal], known: Sequence[Label], ticks_per_mm: float) -> dict[int, int]:
    """Number of a proposal -> number of the label of the same piece."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    apart = sorted(
        (abs(p.at_tick - k.at_tick) / ticks_per_mm + abs(p.across_mm - k.across_mm), n, m)
        for n, p in enumerate(proposals)
        for m, k in enumerate(known)
        if abs(p.at_tick - k.at_tick) <= _GATE_MM * ticks_per_mm and abs(p.across_mm - k.across_mm) <= _GATE_MM
    )
    for _, n, m in apart:
        if n not in found and m not in taken:
            found[n] = m
            taken.add(m)
    return found


def propose(recording: Recording, pictures: Path) -> tuple[Proposal, ...]:
    """Every piece of a recording in the order of the belt; their pictures are laid into the folder ``pictures``."""
    origin, rest = origin_of(recording), recording.settings().recipe.rest_outlet
    records = sorted(recording.pieces(), key=lambda record: (record.piece.at, record.piece.id))
    files = piece_pictures(recording, records, pictures)
    return tuple(_proposal(record, record.piece.at - origin.tick + origin.raw, rest, files) for record in records)


def _proposal(record: PieceRecord, at_tick: int, rest: str, files: Mapping[int, Path]) -> Proposal:
    piece, decision = record.piece, record.decision
    return Proposal(
        piece.id,
        at_tick,
        piece.across_mm,
        piece.length_mm,
        piece.right_mm - piece.left_mm,
        decision.label,
        decision.confidence,
        decision.outlet or rest,
        files.get(piece.id),
    )
