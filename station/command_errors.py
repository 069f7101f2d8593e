"""One sentence instead of a traceback, for commands that live beside their work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def plain_refusals(*kinds: type[Exception]) -> Iterator[None]:
    """What a person can mend is said in one sentence and ends with exit code 2."""
    try:
        yield
    except kinds as refusal:
        typer.secho(str(refusal), fg="red", err=True)
        raise typer.Exit(2) from None


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turn what a person can mend into its sentence; anything else is a defect and shows."""
    from station.config import ConfigError
    from station.recording.words import RecordingUnreadable
    from station.web.server import PortTaken
    from vision.types import FootageError, ModelRefused

    with plain_refusals(ConfigError, FootageError, ModelRefused, PortTaken, RecordingUnreadable):
        yield
