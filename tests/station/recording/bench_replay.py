"""Ten minutes at 60 pictures and 20 pieces a second: how fast they replay, and whether they do so under load.

``python -m tests.station.recording.bench_replay [MINUTES]`` writes the recording, replays it twice alone and once with
four busy processes beside it, and says how many times faster than real time that was.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from station.recording.reader import open_recording
from station.recording.replay import replay
from station.types import Order
from tests.station.recording.golden_line import GoldenLine, Scenario, Turn, feed

_HOGS = 4
_SPEED_MM_S = 1500.0
_PIECES_PER_S = 20.0
_STEP_NS = 16_666_667


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mcap"
        begun = time.process_time()
        record(path, minutes * 60)
        made_s = time.process_time() - begun
        sys.stdout.write(f"recorded {minutes:g} min in {made_s:.1f} s of CPU, {path.stat().st_size / 1e6:.1f} MB\n")
        say("alone", path)
        say("again", path)
        hogs = [multiprocessing.get_context("spawn").Process(target=burn, daemon=True) for _ in range(_HOGS)]
        for hog in hogs:
            hog.start()
        say(f"{_HOGS} hogs", path)
        for hog in hogs:
            hog.kill()
            hog.join()


def record(path: Path, seconds: float) -> None:
    """A long run at full rate."""
    gap_mm = _SPEED_MM_S / _PIECES_PER_S
    pieces = feed(1, round(seconds * _PIECES_PER_S), gap_mm)
    scenario = Scenario("long", "A long run.", tuple(pieces), ())
    GoldenLine(scenario, path, _STEP_NS).play((Turn(0.1), Turn(seconds, (Order.start,))))


def say(how: str, path: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    found = replay(open_recording(path))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sys.stdout.write(
        f"{how:8} {'equal' if found.is_equal else 'DIFFERENT'}: {found.proved} steps, {found.recorded_s:.0f} s; "
        f"{found.recorded_s / wall:.0f}x by the clock, {found.recorded_s / cpu:.0f}x by CPU time\n"
    )


def burn() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
