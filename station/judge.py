"""The judge: what a piece is by all looks at it, and where the recipe of this moment sends it."""

from __future__ import annotations

from collections.abc import Sequence

from control.grade import Grade, Grader
from control.rules import decide
from control.types import Decision, Ejector, Recipe
from station.ledger import Entry
from station.shots import Neighbour
from station.types import OrderAnswer, RecipeGiven
from vision.evidence import posterior
from vision.types import Evidence, Piece

_KEPT = 96


class Judge:
    """Holds the recipe and the thresholds that sorting to grade asks for; both may change between two pieces."""

    def __init__(self, labels: tuple[str, ...], correlation: float, recipe: Recipe) -> None:
        self._labels = labels
        self._correlation = correlation
        self._grader = Grader(recipe)
        self._known: dict[int, tuple[Evidence, tuple[float, ...]]] = {}
        self.recipe = recipe

    @property
    def grades(self) -> tuple[Grade, ...]:
        return self._grader.grades

    def change(self, given: RecipeGiven, ejectors: Sequence[Ejector]) -> OrderAnswer:
        """From the next decision on; what is decided stays decided. Refused when it names an outlet nobody serves."""
        known = {ejector.outlet for ejector in ejectors} | {given.recipe.rest_outlet}
        strangers = sorted({rule.outlet for rule in given.recipe.rules} - known)
        if strangers:
            return OrderAnswer(given.number, f"No ejector of this line leads to {', '.join(strangers)}.")
        self.recipe, self._grader = given.recipe, Grader(given.recipe)
        return OrderAnswer(given.number, None)

    def decide(self, piece: Piece) -> Decision:
        """What would be decided now."""
        return decide(piece, self._labels, self.posterior(piece), self.recipe, self._grader.thresholds)

    def conclude(self, piece: Piece) -> Decision:
        """Decide for good: the piece counts for the grade of its outlet."""
        decision = self.decide(piece)
        self._grader.see(self.scores(piece))
        return decision

    def is_alarm(self, decision: Decision) -> bool:
        """True when the piece is diverted and people have to know."""
        return decision.outlet is not None and decision.label in self.recipe.alarm_labels

    def posterior(self, piece: Piece) -> tuple[float, ...]:
        """One probability per label."""
        known = self._known.get(piece.id)
        if known is None or known[0] is not piece.evidence:
            known = self._known[piece.id] = piece.evidence, posterior(piece.evidence, self._correlation)
            if len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return known[1]

    def scores(self, piece: Piece) -> dict[str, float]:
        """Probabilities by label."""
        return dict(zip(self._labels, self.posterior(piece), strict=True))

    def neighbour(self, piece: Piece, entry: Entry | None) -> Neighbour:
        """As it is decided, or as it would be decided now."""
        if entry is None:
            return Neighbour(piece, self.scores(piece), self.decide(piece).outlet, is_shot=False)
        is_shot = entry.is_open or entry.ejection is not None
        scores = dict(zip(self._labels, entry.scores, strict=True))
        return Neighbour(piece, scores, entry.decision.outlet, is_shot)
