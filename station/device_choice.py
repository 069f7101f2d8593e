"""From the machine section of a station file to the settings of a serial board or of plain outputs."""

from __future__ import annotations

from control.board_wire import VERSION as BOARD_VERSION
from control.coil_settings import CoilSettings
from control.coupler_map import CouplerMap, EncoderPlace, WatchdogMap
from control.serial_machine import SerialBoardSettings
from control.types import Identity
from station.config import Config
from station.marked import marked
from station.named_files import CouplerFile
from station.sections import CoilsSection, ModbusRtuSection, ModbusTcpSection, SerialBoardSection


def machine_settings(config: Config, expected: Identity) -> SerialBoardSettings | CoilSettings | None:
    """The settings of its driver; None for machines of other kinds."""
    machine = config.file.machine
    match machine:
        case SerialBoardSection():
            board = expected._replace(map_version=BOARD_VERSION)
            port = str(config.path.parent / machine.port)  # an absolute path stays as it is
            return SerialBoardSettings(port, machine.baud, board, machine.uart, timeout_ms=machine.timeout_ms)
        case CoilsSection():
            return _coil_settings(config, machine, expected)
        case _:
            return None


def machine_in_words(config: Config) -> str:
    """One line: what fires, and who counts."""
    machine = config.file.machine
    match machine:
        case ModbusTcpSection():
            place = f"{machine.host}:{machine.port}"
            return marked("machine: a controller at {place} counts and fires").format(place=place)
        case ModbusRtuSection() | SerialBoardSection():
            return marked("machine: a controller at {place} counts and fires").format(place=machine.port)
        case CoilsSection():
            name = config.coupler.name if config.coupler else machine.device
            return marked(
                "machine: plain outputs of {name} at {place}; this station fires by itself, less exactly than a "
                "controller; the coupler closes all after {watchdog_ms} ms of silence"
            ).format(name=name, place=f"{machine.host}:{machine.port}", watchdog_ms=machine.watchdog_ms)
        case _:
            return marked("machine: in memory, nothing is fired")


def _coil_settings(config: Config, machine: CoilsSection, expected: Identity) -> CoilSettings:
    assert config.coupler is not None
    return CoilSettings(
        host=machine.host,
        port=machine.port,
        unit=machine.unit,
        expected=expected,
        coupler=_coupler_map(config.coupler),
        encoder=EncoderPlace(
            machine.encoder_at,
            machine.encoder_high_word_first,
            machine.encoder_host,
            machine.encoder_port,
            machine.encoder_unit,
        ),
        longest_on_ms=(config.file.sorting.max_pulse_ms + machine.watchdog_ms,) * expected.outputs,
        estop_input=machine.estop_input,
        guard_input=machine.guard_input,
        air_input=machine.air_input,
        run_output=machine.run_output,
        watchdog_ms=machine.watchdog_ms,
        late_ms=machine.late_ms,
        timeout_ms=machine.timeout_ms,
        latency_ms=config.calibration.sample_latency_ms,
    )


def _coupler_map(file: CouplerFile) -> CouplerMap:
    made = file.watchdog
    fallen = None if made.fallen is None else (made.fallen.at, made.fallen.mask)
    reset, also = ([(write.at, write.value) for write in writes] for writes in (made.reset, made.also))
    watchdog = WatchdogMap(made.time.at, made.time.words, tuple(reset), tuple(also), fallen, made.needs_writes)
    return CouplerMap(file.name, file.outputs.at, file.inputs.at, watchdog)
