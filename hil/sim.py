"""The controller in memory: the same program and registers as the emulator, without sockets, in lock step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from control import job_ring
from control.job_ring import CommandBlock, StatusBlock
from control.types import Identity, Job, MachineLost, MachineSample, ShotReport
from hil.controller import Controller, ControllerSettings
from hil.drive import Belt
from hil.types import BeltMotion, Mishap, ValveEvent

_SCAN_NS = 1_000_000
_MOST_SCANS = 400
_SHORTEST_NS = 20_000


class SimMachine:
    """A ``Machine`` whose program runs only while it is asked something, up to the time of ``now_ns``.

    ``felt`` is told of every output that switches, ``moved`` of the belt's motion at every scan.
    """

    def __init__(
        self,
        settings: ControllerSettings,
        belt: Belt,
        now_ns: Callable[[], int],
        felt: Callable[[ValveEvent], None] = lambda _event: None,
        moved: Callable[[BeltMotion], None] = lambda _motion: None,
    ) -> None:
        self._now_ns = now_ns
        self._felt = felt
        self._controller = Controller(settings, belt, moved)
        self._scanned_ns = now_ns()
        self._command = CommandBlock(0, run=False, armed=False, write_index=0)
        self._result_index = 0
        self._edge_ns: int | None = None
        self._is_open = False

    def open(self) -> Identity:
        """The identity, as the registers carry it; everything is disarmed."""
        self._is_open = True
        identity = job_ring.unpack_identity(self._read(job_ring.IDENTITY_AT, job_ring.IDENTITY_REGISTERS))
        status = self._status()
        self._result_index = status.result_index
        self._tell(self._command._replace(run=False, armed=False, write_index=status.read_index))
        assert identity is not None
        return identity

    def sample(self) -> MachineSample:
        """The count at ``now_ns`` and the reports since the last sample."""
        self._catch_up()
        status = self._status()
        fresh = range(self._result_index, self._result_index + self._since(status.result_index))
        reports = [status.results[n % job_ring.INDEX_MODULUS % job_ring.RESULTS] for n in fresh]
        self._result_index = status.result_index
        known = tuple(report for report in reports if report is not None)
        return self._sampled(status, known)

    def arm(self, jobs: Sequence[Job]) -> None:
        """Append to the ring; the program takes each at once."""
        for job in jobs:
            index = self._command.write_index
            self._controller.write(job_ring.slot_at(index), job_ring.pack_job(job))
            self._tell(self._command._replace(write_index=(index + 1) % job_ring.INDEX_MODULUS))

    def beat(self, *, run: bool, armed: bool) -> None:
        """Toggle the heartbeat and state the requests."""
        self._tell(self._command._replace(heartbeat=self._command.heartbeat ^ 1, run=run, armed=armed))

    def safe(self) -> None:
        """Drop both requests."""
        self._tell(self._command._replace(run=False, armed=False))

    def close(self) -> None:
        """Nobody listens any more; the watchdog stops what runs."""
        self._is_open = False

    def suffer(self, mishap: Mishap) -> None:
        """Begin or end a mishap of the machine."""
        self._catch_up()
        self._controller.suffer(mishap)

    def _tell(self, command: CommandBlock) -> None:
        self._catch_up()
        self._command = command
        self._controller.write(job_ring.COMMAND_AT, job_ring.pack_command(command))
        self._scan(self._now_ns())

    def _catch_up(self) -> None:
        if not self._is_open:
            raise MachineLost("The simulated controller is closed.")
        now_ns = self._now_ns()
        step_ns = max(_SCAN_NS, (now_ns - self._scanned_ns) // _MOST_SCANS)
        while self._scanned_ns < now_ns:
            due_ns = self._scanned_ns + step_ns
            edge_ns = due_ns if self._edge_ns is None else max(self._edge_ns, self._scanned_ns + _SHORTEST_NS)
            self._scan(min(now_ns, due_ns, edge_ns))

    def _scan(self, now_ns: int) -> None:
        switched, self._edge_ns = self._controller.scan(now_ns)
        self._scanned_ns = now_ns
        for event in switched:
            self._felt(event)

    def _sampled(self, status: StatusBlock, reports: tuple[ShotReport, ...]) -> MachineSample:
        return MachineSample(
            status.encoder_count,
            self._scanned_ns,
            status.interlocks,
            status.running,
            status.armed,
            reports,
            outputs=self._controller.outputs,
            belt_moving=self._controller.belt_moving,
            felt=self._controller.felt,
            stamped=True,
        )

    def _since(self, result_index: int) -> int:
        return (result_index - self._result_index) % job_ring.INDEX_MODULUS

    def _status(self) -> StatusBlock:
        return job_ring.unpack_status(self._read(job_ring.STATUS_AT, job_ring.STATUS_REGISTERS))

    def _read(self, address: int, count: int) -> list[int]:
        return self._controller.read(address, count, self._scanned_ns)
