"""Sections of a station file about the programme: which group this station reports to, and over which channels."""

from __future__ import annotations

from pydantic import Field

from station.section import Section


class ProgrammeSection(Section):
    """Where reports go; without a channel they wait in the outbox."""

    group: str = Field(
        "recycling", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", description="group within the programme"
    )
