"""Commands in messages are written as the person would type them: same start, same environment, profile and region."""

from __future__ import annotations

import ast
import re

import click
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


def test_the_list_of_commands_cuts_no_sentence_and_each_option_has_words() -> None:
    """At the 80 columns of a plain terminal."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["--help"])
    listed = result.stdout.partition("Commands:")[2].strip().splitlines()
    assert len(listed) > 15
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
    for name in [line.split()[0] for line in listed]:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        options = [each for one in commands for each in one.params if isinstance(each, click.Option)]
        assert [each.name for each in options if not each.help] == [], name


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
