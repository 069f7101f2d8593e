"""Where a piece goes and why: the recipe's rules applied to what all looks at the piece add up to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from control.types import Decision, Reason, Recipe, Rule
from vision.types import Piece

_HAZARD_LOOKS = 2
_RECOGNISED = 0.25


def decide(piece: Piece, labels: Sequence[str], posterior: Sequence[float], recipe: Recipe) -> Decision:
    """Decide one piece; ``posterior`` holds one probability per label of the model, in the order of ``labels``.

    A piece of which not even one label is a quarter likely was not recognised: it is unsure, whatever rules say of
    its best label. A rule's confidence is the sum over its labels, so copper that may be either of two coppers is still
    copper. Raises ValueError when there are not as many probabilities as labels.
    """
    scores = dict(zip(labels, posterior, strict=True))
    if piece.evidence.looks == 0 or not scores:
        return Decision(piece.id, "", 0.0, None, Reason.unseen)
    hazard = _sum(scores, recipe.stop_labels)
    if recipe.stop_labels and hazard >= recipe.stop_confidence:
        return _decide_hazard(piece, scores, hazard, recipe)
    best = max(scores, key=lambda label: scores[label])
    if piece.touching:
        return Decision(piece.id, best, scores[best], None, Reason.touching)
    if scores[best] < _RECOGNISED:
        return Decision(piece.id, best, scores[best], None, Reason.unsure)
    return _apply_rules(piece, best, scores, recipe)


def rule_for(label: str, rules: Iterable[Rule]) -> Rule | None:
    """The first rule that lists the label; None when it belongs to the rest."""
    return next((rule for rule in rules if label in rule.labels), None)


def _decide_hazard(piece: Piece, scores: dict[str, float], confidence: float, recipe: Recipe) -> Decision:
    """One look is no reason to stop a plant, but enough to keep the ejectors off the piece."""
    label = max(recipe.stop_labels, key=lambda name: scores.get(name, 0.0))
    reason = Reason.hazard if piece.evidence.looks >= _HAZARD_LOOKS else Reason.unsure
    return Decision(piece.id, label, confidence, None, reason)


def _apply_rules(piece: Piece, best: str, scores: dict[str, float], recipe: Recipe) -> Decision:
    rule = rule_for(best, recipe.rules)
    if rule is None or rule.outlet == recipe.rest_outlet:
        return Decision(piece.id, best, _sum_of_rest(scores, recipe), None, Reason.rest)
    confidence = _sum(scores, rule.labels)
    if confidence >= rule.min_confidence:
        return Decision(piece.id, best, confidence, rule.outlet, Reason.rule)
    return Decision(piece.id, best, confidence, None, Reason.unsure)


def _sum(scores: dict[str, float], labels: Collection[str]) -> float:
    return sum(score for label, score in scores.items() if label in labels)


def _sum_of_rest(scores: dict[str, float], recipe: Recipe) -> float:
    taken = {label for rule in recipe.rules if rule.outlet != recipe.rest_outlet for label in rule.labels}
    return sum(score for label, score in scores.items() if label not in taken)
