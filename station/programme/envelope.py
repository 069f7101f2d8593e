"""What arrives: a batch of rows (``batch/1``) or one bare row, read with bounds, each row judged on its own."""

from __future__ import annotations

import json
import zlib
from typing import NamedTuple

from station.programme.words import Channel, Code, Delivery, Refusal
from station.reporting.row import SCHEMA_NAME, IntervalRow, RowError, parse
from station.reporting.row_shape import row_schema
from station.reporting.shape import Tree

BATCH_SCHEMA = "batch/1"
MOST_ROWS = 500
LARGEST_BODY_BYTES = 1 << 20
LARGEST_UNPACKED_BYTES = 8 << 20
_MOST_WITHHELD = 1000
_LONGEST_SAID = 300
_GZIP = 31


class BadBatch(Exception):  # noqa: N818 - a fact
    """Nothing of it can be read: HTTP status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Batch(NamedTuple):
    """``station`` is whom the batch says it comes from; whether that is true is judged elsewhere."""

    station: str
    delivery: Delivery


def unpack(body: bytes) -> bytes:
    """Gzip, never more than ``LARGEST_UNPACKED_BYTES`` of it; raises BadBatch."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(body, LARGEST_UNPACKED_BYTES + 1)
    except zlib.error as error:
        raise BadBatch(400, "The body is not gzip, though it says so.") from error
    if len(text) > LARGEST_UNPACKED_BYTES:
        raise BadBatch(413, f"Unpacked, the body is larger than {LARGEST_UNPACKED_BYTES} bytes. Send fewer rows.")
    if not unpacker.eof or unpacker.unused_data:
        raise BadBatch(400, "The gzip body is cut off, or something follows it.")
    return text


def read_batch(text: bytes, channel: Channel) -> Batch:
    """Rows that are none are refused one by one; raises BadBatch where nothing can be read."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadBatch(400, "The body is not JSON.") from error
    if not isinstance(tree, dict):
        raise BadBatch(422, "Send a JSON object.")
    if tree.get("schema") == SCHEMA_NAME:
        tree = {"schema": BATCH_SCHEMA, "station": tree.get("station"), "epoch": tree.get("epoch"), "rows": [tree]}
    if tree.get("schema") != BATCH_SCHEMA:
        raise BadBatch(422, f"The body is of schema {str(tree.get('schema'))[:40]!r}, expected {BATCH_SCHEMA!r}.")
    station, epoch = tree.get("station"), tree.get("epoch")
    if not isinstance(station, str) or not isinstance(epoch, str) or not 1 <= len(epoch) <= 64:
        raise BadBatch(422, '"station" and "epoch" have to be text.')
    rows, refused = _read_rows(_list(tree, "rows", MOST_ROWS))
    withheld = _list(tree, "withheld", _MOST_WITHHELD)
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in withheld):
        raise BadBatch(422, '"withheld" has to be a list of sequence numbers.')
    numbers = tuple(int(number) for number in withheld if isinstance(number, int))
    return Batch(station, Delivery(epoch, rows, numbers, refused, channel))


def batch_schema() -> Tree:
    """JSON Schema of a batch."""
    row = {key: value for key, value in row_schema().items() if not key.startswith("$")}
    return {
        "type": "object",
        "additionalProperties": True,
        "required": ["schema", "station", "epoch", "rows"],
        "properties": {
            "schema": {"const": BATCH_SCHEMA},
            "station": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": 40},
            "epoch": {"type": "string", "minLength": 1, "maxLength": 64},
            "rows": {"type": "array", "maxItems": MOST_ROWS, "items": row},
            "withheld": {"type": "array", "maxItems": _MOST_WITHHELD, "items": {"type": "integer", "minimum": 1}},
        },
    }


def ack_schema() -> Tree:
    """JSON Schema of the acknowledgement."""
    number: Tree = {"type": "integer", "minimum": 0}
    refusal: Tree = {
        "type": "object",
        "required": ["sequence", "code", "reason"],
        "properties": {
            "sequence": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "code": {"enum": [code.value for code in Code]},
            "reason": {"type": "string"},
        },
    }
    hash_or_null: Tree = {"anyOf": [{"type": "string", "pattern": "^[0-9a-f]{64}$"}, {"type": "null"}]}
    properties: Tree = {
        "schema": {"const": "ack/1"},
        "station": {"type": "string"},
        "epoch": {"type": "string"},
        "acknowledged_through": number,
        "acknowledged_hash": hash_or_null,
        "accepted": number,
        "duplicates": number,
        "waiting": number,
        "missing": {"type": "array", "items": {"type": "array", "items": number, "minItems": 2, "maxItems": 2}},
        "refused": {"type": "array", "items": refusal},
    }
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _list(tree: dict[str, object], name: str, most: int) -> list[object]:
    found = tree.get(name, [])
    if not isinstance(found, list):
        raise BadBatch(422, f'"{name}" has to be a list.')
    if len(found) > most:
        raise BadBatch(413, f'"{name}" has more than {most} entries. Send fewer at once.')
    return found


def _read_rows(trees: list[object]) -> tuple[tuple[IntervalRow, ...], tuple[Refusal, ...]]:
    rows: list[IntervalRow] = []
    refused: list[Refusal] = []
    for tree in trees:
        try:
            rows.append(parse(json.dumps(tree)))
        except RowError as error:
            sequence = tree.get("sequence") if isinstance(tree, dict) else None
            number = sequence if isinstance(sequence, int) and not isinstance(sequence, bool) else None
            refused.append(Refusal(number, Code.schema, str(error)[:_LONGEST_SAID]))
    return tuple(rows), tuple(refused)
