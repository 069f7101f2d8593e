"""Shares come with the interval that statistics gives them, and purity with nothing but hand samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.reporting.estimates import beta_cdf, purity, recovery, share

# Printed tables of exact binomial limits, 95 %.
KNOWN = [
    (0, 10, 0.0, 0.3085),
    (5, 10, 0.1871, 0.8129),
    (8, 10, 0.4439, 0.9748),
    (10, 10, 0.6915, 1.0),
    (1, 100, 0.000253, 0.0545),
    (90, 100, 0.8238, 0.9510),
    (0, 1, 0.0, 0.975),
]


@pytest.mark.parametrize(("hits", "n", "low", "high"), KNOWN)
def test_the_interval_is_that_of_the_printed_tables(hits: int, n: int, low: float, high: float) -> None:
    found = share(hits, n)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_bound_is_where_the_binomial_tail_is_two_and_a_half_percent(sample: tuple[int, int]) -> None:
    hits, n = sample
    found = share(hits, n)
    assert found.low <= hits / n <= found.high
    if hits:
        assert _at_least(hits, n, found.low) == pytest.approx(0.025, rel=1e-6)
    if hits < n:
        assert 1 - _at_least(hits + 1, n, found.high) == pytest.approx(0.025, rel=1e-6)


def _at_least(hits: int, n: int, p: float) -> float:
    logs = math.log(p), math.log1p(-p)
    return math.fsum(math.exp(math.log(math.comb(n, k)) + k * logs[0] + (n - k) * logs[1]) for k in range(hits, n + 1))


def test_large_samples_are_no_trouble() -> None:
    found = share(600_000, 1_000_000)
    assert found.low == pytest.approx(0.59904, abs=1e-5)
    assert found.high == pytest.approx(0.60096, abs=1e-5)
    assert beta_cdf(0.5, 3, 3) == pytest.approx(0.5, abs=1e-14)


def test_no_share_of_nothing_and_no_share_above_the_whole() -> None:
    assert share(0, 0)[2:] == (0.0, 1.0)
    assert share(0, 0).value is None
    with pytest.raises(ValueError, match="no share"):
        share(3, 2)


def test_purity_adds_up_samples_and_is_unknown_without_them() -> None:
    found = purity([{"CU-NO2": 18, "FE-SHRED": 2}, {"CU-NO1": 20}], {"CU-NO1", "CU-NO2"})
    assert found == share(38, 40)
    assert purity([], {"CU-NO2"}) is None
    assert purity([{}], {"CU-NO2"}) is None


def test_recovery_needs_a_sample_of_every_outlet_that_holds_something() -> None:
    pieces = {"copper": 100, "rest": 900, "quarantine": 0}
    samples = {"copper": {"CU-NO2": 45, "FE-SHRED": 5}, "rest": {"CU-NO2": 1, "FE-SHRED": 89}}
    found = recovery(pieces, samples, "copper", {"CU-NO2"})
    assert found is not None
    assert found.value == pytest.approx(90 / (90 + 10))
    assert found.low < found.value < found.high
    assert recovery(pieces, {"copper": samples["copper"]}, "copper", {"CU-NO2"}) is None
    assert recovery(pieces | {"quarantine": 1}, samples, "copper", {"CU-NO2"}) is None
    assert recovery(pieces, samples, "copper", {"BRASS-YEL"}) is None


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 999), st.integers(1, 999))
def test_more_of_the_product_elsewhere_never_raises_the_recovery(here: int, there: int, own: int, other: int) -> None:
    def found(lost: int) -> tuple[float, float, float] | None:
        samples = {"copper": {"CU-NO2": here, "FE": 50 - here}, "rest": {"CU-NO2": lost, "FE": 60 - lost}}
        return recovery({"copper": own, "rest": other}, samples, "copper", {"CU-NO2"})

    before, after = found(there), found(there + 10)
    if before is not None and after is not None:
        assert all(late <= early for early, late in zip(before, after, strict=True))
