"""The policy of whoever releases, held against what AWS itself says, as cfn-lint ships it.

The resource schemas name what CloudFormation calls in the caller's name to create, read, update, delete and tag a type
("handlers" and "tagging"); AWS's service reference says which actions there are and on which resources each may be
allowed. So the policy cannot fall behind the template: a new type, property or handler's permission is either in it or
named here with the reason why it is not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import cfnlint
import pytest
from cfnlint import decode
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from click.testing import CliRunner, Result

from deploy import cli
from ops.cli import cloud as cloud_commands
from ops.cloud.iam_policy import CALLS, THE_APIS, THROUGH_CLOUDFORMATION, Need, parts, policy, size
from ops.cloud.names import policy_names
from ops.cloud.stack_template import API_TEMPLATE, EVENTS_TEMPLATE, OPENING_TEMPLATES, TEMPLATE, add_sections
from ops.rehearse.not_needed import NO_ACTION, NOT_NEEDED
from ops.rehearse.protocol import operation_model
from ops.settings import ROOT
from tests.aws.account import deployable_settings
from tests.aws.stubbed import Stubbed

SETTINGS = deployable_settings()


@cache
def _template() -> dict[str, Any]:
    """Return the whole template, the API's part with it."""
    text = TEMPLATE.read_text("utf-8")
    for more in (*OPENING_TEMPLATES.values(), API_TEMPLATE, EVENTS_TEMPLATE):
        text = add_sections(text, more.read_text("utf-8"))
    template: Any = decode.decode_str(text)[0]
    return dict(template)


def _needs(kind: str) -> tuple[Need, ...]:
    return (*THROUGH_CLOUDFORMATION.get(kind, ()), *THE_APIS.get(kind, ()))


def _resources(kind: str) -> list[dict[str, Any]]:
    return [resource for resource in _template()["Resources"].values() if resource["Type"] == kind]


TYPES = sorted({str(resource["Type"]) for resource in _template()["Resources"].values()})


def _named_by_schema(kind: str) -> set[str]:
    """Return the actions that a type's schema names, in lower case but for the service: IAM does not tell cases apart."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    handlers = [handler for name, handler in schema["handlers"].items() if name != "list"]
    assert {"create", "read", "delete"} <= schema["handlers"].keys()
    tagging = (schema.get("tagging") or {}).get("permissions", [])
    return {action.lower() for action in [*tagging, *(name for each in handlers for name in each["permissions"])]}


# Operations of 2026, which cfn-lint's copy of the reference does not have yet: held to botocore's model instead.
_NEWER_THAN_THE_REFERENCE = {"connect:CreateTestCase"}


@cache
def _reference() -> dict[str, Any]:
    """Return AWS's service reference: {service: {"Actions": {name: {"Resources": [...]}}, "Resources": {...}}}."""
    file = Path(str(cfnlint.__file__)).parent / "data" / "AdditionalSpecs" / "Policies.json"
    return dict(json.loads(file.read_text("utf-8")))


def _in_reference(action: str) -> dict[str, Any] | None:
    service, _, name = action.lower().partition(":")
    found = _reference().get(service, {}).get("Actions", {}).get(name)
    return None if found is None else dict(found)


@pytest.mark.parametrize("kind", TYPES)
def test_what_a_types_handlers_call_is_allowed_or_not_needed_for_a_reason(kind: str) -> None:
    allowed = {action.lower() for need in _needs(kind) for action in need.actions}
    unneeded = {action.lower() for actions in NOT_NEEDED.get(kind, {}).values() for action in actions.split()}
    named = _named_by_schema(kind)
    assert named - allowed - unneeded == set(), (
        "the schema names these: into THROUGH_CLOUDFORMATION, or into NOT_NEEDED"
    )
    assert unneeded - named == set(), "the schema no longer names these"
    assert unneeded & allowed == set()


@pytest.mark.parametrize("kind", sorted(NOT_NEEDED))
def test_what_is_not_needed_is_of_properties_that_the_template_does_not_set(kind: str) -> None:
    set_here = {pair for resource in _resources(kind) for pair in _keys_and_values(resource)}
    for reason, actions in NOT_NEEDED[kind].items():
        if reason == NO_ACTION:
            assert [action for action in actions.split() if _in_reference(action)] == []
        elif " " not in reason:
            name, _, value = reason.partition("=")
            found = [text for key, text in set_here if key == name and (not value or text == value)]
            assert found == [], f"{kind} sets {reason}, which needs {actions}"


def _keys_and_values(node: Any) -> Iterator[tuple[str, str]]:
    """Yield each key below a node with its value as text."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key), value if isinstance(value, str) else ""
            yield from _keys_and_values(value)
    elif isinstance(node, list):
        for value in node:
            yield from _keys_and_values(value)


def test_the_keys_of_aws_itself_are_used_and_no_other() -> None:
    """Then no permission for a key is needed: see ops/rehearse/not_needed.py."""
    keys = {"KmsKeyArn", "KMSMasterKeyId", "KMSMasterKeyID", "KmsKeyId"}
    assert not keys & {key for kind in TYPES for resource in _resources(kind) for key, _ in _keys_and_values(resource)}


@pytest.mark.parametrize("api", [False, True])
def test_every_action_exists_and_can_be_allowed_on_the_resource_that_it_is_allowed_on(api: bool) -> None:
    """An action that knows no resource works on "*" alone: on anything else it is allowed nothing."""
    reference = _reference()
    for statement in policy(policy_names(deployable_settings(), "123456789012"), api)["Statement"]:
        resources = _listed(statement["Resource"])
        for action in _listed(statement["Action"]):
            found = _in_reference(action)
            if action in _NEWER_THAN_THE_REFERENCE:
                assert found is None, f"the reference has {action} now: take it out of _NEWER_THAN_THE_REFERENCE"
                assert operation_model("connect", action.partition(":")[2]).name
                continue
            assert found is not None, f"AWS has no action {action}"
            kinds = found.get("Resources", [])
            if not kinds:
                assert resources == ["*"], f"{action} can only be allowed on *"
            elif resources != ["*"]:
                types = reference[action.partition(":")[0]]["Resources"]
                formats = [
                    text
                    for kind in kinds
                    for text in types.get(kind.lower(), types.get(kind, {})).get("ARNFormats", [])
                ]
                assert any(_fits(resource, text) for resource in resources for text in formats), (
                    action,
                    resources,
                    formats,
                )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _fits(resource: str, arn_format: str) -> bool:
    """Return whether a resource of the policy may be of a format such as arn:${Partition}:s3:::.*"""
    pattern = re.sub(r"\$\{\w+\}", "[^:]*", arn_format)
    return re.fullmatch(pattern, resource.replace("*", "x")) is not None


def test_an_action_that_is_taken_away_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: for each type, without its first need."""
    for kind in TYPES:
        table = THROUGH_CLOUDFORMATION if kind in THROUGH_CLOUDFORMATION else THE_APIS
        first, *rest = table[kind]
        with monkeypatch.context() as changed:
            changed.setitem(table, kind, tuple(rest))
            with pytest.raises(AssertionError, match="the schema names these"):
                test_what_a_types_handlers_call_is_allowed_or_not_needed_for_a_reason(kind)
        assert first.actions


def test_what_was_found_missing_is_there() -> None:
    """Without these a first release of a user who has the policy alone was refused."""
    names = policy_names(deployable_settings(), "123456789012")
    allowed = {action for statement in policy(names, False)["Statement"] for action in _listed(statement["Action"])}
    assert {
        "ds:DescribeDirectories",
        "iam:CreateServiceLinkedRole",
        "iam:AttachRolePolicy",
        "connect:ListTagsForResource",
        "connect:ListBots",
        "s3:TagResource",
        "s3:UntagResource",
        "s3:ListTagsForResource",
        "cloudwatch:UntagResource",
    } <= allowed


def test_every_call_in_the_code_is_listed_and_every_listed_call_is_in_the_code() -> None:
    source = "\n".join(file.read_text("utf-8") for file in (ROOT / "ops").rglob("*.py"))
    used = set(re.findall(r'aws\.(?:call|read|pages)\(\s*"([a-z0-9-]+)",\s*"([a-z0-9_]+)"', source))
    listed = {(service, operation) for service, operations in CALLS.items() for operation in operations}
    assert used == listed


def test_every_listed_call_is_one_of_boto3() -> None:
    session = boto3.Session(region_name="us-east-1")
    for service, operations in CALLS.items():
        client = session.client(service, region_name="us-east-1")
        for operation in operations:
            assert operation in client.meta.method_to_api_mapping, f"{service}.{operation}"


def test_every_type_of_the_template_is_in_the_policy() -> None:
    assert set(TYPES) == THROUGH_CLOUDFORMATION.keys() | THE_APIS.keys()


def test_a_stack_without_the_api_needs_nothing_of_it() -> None:
    names = policy_names(SETTINGS, "123456789012")
    text = json.dumps(policy(names, False))
    assert not [word for word in ("apigateway", "secretsmanager", "-api", "-cases", "InvokeFunction") if word in text]


def test_policy_is_small_enough_and_passes_the_functions_roles() -> None:
    made = policy(policy_names(SETTINGS, "123456789012"), False)
    passing = [statement for statement in made["Statement"] if statement["Action"] == "iam:PassRole"]
    assert [statement["Resource"] for statement in passing] == [
        ["arn:aws:iam::123456789012:role/popdesk-prod-lookup-us-east-1"]
    ]
    with_api = policy(policy_names(SETTINGS, "123456789012"), True)
    passing = [statement for statement in with_api["Statement"] if statement["Action"] == "iam:PassRole"]
    assert [statement["Resource"] for statement in passing] == [
        [f"arn:aws:iam::123456789012:role/popdesk-prod-{name}-us-east-1" for name in ("api", "lookup", "rotate")]
    ]
    for statement in made["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any(action.endswith("*") for action in actions)
    assert size(made) < 10_240  # a role's inline policies (see MANAGED_SIZE)


@pytest.mark.parametrize("api", [False, True])
def test_the_policy_comes_in_parts_that_fit_managed_policies(api: bool) -> None:
    made = policy(policy_names(SETTINGS, "123456789012"), api)
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
