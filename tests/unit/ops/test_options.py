"""Commands in messages are written as the person would type them: same start, same environment, profile and region."""

from __future__ import annotations

import ast
import re

import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops.errors import UserError
from ops.settings import ROOT


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command end with the same remedy."""

    def fail(**_: object) -> None:
        raise UserError(
            "subject", "see `deploy.py status`", "`deploy.py`, `deploy.py doctor --grant X` or `deploy.py preview`"
        )

    monkeypatch.setattr("ops.cli.cloud.load_settings", fail)
    monkeypatch.setattr("ops.cli.customers.load_settings", fail)
    monkeypatch.setattr("ops.settings.load_settings", fail)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.usefixtures("failing")
def test_a_remedy_repeats_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    result = _run("status", "--env", "prod", "--profile", "my desk", "--region", "eu-west-1")
    given = "--env prod --profile 'my desk' --region eu-west-1"
    assert f"`python deploy.py status {given}`" in result.stderr
    assert f"`python deploy.py {given}`" in result.stderr
    assert f"`python deploy.py doctor --grant X {given}`" in result.stderr
    assert "`python deploy.py preview --env prod --profile 'my desk'`" in result.stderr, "it takes no region"


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("command", [[], ["plan"], ["customers", "import", "x.csv"], ["build"]])
def test_every_command_remembers(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV", raising=False)
    assert "`python deploy.py status --env prod`" in _run(*command, "--env", "prod").stderr


@pytest.mark.usefixtures("failing")
def test_under_uv_the_command_begins_with_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", "/somewhere/uv")
    assert "`uv run python deploy.py status`" in _run("status").stderr


def test_messages_name_commands_in_backticks_so_that_they_can_be_completed() -> None:
    """In every string of ops/ that is no docstring; ops/cli/options.py is what completes them."""
    bare = []
    for file in sorted((ROOT / "ops").rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                bare += [f"{file.name}:{node.lineno}"] if re.search(r"(?<!`)deploy\.py", node.value) else []
    assert [place for place in bare if not place.startswith("options.py")] == []
