"""Settings of the whole test run."""

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

# These run real processes, sockets or a browser against the real clock, and a shared machine can stand still for a
# second or two: they get another try. Everything else is exact and gets none.
_REALTIME = {
    "tests.control.test_machine_contract",
    "tests.control.test_modbus_machine",
    "tests.control.test_foreign_peers",
    "tests.control.test_carry",
    "tests.control.test_modbus_rtu",
    "tests.control.test_read_back",
    "tests.control.test_process",
    "tests.control.test_kill",
    "tests.hil.test_board_bench",
    "tests.hil.test_emulator",
    "tests.hil.test_line",
    "tests.station.access.test_access_browser",
    "tests.station.footage.test_label_page",
    "tests.station.footage.test_missed",
    "tests.station.test_machine_commands",
    "tests.station.pages.test_every_page",
    "tests.station.pages.test_lost",
    "tests.station.programme.test_load",
    "tests.station.programme.test_mqtt",
    "tests.station.programme.test_pages_browser",
    "tests.station.programme.test_receiver",
    "tests.station.recording.test_post",
    "tests.station.recording.test_recorded_run",
    "tests.station.reporting.test_mqtt_connection",
    "tests.station.reporting.test_mqtt_end_to_end",
    "tests.station.reporting.test_sparkplug_broker",
    "tests.station.safe_mode.test_safe_run",
    "tests.station.test_machine_kinds",
    "tests.station.test_run",
    "tests.station.test_run_refused",
    "tests.station.test_scale",
    "tests.station.test_store",
    "tests.station.test_web_browser",
    "tests.station.test_web_review_browser",
    "tests.station.test_web_server",
    "tests.station.tools.test_diagnostics",
    "tests.station.tools.test_models",
    "tests.station.tools.test_recordings",
    "tests.station.tools.test_settings",
    "tests.station.tools.test_settings_browser",
    "tests.station.whatif.test_sim_line",
    "tests.station.wizard.test_walk_browser",
}

# These run the whole program, which has a computer to itself at a plant: where tests run side by side, one after the
# other, from the first moment, while all other tests stand back.
_WHOLE_PROGRAM = {
    "tests.control.test_carry",
    "tests.control.test_kill",
    "tests.station.recording.test_recorded_run",
    "tests.station.reporting.test_mqtt_end_to_end",
    "tests.station.safe_mode.test_safe_run",
    "tests.station.test_machine_kinds",
    "tests.station.test_run",
    "tests.station.whatif.test_sim_line",
    "tests.station.wizard.test_walk_browser",
}
_STAND_BACK = 10

# How long an example takes says nothing on a shared machine; the time-out of each test is the bound.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


class _WholeProgramApart(LoadFileScheduling):  # type: ignore[misc]
    """A file is one worker's, and so are all that run the whole program."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        module = ".".join(PurePosixPath(file).with_suffix("").parts)
        return "whole program" if module in _WHOLE_PROGRAM else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _WholeProgramApart:
    return _WholeProgramApart(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _module(item) not in _WHOLE_PROGRAM)
    for item in items:
        if _module(item) in _REALTIME:
            item.add_marker(pytest.mark.flaky(reruns=2))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ and _module(item) not in _WHOLE_PROGRAM:
        os.setpriority(os.PRIO_PROCESS, 0, _STAND_BACK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What a failed try left open is closed after the next try, or a later test would be blamed for it."""
    yield
    if getattr(item, "execution_count", 1) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def _module(item: pytest.Item) -> str:
    return item.module.__name__ if isinstance(item, pytest.Function) else ""
