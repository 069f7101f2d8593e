"""Settings of the whole test run."""

import pytest
from hypothesis import settings

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

# How long an example takes says nothing on a shared machine; the time-out of each test is the bound.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and item.module.__name__ in _REALTIME:
            item.add_marker(pytest.mark.flaky(reruns=2))
