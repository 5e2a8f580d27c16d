"""`deploy.py rehearse`: one whole rehearsal of the tests' project with its API, and what its record proves about the policy.

The rehearsal runs once for all tests here. Its record has everything that the commands asked of AWS and that CloudFormation asks
in their name, so whether a policy would have been enough is evaluated again without running anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deploy import cli
from ops.cloud.iam_policy import policy
from ops.cloud.names import policy_names
from ops.rehearse import rehearsal
from ops.rehearse.local_aws import WHAT_IT_DOES_NOT, Faults
from ops.rehearse.policy import Access, Place, Policy, needed
from ops.rehearse.rehearsal import IN_A_BROWSER, INSTANCE_ID, Report, Step, instance_over
from ops.settings import ROOT, Settings, load_settings

pytestmark = pytest.mark.thorough

Accesses = dict[Access, str]

_TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/popdesk-prod-customers"
_BACKUP = "a release of a template that replaces a table (tests/aws/test_backups.py)"

# Calls that this rehearsal does not make, with the reason; what they need is evaluated all the same.
NOT_REHEARSED: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("iam", "GetRole", {"RoleName": "release"}, "`doctor` as a role, not as a user"),
    ("ec2", "DescribeSubnets", {"SubnetIds": ["subnet-1"]}, "`doctor`, where lookup.vpc is set"),
    ("ec2", "DescribeSecurityGroups", {"GroupIds": ["sg-1"]}, "`doctor`, where lookup.vpc is set"),
    ("dynamodb", "CreateBackup", {"TableName": _TABLE.rpartition("/")[2]}, _BACKUP),
    ("dynamodb", "DescribeBackup", {"BackupArn": f"{_TABLE}/backup/01"}, _BACKUP),
    ("connect", "CreateTestCase", {"InstanceId": INSTANCE_ID}, "`test-cases --create`, which a team does by itself"),
)


def _settings() -> Settings:
    settings = load_settings(environment="prod")
    aws = settings.aws.model_copy(update=instance_over(settings).get("aws", {}))
    return settings.model_copy(update={"aws": aws})


@pytest.fixture(scope="session")
def record() -> dict[str, Any]:
    """Return the report of a rehearsal of the tests' project, with the API enabled."""
    return _rehearsed({"api": {"enabled": True, "cases": "dynamodb"}})


def _rehearsed(over: dict[str, Any], *options: str) -> dict[str, Any]:
    """Return the report of a rehearsal with other settings laid over."""
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "ops.rehearse.command",
            json.dumps(over),
            "rehearse",
            "--env",
            "prod",
            "--json",
            *options,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.fixture(scope="session")
def asked(record: dict[str, Any]) -> Accesses:
    """Return what was asked for, and by what."""
    settings = _settings()
    place = Place("aws", settings.aws.region, settings.aws.instance_account, settings.aws.instance_arn)
    found = {
        Access(each["action"], each["resource"], tuple((key, value) for key, value in each["context"])): str(each["by"])
        for each in record["accesses"]
    }
    for service, operation, parameters, reason in NOT_REHEARSED:
        found |= dict.fromkeys(needed(place, service, operation, parameters), reason)
    return found


def _document() -> dict[str, Any]:
    settings = _settings()
    return policy(policy_names(settings, settings.aws.instance_account), True)


@pytest.mark.timeout(1200)
def test_all_of_it_goes_well(record: dict[str, Any]) -> None:
    """Every command ends as it should, in words; what is live is whole after each; nothing is left in the end."""
    assert record["problems"] == []
    assert record["refused"] == []
    commands = {step["words"][0] for step in record["steps"] if step["words"]}
    assert {
        "doctor",
        "plan",
        "release",
        "status",
        "releases",
        "rollback",
        "continue-rollback",
        "prune",
        "destroy",
    } <= commands


def test_an_agent_takes_a_call_in_a_browser(record: dict[str, Any]) -> None:
    """The page that was released is shown by the rehearsed CloudFront, in the workspace, and shows the customer."""
    (look,) = [step for step in record["steps"] if step["what"] == IN_A_BROWSER]
    assert look["seconds"] > 0
    assert look["problem"] == ""


@pytest.mark.timeout(1200)
def test_a_pilot_a_page_that_a_service_opens_and_a_table_of_customers_are_rehearsed() -> None:
    """The pilot's agent gets a page before all others do. The first one shows nobody: the table is empty yet.

    With a namespace of its own, as every team's: the commands also look for a stack of the name that version 0.1 gave it.
    """
    over = {"namespace": "acme-desk", "opens": "service", "pilot": "Pilot agents", "lookup": {"adapter": "dynamodb"}}
    report = _rehearsed({**over, "api": {"enabled": True, "cases": "dynamodb"}})
    assert report["problems"] == [], [step["said"] for step in report["steps"] if step["problem"]]
    assert report["refused"] == [], "the policy is enough for a pilot too"
    steps = [step["what"] for step in report["steps"]]
    assert IN_A_BROWSER in steps
    assert "one of the pilot's agents sees the new page" in steps
    assert "all other agents see the old page" in steps
    assert "promote" in {step["words"][0] for step in report["steps"] if step["words"]}


def test_every_type_of_the_template_is_made_and_deleted(record: dict[str, Any]) -> None:
    made = {each["by"] for each in record["accesses"]}
    (first,) = [step for step in record["steps"] if step["what"] == "the first release"]
    assert "resources changed" in first["said"]
    for handler in ("create", "read", "delete"):
        assert f"CloudFormation: {handler} AWS::Connect::ContactFlow" in made
        assert f"CloudFormation: {handler} AWS::CloudFront::Distribution" in made


def test_the_policy_is_enough(asked: Accesses) -> None:
    refused = [f"{asked[access]}: {access}" for access in Policy(_document()).refused(asked)]
    assert refused == []


def test_nothing_in_the_policy_is_spare(asked: Accesses) -> None:
    """Without any one action of any one statement, something of a release would be refused."""
    whole = _document()
    spare = []
    for number, statement in enumerate(whole["Statement"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            rest = [each for each in actions if each != action]
            changed = [{**statement, "Action": rest}] if rest else []
            others = [*whole["Statement"][:number], *changed, *whole["Statement"][number + 1 :]]
            concerned = [access for access in asked if access.action.lower() == action.lower()]
            if not Policy({"Statement": others}).refused(concerned):
                spare.append(f"{statement['Sid']}: {action}")
    assert spare == []


def test_a_resource_that_another_stack_has_is_not_in_the_policy() -> None:
    """The evaluator can refuse: what is called otherwise than our own resources is not allowed."""
    whole = Policy(_document())
    for access in (
        Access("s3:GetObject", "arn:aws:s3:::somebody-elses-bucket/key"),
        Access("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:111122223333:function:billing"),
        Access("iam:PassRole", "arn:aws:iam::111122223333:role/popdesk-prod-lookup-us-east-1"),
        Access("iam:DeleteUser", "*"),
    ):
        assert not whole.allows(access), access


def _rehearse(monkeypatch: pytest.MonkeyPatch, report: Report, *options: str) -> tuple[Result, list[Any]]:
    given: list[Any] = []

    def run(environment: str, faults: Faults, _: Any, first: bool) -> Report:
        given.extend((environment, faults, first))
        return report

    monkeypatch.setattr(rehearsal, "rehearse", run)
    return CliRunner().invoke(cli, ["rehearse", *options]), given


def test_the_command_line_names_the_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "--env prod --first --deny s3:PutObject --throttle s3 --hang connect --fail MainFlow --kill-at 7"
    result, given = _rehearse(monkeypatch, Report("popdesk-prod"), *line.split())
    assert result.exit_code == 0, result.output
    assert given == ["prod", Faults(("s3:PutObject",), ("s3",), ("connect",), ("MainFlow",), 7), True]
    assert CliRunner().invoke(cli, ["rehearse", "--hang", "billing"]).exit_code == 2


def test_what_was_not_right_is_shown_with_what_the_command_said(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("a release", ("release", "--yes"), 1, "AWS says no", 1.0, "it ended with exit code 1, not 0")
    report = Report("popdesk-prod", [step], refused=[("s3 PutObject", Access("s3:PutObject", "arn:aws:s3:::b/k"))])
    result, _ = _rehearse(monkeypatch, report)
    assert result.exit_code == 1
    assert "| AWS says no" in result.output
    assert "refused s3 PutObject: s3:PutObject on arn:aws:s3:::b/k" in result.output
    result, _ = _rehearse(monkeypatch, report, "--json")
    assert (result.exit_code, json.loads(result.stdout)["problems"]) == (1, report.problems)


def test_it_says_what_it_does_not_do() -> None:
    result = CliRunner().invoke(cli, ["rehearse", "--limits"])
    assert result.exit_code == 0
    for what, _ in WHAT_IT_DOES_NOT:
        assert what in result.output
