"""The commands ``station train`` and ``station evaluate``: what to ask, what to show while waiting, how to refuse."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from station.training.evaluate import UNKNOWN, LabelledCrops, Report, write_report
from station.training.evaluate import evaluate as evaluated
from station.training.refusals import TrainingRefused
from station.training.tables import show_card, show_frames, show_report
from vision.model_card import ModelCard
from vision.types import ModelRefused

if TYPE_CHECKING:
    from hil.sprites.atlas import Sprite
    from station.training.train import Schedule

_CODEBOOK = Path("configs/codebook.csv")
_MODEL = Path("models/scrap-v1")


def train(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder the model is written to; its name becomes the model's name.")
    ] = _MODEL,
    work: Annotated[
        Path, typer.Option(help="Folder for painted crops and the state of learning; a second run goes on from there.")
    ] = Path("data/training"),
    atlas: Annotated[
        list[Path] | None, typer.Option(help="Sprite atlas to paint with, once for each; the shipped ones if left out.")
    ] = None,
    codebook: Annotated[Path, typer.Option(help="Codebook with the material classes.")] = _CODEBOOK,
    *,
    photos: Annotated[
        Path | None,
        typer.Option(envvar="STATION_DATA", help="Folder that holds images/pieces.csv and the photographs it names."),
    ] = None,
    crops: Annotated[
        Path | None, typer.Option(help="Crops of your own, as station dataset export writes them, to learn from, too.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Class that is not taught; give the option once for each.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Rounds over all crops; stops early when nothing improves.")] = 4,
    ablation: Annotated[
        int, typer.Option(min=0, help="Rounds for the models taught on rendered and on real pieces alone; 0: none.")
    ] = 1,
    size: Annotated[
        int, typer.Option(min=64, max=224, help="Side of a crop in pixels, a multiple of 16; its square is the cost.")
    ] = 96,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that paint, threads that prepare.")] = 2,
    threads: Annotated[int, typer.Option(min=1, help="Threads that learn; a second one gains little.")] = 1,
    version: Annotated[int, typer.Option(min=1, help="Version number written into the card.")] = 1,
) -> None:
    """Train the eye: lay pieces and photographs on belts, teach the network, calibrate it, measure it, write its card.

    Needs the extra "train" (PyTorch and the published weights of EfficientNet-Lite0). Takes less than an hour on two
    cores and can be interrupted: the same command goes on where it stopped. Splits are by object.
    """
    with _refusals(), _progress() as shown:
        schedule = _schedule(seed, epochs, threads)
        if photos is None:
            raise TrainingRefused("No photographs: name their folder with --photos or STATION_DATA.")
        from station.training.course import course_at, read_material
        from station.training.learning import Ways
        from station.training.make_model import make_model
        from station.training.rollup import read_families

        families = read_families(codebook)
        course = replace(course_at(size), seed=seed, version=version)
        material = read_material(
            tuple(atlas or ()), photos, families, tuple(without or ()), own=crops, crop=course.crop
        )
        short = replace(schedule, epochs=ablation) if ablation else None
        ways = Ways(schedule, short, workers, _Teller(shown).tell)
        command = written_command(context.params)
        card = make_model(out, work, material, course, families, ways, command)
    show_card(card)


def written_command(asked: Mapping[str, object]) -> str:
    """The command that makes the same model again, for the card: every number asked for, but no folders."""
    numbers = [f"--{name} {value}" for name, value in asked.items() if isinstance(value, int)]
    left_out, own = asked["without"], ["--crops EXPORT"] if asked["crops"] else []
    labels = [f"--without {label}" for label in left_out] if isinstance(left_out, (list, tuple)) else []
    return " ".join(["station train", *numbers, *labels, *own])


def _schedule(seed: int, epochs: int, threads: int) -> Schedule:
    # Waiting threads that spin cost three quarters of the machine when something else runs beside.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from station.training.train import Schedule
    except ImportError as error:
        raise TrainingRefused(
            f"Training needs the extra train ({error.name} is missing): pip install 'scrap-sorting-station[train]'."
        ) from error
    return Schedule(seed=seed, epochs=epochs, threads=threads)


def evaluate(
    model: Annotated[Path, typer.Option(help="Folder of the model to measure.")] = _MODEL,
    crops: Annotated[
        Path | None,
        typer.Option(
            help="Folder DIR/<label>/*.jpg|png|webp with crops as the camera sees them; label is a class id of the "
            "codebook or a family with blanks as dashes, unknown holds what must come out unsure. Left out: the "
            "rendered pieces held out from training."
        ),
    ] = None,
    codebook: Annotated[Path, typer.Option(help="Codebook with classes and families.")] = _CODEBOOK,
    *,
    atlas: Annotated[Path | None, typer.Option(help="Sprite atlas for the rendered pieces.")] = None,
    pieces: Annotated[int, typer.Option(min=50, help="Rendered pieces to measure with.")] = 1500,
    seed: Annotated[int, typer.Option(help="Seed of the rendered pieces.")] = 77,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page here.")] = None,
    finder: Annotated[bool, typer.Option("--finder", help="Measure the finder on frames instead.")] = False,
    frames: Annotated[
        Path | None,
        typer.Option(
            help="Folder with pictures and polygons.json, or with such folders; for --finder. Left out: held-out "
            "rendered pieces on dark, light and worn belts."
        ),
    ] = None,
    mm_per_px: Annotated[float, typer.Option(min=0.05, help="Scale of the pictures named with --frames.")] = 0.625,
) -> None:
    """Measure a model on crops it has not seen: accuracy, calibration, confusion, unknown pieces, worst mistakes.

    With --finder: measure how many of the outlined pieces in frames are found, missed, split and merged, how far off
    their middles are, and what a search costs.
    """
    painted = _Painted(atlas, pieces, seed)
    if finder or frames is not None:
        _evaluate_finder(frames, mm_per_px, codebook, painted, json_file, html_file)
        return
    with _refusals(), _progress() as shown:
        report = _report(_Teller(shown), model, crops, codebook, painted)
        write_report(report, json_file, html_file)
    show_report(report)


def _evaluate_finder(
    frames: Path | None,
    mm_per_px: float,
    codebook: Path,
    painted: _Painted,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    from station.training.frames import evaluate_frames
    from station.training.frames_page import write_frames_report
    from station.training.rendered_frames import write_frames
    from station.training.rollup import read_families
    from vision.finder import FinderSettings

    with _refusals(), _progress() as shown, TemporaryDirectory() as rendered:
        teller = _Teller(shown)
        if frames is None:
            write_frames(
                Path(rendered),
                _held_out(painted, read_families(codebook)),
                pieces=painted.pieces,
                seed=painted.seed,
                on_progress=lambda n, of: teller.tell("Painting", n, of),
            )
        settings = FinderSettings(mm_per_px=mm_per_px) if frames else FinderSettings()
        report = evaluate_frames(frames or Path(rendered), settings, lambda n, of: teller.tell("Searching", n, of))
        if frames is None:
            report = replace(report, data="rendered pieces of split test")
        write_frames_report(report, json_file, html_file)
    show_frames(report)


@dataclass(frozen=True, slots=True)
class _Painted:
    """Which rendered pieces to measure with."""

    atlas: Path | None
    pieces: int
    seed: int


def _report(teller: _Teller, model: Path, crops: Path | None, codebook: Path, painted: _Painted) -> Report:
    from station.training.folders import read_crops
    from station.training.rollup import read_families, roll_up
    from vision.classifier import Classifier
    from vision.model_card import load_card

    eye = Classifier(load_card(model))
    eye.self_test()
    families = read_families(codebook)
    if crops is None:
        data = _rendered(teller, eye.card, families, painted)
    else:
        data = read_crops(crops, eye.card.crop, lambda n, of: teller.tell("Reading crops", n, of))
    rollup = roll_up(eye.card.labels, sorted(set(data.folders) - {UNKNOWN}), families)
    name = "rendered pieces of split test" if crops is None else str(crops)
    return evaluated(eye, data, rollup, name, lambda n, of: teller.tell("Classifying", n, of))


def _rendered(teller: _Teller, card: ModelCard, families: dict[str, str], painted: _Painted) -> LabelledCrops:
    from station.training.dataset import Scene, render_crops

    sprites = _held_out(painted, families)
    usable = tuple(one for one in card.labels if any(sprite.label == one for sprite in sprites))
    made = render_crops(
        sprites,
        usable,
        card.crop,
        Scene(turn_deg=40),
        pieces=painted.pieces,
        seed=painted.seed,
        on_progress=lambda n, of: teller.tell("Painting", n, of),
    )
    return made.labelled()


def _held_out(painted: _Painted, families: Mapping[str, str]) -> tuple[Sprite, ...]:
    from hil.sprites.atlas import FOLDER
    from station.training.course import read_sprites
    from station.training.dataset import sprites_of

    return sprites_of("test", read_sprites((painted.atlas or FOLDER,), tuple(families))[0])


class _Teller:
    """Shows each kind of work as a bar of its own; sentences about finished epochs are printed above the bars."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._bars: dict[str, int] = {}

    def tell(self, what: str, done: int, total: int) -> None:
        if what.startswith("Epoch"):
            self._shown.console.print(what)
            return
        if what not in self._bars:
            self._bars[what] = int(self._shown.add_task(what, total=total))
        self._shown.update(list(self._shown.task_ids)[self._bars[what]], completed=done, total=total)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        yield shown


@contextmanager
def _refusals() -> Iterator[None]:
    """One sentence instead of a traceback, and exit code 2."""
    try:
        yield
    except (TrainingRefused, ModelRefused) as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(2) from refusal
