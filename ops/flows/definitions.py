"""The contact flows and the view, as data: what the template deploys is what preview runs (ops/flows/runner.py).

    main_flow(settings, lambda_arn=..., guide_flow_arn=..., queue_arn=...)   # from the call to the queue
    guide_flow(settings, view_arn=...)                                       # what opens the page for the agent
    view(settings)                                                           # the page in a step-by-step guide's view
    problems(main_flow(...))                                                 # -> [] or what Amazon Connect would refuse

The main flow never loses a contact: every error leads on to the queue. Actions and their parameters are
those of docs.aws.amazon.com/connect/latest/APIReference/flow-language-actions.html; where that page leaves something
open (the longest ShowView, see `VIEW_SECONDS`), a constant here says what was assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from flow_contract import NO_VALUE, TYPED, WEB_CALL, WITHHELD_NUMBERS

from ops.settings import Settings

Flow = dict[str, Any]

VERSION = "2019-10-30"
# The longest a flow waits for a Lambda function, in seconds
# (docs.aws.amazon.com/connect/latest/APIReference/contact-actions-invokelambdafunction.html).
LONGEST_LAMBDA_SECONDS = 8
# How long the guide's view is shown before it is shown again. The documentation's example has 400 and names no limit.
VIEW_SECONDS = 400
# What the attribute `status` says where the Lambda itself did not answer; its own are in lambda/lookup/answers.py.
NO_ANSWER = "500"


def main_flow(settings: Settings, *, lambda_arn: str, guide_flow_arn: str, queue_arn: str) -> Flow:
    """Return the main flow: ask a caller without a number for one, look the customer up, prepare the page, queue.

    A web call is not asked: it has no number, and its attributes say who it is. The Lambda gets what was stored only where
    this flow has asked: `$.StoredCustomerInput` may hold what an earlier flow of the contact stored, a card's number for
    example. Every attribute is set whatever happens, to `NO_VALUE` where there is nothing (lambda/lookup/flow_contract.py).
    The ARNs may be `${Name}` placeholders that Fn::Sub fills in. Where a service opens the page, there is no guide to prepare.

    Where the API is enabled, the flow's log is off from the look-up until the attributes are set: the log has what a Lambda
    answered and what attributes are set to, and the contact's token is one of them.
    """
    names = [*settings.attribute_names().values(), *settings.fields.values()]
    answer = {name: f"$.External.{name}" for name in names}
    no_answer = dict.fromkeys(names, NO_VALUE) | {settings.attributes.status: NO_ANSWER}
    signs = "token" in settings.attribute_names()
    opens = "page" if settings.opens == "guide" else "queue"
    look_up, typed, page = ("quiet", "quiet-typed", "log") if signs else ("look-up", "look-up-typed", opens)
    quiet = [
        _logging("quiet-typed", "Disabled", then="look-up-typed"),
        _logging("quiet", "Disabled", then="look-up"),
    ]
    withheld = [("Equals", number, "ask-number") for number in WITHHELD_NUMBERS]
    return _flow(
        _action(
            "channel",
            "Compare",
            {"ComparisonValue": "$.Channel"},
            conditions=[("Equals", "VOICE", "web-call")],
            errors={"NoMatchingCondition": look_up},
        ),
        _action(
            "web-call",
            "Compare",
            {"ComparisonValue": "$.SegmentAttributes['connect:Subtype']"},
            conditions=[("Equals", WEB_CALL, look_up)],
            errors={"NoMatchingCondition": "withheld"},
        ),
        # Two blocks for the caller's address: that conditions are tried in their order is not documented.
        _action(
            "withheld",
            "Compare",
            {"ComparisonValue": "$.CustomerEndpoint.Address"},
            conditions=[*withheld, ("TextContains", "@", "ask-number")],  # a SIP call's is no number either
            errors={"NoMatchingCondition": "caller"},
        ),
        _action(
            "caller",
            "Compare",
            {"ComparisonValue": "$.CustomerEndpoint.Address"},
            conditions=[("TextStartsWith", "+", look_up)],
            errors={"NoMatchingCondition": "ask-number"},
        ),
        _action(
            "ask-number",
            "GetParticipantInput",
            {
                "Text": "Please enter your phone number, then press the pound key.",
                "InputTimeLimitSeconds": "5",
                "StoreInput": "True",
                "InputValidation": {"CustomValidation": {"MaximumLength": "20"}},
                "DTMFConfiguration": {"InputTerminationSequence": "#"},
            },
            then=typed,
            errors={"NoMatchingError": look_up},
        ),
        *(quiet if signs else ()),
        _look_up("look-up-typed", settings, lambda_arn, {TYPED: "$.StoredCustomerInput"}),
        _look_up("look-up", settings, lambda_arn, {}),
        _action(
            "attributes",
            "UpdateContactAttributes",
            {"Attributes": answer, "TargetContact": "Current"},
            then=page,
            errors={"NoMatchingError": "no-answer"},
        ),
        _action(
            "no-answer",
            "UpdateContactAttributes",
            {"Attributes": no_answer, "TargetContact": "Current"},
            then=page,
            errors={"NoMatchingError": page},
        ),
        *([_logging("log", "Enabled", then=opens)] if signs else ()),
        *([_guide(guide_flow_arn)] if settings.opens == "guide" else ()),
        _action(
            "queue",
            "UpdateContactTargetQueue",
            {"QueueId": queue_arn},
            then="transfer",
            errors={"NoMatchingError": "transfer"},
        ),
        _action(
            "transfer",
            "TransferContactToQueue",
            {},
            then="end",
            errors={"QueueAtCapacity": "end", "NoMatchingError": "end"},
        ),
        _action("end", "DisconnectParticipant", {}),
    )


def _guide(flow_arn: str) -> dict[str, Any]:
    return _action(
        "page",
        "UpdateContactEventHooks",
        {"EventHooks": {"DefaultAgentUI": flow_arn}},
        then="queue",
        errors={"NoMatchingError": "queue"},
    )


def _look_up(identifier: str, settings: Settings, lambda_arn: str, given: dict[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "LambdaFunctionARN": lambda_arn,
        "InvocationTimeLimitSeconds": str(lambda_seconds(settings)),
        "InvocationType": "SYNCHRONOUS",
        "ResponseValidation": {"ResponseType": "STRING_MAP"},
    }
    if given:
        parameters["LambdaInvocationAttributes"] = given
    return _action(
        identifier, "InvokeLambdaFunction", parameters, then="attributes", errors={"NoMatchingError": "no-answer"}
    )


def _logging(identifier: str, behavior: str, *, then: str) -> dict[str, Any]:
    return _action(identifier, "UpdateFlowLoggingBehavior", {"FlowLoggingBehavior": behavior}, then=then)


def guide_flow(settings: Settings, *, view_arn: str) -> Flow:
    """Return the flow that shows the page to the agent; the page is never done, so it is shown again after its time."""
    del settings  # the view knows the application; the parameter is here so that both flows are called alike
    return _flow(
        _action(
            "show",
            "ShowView",
            {
                "ViewResource": {"Id": f"{view_arn}:$LATEST"},
                "InvocationTimeLimitSeconds": str(VIEW_SECONDS),
                "ViewData": {},
            },
            then="end",
            errors={"NoMatchingCondition": "end", "NoMatchingError": "end", "TimeLimitExceeded": "show"},
        ),
        _action("end", "DisconnectParticipant", {}),
    )


def view(settings: Settings) -> dict[str, Any]:
    """Return the content of the guide's view: the application, found by its name, fills it.

    There is no `Path`: an empty string would be refused, and the page is at its origin's root.
    """
    application = {
        "_id": "application",
        "Type": "Application",
        "Props": {"AppIdentifier": settings.name},
        "Content": [],
    }
    return {
        "Head": {"Title": settings.name, "Configuration": {"Layout": {"Columns": ["12"]}}},
        "Body": [{"_id": "container", "Type": "Container", "Props": {}, "Content": [application]}],
    }


def lambda_seconds(settings: Settings) -> int:
    """Return how long the flow waits for the Lambda, in seconds: its own budget and two more to start in, 8 at most."""
    return min(LONGEST_LAMBDA_SECONDS, -(-settings.lookup.budget_ms // 1000) + 2)


def _flow(*actions: dict[str, Any]) -> Flow:
    positions = {
        action["Identifier"]: {"position": {"x": 160 + 260 * number, "y": 40}} for number, action in enumerate(actions)
    }
    return {
        "Version": VERSION,
        "StartAction": actions[0]["Identifier"],
        "Metadata": {"entryPointPosition": {"x": 20, "y": 40}, "ActionMetadata": positions},
        "Actions": list(actions),
    }


def _action(
    identifier: str,
    kind: str,
    parameters: dict[str, Any],
    *,
    then: str = "",
    conditions: Iterable[tuple[str, str, str]] = (),
    errors: dict[str, str] | None = None,
) -> dict[str, Any]:
    transitions: dict[str, Any] = {}
    if then:
        transitions["NextAction"] = then
    if errors:
        transitions["Errors"] = [{"ErrorType": error, "NextAction": action} for error, action in errors.items()]
        # A Compare has no next action but its error's; the console writes it in both places.
        transitions.setdefault("NextAction", next(iter(errors.values())))
    found = [
        {"NextAction": action, "Condition": {"Operator": operator, "Operands": [operand]}}
        for operator, operand, action in conditions
    ]
    if found:
        transitions["Conditions"] = found
    return {"Identifier": identifier, "Type": kind, "Parameters": parameters, "Transitions": transitions}


# -- what Amazon Connect would refuse ----------------------------------------------------------------------------------

# Each action's errors that must lead somewhere.
REQUIRED_ERRORS = {
    "GetParticipantInput": {"NoMatchingError"},
    "Compare": {"NoMatchingCondition"},
    "InvokeLambdaFunction": {"NoMatchingError"},
    "UpdateContactAttributes": {"NoMatchingError"},
    "UpdateContactEventHooks": {"NoMatchingError"},
    "UpdateContactTargetQueue": {"NoMatchingError"},
    "UpdateFlowLoggingBehavior": set(),
    "TransferContactToQueue": {"QueueAtCapacity", "NoMatchingError"},
    "ShowView": {"NoMatchingCondition", "NoMatchingError", "TimeLimitExceeded"},
    "DisconnectParticipant": set(),
}
_FORBIDDEN = re.compile(r"[%:(\\/)=$,;\[\]{}]")


def problems(flow: Flow) -> list[str]:
    """Return what Amazon Connect would refuse in `flow`, a sentence each; none when it is right.

    The rules: every scalar a string and none empty, identifiers of at most 50 allowed characters, at most 250 actions,
    every transition to an action that exists, every error handled, every action reachable.
    """
    found: list[str] = []
    actions = {action["Identifier"]: action for action in flow["Actions"]}
    if len(actions) != len(flow["Actions"]):
        found.append("two actions have the same identifier")
    if len(actions) > 250:
        found.append(f"{len(actions)} actions, 250 are allowed")
    if flow["StartAction"] not in actions:
        found.append(f"the start action {flow['StartAction']!r} does not exist")
    for identifier, action in actions.items():
        if len(identifier) > 50 or _FORBIDDEN.search(identifier):
            found.append(
                f"{identifier!r} is no identifier: at most 50 characters, none of % : ( \\ / ) = $ , ; [ ] {{ }}"
            )
        required = REQUIRED_ERRORS.get(action["Type"])
        if required is None:
            found.append(f"{identifier}: the action type {action['Type']!r} is not known here")
            required = set()
        handled = {error["ErrorType"] for error in action["Transitions"].get("Errors", [])}
        found += [f"{identifier}: the error {error} is handled nowhere" for error in sorted(required - handled)]
        if handled and not required and action["Type"] in REQUIRED_ERRORS:
            found.append(f"{identifier}: {action['Type']} has no errors")
        found += [
            f"{identifier}: leads to {target!r}, which does not exist"
            for target in _targets(action)
            if target not in actions
        ]
        found += [f"{identifier}: {problem}" for problem in _scalars(action["Parameters"], "Parameters")]
        for way in action["Transitions"].get("Conditions", []):
            found += [f"{identifier}: {problem}" for problem in _scalars(way["Condition"], "Condition")]
    lost = set(actions) - _reachable(actions, flow["StartAction"])
    found += [f"{identifier}: nothing leads to it" for identifier in sorted(lost)]
    return found


def _targets(action: dict[str, Any]) -> Iterator[str]:
    transitions = action["Transitions"]
    if "NextAction" in transitions:
        yield transitions["NextAction"]
    for way in (*transitions.get("Errors", []), *transitions.get("Conditions", [])):
        yield way["NextAction"]


def _reachable(actions: dict[str, dict[str, Any]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        identifier = waiting.pop()
        if identifier in actions and identifier not in seen:
            seen.add(identifier)
            waiting += _targets(actions[identifier])
    return seen


def _scalars(value: object, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _scalars(inner, f"{where}[{number}]")
    elif not isinstance(value, str):
        yield f"{where} is {value!r}: every value must be a string"
    elif not value:
        yield f"{where} is an empty string"
