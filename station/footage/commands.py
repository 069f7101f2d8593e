"""The command ``station footage``: bring footage in, look what is in it, cut it, label it, show what was decided."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from station.footage.export import Encoder
from station.plain_errors import plain_errors

if TYPE_CHECKING:
    from station.footage.bring_in import Belt
    from station.footage.source import Seen

app = typer.Typer(
    no_args_is_help=True, help="Bring footage in, cut it, label it, and see what the station makes of it."
)
_TEMPLATE = Path("configs/footage.yaml")
_RECORDING = ".mcap"
_RUN_OUT_MM = 1000.0

SourceArgument = Annotated[
    Path, typer.Argument(help="Recording (.mcap), footage folder, or station file that plays footage.")
]


@app.command("import")
def bring(
    source: Annotated[Path, typer.Argument(help="Video (mp4, mkv, avi, MJPEG) or folder of pictures.")],
    out: Annotated[Path, typer.Argument(help="Folder to write, or a recording (.mcap) with everything decided.")],
    mm_per_px: Annotated[float | None, typer.Option(help="Millimetres of belt per pixel of the source.")] = None,
    belt_px: Annotated[float | None, typer.Option(help="Width of the belt in pixels, instead of --mm-per-px.")] = None,
    belt_mm: Annotated[float, typer.Option(min=50, help="Width of the belt.")] = 800.0,
    left_px: Annotated[float, typer.Option(help="Picture column of the belt's left edge.")] = 0.0,
    speed_mm_s: Annotated[float | None, typer.Option(min=0, help="Belt speed, when it was constant.")] = None,
    ticks: Annotated[Path | None, typer.Option(help="Encoder readings: CSV with taken_ns,count.")] = None,
    ticks_per_mm: Annotated[float, typer.Option(min=0.01, help="Encoder ticks per millimetre of belt.")] = 10.0,
    rotate: Annotated[int, typer.Option(help="Turn clockwise by 0, 90, 180 or 270: the belt must run down.")] = 0,
    scale: Annotated[float, typer.Option(min=0.05, max=1, help="Shrink the pictures.")] = 1.0,
    from_s: Annotated[float, typer.Option("--from", min=0, help="Skip so many seconds.")] = 0.0,
    to_s: Annotated[float | None, typer.Option("--to", help="End so many seconds after the start.")] = None,
    fps: Annotated[float | None, typer.Option(min=0.01, help="Constant rate, instead of the file's stamps.")] = None,
    quality: Annotated[int, typer.Option(min=30, max=100, help="JPEG quality.")] = 92,
    station: Annotated[Path, typer.Option(help="Station whose recipe, model and outlets to use.")] = _TEMPLATE,
) -> None:
    """Bring a video or a folder of pictures in, ready to be sorted by one more command.

    The belt's motion comes from --ticks, from --speed-mm-s, or else is estimated from the picture: its texture and the
    pieces on it are followed, and a belt that cannot be followed is refused.
    """
    from station.footage.bring_in import Belt
    from station.footage.source import Seen

    with plain_errors():
        if rotate not in {0, 90, 180, 270}:
            raise typer.BadParameter("--rotate takes 0, 90, 180 or 270")
        if ticks is not None and speed_mm_s is not None:
            raise typer.BadParameter("give --ticks or --speed-mm-s, not both")
        belt = Belt(_scale(mm_per_px, belt_px, belt_mm) / scale, ticks_per_mm, ticks, speed_mm_s)
        _bring(source, out, Seen(rotate, scale, from_s, to_s, fps), belt, left_px * scale, quality, station)


def _bring(source: Path, out: Path, seen: Seen, belt: Belt, left_px: float, quality: int, station: Path) -> None:
    """Pictures, station file, and the recording when one is wanted; says what was made and what to do next."""
    from station.config import load_config
    from station.footage.bring_in import bring_in
    from station.footage.station_file import write_station_file

    run_out_mm = load_config(station).file.sorting.close_mm + _RUN_OUT_MM
    facts: dict[str, float | str | int] = {"mm_per_px": belt.mm_per_px, "ticks_per_mm": belt.ticks_per_mm}
    with _folder_for(out) as folder:
        with counted("Bringing in", "pictures") as progress:
            made = bring_in(source, folder, seen, belt, run_out_mm=run_out_mm, jpeg_quality=quality, progress=progress)
        path = write_station_file(folder, station, facts | {"counter_bits": 32, "by": "footage import"}, left_px)
        typer.echo(
            f"{made.frames} pictures of {made.width_px} x {made.height_px} px, {made.seconds:.2f} s, "
            f"belt {made.speed_mm_s:.1f} mm/s ({made.motion})"
        )
        if out.suffix == _RECORDING:
            _record(out, path)
        else:
            typer.echo(f"See it sorted: station run {path}")


@contextmanager
def _folder_for(out: Path) -> Iterator[Path]:
    """The folder itself, or one that is gone afterwards when a recording is wanted."""
    if out.suffix != _RECORDING:
        yield out
        return
    name = tempfile.mkdtemp(prefix="station-")
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _record(out: Path, station: Path) -> None:
    from station.config import load_config
    from station.offline import record_footage

    with shared("Sorting") as progress:
        pieces = record_footage(load_config(station), out, progress)
    typer.echo(f"{pieces} pieces decided. See them: station footage export {out} seen.mp4")


def _scale(mm_per_px: float | None, belt_px: float | None, belt_mm: float) -> float:
    if (mm_per_px is None) == (belt_px is None):
        raise typer.BadParameter("give the scale: --mm-per-px, or the width of the belt in pixels with --belt-px")
    found = mm_per_px if mm_per_px is not None else belt_mm / (belt_px or 0.0 or float("nan"))
    if not 0.01 <= found <= 20:
        raise typer.BadParameter(f"{found:g} mm per pixel cannot be; check --mm-per-px or --belt-px")
    return found


@app.command()
def info(source: Annotated[Path, typer.Argument(help="Footage folder or recording (.mcap).")]) -> None:
    """Say what is in it: pictures, length, rate, gaps, belt speed, labels."""
    from station.footage.take import open_take, told
    from station.footage.told import told_recording
    from station.recording.reader import open_recording

    with plain_errors():
        lines = told_recording(open_recording(source)) if source.suffix == _RECORDING else told(open_take(source))
        for line in lines:
            typer.echo(line)


@app.command()
def cut(
    source: Annotated[Path, typer.Argument(help="Footage folder or recording (.mcap).")],
    out: Annotated[Path, typer.Argument(help="Folder or recording to write.")],
    from_s: Annotated[float, typer.Option("--from", min=0, help="Seconds after the beginning.")] = 0.0,
    to_s: Annotated[float | None, typer.Option("--to", help="Seconds after the beginning.")] = None,
) -> None:
    """Copy a part of a footage folder or of a recording, with its readings, pictures and labels."""
    from station.footage.cut_recording import cut_recording
    from station.footage.take import cut as cut_take
    from station.footage.take import open_take
    from station.recording.reader import open_recording

    with plain_errors():
        if source.suffix == _RECORDING:
            typer.echo(f"{cut_recording(open_recording(source), out, from_s, to_s)} steps written to {out}")
            return
        typer.echo(f"{cut_take(open_take(source), out, from_s, to_s)} pictures written to {out}")


@app.command()
def export(
    source: SourceArgument,
    out: Annotated[Path, typer.Argument(help="Video to write: .mp4 or .mkv; or .csv for the decisions only.")],
    decisions: Annotated[Path | None, typer.Option(help="Table of decisions; beside the video if left out.")] = None,
    encoder: Annotated[Encoder, typer.Option(help="libvpx-vp9 and libsvtav1 play in browsers.")] = Encoder.mpeg4,
) -> None:
    """Write a video with outlines, classes, destinations and the moment of each shot, and a table of decisions."""
    from station.footage.export import export_video, write_decisions
    from station.footage.sought import recording_of
    from station.recorded_config import recorded_config

    with plain_errors(), shared("Sorting") as sorting, recording_of(source, sorting) as recording:
        table = out if out.suffix == ".csv" else decisions or out.with_suffix(".csv")
        rows = write_decisions(recording.pieces(), table)
        typer.echo(f"{rows} pieces in {table}")
        if out.suffix != ".csv":
            with tempfile.TemporaryDirectory(prefix="station-") as folder:
                scale_mm = recorded_config(recording, Path(folder)).calibration.mm_per_px
            with counted("Drawing", "pictures") as progress:
                count = export_video(recording, out, encoder, scale_mm, progress)
            typer.echo(f"{count} pictures in {out}")


@app.command()
def label(
    source: SourceArgument,
    who: Annotated[str, typer.Option(envvar="USER", help="Who says so; written beside every label.")] = "somebody",
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port of the page, on this computer only.")] = 8090,
    labels: Annotated[Path | None, typer.Option(help="Table of labels; beside the recording if left out.")] = None,
) -> None:
    """Say what each piece really is: the sorter proposes, a person confirms on a page, and every answer is kept."""
    from station.footage.label_command import serve_labelling
    from station.footage.sought import footage_behind, recording_of
    from vision.labels import labels_beside

    with plain_errors(), shared("Sorting") as sorting, recording_of(source, sorting) as recording:
        table = labels or labels_beside(footage_behind(source))
        typer.echo(f"Labels go to {table}; open http://127.0.0.1:{port} (Ctrl-C ends)")
        serve_labelling(recording, table, source.name, who, port)


@app.command()
def polygons(
    source: SourceArgument,
    file: Annotated[Path, typer.Argument(help="COCO file (JSON) to write, or with --back to read.")],
    pictures: Annotated[Path | None, typer.Option(help="Write the pictures it is about into this folder.")] = None,
    back: Annotated[bool, typer.Option("--back", help="Make labels of the polygons in the file instead.")] = False,
    who: Annotated[str, typer.Option(envvar="USER", help="Who drew them.")] = "somebody",
) -> None:
    """Labels as COCO polygons, to be corrected with another tool and brought back."""
    from station.footage.coco import export_coco, import_coco
    from station.footage.label_command import now_utc
    from station.footage.sought import footage_behind, recording_of
    from vision.labels import labels_beside, read_labels, write_labels

    with plain_errors(), shared("Sorting") as sorting, recording_of(source, sorting) as recording:
        table = labels_beside(footage_behind(source))
        if back:
            labels = import_coco(recording, file, who, now_utc())
            write_labels(table, labels)
            typer.echo(f"{len(labels)} pieces in {table}")
        else:
            typer.echo(f"{export_coco(recording, read_labels(table), file, pictures)} polygons in {file}")


@contextmanager
def counted(what: str, of: str) -> Iterator[Callable[[int], None]]:
    """A count that goes up, for work of unknown length; only where somebody watches."""
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda number: bar.update(task, description=f"{what}: {number} {of}")


@contextmanager
def shared(what: str) -> Iterator[Callable[[float], None]]:
    """A bar for work whose share done is known; it appears when the work begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(what, total=1.0, visible=False)
        yield lambda share: bar.update(task, completed=share, visible=share < 1)
