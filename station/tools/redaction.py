"""Takes out of texts what nobody else may read: the contents of secret files, and whatever looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from station.config import Config
from station.keeping.places import data_folder
from station.web.access import LOCAL_TOKEN

GONE = "[removed]"
_SHORTEST = 4
_LARGEST_BYTES = 1 << 20
_SECRET_FILES = frozenset({"token_file", "user_file", "key_file"})
_USER_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<kind>bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<name>[\"']?\b[\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|credential)[\w-]*[\"']?"
    r"\s*[:=]\s*)(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,;}\]&]+)",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """``secrets`` are taken out wherever they stand; names of files that hold secrets stay."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, GONE)
    text = _PEM.sub(GONE, text)
    text = _USER_IN_URL.sub(rf"\g<scheme>{GONE}@", text)
    text = _BEARER.sub(rf"\g<kind> {GONE}", text)
    return _NAMED.sub(_without_value, text)


def secrets_of(config: Config) -> frozenset[str]:
    """Every line of every secret file of a station, and the token of programs on this computer."""
    files = [config.resolve(name) for name in _named(config.file.programme)]
    found: set[str] = set()
    for path in (*files, data_folder(config) / LOCAL_TOKEN):
        try:
            text = path.read_bytes()[:_LARGEST_BYTES].decode(errors="replace")
        except OSError:
            continue
        found |= {line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST}
    return frozenset(found)


def _named(section: BaseModel) -> Iterator[str]:
    """The secret files that a section and those in it name."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _named(value)
        elif name in _SECRET_FILES and isinstance(value, str):
            yield value


def _without_value(found: re.Match[str]) -> str:
    """A key that ends in _file names a place, not a secret."""
    key = found["name"].strip("\"' \t:=").lower()
    return found.group() if key.endswith("_file") else f"{found['name']}{GONE}"
