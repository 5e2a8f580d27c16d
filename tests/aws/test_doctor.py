"""Doctor and the policy: findings with remedies, --grant that loses nobody's application, a policy short of nothing.

moto has no AppIntegrations and of Connect only instances, so Connect's and IAM's answers come from botocore's Stubber,
which checks parameters and the answers' shapes against AWS's own models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint import decode
from click.testing import CliRunner, Result

from deploy import cli
from ops.cli import cloud as cloud_commands
from ops.cloud.doctor import GRANT_TYPE, examine, grant, merged_applications, policy_names, principal
from ops.cloud.iam_policy import CALLS, THROUGH_CLOUDFORMATION, granted_actions, parts, policy, size
from ops.cloud.stack import TEMPLATE
from ops.errors import Trouble
from ops.settings import ROOT
from tests.aws.small_stack import INSTANCE, deployable_settings
from tests.aws.stubbed import Stubbed

OTHER = {"Namespace": "somebody-elses", "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
OURS = {"Namespace": "popdesk", "ApplicationPermissions": ["ACCESS"], "Type": GRANT_TYPE}
SETTINGS = deployable_settings()
_IN_INSTANCE = {"InstanceId": INSTANCE}


def _profiles(stubbed: Stubbed, applications: list[dict[str, Any]]) -> None:
    connect = stubbed["connect"]
    summaries = [{"Id": "p-1", "Name": "Agent", "Arn": f"{INSTANCE}/security-profile/p-1"}]
    connect.add_response("list_security_profiles", {"SecurityProfileSummaryList": summaries}, _IN_INSTANCE)
    connect.add_response(
        "list_security_profile_applications",
        {"Applications": applications},
        {**_IN_INSTANCE, "SecurityProfileId": "p-1"},
    )


def test_grant_merges_and_loses_nobody() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OTHER])
    stubbed["connect"].add_response(
        "update_security_profile",
        {},
        {**_IN_INSTANCE, "SecurityProfileId": "p-1", "Applications": [OTHER, OURS]},
    )
    assert grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_grant_that_is_there_writes_nothing() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [OURS, OTHER])
    assert not grant(stubbed.aws, SETTINGS, "Agent")
    stubbed.done()


def test_grant_dry_run_writes_nothing() -> None:
    stubbed = Stubbed()
    _profiles(stubbed, [])
    assert grant(stubbed.aws, SETTINGS, "Agent", dry_run=True)
    stubbed.done()


def test_grant_to_an_unknown_profile_names_the_known_ones() -> None:
    stubbed = Stubbed()
    summaries = [{"Id": "p-1", "Name": "Agent"}, {"Id": "p-2", "Name": "Admin"}]
    stubbed["connect"].add_response("list_security_profiles", {"SecurityProfileSummaryList": summaries}, _IN_INSTANCE)
    with pytest.raises(Trouble, match="Admin, Agent"):
        grant(stubbed.aws, SETTINGS, "Agents")


def test_merge_repairs_a_grant_without_access() -> None:
    half = {**OURS, "ApplicationPermissions": []}
    assert merged_applications([half, OTHER], "popdesk") == [OTHER, OURS]


def _examine(stubbed: Stubbed, page: list[str]) -> dict[str, tuple[str, str]]:
    found = examine(stubbed.aws, SETTINGS, lambda _: page)
    return {finding.what: (finding.state, finding.remedy) for finding in found}


def _healthy(stubbed: Stubbed, *, role: str, associated: list[str], applications: list[dict[str, Any]]) -> None:
    caller = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "u"}
    stubbed["sts"].add_response("get_caller_identity", caller)
    instance = {"InstanceStatus": "ACTIVE", "InstanceAlias": "desk", "ServiceRole": role}
    stubbed["connect"].add_response("describe_instance", {"Instance": instance}, _IN_INSTANCE)
    outputs = {
        "Url": "https://desk.example.com/",
        "ApplicationArn": "arn:application",
        "LookupArn": "arn:lookup",
        "MainFlowArn": f"{INSTANCE}/contact-flow/main",
        "GuideFlowArn": f"{INSTANCE}/contact-flow/guide",
    }
    stack = {
        "StackName": "popdesk-prod",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/popdesk-prod/1",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "UPDATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }
    stubbed["cloudformation"].add_response("describe_stacks", {"Stacks": [stack]})
    associations = [{"IntegrationArn": arn} for arn in associated]
    stubbed["connect"].add_response(
        "list_integration_associations", {"IntegrationAssociationSummaryList": associations}, _IN_INSTANCE
    )
    _profiles(stubbed, applications)
    for flow in ("main", "guide"):
        stubbed["connect"].add_response(
            "describe_contact_flow",
            {"ContactFlow": {"Name": flow, "State": "ACTIVE", "Status": "PUBLISHED"}},
            {**_IN_INSTANCE, "ContactFlowId": flow},
        )


_SLR = "arn:aws:iam::123456789012:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_AbCdEf"


def test_all_well_is_all_ok() -> None:
    stubbed = Stubbed()
    _healthy(stubbed, role=_SLR, associated=["arn:application", "arn:lookup"], applications=[OTHER, OURS])
    found = _examine(stubbed, [])
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert len(found) == 12
    stubbed.done()


def test_each_obstacle_is_found_with_its_remedy() -> None:
    stubbed = Stubbed()
    old_role = "arn:aws:iam::123456789012:role/connect"
    _healthy(stubbed, role=old_role, associated=["arn:lookup"], applications=[OTHER])
    found = _examine(stubbed, ["index.html: X-Content-Type-Options is ''"])
    wrong = {what for what, (state, _) in found.items() if state == "wrong"}
    assert wrong == {"service-linked role", "application associated", "security profiles", "page"}
    assert all(found[what][1] for what in wrong)
    assert "--grant" in found["security profiles"][1]


def test_refused_look_is_a_finding_and_not_the_end() -> None:
    stubbed = Stubbed()
    stubbed["sts"].add_response(
        "get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "u"}
    )
    stubbed["connect"].add_client_error("describe_instance", "AccessDeniedException", "no")
    stubbed["cloudformation"].add_client_error("describe_stacks", "ValidationError", "Stack does not exist")
    found = _examine(stubbed, [])
    assert found["instance"][0] == "open"
    assert "iam-policy" in found["instance"][1]
    assert found["stack"] == ("wrong", "release: `deploy.py`")


_ANA = "arn:aws:iam::123456789012:user/ana"


def _permissions(stubbed: Stubbed, answer: Callable[[str, str], str]) -> tuple[str, str, str]:
    """Let IAM's simulator answer `answer(action, resource)`; give the finding, its detail and its remedy.

    One result for each action, with one for each resource in it; answers of several resources come in two pages.
    """
    caller = {"Account": "123456789012", "Arn": _ANA, "UserId": "u"}
    stubbed["sts"].add_response("get_caller_identity", caller)
    stubbed["connect"].add_client_error("describe_instance", "AccessDeniedException", "no")
    for resources, actions in granted_actions(policy_names(SETTINGS, "123456789012")):
        for start in range(0, len(actions), 50):
            asked = {
                "PolicySourceArn": _ANA,
                "ActionNames": actions[start : start + 50],
                "ResourceArns": resources,
            }
            results = []
            for action in asked["ActionNames"]:
                decisions = [answer(action, resource) for resource in resources]
                details = [
                    {"EvalResourceName": resource, "EvalResourceDecision": decision}
                    for resource, decision in zip(resources, decisions, strict=True)
                ]
                first = {"EvalActionName": action, "EvalDecision": decisions[0], "ResourceSpecificResults": details}
                results.append(first)
            half = len(results) // 2 if len(resources) > 1 else 0
            if half:
                page = {"EvaluationResults": results[:half], "IsTruncated": True, "Marker": "on"}
                stubbed["iam"].add_response("simulate_principal_policy", page, asked)
                asked = asked | {"Marker": "on"}
            rest = {"EvaluationResults": results[half:], "IsTruncated": False}
            stubbed["iam"].add_response("simulate_principal_policy", rest, asked)
    stubbed["cloudformation"].add_client_error("describe_stacks", "ValidationError", "Stack does not exist")
    (finding,) = (found for found in examine(stubbed.aws, SETTINGS, lambda _: []) if found.what == "permissions")
    stubbed.done()
    return finding.state, finding.detail, finding.remedy


def test_permissions_that_are_all_there_are_ok() -> None:
    assert _permissions(Stubbed(), lambda _action, _resource: "allowed") == ("ok", "", "")


def test_denied_permissions_are_named() -> None:
    denied = {"lambda:UpdateAlias": "implicitDeny", "connect:ListQueues": "explicitDeny"}
    state, detail, remedy = _permissions(Stubbed(), lambda action, _: denied.get(action, "allowed"))
    assert (state, detail) == ("wrong", "denied: connect:ListQueues, lambda:UpdateAlias")
    assert "iam-policy" in remedy


def test_permission_on_one_of_two_resources_is_denied() -> None:
    """Of the last action's last resource, on the last page: none of the results may be left out."""
    granted = granted_actions(policy_names(SETTINGS, "123456789012"))
    resources, actions = next(pair for pair in granted if len(pair[0]) > 1)
    gone = actions[-1], resources[-1]
    state, detail, _ = _permissions(Stubbed(), lambda *asked: "implicitDeny" if asked == gone else "allowed")
    assert (state, detail) == ("wrong", f"denied: {actions[-1]}")


def test_many_denied_permissions_are_counted() -> None:
    every = {action for _, actions in granted_actions(policy_names(SETTINGS, "123456789012")) for action in actions}
    state, detail, _ = _permissions(Stubbed(), lambda _action, _resource: "implicitDeny")
    assert state == "wrong"
    assert detail.endswith(f" and {len(every) - 8} more")


def test_a_caller_who_may_not_ask_is_an_open_question() -> None:
    stubbed = Stubbed()
    stubbed["sts"].add_response("get_caller_identity", {"Account": "123456789012", "Arn": _ANA, "UserId": "u"})
    stubbed["connect"].add_client_error("describe_instance", "AccessDeniedException", "no")
    stubbed["iam"].add_client_error("simulate_principal_policy", "AccessDenied", "no")
    stubbed["cloudformation"].add_client_error("describe_stacks", "ValidationError", "Stack does not exist")
    assert _examine(stubbed, [])["permissions"][0] == "open"
    stubbed.done()


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("arn:aws:iam::123456789012:user/ana", "arn:aws:iam::123456789012:user/ana"),
        ("arn:aws:sts::123456789012:assumed-role/deployer/s", "arn:aws:iam::123456789012:role/deployer"),
        ("arn:aws:iam::123456789012:root", ""),
    ],
)
def test_principal_behind_a_caller(caller: str, expected: str) -> None:
    assert principal(caller) == expected


# -- the policy --------------------------------------------------------------------------------------------------------


def test_every_call_in_the_code_is_listed_and_every_listed_call_is_in_the_code() -> None:
    source = "\n".join(file.read_text("utf-8") for file in (ROOT / "ops").rglob("*.py"))
    used = set(re.findall(r'aws\.(?:call|pages)\(\s*"([a-z0-9-]+)",\s*"([a-z0-9_]+)"', source))
    listed = {(service, operation) for service, operations in CALLS.items() for operation in operations}
    assert used == listed


def test_every_listed_call_is_one_of_boto3() -> None:
    session = boto3.Session(region_name="us-east-1")
    for service, operations in CALLS.items():
        client = session.client(service, region_name="us-east-1")
        for operation in operations:
            assert operation in client.meta.method_to_api_mapping, f"{service}.{operation}"


def test_every_type_of_the_template_is_in_the_policy() -> None:
    template: Any = decode.decode(str(TEMPLATE))[0]
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert types == THROUGH_CLOUDFORMATION.keys()


def test_policy_is_small_enough_and_passes_one_role() -> None:
    made = policy(policy_names(SETTINGS, "123456789012"))
    passing = [statement for statement in made["Statement"] if statement["Action"] == "iam:PassRole"]
    assert [statement["Resource"] for statement in passing] == [
        "arn:aws:iam::123456789012:role/popdesk-prod-lookup-us-east-1"
    ]
    for statement in made["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any(action.endswith("*") for action in actions)
    assert size(made) < 10_240  # a role's inline policies (see MANAGED_SIZE)


def test_the_policy_comes_in_parts_that_fit_managed_policies() -> None:
    made = policy(policy_names(SETTINGS, "123456789012"))
    pieces = parts(made)
    assert [statement for piece in pieces for statement in piece["Statement"]] == made["Statement"]
    assert all(len("".join(json.dumps(piece).split())) <= 6_144 for piece in pieces)
    assert {piece["Version"] for piece in pieces} == {made["Version"]}
    assert parts(pieces[0]) == [pieces[0]]


def test_iam_policy_prints_a_part_and_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_commands, "load_settings", lambda **_: SETTINGS)
    monkeypatch.setattr(cloud_commands, "open_aws", lambda _profile, _region: Stubbed().aws)

    def run(*options: str) -> Result:
        return CliRunner().invoke(cli, ["iam-policy", "--env", "prod", "--account", "123456789012", *options])

    whole, first, last, none = run(), run("--part", "1"), run("--part", "2"), run("--part", "3")
    statements = json.loads(whole.stdout)["Statement"]
    assert json.loads(first.stdout)["Statement"] + json.loads(last.stdout)["Statement"] == statements
    assert "--part 1, --part 2" in whole.stderr
    assert (none.exit_code, none.stdout) == (2, "")
    assert "2 parts" in none.stderr


def test_release_without_an_instance_names_the_key_and_exits_2(tmp_path: Path) -> None:  # noqa: ARG001
    result = CliRunner().invoke(cli, ["--env", "prod", "--dry-run"])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "command", ["release", "plan", "status", "rollback", "releases", "prune", "destroy", "doctor", "iam-policy"]
)
def test_every_command_has_its_help_and_options(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    for option in ("--env", "--profile", "--region"):
        assert option in result.output
    if command in ("release", "rollback", "prune", "destroy", "doctor"):
        assert "--dry-run" in result.output
    if command != "iam-policy":  # which is JSON
        assert "--json" in result.output
