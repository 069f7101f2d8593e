"""The emulated controller as a whole: program, belt and register memory, without process and sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from control import job_ring
from control.types import Identity
from hil.drive import Belt, DriveSettings, EncoderSettings
from hil.faulty_counter import FaultyCounter
from hil.interlocks import ALL_SAFE, suffered
from hil.plc import Plc, PlcSettings
from hil.sensors import Sensors
from hil.types import BeltMotion, Hand, Mishap, MishapName, ValveEvent

_MOVES_MM_S = 1.0
_OUTPUTS_FIELD = 3
_STRANGE = 0xBEEF


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """``longest_on_ms`` is one limit per output; ``restart_count`` is where the counter begins after a restart."""

    longest_on_ms: tuple[float, ...]
    drive: DriveSettings = field(default_factory=DriveSettings)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    restart_count: int = 0
    late_limit_counts: int = 50


class Controller:
    """Scanned by one thread, read and written by another; a lock keeps both apart."""

    def __init__(self, settings: ControllerSettings, belt: Belt, publish: Callable[[BeltMotion], None]) -> None:
        self._settings = settings
        self._publish = publish
        self._lock = threading.Lock()
        self._belt = belt
        self._interlocks = ALL_SAFE
        self._run = False
        self._outputs = self._stuck = 0
        self._sensors = Sensors()
        self._is_signal_lost = False
        self._counter = FaultyCounter(settings.encoder.counter_bits)
        self._has_other_master = False
        self._start()

    def scan(self, now_ns: int) -> tuple[tuple[ValveEvent, ...], int | None]:
        """Move the belt, run the program once: the outputs that switched, and when the next edge is due."""
        with self._lock:
            motion = self._belt.advance(now_ns, run=self._run)
            self._counter.follow(self._belt.count(now_ns))
            count = self._count(now_ns)
            if self._has_other_master:
                self._store(job_ring.COMMAND_AT, [_STRANGE, 0])
            command = job_ring.unpack_command(self._registers(job_ring.COMMAND_AT, job_ring.COMMAND_REGISTERS))
            scan = self._plc.scan(now_ns, count, self._interlocks, command, self._slot)
            ticks_per_s = motion.speed_mm_s * self._settings.encoder.ticks_per_mm
            edge_ns = self._plc.next_edge_ns(now_ns, count, ticks_per_s)
        self._run = scan.run
        self._publish(motion)
        self._sensors.advance(now_ns)
        return self._switched(scan.outputs | self._stuck, motion), edge_ns

    @property
    def outputs(self) -> int:
        """Read back from the outputs themselves."""
        return self._outputs

    @property
    def felt(self) -> int:
        """Bits that flip when the sensor behind a valve feels it."""
        return self._sensors.felt

    @property
    def belt_moving(self) -> bool:
        """The drive's own running signal."""
        return abs(self._belt.motion.speed_mm_s) > _MOVES_MM_S and not self._is_signal_lost

    def read(self, address: int, count: int, now_ns: int) -> list[int]:
        """Registers for the station; count and status are of this instant, as a latched counter card gives them."""
        with self._lock:
            latched_ns = max(now_ns, self._belt.motion.t_ns)  # a scan may have come in between
            status = self._plc.status(latched_ns, self._count(latched_ns), self._interlocks)
            status = status._replace(outputs=self.outputs, belt_moving=self.belt_moving, felt=self.felt)
            self._store(job_ring.STATUS_AT, job_ring.pack_status(status))
            return self._registers(address, count)

    def write(self, address: int, values: list[int]) -> bool:
        """Registers from the station; False when they are not the station's to write."""
        if address < job_ring.COMMAND_AT or address + len(values) > job_ring.REGISTERS:
            return False
        with self._lock:
            self._store(address, values)
        return True

    def suffer(self, mishap: Mishap) -> None:
        """Begin or end a mishap that happens to the machine; others are ignored."""
        with self._lock:
            self._interlocks = suffered(self._interlocks, mishap)
            match mishap.name:
                case MishapName.valve_dead:
                    (self._sensors.dead.add if mishap.on else self._sensors.dead.discard)(mishap.output)
                case MishapName.valve_slow:
                    (self._sensors.slow.add if mishap.on else self._sensors.slow.discard)(mishap.output)
                case MishapName.output_stuck:
                    self._stuck = 1 << mishap.output if mishap.on else 0
                case MishapName.drive_signal_lost:
                    self._is_signal_lost = mishap.on
                case MishapName.other_master:
                    self._has_other_master = mishap.on
                case MishapName.other_identity:
                    outputs = len(self._settings.longest_on_ms) + mishap.on
                    self._store(job_ring.IDENTITY_AT + _OUTPUTS_FIELD, [outputs])
                case MishapName.restart if mishap.on:
                    self._belt.recount(self._settings.restart_count)
                    self._start()
            self._suffer_count(mishap)

    def handle(self, hand: Hand) -> None:
        """What somebody does to the belt with his hands; other deeds are ignored."""
        with self._lock:
            self._belt.handle(hand)

    def _suffer_count(self, mishap: Mishap) -> None:
        raw = self._belt.count(self._belt.motion.t_ns)
        match mishap.name:
            case MishapName.encoder_stuck:
                self._belt.stick(stuck=mishap.on)
            case MishapName.encoder_slip:
                self._counter.slip(raw, on=mishap.on)
            case MishapName.encoder_reversed:
                self._counter.reverse(raw, on=mishap.on)
            case MishapName.encoder_jump if mishap.on:
                self._counter.jump(raw)

    def outputs_off(self, now_ns: int) -> tuple[ValveEvent, ...]:
        """Close everything, as a controller does when it is switched off."""
        self._run = False
        return self._switched(0, self._belt.advance(now_ns, run=False))

    def _start(self) -> None:
        """Program and memory as after power-up; the belt runs out by itself."""
        settings, encoder = self._settings, self._settings.encoder
        outputs = len(settings.longest_on_ms)
        identity = Identity(job_ring.MAP_VERSION, outputs, encoder.counter_bits, encoder.said_ticks_per_mm)
        self._plc = Plc(PlcSettings(identity, settings.longest_on_ms, settings.late_limit_counts))
        self._memory = [0] * job_ring.REGISTERS
        self._store(job_ring.IDENTITY_AT, job_ring.pack_identity(identity))

    def _count(self, now_ns: int) -> int:
        return self._counter.shown(self._belt.count(now_ns))

    def _switched(self, outputs: int, motion: BeltMotion) -> tuple[ValveEvent, ...]:
        outputs |= self._stuck
        changed = outputs ^ self._outputs
        self._outputs = outputs
        for n in range(changed.bit_length()):
            if changed & outputs & 1 << n:
                self._sensors.open(n, motion.t_ns)
        return tuple(
            ValveEvent(n, bool(outputs >> n & 1), motion.t_ns, motion.pos_mm, motion.speed_mm_s)
            for n in range(changed.bit_length())
            if changed >> n & 1
        )

    def _slot(self, index: int) -> list[int]:
        return self._registers(job_ring.slot_at(index), job_ring.SLOT_REGISTERS)

    def _registers(self, address: int, count: int) -> list[int]:
        return self._memory[address : address + count]

    def _store(self, address: int, values: list[int]) -> None:
        self._memory[address : address + len(values)] = values
