"""The GitHub workflows: their steps run by bash, with programs in place of uv and gh that write down what they were called with.

What deploy.py would be called with then goes through its own command line's parser: a command or an option that there is not
fails here and not at the first release. GitHub's own part (triggers, approval, the token) cannot be run on this machine: what
the release's safety hangs on is read from the files.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy import cli
from ops.settings import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
RELEASING = ("plan", "release", "rollback")
VALUES = {"ENVIRONMENT": "prod", "NUMBER": "7", "GH_TOKEN": "token", "UV_PYTHON": "3.13", "RELEASE": ""}
_STAND_IN = """#!/bin/sh
printf '%s\\n' "$(basename "$0")" "$@" . >>"$CALLS"
[ "$(basename "$0")" = gh ] && exit 0
echo 'a plan'
exit "${CODE:-0}"
"""


def _workflow(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8")))


def _job(name: str) -> dict[str, Any]:
    (job,) = _workflow(name)["jobs"].values()
    return dict(job)


def _scripts(name: str) -> list[str]:
    return [step["run"] for step in _job(name)["steps"] if "run" in step]


def _run(script: str, folder: Path, **values: str) -> tuple[int, list[list[str]]]:
    """Run a step as GitHub does; return its exit code, and the words of each call of uv and gh."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for program in ("uv", "gh"):
        (programs / program).write_text(_STAND_IN, "utf-8")
        (programs / program).chmod(0o755)
    calls = folder / "calls"
    calls.write_text("", "utf-8")
    given = {**VALUES, **values, "CALLS": str(calls), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    code = subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=given, timeout=60, check=False).returncode
    return code, [call.splitlines() for call in calls.read_text("utf-8").split("\n.\n") if call]


def _parse(words: list[str]) -> dict[str, Any]:
    """Return the parameters that deploy.py's parser reads from the words behind `deploy.py`."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    return dict(command.make_context(words[0], words[1:]).params)


def _deploys(calls: list[list[str]]) -> Iterator[list[str]]:
    for call in calls:
        if "deploy.py" in call:
            assert call[:3] == ["uv", "run", "python"]
            yield call[call.index("deploy.py") + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "values", "commands"),
    [
        ("plan", {}, ["plan"]),
        ("release", {}, ["plan", "release"]),
        ("rollback", {}, ["rollback", "status"]),
        ("rollback", {"RELEASE": "20261127-abc"}, ["rollback", "status"]),
    ],
)
def test_each_call_of_deploy_py_is_one_that_it_takes(
    tmp_path: Path, name: str, values: dict[str, str], commands: list[str]
) -> None:
    called = []
    for script in _scripts(name):
        code, calls = _run(script, tmp_path, **values)
        assert code == 0, script
        called += list(_deploys(calls))
    assert [words[0] for words in called] == commands
    for words in called:
        read = _parse(words)
        assert read["environment"] == "prod"
        assert read.get("yes", True), f"{words[0]} would ask"
        if words[0] == "rollback":
            assert read["identity"] == values.get("RELEASE", "")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "passed"), [(0, True), (3, True), (1, False), (2, False)])
def test_the_plan_is_a_comment_whatever_it_says_and_an_error_fails_the_check(
    tmp_path: Path, code: int, passed: bool
) -> None:
    (script,) = _scripts("plan")
    done, calls = _run(script, tmp_path, CODE=str(code))
    assert (done == 0) is passed
    comment = ["pr", "comment", "7", "--edit-last", "--create-if-none", "--body-file", "comment.md"]
    assert ["gh", *comment] in calls
    text = (tmp_path / "comment.md").read_text("utf-8")
    assert f"Plan for `prod` (exit code {code})" in text
    assert "````\na plan\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("code", [1, 2, 4])
def test_a_failed_plan_ends_a_release_before_it_begins(tmp_path: Path, code: int) -> None:
    plan = next(script for script in _scripts("release") if " plan " in script)
    assert _run(plan, tmp_path, CODE=str(code))[0] != 0
    assert _run(plan, tmp_path, CODE="3")[0] == 0


@pytest.mark.parametrize("name", RELEASING)
def test_the_role_is_assumed_in_an_environment_by_a_token_and_with_no_stored_key(name: str) -> None:
    workflow, job = _workflow(name), _job(name)
    assert job["environment"]
    assert job["environment"] == job["env"]["ENVIRONMENT"], "the approvers are those of what is changed"
    more = {"pull-requests": "write"} if name == "plan" else {}
    assert workflow["permissions"] == {"contents": "read", "id-token": "write", **more}
    (credentials,) = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert {*credentials["with"]} == {"role-to-assume", "aws-region"}
    assert "secrets." not in (WORKFLOWS / f"{name}.yml").read_text("utf-8")


@pytest.mark.parametrize("name", RELEASING)
def test_no_expression_is_written_into_a_script(name: str) -> None:
    """What somebody typed or named a branch would run as a command; by the environment it is a value."""
    assert [script for script in _scripts(name) if "${{" in script] == []


def test_a_tag_releases_a_pull_request_plans_and_a_button_rolls_back() -> None:
    on = {name: _workflow(name)[True] for name in RELEASING}  # YAML 1.1 reads the key `on` as true
    assert on["plan"] == "pull_request"
    assert on["release"]["push"] == {"tags": ["v*"]}
    assert {*on["rollback"]} == {"workflow_dispatch"}
    assert "concurrency" not in _workflow("rollback"), "it would wait for a release that waits for its approval"


def test_the_commands_of_the_page_are_ones_that_deploy_py_takes() -> None:
    text = (ROOT / "docs" / "pipeline.md").read_text("utf-8")
    shown = re.findall(r"\buv run python deploy\.py ([a-z-]+[^\n`>|]*)", text)
    assert {line.split()[0] for line in shown} >= {"iam-policy", "plan", "release", "rollback", "status"}
    for line in shown:
        _parse(re.split(r"\s+#", line)[0].split())
    for name in re.findall(r"workflows/([a-z]+)\.yml", text):
        assert (WORKFLOWS / f"{name}.yml").is_file()


@pytest.mark.slow
def test_the_halves_of_the_tests_are_all_of_them_and_each_runs_at_once(tmp_path: Path) -> None:
    job = _job("tests")
    assert "bash .ci/run ${{ matrix.part }}" in _scripts("tests")
    script = f"bash {ROOT / '.ci' / 'run'}"
    halves = [_run(f"{script} {part}", tmp_path) for part in job["strategy"]["matrix"]["part"]]
    assert [code for code, _ in halves] == [0, 0]
    whole = _run(script, tmp_path)[1]
    install = whole[0]
    assert install[:2] == ["uv", "sync"]
    assert [call for _, calls in halves for call in calls if call != install] == whole[1:]
    runs = [call[2:] for call in whole if call[1:3] == ["run", "pytest"]]
    assert [run[-2:] for run in runs] == [["--ignore", "tests/browser"], ["worksteal", "tests/browser"]]
    assert _run(f"{script} brwoser", tmp_path) == (2, [])
