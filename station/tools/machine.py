"""The machine as a technician looks at it: who answers, how fast, and how every lane does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from control.control_words import ControlStatus
from control.types import MachineLost, MachineMismatch
from station import setup
from station.config import Config, ConfigError
from station.device_choice import machine_in_words
from station.device_doubts import doubts
from station.keeping.places import data_folder
from station.machine_probe import probe_lines
from station.marked import marked
from station.sections import ModbusRtuSection, SerialBoardSection
from station.tools.rest import not_at_rest
from station.trends.lanes import lane_days
from station.valves import ValveHealth
from station.web.view import StationView

_POLLS = 200
_US_PER_MS = 1000
_DAYS_SHOWN = 60


class ProbeRefused(Exception):  # noqa: N818 - refused things are named as facts
    """Nothing was probed; the text says why."""


@dataclass(frozen=True, slots=True)
class MachineDesk:
    """Of one running station; ``control`` is what its control process said last."""

    config: Config
    control: Callable[[], ControlStatus | None]

    def told(self, view: StationView) -> dict[str, object]:
        """Everything that is known without asking the machine anything."""
        identity = setup.expected_identity(self.config)
        days = lane_days(data_folder(self.config), time.time())  # noqa: TID251 - the newest days
        return {
            "words": machine_in_words(self.config),
            "kind": self.config.file.machine.kind,
            "expected": identity._asdict(),
            "live": _live(self.control()),
            "lanes": list(self._lanes(view)),
            "history": [day._asdict() for day in days[-_DAYS_SHOWN:]],
            "doubts": list(doubts(self.config)),
        }

    def probe(self, view: StationView) -> list[str]:
        """Ask it; raises ProbeRefused. Takes about a second and is asked away from the event loop."""
        refusal = not_at_rest(view.status())
        if refusal is not None:
            raise ProbeRefused(refusal)
        if isinstance(self.config.file.machine, SerialBoardSection | ModbusRtuSection):
            raise ProbeRefused(
                marked("This station itself holds the serial line. Its own figures stand above; to probe, stop it.")
            )
        lines: list[str] = []
        try:
            lines.extend(probe_lines(self.config, _POLLS))
        except (ConfigError, MachineLost) as error:
            raise ProbeRefused(str(error)) from error
        except MachineMismatch as mismatch:
            lines.append(str(mismatch))
        return lines

    def _lanes(self, view: StationView) -> Iterator[dict[str, object]]:
        status, openings = view.status(), view.openings()
        health = {} if status is None else {valve.output: valve for valve in status.valves}
        seen: dict[str, int] = {}
        for ejector in setup.ejectors(self.config):
            lane = seen[ejector.outlet] = seen.get(ejector.outlet, 0) + 1
            valve = health.get(ejector.output)
            yield {
                "outlet": ejector.outlet,
                "lane": lane,
                "output": ejector.output,
                "kind": ejector.kind,
                "openings": openings.get(ejector.output, 0),
                "openings_this_run": 0 if valve is None else valve.openings,
                "delay_ms": ejector.delay_ms,
                "response_ms": None if valve is None else valve.response_ms,
                "health": _health(valve),
            }


def _health(valve: ValveHealth | None) -> str:
    if valve is None or (not valve.openings and not valve.is_dead):
        return marked("not used in this run")
    if valve.is_dead:
        return marked("does nothing")
    return marked("answers late") if valve.is_slow else marked("well")


def _live(status: ControlStatus | None) -> dict[str, object] | None:
    """What the control process measures while it works."""
    if status is None:
        return None
    line = status.line
    return {
        "connected": status.connected,
        "polls": status.polls,
        "late_polls": status.late_polls,
        "round_trip_ms_p50": round(status.round_trip_us_p50 / _US_PER_MS, 2),
        "round_trip_ms_p99": round(status.round_trip_us_p99 / _US_PER_MS, 2),
        "real_time": status.fifo,
        "jobs_refused": status.jobs_refused,
        "held": status.held,
        "down": None if status.down is None else status.down.detail,
        "unusable_share": None if line is None else line.share,
    }
