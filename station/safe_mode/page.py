"""The page of safe mode: nothing runs, every output is off; what is wrong and where, and one press to what worked."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from station import setup
from station.access.words import Role
from station.complaints import Complaint, complaints
from station.config import Config
from station.marked import marked
from station.safe_mode.good import Good, changed, difference, go_back
from station.tools.settings import SettingsDesk
from station.web.access import Access, Answer, Asking, Refused, needs
from station.web.pages import Tab
from station.web.people import add_people_pages
from station.web.server import serve
from station.web.settings_routes import add_settings
from station.web.shell import open_shell
from station.web.view import StationFacts

_ANSWER_S = 0.5  # whoever asked hears the answer before the door closes


def keep_safe(path: Path, good: Good, refusal: str, seconds: float | None) -> bool:
    """Serve the page until somebody goes back to the last good version (True), or the station is stopped (False)."""
    return asyncio.run(_keep_safe(path, good, refusal, seconds))


def create_safe_app(
    path: Path, good: Good, errors: Sequence[Complaint], access: Access, returned: asyncio.Event
) -> FastAPI:
    """``returned`` is set once the files are as they were."""
    facts = StationFacts(good.name, good.is_simulated, (), "", (), "", "", version("scrap-sorting-station"))
    app, pages = open_shell(facts, access, ())
    pages.add_tab(Tab("/", marked("Safe mode")))
    add_settings(app, pages, _editor(path, good, returned))
    add_people_pages(app, pages)

    @app.get("/", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        names = changed(path, good)
        files = [(name, difference(path, name)) for name in names]
        return pages.show(request, "safe.html", errors=errors, good=good, files=files)

    @app.get("/readyz", openapi_extra=needs(None))
    async def ready() -> dict[str, bool]:
        raise Refused(503, marked("Safe mode: the settings or the model cannot be used."))

    @app.post("/api/last-good", openapi_extra=needs(Role.technician))
    async def back(person: Asking) -> Answer:
        names = changed(path, good)
        if not names:
            return Answer(
                taken=False, refusal=marked("Nothing has changed since it worked; the errors have another cause.")
            )
        now = datetime.now(UTC)  # noqa: TID251 - the moment a person acts
        try:
            kept = await asyncio.to_thread(go_back, path, good, now)
        except OSError as error:
            raise Refused(503, marked("The files cannot be written: {error}.").format(error=error)) from error
        access.note(person, "last good version", ", ".join(map(str, kept)), good.at_utc, "safe mode")
        returned.set()
        return Answer(taken=True, refusal=None)

    return app


def _editor(path: Path, good: Good, returned: asyncio.Event) -> SettingsDesk:
    """To mend the files here; the same door leads out."""

    def restart() -> None:
        asyncio.get_running_loop().call_later(_ANSWER_S, returned.set)

    station, calibration, recipe, *_ = good.files
    return SettingsDesk(path, (station, calibration, recipe), {}, restart, _prove)


def _prove(changed: Config) -> None:
    setup.flat_field(changed)


async def _keep_safe(path: Path, good: Good, refusal: str, seconds: float | None) -> bool:
    stop, returned = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    access = await asyncio.to_thread(lambda: Access(Path(good.data), viewers=good.viewers))
    app = create_safe_app(path, good, complaints(refusal), access, returned)
    serving = asyncio.ensure_future(serve(app, good.host, good.port, stop))
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, returned)]
    await asyncio.wait([serving, *waiting], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for each in waiting:
        each.cancel()
    await serving
    return returned.is_set()
