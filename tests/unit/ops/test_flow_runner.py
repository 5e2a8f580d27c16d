"""The flow runner: the deployed flows end to end, every action's errors, and strictness where only Amazon Connect would tell.

The Lambda is a function of the test here: what is held is what the runner makes of an answer. The real one runs in
test_preview.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from flow_contract import NO_VALUE, TYPED, WITHHELD_NUMBERS

from ops.flows import definitions as flows
from ops.flows.definitions import Flow
from ops.flows.runner import (
    LIMIT_BYTES,
    NOTHING_TYPED,
    RETRIES,
    Answer,
    Contact,
    Outcome,
    Runner,
    lambda_event,
    not_a_string_map,
)
from ops.settings import load_settings
from tests.unit.lambda_.tokens import with_api

SETTINGS = load_settings()
CALLER = {"address": "+12065550100", "type": "TELEPHONE_NUMBER"}
FOUND = dict.fromkeys(SETTINGS.attribute_names().values(), NO_VALUE) | {SETTINGS.attributes.name: "Ana"}
# What the contact has where the Lambda did not answer.
NO_ANSWER = dict.fromkeys(SETTINGS.attribute_names().values(), NO_VALUE) | {SETTINGS.attributes.status: "500"}


class Lambda:
    """Answers what it is told to, one answer a call and the last one again; keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [Answer(dict(FOUND))]
        self.events: list[dict[str, Any]] = []
        self.seconds: list[float] = []

    def __call__(self, event: dict[str, Any], seconds: float) -> Answer:
        self.events.append(event)
        self.seconds.append(seconds)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def contact(channel: str = "VOICE", endpoint: dict[str, str] | None = CALLER, **attributes: str) -> Contact:
    return Contact("c-1", "c-1", channel, "connect:Telephony", endpoint, attributes)


def deployed(function: Lambda, **given: Any) -> Runner:
    """Return a runner of the flows that are deployed; `given` replaces its arguments."""
    main = flows.main_flow(SETTINGS, lambda_arn="lambda", guide_flow_arn="guide", queue_arn="queue")
    arguments: dict[str, Any] = {
        "flows": {"main": main, "guide": flows.guide_flow(SETTINGS, view_arn="view")},
        "views": {"view": flows.view(SETTINGS)},
        "queues": {"queue": "BasicQueue"},
        "applications": {SETTINGS.name},
        "invoke": function,
    }
    return Runner(**{**arguments, **given})


def action(kind: str, parameters: dict[str, Any], **errors: str) -> dict[str, Any]:
    """Return an action "it" that leads to "good", and by its errors to where they say."""
    ways = [{"ErrorType": error, "NextAction": to} for error, to in errors.items()]
    return {
        "Identifier": "it",
        "Type": kind,
        "Parameters": parameters,
        "Transitions": {"NextAction": "good", "Errors": ways},
    }


def run(*actions: dict[str, Any], who: Contact | None = None, function: Lambda | None = None) -> Outcome:
    """Run a flow of these actions; "good" and "bad" end it."""
    ends: list[dict[str, Any]] = [
        {"Identifier": name, "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}
        for name in ("good", "bad")
    ]
    flow = {"StartAction": actions[0]["Identifier"], "Actions": [*actions, *ends]}
    runner = deployed(function or Lambda(), flows={"main": flow})
    return runner.run("main", who or contact())


def last(outcome: Outcome) -> str:
    """Return where the action under test led: the identifier of the last step."""
    return str(outcome.steps[-1]["id"])


# -- the deployed flows ------------------------------------------------------------------------------------------------


def test_a_call_gets_its_attributes_its_queue_and_the_app_of_the_guides_view() -> None:
    outcome = deployed(Lambda()).run("main", contact())
    assert outcome.error is None
    assert outcome.attributes == FOUND
    assert outcome.queue == {"name": "BasicQueue", "arn": "queue"}
    assert outcome.app == {"name": SETTINGS.name, "path": ""}
    assert [step["flow"] for step in outcome.steps] == ["main"] * 9 + ["guide"]
    assert [step["error"] for step in outcome.steps] == [""] * 10
    assert all(set(step) == {"flow", "id", "type", "detail", "outcome", "error", "ms"} for step in outcome.steps)


def test_what_was_on_the_contact_before_stays() -> None:
    assert deployed(Lambda()).run("main", contact(Tier="gold")).attributes["Tier"] == "gold"


@pytest.mark.parametrize(
    ("typed", "given"), [("2065550100#9", "2065550100"), ("", NOTHING_TYPED), ("1" * 30, "1" * 20)]
)
def test_an_anonymous_caller_is_asked_and_the_lambda_gets_what_was_typed(typed: str, given: str) -> None:
    function = Lambda()
    deployed(function).run("main", contact(endpoint=None), typed)
    assert function.events[0]["Details"]["Parameters"] == {TYPED: given}


@pytest.mark.parametrize(
    "address", [*WITHHELD_NUMBERS, "anonymous", "+12065550100@sip.example.com", "sip:+12065550100"]
)
def test_a_caller_whose_number_is_withheld_or_none_is_asked(address: str) -> None:
    function = Lambda()
    deployed(function).run("main", contact(endpoint={"address": address, "type": "TELEPHONE_NUMBER"}), "2065550100#")
    assert function.events[0]["Details"]["Parameters"] == {TYPED: "2065550100"}


def test_a_web_call_is_not_asked_and_its_attributes_go_to_the_lambda() -> None:
    function = Lambda()
    web = Contact("c-1", "c-1", "VOICE", "connect:WebRTC", None, {"HostedWidget-email": "ana@example.com"})
    outcome = deployed(function).run("main", web, "2065550100#")
    assert "GetParticipantInput" not in [step["type"] for step in outcome.steps]
    details = function.events[0]["Details"]
    assert details["Parameters"] == {}
    assert details["ContactData"]["Attributes"] == {"HostedWidget-email": "ana@example.com"}
    assert details["ContactData"]["SegmentAttributes"] == {"connect:Subtype": {"ValueString": "connect:WebRTC"}}


@pytest.mark.parametrize("channel", ["VOICE", "CHAT", "TASK", "EMAIL"])
def test_what_an_earlier_flow_stored_is_not_what_the_caller_typed(channel: str) -> None:
    function = Lambda()
    deployed(function).run("main", Contact("c-1", "c-1", channel, "", CALLER, {}, stored="4111111111111111"))
    assert function.events[0]["Details"]["Parameters"] == {}


def test_what_was_typed_here_takes_the_place_of_what_an_earlier_flow_stored() -> None:
    function = Lambda()
    asked = Contact("c-1", "c-1", "VOICE", "", None, {}, stored="4111111111111111")
    for typed, given in (("2065550100#", "2065550100"), ("", NOTHING_TYPED)):
        deployed(function).run("main", asked, typed)
        assert function.events.pop()["Details"]["Parameters"] == {TYPED: given}


@pytest.mark.parametrize("channel", ["CHAT", "TASK", "EMAIL"])
def test_nobody_but_a_caller_is_asked_for_a_number(channel: str) -> None:
    outcome = deployed(Lambda()).run("main", contact(channel, None), "123#")
    assert "GetParticipantInput" not in [step["type"] for step in outcome.steps]
    assert outcome.queue is not None


@pytest.mark.parametrize(
    "answer", [Answer(error="it did not answer"), Answer({"Name": 1}), Answer("text"), Answer(None)]
)
def test_a_lambda_that_fails_costs_the_contact_its_attributes_and_nothing_else(answer: Answer) -> None:
    outcome = deployed(Lambda(answer)).run("main", contact())
    assert outcome.error is None
    assert outcome.attributes == NO_ANSWER
    assert outcome.queue is not None
    assert outcome.app is not None
    assert next(step for step in outcome.steps if step["id"] == "look-up")["error"].startswith("NoMatchingError: ")


def test_an_attribute_name_that_flow_and_lambda_spell_differently_is_told_on_the_step() -> None:
    answer = {**FOUND, "contactUrlPaht": "https://crm.example.com/"}
    del answer["contactUrlPath"]
    outcome = deployed(Lambda(Answer(answer))).run("main", contact())
    step = next(step for step in outcome.steps if step["type"] == "UpdateContactAttributes")
    assert "$.External.contactUrlPath: the Lambda's answer has no contactUrlPath" in step["error"]
    # All attributes of a block are set or none, and an attribute that has no value may be refused.
    assert outcome.attributes == NO_ANSWER


def test_a_contact_that_comes_again_keeps_nothing_of_an_earlier_look_up() -> None:
    before = dict.fromkeys(SETTINGS.attribute_names().values(), "https://crm.example.com/customers/somebody-else")
    for function, after in ((Lambda(), FOUND), (Lambda(Answer(error="it did not answer")), NO_ANSWER)):
        again = Contact("c-1", "c-1", "VOICE", "connect:Telephony", CALLER, before)
        assert deployed(function).run("main", again).attributes == after


def test_a_view_that_names_another_application_is_an_error() -> None:
    outcome = deployed(Lambda(), applications={"Popdesk 2"}).run("main", contact())
    assert outcome.app is None
    assert outcome.error is not None
    assert "no application named exactly 'Popdesk'" in outcome.error["reason"]


# -- the Lambda --------------------------------------------------------------------------------------------------------


def test_the_event_is_shaped_as_amazon_connects() -> None:
    event = lambda_event(contact(Tier="gold"), {"Tier": "gold"}, {"CustomerPhoneInput": "1"})
    assert event["Name"] == "ContactFlowEvent"
    assert event["Details"]["Parameters"] == {"CustomerPhoneInput": "1"}
    data = event["Details"]["ContactData"]
    assert data["Attributes"] == {"Tier": "gold"}
    assert data["CustomerEndpoint"] == {"Address": "+12065550100", "Type": "TELEPHONE_NUMBER"}
    assert (data["Channel"], data["InitiationMethod"], data["Queue"]) == ("VOICE", "INBOUND", None)
    assert data["SegmentAttributes"] == {"connect:Subtype": {"ValueString": "connect:Telephony"}}
    # Every key of AWS's own example (docs.aws.amazon.com/lambda/latest/dg/services-connect.html).
    assert set(data) >= {
        "Attributes",
        "Channel",
        "ContactId",
        "CustomerEndpoint",
        "InitialContactId",
        "InitiationMethod",
        "InstanceARN",
        "PreviousContactId",
        "Queue",
        "SystemEndpoint",
    }


def test_a_chat_has_no_endpoint_and_a_transferred_contact_says_so() -> None:
    chat = lambda_event(contact("CHAT", None), {}, {})["Details"]["ContactData"]
    assert (chat["CustomerEndpoint"], chat["InitiationMethod"]) == (None, "API")
    moved = Contact("c-2", "c-1", "VOICE", "", CALLER, {})
    data = lambda_event(moved, {}, {})["Details"]["ContactData"]
    assert (data["InitiationMethod"], data["InitialContactId"], data["ContactId"]) == ("TRANSFER", "c-1", "c-2")


def test_the_lambda_has_the_flows_time_limit() -> None:
    function = Lambda()
    deployed(function).run("main", contact())
    assert function.seconds == [float(flows.lambda_seconds(SETTINGS))]


def test_a_lambda_that_raises_is_asked_again_within_the_same_time() -> None:
    function = Lambda(Answer(error="it raised", again=True), Answer(dict(FOUND)))
    outcome = deployed(function).run("main", contact())
    assert outcome.attributes == FOUND
    assert len(function.events) == 2
    assert function.seconds[1] <= function.seconds[0]


def test_a_lambda_that_goes_on_raising_is_given_up_and_one_out_of_time_is_not_asked_again() -> None:
    raising, late = Lambda(Answer(error="it raised", again=True)), Lambda(Answer(error="too late"))
    assert deployed(raising).run("main", contact()).attributes == NO_ANSWER
    assert len(raising.events) == 1 + RETRIES
    deployed(late).run("main", contact())
    assert len(late.events) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, ""),
        ({"a": "b"}, ""),
        ({"statusCode": 200}, "'statusCode' is int"),
        ({"a": None}, "'a' is NoneType"),
        ({"a": {"b": "c"}}, "'a' is dict"),
        (["a"], "list, not an object"),
        ({"a": "é" * (LIMIT_BYTES // 2)}, "bytes"),
        ({"a": "x" * (LIMIT_BYTES - 1)}, ""),
    ],
)
def test_string_map(value: object, said: str) -> None:
    reason = not_a_string_map(value)
    assert (said in reason) if said else reason == ""


# -- each action -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("UpdateContactAttributes", {"Attributes": {"full name": "Ana"}}, "'full name' is no attribute name"),
        ("UpdateContactAttributes", {"Attributes": {"a": "x" * LIMIT_BYTES}}, "bytes of attributes"),
        ("UpdateContactAttributes", {"Attributes": {"a": "b", "c": ""}}, "c: an attribute may not be set to nothing"),
        ("UpdateContactAttributes", {"Attributes": {"a": "$.Queue.Name"}}, "a: an attribute may not be set to nothing"),
        ("UpdateContactEventHooks", {"EventHooks": {"DefaultAgentUI": "nowhere"}}, "no flow nowhere"),
        ("UpdateContactEventHooks", {"EventHooks": {"DefaultAgentUI": "guide", "Other": "guide"}}, "exactly one"),
        ("UpdateContactTargetQueue", {"QueueId": "nowhere"}, "no queue nowhere"),
        ("TransferContactToQueue", {}, "no queue has been set"),
        ("ShowView", {"ViewResource": {"Id": "nowhere:$LATEST"}}, "no view nowhere"),
    ],
)
def test_an_actions_error_is_told_and_leads_where_the_flow_says(
    kind: str, parameters: dict[str, Any], said: str
) -> None:
    outcome = run(action(kind, parameters, NoMatchingError="bad"))
    assert said in outcome.steps[0]["error"]
    assert outcome.steps[0]["outcome"] == "bad"
    assert last(outcome) == "bad"


@pytest.mark.parametrize(
    ("operator", "operand", "value", "holds"),
    [
        ("Equals", "VOICE", "VOICE", True),
        ("Equals", "voice", "VOICE", False),
        ("TextStartsWith", "+1", "+1206", True),
        ("TextEndsWith", "06", "+1206", True),
        ("TextContains", "20", "+1206", True),
        ("TextContains", "99", "+1206", False),
        ("NumberGreaterThan", "2", "10", True),
        ("NumberLessOrEqualTo", "2", "10", False),
        ("NumberLessThan", "2", "many", False),
    ],
)
def test_compare(operator: str, operand: str, value: str, holds: bool) -> None:
    compare = action("Compare", {"ComparisonValue": "$.Attributes.it"}, NoMatchingCondition="bad")
    compare["Transitions"]["Conditions"] = [
        {"NextAction": "good", "Condition": {"Operator": operator, "Operands": [operand]}}
    ]
    assert last(run(compare, who=contact(it=value))) == ("good" if holds else "bad")


@pytest.mark.parametrize(
    ("reference", "stands_for"),
    [
        ("$.Channel", "VOICE"),
        ("$.ContactId", "c-1"),
        ("$.CustomerEndpoint.Address", "+12065550100"),
        ("$.CustomerEndpoint.Type", "TELEPHONE_NUMBER"),
        ("$.Attributes.Tier", "gold"),
        ("$.StoredCustomerInput", ""),
        ("$.Queue.Name", ""),
        ("$.SegmentAttributes['connect:Subtype']", "connect:Telephony"),
        ("$.SegmentAttributes['connect:Direction']", ""),
        ("plain $.text", "plain $.text"),
    ],
)
def test_references(reference: str, stands_for: str) -> None:
    outcome = run(
        action("Compare", {"ComparisonValue": reference}, NoMatchingCondition="good"), who=contact(Tier="gold")
    )
    assert outcome.steps[0]["detail"] == {"value": stands_for}
    assert outcome.steps[0]["error"] == ""


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("$.Attributes.Tire", "the contact has no attribute Tire"),
        ("$.External.Name", "no Lambda has been invoked yet"),
    ],
)
def test_a_reference_to_what_is_not_there_is_told_and_sets_nothing(reference: str, said: str) -> None:
    update = action("UpdateContactAttributes", {"Attributes": {"it": reference, "other": "x"}}, NoMatchingError="bad")
    outcome = run(update, who=contact(Tier="gold"))
    assert outcome.attributes == {"Tier": "gold"}
    assert said in outcome.steps[0]["error"]


# -- what cannot be run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (action("PlayPrompt", {"Text": "Hello"}), "PlayPrompt"),
        (action("UpdateContactAttributes", {"Attributes": {"it": "$.Chanel"}}), "$.Chanel"),
        (action("UpdateContactAttributes", {"Attributes": {"it": "$.CustomerEndpoint"}}), "its value is not a string"),
        (
            action("UpdateContactAttributes", {"Attributes": {"it": "$.SegmentAttributes.connect:Subtype"}}),
            "is not a string",
        ),
        (action("UpdateContactAttributes", {}), "KeyError: 'Attributes'"),
        (action("UpdateContactEventHooks", {"EventHooks": {"CustomerQueue": "guide"}}), "CustomerQueue"),
        (action("InvokeLambdaFunction", {"InvocationTimeLimitSeconds": "soon"}), "ValueError"),
        (action("TransferContactToQueue", {}), "is handled nowhere"),
        ({**action("UpdateContactAttributes", {"Attributes": {}}), "Transitions": {"NextAction": "gone"}}, "'gone'"),
    ],
)
def test_what_the_runner_cannot_do_is_an_error_that_names_it(spoilt: dict[str, Any], said: str) -> None:
    outcome = run(spoilt)
    assert outcome.error is not None
    assert said in " ".join(outcome.error.values())


def test_a_flow_that_never_ends_is_ended() -> None:
    first = {**action("UpdateContactAttributes", {"Attributes": {}}), "Transitions": {"NextAction": "it"}}
    outcome = run(first)
    assert outcome.error is not None
    assert "look for a loop" in outcome.error["hint"]


def test_a_flow_that_hangs_up_before_the_queue_says_so() -> None:
    outcome = run(action("UpdateContactAttributes", {"Attributes": {}}))
    assert outcome.error is not None
    assert outcome.error["reason"] == "it ended the contact before an agent got it"


# -- where the API is enabled: the contact's token is a secret ---------------------------------------------------------------

API = with_api(SETTINGS)
TOKEN = "eyJhbGciOi.a-token.of-this-test"
SIGNED = dict.fromkeys(API.attribute_names().values(), NO_VALUE) | {API.attributes.token: TOKEN}


def signing(flow: Flow) -> Outcome:
    runner = deployed(
        Lambda(Answer(dict(SIGNED))),
        flows={"main": flow, "guide": flows.guide_flow(API, view_arn="view")},
        secrets=[API.attributes.token],
    )
    return runner.run("main", contact())


def test_the_contact_has_its_token_and_no_step_shows_it() -> None:
    outcome = signing(flows.main_flow(API, lambda_arn="lambda", guide_flow_arn="guide", queue_arn="queue"))
    assert outcome.error is None
    assert outcome.attributes == SIGNED
    assert TOKEN not in str(outcome.steps)
    assert str(outcome.steps).count("(not shown)") == 2  # the Lambda's answer, and the attributes


def test_a_flow_that_would_log_the_token_is_refused() -> None:
    flow = flows.main_flow(API, lambda_arn="lambda", guide_flow_arn="guide", queue_arn="queue")
    switch = next(action for action in flow["Actions"] if action["Identifier"] == "quiet")
    switch["Parameters"]["FlowLoggingBehavior"] = "Enabled"
    outcome = signing(flow)
    assert outcome.error
    assert "a secret" in outcome.error["reason"]
    assert TOKEN not in str(outcome.error) + str(outcome.steps)


def test_logging_is_on_or_off() -> None:
    outcome = run(action("UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": "Off"}))
    assert outcome.error
    assert "not Enabled or Disabled" in outcome.error["reason"]
