"""Options that cannot be right are refused at once, by their own name and with a remedy that works: exit code 2.

Through the command line, with settings of their own; no AWS is needed, for none is called.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import ops.cli.cloud
import ops.cli.customers
import ops.cli.native_test_cases
from deploy import cli
from ops import settings

_INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the settings' file: prod has an instance in us-east-1."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "UV"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    file = tmp_path / "pyproject.toml"
    text = settings.PYPROJECT.read_text("utf-8")
    changed = text.replace('instance_arn = ""', f'instance_arn = "{_INSTANCE}"')
    assert changed != text
    file.write_text(changed, "utf-8")
    monkeypatch.setattr(settings, "PYPROJECT", file)
    return file


def _run(line: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line), catch_exceptions=False)


@pytest.mark.parametrize(
    ("account", "reason", "remedy"),
    [
        ("12", "twelve digits", "leave --account out: the number is the instance's, 123456789012"),
        ("1234-5678-9012", "twelve digits", "leave --account out"),
        ("999999999999", "the instance of the settings is in the account 123456789012", "leave --account out"),
    ],
)
def test_an_account_that_cannot_be_the_instances_prints_no_policy(account: str, reason: str, remedy: str) -> None:
    result = _run(f"iam-policy --env prod --account {account}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"--account {account}\n")
    assert reason in result.stderr
    assert remedy in result.stderr
    assert _run("iam-policy --env prod --account 123456789012").stdout == _run("iam-policy --env prod").stdout != ""


@pytest.mark.parametrize("command", ["iam-policy", "status", "destroy --dry-run"])
def test_a_region_that_is_not_the_instances_is_said_of_the_option(command: str, pyproject: Path) -> None:
    """It was said of aws.region, which the file of another environment may not even have."""
    result = _run(f"{command} --env prod --region eu-west-1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--region eu-west-1\n")
    assert "the instance of the settings is in us-east-1 (aws.instance_arn)" in result.stderr
    assert "leave --region out, or" in result.stderr
    assert "aws.region" not in result.stderr
    pyproject.write_text(pyproject.read_text("utf-8").replace('region = "us-east-1"', 'region = "eu-west-1"'), "utf-8")
    result = _run(f"{command} --env prod --region eu-west-1")
    assert "give --region us-east-1, or" in result.stderr, "leaving it out would not help"


def test_the_remedies_for_the_region_work() -> None:
    assert _run("iam-policy --env prod --region us-east-1").exit_code == 0
    assert _run("iam-policy --env prod").exit_code == 0


@pytest.mark.parametrize("command", ["iam-policy", "destroy"])
def test_a_forgotten_environment_is_the_first_remedy(command: str, pyproject: Path) -> None:
    """`api.cases is "sample"` is right on this machine and wrong in prod alone, where it is another."""
    text, prod, rest = pyproject.read_text("utf-8").partition("[tool.popdesk.environments.prod]")
    text += "[tool.popdesk.api]\nenabled = true\n"
    cases = 'api.cases = "dynamodb"\n'
    pyproject.write_text(f"{text}{prod}\n{cases}{rest}\n[tool.popdesk.environments.test]\n{cases}", "utf-8")
    result = _run(command)
    assert result.exit_code == 2
    assert 'tool.popdesk.api.cases is "sample"' in result.stderr
    assert "What to do: name the environment that is meant: --env prod or --env test. Otherwise " in result.stderr
    assert _run("iam-policy --env prod").exit_code == 0
    pyproject.write_text(text, "utf-8")
    assert "What to do: correct it there" in _run(command).stderr, "there is no environment to name"


@pytest.mark.parametrize(
    ("option", "reason", "near"),
    [
        ("--deny foo", "an IAM action is SERVICE:Action", "name one such as "),
        ("--deny createfunction", "an IAM action is SERVICE:Action", "lambda:CreateFunction"),
        (
            "--deny lambda:CreateFunktion",
            "the policy that a release has allows no such action",
            "lambda:CreateFunction",
        ),
        ("--fail MainFlo", "the template of these settings has no such resource", "MainFlow"),
        ("--fail NoSuchThing", "the template of these settings has no such resource", "name one such as "),
        ("--fail Api", "the template of these settings has no such resource", "name one such as "),  # it is not enabled
    ],
)
def test_a_fault_that_can_never_happen_is_refused_before_the_rehearsal(option: str, reason: str, near: str) -> None:
    result = _run(f"rehearse --env prod {option}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{option}\n  {reason}\n" in result.stderr
    assert near in result.stderr


def test_all_faults_that_can_never_happen_are_named_at_once() -> None:
    result = _run("rehearse --env prod --deny foo --deny s3:P* --fail NoSuchThing")
    assert "2 mistakes" in result.stderr
    assert "--deny foo: " in result.stderr
    assert "--fail NoSuchThing: " in result.stderr
    assert "s3:P*" not in result.stderr


def test_nothing_can_be_killed_before_its_call_number_0() -> None:
    """It was taken for no fault, and a whole rehearsal was made."""
    result = _run("rehearse --env prod --kill-at 0")
    assert result.exit_code == 2
    assert "--kill-at" in result.stderr


def test_the_limits_of_a_rehearsal_are_json_where_that_is_asked_for() -> None:
    assert {"what", "left_out"} == set(json.loads(_run("rehearse --limits --json").stdout)[0])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("test-cases README.md --env prod", "README.md\n  it is not a scenario: a scenario is a Python file"),
        ("preview --no-browser --scenario README.md", "README.md\n  it is not a scenario: a scenario is a Python file"),
        ("test-cases examples/gold_customer.py", "tool.popdesk.aws.log_retention_days is 2: one of"),
        ("continue-rollback", "tool.popdesk.aws.log_retention_days is 2: one of"),
    ],
)
def test_files_and_settings_are_checked_before_aws_is_asked(line: str, said: str, pyproject: Path) -> None:
    """There are no credentials here: whoever asks AWS first would say that."""
    if "--env" not in line:
        text = pyproject.read_text("utf-8")
        pyproject.write_text(re.sub(r"(log_retention_days = )\d+", r"\g<1>2", text), "utf-8")
    result = _run(
        line.replace("README.md", str(settings.ROOT / "README.md")).replace("examples", f"{settings.ROOT}/examples")
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_nothing_stands_before_an_error(pyproject: Path) -> None:
    """In a pipeline's log, where there is no terminal: no bar and no empty line."""
    pyproject.write_text(pyproject.read_text("utf-8").replace(_INSTANCE, ""), "utf-8")
    for command in ("plan --env prod", "release --env prod --yes"):
        result = _run(command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines()[0] == "pyproject.toml"


@pytest.mark.parametrize(
    ("line", "subject", "reason", "remedy"),
    [
        ("pln", "pln", "there is no such command", "write plan; see `python deploy.py --help`"),
        (
            "roll-back --env prod",
            "roll-back",
            "there is no such command",
            "write rollback",
        ),  # it is imported when asked for
        ("zzz", "zzz", "there is no such command", "see `python deploy.py --help`"),
        (
            "customers imprt",
            "imprt",
            "there is no such command",
            "write import; see `python deploy.py customers --help`",
        ),
        ("plan --env prod --jsn", "--jsn", "plan has no such option", "write --json"),
        ("status -x", "-x", "status has no such option", "see `python deploy.py status --help`"),
        ("--evn prod", "--evn", "release has no such option", "see `python deploy.py release --help`"),
        ("new", "FOLDER", "this argument is missing", "give it; see `python deploy.py new --help`"),
        ("customers import", "FILE", "this argument is missing", "see `python deploy.py customers import --help`"),
        ("plan a", "plan", "Got unexpected extra argument (a)", "see `python deploy.py plan --help`"),
        ("preview --port", "--port", "Option '--port' requires an argument", "see `python deploy.py preview --help`"),
        ("check --json=1", "--json", "Option '--json' does not take a value", "see `python deploy.py check --help`"),
        ("preview --scenario none.py", "--scenario", "File 'none.py' does not exist", "give another value; see "),
        ("rehearse --hang billing", "--hang", "'billing' is not one of", "see `python deploy.py rehearse --help`"),
        ("check --timeout 0", "--timeout", "0.0 is not in the range", "see `python deploy.py check --help`"),
        ("check ftp://crm/", "URL", "it begins with neither http:// nor https://", "give another value"),
        (
            "customers import README.md --delete-others --from-line 4",
            "customers import",
            "--delete-others needs the whole file: leave out --from-line",
            "see `python deploy.py customers import --help`",
        ),
    ],
)
def test_what_click_refuses_has_a_remedy_too(line: str, subject: str, reason: str, remedy: str) -> None:
    result = _run(line.replace("README.md", str(settings.ROOT / "README.md")))
    assert (result.exit_code, result.stdout) == (2, "")
    said = result.stderr.splitlines()
    assert len(said) == 3
    assert said[0] == subject
    assert said[1].startswith(f"  {reason}")
    assert said[2].startswith("  What to do: ")
    assert remedy in said[2]


def test_with_json_an_error_leaves_standard_output_empty() -> None:
    """What a script reads there is one JSON document or nothing; why there is nothing stands on standard error."""
    lines = [f"{' '.join(names)} --json --env nowhere" for names, options in _commands() if "--json" in options]
    assert len(lines) > 10
    for line in (*lines, "check http://localhost:1/ --json"):
        file = str(settings.ROOT / "README.md") if line.startswith("customers import") else ""
        result = _run(f"{line} {file}")
        assert (result.exit_code, result.stdout) == (1 if "localhost" in line else 2, ""), line
        assert "\n  What to do: " in result.stderr, line


def _commands() -> Iterator[tuple[list[str], set[str]]]:
    """Yield the names that lead to each command, and its options."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        inner = command.commands.values() if isinstance(command, click.Group) else [command]
        for each in inner:
            path = [name] if each is command else [name, str(each.name)]
            yield path, {option for parameter in each.params for option in parameter.opts}


def test_help_that_is_asked_for_and_that_of_a_group_stay_help() -> None:
    assert _run("plan --help").stdout.startswith("Usage:")
    group = _run("customers")
    assert (group.exit_code, group.stderr.partition(":")[0]) == (2, "Usage")


def test_a_profile_that_is_none_is_a_wrong_option() -> None:
    result = _run("status --env prod --profile nonsense")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "profile 'nonsense'\n  this machine does not know it" in result.stderr


def test_what_may_be_given_again_is_said_in_one_way() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.multiple == ("may be given again" in (option.help or "")), f"{name} {option.opts}"
                assert "repeated" not in (option.help or "")


def test_the_commands_have_the_options_that_docs_releasing_says() -> None:
    changing = {"release", "rollback", "promote", "continue-rollback", "prune", "destroy", "doctor", "import"}
    asking = {"release", "rollback", "promote", "continue-rollback", "import"}
    modules = (ops.cli.cloud, ops.cli.customers, ops.cli.native_test_cases)
    commands = [command for module in modules for command in module.COMMANDS]
    for command in commands:
        each = command.commands["import"] if isinstance(command, click.Group) else command
        options = {name for parameter in each.params for name in parameter.opts}
        assert {"--env", "--profile", "--region"} <= options, each.name
        assert ("--dry-run" in options) == (each.name in changing), each.name
        assert ("--yes" in options) == (each.name in asking), each.name
        assert ("--json" in options) == (each.name not in ("iam-policy", "test-cases")), each.name
