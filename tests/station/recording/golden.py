"""The golden recordings and their decisions: ``python -m tests.station.recording.golden`` writes them anew.

What is scripted here is played again; a recording that somebody copied into the folder keeps its inputs, and what this
version says to them takes the place of what was said. The text beside each is for people: its diff is the review.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hil.types import MishapName
from station.recording.codec import encode
from station.recording.decisions import DecisionWriter
from station.recording.follow import follow
from station.recording.reader import open_recording
from station.recording.texts import StepTexts
from station.recording.words import Finish
from station.recording.writer import RecordingWriter
from station.types import Order, Outputs
from tests.station.recording.golden_line import GoldenLine, Lying, Scenario, Turn, feed

FOLDER = Path(__file__).parents[2] / "recordings" / "golden"
LATER = (Turn(0.5, late_ms=330.0, dropped=1), Turn(0.6, late_ms=560.0), Turn(0.8, late_ms=1200.0))
BEGIN = (Turn(0.1), Turn(2.6, (Order.start,)))


def _lithium() -> tuple[Lying, ...]:
    return (*feed(8, 8, 110.0)[:4], Lying(3000.0, 400.0, 2, 0.97), *feed(9, 4, 110.0, 3100.0))


SCENARIOS = (
    Scenario(
        "normal",
        "Copper and steel; every sixth piece is hard to tell.",
        tuple(feed(1, 16, 120.0)),
        (*BEGIN, Turn(2.6)),
    ),
    Scenario(
        "dense-touching",
        "A dense feed in which pieces touch and lie side by side.",
        tuple(feed(2, 60, 32.0)),
        (*BEGIN, Turn(2.6)),
    ),
    Scenario(
        "stop-restart",
        "The belt is paused with pieces under way, stands still, and goes on.",
        tuple(feed(3, 18, 120.0)),
        (*BEGIN, Turn(0.6), Turn(2.6, (Order.pause,)), Turn(4.0, (Order.start,))),
    ),
    Scenario(
        "speed-ramp",
        "The belt slows down to 0.6 m/s and speeds up to 1.95 m/s.",
        tuple(feed(4, 20, 120.0)),
        (*BEGIN, Turn(4.0)),
        profile=((2.2, 0.4), (4.2, 1.3)),
    ),
    Scenario(
        "encoder-wrap",
        "A counter of 16 bits rolls over while shots are planned across the edge.",
        tuple(feed(5, 20, 120.0)),
        (*BEGIN, Turn(3.0)),
        counter_bits=16,
        start_count=22_700,
    ),
    Scenario(
        "camera-freeze",
        "The camera repeats one picture for a second: pieces pass unsorted, and sorting comes back by itself.",
        tuple(feed(6, 40, 130.0)),
        (*BEGIN, Turn(0.6), Turn(1.0, frozen=True), Turn(4.0)),
    ),
    Scenario(
        "estop",
        "The emergency stop with shots planned; nothing moves again before reset and start.",
        tuple(feed(7, 26, 120.0)),
        (
            *BEGIN,
            Turn(0.6),
            Turn(1.6, begin=(MishapName.estop,)),
            Turn(0.3, (Order.start,), end=(MishapName.estop,)),
            Turn(0.3, (Order.reset,)),
            Turn(4.0, (Order.start,)),
        ),
    ),
    Scenario("hazard", "A lithium battery: it is not ejected, and the belt stops.", _lithium(), (*BEGIN, Turn(1.6))),
    Scenario(
        "bypass",
        "The air pressure falls: pieces pass, and sorting comes back when it is back.",
        tuple(feed(10, 40, 130.0)),
        (*BEGIN, Turn(0.6), Turn(1.0, begin=(MishapName.air_low,)), Turn(4.2, end=(MishapName.air_low,))),
    ),
    Scenario(
        "late-frames",
        "Pictures arrive later and later: too late to fire, then too late to have a place.",
        tuple(feed(11, 34, 100.0)),
        (*BEGIN, Turn(0.6), *LATER, Turn(2.0)),
    ),
)  # fmt: skip


def decisions_of(path: Path) -> Iterator[str]:
    """What this version decides on the inputs of a recording; its first line says what it shows."""
    recording = open_recording(path)
    shown = recording.attachments.get("scenario.txt")
    yield f"# {path.stem}" if shown is None else f"# {shown.text}"
    writer = DecisionWriter()
    for followed in follow(recording):
        if followed.outputs is not None:
            yield from writer.tell(followed.outputs)
        if followed.records is not None:
            yield from writer.tell_end(followed.records)


def renew(path: Path) -> None:
    """Keep the inputs of a recording, and put what this version says to them in the place of what was said."""
    recording = open_recording(path)
    draft = path.with_suffix(".part")
    with RecordingWriter(draft, recording.about, recording.attachments.values()) as writer:
        for followed in follow(recording):
            entry = followed.entry
            if isinstance(entry, StepTexts) and followed.outputs is not None:
                entry = entry._replace(outputs=encode(Outputs, followed.outputs))
            if isinstance(entry, Finish) and followed.records is not None:
                entry = Finish(entry.now_ns, followed.records)
            writer.write(entry)
    draft.replace(path)


def write_golden(folder: Path) -> None:
    """Every scripted recording, every copied one, and the text beside each."""
    folder.mkdir(parents=True, exist_ok=True)
    scripted = {scenario.name for scenario in SCENARIOS}
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as made:
            path = Path(made) / "made.mcap"
            GoldenLine(scenario, path).play(scenario.turns)
            (folder / f"{scenario.name}.mcap").write_bytes(path.read_bytes())
    for path in sorted(folder.glob("*.mcap")):
        if path.stem not in scripted:
            renew(path)
        path.with_suffix(".txt").write_text("\n".join(decisions_of(path)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
