"""Planning a run: everything that can be wrong is found here, before the first process starts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from station import setup
from station.codebook import Material, load_codebook
from station.config import Config, ConfigError
from station.store_rows import Run
from station.web.server import check_port_free
from station.wiring import load_model, probe_machine
from vision.model_card import ModelCard


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``seconds`` None runs until told to stop; ``summary`` is a file to write at the end."""

    seconds: float | None
    summary: Path | None
    web: bool


class Plan(NamedTuple):
    """Everything that was checked before the first process starts."""

    config: Config
    card: ModelCard
    materials: Mapping[str, Material]
    run: Run


def plan_run(config: Config, options: RunOptions) -> Plan:
    """Check everything that can be checked before anything is started.

    Raises ConfigError, ModelRefused, PortTaken, MachineLost, MachineMismatch or FootageError, each with a sentence.
    """
    if options.summary is not None and not options.summary.parent.is_dir():
        raise ConfigError(f"{options.summary}  the summary's folder does not exist: create it first")
    if options.web:
        check_port_free(config.file.web.host, config.file.web.port)
    card = load_model(config)
    materials = load_codebook()
    setup.recipe(config, card.labels, materials)
    probe_machine(config)
    return Plan(config, card, materials, _begin(config, card))


def _begin(config: Config, card: ModelCard) -> Run:
    started_ns = time.monotonic_ns()  # noqa: TID251 - the one offset between monotonic time and UTC
    return Run(
        uuid=str(uuid.uuid4()),
        station=config.file.station.id,
        started_ns=started_ns,
        utc_offset_ns=time.time_ns() - started_ns,
        is_simulated=setup.is_simulated(config),
        software=version("scrap-sorting-station"),
        config_sha256=config.digest,
        model_sha256=card.sha256,
        labels=card.labels,
    )
