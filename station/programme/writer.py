"""The one writer of the ledger: a thread that commits what came meanwhile together, and only then answers."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import NamedTuple

from sqlalchemy import Engine

from station.programme.ledger import apply
from station.programme.words import Ack, Delivery, Sender

_log = logging.getLogger(__name__)
_MOST_WAITING = 500
_MOST_TOGETHER = 64


class LedgerBusy(Exception):  # noqa: N818 - a fact
    """Nothing was applied: too much waits, or the database does not take it now. Worth another try later."""


class _Order(NamedTuple):
    sender: Sender
    delivery: Delivery
    answer: Future[Ack]


class LedgerWriter:
    """Start it with ``start``; deliveries are applied in the order they came."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._orders: deque[_Order] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._write_on, name="ledger", daemon=True)
        self.commits = 0
        self.trouble: str | None = None

    def start(self) -> None:
        self._thread.start()

    def submit(self, sender: Sender, delivery: Delivery) -> Future[Ack]:
        """The acknowledgement comes after the commit; the future raises LedgerBusy when nothing was applied."""
        answer: Future[Ack] = Future()
        with self._change:
            if self._closing or len(self._orders) >= _MOST_WAITING:
                answer.set_exception(LedgerBusy("The programme has too much to do now."))
                return answer
            self._orders.append(_Order(sender, delivery, answer))
            self._change.notify_all()
        return answer

    def close(self) -> None:
        """Finish what was taken, then stop."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _write_on(self) -> None:
        while orders := self._next():
            self._commit(orders)

    def _next(self) -> list[_Order]:
        """What waits, in the order of stations, so that two receivers on one PostgreSQL never wait for each other."""
        with self._change:
            self._change.wait_for(lambda: self._orders or self._closing)
            taken = [self._orders.popleft() for _ in range(min(_MOST_TOGETHER, len(self._orders)))]
        return sorted(taken, key=lambda order: order.sender.station)

    def _commit(self, orders: list[_Order]) -> None:
        now_ms = time.time_ns() // 1_000_000
        try:
            with self._engine.begin() as connection:
                acks = [apply(connection, order.sender, order.delivery, now_ms) for order in orders]
        except Exception as error:  # whatever it is, the others are served and the cause is told
            self._give_up(orders, error)
            return
        self.commits += 1
        self.trouble = None
        for order, ack in zip(orders, acks, strict=True):
            order.answer.set_result(ack)
            _report(ack)

    def _give_up(self, orders: list[_Order], error: Exception) -> None:
        """One bad delivery must not hold up the others: they are tried one by one."""
        if len(orders) > 1:
            for order in orders:
                self._commit([order])
            return
        self.trouble = (str(error) or type(error).__name__).splitlines()[0]
        _log.error("the ledger does not take rows: %s", self.trouble, exc_info=error)
        orders[0].answer.set_exception(LedgerBusy("The programme's database does not take rows now."))


def _report(ack: Ack) -> None:
    for refusal in ack.refused:
        _log.warning("%s: row refused (%s). %s", ack.station, refusal.code.value, refusal.reason)
