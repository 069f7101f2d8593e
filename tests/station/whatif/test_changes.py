"""What may be changed, and how a change that makes no sense is refused."""

from __future__ import annotations

import pytest

from control.types import Rule
from station.config import ConfigError
from station.whatif.changes import Change, apply_changes, changed_settings, parse_change
from tests.station.whatif.tried import changes, subject


def refused(*texts: str) -> str:
    with pytest.raises(ConfigError) as caught:
        subject().check(changes(*texts))
    return str(caught.value)


def rule(outlet: str, *texts: str) -> Rule:
    here = subject()
    changed = apply_changes(here.config, changes(*texts))
    settings = changed_settings(here.settings, here.config, changed, None)
    return next(rule for rule in settings.recipe.rules if rule.outlet == outlet)


def test_a_rule_is_changed_by_the_name_of_its_outlet_or_by_its_number() -> None:
    assert rule("copper", "rules.copper.min_confidence=0.9").min_confidence == 0.9
    assert rule("copper", "recipe.rules.0.min_confidence=0.9").min_confidence == 0.9
    assert rule("brass", "rules.copper.min_confidence=0.9").min_confidence == 0.6
    assert rule("copper", "rules.copper.labels=[CU-NO2, CABLE-CU]").labels == ("CU-NO2", "CABLE-CU")


def test_every_key_of_sorting_and_vision_reaches_sorter_or_finder_or_says_that_it_cannot_be_tried() -> None:
    here = subject()
    values = {"min_pulse_ms": "20", "decision_mm": "700", "max_looks": "2", "sure": "0.9", "min_area_mm2": "100"}
    untried = []
    for section in ("sorting", "vision"):
        for name in type(getattr(here.config.file, section)).model_fields:
            before = getattr(getattr(here.config.file, section), name)
            value = values.get(name, str(before * 1.1 if isinstance(before, float) else before + 1))
            try:
                changed = here.check([Change(f"{section}.{name}", value)])
            except ConfigError:
                untried.append(name)
                continue
            after = changed_settings(here.settings, here.config, changed, None)
            assert (after != here.settings) or changed.searches, name
    assert len(untried) <= 2, untried


def test_nothing_changed_is_the_recorded_sorter_to_the_last_setting() -> None:
    here = subject()
    assert changed_settings(here.settings, here.config, apply_changes(here.config, ()), None) == here.settings


def test_an_unknown_key_lists_near_ones() -> None:
    assert "unknown key 'coper'; near ones: copper" in refused("rules.coper.min_confidence=0.9")
    assert "vision.step_mm" in refused("vision.stpe_mm=3")
    assert "min_confidence" in refused("rules.copper.min_confidense=0.9")
    assert "sorting.min_slack_ms" in refused("min_slak_ms=10")


def test_everything_wrong_is_said_at_once_in_the_words_of_the_station_file() -> None:
    said = refused("rules.copper.min_confidence=1.5", "vision.sure=2")
    assert "--set rules.copper.min_confidence=1.5  Input should be less than 1, found 1.5" in said
    assert "--set vision.sure=2  Input should be less than 1" in said
    assert "valid number" in refused("sorting.margin_mm=wide")


def test_what_contradicts_the_line_is_refused_before_anything_is_played() -> None:
    assert "no bank ejects there" in refused("rules.copper.outlet=gold")
    assert "lies behind the first bank" in refused("sorting.decision_mm=5000")
    assert "the model does not know GOLD" in refused("rules.copper.labels=[GOLD]")
    assert "/tmp" not in refused("rules.copper.labels=[GOLD]")


@pytest.mark.parametrize("text", ["rules.copper.min_confidence", "=3", "sorting=", "vision"])
def test_what_is_no_change_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ConfigError, match="expected key=value"):
        parse_change(text)


def test_a_section_or_a_single_value_is_no_place_for_a_key() -> None:
    assert "give one of its keys" in refused("sorting=3")
    assert "single value" in refused("sorting.margin_mm.inner=3")
