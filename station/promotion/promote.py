"""Changing a station's model: the file is checked as it would be, then exchanged whole, and the act is written down."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ruamel.yaml import YAML

from station.config import Config, ConfigError, load_config
from station.promotion.audit import FILE, Act, Change, append, read_audit, to_return
from vision.model_card import load_card
from vision.types import ModelRefused

HISTORY = "history"


class PromotionRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The model stays as it is; the text says why and what to do."""


def promote(path: Path, folder: Path, by: str, why: str, now: datetime) -> Change:
    """Make the model in ``folder`` the one of station file ``path`` from its next start on.

    Raises PromotionRefused, and what ``station check`` raises for the file as it would be; then nothing has changed.
    """
    config = load_config(path)
    with _alone(config):
        written = os.path.relpath(folder.resolve(), path.resolve().parent)
        return _change(config, Act.promoted, written, by, why, now)


def take_back(path: Path, by: str, why: str, now: datetime) -> Change:
    """Go back to the model before the newest promotion; the one after that goes back one further."""
    config = load_config(path)
    with _alone(config):
        last = to_return(read_audit(audit_file(config)))
        if last is None:
            raise PromotionRefused(f"There is nothing to go back to: no promotion of {path} is written down.")
        found = load_card(config.resolve(last.from_path)).id
        if found != last.from_id:
            raise PromotionRefused(
                f"The model in {last.from_path} is {found}, before the promotion it was {last.from_id}; restore it."
            )
        return _change(config, Act.returned, last.from_path, by, why, now)


def audit_file(config: Config) -> Path:
    """Beside the records."""
    return config.resolve(config.file.station.data_folder) / FILE


def _change(config: Config, act: Act, written: str, by: str, why: str, now: datetime) -> Change:
    """Check, keep the old file, write the line, exchange the file."""
    if not by.strip():
        raise PromotionRefused("Say who does this: --by NAME.")
    before, after = load_card(config.resolve(config.file.model)), load_card(config.resolve(written))
    if before.folder == after.folder:
        raise PromotionRefused(f"{written} is the model of {config.path} already.")
    stamp = now.astimezone(UTC)
    text = config.path.read_text(encoding="utf-8")
    draft = config.path.with_name(f".{config.path.name}.draft")
    change = Change(
        at_utc=stamp.isoformat(timespec="seconds"),
        by=by.strip(),
        act=act,
        station=config.file.station.id,
        from_path=config.file.model,
        from_id=before.id,
        to_path=written,
        to_id=after.id,
        why=why,
    )
    try:
        _write(draft, with_model(text, written))
        _check(draft, config.path)
        _write(_history(config, stamp), text)
        append(audit_file(config), change)
        draft.replace(config.path)
        _sync(config.path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return change


def with_model(text: str, written: str) -> str:
    """The station file with another model; every other character stays as it is.

    Raises PromotionRefused when the key cannot be found as a plain value on one line.
    """
    tree = YAML(typ="rt").load(text)
    lines = text.splitlines(keepends=True)
    row, column = tree.lc.value("model")
    old = str(tree["model"])
    line = lines[row]
    for quoted in (f'"{old}"', f"'{old}'", old):
        if line[column:].startswith(quoted):
            fresh = '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"' if _needs_quotes(written) else written
            lines[row] = line[:column] + fresh + line[column + len(quoted) :]
            changed = "".join(lines)
            again = YAML(typ="rt").load(changed)
            if again["model"] == written and {**again, "model": old} == dict(tree):
                return changed
    raise PromotionRefused("The key 'model' of the station file is not a plain value on one line; write it as one.")


def _needs_quotes(written: str) -> bool:
    """A path of letters, digits and /._- is a plain value as long as a letter, digit or dot begins it."""
    return not all(mark.isalnum() or mark in "/._-" for mark in written) or written[0] in "-_"


def _check(draft: Path, path: Path) -> None:
    """All that ``station check`` checks; complaints name the file that people know."""
    from station.plan import check_station

    try:
        for _ in check_station(load_config(draft)):
            pass
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(draft), str(path))) from error
    except ModelRefused as error:
        raise ModelRefused(f"Not promoted, nothing has changed. {error}") from error


def _history(config: Config, stamp: datetime) -> Path:
    folder = config.path.parent / HISTORY
    folder.mkdir(exist_ok=True)
    return folder / f"{config.path.stem}-{stamp.strftime('%Y-%m-%dT%H-%M-%S')}{config.path.suffix}"


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Nobody else changes the model meanwhile; the lock goes away with its process."""
    path = audit_file(config).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PromotionRefused("Somebody else is changing the model of this station right now.") from error
        yield
