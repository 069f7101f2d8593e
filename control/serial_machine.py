"""The controller on a serial board: the frames of ``control.board_wire`` spoken over a serial line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from control import board_wire
from control.board_clock import BoardClock
from control.board_line import BoardLine
from control.board_wire import BoardStatus, Frame, Head
from control.modbus_answers import LineHealth
from control.modbus_serial import AdapterPort, SerialPort
from control.types import Identity, Job, MachineMismatch, MachineSample, ShotReport, ShotResult

_REST = Head(session=0, heartbeat=0, run=False, armed=False, reports_read=0)
_BITS_PER_BYTE = 10


@dataclass(frozen=True, slots=True)
class SerialBoardSettings:
    """Where the board is and what it must say it is.

    ``answer_ms`` after a question it is asked again; after ``timeout_ms`` without an answer the board is lost. On a
    real UART (``is_uart``) bytes take their time at ``baud``; a USB port only bears the name of a speed.
    """

    port: str
    baud: int
    expected: Identity
    is_uart: bool = False
    answer_ms: float = 30.0
    timeout_ms: float = 150.0
    connect_timeout_ms: float = 800.0


class SerialMachine:
    """A ``Machine``. Not safe for threads; ``now_ns`` is the monotonic clock that time stamps and heartbeats use."""

    def __init__(
        self, settings: SerialBoardSettings, now_ns: Callable[[], int], port: SerialPort | None = None
    ) -> None:
        """``port`` None opens the real one."""
        self._settings = settings
        self._now_ns = now_ns
        opened = AdapterPort(settings.port, settings.baud, "N", 1) if port is None else port
        self._line = BoardLine(opened, settings.port, settings.baud)
        self._ns_per_byte = _BITS_PER_BYTE * 1_000_000_000 // settings.baud if settings.is_uart else 0
        self._number = 0
        self._head = _REST
        self._toggled_ns = 0
        self._begin(_REST)

    def open(self) -> Identity:
        """Open the line, begin a session (the board drops everything), and compare what the board says it is."""
        self._line.open()
        nonce = self._now_ns() // 1000 & 0xFFFFFFFF
        body = self._ask(board_wire.HELLO, nonce.to_bytes(4, "little"), board_wire.IDENTITY)[0]
        found = board_wire.unpack_identity(body)
        if found is None or found[1] != self._settings.expected:
            self.close()
            raise MachineMismatch(self._mismatch(None if found is None else found[1]))
        self._begin(_REST._replace(session=nonce & 0xFFFF))
        self._poll(self._settings.connect_timeout_ms)
        return found[1]

    def sample(self) -> MachineSample:
        """One poll; ``taken_ns`` is the board's own instant of the count, on the station's clock."""
        status, taken_ns = self._poll(self._settings.timeout_ms)
        self._send_jobs()
        reports = tuple(self._reports)
        self._reports.clear()
        return MachineSample(
            status.encoder_count,
            taken_ns,
            status.interlocks,
            status.running,
            status.armed,
            reports,
            self._clock.doubt_ns,
            status.outputs,
            stamped=True,
        )

    def arm(self, jobs: Sequence[Job]) -> None:
        """Send the jobs; what the board does not take is sent again after the next poll."""
        self._waiting.extend(jobs)
        self._send_jobs()

    def beat(self, *, run: bool, armed: bool) -> None:
        """Tell the board when a request changes or the heartbeat is due; every poll tells it again."""
        now_ns = self._now_ns()
        before = self._head
        is_due = now_ns - self._toggled_ns >= board_wire.HEARTBEAT_MS * 1_000_000
        if is_due:
            self._toggled_ns = now_ns
        self._head = self._head._replace(heartbeat=self._head.heartbeat ^ is_due, run=run, armed=armed)
        if self._head != before:
            self._line.send(Frame(board_wire.POLL, self._numbered(), board_wire.pack_head(self._head)))

    def safe(self) -> None:
        """Disarm, with an answer; jobs that never reached the board are reported as ignored with the next sample."""
        self._head = self._head._replace(run=False, armed=False)
        self._poll(self._settings.timeout_ms)
        self._reports += [ShotReport(job.id, ShotResult.ignored, self._encoder_count) for job in self._waiting]
        self._waiting.clear()

    def close(self) -> None:
        """Let go of the line; the board drops everything by itself."""
        self._line.close()

    def health(self) -> LineHealth:
        """Questions since the line was opened, and how many frames were damaged either way."""
        damaged = self._line.damaged + self._board_damaged
        return LineHealth(self._asked, (("damaged", damaged),) if damaged else ())

    def _begin(self, head: Head) -> None:
        self._head = head
        self._clock = BoardClock()
        self._waiting: deque[Job] = deque()  # not known to be taken; the first has number _next_job
        self._next_job = 0
        self._room = 0
        self._reports: list[ShotReport] = []
        self._toggled_ns = 0
        self._encoder_count = 0
        self._board_damaged = 0
        self._asked = 0

    def _poll(self, timeout_ms: float) -> tuple[BoardStatus, int]:
        body, asked_ns, answered_ns = self._ask(
            board_wire.POLL, board_wire.pack_head(self._head), board_wire.STATUS, timeout_ms
        )
        status = board_wire.unpack_status(body)
        if status is None:
            self._line.lose(f"The board at {self._settings.port} sent a status that this station does not understand.")
        self._take(status)
        return status, self._clock.place(status.clock_us, asked_ns, answered_ns)

    def _take(self, status: BoardStatus) -> None:
        """What the board has taken of the jobs, and its reports that are new."""
        taken = (status.next_job - self._next_job) % board_wire.INDEX_MODULUS
        if taken > len(self._waiting) or status.first_report != self._head.reports_read:
            self._line.lose(f"The board at {self._settings.port} counts jobs or reports otherwise than the station.")
        for _ in range(taken):
            self._waiting.popleft()
        self._next_job, self._room = status.next_job, status.room
        read = (self._head.reports_read + len(status.reports)) % board_wire.INDEX_MODULUS
        self._head = self._head._replace(reports_read=read)
        self._reports += status.reports
        self._encoder_count = status.encoder_count
        self._board_damaged = status.damaged

    def _send_jobs(self) -> None:
        """All that wait and have room, with the numbers they keep until they are taken."""
        jobs = [self._waiting[n] for n in range(min(self._room, len(self._waiting)))]
        for at in range(0, len(jobs), board_wire.JOBS_PER_FRAME):
            chunk = jobs[at : at + board_wire.JOBS_PER_FRAME]
            first = (self._next_job + at) % board_wire.INDEX_MODULUS
            body = board_wire.pack_head(self._head) + board_wire.pack_jobs(first, chunk)
            self._line.send(Frame(board_wire.JOBS, self._numbered(), body))

    def _ask(self, kind: int, body: bytes, wanted: int, timeout_ms: float | None = None) -> tuple[bytes, int, int]:
        """Body of the answer, and between which instants it was made; asks again when none comes in time."""
        limit_ms = self._settings.connect_timeout_ms if timeout_ms is None else timeout_ms
        begun_ns = self._now_ns()
        while (waited_ms := (self._now_ns() - begun_ns) / 1e6) < limit_ms:
            number, asked_ns = self._numbered(), self._now_ns()
            self._asked += 1
            sent = self._line.send(Frame(kind, number, body))
            answer = self._await(number, asked_ns + round(min(self._settings.answer_ms, limit_ms - waited_ms) * 1e6))
            if answer is None:
                continue
            if answer.kind == board_wire.STRANGER:
                self._line.lose(
                    f"The board at {self._settings.port} has started anew: its supply or its watchdog failed."
                )
            if answer.kind == wanted:
                travelled = (sent * self._ns_per_byte, (len(answer.body) + 8) * self._ns_per_byte)
                return answer.body, asked_ns + travelled[0], self._now_ns() - travelled[1]
        self._line.lose(self._line.silence(limit_ms))

    def _await(self, number: int, until_ns: int) -> Frame | None:
        """The answer to the question with this number; answers to earlier questions are not believed.

        None when none came in time, or when the board says that what it heard was damaged.
        """
        while (left_ns := until_ns - self._now_ns()) > 0:
            for frame in self._line.receive(left_ns * 1e-9):
                if frame.number == number:
                    return frame
                if frame.kind == board_wire.DAMAGED:
                    return None
        return None

    def _numbered(self) -> int:
        self._number = self._number % 255 + 1
        return self._number

    def _mismatch(self, found: Identity | None) -> str:
        seen = "an identity that is not ours" if found is None else _say(found)
        return (
            f"A board answers at {self._settings.port} but it is not the one this station is set up for: "
            f"expected {_say(self._settings.expected)}; found {seen}. Check the settings at the top of its firmware."
        )


def _say(identity: Identity) -> str:
    return (
        f"protocol version {identity.map_version}, {identity.outputs} outputs, {identity.counter_bits}-bit counter, "
        f"{identity.ticks_per_mm:g} ticks per mm"
    )
