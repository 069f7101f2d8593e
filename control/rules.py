"""Where a piece goes and why: the recipe's rules and costs applied to what all looks at the piece add up to.

A mistake has a price. The outlet with the lowest expected one is proposed, the rule's confidence has the last word.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from control.types import Decision, Reason, Recipe, Rule
from vision.types import Piece

_HAZARD_LOOKS = 2
_HAZARD_VETO = 0.5
_RECOGNISED = 0.25

Thresholds = Mapping[str, float]
NO_THRESHOLDS: Thresholds = {}


def decide(
    piece: Piece,
    labels: Sequence[str],
    posterior: Sequence[float],
    recipe: Recipe,
    thresholds: Thresholds = NO_THRESHOLDS,
) -> Decision:
    """Decide one piece; ``posterior`` holds one probability per label of the model, in the order of ``labels``.

    A piece of which not even one label is a quarter likely was not recognised: it is unsure, whatever rules say of
    its best label. A rule's confidence is the sum over its labels, so copper that may be either of two coppers is still
    copper. ``thresholds`` by outlet raise what a rule asks for. Raises ValueError when there are not as many
    probabilities as labels.
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
    if recipe.stop_labels and not hazard < _HAZARD_VETO * recipe.stop_confidence:
        return Decision(piece.id, best, scores[best], None, Reason.unsure)
    if scores[best] < _RECOGNISED:
        return Decision(piece.id, best, scores[best], None, Reason.unsure)
    return _apply_rules(piece, scores, recipe, thresholds)


def rule_for(label: str, rules: Iterable[Rule]) -> Rule | None:
    """The first rule that lists the label; None when it belongs to the rest."""
    return next((rule for rule in rules if label in rule.labels), None)


def outlet_of(label: str, recipe: Recipe) -> str:
    """Where pieces of this label belong."""
    rule = rule_for(label, recipe.rules)
    return recipe.rest_outlet if rule is None else rule.outlet


def expected_cost(scores: Mapping[str, float], outlet: str | None, recipe: Recipe) -> float:
    """What it costs on average when the piece falls into ``outlet`` (None: the rest); infinite for a hazard.

    ``scores`` are probabilities by label. Without a table every mistake costs 1, the right place nothing. What may be
    a hazard must not be hit.
    """
    where = recipe.rest_outlet if outlet is None else outlet
    hazard = _sum(scores, recipe.stop_labels)
    if where != recipe.rest_outlet and recipe.stop_labels and hazard >= _HAZARD_VETO * recipe.stop_confidence:
        return math.inf
    known = {cost.label: cost.cost for cost in recipe.costs if cost.outlet == where}
    return sum(
        score * known.get(label, float(outlet_of(label, recipe) != where)) for label, score in scores.items() if score
    )


def candidate(scores: Mapping[str, float], recipe: Recipe) -> Rule | None:
    """The rule whose outlet is expected to cost least, with the labels of all rules of that outlet; None: the rest.

    Where two cost the same the piece passes, or the rule written first wins. Costs that are no numbers eject nothing.
    """
    outlets = dict.fromkeys(rule.outlet for rule in recipe.rules if rule.outlet != recipe.rest_outlet)
    costs = {outlet: expected_cost(scores, outlet, recipe) for outlet in outlets}
    best = min(costs, key=lambda outlet: costs[outlet], default=None)
    if best is None or not costs[best] < expected_cost(scores, None, recipe):
        return None
    return max(
        (rule for rule in recipe.rules if rule.outlet == best),
        key=lambda rule: sum(scores.get(label, 0.0) for label in _own_labels(rule, recipe)),
    )


def confidence_in(rule: Rule, scores: Mapping[str, float], recipe: Recipe) -> float:
    """How sure it is that the piece belongs to this rule."""
    return _sum(scores, _own_labels(rule, recipe))


def _own_labels(rule: Rule, recipe: Recipe) -> tuple[str, ...]:
    """A label in several rules belongs to the first of them."""
    return tuple(label for label in rule.labels if rule_for(label, recipe.rules) is rule)


def _decide_hazard(piece: Piece, scores: dict[str, float], confidence: float, recipe: Recipe) -> Decision:
    """One look is no reason to stop a plant, but enough to keep the ejectors off the piece."""
    label = max(recipe.stop_labels, key=lambda name: scores.get(name, 0.0))
    reason = Reason.hazard if piece.evidence.looks >= _HAZARD_LOOKS else Reason.unsure
    return Decision(piece.id, label, confidence, None, reason)


def _apply_rules(piece: Piece, scores: dict[str, float], recipe: Recipe, thresholds: Thresholds) -> Decision:
    best = max(scores, key=lambda label: scores[label])
    rule = candidate(scores, recipe)
    if rule is None:
        is_rest = outlet_of(best, recipe) == recipe.rest_outlet
        confidence = _sum_of_rest(scores, recipe) if is_rest else scores[best]
        return Decision(piece.id, best, confidence, None, Reason.rest if is_rest else Reason.unsure)
    label = max(_own_labels(rule, recipe), key=lambda name: scores.get(name, 0.0))
    confidence = confidence_in(rule, scores, recipe)
    if confidence >= max(rule.min_confidence, thresholds.get(rule.outlet, 0.0)):
        return Decision(piece.id, label, confidence, rule.outlet, Reason.rule)
    return Decision(piece.id, best, confidence, None, Reason.unsure)


def _sum(scores: Mapping[str, float], labels: Collection[str]) -> float:
    return sum(score for label, score in scores.items() if label in labels)


def _sum_of_rest(scores: dict[str, float], recipe: Recipe) -> float:
    return sum(score for label, score in scores.items() if outlet_of(label, recipe) == recipe.rest_outlet)
