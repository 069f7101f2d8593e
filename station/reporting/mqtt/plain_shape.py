"""The shapes of the plain JSON topics, from which their published schemas come."""

from __future__ import annotations

from collections.abc import Mapping

from station.reporting.shape import Flag, ListOf, Maybe, Number, OneOf, Record, Shape, Text, Tree, Whole
from station.types import State

_UTC = Text(40, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_HEAD: Mapping[str, Shape] = {"station": Text(40), "is_simulated": Flag()}

ONLINE = Record({"schema": OneOf(("online/1",)), **_HEAD, "online": Flag()})
STATE = Record(
    {
        "schema": OneOf(("state/1",)),
        **_HEAD,
        "at_utc": _UTC,
        "state": OneOf(tuple(state.value for state in State)),
        "packml": Whole(1, 17),
        "sentence": Text(400),
        "faults": ListOf(Text(60), 100),
        "recipe": Text(200),
        "model": Text(200),
        "software": Text(100),
        "speed_mm_s": Number(),
        "pieces_per_min": Maybe(Number()),
        "valves_dead": ListOf(Whole(), 64),
        "valves_slow": ListOf(Whole(), 64),
        "rows_waiting": Whole(),
        "rows_in_quarantine": Whole(),
    }
)
_COUNT = Record({"class_id": Text(60), "outlet": Text(60), "pieces": Whole(), "grams": Whole()})
COUNTERS = Record(
    {
        "schema": OneOf(("counters/1",)),
        **_HEAD,
        "at_utc": _UTC,
        "epoch": Text(64),
        "pieces": Whole(),
        "counts": ListOf(_COUNT, 5000),
    }
)
TOPICS: Mapping[str, Record] = {"online": ONLINE, "state": STATE, "counters": COUNTERS}


def plain_schema(name: str) -> Tree:
    """JSON Schema of the topic's messages: online, state or counters."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "title": f"scrap/<group>/<station>/{name}", **TOPICS[name].schema()}
