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
