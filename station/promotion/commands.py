"""The commands ``station model``: look at a candidate, promote it, go back, and see who did what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from station.chain import ChainBroken
from station.config import load_config
from station.keeping.places import SHADOW, data_folder
from station.keeping.shadow_book import Comparison, read_comparisons
from station.plain_errors import plain_errors
from station.promotion.audit import Change, read_audit
from station.promotion.promote import PromotionRefused, audit_file, take_back
from station.promotion.promote import promote as promoted
from station.training.metrics import wilson
from vision.model_card import load_card

app = typer.Typer(no_args_is_help=True, help="The model of a station: watch a candidate, promote it, go back.")
_out = Console()
_CONFIG = Path("configs/sim.yaml")
_Config = Annotated[Path, typer.Option("--config", help="Station file (YAML).")]
_By = Annotated[str, typer.Option(help="Who does this; written down.")]
_Why = Annotated[str, typer.Option(help="Why; written down.")]
_MOST_PAIRS = 15


@contextmanager
def _refusals() -> Iterator[None]:
    with plain_errors(PromotionRefused, ChainBroken):
        yield


@app.command()
def shadow(config: _Config = _CONFIG) -> None:
    """Show where the candidate (shadow_model) and the running model differed."""
    with _refusals():
        found = read_comparisons(data_folder(load_config(config)) / SHADOW)
    if not found:
        _out.print("No candidate was watched yet: name one as shadow_model in the station file and let it run.")
    for comparison in found:
        _show(comparison)


@app.command()
def promote(
    folder: Annotated[Path, typer.Argument(help="Folder of the model.")],
    by: _By = "",
    why: _Why = "",
    config: _Config = _CONFIG,
) -> None:
    """Make a model that of the station from the next start on; refused when it fails station check.

    If it was the watched candidate (shadow_model), the model before is watched in its place.
    """
    with _refusals():
        change = promoted(config, folder, by, why, datetime.now(UTC))  # noqa: TID251 - a command has a clock
    _say(change, config)


@app.command("return")
def go_back(by: _By = "", why: _Why = "", config: _Config = _CONFIG) -> None:
    """Go back to the model before the last promotion, from the next start on."""
    with _refusals():
        change = take_back(config, by, why, datetime.now(UTC))  # noqa: TID251 - a command has a clock
    _say(change, config)


@app.command()
def history(config: _Config = _CONFIG) -> None:
    """Who changed the model, when and why; says when a line was tampered with or the file was changed by hand."""
    with _refusals():
        station = load_config(config)
        changes = read_audit(audit_file(station))
        running = load_card(station.resolve(station.file.model)).id
    table = Table("when", "who", "what", "from", "to", "why")
    for change in changes:
        table.add_row(*map(escape, (change.at_utc, change.by, change.act, change.from_id, change.to_id, change.why)))
    _out.print(table)
    _out.print(f"Every line holds. In use: {running}.")
    if changes and changes[-1].to_id != running:
        _out.print(f"That is not what the last line says ({changes[-1].to_id}): the file was changed by hand.")


def _say(change: Change, config: Path) -> None:
    _out.print(f"{change.act.capitalize()}: {change.from_id} -> {change.to_id}, by {escape(change.by)}.")
    watched = load_config(config).file.shadow_model
    if watched is not None:
        _out.print(f"Watched beside it: {escape(watched)}.")
    _out.print("It takes effect at the next start; the file as it was is kept in the folder history beside it.")


def _show(found: Comparison) -> None:
    low, high = wilson(found.agreed, found.pieces)
    share = found.agreed / found.pieces if found.pieces else 0.0
    _out.print(
        f"{escape(found.candidate)} beside {escape(found.model)}: {found.pieces} pieces compared, the same label for "
        f"{share:.1%} ({low:.1%} to {high:.1%}); {found.skipped} passed over for lack of spare time."
    )
    table = Table("model says", "candidate says", "pieces", "mean confidence", "candidate's")
    different = [pair for pair in found.pairs if pair.label != pair.candidate_label]
    for pair in different[:_MOST_PAIRS]:
        confidences = (f"{pair.confidence:.2f}", f"{pair.candidate_confidence:.2f}")
        table.add_row(pair.label, pair.candidate_label, str(pair.pieces), *confidences)
    _out.print(table)
    if len(different) > _MOST_PAIRS:
        _out.print(f"and {len(different) - _MOST_PAIRS} rarer pairs.")
