"""From a running station to its page: what the desks of the page are made of, and the page while the station runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from control.control_words import ControlStatus
from station.alarm_log import read_alarm_events
from station.desk import Desk
from station.keeping.album import FILE as ALBUM
from station.keeping.opening import review_desk
from station.plan import Plan
from station.reporting.office import Office
from station.tools.log_file import CONSOLE_ONLY
from station.tools.opening import tools_desk
from station.web.access import Access
from station.web.app import Desks, create_app
from station.web.bin_routes import OutletPurity
from station.web.piece_routes import PieceFiles
from station.web.server import serve
from station.web.yard_routes import YardDesk
from station.wizard.desk import WizardDesk

_log = logging.getLogger(__name__)


class Behind(NamedTuple):
    """What stands behind the page beside the desk: where the records lie, and whom its desks ask."""

    records: Path
    office: Office
    wizard: WizardDesk
    control: Callable[[], ControlStatus | None]
    start_again: Callable[[], str | None]


async def keep_page(plan: Plan, desk: Desk, behind: Behind, stop: asyncio.Event) -> None:
    """Serve it until ``stop`` is set; errands of its tools end with it."""
    where, folder = plan.config.file.web, behind.records.parent
    access = await asyncio.to_thread(lambda: Access(folder, viewers=where.viewers))
    if not await asyncio.to_thread(access.book.has_admin):
        _log.info(
            "First run: http://%s:%s/first-run makes the first account, code %s",
            where.host,
            where.port,
            access.code,
            extra=CONSOLE_ONLY,
        )
    tools = tools_desk(plan, behind.office, behind.control, behind.start_again)
    desks = Desks(
        review=review_desk(plan, desk.facts().labels),
        office=behind.office,
        pieces=PieceFiles(behind.records, folder / ALBUM, plan.config.recipe.rest_outlet),
        yard=YardDesk(plan.config),
        wizard=behind.wizard,
        tools=tools,
        past_alarms=lambda code: read_alarm_events(behind.records, code=code),
        outlets=OutletPurity(plan.config),
    )
    try:
        await serve(create_app(desk, access, where.hosts, desks), where.host, where.port, stop)
    finally:
        tools.errands.stop()
