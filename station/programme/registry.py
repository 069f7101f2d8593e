"""Who may send and who may look: stations with their tokens, and viewers of the pages. Secrets are kept as hashes only.

Tokens are 256 random bits, so a plain SHA-256 of them cannot be tried out.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from station.programme.tables import stations, tokens, viewers
from station.programme.words import Sender

_TOKEN_BYTES = 32
_STATION_PREFIX = "scs_"
_VIEWER_PREFIX = "scv_"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_MOST_TOKENS = 4


class RegistryRefused(Exception):  # noqa: N818 - a fact
    """What was asked of the list of stations cannot be done; the text says why."""


class Registered(NamedTuple):
    """One station as the programme knows it. ``revoked_ms`` None: it may send."""

    station: str
    name: str
    is_simulated: bool
    registered_ms: int
    revoked_ms: int | None


class Registry:
    """Reads and writes in transactions of its own; safe to use from any thread and beside a running receiver."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, station: str, name: str, now_ms: int, *, is_simulated: bool) -> None:
        """Raises RegistryRefused when the id is taken or is none."""
        if not _ID.fullmatch(station):
            raise RegistryRefused(f"{station!r} is no station id: 2 to 40 of a-z, 0-9 and -, as in its settings.")
        line = {"id": station, "name": name, "is_simulated": is_simulated, "registered_ms": now_ms}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(stations).values(line))
        except IntegrityError as error:
            raise RegistryRefused(f"{station} is registered already.") from error

    def add_many(self, names: Sequence[str], now_ms: int, *, is_simulated: bool) -> list[str]:
        """Register stations, each named by its id, in one transaction; returns their tokens in the same order."""
        made = [_STATION_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES) for _ in names]
        lines = [{"id": name, "name": name, "is_simulated": is_simulated, "registered_ms": now_ms} for name in names]
        with self._engine.begin() as connection:
            connection.execute(insert(stations), lines)
            connection.execute(
                insert(tokens),
                [
                    {"hash": _hash(token), "station": name, "made_ms": now_ms}
                    for name, token in zip(names, made, strict=True)
                ],
            )
        return made

    def new_token(self, station: str, now_ms: int) -> str:
        """A further token, shown this once; the newest few are valid, so that it can be changed without a gap.

        A revoked station may send again.
        """
        self._known(station)
        token = _STATION_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        with self._engine.begin() as connection:
            connection.execute(insert(tokens).values(hash=_hash(token), station=station, made_ms=now_ms))
            connection.execute(update(stations).where(stations.c.id == station).values(revoked_ms=None))
            held = select(tokens.c.hash).where(tokens.c.station == station).order_by(tokens.c.made_ms.desc())
            old = [found for (found,) in connection.execute(held)][_MOST_TOKENS:]
            connection.execute(delete(tokens).where(tokens.c.hash.in_(old)))
        return token

    def revoke(self, station: str, now_ms: int) -> None:
        """From now on the station may not send: its tokens are gone and its certificate opens nothing."""
        self._known(station)
        with self._engine.begin() as connection:
            connection.execute(delete(tokens).where(tokens.c.station == station))
            connection.execute(update(stations).where(stations.c.id == station).values(revoked_ms=now_ms))

    def allow(self, station: str) -> None:
        """A revoked station may send again by certificate or broker, without a token."""
        self._known(station)
        with self._engine.begin() as connection:
            connection.execute(update(stations).where(stations.c.id == station).values(revoked_ms=None))

    def all(self) -> tuple[Registered, ...]:
        with self._engine.begin() as connection:
            return tuple(Registered(*found) for found in connection.execute(select(stations).order_by(stations.c.id)))

    def by_token(self, token: str) -> Sender | None:
        wanted = (
            select(stations.c.id, stations.c.is_simulated)
            .join(tokens, tokens.c.station == stations.c.id)
            .where(tokens.c.hash == _hash(token), stations.c.revoked_ms.is_(None))
        )
        with self._engine.begin() as connection:
            found = connection.execute(wanted).first()
        return None if found is None else Sender(found.id, found.is_simulated)

    def by_id(self, station: str) -> Sender | None:
        """For channels that know the name already: a client certificate, a broker's topic."""
        wanted = select(stations.c.id, stations.c.is_simulated).where(
            stations.c.id == station, stations.c.revoked_ms.is_(None)
        )
        with self._engine.begin() as connection:
            found = connection.execute(wanted).first()
        return None if found is None else Sender(found.id, found.is_simulated)

    def new_viewer(self, name: str, now_ms: int) -> str:
        """A password for the pages, shown this once; an older one of that name is void."""
        if not _ID.fullmatch(name):
            raise RegistryRefused(f"{name!r} is no name: 2 to 40 of a-z, 0-9 and -.")
        password = _VIEWER_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        with self._engine.begin() as connection:
            connection.execute(delete(viewers).where(viewers.c.name == name))
            connection.execute(insert(viewers).values(name=name, hash=_hash(password), made_ms=now_ms))
        return password

    def remove_viewer(self, name: str) -> None:
        with self._engine.begin() as connection:
            if connection.execute(delete(viewers).where(viewers.c.name == name)).rowcount == 0:
                raise RegistryRefused(f"There is no viewer {name}.")

    def viewer_hashes(self) -> Mapping[str, str]:
        with self._engine.begin() as connection:
            return {line.name: line.hash for line in connection.execute(select(viewers))}

    def may_look(self, name: str, password: str) -> bool:
        held = self.viewer_hashes().get(name, "")
        return secrets.compare_digest(held, _hash(password))

    def _known(self, station: str) -> None:
        with self._engine.begin() as connection:
            if connection.execute(select(stations.c.id).where(stations.c.id == station)).first() is None:
                raise RegistryRefused(f"{station} is not registered.")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
