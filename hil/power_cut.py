"""A folder whose power can be cut: a small FUSE file system over a ``Platter``, in a process of its own.

For any program and any file: give it the folder, let the power fail after so many steps, look at what is left.
Needs /dev/fuse, fusermount3 and the package mfusepy (a test dependency).
"""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hil.platter import Platter

_POWER = "user.power"
_MOUNT_S = 10.0
_POLL_S = 0.01
_BLOCK = 4096
_ROOT = "/"
_FREE_BLOCKS = 1 << 20


class PowerCutDisk:
    """The folder is there between ``with``; nothing of it outlives that."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is empty, or is made."""
        self.folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Raises RuntimeError when it cannot be mounted."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._server = subprocess.Popen([sys.executable, "-m", "hil.power_cut", str(self.folder)])
        until = time.monotonic() + _MOUNT_S  # noqa: TID251 - waits for another process
        while not self.folder.is_mount():
            if self._server.poll() is not None or time.monotonic() > until:  # noqa: TID251
                self._unmount()
                raise RuntimeError(f"{self.folder} cannot be mounted: are /dev/fuse and fusermount3 there?")
            time.sleep(_POLL_S)  # noqa: TID251
        return self

    def __exit__(self, *_: object) -> None:
        self._unmount()

    def cut_after(self, steps: int, seed: int) -> None:
        """The power fails in the middle of that many further changes (writes, syncs, names); every call fails then."""
        self._tell({"after": steps, "seed": seed})

    def cut(self, seed: int) -> None:
        """The power fails now."""
        self._tell({"after": 0, "seed": seed})

    def fail_sync(self, skip: int = 0) -> None:
        """One sync fails, after ``skip`` good ones; what it should have made safe never will be."""
        self._tell({"fail_sync": skip})

    def restore(self) -> None:
        """The power is back: the folder holds what survived."""
        self._tell({"restore": True})

    @property
    def is_cut(self) -> bool:
        return bool(self._state()["is_cut"])

    @property
    def steps(self) -> int:
        """Changes since the start."""
        return int(self._state()["steps"])

    def _state(self) -> dict[str, int]:
        told: dict[str, int] = json.loads(os.getxattr(self.folder, _POWER))
        return told

    def _tell(self, order: dict[str, int | bool]) -> None:
        os.setxattr(self.folder, _POWER, json.dumps(order).encode())

    def _unmount(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.folder)], capture_output=True, check=False)
        if self._server is not None:
            try:
                self._server.wait(_MOUNT_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()


class PowerCutFiles:
    """The file system's calls, by the names that mfusepy looks for. No folders inside."""

    use_ns = True

    def __init__(self) -> None:
        self._platter = Platter()
        self._steps = 0
        self._cut_at: int | None = None
        self._seed = 0
        self._is_cut = False
        self._fail_sync: int | None = None

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        if path == _ROOT:
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2, "st_uid": os.getuid(), "st_gid": os.getgid()}
        self._powered()
        if not self._platter.has(path):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        size = self._platter.size(path)
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": size, "st_blocks": size // 512 + 1,
                "st_uid": os.getuid(), "st_gid": os.getgid()}  # fmt: skip

    def readdir(self, path: str, fh: int) -> list[str]:
        self._powered()
        return [".", "..", *(name.removeprefix(_ROOT) for name in self._platter.names())]

    def create(self, path: str, mode: int, flags: int) -> int:
        self._step(lambda: self._platter.make(path))
        return 0

    def open(self, path: str, flags: int) -> int:
        self._powered()
        if flags & os.O_TRUNC:
            self._step(lambda: self._platter.resize(path, 0))
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._powered()
        return self._platter.read(path, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """What is being written when the power fails may be there in part."""
        self._powered()
        self._platter.write(path, data, offset)
        self._step(lambda: None)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._step(lambda: self._platter.resize(path, length))
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._step(lambda: self._sync(path))
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._step(self._platter.sync)
        return 0

    def unlink(self, path: str) -> int:
        self._step(lambda: self._platter.remove(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        self._step(lambda: self._platter.rename(old, new))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_blocks": _FREE_BLOCKS, "f_bfree": _FREE_BLOCKS,
                "f_bavail": _FREE_BLOCKS, "f_namemax": 255}  # fmt: skip

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        if path != _ROOT or name != _POWER:
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        return json.dumps({"is_cut": self._is_cut, "steps": self._steps}).encode()

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> int:
        if path != _ROOT or name != _POWER:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        order = json.loads(value)
        if "restore" in order:
            self._is_cut, self._cut_at = False, None
            return 0
        if "fail_sync" in order:
            self._fail_sync = int(order["fail_sync"])
            return 0
        self._seed, self._cut_at = int(order["seed"]), self._steps + int(order["after"])
        if self._cut_at == self._steps:
            self._cut()
        return 0

    def _step(self, change: Callable[[], None]) -> None:
        """One change, unless the power fails right before it is done."""
        self._powered()
        self._steps += 1
        if self._cut_at is not None and self._steps >= self._cut_at:
            self._cut()
            self._powered()
        change()

    def _sync(self, path: str) -> None:
        if self._fail_sync == 0:
            self._fail_sync = None
            self._platter.forget(path)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self._fail_sync is not None:
            self._fail_sync -= 1
        self._platter.sync(path)

    def _cut(self) -> None:
        self._platter.cut(self._seed)
        self._is_cut, self._cut_at = True, None

    def _powered(self) -> None:
        if self._is_cut:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def main(folder: str) -> None:
    """Serve until it is unmounted."""
    from mfusepy import FUSE  # type: ignore[import-untyped]

    FUSE(
        PowerCutFiles(), folder, foreground=True, nothreads=True, fsname="power-cut", attr_timeout=0.0,
        entry_timeout=0.0, negative_timeout=0.0,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
