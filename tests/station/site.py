"""A plant's folder of settings for tests: the project's own, with the data folder elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

from station.config import Config, load_config

PROJECT = Path(__file__).parents[2]


def site_config(folder: Path, model: str = "rendered-v1") -> Config:
    """The simulated line whose records lie in ``folder``, with one of the shipped models."""
    configs = folder / "configs"
    shutil.copytree(PROJECT / "configs", configs, ignore=shutil.ignore_patterns(".last-good"), dirs_exist_ok=True)
    path = configs / "sim.yaml"
    text = path.read_text().replace("data_folder: ../data/sim", f"data_folder: {folder}")
    path.write_text(text.replace("model: ../models/rendered-v1", f"model: ../models/{model}"))
    config = load_config(path)
    assert config.file.model == f"../models/{model}"
    return config
