"""What a person can mend is said in one sentence; anything else is a defect and shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

_USAGE = 2


@contextmanager
def plain_errors(*own: type[Exception]) -> Iterator[None]:
    """Ends a command with exit code 2 and the sentence in red; ``own`` are errors that only this command has."""
    from control.types import MachineLost, MachineMismatch
    from station.config import ConfigError
    from station.recording.words import RecordingUnreadable
    from station.store import StoreBusy
    from station.store_file import StoreRefused
    from station.web.server import PortTaken
    from vision.types import CameraLost, FootageError, ModelRefused

    kinds: tuple[type[Exception], ...] = (
        CameraLost, ConfigError, FootageError, MachineLost, MachineMismatch, ModelRefused, PortTaken,
        RecordingUnreadable, StoreBusy, StoreRefused, *own,
    )  # fmt: skip
    try:
        yield
    except kinds as error:
        Console(stderr=True).print(escape(str(error)), style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(_USAGE) from None
