"""Which classes belong into which outlet, by the recipe of a station."""

from __future__ import annotations

from collections.abc import Mapping

from station.config import Config


def accepted_labels(config: Config) -> Mapping[str, frozenset[str]]:
    """By outlet, the classes that a rule sends there; the rest has none."""
    found: dict[str, frozenset[str]] = {}
    for rule in config.recipe.rules:
        found[rule.outlet] = found.get(rule.outlet, frozenset()) | frozenset(rule.labels)
    return found


def outlets_of(config: Config) -> tuple[str, ...]:
    """Every outlet of the line, the rest last."""
    return (*dict.fromkeys(bank.outlet for bank in config.file.banks), config.recipe.rest_outlet)
