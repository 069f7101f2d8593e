"""The paper of a batch says what can be defended, in both languages, and nothing more."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from station.cli import app
from station.config import Config, ConfigError
from station.language import LanguageUnknown
from station.reporting.batch_paper import BatchReport, issue, read_report
from station.reporting.estimates import share
from station.reporting.factors import read_full_codebook
from station.reporting.signature import PUBLIC_FILE
from station.store_rows import Run
from tests.station.reporting.recorded_batch import BATCH, REAL_RUN, data_of, record_batch, station, take_sample
from tests.station.reporting.yard import LINE_RUN

BOOK = read_full_codebook()
MADE = datetime(2027, 1, 16, 8, 0, tzinfo=UTC)
JUDGING = re.compile("conform|complian|符合|合格|达标|合规", re.IGNORECASE)


def site(folder: Path, run: Run = REAL_RUN, weight_kg: float | None = 10.0) -> Config:
    config = station(folder)
    record_batch(folder, run, weight_kg)
    return config


def report_of(config: Config) -> BatchReport:
    return read_report(config, BATCH, BOOK)


def page_of(config: Config, folder: Path, language: str = "en", *, with_supplier: bool = False) -> str:
    issued = issue(config, BATCH, folder / f"{language}.html", language, MADE, with_supplier=with_supplier)
    return issued.paper.read_text(encoding="utf-8")


def test_figures_are_those_of_the_batch_and_not_of_what_came_before(tmp_path: Path) -> None:
    sums = report_of(site(tmp_path)).sums
    assert sums.pieces == 300
    assert sums.mass.kg == pytest.approx(300 * 0.0321)
    by_class = {line.class_id: line.pieces for line in sums.classes}
    assert by_class == {"CU-NO2": 280, "PWB": 18, "BAT-LI": 1, "UNKNOWN": 1}
    assert {line.outlet: line.pieces for line in sums.outlets} == {"copper": 180, "quarantine": 17, "rest": 103}
    copper = next(line for line in sums.classes if line.class_id == "CU-NO2")
    assert copper.share == share(280, 300)
    assert copper.mass.low < copper.mass.kg < copper.mass.high


def test_without_a_hand_sample_there_is_no_purity_and_no_claim_of_avoided_emissions(tmp_path: Path) -> None:
    config = site(tmp_path)
    sums = report_of(config).sums
    assert all(line.purity is None and line.recovery is None for line in sums.outlets)
    assert sums.avoided.co2e_kg is None
    text = page_of(config, tmp_path)
    assert "not sampled" in text
    assert "kg CO₂e" not in text


def test_purity_comes_from_hand_samples_with_number_method_and_interval(tmp_path: Path) -> None:
    config = site(tmp_path)
    take_sample(tmp_path, {"CU-NO2": 48, "FE-SHRED": 2})
    sums = report_of(config).sums
    copper = next(line for line in sums.outlets if line.outlet == "copper")
    assert copper.purity == share(48, 50)
    assert copper.recovery is None
    assert sums.avoided.co2e_kg is not None
    low, high = share(48, 50)[2:]
    assert sums.avoided.co2e_kg.low == pytest.approx(copper.mass.low * low * 2460 / 1000)
    assert sums.avoided.co2e_kg.high == pytest.approx(copper.mass.high * high * 3895 / 1000)
    text = page_of(config, tmp_path)
    assert "n = 50" in text
    assert "X-ray fluorescence" in text
    assert BOOK.factor_set in text


def test_recovery_appears_when_every_outlet_was_sampled(tmp_path: Path) -> None:
    config = site(tmp_path)
    take_sample(tmp_path, {"CU-NO2": 48, "FE-SHRED": 2})
    take_sample(tmp_path, {"CU-NO2": 5, "FE-SHRED": 45}, "rest")
    take_sample(tmp_path, {"PWB": 20}, "quarantine")
    copper = next(line for line in report_of(config).sums.outlets if line.outlet == "copper")
    assert copper.recovery is not None
    assert copper.recovery.value == pytest.approx(180 * 0.96 / (180 * 0.96 + 103 * 0.1))


@pytest.mark.parametrize(
    ("weight_kg", "verdict"),
    [(9.7, "The balance closes"), (25.0, "The balance does not close"), (None, "cannot be drawn up")],
)
def test_the_balance_is_drawn_up_with_its_error_and_flagged(
    tmp_path: Path, weight_kg: float | None, verdict: str
) -> None:
    assert verdict in page_of(site(tmp_path, weight_kg=weight_kg), tmp_path)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_station_never_judges_by_itself(tmp_path: Path, language: str) -> None:
    config = site(tmp_path)
    take_sample(tmp_path, {"CU-NO2": 48, "FE-SHRED": 2})
    text = page_of(config, tmp_path, language)
    assert JUDGING.findall(text) == []
    for duty in ("333/2011", "23"):
        assert duty in text


def test_the_chinese_paper_is_chinese(tmp_path: Path) -> None:
    config = site(tmp_path)
    text = page_of(config, tmp_path, "zh")
    assert '<html lang="zh-CN">' in text
    for word in ("批次报告", "物料组成", "物料平衡", "2号铜", "废印制电路板", "生产者声明", "夹杂物", "放射性检测"):
        assert word in text
    english = set(re.findall(r">\s*([A-Z][a-z]+ [a-z]+ [a-z]+)", text))
    assert english == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_simulated_batch_is_marked_across_every_page(tmp_path: Path, language: str) -> None:
    mark = {"en": "SIMULATED", "zh": "模拟数据"}[language]
    real = page_of(site(tmp_path / "real"), tmp_path, language)
    simulated = page_of(site(tmp_path / "simulated", LINE_RUN), tmp_path, language)
    assert mark not in real
    assert f'<div class="watermark" aria-hidden="true"><span>{mark}</span></div>' in simulated
    assert simulated.count(mark) >= 4
    assert re.search(r"\.watermark \{ position: fixed", simulated)


def test_hazards_stand_there_with_picture_deed_and_basel_hint(tmp_path: Path) -> None:
    text = page_of(site(tmp_path), tmp_path)
    assert "Lithium-ion" in text
    assert "A1170 / A1181 / Y49" in text
    assert text.count("data:image/png;base64,") == 1
    assert "OPEN" in text


def test_a_picture_that_was_changed_is_left_out(tmp_path: Path) -> None:
    config = site(tmp_path)
    page_of(config, tmp_path)
    [picture] = (data_of(tmp_path) / "hazards").glob("*.png")
    picture.write_bytes(picture.read_bytes() + b"x")
    assert "data:image" not in page_of(config, tmp_path)


def test_nothing_of_the_paper_comes_from_elsewhere_and_what_people_typed_is_no_markup(tmp_path: Path) -> None:
    text = page_of(site(tmp_path), tmp_path)
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import|<script", text)
    assert "Manila &lt;port&gt;" in text


def test_the_supplier_is_named_only_when_asked_for(tmp_path: Path) -> None:
    config = site(tmp_path)
    assert "SUP-9" not in page_of(config, tmp_path)
    assert "SUP-9" in page_of(config, tmp_path, with_supplier=True)


def test_minisign_verifies_the_report_and_its_comment_names_station_batch_and_kind(tmp_path: Path) -> None:
    config = site(tmp_path, LINE_RUN)
    issued = issue(config, BATCH, tmp_path / "r.html", "zh", MADE, with_supplier=False)
    command = ["minisign", "-V", "-m", str(issued.paper), "-P", issued.public_key]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"station=demo-line batch={BATCH} time=2027-01-16T08:00:00+00:00 is_simulated=true" in done.stdout
    assert issued.public_key in issued.paper.read_text(encoding="utf-8")

    issued.paper.write_text(issued.paper.read_text(encoding="utf-8").replace("280", "281", 1), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_chromium_prints_it_with_the_page_to_sign_on_a_sheet_of_its_own(tmp_path: Path) -> None:
    site(tmp_path, LINE_RUN)
    arguments = ["batch", "report", str(tmp_path / "configs" / "sim.yaml"), BATCH, "--html", str(tmp_path / "r.html")]
    done = CliRunner().invoke(app, [*arguments, "--pdf"])
    assert done.exit_code == 0, done.output
    printed = tmp_path / "r.pdf"
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) >= 3
    key = (data_of(tmp_path) / PUBLIC_FILE).read_text().splitlines()[1]
    command = ["minisign", "-V", "-m", str(printed), "-P", key]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_there_is_not_is_said_in_a_sentence(tmp_path: Path) -> None:
    config = site(tmp_path)
    with pytest.raises(ConfigError, match=f"knows no batch nope; the newest are: {BATCH}"):
        read_report(config, "nope", BOOK)
    with pytest.raises(LanguageUnknown, match="en, zh"):
        page_of(config, tmp_path, "tlh")
