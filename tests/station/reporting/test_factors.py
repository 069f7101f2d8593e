"""Codes carry their editions; avoided emissions are a range that only sampled product outlets give."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.reporting.emissions import KgRange, OutletClass, avoided
from station.reporting.estimates import Share, share
from station.reporting.factors import Factor, codebook_rows, factor_rows, read_full_codebook

BOOK = read_full_codebook()
FACTORS = {entry.id: entry.factor for entry in BOOK.entries.values()}


def test_every_code_has_its_edition_beside_it() -> None:
    for row in codebook_rows(BOOK, is_simulated=False):
        assert (row.isri_codes is None) == (row.isri_edition is None)
        assert (row.basel_code is None) == (row.basel_from is None)
        assert (row.hs_code is None) == (row.hs_edition is None)
    assert BOOK.editions.basel_from == date(2025, 1, 1)
    assert BOOK.editions.hs == "HS 2022"


def test_codes_that_were_withdrawn_are_not_in_the_book() -> None:
    basel = {code for entry in BOOK.entries.values() for code in entry.basel.split("|")}
    assert not basel & {"A1180", "B1110", "B4030"}
    assert not any(entry.hs.startswith("8548") for entry in BOOK.entries.values())
    assert BOOK.entries["SS-316"].isri == ""


def test_residue_and_hazards_have_no_factor_even_where_the_book_has_a_figure() -> None:
    listed = {row.class_id for row in factor_rows(BOOK, is_simulated=False)}
    assert "CU-NO2" in listed
    for entry in BOOK.entries.values():
        if entry.is_hazard or entry.family == "residue":
            assert entry.id not in listed
    assert {row.factor_set for row in factor_rows(BOOK, is_simulated=True)} == {f"codebook-{BOOK.digest[:12]}"}


def test_the_range_takes_the_lower_ends_together_and_the_upper_ends_together() -> None:
    found = avoided(
        [OutletClass("copper", "CU-NO2", KgRange(900, 1100))],
        {"copper": Share(9, 10, 0.8, 0.95)},
        {"CU-NO2": Factor(2000, 4000)},
    )
    assert found.co2e_kg == pytest.approx(KgRange(0.9 * 0.8 * 2000, 1.1 * 0.95 * 4000))


def test_what_was_not_sampled_and_what_is_no_product_counts_nothing() -> None:
    masses = [
        OutletClass("copper", "CU-NO2", KgRange(90, 110)),
        OutletClass("brass", "BRASS-YEL", KgRange(90, 110)),
        OutletClass("copper", "CU-NI", KgRange(9, 11)),
        OutletClass("quarantine", "PWB", KgRange(9, 11)),
        OutletClass("rest", "RES-MIN", KgRange(900, 1100)),
    ]
    found = avoided(masses, {"copper": share(48, 50), "brass": None}, FACTORS)
    only = avoided(masses[:1], {"copper": share(48, 50)}, FACTORS)
    assert found.co2e_kg == only.co2e_kg
    assert found.unsampled == ("brass",)
    assert found.without_factor == ("CU-NI",)
    assert avoided(masses, {"copper": None}, FACTORS).co2e_kg is None


@given(st.integers(0, 60), st.floats(0, 1e6), st.floats(0, 1e5))
def test_the_lower_end_is_never_above_the_upper_one(hits: int, kg: float, more: float) -> None:
    found = avoided([OutletClass("copper", "CU-NO2", KgRange(kg, kg + more))], {"copper": share(hits, 60)}, FACTORS)
    assert found.co2e_kg is not None
    assert found.co2e_kg.low <= found.co2e_kg.high
