"""Who is asking, and may they: one check before every route, and the routes of logging in and of holding control.

A route says with ``needs(role)`` whom it is for; one that says nothing is refused to everybody.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from station.access import book, trail
from station.access.book import AccessBook
from station.access.helm import Helm, HelmNews
from station.access.trail import Deed, Trail
from station.access.words import LONGEST_NAME, LONGEST_SECRET, NOBODY, AccessRefused, Person, Role
from station.marked import marked

COOKIE = "station_session"
ANYBODY = "anybody"
LOCAL_TOKEN = "local-token"
_COOKIE_S = 12 * 3600
_CODE_DIGITS = 8
_TRAIL_SHOWN = 200
_T = TypeVar("_T")

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SECRET)]


class Refused(Exception):  # noqa: N818 - a fact
    """An answer other than yes: HTTP status, the sentence for the person, and when asking again makes sense."""

    def __init__(self, status: int, sentence: str, wait_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.wait_s = wait_s


class Answer(BaseModel):
    """What every order answers: taken, or the sentence that says why not."""

    taken: bool
    refusal: str | None


class Body(BaseModel):
    """What a page sends: no other keys than these."""

    model_config = ConfigDict(extra="forbid")


class LogIn(Body):
    name: Name
    secret: Secret


class FirstAdmin(LogIn):
    code: Annotated[str, StringConstraints(max_length=20)] = Field(description="shown where the station was started")


class NewAccount(LogIn):
    role: Role


class NewSecret(Body):
    secret: Secret


class HelmAct(Body):
    """``take`` asks the holder when there is one; ``give`` and ``keep`` answer an asker."""

    act: Annotated[str, StringConstraints(pattern="^(take|give|keep|leave)$")]


class Access:
    """What the station knows of the people at its page. ``viewers``: whether people may look without logging in."""

    def __init__(
        self,
        folder: Path,
        *,
        viewers: bool = True,
        now_s: Callable[[], float] = time.time,  # noqa: TID251 - sessions outlive the process
        tick_s: Callable[[], float] = time.monotonic,  # noqa: TID251 - the helm belongs to this process
    ) -> None:
        self.book = AccessBook(folder / book.FILE, now_s)
        self.trail = Trail(folder / trail.FILE)
        self.viewers = viewers
        self._now_s = now_s
        self._tick_s = tick_s
        self._helm = Helm()
        self._local = _local_token(folder / LOCAL_TOKEN)
        digits = f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}}"
        self.code = f"{digits[:4]}-{digits[4:]}"

    def person(self, connection: HTTPConnection) -> Person:
        """Who is asking; programs on this computer show the token that lies in the data folder."""
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), self._local.encode()):
            return Person("this computer", Role.admin)
        token = connection.cookies.get(COOKIE)
        return (self.book.who(token) if token else None) or NOBODY

    def note(self, person: Person, what: str, before: str = "", after: str = "", why: str = "") -> None:
        """Into the trail."""
        at_utc = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="seconds")
        self.trail.note(Deed(at_utc, person.name, person.role, what, before, after, why))

    def helm(self) -> HelmNews:
        """Who holds control."""
        return self._helm.news(self._tick_s())

    def hear(self, person: Person) -> None:
        """A sign of life of a page."""
        self._helm.hear(person.name, self._tick_s())

    def take_helm(self, person: Person) -> None:
        """For an order that only the holder of control may give; raises Refused when that is somebody else."""
        if person.name and not self._helm.take(person.name, self._tick_s()):
            self._helm.leave(person.name, self._tick_s())
            raise Refused(409, marked("{holder} holds control. Ask for it first.").format(holder=self.helm().holder))

    def steer(self, person: Person, act: str) -> HelmNews:
        """One of the verbs of the helm."""
        now_s = self._tick_s()
        match act:
            case "take":
                self._helm.take(person.name, now_s)
            case "leave":
                self._helm.leave(person.name, now_s)
            case _:
                self._helm.answer(person.name, now_s, give=act == "give")
        return self._helm.news(now_s)


def _local_token(path: Path) -> str:
    """Made once; only the station's own user can read it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path.read_text(encoding="ascii")


def needs(role: Role | None) -> dict[str, object]:
    """For ``openapi_extra`` of a route: the least role it is for; None for everybody, even where looking needs one."""
    return {"x-role": ANYBODY if role is None else role.value}


def routes_by_role(app: FastAPI) -> str:
    """A table of every route with the least role it is for, as Markdown."""
    rows = []
    for route in app.routes:
        methods = getattr(route, "methods", None) or (set() if isinstance(route, Mount) else {"WEBSOCKET"})
        said = Role.viewer if methods == {"WEBSOCKET"} else role_of(route)
        rows += [(str(getattr(route, "path", "")), method, said) for method in methods - {"HEAD"}]
    lines = [f"| {path} | {method} | {said or 'nobody'} |" for path, method, said in sorted(rows, key=str)]
    return "\n".join(["| route | method | least role |", "|---|---|---|", *lines, ""])


def role_of(route: object) -> Role | str | None:
    """What ``needs`` said of a route; None when nothing was said."""
    said = (getattr(route, "openapi_extra", None) or {}).get("x-role")
    return said if said in {None, ANYBODY} else Role(said)


async def authorise(connection: HTTPConnection) -> None:
    """Before every route. Raises Refused."""
    access: Access = connection.app.state.access
    person = await asyncio.to_thread(access.person, connection)
    connection.state.person = person
    needed = Role.viewer if connection.scope["type"] == "websocket" else role_of(connection.scope["route"])
    if needed == ANYBODY:
        return
    if not isinstance(needed, Role):
        raise Refused(403, marked("Nobody has said whom this is for."))
    if person is NOBODY and (needed is not Role.viewer or not access.viewers):
        raise Refused(401, marked("Log in first."))
    if not person.role.may(needed):
        raise Refused(
            403,
            marked("This is for the role {needed}; you are {role}.").format(
                needed=needed.value, role=person.role.value
            ),
        )


def _the_person(connection: HTTPConnection) -> Person:
    person: Person = connection.state.person
    return person


def _the_access(connection: HTTPConnection) -> Access:
    access: Access = connection.app.state.access
    return access


Asking = Annotated[Person, Depends(_the_person)]
Door = Annotated[Access, Depends(_the_access)]


async def away(work: Callable[[], _T]) -> _T:
    """Away from the event loop; what is refused becomes an answer."""
    try:
        return await asyncio.to_thread(work)
    except AccessRefused as refused:
        raise Refused(429 if refused.wait_s else 422, str(refused), refused.wait_s) from refused


def add_access(app: FastAPI) -> None:
    """Logging in and out, the first run, accounts, the helm and the trail."""

    @app.get("/api/session", openapi_extra=needs(None))
    async def session(person: Asking, access: Door) -> dict[str, object]:
        access.hear(person)
        is_new = not await asyncio.to_thread(access.book.has_admin)
        return {"name": person.name, "role": person.role, "first_run": is_new, "helm": access.helm()._asdict()}

    @app.post("/api/session", openapi_extra=needs(None))
    async def log_in(body: LogIn, request: Request, response: Response, access: Door) -> Answer:
        token = await away(lambda: access.book.log_in(body.name, body.secret, _address(request)))
        _set_cookie(request, response, token)
        return Answer(taken=True, refusal=None)

    @app.delete("/api/session", openapi_extra=needs(None))
    async def log_out(request: Request, response: Response, person: Asking, access: Door) -> Answer:
        access.steer(person, "leave")
        await asyncio.to_thread(access.book.log_out, request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE)
        return Answer(taken=True, refusal=None)

    @app.post("/api/first-run", openapi_extra=needs(None))
    async def first_run(body: FirstAdmin, request: Request, response: Response, access: Door) -> Answer:
        def begin() -> str:
            check_code(access, body.code, _address(request))
            access.book.add(body.name, Role.admin, body.secret)
            access.note(Person(body.name, Role.admin), marked("first admin"), after=body.name)
            return access.book.log_in(body.name, body.secret, _address(request))

        _set_cookie(request, response, await away(begin))
        return Answer(taken=True, refusal=None)

    @app.post("/api/helm", openapi_extra=needs(Role.operator))
    async def helm(body: HelmAct, person: Asking, access: Door) -> dict[str, object]:
        return dict(access.steer(person, body.act)._asdict())

    _add_accounts(app)


def _add_accounts(app: FastAPI) -> None:
    @app.get("/api/accounts", openapi_extra=needs(Role.admin))
    async def accounts(access: Door) -> list[dict[str, object]]:
        return [dict(account._asdict()) for account in await asyncio.to_thread(access.book.accounts)]

    @app.post("/api/accounts", openapi_extra=needs(Role.admin))
    async def add_account(body: NewAccount, person: Asking, access: Door) -> Answer:
        def add() -> None:
            access.book.add(body.name, body.role, body.secret)
            access.note(person, marked("account {name}").format(name=body.name.strip()), after=body.role)

        await away(add)
        return Answer(taken=True, refusal=None)

    @app.post("/api/accounts/{name}/secret", openapi_extra=needs(Role.admin))
    async def set_secret(name: Name, body: NewSecret, person: Asking, access: Door) -> Answer:
        def change() -> None:
            access.book.set_secret(name, body.secret)
            access.note(person, marked("secret of {name}").format(name=name), after=marked("changed"))

        await away(change)
        return Answer(taken=True, refusal=None)

    @app.delete("/api/accounts/{name}", openapi_extra=needs(Role.admin))
    async def remove_account(name: Name, person: Asking, access: Door) -> Answer:
        def remove() -> None:
            access.book.remove(name)
            access.note(person, marked("account {name}").format(name=name), after=marked("removed"))

        await away(remove)
        return Answer(taken=True, refusal=None)

    @app.get("/api/trail", openapi_extra=needs(Role.technician))
    async def shown_trail(access: Door) -> list[dict[str, object]]:
        return [dict(deed._asdict()) for deed in await asyncio.to_thread(access.trail.newest, _TRAIL_SHOWN)]


def check_code(access: Access, code: str, address: str) -> None:
    """Raises AccessRefused unless this is the first run and the code is the one on the console."""
    if access.book.has_admin():
        raise AccessRefused(marked("There is an admin already. Log in."))
    right = code.replace("-", "").replace(" ", "").encode()
    access.book.guess("first run", address, is_right=hmac.compare_digest(right, access.code.replace("-", "").encode()))


def _set_cookie(request: Request, response: Response, token: str) -> None:
    is_secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, max_age=_COOKIE_S, path="/", secure=is_secure, httponly=True, samesite="strict")


def _address(request: Request) -> str:
    return request.client.host if request.client else "?"
