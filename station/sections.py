"""Every section a station file may have, with bounds and one line on each key.

With ``station.config`` the only modules that know pydantic; files of other kinds have a module of their own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from control.types import EjectorKind
from station.programme_sections import ProgrammeSection
from station.reporting_sections import ReportingSection
from station.section import Section


class StationSection(Section):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$", description="short name used in reports and file names")
    name: str = Field(min_length=1, max_length=80, description="what the page shows")
    data_folder: str = Field(description="where records are kept")


class WebSection(Section):
    host: str = Field("127.0.0.1", description="address the page is served on")
    port: int = Field(8080, ge=1, le=65535, description="TCP port of the page")
    viewers: bool = Field(True, description="whether people may look at the page without logging in")
    hosts: list[str] = Field([], description="names, besides addresses, by which people reach the page")


class SimulatedCamera(Section):
    kind: Literal["simulated"]


class FolderCameraSection(Section):
    kind: Literal["folder"]
    folder: str = Field(description="footage folder with frames.csv, ticks.csv and footage.yaml")


class OpencvCameraSection(Section):
    kind: Literal["opencv"]
    device: str = Field(description="/dev/v4l/by-id/... or a stream URL")
    width_px: int = Field(ge=160, le=8192, description="picture width")
    height_px: int = Field(ge=120, le=8192, description="picture height")
    fps: float = Field(gt=0, le=1000, description="pictures per second")


class ModbusTcpSection(Section):
    kind: Literal["modbus-tcp"]
    host: str = Field(description="address of the controller")
    port: int = Field(502, ge=1, le=65535, description="TCP port of the controller")
    unit: int = Field(1, ge=0, le=255, description="Modbus unit id")
    timeout_ms: int = Field(100, ge=10, le=5000, description="longest wait for one answer")


class ModbusRtuSection(Section):
    kind: Literal["modbus-rtu"]
    port: str = Field(pattern="^/", description="serial adapter, best its path under /dev/serial/by-id")
    unit: int = Field(1, ge=1, le=247, description="Modbus unit id")
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = Field(115200, description="bits per second")
    parity: Literal["none", "even", "odd"] = Field("none", description="parity bit of each byte")
    stop_bits: Literal[1, 2] = Field(1, description="stop bits of each byte")
    timeout_ms: int = Field(30, ge=5, le=1000, description="longest wait for an answer, beside its time on the wire")
    longest_reply_ms: int = Field(30, ge=5, le=1000, description="how long after that an answer may still come")
    poll_ms: int = Field(20, ge=5, le=90, description="how often the controller is read")


class ScaleSection(Section):
    """A belt scale on a serial line of its own (port) or on the network (host), read as totals."""

    device: str = Field(description="file of configs/devices with a value total_1")
    port: str | None = Field(None, pattern="^/", description="serial adapter, best its path under /dev/serial/by-id")
    host: str | None = Field(None, min_length=1, description="Modbus TCP: name or address of the scale or its gateway")
    tcp_port: int = Field(502, ge=1, le=65535, description="Modbus TCP port, where host is given")
    unit: int = Field(1, ge=1, le=247, description="Modbus unit id")
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400] = Field(9600, description="bits per second")
    parity: Literal["none", "even", "odd"] = Field("none", description="parity bit of each byte")
    stop_bits: Literal[1, 2] = Field(1, description="stop bits of each byte")
    longest_reply_ms: int = Field(500, ge=20, le=5000, description="longest time an answer can take")
    poll_s: float = Field(1.0, ge=0.2, le=60, description="how often it is read")
    kg_per_unit: float = Field(1000.0, gt=0, description="kilograms in one unit of its display (tonnes: 1000)")
    roll_over_kg: float = Field(gt=0, description="total at which it begins again at 0")
    max_kg_s: float = Field(gt=0, description="more than the belt can carry")


class MemoryMachineSection(Section):
    kind: Literal["memory"]


class SerialBoardSection(Section):
    kind: Literal["serial-board"]
    port: str = Field(description="serial port of the board, best as /dev/serial/by-id/...")
    baud: int = Field(115200, ge=9600, le=3_000_000, description="speed of the line; a USB port bears any")
    uart: bool = Field(False, description="true when bytes really travel at that speed (no USB port on the board)")
    timeout_ms: int = Field(150, ge=20, le=5000, description="longest wait for an answer")


class CoilsSection(Section):
    """Plain outputs behind a Modbus TCP coupler: the station fires by itself, less exactly than a controller."""

    kind: Literal["coils"]
    host: str = Field(description="address of the coupler")
    port: int = Field(502, ge=1, le=65535, description="TCP port of the coupler")
    unit: int = Field(1, ge=0, le=255, description="Modbus unit id of the coupler")
    device: str = Field(description="file that says where this kind of coupler has its registers")
    encoder_at: int = Field(ge=0, le=65535, description="first holding register of the encoder count")
    encoder_high_word_first: bool = Field(False, description="word order of a 32-bit count")
    encoder_host: str | None = Field(None, description="address of the encoder, when it is no module of the coupler")
    encoder_port: int = Field(502, ge=1, le=65535, description="its TCP port")
    encoder_unit: int = Field(1, ge=0, le=255, description="its Modbus unit id")
    estop_input: int = Field(ge=0, le=1023, description="input that is on while the emergency stop is not pressed")
    guard_input: int | None = Field(None, ge=0, le=1023, description="input that is on while the guards are closed")
    air_input: int | None = Field(None, ge=0, le=1023, description="input that is on while there is air")
    run_output: int | None = Field(None, ge=0, le=255, description="output that requests the belt")
    watchdog_ms: int = Field(100, ge=20, le=200, description="the coupler closes its outputs after such a silence")
    late_ms: float = Field(3.0, gt=0, le=100, description="a shot that would come later than this is not fired")
    timeout_ms: int = Field(60, ge=10, le=5000, description="longest wait for one answer")


class BankSection(Section):
    outlet: str = Field(min_length=1, description="where pieces hit by this bank land")
    kind: EjectorKind = Field(strict=False, description="valve, pusher or flap")
    first_output: int = Field(ge=0, le=63, description="output number of the leftmost lane")
    lanes: int = Field(ge=1, le=64, description="number of lanes side by side")
    left_mm: float = Field(0.0, description="left edge of the leftmost lane on the belt")
    lane_width_mm: float = Field(gt=0, le=3000, description="width of one lane")
    hold_ms: float = Field(0.0, ge=0, le=5000, description="shortest time on: a pusher's or flap's stroke")
    rest_ms: float = Field(0.0, ge=0, le=5000, description="pause before it may act again: re-fire time, way back")
    longest_ms: float | None = Field(None, gt=0, le=10000, description="longest opening if not sorting.max_pulse_ms")


class BinSection(Section):
    """The bin under an outlet; without one the page still says what fell into it."""

    outlet: str = Field(min_length=1, description="outlet of a bank, or the recipe's rest_outlet")
    capacity_kg: float = Field(gt=0, le=100_000, description="how much of such pieces fits in, by mass")


class VisionSection(Section):
    step_mm: float = Field(50.0, gt=0, le=500, description="belt travel between two frames that are searched")
    sure: float = Field(0.98, gt=0.5, lt=1, description="confidence beyond which a piece is not looked at again")
    max_looks: int = Field(6, ge=1, le=50, description="most looks spent on one piece")
    max_looks_per_step: int = Field(12, ge=1, le=200, description="most looks in one frame")
    min_sightings: int = Field(2, ge=1, le=20, description="sightings before something counts as a piece")
    min_area_mm2: float = Field(60.0, gt=0, description="smaller things are dust")


class SortingSection(Section):
    decision_mm: float = Field(gt=0, description="decision line, downstream of the datum line")
    close_mm: float = Field(gt=0, description="where every piece has fallen into its outlet")
    purge_mm: float = Field(gt=0, description="belt that must pass after a start before anything is ejected")
    max_speed_mm_s: float = Field(gt=0, le=10000, description="fastest plausible belt")
    margin_mm: float = Field(6.0, ge=0, le=200, description="how much longer than the piece a valve stays open")
    min_slack_ms: float = Field(60.0, ge=0, le=5000, description="a shot with less slack is late and not fired")
    min_pulse_ms: float = Field(8.0, gt=0, le=1000, description="shortest opening")
    max_pulse_ms: float = Field(250.0, gt=0, le=5000, description="longest opening")
    max_duty: float = Field(0.8, gt=0, le=1, description="share of any second that one lane may be open")
    cut_ms: float = Field(150.0, ge=20, le=2000, description="a shot is cut and sent when its slack falls below this")
    graze: float = Field(0.12, ge=0, le=1, description="share of a neighbour that a jet may touch")
    max_picture_ms: float = Field(200.0, ge=20, le=2000, description="nothing is fired on older pictures")


class FeedSection(Section):
    pieces_per_s: float = Field(20.0, gt=0, le=200, description="pieces fed per second")
    touching: float = Field(0.04, ge=0, le=1, description="share of pieces fed onto another one")
    mix: dict[str, float] = Field(description="relative number of pieces by codebook id")


class SpeedStep(Section):
    since_s: float = Field(ge=0, description="seconds since the belt was started")
    factor: float = Field(ge=0, le=3, description="share of the belt speed from then on")


MishapWord = Literal[
    "estop", "guard_open", "air_low", "encoder_stuck", "silent", "restart", "unplugged", "camera_freeze",
    "camera_silent", "lens_covered", "valve_dead", "valve_slow", "output_stuck", "encoder_slip", "drive_signal_lost",
    "encoder_reversed", "encoder_jump", "slow", "noise", "other_master", "other_identity",
]  # fmt: skip


class MishapStep(Section):
    """Something that goes wrong by itself on the simulated line."""

    name: MishapWord = Field(description="what goes wrong")
    at_s: float | None = Field(None, ge=0, description="seconds after the line has started")
    at_mm: float | None = Field(None, ge=0, description="or where the belt has come to, in mm")
    for_s: float | None = Field(None, gt=0, description="how long it lasts; none: for good")
    output: int = Field(8, ge=0, le=63, description="of which output, for valves")


class InstalledSection(Section):
    """What is really so at the simulated line, whatever the calibration says. What is left out is as calibrated."""

    ticks_per_mm: float | None = Field(None, gt=0, description="encoder ticks per millimetre of belt")
    distance_mm: dict[str, float] = Field({}, description="datum line to ejector bank, by outlet")
    delay_ms: dict[str, float] = Field({}, description="output on to effect at the belt, by outlet")


class LineSection(Section):
    """The built-in simulated line. Only with a simulated camera."""

    seed: int = Field(1, description="same seed, same pieces")
    fps: float = Field(60.0, gt=0, le=240, description="pictures per second")
    width_px: int = Field(1280, ge=320, le=4096, description="picture width")
    height_px: int = Field(1024, ge=240, le=4096, description="picture height")
    mm_per_px: float = Field(0.625, gt=0, description="true scale of the picture")
    speed_mm_s: float = Field(1500.0, gt=0, le=5000, description="belt speed")
    speed_jitter: float = Field(0.01, ge=0, le=0.2, description="slow speed wobble, relative")
    speed_profile: list[SpeedStep] = Field([], description="changes of speed while the belt runs, in order")
    start_count: int = Field(0, ge=0, description="encoder count at the start")
    mishaps: list[MishapStep] = Field([], description="what goes wrong by itself, and when")
    feed: FeedSection
    installed: InstalledSection = InstalledSection()
    starts_at_once: bool = Field(True, description="whoever starts the program gives the start order")


class MassSection(Section):
    """How heavy pieces are."""

    priors: str | None = Field(None, description="table of densities and thicknesses; the shipped one if left out")
    weighings: str | None = Field(
        None, description="totals of a belt scale: CSV with from_utc, to_utc, outlet (or all), mass_kg, sd_kg"
    )


class CropsSection(Section):
    """Crops worth labelling, kept while the station runs."""

    keep: bool = Field(True, description="keep crops of unsure, disputed and hazardous pieces and a random sample")
    most_mb: float = Field(300.0, gt=0, le=1e6, description="disk they may take; the least valuable go first")
    random_share: float = Field(0.005, ge=0, le=1, description="share of all pieces kept at random")
    unsure_below: float = Field(0.6, ge=0, le=1, description="a piece decided with less confidence is unsure")
    most_per_min: int = Field(30, ge=1, le=6000, description="most pieces kept per minute for one reason")
    looks: int = Field(3, ge=1, le=20, description="most crops kept of one piece")
    album_mb: float = Field(200.0, ge=0, le=1e6, description="disk for pictures of the newest pieces; 0 keeps none")


CameraSection = Annotated[SimulatedCamera | FolderCameraSection | OpencvCameraSection, Field(discriminator="kind")]
MachineSection = Annotated[
    ModbusTcpSection | ModbusRtuSection | SerialBoardSection | CoilsSection | MemoryMachineSection,
    Field(discriminator="kind"),
]


class RecordingSection(Section):
    """The black box: what the sorter was told and said, and pictures."""

    steps: bool = Field(True, description="record every step of the sorter, so that it can be replayed")
    max_gb: float = Field(20.0, gt=0, le=100_000, description="most disk for recordings; the oldest are removed")
    min_free_gb: float = Field(1.0, ge=0, le=10_000, description="disk that recordings leave free")
    rotate_s: float = Field(600.0, ge=10, le=86_400, description="how long one file gets")
    frames: Literal["off", "flight", "all"] = Field("flight", description="pictures kept: none, around incidents, all")
    keep_s: float = Field(60.0, ge=5, le=600, description="how far back an incident's file reaches")
    keep_mb: int = Field(400, ge=8, le=16_000, description="most memory for the pictures of that time")
    nth: int = Field(1, ge=1, le=1000, description="every nth of the searched pictures is kept")
    unsearched: bool = Field(False, description="count pictures that were not searched, too")
    jpeg_quality: int = Field(85, ge=10, le=100, description="quality of kept pictures")
    lossless: bool = Field(False, description="keep pictures as PNG, ten times as large")


class ConfigFile(Section):
    """One station."""

    station: StationSection
    web: WebSection = WebSection()
    calibration: str = Field(description="file with what was measured on this line")
    recipe: str = Field(description="file with the sorting rules")
    model: str = Field(description="folder with model.onnx and model.yaml")
    shadow_model: str | None = Field(None, description="folder of a candidate that is watched and decides nothing")
    shadow_share: float = Field(0.1, gt=0, le=1, description="most of one core that the candidate may use")
    camera: CameraSection
    machine: MachineSection
    banks: list[BankSection] = Field(min_length=1)
    bins: list[BinSection] = Field([], max_length=65)
    vision: VisionSection = VisionSection()
    sorting: SortingSection
    mass: MassSection = MassSection()
    crops: CropsSection = CropsSection()
    line: LineSection | None = None
    recording: RecordingSection = RecordingSection()
    reporting: ReportingSection = ReportingSection()
    programme: ProgrammeSection = ProgrammeSection()
    scale: ScaleSection | None = None
