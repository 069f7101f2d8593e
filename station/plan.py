"""Planning a run: everything that can be wrong is found here, before the first process starts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from station import setup
from station.codebook import Material, load_codebook
from station.config import Config, ConfigError
from station.device_choice import machine_in_words
from station.device_doubts import doubts
from station.recording.planned import check_record_file, describe_recordings
from station.sections import FolderCameraSection
from station.store_rows import Run
from station.ticks import read_ticks
from station.web.server import check_port_free
from station.weighing import station_correction, station_priors
from station.wiring import probe_machine, prove_model
from vision.model_card import ModelCard, load_card
from vision.types import ModelRefused


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``seconds`` None runs until told to stop; ``summary`` is a file to write at the end.

    ``record`` names the file of this run's recording, with every frame when ``record_frames``.
    """

    seconds: float | None
    summary: Path | None
    web: bool
    record: Path | None = None
    record_frames: bool = False


class Plan(NamedTuple):
    """Everything that was checked before the first process starts."""

    config: Config
    card: ModelCard
    materials: Mapping[str, Material]
    run: Run
    shadow: ModelCard | None = None


def plan_run(config: Config, options: RunOptions) -> Plan:
    """Check everything that can be checked before anything is started.

    Raises ConfigError, ModelRefused, PortTaken, MachineLost, MachineMismatch or FootageError, each with a sentence.
    """
    if options.summary is not None and not options.summary.absolute().parent.is_dir():
        raise ConfigError(f"{options.summary}  the summary's folder does not exist: create it first")
    check_record_file(options.record)
    if options.web:
        check_port_free(config.file.web.host, config.file.web.port)
    plan = _plan(config)
    if not plan.run.is_simulated:
        probe_machine(setup.machine_settings(config))
    return plan


def check_station(config: Config) -> Iterator[str]:
    """Check settings, recipe, model and footage, and say what was found; raises like ``plan_run``, starts nothing."""
    plan = _plan(config)
    yield f"{config.path}: valid, digest {config.digest[:12]}"
    yield f"model {plan.card.id}: {_proven(plan.card)} as its card says"
    if plan.shadow is not None:
        yield f"shadow model {plan.shadow.id}: hash, shape, labels and golden crops as its card says"
    yield machine_in_words(config)
    yield from (f"  take care: {doubt}" for doubt in doubts(config))
    for figures in plan.card.measured:
        share, error = figures.accuracy, figures.ece_after
        yield f"  {figures.split}: accuracy {share:.3f} of {figures.n}, calibration error {error:.3f}"
    yield _masses(plan)
    recipe = setup.recipe(config, plan.card.labels, plan.materials)
    for rule in recipe.rules:
        yield f"{', '.join(rule.labels)} -> {rule.outlet} from confidence {rule.min_confidence:g}"
    yield f"stops the line from confidence {recipe.stop_confidence:g}: {', '.join(recipe.stop_labels) or 'nothing'}"
    yield f"everything else -> {recipe.rest_outlet}"
    yield from describe_recordings(config)


def _masses(plan: Plan) -> str:
    priors = station_priors(plan.config)
    without = [label for label in plan.card.labels if label not in priors]
    correction = station_correction(plan.config)
    scale = "not corrected by a scale" if correction is None else f"corrected by a scale on {correction.made}"
    return f"masses are estimated, {scale}; without a mass: {', '.join(without) or 'no class'}"


def _proven(card: ModelCard) -> str:
    if card.detector is None:
        return "hash, shape, labels and golden crops"
    return f"hash, golden pictures and the shapes of a {card.detector.kind} detector"


def plan_bench(config: Config) -> Plan:
    """The same checks, for a benchmark that starts no process."""
    return _plan(config)


def _plan(config: Config) -> Plan:
    card = load_card(config.resolve(config.file.model))
    prove_model(card)
    materials = load_codebook()
    strangers = sorted(set(card.labels) - set(materials))
    if strangers:
        raise ModelRefused(f"Model labels check: {', '.join(strangers)} are not in the codebook; use another model.")
    setup.recipe(config, card.labels, materials)
    shadow = _shadow(config, card)
    station_priors(config)
    setup.picture_shape(config)
    if isinstance(config.file.camera, FolderCameraSection):
        read_ticks(config.resolve(config.file.camera.folder))
    return Plan(config, card, materials, _begin(config, card), shadow)


def _shadow(config: Config, card: ModelCard) -> ModelCard | None:
    """The candidate that is to be watched, proven like the model itself."""
    if config.file.shadow_model is None:
        return None
    shadow = load_card(config.resolve(config.file.shadow_model))
    if shadow.detector is not None:
        raise ModelRefused(f"Model kind check of {shadow.folder}: a shadow_model has to be a classifier of crops.")
    if shadow.sha256 == card.sha256:
        raise ConfigError(f"{config.path}  shadow_model  this is the running model itself: name a candidate")
    prove_model(shadow)
    return shadow


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
