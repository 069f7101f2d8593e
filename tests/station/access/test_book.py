"""Who may log in, how often somebody may guess, and what is kept of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from station.access.book import AccessBook
from station.access.words import AccessRefused, Person, Role

PASSWORD = "belt runs at dawn"
PIN = "482913"


class Yard:
    """A book and a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 1_800_000_000.0
        self.book = self.opened()
        self.book.add("Ada", Role.admin, PASSWORD)
        self.book.add("Li", Role.operator, PIN)

    def opened(self) -> AccessBook:
        return AccessBook(self.folder / "access.sqlite", lambda: self.now_s)

    def fail(self, times: int, name: str = "Li", address: str = "10.0.0.7") -> list[str]:
        told = []
        for _ in range(times):
            with pytest.raises(AccessRefused) as refused:
                self.book.log_in(name, "000111", address)
            told.append(str(refused.value))
        return told


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_a_session_belongs_to_a_person_until_it_ends(yard: Yard) -> None:
    token = yard.book.log_in(" li ", PIN, "10.0.0.7")
    assert yard.book.who(token) == Person("Li", Role.operator)
    assert yard.opened().who(token) == Person("Li", Role.operator)
    yard.book.log_out(token)
    assert yard.book.who(token) is None


@pytest.mark.parametrize(("name", "idle_s"), [("Li", 12 * 3600), ("Ada", 1800)])
def test_a_session_ends_by_itself_sooner_for_those_who_may_more(yard: Yard, name: str, idle_s: int) -> None:
    token = yard.book.log_in(name, PIN if name == "Li" else PASSWORD, "10.0.0.7")
    yard.now_s += idle_s - 1
    assert yard.book.who(token) is not None
    yard.now_s += idle_s + 1
    assert yard.book.who(token) is None


def test_no_session_lasts_longer_than_a_shift_however_busy(yard: Yard) -> None:
    token = yard.book.log_in("Ada", PASSWORD, "10.0.0.7")
    for _ in range(48):
        yard.now_s += 900
        assert yard.book.who(token) is not None
    yard.now_s += 900
    assert yard.book.who(token) is None


def test_after_five_wrong_guesses_the_wait_doubles_and_a_restart_does_not_shorten_it(yard: Yard) -> None:
    assert set(yard.fail(5)) == {"That is not right."}
    assert yard.fail(1) == ["Too many tries. Try again in 1 s."]
    yard.now_s += 1.0
    yard.fail(1)
    yard.book = yard.opened()
    with pytest.raises(AccessRefused, match="Try again in 2 s") as refused:
        yard.book.log_in("Li", PIN, "10.0.0.8")
    assert refused.value.wait_s == 2.0
    yard.now_s += 2.0
    assert yard.book.log_in("Li", PIN, "10.0.0.7")
    assert set(yard.fail(5)) == {"That is not right."}


def test_one_address_does_not_try_every_name(yard: Yard) -> None:
    told = [yard.fail(1, f"guess {n}")[0] for n in range(21)]
    assert told == ["That is not right."] * 20 + ["Too many tries. Try again in 1 s."]
    assert yard.book.log_in("Li", PIN, "10.0.0.8")


def test_another_secret_ends_the_sessions(yard: Yard) -> None:
    token = yard.book.log_in("Li", PIN, "10.0.0.7")
    yard.book.set_secret("Li", "771204")
    assert yard.book.who(token) is None
    assert yard.book.log_in("Li", "771204", "10.0.0.7")


def test_who_is_removed_is_out_and_the_last_admin_stays(yard: Yard) -> None:
    token = yard.book.log_in("Li", PIN, "10.0.0.7")
    yard.book.remove("Li")
    assert yard.book.who(token) is None
    with pytest.raises(AccessRefused, match="Somebody must be admin"):
        yard.book.remove("Ada")
    assert [account.name for account in yard.book.accounts()] == ["Ada"]


@pytest.mark.parametrize(
    ("name", "role", "secret"),
    [
        ("Bo", Role.operator, "12345"),
        ("Bo", Role.operator, "123456"),
        ("Bo", Role.operator, "777777"),
        ("Bo", Role.technician, "short-one"),
        ("Bo", Role.viewer, PASSWORD),
        ("ADA", Role.admin, PASSWORD),
        ("", Role.admin, PASSWORD),
        ("B\no", Role.admin, PASSWORD),
        ("Bo", Role.admin, "ab" * 101),
    ],
)
def test_an_account_that_is_no_good_is_refused(yard: Yard, name: str, role: Role, secret: str) -> None:
    with pytest.raises(AccessRefused):
        yard.book.add(name, role, secret)
    assert len(yard.book.accounts()) == 2


def test_the_file_holds_neither_secrets_nor_tokens_and_is_its_owners_alone(yard: Yard) -> None:
    token = yard.book.log_in("Li", PIN, "10.0.0.7")
    path = yard.folder / "access.sqlite"
    raw = b"".join(file.read_bytes() for file in yard.folder.iterdir())
    assert token.encode() not in raw
    assert PASSWORD.encode() not in raw
    assert path.stat().st_mode & 0o077 == 0
    [(hashed,)] = sqlite3.connect(path).execute("SELECT hash FROM accounts WHERE name = 'Li'").fetchall()
    assert hashed.startswith("$argon2id$")


def test_a_book_of_a_newer_station_is_left_alone(yard: Yard) -> None:
    book = sqlite3.connect(yard.folder / "access.sqlite")
    book.execute("PRAGMA user_version = 9")
    book.close()
    with pytest.raises(AccessRefused, match="newer"):
        yard.opened()
