"""The reference of a station file: every key with its kind, default and one line of explanation."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from station.named_files import CalibrationFile, CouplerFile, RecipeFile
from station.sections import ConfigFile


class Key(NamedTuple):
    """One key of one of the files; ``default`` as text, None where it is needed; ``says`` may be empty."""

    file: str
    path: str
    kind: str
    default: str | None
    says: str


def every_key() -> Iterator[Key]:
    """Of the files a station is made of."""
    files: dict[str, type[BaseModel]] = {
        "station file": ConfigFile,
        "calibration": CalibrationFile,
        "recipe": RecipeFile,
        "coupler": CouplerFile,
    }
    for file, model in files.items():
        yield from _keys(file, model, "")


def describe_keys() -> Iterator[str]:
    """One line per key, a heading per file."""
    for file, keys in groupby(every_key(), lambda key: key.file):
        yield f"# {file}"
        for key in keys:
            default = "(needed)" if key.default is None else f"= {key.default}"
            yield f"{key.path}: {key.kind} {default}  {key.says}".rstrip()


def _keys(file: str, model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        sections = list(_sections(field.annotation))
        for section in sections:
            yield from _keys(file, section, f"{prefix}{name}.")
        if not sections:
            default = None if field.is_required() else str(field.get_default())
            yield Key(file, f"{prefix}{name}", _kind(field), default, field.description or "")


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _sections(part)


def _kind(field: FieldInfo) -> str:
    annotation = field.annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
