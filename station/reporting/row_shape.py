"""What an interval row looks like: the table its check and ``interval-1.schema.json`` are made from."""

from __future__ import annotations

from datetime import datetime

from control.types import Outcome
from station.reporting.shape import (
    Flag,
    ListOf,
    Maybe,
    Number,
    OneOf,
    Record,
    RowError,
    Text,
    Tree,
    Whole,
)
from station.types import State

SCHEMA_ID = "urn:scrap-sorting-station:interval:1"
_LONGEST_S = 1e9
_MOST_LINES = 2000
_HASH = Text(64, r"[0-9a-f]{64}")
_ID = Text(64, r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STATE = OneOf(tuple(state.value for state in State))


class _Moment:
    """UTC with milliseconds, as ISO 8601 writes it."""

    _text = Text(24, r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")

    def check(self, value: object, where: str) -> None:
        self._text.check(value, where)
        try:
            datetime.fromisoformat(str(value))
        except ValueError as error:
            raise RowError(f"{where} is no moment ({error})") from error

    def schema(self) -> Tree:
        return {**self._text.schema(), "format": "date-time"}


ROW = Record(
    {
        "schema": OneOf(("interval/1",)),
        "station": Text(40, r"[a-z0-9][a-z0-9-]*"),
        "epoch": Text(32, r"[0-9a-f]{32}"),
        "sequence": Whole(1),
        "previous": _HASH,
        "hash": _HASH,
        "is_simulated": Flag(),
        "kind": OneOf(("interval", "correction", "batch")),
        "from_utc": _Moment(),
        "to_utc": _Moment(),
        "seconds": Number(0.0, _LONGEST_S),
        "clock_trusted": Flag(),
        "batch": Maybe(_ID),
        "shift": Maybe(Text(40)),
        "recipe": Text(),
        "model": Text(),
        "calibration": Text(),
        "codebook": Text(),
        "software": Text(),
        "degraded": Flag(),
        "degraded_reasons": ListOf(Text(60), 100),
        "states": ListOf(Record({"state": _STATE, "seconds": Number(0.0, _LONGEST_S)}), len(State)),
        "downtime": ListOf(
            Record(
                {
                    "state": _STATE,
                    "kind": OneOf(("held", "suspended")),
                    "reason": Text(),
                    "seconds": Number(0.0, _LONGEST_S),
                }
            ),
            500,
        ),
        "counts": ListOf(
            Record(
                {
                    "class_id": Text(60),
                    "outlet": Text(60),
                    "outcome": OneOf(tuple(outcome.value for outcome in Outcome)),
                    "pieces": Whole(1, 10**9),
                    "grams": Number(),
                    "grams_sd": Number(),
                    "grams_sd_common": Number(),
                }
            ),
            _MOST_LINES,
        ),
        "correction": Maybe(
            Record({"from_sequence": Whole(1), "to_sequence": Whole(1), "add_ms": Whole(-(2**50), 2**50)})
        ),
        "intake": Maybe(
            Record(
                {
                    "origin": Text(),
                    "material": Text(),
                    "weight_kg": Maybe(Number()),
                    "weight_sd_kg": Maybe(Number()),
                    "unu_key": Maybe(Text(4, r"\d{4}")),
                    "opened_utc": _Moment(),
                    "closed_utc": Maybe(_Moment()),
                }
            )
        ),
    }
)


def row_schema() -> Tree:
    """JSON Schema of one row, as published beside this module."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "One closed interval of a sorting station",
        **ROW.schema(),
    }
