"""The child of ``station.tools.niced``: gives way to everybody, does one work, and tells how it goes."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading

from station.tools.works import WORKS, Told

_NICE = 19
_MOST_BYTES = 3 << 30


def main() -> None:
    """One JSON object on stdin; lines of progress and one answer on stdout."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_leave_with_the_station, daemon=True).start()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever else prints is not the answer
    lock = threading.Lock()

    def say(line: Told) -> None:
        with lock:
            out.write(json.dumps(line).encode() + b"\n")

    try:
        say({"result": WORKS[asked["work"]](asked["told"], lambda w, n, of: say({"words": w, "done": n, "of": of}))})
    except _refusals() as refused:
        say({"refusal": str(refused)})
    except MemoryError:
        say({"refusal": f"It needs more than {_MOST_BYTES >> 30} GiB of memory, which it does not get beside a line."})


def _leave_with_the_station() -> None:
    """The other end of stdin closes when the station ends, however it ends."""
    sys.stdin.buffer.read()
    os._exit(1)


def _refusals() -> tuple[type[Exception], ...]:
    """What a person can mend."""
    from station.chain import ChainBroken
    from station.config import ConfigError
    from station.dataset.words import DatasetRefused
    from station.promotion.promote import PromotionRefused
    from station.recording.words import RecordingUnreadable
    from station.training.refusals import TrainingRefused
    from vision.types import CameraLost, FootageError, ModelRefused

    return (
        CameraLost, ChainBroken, ConfigError, DatasetRefused, FootageError, ModelRefused, OSError, PromotionRefused,
        RecordingUnreadable, TrainingRefused,
    )  # fmt: skip


if __name__ == "__main__":
    main()
