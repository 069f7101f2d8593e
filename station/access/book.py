"""The book of accounts and sessions, one small database in the station's data folder.

Secrets are kept as argon2id hashes, session tokens as SHA-256; what a thief of the file gets opens nothing.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from station.access import tries
from station.access.words import AccessRefused, Person, Role, check_secret, checked_name
from station.marked import marked

FILE = "access.sqlite"
_SCHEMA = f"""
CREATE TABLE accounts (name TEXT PRIMARY KEY COLLATE NOCASE, role TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE TABLE sessions (token TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE REFERENCES accounts ON DELETE CASCADE,
    made_s REAL NOT NULL, seen_s REAL NOT NULL, address TEXT NOT NULL) STRICT;
{tries.SCHEMA}
PRAGMA user_version = 1;
"""
_VERSION = 1
_LONGEST_S = 12 * 3600.0
_IDLE_S = {Role.viewer: 12 * 3600.0, Role.operator: 12 * 3600.0, Role.technician: 3600.0, Role.admin: 1800.0}
_NOTED_S = 30.0
_WRONG = marked("That is not right.")


class Account(NamedTuple):
    """``sessions`` is how many are open."""

    name: str
    role: Role
    sessions: int


class AccessBook:
    """Accounts and sessions. Every call is one short transaction, from any thread; ``now_s`` tells Unix time."""

    def __init__(self, path: Path, now_s: Callable[[], float]) -> None:
        self._path = path
        self._now_s = now_s
        self._turn = threading.Lock()  # one guess at a time, so that many at once do not slip past the wait
        # Weighed for an edge computer that sorts at the same time: 19 MiB, two passes, one lane (OWASP's choice).
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._nobodys_hash = self._hasher.hash(secrets.token_hex(16))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with self._open() as book:
            version = book.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                book.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            elif version != _VERSION:
                raise AccessRefused(
                    marked("{path} was written by a newer station. Install that one again.").format(path=path)
                )

    def has_admin(self) -> bool:
        """False at the first run."""
        with self._open() as book:
            return book.execute("SELECT 1 FROM accounts WHERE role = ?", (Role.admin,)).fetchone() is not None

    def accounts(self) -> tuple[Account, ...]:
        """By name."""
        with self._open() as book:
            rows = book.execute(
                "SELECT name, role, (SELECT count(*) FROM sessions WHERE sessions.name = accounts.name AND made_s > ?)"
                " FROM accounts ORDER BY name",
                (self._now_s() - _LONGEST_S,),
            ).fetchall()
        return tuple(Account(name, Role(role), count) for name, role, count in rows)

    def add(self, name: str, role: Role, secret: str) -> None:
        """A new account; raises AccessRefused."""
        name = checked_name(name)
        if role is Role.viewer:
            raise AccessRefused(marked("Looking needs no account."))
        check_secret(role, secret)
        hashed = self._hasher.hash(secret)
        try:
            with self._open() as book:
                book.execute("INSERT INTO accounts VALUES (?, ?, ?)", (name, role, hashed))
        except sqlite3.IntegrityError as taken:
            raise AccessRefused(marked("There is already somebody called {name}.").format(name=name)) from taken

    def set_secret(self, name: str, secret: str) -> None:
        """Another secret; every session of that person ends. Raises AccessRefused."""
        check_secret(self._role(name), secret)
        hashed = self._hasher.hash(secret)
        with self._open() as book:
            book.execute("UPDATE accounts SET hash = ? WHERE name = ?", (hashed, name))
            book.execute("DELETE FROM sessions WHERE name = ?", (name,))
            tries.forget(book, _by_name(name))

    def remove(self, name: str) -> None:
        """The account and its sessions; raises AccessRefused for the last admin."""
        role = self._role(name)
        with self._open() as book:
            admins = book.execute("SELECT count(*) FROM accounts WHERE role = ?", (Role.admin,)).fetchone()[0]
            if role is Role.admin and admins == 1:
                raise AccessRefused(marked("Somebody must be admin: add another one first."))
            book.execute("DELETE FROM accounts WHERE name = ?", (name,))

    def log_in(self, name: str, secret: str, address: str) -> str:
        """A session's token; raises AccessRefused. Takes some tens of milliseconds of computing on purpose."""
        with self._turn:
            self._check_wait(name, address)
            with self._open() as book:
                row = book.execute("SELECT name, hash FROM accounts WHERE name = ?", (name.strip(),)).fetchone()
            is_right = self._is_right(row[1] if row else self._nobodys_hash, secret) and row is not None
            self.guess(name, address, is_right=is_right)
        token, now_s = secrets.token_urlsafe(32), self._now_s()
        with self._open() as book:
            book.execute("DELETE FROM sessions WHERE made_s < ?", (now_s - _LONGEST_S,))
            book.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (_digest(token), row[0], now_s, now_s, address))
        return token

    def guess(self, name: str, address: str, *, is_right: bool) -> None:
        """Somebody at ``address`` tried to show that they are ``name``; raises AccessRefused when it was not right, or
        when they have to wait."""
        self._check_wait(name, address)
        with self._open() as book:
            if is_right:
                tries.forget(book, _by_name(name))
            else:
                tries.note_failure(book, _by_name(name), self._now_s())
                tries.note_failure(book, _by_address(address), self._now_s())
        if not is_right:
            raise AccessRefused(_WRONG)

    def _check_wait(self, name: str, address: str) -> None:
        with self._open() as book:
            wait = max(
                tries.wait_s(book, _by_name(name), tries.FREE_NAME, self._now_s()),
                tries.wait_s(book, _by_address(address), tries.FREE_ADDRESS, self._now_s()),
            )
        if wait > 0:
            raise AccessRefused(
                marked("Too many tries. Try again in {seconds} s.").format(seconds=math.ceil(wait)), wait
            )

    def who(self, token: str) -> Person | None:
        """Whose session it is; None when there is none, or it ended by itself."""
        now_s = self._now_s()
        with self._open() as book:
            row = book.execute(
                "SELECT accounts.name, role, made_s, seen_s FROM sessions JOIN accounts USING (name) WHERE token = ?",
                (_digest(token),),
            ).fetchone()
            if row is None:
                return None
            person, made_s, seen_s = Person(row[0], Role(row[1])), row[2], row[3]
            if now_s - made_s > _LONGEST_S or now_s - seen_s > _IDLE_S[person.role]:
                book.execute("DELETE FROM sessions WHERE token = ?", (_digest(token),))
                return None
            if abs(now_s - seen_s) > _NOTED_S:
                book.execute("UPDATE sessions SET seen_s = ? WHERE token = ?", (now_s, _digest(token)))
        return person

    def log_out(self, token: str) -> None:
        """The session ends."""
        with self._open() as book:
            book.execute("DELETE FROM sessions WHERE token = ?", (_digest(token),))

    def _role(self, name: str) -> Role:
        with self._open() as book:
            row = book.execute("SELECT role FROM accounts WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise AccessRefused(marked("There is nobody called {name}.").format(name=name))
        return Role(row[0])

    def _is_right(self, hashed: str, secret: str) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except VerificationError:
            return False

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        book = sqlite3.connect(self._path, timeout=5.0, isolation_level=None)
        try:
            book.execute("PRAGMA foreign_keys = ON")
            book.execute("BEGIN IMMEDIATE")
            yield book
            book.execute("COMMIT") if book.in_transaction else None
        except BaseException:
            if book.in_transaction:
                book.execute("ROLLBACK")
            raise
        finally:
            book.close()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _by_name(name: str) -> str:
    return f"name {name.strip().casefold()}"


def _by_address(address: str) -> str:
    return f"address {address}"
