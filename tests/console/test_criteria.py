"""Why an alert was raised, in words: every name that is written anywhere."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from api.console.alert_details import charted
from api.console.criteria import criterion_in_words
from api.texts import TEXTS, Words
from detectors.fire.contacts import CONTACTS
from detectors.fire.levels import LEVELS

ROOT = Path(__file__).parents[2]
CHINESE = Words("zh-CN")

CONTACTS_OF = "detectors.fire.contacts"
NUMBERS = ("numbers", "criteria")
"""What a table is called that a name is added to."""


def _in_functions(tree: ast.Module) -> Iterator[ast.AST]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ast.walk(function)


def _called_criteria(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        is_given = isinstance(node, ast.keyword) and node.arg == "criteria"
        is_set = isinstance(node, ast.Assign) and "criteria" in ast.unparse(node.targets[0])
        if is_given or is_set:
            yield from ast.walk(node)


def _keys(nodes: Iterator[ast.AST]) -> Iterator[ast.expr]:
    for node in nodes:
        if isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key is not None)
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Subscript) and ast.unparse(target.value) in NUMBERS:
                yield target.slice


def _names(key: ast.expr, module: ModuleType) -> set[str]:
    """Return what a key can be: its variables are the module's, or a quantity that the detector takes."""
    quantities = CONTACTS if module.__name__ == CONTACTS_OF else LEVELS
    code = compile(ast.Expression(key), "key", "eval")
    return {str(eval(code, {**vars(module), "quantity": one})) for one in quantities}  # noqa: S307 our own code


def _written() -> set[str]:
    """Return each name of a criterion in the code: in a detector's functions every table of names is one."""
    names = set[str]()
    for folder in ("detectors", "ingest", "gridwatch/store"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            nodes = _in_functions(tree) if folder == "detectors" else _called_criteria(tree)
            keys = list(_keys(nodes))
            if keys:
                module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                names |= {name for key in keys for name in _names(key, module)}
    return names


def test_every_criterion_that_is_written_has_a_name_in_both_languages() -> None:
    written = _written()
    some = {"fall_m", "votes_of_4", "entered", "co_ppm_votes_of_5", "co_ppm", "unconfirmed", "missing_share"}
    assert some | {"tamper", "devices", "jump_s", "evidence_missing", "bearing_deg", "rate_before"} <= written
    for name in written:
        for language in TEXTS:
            said = criterion_in_words(name, 0.5, Words(language))
            assert said != f"{name} 0.50", f"{name} has no text in {language}"
            assert not any(mark in said for mark in "_{}"), said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temperature_c", 61.25, "温度 61.25 °C"),
        ("co_ppm_baseline", 1.5, "一氧化碳基线 1.50 ppm"),
        ("smoke_pct_m_votes_of_5", 4.0, "烟雾：最近 5 次中 4 次异常"),
        ("votes_of_8", 6.0, "最近 8 张画面中 6 张可见"),
        ("contrast_kept", 0.634, "背景对比度剩 63%"),
        ("entered", 0.0, "已进入轿厢：否"),
        ("smoke_alarm", 1.0, "烟感自身报警"),
        ("px_per_m", 123.4, "每米 123 像素"),
        ("their_own", 0.25, "their_own 0.25"),
        ("their_own_baseline", 3.0, "their_own_baseline 3"),
    ],
)
def test_a_criterion_is_said_with_its_unit_and_an_unknown_one_by_its_name(
    name: str, value: float, said: str
) -> None:
    assert criterion_in_words(name, value, CHINESE) == said


def test_charts_begin_with_what_an_alert_was_told_by() -> None:
    measured = ["battery_pct", "co2_ppm", "co_ppm", "humidity_pct", "rain_mm", "smoke_pct_m", "temperature_c"]
    drawn = charted(measured, {"score", "smoke_pct_m", "temperature_c", "co_ppm_baseline"})
    assert drawn == ["smoke_pct_m", "temperature_c", "battery_pct", "co2_ppm", "co_ppm", "humidity_pct"]
