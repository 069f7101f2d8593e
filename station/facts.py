"""What the page is told once: names, outlets and their colours, classes in plain words."""

from __future__ import annotations

from station.codebook import plain_name
from station.config import Config
from station.plan import Plan
from station.web.view import BankFacts, LabelFacts, OutletFacts, StationFacts

_COLOURS = ("#b5562b", "#a88a1e", "#3f7cac", "#7d4fa3", "#2f8f83", "#a3476b")
_REST_COLOUR = "#7a7f85"


def station_facts(plan: Plan) -> StationFacts:
    """Facts of a planned run."""
    config = plan.config
    return StationFacts(
        name=config.file.station.name,
        is_simulated=plan.run.is_simulated,
        outlets=_outlets(config),
        rest_outlet=config.recipe.rest_outlet,
        labels=tuple(LabelFacts(label, plain_name(plan.materials[label].name)) for label in plan.card.labels),
        recipe=f"{config.recipe.name} {config.recipe.version}",
        model=plan.card.id,
        version=plan.run.software,
        banks=tuple(
            BankFacts(
                bank.outlet, bank.first_output, bank.lanes, bank.left_mm, bank.left_mm + bank.lanes * bank.lane_width_mm
            )
            for bank in config.file.banks
        ),
    )


def _outlets(config: Config) -> tuple[OutletFacts, ...]:
    names = list(dict.fromkeys(bank.outlet for bank in config.file.banks))
    colours = (_COLOURS[n % len(_COLOURS)] for n in range(len(names)))
    found = [OutletFacts(name, name.capitalize(), colour) for name, colour in zip(names, colours, strict=True)]
    rest = config.recipe.rest_outlet
    return (*found, OutletFacts(rest, rest.capitalize(), _REST_COLOUR))
