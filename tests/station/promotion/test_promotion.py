"""One command changes the model, one goes back; a bad model changes nothing, and every act stays written down."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from station.cli import app
from station.config import load_config
from station.keeping.opinion import Opinion
from station.keeping.shadow_book import Compared, ShadowBook
from station.promotion.promote import PromotionRefused, with_model
from tests.station.redness import write_redness

ROOT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A station with two more models that differ from the shipped one in their version alone."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs", ignore=shutil.ignore_patterns(".*", "history"))
    for version in (1, 2, 3):
        folder = tmp_path / f"models/v{version}"
        shutil.copytree(ROOT / "models/rendered-v1", folder)
        card = (folder / "model.yaml").read_text()
        (folder / "model.yaml").write_text(card.replace("version: 1\n", f"version: {version}\n", 1))
    path = tmp_path / "configs/sim.yaml"
    path.write_text(path.read_text().replace("../models/rendered-v1", "../models/v1  # the first of all"))
    return tmp_path


def run(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["model", *arguments, "--config", str(site / "configs/sim.yaml")])


def done(site: Path, *arguments: str) -> str:
    result = run(site, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def model_of(site: Path) -> str:
    return load_config(site / "configs/sim.yaml").file.model


def test_a_promotion_changes_the_model_and_not_one_character_more(site: Path) -> None:
    before = (site / "configs/sim.yaml").read_text()
    said = done(site, "promote", str(site / "models/v2"), "--by", "Ada", "--why", "better on cable")
    assert "takes effect at the next start" in said
    assert (site / "configs/sim.yaml").read_text() == before.replace("../models/v1 ", "../models/v2 ")
    [kept] = (site / "configs/history").iterdir()
    assert kept.read_text() == before


def test_going_back_undoes_one_promotion_after_the_other(site: Path) -> None:
    done(site, "promote", str(site / "models/v2"), "--by", "Ada")
    done(site, "promote", str(site / "models/v3"), "--by", "Bob")
    done(site, "return", "--by", "Eve")
    assert model_of(site) == "../models/v2"
    done(site, "return", "--by", "Eve")
    assert model_of(site) == "../models/v1"
    refused = run(site, "return", "--by", "Eve")
    assert refused.exit_code == 2
    assert "nothing to go back to" in refused.output


@pytest.fixture
def watching(site: Path) -> Path:
    """The station with a candidate that is watched."""
    shutil.copytree(ROOT / "models/scrap-v1", site / "models/candidate")
    path = site / "configs/sim.yaml"
    path.write_text(path.read_text().replace("\ncamera:", "\nshadow_model: ../models/candidate\ncamera:", 1))
    return site


def models_of(site: Path) -> tuple[str, str | None]:
    file = load_config(site / "configs/sim.yaml").file
    return file.model, file.shadow_model


def test_the_watched_candidate_is_promoted_in_one_step_and_the_model_before_is_watched(watching: Path) -> None:
    before = (watching / "configs/sim.yaml").read_text()
    said = done(watching, "promote", str(watching / "models/candidate"), "--by", "Ada")
    assert models_of(watching) == ("../models/candidate", "../models/v1")
    assert "Watched beside it: ../models/v1." in said
    done(watching, "return", "--by", "Eve")
    assert (watching / "configs/sim.yaml").read_text() == before


def test_a_detector_that_is_promoted_away_is_not_watched_since_it_cannot_be(site: Path) -> None:
    write_redness(site / "redness")
    path = site / "configs/sim.yaml"
    text = path.read_text().replace("../models/v1  # the first of all", "../redness\nshadow_model: ../models/v2")
    path.write_text(text)
    assert "Watched beside" not in done(site, "promote", str(site / "models/v2"), "--by", "Ada")
    assert models_of(site) == ("../models/v2", None)


def test_promoting_another_model_leaves_the_watched_one(watching: Path) -> None:
    done(watching, "promote", str(watching / "models/v2"), "--by", "Ada")
    assert models_of(watching) == ("../models/v2", "../models/candidate")


def test_every_act_is_written_down_with_who_when_from_to_and_why(site: Path) -> None:
    done(site, "promote", str(site / "models/v2"), "--by", "Ada", "--why", "better on cable")
    done(site, "return", "--by", "Eve", "--why", "worse on brass")
    lines = [json.loads(line) for line in (site / "data/sim/model-audit.jsonl").read_text().splitlines()]
    told = [(line["by"], line["act"], line["from_path"], line["to_path"], line["why"]) for line in lines]
    assert told == [
        ("Ada", "promoted", "../models/v1", "../models/v2", "better on cable"),
        ("Eve", "returned", "../models/v2", "../models/v1", "worse on brass"),
    ]
    assert "Every line holds" in done(site, "history")


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_changed_or_removed_line_of_the_audit_is_noticed_and_stops_further_changes(site: Path, harm: str) -> None:
    done(site, "promote", str(site / "models/v2"), "--by", "Ada")
    done(site, "return", "--by", "Eve")
    path = site / "data/sim/model-audit.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines).replace("Ada", "Bob") if harm == "change" else lines[1])
    for arguments in (("history",), ("promote", str(site / "models/v3"), "--by", "Ada")):
        refused = run(site, *arguments)
        assert refused.exit_code == 2
        assert "model-audit.jsonl:1  was changed" in refused.output
    assert model_of(site) == "../models/v1"


def test_a_model_that_fails_the_check_changes_nothing(site: Path) -> None:
    before = (site / "configs/sim.yaml").read_bytes()
    bad = site / "models/v2"
    next((bad / "golden").iterdir()).write_bytes(b"")
    refused = run(site, "promote", str(bad), "--by", "Ada")
    assert refused.exit_code == 2
    assert "nothing has changed" in refused.output
    assert "golden crop" in refused.output
    card = (site / "models/v3/model.yaml").read_text()
    (site / "models/v3/model.yaml").write_text(card.replace("CU-NO2", "CU-NO1"))
    refused = run(site, "promote", str(site / "models/v3"), "--by", "Ada")
    assert refused.exit_code == 2
    assert (site / "configs/sim.yaml").read_bytes() == before
    assert not (site / "data/sim/model-audit.jsonl").exists()
    assert not (site / "configs/history").exists()
    assert not list((site / "configs").glob(".*"))


def test_nobody_promotes_without_a_name_nor_the_model_that_runs(site: Path) -> None:
    assert "--by NAME" in run(site, "promote", str(site / "models/v2")).output
    assert "already" in run(site, "promote", str(site / "models/v1"), "--by", "Ada").output


def test_a_model_that_was_exchanged_since_is_not_gone_back_to(site: Path) -> None:
    done(site, "promote", str(site / "models/v2"), "--by", "Ada")
    card = site / "models/v1/model.yaml"
    card.write_text(card.read_text().replace("version: 1\n", "version: 7\n", 1))
    refused = run(site, "return", "--by", "Eve")
    assert refused.exit_code == 2
    assert "before the promotion it was" in refused.output
    assert model_of(site) == "../models/v2"


def test_a_file_changed_by_hand_shows_in_the_history(site: Path) -> None:
    done(site, "promote", str(site / "models/v2"), "--by", "Ada")
    path = site / "configs/sim.yaml"
    path.write_text(path.read_text().replace("../models/v2", "../models/v3"))
    assert "changed by hand" in " ".join(done(site, "history").split())


@pytest.mark.parametrize("old", ["../models/a", '"../models/a"', "'../models/a'"])
@pytest.mark.parametrize("new", ["../b", "/srv/my models/ä: #1", '../q"uote', "-dash"])
def test_any_path_is_written_so_that_it_reads_back(old: str, new: str) -> None:
    text = f"# model: x\nstation:\n  model: y  # no\nmodel:   {old}  # keep me\nlast: 1\n"
    changed = with_model(text, new)
    assert YAML().load(changed)["model"] == new
    assert changed.startswith("# model: x\nstation:\n  model: y  # no\nmodel:   ")
    assert changed.endswith("  # keep me\nlast: 1\n")


def test_a_model_written_over_several_lines_is_refused() -> None:
    with pytest.raises(PromotionRefused, match="plain value on one line"):
        with_model("model: >-\n  ../models/a\nlast: 1\n", "../b")


def test_the_candidate_s_differences_are_shown(site: Path) -> None:
    assert "No candidate was watched yet" in done(site, "shadow")
    pairs = [("CU-NO2", "CU-NO2"), ("CU-NO2", "CU-NO2"), ("CU-NO2", "BRASS-YEL")]
    with ShadowBook(site / "data/sim/shadow.sqlite") as book:
        book.note(
            Compared("r", n, "t", "old 1", "new 2", Opinion(a, 0.9), Opinion(b, 0.6)) for n, (a, b) in enumerate(pairs)
        )
        book.note([Compared("r", 9, "t", "old 1", "new 2", Opinion("CU-NO2", 0.9), None)])
    said = " ".join(done(site, "shadow").split())
    assert "3 pieces compared, the same label for 66.7%" in said
    assert "1 passed over" in said
    assert "BRASS-YEL" in said
