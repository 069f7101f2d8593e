"""How a channel to the programme stands, for the page and the faults."""

from __future__ import annotations

from typing import NamedTuple


class ChannelStanding(NamedTuple):
    """``sentence`` says how it is; ``since_ms`` (UTC) since when it is connected, None when it is not. ``trouble``
    is what keeps rows or messages from getting through, ``alarm`` what a person has to settle now, ``warning`` what
    will need one soon (a certificate that ends); mostly None."""

    name: str
    sentence: str
    since_ms: int | None
    trouble: str | None = None
    alarm: str | None = None
    warning: str | None = None
