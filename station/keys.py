"""The reference of a station file: every key with its kind, default and one line of explanation."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from station.named_files import CalibrationFile, CouplerFile, RecipeFile
from station.sections import ConfigFile


def describe_keys() -> Iterator[str]:
    """One line per key of the files a station is made of."""
    files: dict[str, type[BaseModel]] = {
        "station file": ConfigFile,
        "calibration": CalibrationFile,
        "recipe": RecipeFile,
        "coupler": CouplerFile,
    }
    for title, model in files.items():
        yield f"# {title}"
        yield from _lines(model, "")


def _lines(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        sections = list(_sections(field.annotation))
        for section in sections:
            yield from _lines(section, f"{prefix}{name}.")
        if not sections:
            yield f"{prefix}{name}: {_kind(field)}{_default(field)}  {field.description or ''}".rstrip()


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


def _default(field: FieldInfo) -> str:
    return " (needed)" if field.is_required() else f" = {field.get_default()}"
