"""Whose stack it is: each command refuses one of another namespace, and an older version's own one is found."""

from __future__ import annotations

from typing import Any

import pytest

from ops.cloud.stack import read_own_stack
from ops.errors import UserError
from ops.rehearse.protocol import Refusal
from ops.settings import Settings
from tests.aws.account import deployable_settings
from tests.aws.stubbed import Answered

_GONE = Refusal("ValidationError", "Stack with id popdesk-prod does not exist")


def _stacks(**namespaces: str | None) -> Answered:
    """Return an account with stacks by name (- for _), each with its namespace, None for one that is not Popdesk's."""
    there = {name.replace("_", "-"): namespace for name, namespace in namespaces.items()}

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["StackName"]
        if name not in there:
            raise _GONE
        parameters = [{"ParameterKey": "AppNamespace", "ParameterValue": there[name]}] if there[name] else []
        stack = {
            "StackName": name,
            "StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1",
            "CreationTime": "2026-01-01",
            "StackStatus": "CREATE_COMPLETE",
            "Parameters": parameters,
        }
        return {"Stacks": [stack]}

    answered = Answered()
    answered.on("cloudformation", "describe_stacks", describe)
    return answered


def _named(namespace: str, **aws: str) -> Settings:
    return deployable_settings(**aws).model_copy(update={"namespace": namespace})


def test_our_own_is_read() -> None:
    assert read_own_stack(_stacks(popdesk_prod="popdesk").aws, _named("popdesk")).exists


@pytest.mark.parametrize(
    ("made_for", "said"), [("other", "it is of the application 'other'"), (None, "Popdesk did not make it")]
)
def test_another_applications_is_refused(made_for: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_own_stack(_stacks(acme_prod=made_for).aws, _named("acme"))
    assert caught.value.exit_code == 2
    assert "[tool.popdesk.environments.prod.aws]" in caught.value.hint


def test_what_is_not_there_is_not_there() -> None:
    assert not read_own_stack(_stacks().aws, _named("popdesk")).exists
    assert not read_own_stack(_stacks().aws, _named("acme")).exists


def test_the_stack_that_an_older_version_made_for_us_is_named_with_the_way_to_keep_it() -> None:
    with pytest.raises(UserError, match="popdesk-prod is, which an older version made") as caught:
        read_own_stack(_stacks(popdesk_prod="acme").aws, _named("acme"))
    assert 'stack = "popdesk-prod" in [tool.popdesk.environments.prod.aws]' in caught.value.hint
    kept = read_own_stack(_stacks(popdesk_prod="acme").aws, _named("acme", stack="popdesk-prod"))
    assert kept.name == "popdesk-prod"


def test_the_stack_that_an_older_version_made_for_others_is_none_of_ours() -> None:
    assert not read_own_stack(_stacks(popdesk_prod="popdesk").aws, _named("acme")).exists


def test_whoever_may_not_look_at_the_older_name_goes_on() -> None:
    answered = Answered()

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        raise _GONE if asked["StackName"] == "acme-prod" else Refusal("AccessDenied", "not yours to see")

    answered.on("cloudformation", "describe_stacks", describe)
    assert not read_own_stack(answered.aws, _named("acme")).exists
