"""Reference firmware of a serial board, for MicroPython on RP2040-class boards: counts the encoder, fires on the count.

One file: copy it to the board as ``main.py``, after the settings below fit its wiring. The same file runs on a PC,
under CPython and under MicroPython's unix port, with the pins of ``hil/firmware/pty_pins.py``. The frames are those of
``control/board_wire.py``; the tests hold both against each other.

The board is never the safety function. It drops every output and the run request by itself when the station has been
silent for 200 ms, when an interlock opens, and when an output has been on for its longest time.
"""

# mypy: disable-error-code="name-defined, attr-defined"

import binascii
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:  # MicroPython has no typing
    from collections.abc import Callable
    from typing import Protocol

    class Pins(Protocol):
        """Seam: everything the program needs of the hardware it runs on."""

        def lives(self) -> bool:
            """Called at every pass; False ends the program."""

        def latch(self) -> tuple[int, int]:
            """(30-bit microseconds, raw count) of the same instant."""

        def inputs(self) -> int:
            """Bits e-stop, guard, air; 1 is safe."""

        def drive(self, outputs: int, run: bool) -> None: ...

        def levels(self) -> int:
            """Mask of the output pins that are high, read from the pins."""

        def read(self) -> bytes:
            """What has arrived; empty when nothing has."""

        def write(self, data: bytes) -> None: ...

        def wait(self, us: int) -> None:
            """Nothing is due for so long; bytes may come earlier."""


# ---- settings of this board ------------------------------------------------------------------------------------------

ENCODER_PIN_A = 2  # B is the next pin; it counts up while B leads A: swap both wires when the belt runs backwards
OUTPUT_PINS = (6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21)
RUN_PIN = 22
INPUT_PINS = (26, 27, 28)  # emergency stop, guard, air: closed contacts pull them high
TICKS_PER_100_M = 1_000_000
LONGEST_ON_MS = 250
UART_BAUD = 0  # 0: the USB port; otherwise the speed of UART 0 on pins 0 and 1

# ---- the wire, as in control/board_wire.py ---------------------------------------------------------------------------

MAGIC = 0x53535442
VERSION = 2
COUNTER_BITS = 32
HELLO, POLL, JOBS = 1, 2, 3
IDENTITY, STATUS, STRANGER, DAMAGED = 0x81, 0x82, 0x83, 0x84
FIRED, LATE, FAULTED, IGNORED = 1, 2, 3, 4
HEAD = "<HBBH"
JOB = "<IIHQHH"
JOB_BYTES = 22
REPORT = "<IBI"
REPORTS_PER_FRAME = 6
LARGEST_FRAME = 210

SILENCE_US = 200_000
LATE_LIMIT_TICKS = 20
QUEUE = 64
CLOCK = 1 << 30
RATE_US = 4_000
NAP_US = 1_000


def stuff(raw: bytes) -> bytes:
    """A frame without zeros inside and one at its end (COBS; Cheshire and Baker 1999). ``raw`` is under 254 bytes."""
    return b"".join([bytes((len(part) + 1,)) + part for part in raw.split(b"\0")]) + b"\0"


def unstuff(block: bytes) -> bytes:
    """What was stuffed, without the zero at its end; empty when the block is not whole."""
    parts = []
    at = 0
    while at < len(block):
        step = block[at]
        if at + step > len(block):
            return b""
        parts.append(block[at + 1 : at + step])
        at += step
    return b"\0".join(parts)


def seal(kind: int, number: int, body: bytes) -> bytes:
    """A frame ready for the wire: kind, number, body and CRC-32, stuffed."""
    raw = bytes((kind, number)) + body
    return stuff(raw + struct.pack("<I", binascii.crc32(raw) & 0xFFFFFFFF))


def unseal(block: bytes) -> bytes:
    """Kind, number and body of a block between two zeros; empty when it was damaged."""
    raw = unstuff(block)
    if len(raw) < 6 or struct.unpack("<I", raw[-4:])[0] != binascii.crc32(raw[:-4]) & 0xFFFFFFFF:
        return b""
    return raw[:-4]


def since(now: int, then: int) -> int:
    """Microseconds from ``then`` to ``now``, negative when it lies ahead; the clock has 30 bits."""
    return (now - then + (CLOCK >> 1)) % CLOCK - (CLOCK >> 1)


class Settings:
    """What this board has. ``longest_us`` is one limit per output."""

    def __init__(self, outputs: int, ticks_per_100_m: int, longest_us: "list[int]") -> None:
        self.outputs = outputs
        self.ticks_per_100_m = ticks_per_100_m
        self.longest_us = longest_us


class Job:
    """One shot: opens at ``opens``, closes at ``closes``, both raw counts."""

    def __init__(self, number: int, opens: int, closes: int, outputs: int) -> None:
        self.number = number
        self.opens = opens
        self.closes = closes
        self.outputs = outputs


class Board:
    """The program. It reads no pin and no clock: instants (30-bit microseconds) and counts come as arguments.

    ``outputs`` (bit mask) and ``run`` are what must be driven now; ``answer`` is what must be sent. ``levels`` is told
    to it: the mask of output pins that are high.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.modulus = 1 << COUNTER_BITS
        self.outputs = 0
        self.run = False
        self.answer = b""
        self.armed = False
        self.bad_frames = 0
        self.inputs = 0
        self.levels = 0
        self.session = -1
        self.heard = b""
        self.rate = 0.0
        self.rate_from = (0, 0)
        self.forget()

    def forget(self) -> None:
        """Everything off, nothing queued, nothing to report: as after power-up."""
        self.outputs = 0
        self.run = self.armed = False
        self.asked_run = self.asked_armed = True
        self.wants_run = self.wants_armed = False
        self.heartbeat = -1
        self.beaten = -1
        self.pending: list[Job] = []
        self.since_us: dict[int, int] = {}
        self.closes: dict[int, int] = {}
        self.read_index = 0
        self.first_report = 0
        self.reports: list[tuple[int, int, int]] = []

    def hear(self, data: bytes, now: int, count: int) -> None:
        """Bytes from the station, any number of them; answers are appended to ``answer``."""
        self.heard += data
        while True:
            end = self.heard.find(b"\0")
            if end < 0:
                break
            block = self.heard[:end]
            self.heard = self.heard[end + 1 :]
            frame = unseal(block)
            if frame:
                self.obey(frame, now, count)
            elif block:
                self.complain()
        if len(self.heard) > LARGEST_FRAME:
            self.heard = b""
            self.complain()

    def step(self, now: int, count: int, inputs: int) -> None:
        """One pass: requests, edges, longest on-times. ``inputs`` has bits e-stop, guard, air; 1 is safe."""
        self.inputs = inputs
        self.measure(now, count)
        self.follow(now, count)
        while self.pending and self.ahead(self.pending[0].opens, count) <= 0:
            self.fire(self.pending.pop(0), now, count)
        for output in list(self.closes):
            is_over = self.ahead(self.closes[output], count) <= 0
            if is_over or since(now, self.since_us[output]) >= self.settings.longest_us[output]:
                self.shut(output)

    def idle_us(self, now: int, count: int) -> int:
        """How long nothing is due, at most ``NAP_US``."""
        wait = NAP_US
        for output in self.closes:
            wait = min(wait, self.settings.longest_us[output] - since(now, self.since_us[output]))
        edges = list(self.closes.values())
        if self.pending:
            edges.append(self.pending[0].opens)
        if edges and self.rate > 0:
            nearest = min([self.ahead(edge, count) for edge in edges])
            wait = min(wait, int(nearest / self.rate))
        return max(0, wait)

    def obey(self, frame: bytes, now: int, count: int) -> None:
        """One whole frame: kind, number, body."""
        kind, number, body = frame[0], frame[1], frame[2:]
        if kind == HELLO and len(body) == 4:
            self.greet(number, body)
        elif kind in (POLL, JOBS) and len(body) >= 6:
            self.serve(kind, number, body, now, count)
        else:
            self.complain()

    def complain(self) -> None:
        """What came was no frame: the station asks again at once, and a wrong speed is heard as such."""
        self.bad_frames += 1
        self.answer += seal(DAMAGED, 0, b"")

    def greet(self, number: int, body: bytes) -> None:
        """A new session: whatever was going on is over."""
        (nonce,) = struct.unpack("<I", body)
        self.forget()
        self.session = nonce & 0xFFFF
        made = (nonce, MAGIC, VERSION, self.settings.outputs, COUNTER_BITS, self.settings.ticks_per_100_m)
        self.answer += seal(IDENTITY, number, struct.pack("<IIHBBI", *made))

    def serve(self, kind: int, number: int, body: bytes, now: int, count: int) -> None:
        """A frame of the session; every one carries the requests and what was read of the reports."""
        session, heartbeat, bits, read = struct.unpack_from(HEAD, body)
        if session != self.session:
            self.answer += seal(STRANGER, number, b"")
            return
        if heartbeat != self.heartbeat:
            if self.heartbeat >= 0:
                self.beaten = now
            self.heartbeat = heartbeat
        self.wants_run, self.wants_armed = bool(bits & 1), bool(bits & 2)
        self.follow(now, count)
        self.drop_reports(read)
        if kind == JOBS:
            self.take(body, count)
        else:
            self.answer += seal(STATUS, number, self.status(now, count))

    def drop_reports(self, read: int) -> None:
        """Forget the reports before number ``read``: the station has them."""
        known = (read - self.first_report) & 0xFFFF
        if known <= len(self.reports):
            self.reports = self.reports[known:]
            self.first_report = read

    def take(self, body: bytes, count: int) -> None:
        """Jobs numbered from the first on; one that was taken before is not taken again, one after a gap waits."""
        (index,) = struct.unpack_from("<H", body, 6)
        for at in range(8, len(body) - JOB_BYTES + 1, JOB_BYTES):
            if index == self.read_index:
                if len(self.pending) + len(self.reports) >= QUEUE:
                    return
                self.judge(body, at, count)
                self.read_index = (self.read_index + 1) & 0xFFFF
            index = (index + 1) & 0xFFFF

    def judge(self, body: bytes, at: int, count: int) -> None:
        """One new job: into the queue, or its report at once."""
        number, opens, length, outputs, _class_code, _flags = struct.unpack_from(JOB, body, at)
        if not self.armed:
            self.report(number, IGNORED, count)
        elif length == 0 or outputs == 0 or outputs >> self.settings.outputs:
            self.report(number, FAULTED, count)
        elif self.ahead(opens, count) < 0:
            self.report(number, LATE, count)
        else:
            place = len(self.pending)
            while place and self.ahead(self.pending[place - 1].opens, count) > self.ahead(opens, count):
                place -= 1
            self.pending.insert(place, Job(number, opens, (opens + length) % self.modulus, outputs))

    def status(self, now: int, count: int) -> bytes:
        """What the station reads: time, count, state, and the oldest reports it has not read."""
        shown = self.reports[:REPORTS_PER_FRAME]
        bits = self.inputs | self.run << 3 | self.armed << 4
        room = QUEUE - len(self.pending) - len(self.reports)
        bad = self.bad_frames & 0xFFFF
        head = (now, count, bits, self.read_index, max(0, room), bad, self.first_report, self.levels)
        return struct.pack("<IIBHBHHQ", *head) + b"".join([struct.pack(REPORT, *report) for report in shown])

    def follow(self, now: int, count: int) -> None:
        """A request is granted when it rises, kept while it stands, and lost with heartbeat or interlocks."""
        is_fresh = self.beaten >= 0 and since(now, self.beaten) <= SILENCE_US
        if not is_fresh:
            self.beaten = -1
        if is_fresh and self.inputs & 3 == 3:
            self.run = self.wants_run and (self.run or not self.asked_run)
            self.armed = self.wants_armed and (self.armed or not self.asked_armed)
            self.asked_run, self.asked_armed = self.wants_run, self.wants_armed
        else:
            self.run = self.armed = False
            self.asked_run = self.asked_armed = True
        if not self.armed:
            self.stand_down(count)

    def stand_down(self, count: int) -> None:
        """All outputs off, every queued job ignored."""
        self.outputs = 0
        self.since_us.clear()
        self.closes.clear()
        for job in self.pending:
            self.report(job.number, IGNORED, count)
        self.pending = []

    def fire(self, job: Job, now: int, count: int) -> None:
        """Exactly then or not at all."""
        behind = -self.ahead(job.opens, count)
        if behind > LATE_LIMIT_TICKS or self.ahead(job.closes, count) <= 0:
            self.report(job.number, LATE, count)
            return
        for output in range(self.settings.outputs):
            if job.outputs >> output & 1:
                self.open(output, job.closes, now, count)
        self.report(job.number, FIRED, count)

    def open(self, output: int, closes: int, now: int, count: int) -> None:
        """An output that is on already stays on; its longest time runs from when it was switched on."""
        if output not in self.closes:
            self.since_us[output] = now
            self.closes[output] = closes
        elif self.ahead(closes, count) > self.ahead(self.closes[output], count):
            self.closes[output] = closes
        self.outputs |= 1 << output

    def shut(self, output: int) -> None:
        """Off."""
        del self.closes[output]
        del self.since_us[output]
        self.outputs &= ~(1 << output)

    def report(self, number: int, result: int, count: int) -> None:
        """The single answer to a job."""
        self.reports.append((number, result, count))

    def measure(self, now: int, count: int) -> None:
        """Counts per microsecond, over a few milliseconds."""
        then, before = self.rate_from
        passed = since(now, then)
        if passed < 0 or passed >= RATE_US:
            self.rate = max(0, self.ahead(count, before)) / passed if 0 < passed < 10 * RATE_US else 0.0
            self.rate_from = (now, count)

    def ahead(self, edge: int, count: int) -> int:
        """Counts from ``count`` to ``edge``, negative when it has passed."""
        half = self.modulus >> 1
        return (edge - count + half) % self.modulus - half


class PicoPins:
    """The pins of an RP2040 or RP2350: encoder by PIO, outputs and inputs by GPIO, the station on USB or UART 0."""

    def __init__(self) -> None:
        import select
        import sys
        import time

        import machine  # type: ignore[import-not-found]
        import micropython  # type: ignore[import-not-found]

        self.time = time
        self.outputs = [machine.Pin(pin, machine.Pin.OUT, value=0) for pin in OUTPUT_PINS]
        self.run_pin = machine.Pin(RUN_PIN, machine.Pin.OUT, value=0)
        self.inputs_in = [machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_DOWN) for pin in INPUT_PINS]
        self.encoder = _quadrature_counter(ENCODER_PIN_A)
        self.driven = 0
        self.watchdog = machine.WDT(timeout=500)
        if UART_BAUD:
            self.port = self.sink = machine.UART(0, baudrate=UART_BAUD, timeout=0, rxbuf=512, txbuf=512)
        else:
            micropython.kbd_intr(-1)
            self.port, self.sink = sys.stdin.buffer, sys.stdout.buffer
        self.poller = select.poll()
        self.poller.register(self.port, select.POLLIN)

    def lives(self) -> bool:
        """Feeds the watchdog: a program that hangs is started anew, with every pin low."""
        self.watchdog.feed()
        return True

    def latch(self) -> "tuple[int, int]":
        """(microseconds, count) of the same instant."""
        return self.time.ticks_us(), self.encoder()

    def inputs(self) -> int:
        """Bits e-stop, guard, air."""
        value = 0
        for bit, pin in enumerate(self.inputs_in):
            value |= pin.value() << bit
        return value

    def drive(self, outputs: int, run: bool) -> None:
        """Only what changed."""
        changed = outputs ^ self.driven
        for number, pin in enumerate(self.outputs):
            if changed >> number & 1:
                pin.value(outputs >> number & 1)
        self.driven = outputs
        self.run_pin.value(run)

    def levels(self) -> int:
        """Which output pins are high, whatever was written to them."""
        value = 0
        for number, pin in enumerate(self.outputs):
            value |= pin.value() << number
        return value

    def read(self) -> bytes:
        """What has arrived, at most a few frames."""
        data = b""
        while len(data) < LARGEST_FRAME and self.poller.poll(0):
            data += self.port.read(1)
        return data

    def write(self, data: bytes) -> None:
        """All of it."""
        self.sink.write(data)

    def wait(self, us: int) -> None:
        """The board does nothing else: it looks again at once."""


def _quadrature_counter(pin_a: int) -> "Callable[[], int]":
    """A function that reads a 32-bit count of all four edges of A and B, kept by one PIO state machine.

    The program is the jump table of the Pico SDK's quadrature encoder example: old and new level of both wires are the
    address to jump to, so it must lie at 0; padding it to all 32 instructions puts it there.
    """
    import machine
    import rp2  # type: ignore[import-not-found]

    @rp2.asm_pio(in_shiftdir=rp2.PIO.SHIFT_LEFT, out_shiftdir=rp2.PIO.SHIFT_RIGHT)  # type: ignore[untyped-decorator]
    def quadrature() -> None:
        jmp("same")
        jmp("down")
        jmp("up")
        jmp("same")
        jmp("up")
        jmp("same")
        jmp("same")
        jmp("down")
        jmp("down")
        jmp("same")
        jmp("same")
        jmp("up")
        jmp("same")
        jmp("up")
        label("down")
        jmp(y_dec, "same")
        wrap_target()
        label("same")
        mov(isr, y)
        push(noblock)
        out(isr, 2)
        in_(pins, 2)
        mov(osr, isr)
        mov(pc, isr)
        label("up")
        mov(y, invert(y))
        jmp(y_dec, "back")
        label("back")
        mov(y, invert(y))
        wrap()
        nop()
        nop()
        nop()
        nop()
        nop()
        nop()
        nop()
        nop()

    machine.Pin(pin_a, machine.Pin.IN, machine.Pin.PULL_UP)
    machine.Pin(pin_a + 1, machine.Pin.IN, machine.Pin.PULL_UP)
    counter = rp2.StateMachine(0, quadrature, in_base=machine.Pin(pin_a))
    counter.exec("set(y, 0)")
    counter.active(1)

    def read() -> int:
        """The newest of what the state machine pushes without end; what lay in its queue is old."""
        for _ in range(counter.rx_fifo()):
            counter.get()
        return int(counter.get()) & 0xFFFFFFFF

    return read


def serve(board: Board, pins: "Pins") -> None:
    """Look, act, answer, for ever; a bench ends it by ``lives``."""
    while pins.lives():
        data = pins.read()
        now, count = pins.latch()
        if data:
            board.levels = pins.levels()
            board.hear(data, now, count)
        board.step(now, count, pins.inputs())
        pins.drive(board.outputs, board.run)
        if board.answer:
            pins.write(board.answer)
            board.answer = b""
        pins.wait(board.idle_us(now, count))


if __name__ == "__main__":
    serve(Board(Settings(len(OUTPUT_PINS), TICKS_PER_100_M, [LONGEST_ON_MS * 1000] * len(OUTPUT_PINS))), PicoPins())
