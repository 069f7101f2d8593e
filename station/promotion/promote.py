"""Changing a station's model: the file is checked as it would be, then exchanged whole, and the act is written down."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ruamel.yaml import YAML

from station.config import Config, ConfigError, load_config
from station.promotion.audit import FILE, Act, Change, append, read_audit, to_return
from station.safe_mode.backups import keep
from vision.model_card import load_card
from vision.types import ModelRefused


class PromotionRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The model stays as it is; the text says why and what to do."""


def promote(path: Path, folder: Path, by: str, why: str, now: datetime) -> Change:
    """Make the model in ``folder`` the one of station file ``path`` from its next start on.

    If it was the one that is watched beside, the model before is watched in its place.

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


def watch(path: Path, folder: Path | None, by: str, now: datetime) -> str:
    """Make the model in ``folder`` the one that is watched beside (``shadow_model``), None: none; gives its path.

    From the next start on; raises like ``promote``.
    """
    config = load_config(path)
    with _alone(config):
        written = None if folder is None else os.path.relpath(folder.resolve(), path.resolve().parent)
        if written == config.file.shadow_model:
            raise PromotionRefused(f"The station file of {path} says so already.")
        text = config.path.read_text(encoding="utf-8")
        _exchange(config, with_shadow(text, written), lambda: keep(config.path, config.path.name, now))
        return written or ""


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

    def write_down() -> None:
        keep(config.path, config.path.name, stamp)
        append(audit_file(config), change)

    changed = with_model(text, written)
    if config.file.shadow_model is not None and load_card(config.resolve(config.file.shadow_model)).id == after.id:
        changed = with_shadow(changed, config.file.model if before.detector is None else None)
    _exchange(config, changed, write_down)
    return change


def _exchange(config: Config, text: str, write_down: Callable[[], object]) -> None:
    """The station file by a checked one; ``write_down`` comes after the check and before the exchange."""
    draft = config.path.with_name(f".{config.path.name}.draft")
    try:
        _write(draft, text)
        _check(draft, config.path)
        write_down()
        draft.replace(config.path)
        _sync(config.path.parent)
    finally:
        draft.unlink(missing_ok=True)


def with_model(text: str, written: str) -> str:
    """The station file with another model; every other character stays as it is.

    Raises PromotionRefused when the key cannot be found as a plain value on one line.
    """
    return _with_value(text, "model", written)


def with_shadow(text: str, written: str | None) -> str:
    """The same with another ``shadow_model``, which may stand on the line after the model or be taken out."""
    tree = YAML(typ="rt").load(text)
    lines = text.splitlines(keepends=True)
    if "shadow_model" in tree and tree["shadow_model"] is not None:
        if written is not None:
            return _with_value(text, "shadow_model", written)
        del lines[tree.lc.key("shadow_model")[0]]
    elif written is not None:
        lines.insert(tree.lc.key("model")[0] + 1, f"shadow_model: {_as_value(written)}\n")
    changed = "".join(lines)
    again = dict(YAML(typ="rt").load(changed) or {})
    if again.pop("shadow_model", None) == written and again == {k: v for k, v in tree.items() if k != "shadow_model"}:
        return changed
    raise PromotionRefused(
        "The keys of the station file do not stand on lines of their own; change shadow_model there."
    )


def _with_value(text: str, key: str, written: str) -> str:
    tree = YAML(typ="rt").load(text)
    lines = text.splitlines(keepends=True)
    row, column = tree.lc.value(key)
    old = str(tree[key])
    line = lines[row]
    for quoted in (f'"{old}"', f"'{old}'", old):
        if line[column:].startswith(quoted):
            lines[row] = line[:column] + _as_value(written) + line[column + len(quoted) :]
            changed = "".join(lines)
            again = YAML(typ="rt").load(changed)
            if again[key] == written and {**again, key: old} == dict(tree):
                return changed
    raise PromotionRefused(f"The key '{key}' of the station file is not a plain value on one line; write it as one.")


def _as_value(written: str) -> str:
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"' if _needs_quotes(written) else written


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
