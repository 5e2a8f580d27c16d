"""The project that the tests run: all of the checkout's code, and none of the team's own facts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cards
from adapters import sample

from ops.settings import PYPROJECT, ROOT
from tests.fixture_project import CHECKOUT, PROJECT, with_settings

FIXTURES = CHECKOUT / "tests" / "fixtures" / "project"


def _python(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def test_it_has_every_module_of_the_checkout() -> None:
    for folder in ("pyapp", "lambda", "web/workspace", "ops"):
        assert _python(PROJECT / folder) >= _python(CHECKOUT / folder)


def test_settings_cards_and_customers_are_the_tests_own() -> None:
    assert ROOT == PROJECT
    for name in ("pyapp/cards.py", "lambda/lookup/adapters/sample.json"):
        assert (PROJECT / name).read_bytes() == (FIXTURES / name).read_bytes()
    assert (cards.__file__, sample.FILE) == (
        str(PROJECT / "pyapp" / "cards.py"),
        str(PROJECT / "lambda" / "lookup" / "adapters" / "sample.json"),
    )
    used, own = (tomllib.loads(file.read_text("utf-8")) for file in (PYPROJECT, FIXTURES / "pyproject.toml"))
    assert used["tool"]["popdesk"] == own["tool"]["popdesk"]


def test_only_the_settings_are_replaced() -> None:
    old = '[project]\nname = "a"\n[tool.popdesk]\nx = ["1",\n"2"]\n[tool.popdesk.crm]\ny = 1\n[tool.popdesk2]\nz = 1\n'
    made = tomllib.loads(with_settings(old, "# theirs\n[tool.popdesk]\nx = 3\n"))
    assert made == {"project": {"name": "a"}, "tool": {"popdesk": {"x": 3}, "popdesk2": {"z": 1}}}
