"""The command ``station batch report``: the paper of one batch, signed."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from station.config import ConfigError, load_config
from station.language import LanguageUnknown
from station.plain_errors import plain_errors
from station.reporting.batch_paper import Issued, issue
from station.reporting.signature import SUFFIX, SignatureRefused, sign_file, station_key
from station.reporting.yard_words import BookRefused

_out = Console()
_PDF_S = 60


def batch_report(
    config: Annotated[Path, typer.Argument(help="Station file (YAML).")],
    batch: Annotated[str, typer.Argument(help="Name of the batch.")],
    html: Annotated[Path, typer.Option(help="Page to write; its signature lies beside it.")],
    lang: Annotated[str, typer.Option(help="Language: en or zh.")] = "en",
    pdf: Annotated[bool, typer.Option("--pdf", help="Also print it to PDF with Chromium, and sign that.")] = False,
    supplier: Annotated[bool, typer.Option("--supplier", help="Name the supplier's code on the paper.")] = False,
) -> None:
    """Write the report of a batch to print, fill in and sign; people can check it with minisign."""
    with plain_errors(BookRefused, LanguageUnknown, SignatureRefused):
        station = load_config(config)
        made = datetime.now(UTC)  # noqa: TID251 - a command has a clock
        try:
            issued = issue(station, batch, html, lang, made, with_supplier=supplier)
        except OSError as error:
            raise ConfigError(f"{html}  cannot be written ({error.strerror}): choose another place") from error
        _say(issued)
        if pdf:
            printed = _print(html)
            comment = issued.signature.read_text(encoding="utf-8").splitlines()[2].removeprefix("trusted comment: ")
            key = station_key(station.resolve(station.file.station.data_folder))
            _out.print(f"written: {printed}, signature {sign_file(key, printed, comment).name}", soft_wrap=True)


def _say(issued: Issued) -> None:
    _out.print(f"written: {issued.paper}, signature {issued.paper.name}{SUFFIX}", soft_wrap=True)
    _out.print(
        f"to check it: minisign -V -m {issued.paper} -P {issued.public_key}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def _print(page: Path) -> Path:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise ConfigError("--pdf: there is no Chromium on this computer: open the page in a browser and print it there")
    target = page.with_suffix(".pdf")
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
            f"--print-to-pdf={target.absolute()}", page.absolute().as_uri(),
        ],
        capture_output=True, check=False, timeout=_PDF_S,
    )  # fmt: skip
    if done.returncode or not target.exists():
        raise ConfigError("--pdf: Chromium could not print it: open the page in a browser and print it there")
    return target
