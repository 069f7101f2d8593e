"""The mapping a model card is read from: every value with the place it stands at, so that a complaint names the key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vision.types import ModelRefused

_T = TypeVar("_T", int, float, str)


class CardTable:
    """One mapping of the card; what reads a value raises ModelRefused with its key when it is of another kind."""

    def __init__(self, path: Path, where: str, values: Mapping[str, object]) -> None:
        self._path = path
        self._where = where
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def value(self, key: str, kind: type[_T]) -> _T:
        """Text or number under ``key``; a whole number counts as a float where one is wanted."""
        found = self._values.get(key)
        if kind is float and isinstance(found, int) and not isinstance(found, bool):
            found = float(found)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise self.refusal(key, kind.__name__, found)
        return found

    def has(self, key: str) -> bool:
        """True when there is something under ``key``."""
        return key in self._values

    def table(self, key: str) -> CardTable:
        """The mapping under ``key``."""
        found = self._values.get(key)
        if not isinstance(found, dict):
            raise self.refusal(key, "a table", found)
        return CardTable(self._path, f"{self._where}{key}.", found)

    def tables(self, key: str) -> list[CardTable]:
        """The mappings listed under ``key``."""
        return [self._item(key, n, found) for n, found in enumerate(self.many(key))]

    def many(self, key: str) -> list[object]:
        """Whatever is listed under ``key``."""
        found = self._values.get(key)
        if not isinstance(found, list):
            raise self.refusal(key, "a list", found)
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts listed under ``key``."""
        found = self.many(key)
        if not all(isinstance(text, str) for text in found):
            raise self.refusal(key, "a list of texts", found)
        return tuple(map(str, found))

    def three(self, key: str) -> tuple[float, float, float]:
        """The three numbers listed under ``key``."""
        found = self.many(key)
        numbers = [float(number) for number in found if isinstance(number, int | float)]
        if len(found) != 3 or len(numbers) != 3:
            raise self.refusal(key, "three numbers", found)
        return numbers[0], numbers[1], numbers[2]

    def numbers(self, kind: type[_T]) -> tuple[tuple[str, _T], ...]:
        """Every key with its number."""
        return tuple((key, self.value(key, kind)) for key in self._values)

    def refusal(self, key: str, expected: str, found: object) -> ModelRefused:
        """What to raise about ``key``."""
        shown = "nothing" if found is None else repr(found)[:60]
        return ModelRefused(
            f"Model card check: {self._path} should have {expected} at {self._where}{key}, found {shown}; "
            "restore the card that came with the model."
        )

    def _item(self, key: str, n: int, found: object) -> CardTable:
        if not isinstance(found, dict):
            raise self.refusal(f"{key}[{n}]", "a table", found)
        return CardTable(self._path, f"{self._where}{key}[{n}].", found)


def read_mapping(path: Path) -> Mapping[str, object]:
    """Raises ModelRefused when the file is missing or is no table."""
    try:
        read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelRefused(
            f"Model file check: expected {path}, found none ({error.strerror}); copy the whole model folder there."
        ) from error
    except (YAMLError, UnicodeDecodeError) as error:
        first = str(error).replace("\n", " ")[:120]
        raise ModelRefused(f"Model card check: {path} is not readable YAML ({first}); restore the card.") from error
    if not isinstance(read, dict):
        raise ModelRefused(f"Model card check: {path} should be a table of keys, found {type(read).__name__}.")
    return read
