"""The commands themselves, against the local AWS: what they print for scripts, what they change, their exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops.cli import cloud as cloud_commands
from ops.cloud.deployment import PreparedRelease
from ops.cloud.events import Events
from ops.cloud.stack import Stack, read_own_stack, read_stack
from tests.aws.account import ACCOUNT, REGION, STACK
from tests.aws.moto_server import MotoServer
from tests.aws.test_deployment import Account


@pytest.fixture
def account(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return an account that the commands go to."""
    made = Account(moto_server, monkeypatch)
    let_commands_go_to(made, monkeypatch)
    return made


def let_commands_go_to(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands go to an account; their build is a small one, their waits are none."""

    def prepare(_aws: Any, _settings: Any, events: Events, _pilot: bool) -> PreparedRelease:
        events.pause = account.events.pause
        return account.prepare("from-the-command", events=events)

    monkeypatch.setattr(cloud_commands, "open_aws", lambda _profile, _region: account.aws)
    monkeypatch.setattr(cloud_commands, "load_settings", lambda **_: account.settings)
    monkeypatch.setattr(cloud_commands, "prepare", prepare)
    monkeypatch.setattr("ops.cloud.events.POLL_SECONDS", 0.05)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--env", "prod"], catch_exceptions=False)


def _json(result: Result) -> Any:
    return json.loads(result.stdout.strip().splitlines()[-1])


def test_what_is_live_and_how_to_go_back(account: Account) -> None:
    first = account.release("one")
    second = account.release("two")
    status = _json(_run("status", "--json", "--no-drift"))
    assert (status["release"], status["previous"]) == (second.release, first.release)
    assert status["by"].startswith("arn:aws:")
    assert status["missing"] == []
    assert [row["live"] for row in _json(_run("releases", "--json")) if row["id"] == second.release] == [True]
    assert _json(_run("rollback", "--json", "--dry-run"))["done"] is False
    assert "<title>two</title>" in account.live()
    back = _json(_run("rollback", "--json", "--yes"))
    assert back == {"from": second.release, "to": first.release, "done": True, "notes": []}
    assert "<title>one</title>" in account.live()
    assert _json(_run("prune", "--json"))["files"] == []


def test_destroy_says_what_is_gone(account: Account) -> None:
    account.release("one")
    gone = {"stack": STACK, "region": REGION, "account": ACCOUNT, "done": True, "profiles": []}
    table = f"{STACK}-customers"
    kept = {**gone, "kept_tables": [table], "deleted_tables": []}
    assert _run("destroy", "--confirm", "popdesk").exit_code == 1, "that is not its name"
    assert "<title>one</title>" in account.live()
    assert _json(_run("destroy", "--confirm", STACK, "--json")) == kept
    assert not read_stack(account.aws, STACK).exists
    deleted = {**gone, "kept_tables": [], "deleted_tables": [table]}
    assert _json(_run("destroy", "--confirm", STACK, "--with-data", "--json")) == deleted
    assert account.aws.client("dynamodb").list_tables()["TableNames"] == []


def test_a_stack_whose_tables_would_go_with_it_is_not_destroyed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older version's template deletes its tables: nobody loses customers by the words of this one."""
    account.release("one")
    read = read_own_stack

    def older(*asked: Any) -> Stack:
        stack = read(*asked)
        return replace(stack, outputs={name: text for name, text in stack.outputs.items() if name != "KeepsTables"})

    monkeypatch.setattr(cloud_commands, "read_own_stack", older)
    refused = _run("destroy", "--confirm", STACK)
    assert (refused.exit_code, "release once with this version" in refused.output) == (1, True)
    assert "<title>one</title>" in account.live()
    assert _run("destroy", "--confirm", STACK, "--with-data").exit_code == 0


def test_a_release_that_is_interrupted_says_that_aws_goes_on(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud_commands, "execute", interrupt)
    result = _run("--yes")
    assert result.exit_code == 130
    assert "AWS goes on with what it was told" in result.stderr
    assert result.stderr.endswith("\nCancelled.\n")
    assert account.settings


@pytest.mark.parametrize(("words", "answer", "exit_code"), [("", "n\n", 1), ("", "", 1), ("plan --json", "", 3)])
def test_what_is_not_released_leaves_no_change_set(account: Account, words: str, answer: str, exit_code: int) -> None:
    """No, Ctrl-C at "Release this?", no terminal, a plan: the stack is not left with a name and no resources."""
    result = CliRunner().invoke(cli, [*words.split(), "--env", "prod"], input=answer)
    assert result.exit_code == exit_code
    assert read_stack(account.aws, STACK).status == ""
