"""The loop of the control process with a machine that fires by itself: served at its edges, lost as any other."""

from __future__ import annotations

from control.lateness import ErrorCurve, Lateness
from control.process import Prompt, _rest
from control.serial_machine import SerialMachine
from control.types import MachineDown, MachineLost
from hil.sim import SimMachine
from tests.control.bench_coupler import FESTO
from tests.control.memory_coupler import Station
from tests.control.test_process import REST, Bench, BenchMachine

MS = 1_000_000


class PromptMachine(BenchMachine):
    """Wants to be served at these instants."""

    def __init__(self, bench: Bench, due_ns: list[int]) -> None:
        super().__init__(lambda: bench.now_ns)
        self._bench = bench
        self.due_ns = due_ns
        self.served_ns: list[int] = []

    def errors(self) -> ErrorCurve:
        return Lateness().curve()

    def serve(self) -> int | None:
        if self.trouble is not None:
            raise self.trouble
        self.served_ns.append(self._bench.now_ns)
        self.due_ns = [due for due in self.due_ns if due > self._bench.now_ns]
        return min(self.due_ns, default=None)


class PromptBench(Bench):
    """A loop whose machine is served."""

    def __init__(self, *after_ms: float) -> None:
        super().__init__()
        self.prompt = PromptMachine(self, [])
        self.machine = self.prompt
        self.loop._machine = self.prompt
        self.step(REST)
        self.prompt.due_ns = [self.now_ns + round(ms * MS) for ms in after_ms]

    def rest(self, ms: float) -> None:
        def sleep(seconds: float) -> None:
            self.now_ns += round(seconds * 1e9)

        _rest(self.loop, self.now_ns + round(ms * MS), lambda: self.now_ns, sleep)


def test_between_two_polls_a_machine_is_served_exactly_when_it_asks_for_it() -> None:
    bench = PromptBench(2.5, 7.25, 12.0)
    begun_ns = bench.now_ns

    bench.rest(10)

    assert [(at - begun_ns) / MS for at in bench.prompt.served_ns] == [0.0, 2.5, 7.25]
    assert bench.now_ns - begun_ns == 10 * MS


def test_a_machine_lost_while_it_is_served_is_lost_as_any_other() -> None:
    bench = PromptBench(2.5)
    bench.prompt.trouble = MachineLost("the cable is out")

    bench.rest(10)
    bench.step(REST)

    assert bench.told(MachineDown) == [MachineDown("machine-lost", "the cable is out")]
    assert "close" in bench.prompt.deeds


def test_only_the_machine_that_fires_by_itself_is_served() -> None:
    assert isinstance(Station(FESTO).machine, Prompt)
    assert not issubclass(SerialMachine, Prompt)
    assert not issubclass(SimMachine, Prompt)
    assert Bench().loop.serve() is None
