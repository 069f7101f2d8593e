"""What fell is counted without keeping it all, and from where the count is asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from hil.landings import Landings
from hil.types import Landed, Truth

TARGETS = {"copper": ("CU-NO2", "CABLE-CU"), "rest": ("FE-SHRED",)}
_PIECES = some.lists(
    some.builds(
        Landed,
        truth_id=some.just(0),
        label=some.sampled_from(["CU-NO2", "CABLE-CU", "FE-SHRED", "ZN-DIE"]),
        form=some.just(""),
        outlet=some.sampled_from(["copper", "rest"]),
        mass_g=some.floats(1, 900),
        at_mm=some.floats(0, 1000),
        across_mm=some.floats(0, 800),
    ),
    max_size=40,
)


def counted_anew(pieces: list[Landed], since_mm: float) -> dict[str, Truth]:
    found = {}
    for outlet, labels in TARGETS.items():
        inside = [one for one in pieces if one.outlet == outlet and one.at_mm >= since_mm]
        wanted = [one for one in pieces if one.label in labels and one.at_mm >= since_mm]
        right = sum(one.label in labels for one in inside)
        found[outlet] = Truth(
            right / len(inside) if inside else None, right / len(wanted) if wanted else None, len(inside)
        )
    return found


@given(_PIECES, _PIECES, some.floats(0, 1000), some.floats(0, 1000))
def test_the_running_count_is_that_of_all_pieces(
    before: list[Landed], after: list[Landed], first_mm: float, then_mm: float
) -> None:
    landings = Landings(100)
    landings.add(before)
    assert landings.truth(first_mm, TARGETS) == counted_anew(before, first_mm)
    landings.add(after)
    assert landings.truth(first_mm, TARGETS) == counted_anew([*before, *after], first_mm)
    assert landings.truth(then_mm, TARGETS) == counted_anew([*before, *after], then_mm)


@given(_PIECES)
def test_only_the_last_pieces_are_held_but_all_are_counted(pieces: list[Landed]) -> None:
    landings = Landings(7)
    landings.truth(0.0, TARGETS)
    landings.add(pieces)
    assert landings.truth(0.0, TARGETS) == counted_anew(pieces, 0.0)
    told = [one._replace(truth_id=0) for one in landings.last()]
    assert told == pieces[-7:]
    assert [one._replace(truth_id=0) for one in landings.last(3)] == pieces[-3:]
    assert list(landings.last(0)) == []
