"""The calibration file: what was measured on this line, written by the station, with every one before it kept."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ruamel.yaml import YAML

from station.config import Config, ConfigError, load_config


def values_of(config: Config, keys: Mapping[str, object]) -> dict[str, object]:
    """What the calibration says now of the given keys."""
    now = config.calibration.model_dump()
    return {key: now[key] for key in keys}


def amend(config: Config, changes: Mapping[str, object], by: str, now: datetime) -> Config:
    """Write the calibration anew with these values (None takes a key out) and return the settings that count from now.

    The one before stays beside it under the moment it was replaced. Raises ConfigError, and nothing is changed then.
    """
    path = config.resolve(config.file.calibration)
    before = path.read_text(encoding="utf-8")
    yaml = YAML(typ="rt")
    yaml.width = 120
    tree = yaml.load(before)
    for key, value in {**changes, "made": now.date().isoformat(), "by": by}.items():
        if value is None:
            tree.pop(key, None)
        else:
            tree[key] = value
    text = io.StringIO()
    yaml.dump(tree, text)
    kept = _kept(path, now)
    kept.write_text(before, encoding="utf-8")
    _replace(path, text.getvalue())
    try:
        return _with_calibration(config)
    except ConfigError:
        _replace(path, before)
        kept.unlink()
        raise


def _with_calibration(config: Config) -> Config:
    """The settings in use with the calibration that lies on the disk; a recipe chosen meanwhile stays chosen."""
    fresh = load_config(config.path)
    return config.model_copy(update={"calibration": fresh.calibration, "digest": fresh.digest})


def _kept(path: Path, now: datetime) -> Path:
    """A name that is not taken yet."""
    stem = f"{path.stem}.{now:%Y%m%dT%H%M%SZ}"
    names = (f"{stem}{path.suffix}", *(f"{stem}-{n}{path.suffix}" for n in range(2, 100)))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
