"""What a person can mend is said in one sentence; anything else is a defect and shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

_USAGE = 2


@contextmanager
def plain_errors() -> Iterator[None]:
    """Ends the command with exit code 2 and the sentence in red."""
    from control.types import MachineLost, MachineMismatch
    from station.config import ConfigError
    from station.store_file import StoreRefused
    from station.web.server import PortTaken
    from vision.types import CameraLost, FootageError, ModelRefused

    try:
        yield
    except (
        CameraLost, ConfigError, FootageError, MachineLost, MachineMismatch, ModelRefused, PortTaken, StoreRefused
    ) as error:  # fmt: skip
        Console(stderr=True).print(escape(str(error)), style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(_USAGE) from None
