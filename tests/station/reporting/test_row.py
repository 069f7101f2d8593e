"""A row says everything it counts in one canonical form, and nobody can change one unseen."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station import reporting
from station.reporting.row import (
    NO_PREVIOUS,
    Correction,
    Count,
    IntervalRow,
    RowError,
    RowKind,
    encode,
    parse,
    seal,
    verify_chain,
)
from station.reporting.row_shape import ROW as SHAPE
from station.reporting.row_shape import row_schema
from tests.station.reporting.rows import ROW, chain

SEALED = seal(ROW, NO_PREVIOUS)


def test_a_row_survives_the_way_through_its_canonical_form() -> None:
    told = encode(SEALED)
    assert parse(told) == SEALED
    assert encode(parse(told)) == told
    assert b" " not in told.replace(b"three metals 1.0", b"")
    assert b'"grams":40,' in told
    assert b'"grams":312.004,' in told


def test_the_order_in_which_counts_were_made_changes_nothing() -> None:
    assert seal(replace(ROW, counts=ROW.counts[::-1], states=ROW.states[::-1]), NO_PREVIOUS) == SEALED


def test_shape_and_dataclass_have_the_same_fields_and_the_published_schema_is_theirs() -> None:
    assert set(SHAPE.fields) == {field.name for field in fields(IntervalRow)}
    published = Path(reporting.__file__).with_name("interval-1.schema.json")
    assert json.loads(published.read_text()) == row_schema()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sequence": 0}, "row.sequence is 0"),
        ({"sequence": True}, "row.sequence is True"),
        ({"is_simulated": 0}, "row.is_simulated is 0"),
        ({"station": "Big Line"}, "row.station is 'Big Line'"),
        ({"from_utc": "2027-13-15T08:00:00.000Z"}, "row.from_utc is no moment"),
        ({"from_utc": "2027-01-15 08:00"}, "row.from_utc is"),
        ({"seconds": -1}, "row.seconds is -1"),
        ({"seconds": 0.00001}, "thousandths"),
        ({"schema": "interval/2"}, "schema 'interval/2', expected 'interval/1'"),
        ({"recipe": "a\nb"}, "row.recipe is"),
        ({"counts": [{"class_id": "X"}]}, r"row.counts\[0\]: missing"),
        ({"counts": None}, "row.counts is None"),
        ({"more": 1}, r"unknown \['more'\]"),
        ({"batch": "CHANGED"}, "content does not fit its hash"),
    ],
)
def test_a_row_that_is_none_is_refused_with_the_place_of_the_error(change: dict[str, object], said: str) -> None:
    tree = {**json.loads(encode(SEALED)), **change}
    with pytest.raises(RowError, match=said):
        parse(json.dumps(tree))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"schema":"interval/1"}', b'{"schema":1,"schema":2}'),
        *(b"[" * 100_000, b'{"schema":"interval/1"}' + b" " * (1 << 18), b"1" * 5000),
    ],
)
def test_bytes_that_are_no_row_are_an_error_and_never_a_crash(data: bytes) -> None:
    with pytest.raises(RowError):
        parse(data)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_no_value_in_any_field_crashes_the_parser(value: object) -> None:
    tree = json.loads(encode(SEALED))
    for name in tree:
        with pytest.raises(RowError):
            parse(json.dumps({**tree, name: value, "hash": "x"}))


def test_a_row_that_may_not_be_sent_is_not_sealed() -> None:
    twice = Count("CU-NO2", "copper", "ejected", 1, 1.0, 0.0, 0.0)
    with pytest.raises(RowError, match="twice"):
        seal(replace(ROW, counts=(twice, twice)), NO_PREVIOUS)
    with pytest.raises(RowError, match="belong to rows of their kind"):
        seal(replace(ROW, correction=Correction(1, 2, 3)), NO_PREVIOUS)
    with pytest.raises(RowError, match="only intervals"):
        seal(replace(ROW, kind=RowKind.correction, correction=Correction(1, 2, 3)), NO_PREVIOUS)
    with pytest.raises(RowError, match="half a character"):
        seal(replace(ROW, recipe="\ud800"), NO_PREVIOUS)


def test_a_chain_is_believed_whole_and_in_parts() -> None:
    rows = chain(5)
    verify_chain(rows)
    verify_chain(rows[2:], after=rows[1])


def test_a_changed_a_missing_and_a_swapped_row_break_the_chain() -> None:
    rows = chain(5)
    changed = seal(replace(rows[2], batch="other"), rows[1].hash)
    for broken, said in (
        ([*rows[:2], changed, *rows[3:]], "row 4 does not know"),
        ([*rows[:2], replace(rows[2], batch="other"), *rows[3:]], "row 3: its content"),
        ([*rows[:2], *rows[3:]], "row 4 does not follow row 2"),
        ([rows[1], rows[0]], "row 2 does not follow row 0"),
        ([rows[0], replace(rows[1], epoch="f" * 32)], "row 2: its content"),
    ):
        with pytest.raises(RowError, match=said):
            verify_chain(broken)


@given(st.integers(0, 10**15))
def test_milligrams_come_back_exactly(milligrams: int) -> None:
    grams = milligrams / 1000
    row = seal(replace(ROW, counts=(Count("A", "b", "lost", 1, grams, 0.0, 0.0),)), NO_PREVIOUS)
    assert parse(encode(row)).counts[0].grams == grams


def test_a_row_of_any_text_keeps_it() -> None:
    row = seal(replace(ROW, shift='白班 "früh" \\ / \u2028'), NO_PREVIOUS)
    assert parse(encode(row)) == row
    assert asdict(parse(encode(row)))["shift"] == row.shift
