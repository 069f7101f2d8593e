"""All pages of the technician's tools together."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from station.keeping.places import data_folder
from station.tools.bundle import BundleDesk
from station.tools.errands import ErrandDesk
from station.tools.machine import MachineDesk
from station.tools.models import ModelDesk
from station.tools.recordings import RecordingDesk
from station.tools.settings import SettingsDesk
from station.tools.todo_facts import TodoDesk
from station.web.errand_routes import add_errands
from station.web.log_routes import add_logs
from station.web.machine_routes import add_machine
from station.web.model_routes import add_models
from station.web.pages import Pages
from station.web.recording_routes import add_recordings
from station.web.settings_routes import add_settings
from station.web.todo_routes import add_todo
from station.web.view import StationView


@dataclass(frozen=True, slots=True)
class ToolsDesk:
    """What the tools work with."""

    settings: SettingsDesk
    todo: TodoDesk
    errands: ErrandDesk
    models: ModelDesk
    machine: MachineDesk
    recordings: RecordingDesk
    bundle: BundleDesk


def add_tools(app: FastAPI, pages: Pages, tools: ToolsDesk, view: StationView) -> None:
    """Pages and routes."""
    add_todo(app, pages, tools.todo, view)
    add_settings(app, pages, tools.settings)
    add_models(app, pages, tools.models, tools.errands)
    add_machine(app, pages, tools.machine, view)
    add_recordings(app, pages, tools.recordings, view)
    add_logs(app, pages, data_folder(tools.bundle.config), tools.bundle, view)
    add_errands(app, tools.errands)
