"""How a recording lies in an MCAP file: topics with their schemas, attachments, and the one metadata record.

Every message is canonical JSON (``codec``) with its JSON schema in the file; the messages of one step carry the step's
number as their MCAP sequence, and log times are UTC, so that any MCAP viewer shows them on one time line. Pictures are
``foxglove.CompressedImage`` messages (base64 in JSON) with the frame's stamp beside them.

Attachments: ``station.yaml`` ``calibration.yaml`` ``recipe.yaml`` (as the person wrote them), ``model.yaml`` (the model
card, which holds the hash of the network), ``codebook.csv``, ``eye.json`` (canonical ``EyeSettings``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from station.recording.codec import Schema, schema
from station.recording.words import Begin, EyeAnswers, Finish, Gap
from station.types import Inputs, Outputs
from vision.finder import FinderSettings
from vision.geometry import Geometry

FORMAT = "scrap-sorting-station recording 1"
ABOUT = "about"

STATION_FILE = "station.yaml"
CALIBRATION_FILE = "calibration.yaml"
RECIPE_FILE = "recipe.yaml"
MODEL_CARD = "model.yaml"
CODEBOOK = "codebook.csv"
EYE = "eye.json"


@dataclass(frozen=True, slots=True)
class EyeSettings:
    """What finder and classifier were told."""

    finder: FinderSettings
    geometry: Geometry
    mm_per_px: float


class Picture(NamedTuple):
    """One picture as viewers know it; ``seq``, ``captured_ns`` and ``tick`` are the frame's stamp."""

    timestamp: Instant
    frame_id: str
    data: bytes
    format: str
    seq: int
    captured_ns: int
    tick: int | None


class Instant(NamedTuple):
    """UTC since 1970."""

    sec: int
    nsec: int


class Topic(NamedTuple):
    """Where messages of one kind lie and what describes them."""

    name: str
    schema_name: str
    kind: type[object]

    def schema(self) -> Schema:
        return {"title": self.schema_name} | schema(self.kind)


BEGIN = Topic("/sorter/begin", "station.Begin", Begin)
INPUTS = Topic("/sorter/inputs", "station.Inputs", Inputs)
ANSWERS = Topic("/sorter/eye", "station.EyeAnswers", EyeAnswers)
OUTPUTS = Topic("/sorter/outputs", "station.Outputs", Outputs)
GAP = Topic("/sorter/gap", "station.Gap", Gap)
FINISH = Topic("/sorter/finish", "station.Finish", Finish)
PICTURE = Topic("/camera/image", "foxglove.CompressedImage", Picture)
TOPICS = (BEGIN, INPUTS, ANSWERS, OUTPUTS, GAP, FINISH, PICTURE)
