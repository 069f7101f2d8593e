"""The door to the receiver closes whatever it has opened, at whatever moment it is closed."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from station.programme.door import Door


async def _closed_after(turns: int, *, leaves: bool) -> None:
    """A door that is closed ``turns`` turns of the loop after somebody came, who may have left at once."""

    inner: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: inner.append(writer), "127.0.0.1", 0)
    door = Door(server.sockets[0].getsockname()[:2], None)
    port = await door.open("127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    if leaves:
        writer.close()
    for _ in range(turns):
        await asyncio.sleep(0)
    await door.close()
    for _ in range(5):
        await asyncio.sleep(0)
    for end in (writer, *inner):
        end.close()
    server.close()


@pytest.mark.parametrize("leaves", [False, True])
def test_a_door_that_closes_at_any_moment_leaves_no_connection_open(*, leaves: bool) -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        for turns in range(25):
            asyncio.run(_closed_after(turns, leaves=leaves))
        gc.collect()
    assert [str(warning.message) for warning in found] == []
