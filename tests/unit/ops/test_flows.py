"""The flows: nothing Amazon Connect would refuse, every failure leads to the queue, every attribute is mapped."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from flow_contract import NO_VALUE
from popdesk import desk

from ops.flows.definitions import guide_flow, lambda_seconds, main_flow, problems, view
from ops.settings import load_settings
from tests.unit.lambda_.tokens import with_api

SETTINGS = load_settings()
MAIN = main_flow(SETTINGS, lambda_arn="${Lambda.Arn}", guide_flow_arn="${Guide}", queue_arn="${Queue}")
GUIDE = guide_flow(SETTINGS, view_arn="${View}")


@pytest.mark.parametrize("flow", [MAIN, GUIDE], ids=["main", "guide"])
def test_the_flows_have_no_problem(flow: dict[str, Any]) -> None:
    assert problems(flow) == []


def test_every_attribute_of_the_settings_is_mapped_from_the_lambdas_answer() -> None:
    update = next(action for action in MAIN["Actions"] if action["Type"] == "UpdateContactAttributes")
    names = SETTINGS.attribute_names().values()
    assert update["Parameters"]["Attributes"] == {name: f"$.External.{name}" for name in names}


def test_nothing_that_an_earlier_flow_stored_goes_to_the_lambda() -> None:
    leads = {
        action["Identifier"]: [*action["Transitions"].get("Errors", []), *action["Transitions"].get("Conditions", [])]
        for action in MAIN["Actions"]
    }
    for action in MAIN["Actions"]:
        if "$.StoredCustomerInput" in str(action["Parameters"]):
            before = [
                other["Identifier"]
                for other in MAIN["Actions"]
                if other["Transitions"].get("NextAction") == action["Identifier"]
                or any(way["NextAction"] == action["Identifier"] for way in leads[other["Identifier"]])
            ]
            assert before == ["ask-number"]
            assert action["Identifier"] not in [way["NextAction"] for way in leads["ask-number"]]


def test_every_attribute_is_set_to_nothing_known_where_the_lambda_does_not_answer() -> None:
    parameters = _action(MAIN, "no-answer")["Parameters"]["Attributes"]
    names = SETTINGS.attribute_names()
    assert parameters == {name: "500" if role == "status" else "-" for role, name in names.items()}


def test_the_page_reads_as_nothing_what_the_flow_sets_for_it() -> None:
    assert desk.NO_VALUE == NO_VALUE


def test_no_failure_before_the_queue_ends_the_contact() -> None:
    for action in MAIN["Actions"]:
        if action["Identifier"] not in ("transfer", "end"):
            for error in action["Transitions"]["Errors"]:
                assert error["NextAction"] != "end", action["Identifier"]


def test_the_flow_waits_longer_than_the_lambdas_budget_and_no_longer_than_it_may() -> None:
    assert SETTINGS.lookup.budget_ms / 1000 < lambda_seconds(SETTINGS) <= 8


def test_the_view_names_the_application_exactly_and_holds_no_empty_string() -> None:
    application = view(SETTINGS)["Body"][0]["Content"][0]
    assert application["Props"] == {"AppIdentifier": SETTINGS.name}


def _action(flow: dict[str, Any], identifier: str) -> dict[str, Any]:
    return next(action for action in flow["Actions"] if action["Identifier"] == identifier)


def _condition(flow: dict[str, Any], identifier: str) -> dict[str, Any]:
    condition: dict[str, Any] = _action(flow, identifier)["Transitions"]["Conditions"][0]["Condition"]
    return condition


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda flow: _action(flow, "look-up")["Parameters"].update(InvocationTimeLimitSeconds=5), "must be a string"),
        (lambda flow: _action(flow, "ask-number")["Parameters"].update(Text=""), "empty string"),
        # There is no way to ask for an empty value: what is compared with is never empty either.
        (lambda flow: _condition(flow, "caller").update(Operands=[""]), "Condition.Operands[0] is an empty string"),
        (lambda flow: _action(flow, "attributes")["Parameters"]["Attributes"].update(Name=""), "empty string"),
        (lambda flow: _action(flow, "look-up").update(Identifier="look:up"), "no identifier"),
        (lambda flow: _action(flow, "look-up")["Transitions"].update(NextAction="nowhere"), "does not exist"),
        (lambda flow: _action(flow, "look-up")["Transitions"].update(Errors=[]), "is handled nowhere"),
        (lambda flow: _action(flow, "look-up").update(Type="PlayMusic"), "not known here"),
        (lambda flow: flow.update(StartAction="queue"), "nothing leads to it"),
    ],
)
def test_a_spoilt_flow_is_told_what_is_wrong(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    flow = copy.deepcopy(MAIN)
    spoil(flow)
    assert said in " ".join(problems(flow))


# -- where the API is enabled: the contact's token never reaches the flow's log ---------------------------------------------

API = main_flow(with_api(SETTINGS), lambda_arn="${Lambda.Arn}", guide_flow_arn="${Guide}", queue_arn="${Queue}")


def _ways(action: dict[str, Any]) -> set[str]:
    transitions = action["Transitions"]
    others = [*transitions.get("Errors", []), *transitions.get("Conditions", [])]
    return {transitions.get("NextAction", ""), *(way["NextAction"] for way in others)} - {""}


def test_the_flow_with_the_api_has_no_problem() -> None:
    assert problems(API) == []


def test_on_every_way_the_log_is_off_where_the_token_passes_and_on_again_behind() -> None:
    actions = {action["Identifier"]: action for action in API["Actions"]}
    states: set[tuple[str, bool]] = set()
    waiting = [(API["StartAction"], True)]
    while waiting:
        identifier, logged = state = waiting.pop()
        if state in states:
            continue
        states.add(state)
        action = actions[identifier]
        if action["Type"] == "UpdateFlowLoggingBehavior":
            logged = action["Parameters"]["FlowLoggingBehavior"] == "Enabled"
        waiting += [(way, logged) for way in _ways(action)]
    for identifier in ("look-up", "look-up-typed", "attributes", "no-answer"):
        assert {logged for name, logged in states if name == identifier} == {False}, identifier
    for identifier in ("page", "queue", "transfer", "end"):
        assert {logged for name, logged in states if name == identifier} == {True}, identifier
    assert API["Actions"] != MAIN["Actions"]


def test_without_the_api_the_log_is_left_as_it_is() -> None:
    assert "UpdateFlowLoggingBehavior" not in {action["Type"] for action in MAIN["Actions"]}


def test_an_error_branch_of_an_action_that_has_none_is_refused_as_amazon_connect_does() -> None:
    flow = copy.deepcopy(API)
    _action(flow, "log")["Transitions"]["Errors"] = [{"ErrorType": "NoMatchingError", "NextAction": "end"}]
    assert "log: UpdateFlowLoggingBehavior has no errors" in problems(flow)
