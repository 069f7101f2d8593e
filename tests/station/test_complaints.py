"""What is wrong, with its values in it, is known to the catalogues: files, models, details of faults."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from station.complaints import complaints
from station.config import ConfigError, load_config
from station.language import sentences
from station.plan import check_station
from tests.station.site import PROJECT, site_config
from vision.types import ModelRefused

_PLACE = re.compile(r"\\\{\w*\\\}")
_PATTERNS = [
    re.compile(_PLACE.sub("(.+?)", re.escape(sentence)), re.DOTALL)
    for sentence in sentences("zh")
    if sentence.strip("{} ")
]


def is_known(sentence: str) -> bool:
    """As ``told`` of words.js finds it."""
    return any(pattern.fullmatch(sentence) for pattern in _PATTERNS)


def refused(folder: Path, file: str, old: str, new: str) -> list[str]:
    """Sentences, without the keys before them."""
    path = site_config(folder).path
    place = path.parent / file
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return [complaint.said.rpartition("  ")[2] for complaint in complaints(str(caught.value))]


def test_a_sentence_that_nobody_translated_is_noticed() -> None:
    assert is_known("unknown key; remove it")
    assert not is_known("unknown key; keep it")
    assert not is_known("Input ought to be: a number, found 'x'")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("sim.yaml", "id: demo-line", "id: 7"),
        ("sim.yaml", "id: demo-line", "ids: demo-line"),
        ("sim.yaml", "id: demo-line", "zzzzzzz: 1"),
        ("sim.yaml", "port: 8080", "port: many"),
        ("sim.yaml", "port: 8080", "port: 0"),
        ("sim.yaml", "port: 8080", "port: 70000"),
        ("sim.yaml", "port: 8080", "viewers: perhaps"),
        ("sim.yaml", "port: 8080", "hosts: alone"),
        ("sim.yaml", "kind: modbus-tcp", "kind: telepathy"),
        ("sim.yaml", "kind: modbus-tcp\n", ""),
        ("sim.yaml", "kind: flap", "kind: broom"),
        ("sim.yaml", "decision_mm: 560.0", "decision_mm: far"),
        ("sim.yaml", "decision_mm: 560.0", "decision_mm: 1560.0"),
        ("sim.yaml", "decision_mm: 560.0", "decision_mm: .inf"),
        ("sim.yaml", "decision_mm: 560.0", "decision_mm: -1"),
        ("sim.yaml", "line:\n", "shut: {\nline:\n"),
        ("sim.yaml", "first_output: 48", "first_output: 64"),
        ("sim.yaml", "first_output: 48", "first_output: 40"),
        ("sim.yaml", "{outlet: copper, capacity_kg", "{outlet: gold, capacity_kg"),
        ("sim.yaml", "{outlet: copper, capacity_kg", "{outlet: brass, capacity_kg"),
        ("sim.yaml", "camera:\n  kind: simulated", "camera:\n  kind: folder\n  folder: here"),
        ("sim.yaml", "recipe: recipes/three-metals.yaml", "recipe: recipes/none.yaml"),
        ("sim.yaml", "  delay_ms: {copper: 12.0", "  delay_ms: {copper: [12.0]"),
        ("sim.yaml", "line:\n", "reporting:\n  time_zone: Mars/Olympus\nline:\n"),
        ("sim.yaml", "line:\n", "programme:\n  https:\n    url: https://x.example\nline:\n"),
        ("sim.yaml", "line:\n", "programme:\n  https:\n    url: x.example\nline:\n"),
        ("sim-calibration.yaml", "copper: 1000.0", "gold: 1000.0"),
        ("sim-calibration.yaml", "counter_bits: 32", "counter_bits: 12"),
        ("sim-calibration.yaml", "counter_bits: 32", "counter_bits: 32\nto_belt: [[1.0]]"),
        ("recipes/three-metals.yaml", "rest_outlet: rest", "rest_outlet: copper"),
        ("recipes/three-metals.yaml", "outlet: copper", "outlet: gold"),
        ("recipes/three-metals.yaml", "rest_outlet: rest\n", ""),
    ],
)
def test_what_is_wrong_with_a_file_can_be_told_in_every_language(tmp_path: Path, file: str, old: str, new: str) -> None:
    for sentence in refused(tmp_path, file, old, new):
        assert is_known(sentence), sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [("sha256: ", "sha256: 0"), ("labels: [CU-NO2, ", "labels: [CU-NO2, GOLD, "), ("size_px: 96", "size_px: 64"),
     ("file: model.onnx", "file: none.onnx"), ("labels: [", "labels: ["[:-1]), ("golden/CU-NO2.png", "golden/none.png"),
     ("name: rendered-v1", "nam: rendered-v1")],
)  # fmt: skip
def test_what_is_wrong_with_a_model_can_be_told_in_every_language(tmp_path: Path, old: str, new: str) -> None:
    path = site_config(tmp_path).path
    shutil.copytree(PROJECT / "models", tmp_path / "models")
    card = tmp_path / "models/rendered-v1/model.yaml"
    card.write_text(card.read_text().replace(old, new))
    with pytest.raises((ModelRefused, ConfigError)) as caught:
        list(check_station(load_config(path)))
    for complaint in complaints(str(caught.value)):
        assert is_known(complaint.said), complaint.said


def filled(sentence: ast.JoinedStr) -> str:
    """With something in each of its places."""
    return "".join(_piece(part) for part in sentence.values)


def _piece(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    if isinstance(part.value, ast.IfExp):
        return str(ast.literal_eval(part.value.body))
    return "copper output 3 (0-50 mm)" if "_name(" in ast.unparse(part.value) else "7"


@pytest.mark.parametrize(
    "module",
    ["station/slip.py", "station/valves.py", "station/watch.py", "vision/camera_watch.py", "vision/health.py"],
)
def test_details_of_faults_can_be_told_in_every_language(module: str) -> None:
    tree = ast.parse((PROJECT / module).read_text())
    said = [filled(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) and len(node.values) > 1]
    assert said
    for sentence in said:
        assert is_known(sentence), sentence


# Where controllers, boards, couplers and cameras are lost, and what stands before a reason given to ``_lose`` there.
_LOSERS = {
    "control.board_line": "",
    "control.coil_machine": "The coupler at 7 ",
    "control.coupler_watchdog": "",
    "control.modbus_machine": "The controller at 7 ",
    "control.modbus_probe": "",
    "control.modbus_rtu": "",
    "control.modbus_serial": "",
    "control.modbus_wire": "",
    "control.serial_machine": "",
    "vision.opencv_camera": "",
}
_RAISES = {"CameraLost", "MachineLost", "MachineMismatch"}
_REASONS = {"_lose", "lose"}
_TELL_WHY = {"_mismatch", "_present", "_seen", "_unopened", "_unreachable", "silence"}


def said_by(module: ModuleType) -> list[str]:
    """Sentences, and the reasons in them, that a module can lose something with."""
    found: list[tuple[str, ast.expr]] = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and node.args:
            found.append((ast.unparse(node.func).rpartition(".")[2], node.args[0]))
        elif isinstance(node, ast.FunctionDef) and node.name in _TELL_WHY:
            found += [("", one.value) for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
    lead = _LOSERS[module.__name__]
    said = [(lead if name in _REASONS else "") + _text(text, module) for name, text in found if _tells(name, text)]
    return [*said, *vars(module).get("_ADVICE", {}).values()]


def _tells(name: str, text: ast.expr) -> bool:
    if name not in {"", *_RAISES, *_REASONS}:
        return False
    is_only_passed_on = ast.unparse(text).endswith(("{what}'", "{what}.'"))
    is_text = isinstance(text, ast.JoinedStr | ast.Constant) or (isinstance(text, ast.Name) and text.id.isupper())
    return is_text and not is_only_passed_on


def _text(text: ast.expr, module: ModuleType) -> str:
    if isinstance(text, ast.JoinedStr):
        return filled(text)
    return str(getattr(module, text.id) if isinstance(text, ast.Name) else ast.literal_eval(text))


@pytest.mark.parametrize("module", list(_LOSERS))
def test_why_something_was_lost_can_be_told_in_every_language(module: str) -> None:
    said = said_by(importlib.import_module(module))
    assert said
    for sentence in said:
        assert is_known(sentence), sentence
