"""The words of access: roles in rising order, people, and refusals with their sentence."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from station.marked import marked

LEAST_PIN = 6
LEAST_PASSWORD = 12
LONGEST_SECRET = 200
LONGEST_NAME = 60


class Role(StrEnum):
    """In rising order; each may do what those before it may."""

    viewer = marked("viewer")
    operator = marked("operator")
    technician = marked("technician")
    admin = marked("admin")

    def may(self, needed: Role) -> bool:
        """Whether this role is enough where ``needed`` is asked for."""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


class Person(NamedTuple):
    """Who is asking; ``name`` is empty for somebody who only looks."""

    name: str
    role: Role


NOBODY = Person("", Role.viewer)


class AccessRefused(Exception):  # noqa: N818 - a fact
    """It is not allowed; the text is the sentence for the person. ``wait_s`` says when asking again makes sense."""

    def __init__(self, sentence: str, wait_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.wait_s = wait_s


def checked_name(name: str) -> str:
    """The name without blanks around it; raises AccessRefused for one that nobody could read in the trail."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise AccessRefused(marked("A name has 1 to {most} printable letters.").format(most=LONGEST_NAME))
    return name


def check_secret(role: Role, secret: str) -> None:
    """Raises AccessRefused when the secret is too easily guessed for what the role may do."""
    if len(secret) > LONGEST_SECRET:
        raise AccessRefused(marked("At most {most} letters, please.").format(most=LONGEST_SECRET))
    if role.may(Role.technician):
        if len(secret) < LEAST_PASSWORD:
            raise AccessRefused(
                marked("A password has at least {least} letters; a short sentence is a good one.").format(
                    least=LEAST_PASSWORD
                )
            )
    elif len(secret) < LEAST_PIN:
        raise AccessRefused(marked("A PIN has at least {least} digits.").format(least=LEAST_PIN))
    if len(set(secret)) < 3 or secret in "01234567890" or secret in "09876543210":
        raise AccessRefused(marked("That is guessed at the first try. Choose another."))
