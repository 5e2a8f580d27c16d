"""The template with a pilot: no findings of cfn-lint, small enough, and nothing of it without the key."""

from __future__ import annotations

import pytest
from cfnlint.api import lint

from ops.cloud.change_set import Change
from ops.cloud.deployment import _is_the_pilots, place_of
from ops.cloud.grants import namespaces
from ops.cloud.stack import Stack
from ops.cloud.stack_template import define_stack, render_template
from ops.errors import UserError
from ops.settings import Settings, load_settings
from tests.unit.ops.test_template import INSTANCE, LONGEST_TEMPLATE


def _settings(pilot: str = "Pilot agents", api: bool = False) -> Settings:
    settings = load_settings(environment="prod")
    return settings.model_copy(
        update={
            "pilot": pilot,
            "opens": "service",
            "api": settings.api.model_copy(update={"enabled": api, "cases": "dynamodb"}),
            "aws": settings.aws.model_copy(update={"instance_arn": INSTANCE}),
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("api", [False, True])
def test_cfn_lint_finds_nothing_and_it_is_small_enough(api: bool) -> None:
    text = render_template(_settings(api=api))
    assert lint(text) == []
    assert len(text.encode()) <= LONGEST_TEMPLATE
    assert ("PilotApiLive" in text) == ("PilotHttpApiEventsRoute" in text) == api


def test_without_the_key_nothing_of_it_is_there() -> None:
    keys = {"LambdaKey": "lambda/1.zip"}
    definition = define_stack(_settings(pilot=""), account="123456789012", keys=keys, queue_arn=f"{INSTANCE}/queue/1")
    assert "Pilot" not in definition.template
    assert not [name for name in definition.parameters if "Pilot" in name]


def test_a_pilot_needs_a_service_and_says_why() -> None:
    given = load_settings(environment="prod").model_dump()
    with pytest.raises(ValueError, match="a guide is chosen before it is known which agent gets the contact"):
        Settings(**{**given, "pilot": "Pilot agents", "opens": "guide"})
    longest = Settings(**{**given, "pilot": "Pilot agents", "opens": "service", "name": "n" * 241})
    assert len(longest.pilot_service[0]) == 255
    with pytest.raises(ValueError, match="name: with a pilot it has at most 241 characters"):
        Settings(**{**given, "pilot": "Pilot agents", "opens": "service", "name": "n" * 242})


@pytest.mark.parametrize(
    ("change", "pilots"),
    [
        (Change("Add", "PilotDistribution", "AWS::CloudFront::Distribution", False), True),
        (Change("Modify", "Lookup", "AWS::Lambda::Function", False, ("Code",)), True),
        (Change("Modify", "Lookup", "AWS::Lambda::Function", False, ("Code", "Environment")), False),
        (Change("Modify", "MainFlow", "AWS::Connect::ContactFlow", False, ("Content",)), False),
    ],
)
def test_what_a_pilot_release_would_change_for_all_agents_is_known(change: Change, pilots: bool) -> None:
    assert _is_the_pilots(change) is pilots


def test_a_stack_without_a_pilot_says_how_to_get_one() -> None:
    stack = Stack(
        "popdesk-prod", "CREATE_COMPLETE", outputs={"SiteBucket": "b", "DistributionId": "E1", "Function": "f"}
    )
    assert not place_of(stack).is_pilot
    with pytest.raises(UserError, match="it has no pilot") as raised:
        place_of(stack, pilot=True)
    assert "deploy.py release --pilot" in raised.value.hint


def test_a_profile_grants_the_live_page_or_the_pilots() -> None:
    settings = _settings()
    live, pilot = namespaces(settings, "Agent")
    assert namespaces(settings, "Pilot agents") == (pilot, live)
    assert not set(live) & set(pilot)
    assert namespaces(_settings(pilot=""), "Pilot agents") == (live, pilot)  # the pilot is over
