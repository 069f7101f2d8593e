"""A plant's folder for tests of the tools: settings, the shipped models, and a plan as a run has it."""

from __future__ import annotations

from pathlib import Path

from station.codebook import load_codebook
from station.config import Config
from station.plan import Plan
from station.store_rows import Run
from station.tools.opening import tools_desk
from station.web.tools_routes import ToolsDesk
from tests.station.site import PROJECT, site_config
from vision.model_card import load_card


def tool_plan(folder: Path, config: Config | None = None) -> Plan:
    """A planned run of the simulated line below ``folder``."""
    config = config or site_config(folder)
    models = folder / "models"
    if not models.exists():
        models.symlink_to(PROJECT / "models")
    card = load_card(config.resolve(config.file.model))
    run = Run("r-1", config.file.station.id, 0, 0, True, "0.1.0", config.digest, card.sha256, card.labels)
    return Plan(config, card, load_codebook(), run)


class Bell:
    """Whoever would start the station again: ``refusal`` is what it says."""

    def __init__(self) -> None:
        self.rung = 0
        self.refusal: str | None = None

    def __call__(self) -> str | None:
        self.rung += self.refusal is None
        return self.refusal


def tools_of(folder: Path, bell: Bell | None = None, plan: Plan | None = None) -> ToolsDesk:
    """The desk over it."""
    return tools_desk(plan or tool_plan(folder), None, lambda: None, bell or Bell())
