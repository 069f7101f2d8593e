"""From a planned run to the technician's tools."""

from __future__ import annotations

from collections.abc import Callable

from control.control_words import ControlStatus
from station import setup
from station.config import Config
from station.keeping.places import data_folder
from station.plan import Plan
from station.reporting.office import Office
from station.tools.bundle import BundleDesk
from station.tools.errands import FOLDER, ErrandDesk
from station.tools.machine import MachineDesk
from station.tools.models import ModelDesk
from station.tools.recordings import RecordingDesk
from station.tools.settings import SettingsDesk, hashes
from station.tools.todo_facts import TodoDesk
from station.web.tools_routes import ToolsDesk


def tools_desk(
    plan: Plan,
    office: Office | None,
    control: Callable[[], ControlStatus | None],
    restart: Callable[[], str | None],
) -> ToolsDesk:
    """Those of a running station; ``control`` is what its control process said last."""
    config, settings = plan.config, settings_desk(plan, restart)
    todo = TodoDesk(config, settings, plan.run.is_simulated, office)
    errands, models = ErrandDesk(data_folder(config) / FOLDER), ModelDesk(config)
    machine, recordings = MachineDesk(config, control), RecordingDesk(config, models, errands)
    return ToolsDesk(settings, todo, errands, models, machine, recordings, BundleDesk(config, machine, todo))


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
