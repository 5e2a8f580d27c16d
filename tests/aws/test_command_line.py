"""Every command with each of its options, through the real command line, against the local AWS of the tests.

A team's life with its application, in one order: what a person types, what they answer, the exit code and what they read.
Settings, configuration, template, flows, build and page are the real ones; only AWS is not (tests/aws/moto_server.py):
it lets the commands do what the printed policy lets them do.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops import settings
from ops.cloud.grants import GUIDES
from ops.pyproject import version
from tests.aws.account import INSTANCE
from tests.aws.moto_server import MotoServer


@dataclass(frozen=True)
class Step:
    """A command line: its words after deploy.py, what is answered, the exit code, and what is in its output."""

    line: str
    exit_code: int = 0
    says: str = ""
    answer: str = ""


# What happens between two steps.
_NEW_PAGE, _STUCK = "the settings are changed", "so they are, and AWS will fail and not take it back"
_WELL = "what made AWS fail is over"
_WHY = "the rehearsal lets taking this back fail"

LIFE: tuple[Step | str, ...] = (
    Step("doctor", 3, "wrong stack"),
    Step("iam-policy", 0, '"Version": "2012-10-17"'),
    Step("iam-policy --account 123456789012 --part 2", 0, '"Statement"'),
    Step("iam-policy --trust github:acme/desk", 0, "repo:acme/desk:environment:prod"),
    Step("iam-policy --trust github:acme/desk --github-environment live", 0, "repo:acme/desk:environment:live"),
    Step("status", 1, "release first: `python deploy.py --env prod --profile desk --region us-east-1`"),
    Step("plan", 3, "23 resources change"),
    Step("plan --json", 3, '"page": true'),
    Step("release --dry-run", 0, "23 resources change"),
    Step("release --dry-run --json", 0, '"resources"'),
    Step("", 1, "nothing was changed", answer="n\n"),
    Step("", 1, "there is no terminal to answer it on"),
    Step("", 0, "Released", answer="y\n"),
    Step("plan", 0, "Nothing would change"),
    Step("release --yes --json", 0, '"released": false'),
    Step("release --yes --repair", 0, "Nothing to release"),
    Step("doctor", 3, "none grants the application"),
    Step("doctor --grant Nobody", 1, "Admin, Agent, Quality"),
    Step("doctor --grant Agent --dry-run", 0, "Agent would now grant Popdesk"),
    Step("doctor --grant Agent", 0, "Agent now grants Popdesk"),
    Step("doctor --grant Agent --json", 0, '"changed": false'),
    Step("doctor", 0, "shown to agents with Agent"),
    Step("doctor --json", 0, '"what": "page", "state": "ok"'),
    Step("doctor --live", 0, "main flow calls the look-up"),
    Step("doctor --live --json", 0, '"step": "The page answers with its headers"'),
    Step("status", 0, "drift           none"),
    Step("status --no-drift --json", 0, '"missing": []'),
    Step("status --drift --json", 0, '"drift": []'),
    Step("rollback --yes", 1, "is the first release"),
    Step("customers import CUSTOMERS --dry-run", 0, "2 customers would be loaded"),
    Step("customers import CUSTOMERS", 0, "2 customers loaded"),
    Step("customers import CUSTOMERS --from-line 3 --json", 0, '"rows": 1'),
    Step("customers import CUSTOMERS --delete-others --yes", 0, "0 items deleted"),
    Step("customers import CUSTOMERS --table popdesk-prod-customers", 0, "2 customers loaded"),
    _NEW_PAGE,
    Step("release --yes --json", 0, '"released": true'),
    Step("releases", 0, "live"),
    Step("releases --json", 0, '"live": true'),
    Step("rollback --dry-run --json", 0, '"done": false'),
    Step("rollback", 1, "nothing was changed", answer="n\n"),
    Step("rollback", 0, "is live again", answer="y\n"),
    Step("rollback --yes --json", 1, "is the first release"),
    Step("rollback RELEASE --yes --json", 0, '"done": true'),
    Step("prune --keep 1 --grace 1 --cap 5 --dry-run --json", 0, '"files": []'),
    Step("prune", 0, "0 files, 0 releases, 0 Lambda versions and 0 zips deleted"),
    Step("continue-rollback", 0, "there is nothing to go on with"),
    _STUCK,
    Step("release --yes", 1, "continue-rollback"),
    Step("plan", 1, "`python deploy.py continue-rollback --env prod"),
    Step("release --dry-run", 1, f"LookupLogs: {_WHY}"),
    Step("doctor", 3, "continue-rollback"),
    Step("continue-rollback --dry-run --json", 0, f'"LookupLogs: {_WHY}'),
    Step("continue-rollback", 1, "nothing was changed", answer="n\n"),
    Step("continue-rollback --skip LookupLogs --yes --json", 0, '"status": "UPDATE_ROLLBACK_COMPLETE"'),
    _STUCK,
    Step("release --yes", 1, _WHY),
    _WELL,
    Step("release", 1, _WHY, answer="n\n"),
    Step("release", 0, "Released", answer="y\ny\n"),
    Step("destroy --dry-run --json", 0, '"profiles": ["Agent"]'),
    Step("destroy --dry-run", 0, "Keeps popdesk-prod-customers with their data"),
    Step("destroy --with-data --dry-run", 0, "Deletes popdesk-prod-customers with all their data"),
    Step("destroy", 1, "nothing was deleted", answer="popdesk\n"),
    Step("destroy --confirm popdesk-prod --json", 0, '"done": true'),
    Step("destroy", 0, "the next release takes them over", answer="popdesk-prod\n"),
    Step("destroy --with-data", 0, "popdesk-prod is gone", answer="popdesk-prod\n"),
    Step("status", 1, "it is not there"),
)
# Run by tests of their own.
ELSEWHERE = (
    "build --out",
    "build --env",
    *(
        f"preview {option}"
        for option in (
            "--port",
            "--app-port",
            "--browser",
            "--no-browser",
            "--scenario",
            "--adapter",
            "--cases",
            "--env",
        )
    ),
    "preview --profile",
    "preview --verbose",
    *(f"check {option}" for option in ("--contact", "--idle", "--attribute", "--timeout", "--sandbox", "--headed")),
    "check --env",
    *(f"rehearse {option}" for option in ("--env", "--first", "--deny", "--throttle", "--hang", "--fail", "--kill-at")),
    *(f"test-cases {option}" for option in ("--env", "--profile", "--region", "--create")),
    # tests/aws/test_pilot_life.py
    *(f"release {option}" for option in ("--pilot", "--shared")),
    "plan --pilot",
    "rollback --pilot",
    *(f"promote {option}" for option in ("--env", "--profile", "--region", "--dry-run", "--json", "--yes")),
    "rehearse --limits",
    "rehearse --json",
    "check --json",
    "new --name",
    "new --namespace",
    " --version",
)
_OTHER_STACK = """
[tool.popdesk.environments.prod.aws]
log_retention_days = 120
[tool.popdesk.environments.prod.lookup]
budget_ms = 2900
"""
_SHARED = ("--env", "--profile", "--region")


def _options(command: click.Command, path: str = "") -> Iterator[str]:
    """Yield "COMMAND --option" for each option of each command below one."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (
                f"{path} {name}" for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--")
            )
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _options(found, f"{path} {name}".strip())


def test_every_option_of_every_command_is_run() -> None:
    """So that a new one cannot be untested: it stands in LIFE, or in ELSEWHERE with a test of its own."""
    run = set(ELSEWHERE)
    for step in LIFE:
        if isinstance(step, Step):
            words = step.line.split()
            names = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("--")]
            command = " ".join(names[: 2 if words[:1] == ["customers"] else 1]) or "release"
            run |= {f"{command} {word}" for word in [*words, *_SHARED] if word.startswith("--")}
    assert set(_options(cli)) == run


@pytest.fixture
def account(moto_server: MotoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    """Return a new account, and let this process's environment and settings be those of a team that releases there."""
    moto_server.reset()
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "UV"]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    key = f"aws_access_key_id = {moto_server.caller}\naws_secret_access_key = testing\n"
    config.write_text(f"[profile desk]\n{key}", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server.url)
    monkeypatch.setenv("SSL_CERT_FILE", moto_server.certificate)
    pyproject = tmp_path / "pyproject.toml"
    text = settings.PYPROJECT.read_text("utf-8")
    pyproject.write_text(text.replace('instance_arn = ""', f'instance_arn = "{INSTANCE}"'), "utf-8")
    monkeypatch.setattr(settings, "PYPROJECT", pyproject)
    monkeypatch.setattr("ops.cloud.events.POLL_SECONDS", 0.1)
    return moto_server


def _run(line: str, answer: str = "") -> Result:
    shared = ["--env", "prod", "--profile", "desk", "--region", "us-east-1"]
    return CliRunner().invoke(cli, [*shlex.split(line), *shared], input=answer, catch_exceptions=False)


@pytest.mark.timeout(600)
def test_a_life(account: MotoServer, tmp_path: Path) -> None:
    customers = tmp_path / "customers.csv"
    customers.write_text("id,name,phone,email\nC-1,Ana,+12065550100,\nC-2,Ben,,ben@example.com\n", "utf-8")
    release = ""
    for number, step in enumerate(LIFE):
        if step == _NEW_PAGE:
            text = settings.PYPROJECT.read_text("utf-8")
            settings.PYPROJECT.write_text(
                text.replace("request_timeout_ms = 5000", "request_timeout_ms = 4000"), "utf-8"
            )
        elif step == _STUCK:
            text = settings.PYPROJECT.read_text("utf-8")
            settings.PYPROJECT.write_text(text + _OTHER_STACK * (_OTHER_STACK not in text), "utf-8")
            account.let_fail("DurationAlarm", stuck=("LookupLogs",))
        elif step == _WELL:
            account.let_fail()
        else:
            assert isinstance(step, Step)
            result = _run(step.line.replace("CUSTOMERS", str(customers)).replace("RELEASE", release), step.answer)
            where = f"step {number}, {step}:\n{result.output}"
            assert result.exit_code == step.exit_code, where
            assert step.says in result.output, where
            assert [text for text in result.stdout.splitlines() if text.endswith(" ")] == [], where
            if "--json" in step.line and step.exit_code in (0, 3):
                json.loads(result.stdout.strip().splitlines()[-1])
            if step.line == "releases --json":
                (release,) = [str(row["id"]) for row in json.loads(result.stdout) if row["live"]]


_API = """
[tool.popdesk.api]
enabled = true
cases = "dynamodb"
"""

# `before` of a step: the API is enabled.
_ENABLED = "the API is enabled"

WITH_THE_API: tuple[Step | str, ...] = (
    Step("release --yes", 0, "Released"),
    _ENABLED,
    Step("iam-policy --account 123456789012", 0, "apigateway:POST"),
    Step("plan", 3, "the Lambda's code"),
    Step("release --yes", 0, "Released"),
    Step("plan", 0, "Nothing would change"),
    Step("status --no-drift --json", 0, '"api_version": "1"'),
    Step("doctor", 3, "it answers, and refuses who has no token"),
    _NEW_PAGE,
    Step("release --yes", 0, "Released"),
    Step("rollback --yes", 0, "is live again"),
    Step("rollback --yes", 0, " -> "),
    Step("status --no-drift --json", 0, '"api_version": ""'),
    Step("destroy --dry-run", 0, "Keeps popdesk-prod-customers and popdesk-prod-cases"),
    Step("destroy --confirm popdesk-prod", 0, "popdesk-prod-customers and popdesk-prod-cases stay"),
    Step("destroy --confirm popdesk-prod --with-data --json", 0, '"kept_tables": []'),
)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("account")
def test_a_life_with_the_api() -> None:
    """Enabled in a stack that is there; the release before it has no API, and rolling back to it is possible."""
    for number, step in enumerate(WITH_THE_API):
        text = settings.PYPROJECT.read_text("utf-8")
        if step == _ENABLED:
            settings.PYPROJECT.write_text(text + _API, "utf-8")
        elif step == _NEW_PAGE:
            changed = text.replace("request_timeout_ms = 5000", "request_timeout_ms = 4000")
            settings.PYPROJECT.write_text(changed, "utf-8")
        else:
            assert isinstance(step, Step)
            result = _run(step.line, step.answer)
            where = f"step {number}, {step}:\n{result.output}"
            assert result.exit_code == step.exit_code, where
            assert step.says in result.output, where


def test_what_destroy_leaves(account: MotoServer) -> None:
    """The profile keeps what is not ours; the customers stay; no bucket, no association and no stack is left."""
    assert _run("release --yes").exit_code == 0
    assert _run("doctor --grant Agent").exit_code == 0
    assert _run("destroy --confirm popdesk-prod").exit_code == 0
    assert _tables(account) == ["popdesk-prod-customers"]
    assert _run("doctor --json").exit_code == 3
    found = _connect(account, "list_security_profile_applications", SecurityProfileId="profile-agent")
    assert [application["Namespace"] for application in found["Applications"]] == ["somebody-elses"]
    permissions = _connect(account, "list_security_profile_permissions", SecurityProfileId="profile-agent")
    assert permissions["Permissions"] == ["BasicAgentAccess", GUIDES]
    assert _connect(account, "list_integration_associations")["IntegrationAssociationSummaryList"] == []


def _tables(account: MotoServer) -> list[str]:
    from tests.aws.world import open_test_aws

    return list(open_test_aws(account.url).client("dynamodb").list_tables()["TableNames"])


def _connect(account: MotoServer, operation: str, **parameters: Any) -> dict[str, Any]:
    from tests.aws.world import open_test_aws

    return open_test_aws(account.url).call("connect", operation, InstanceId=INSTANCE, **parameters)


@pytest.mark.usefixtures("account")
def test_a_team_of_another_namespace_cannot_touch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run("release --yes").exit_code == 0
    text = settings.PYPROJECT.read_text("utf-8")
    changed = text.replace('namespace = "popdesk"', 'namespace = "acme"').replace('\nstack = ""', "")
    changed = changed.replace(
        "[tool.popdesk.environments.prod]", '[tool.popdesk.environments.prod]\naws.stack = "popdesk-prod"'
    )
    settings.PYPROJECT.write_text(changed, "utf-8")
    for line in (
        "plan",
        "release --yes",
        "status",
        "releases",
        "rollback --yes",
        "prune",
        "destroy --confirm popdesk-prod",
    ):
        result = _run(line)
        assert result.exit_code == 2, f"{line}: {result.output}"
        assert "it is of the application 'popdesk'" in result.output
    doctor = _run("doctor")
    assert doctor.exit_code == 3
    assert "it is of the application 'popdesk'" in doctor.output
    settings.PYPROJECT.write_text(text, "utf-8")
    assert _run("plan").exit_code == 0, "and it is what it was"
    del monkeypatch


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("stack", ["", "popdesk-prod"])
def test_a_stack_that_is_not_there_may_be_a_forgotten_environment(tmp_path: Path, stack: str) -> None:
    """The remedy was a release of a stack that nobody wanted, or a policy for it: AWS says which with `stack` alone."""
    text = settings.PYPROJECT.read_text("utf-8")
    assert 'stack = ""' in text
    settings.PYPROJECT.write_text(text.replace('stack = ""', f'stack = "{stack}"'), "utf-8")
    customers = tmp_path / "customers.csv"
    customers.write_text("id,phone\nC-1,2065550100\n", "utf-8")
    for line in ("status", "rollback", "test-cases examples/gold_customer.py", f"customers import {customers}"):
        words = [f"{settings.ROOT}/{word}" if word.startswith("examples") else word for word in line.split()]
        result = CliRunner().invoke(cli, [*words, "--profile", "desk"], catch_exceptions=False)
        assert result.exit_code == 1, result.output
        then = "release " if stack else "give the caller what "
        assert f"What to do: name the environment that is meant: --env prod. Otherwise {then}" in result.stderr
    assert "name the environment" not in _run("status").stderr


def test_the_version_is_said() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0
    assert version() in result.output


@pytest.mark.usefixtures("account")
def test_build_with_its_options(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["build", "--out", str(tmp_path / "out"), "--env", "prod"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "index.html").is_file()
