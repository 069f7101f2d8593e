"""Sections of a station file about counting and reporting; channels to the programme are in ``programme_sections``."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from station.marked import marked
from station.section import Section


class ShiftSection(Section):
    name: str = Field(min_length=1, max_length=40, description="what reports call it")
    begins: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="time of day it begins, HH:MM in time_zone")
    ends: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="time of day it ends; may be on the next day")


class ReportingSection(Section):
    """Intervals, shifts and how long details are kept."""

    interval_s: Literal[10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600] = Field(
        60, description="length of one report row"
    )
    time_zone: str = Field("UTC", max_length=60, description="time zone of the plant's shifts, like Asia/Manila")
    shifts: list[ShiftSection] = Field([], max_length=12, description="the plant's shifts; the first that fits counts")
    intake_sd_kg: float = Field(5.0, gt=0, le=10_000, description="standard deviation of the scale at intake")
    intake_sd_share: float = Field(0.002, ge=0, le=0.2, description="the same as a share of the weight, on top")
    keep_days: float = Field(400.0, ge=2, le=100_000, description="pieces and acknowledged rows older than this go")
    min_free_gb: float = Field(0.5, ge=0, le=10_000, description="below this, older details go before their time")

    @field_validator("time_zone")
    @classmethod
    def _must_exist(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            unknown = marked("no time zone '{name}' is known here: use a name like Asia/Manila, or UTC")
            raise ValueError(unknown.format(name=name)) from error
        return name
