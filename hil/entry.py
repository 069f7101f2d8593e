"""How a process that plays a Modbus machine begins and ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine

from hil.motion import Motion
from hil.types import EmulatorFailed, PortTaken
from vision.types import Port


def enter(motion_name: str, mishaps: Port, serve: Callable[[Motion], Coroutine[None, None, None]]) -> None:
    """Serve until it returns or the other end of ``mishaps`` is gone; a taken port is told there, exit code 2."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    motion = Motion(motion_name)
    try:
        asyncio.run(serve(motion))
    except PortTaken as taken:
        mishaps.send(EmulatorFailed(str(taken)))
        sys.exit(2)
    except ConnectionError:
        pass
    finally:
        motion.close()
