"""From a planned run to the technician's tools."""

from __future__ import annotations

from collections.abc import Callable

from station import setup
from station.config import Config
from station.keeping.places import data_folder
from station.marked import marked
from station.plan import Plan
from station.reporting.office import Office
from station.tools.errands import FOLDER, ErrandDesk
from station.tools.models import ModelDesk
from station.tools.settings import SettingsDesk, hashes
from station.tools.todo_facts import TodoDesk
from station.types import State, Status
from station.web.tools_routes import ToolsDesk

_AT_REST = frozenset({State.idle, State.fault, State.estop})
_STANDS_MM_S = 1.0


def tools_desk(plan: Plan, office: Office | None, restart: Callable[[], str | None]) -> ToolsDesk:
    """Those of a running station."""
    settings = settings_desk(plan, restart)
    config = plan.config
    return ToolsDesk(
        settings,
        TodoDesk(config, settings, plan.run.is_simulated, office),
        ErrandDesk(data_folder(config) / FOLDER),
        ModelDesk(config),
    )


def settings_desk(plan: Plan, restart: Callable[[], str | None]) -> SettingsDesk:
    """The files this run was started with."""
    config, model = plan.config, plan.config.resolve(plan.config.file.model)
    names = (config.path.name, config.file.calibration, config.file.recipe)

    def prove(changed: Config) -> None:
        """Another model is read only when the change is applied: its card takes long."""
        if changed.resolve(changed.file.model) == model:
            setup.recipe(changed, plan.card.labels, plan.materials)
        setup.flat_field(changed)

    return SettingsDesk(config.path, names, hashes(config.path, names), restart, prove)


def not_at_rest(status: Status | None) -> str | None:
    """Why the program must not begin anew now, None when it may."""
    if status is None or (status.state in _AT_REST and abs(status.speed_mm_s) < _STANDS_MM_S):
        return None
    return marked("The line is not at rest. Stop it first.")
