"""The first day's ten steps: page and command say the same, and a flow that lost the look-up is seen."""

from __future__ import annotations

import json

import pytest

from ops.cloud.doctor import Finding
from ops.cloud.first_day import CALLS_LOOK_UP, STEPS, as_page, walk
from ops.settings import ROOT
from tests.aws.account import INSTANCE, deployable_settings
from tests.aws.stubbed import Answered

LOOKUP = "arn:aws:lambda:us-east-1:123456789012:function:popdesk-prod-lookup:live"


def test_the_page_has_the_steps_of_the_command() -> None:
    assert len(STEPS) == 10
    assert (ROOT / "docs" / "first-day.md").read_text("utf-8").endswith("\n" + as_page())


@pytest.mark.parametrize(("content", "state"), [(LOOKUP, "ok"), (LOOKUP.removesuffix(":live"), "wrong")])
def test_a_flow_that_does_not_call_the_alias_is_seen(content: str, state: str) -> None:
    account = Answered()
    outputs = {"MainFlowArn": f"{INSTANCE}/contact-flow/main", "LookupArn": LOOKUP}
    stack = {
        "StackName": "popdesk-prod",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/popdesk-prod/1",
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "UPDATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
        "Parameters": [{"ParameterKey": "AppNamespace", "ParameterValue": "popdesk"}],
    }
    account.on("cloudformation", "describe_stacks", {"Stacks": [stack]})
    account.connect.flows["main"] = {"Name": "main", "Content": json.dumps({"LambdaFunctionARN": content})}
    found = [Finding("main flow published", "ok"), Finding("lookup.vpc", "ok")]
    steps = {step.title: findings for step, findings in walk(found, account.aws, deployable_settings())}
    assert [each.what for each in steps[STEPS[0].title]] == ["lookup.vpc"]
    assert [(each.what, each.state) for each in steps[STEPS[4].title]] == [
        ("main flow published", "ok"),
        (CALLS_LOOK_UP, state),
    ]
