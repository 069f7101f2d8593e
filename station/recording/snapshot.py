"""A sorter as bytes, so that a recording can begin in the middle of a run.

The bytes are a pickle. Reading one lets it name classes, so only those of the sorter's own rooms and a few harmless
containers are let in, and nothing is imported for them: a recording that somebody sends is not a program.
"""

from __future__ import annotations

import io
import pickle
import sys

from station.recording.words import RecordingUnreadable
from station.sorter import Sorter

_ROOMS = ("vision.", "control.", "station.")
_CONTAINERS = {
    ("collections", "deque"),
    ("collections", "OrderedDict"),
    ("collections", "Counter"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("copyreg", "__newobj__"),
}


def freeze(sorter: Sorter) -> bytes:
    """The whole state of a sorter between two steps."""
    return pickle.dumps(sorter, protocol=5)


def thaw(state: bytes) -> Sorter:
    """The sorter that was frozen; raises RecordingUnreadable when the bytes are no sorter of this version."""
    try:
        sorter = _Reader(io.BytesIO(state)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
        raise RecordingUnreadable(
            f"The sorter's state in this recording cannot be read ({error}): replay it with the version that made it."
        ) from error
    if not isinstance(sorter, Sorter):
        raise RecordingUnreadable("The sorter's state in this recording is something else: the file was changed.")
    return sorter


class _Reader(pickle.Unpickler):
    """Classes of the sorter's rooms only."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) in _CONTAINERS:
            return super().find_class(module, name)
        known = module.startswith(_ROOMS) and module in sys.modules and "." not in name
        found = super().find_class(module, name) if known else None
        if not isinstance(found, type) or not found.__module__.startswith(_ROOMS):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a sorter")
        return found
