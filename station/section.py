"""What every section of a settings file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Unknown keys are errors, values are neither converted nor changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
