"""How a command refuses: what a person can mend is said in one sentence and ends with exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turn what a person can mend into its sentence; anything else is a defect and shows."""
    from station.config import ConfigError
    from station.recording.words import RecordingUnreadable
    from station.web.server import PortTaken
    from vision.types import FootageError, ModelRefused

    try:
        yield
    except (ConfigError, FootageError, ModelRefused, PortTaken, RecordingUnreadable) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(2) from None
