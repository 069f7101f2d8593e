"""The command ``station mass``: what the belt scale teaches about the estimated masses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from station.config import load_config
from station.plain_errors import plain_errors
from station.weighing import correct


def mass(
    config: Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)] = Path("configs/sim.yaml"),
    by: Annotated[str, typer.Option(help="Who corrects; kept with the factors.")] = "",
) -> None:
    """Correct the estimated masses by the totals of a belt scale (mass.weighings); takes effect at the next start."""
    if not by.strip():
        raise typer.BadParameter("say who corrects: --by NAME")
    with plain_errors():
        found = correct(load_config(config), by, datetime.now(UTC))  # noqa: TID251 - a command has a clock
    table = Table("class", "factor", "still unknown")
    for label, factor in sorted(found.factors.items()):
        table.add_row(label, f"{factor.factor:.3f}", f"{factor.sd:.0%}")
    console = Console()
    console.print(table)
    console.print(f"From {found.weighings} weighings; masses are multiplied by these factors from the next start on.")
