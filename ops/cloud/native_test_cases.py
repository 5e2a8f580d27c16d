"""Amazon Connect's own test cases, made from our scenarios: the same call against a team's instance.

    scenario = read_scenario(file)                # needs no AWS
    for case in native_test_cases(scenario, stack, settings.aws.instance_arn):
        case.request      # the parameters of CreateTestCase
        case.left_out     # what the scenario says and a test case cannot, in words

A scenario is played without a workspace: each contact that it offers becomes a test case, each attribute that it compares an
assertion. A test case ends where the contact would be queued, so that no agent is called: what happens at the desk is left out.

The language of `Content` is docs.aws.amazon.com/connect/latest/devguide/testing-language.html. What that page leaves open was
taken from public projects that ran theirs: the version is the flow language's, no `Usage`, and the caller's number is
`SourcePhoneNumber` beside `FlowId`, without `DestinationPhoneNumber`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.cloud.stack import Stack, StackMissing
from ops.errors import UserError
from ops.preview.scenario import Desk, load_scenario, play_scenario
from ops.settings import ROOT

VERSION = "2019-10-30"
_ENTRY_POINTS = {"VOICE": "VOICE_CALL", "CHAT": "CHAT"}
_AT_THE_DESK = {"end": "acw", "accept": "connected", "miss": "missed"}
CUSTOMERS = ROOT / "lambda" / "lookup" / "adapters" / "sample.json"


@dataclass(frozen=True)
class NativeTestCase:
    """A request of CreateTestCase, and what of its scenario it does not say."""

    request: dict[str, Any]
    left_out: tuple[str, ...]


@dataclass
class _Contact:
    """What a scenario says of one contact."""

    id: str
    offer: dict[str, Any]
    state: str = "incoming"
    expected: dict[str, str] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Scenario:
    """The calls and chats that a scenario offers, one at least, and what else it does, in words."""

    file: Path
    contacts: list[_Contact]
    notes: list[str]


class _Value(str):
    """An attribute's value that nobody knows yet: to compare it says what it should be."""

    __slots__ = ("contact", "name")
    contact: _Contact
    name: str

    def __eq__(self, other: object) -> bool:
        self.contact.expected.setdefault(self.name, str(other))
        return True

    __hash__ = str.__hash__


class _Attributes(dict[str, Any]):
    def __init__(self, contact: _Contact) -> None:
        super().__init__(contact.changed)
        self.contact = contact

    def __missing__(self, name: str) -> str:
        value = _Value()
        value.contact, value.name = self.contact, name
        return value

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 (the live flow sets every attribute)
        return self[name]


class _RecordingDesk(Desk):
    """A desk that does nothing but remember: no workspace, no pause, no waiting."""

    def __init__(self) -> None:
        super().__init__(self._record, pace=0)
        self.contacts: list[_Contact] = []
        self.commands: list[str] = []

    def _record(self, name: str, /, **arguments: Any) -> Any:
        if name == "offer":
            self.contacts.append(_Contact(f"contact-{len(self.contacts) + 1}", arguments))
            return {"contactId": self.contacts[-1].id}
        if name == "look":
            there = [one for one in self.contacts if one.state != "cleared"]
            return {
                "contacts": [self._looked_at(one) for one in there],
                "apps": [{"contactId": one.id} for one in there],
            }
        contact = next((one for one in self.contacts if one.id == arguments.get("contact")), None)
        if contact is not None:
            contact.state = "cleared" if name == "clear" else _AT_THE_DESK.get(name, contact.state)
            if name == "attributes":
                contact.changed |= arguments["values"]
        if name not in self.commands:
            self.commands.append(name)
        return None

    def _looked_at(self, one: _Contact) -> dict[str, Any]:
        shown = {"contactId": one.id, "initialContactId": one.id, "channel": one.offer.get("channel", "VOICE")}
        return {**shown, "state": one.state, "attributes": _Attributes(one), "error": ""}

    def wait_for(self, condition: Any, what: str, seconds: float = 10.0) -> None:
        """Remember that it was waited for something."""
        del condition, seconds
        self.commands.append(f"wait for {what.replace(' to be ', ': ')}")


def read_scenario(file: Path) -> Scenario:
    """Return what a scenario says, played at a desk that does nothing.

    Raises UserError where it cannot be loaded or offers nothing that a test case could be.
    """
    desk = _RecordingDesk()
    notes: list[str] = []
    try:
        play_scenario(file, load_scenario(file), desk)
    except UserError as error:
        if not desk.contacts:
            raise
        notes.append(f"from {error.subject} on: {error.reason}")
    if desk.commands:
        notes.append(f"what happens at the desk, behind the queue: {', '.join(desk.commands)}")
    found = [one for one in desk.contacts if _channel(one) in _ENTRY_POINTS]
    others = sorted({_channel(one) for one in desk.contacts} - set(_ENTRY_POINTS))
    if others:
        notes.append(f"contacts of the channel {', '.join(others)}: test cases are calls and chats")
    if not found:
        raise UserError(str(file), "it has neither a call nor a chat to make a test case of", "name another scenario")
    return Scenario(file, found, notes)


def native_test_cases(scenario: Scenario, stack: Stack, instance: str) -> list[NativeTestCase]:
    """Return a test case for each call and chat of a scenario, which it uses up: it is read again for another stack.

    A test case names the flow, the look-up and the queue that were released, by their ARNs. Raises UserError where the stack
    does not have them.
    """
    missing = {"MainFlowArn", "LookupArn", "Queue"} - set(stack.outputs)
    if missing:
        raise StackMissing(stack.name, f"it has no {', '.join(sorted(missing))}", "release first: `deploy.py`")
    found = scenario.contacts
    requests = [_request(scenario.file, number, one, stack, instance) for number, one in enumerate(found, start=1)]
    return [
        NativeTestCase(request, (*one.left_out, *scenario.notes)) for request, one in zip(requests, found, strict=True)
    ]


def _channel(contact: _Contact) -> str:
    return str(contact.offer.get("channel", "VOICE")).upper()


def _request(file: Path, number: int, contact: _Contact, stack: Stack, instance: str) -> dict[str, Any]:
    kind = _ENTRY_POINTS[_channel(contact)]
    parameters: dict[str, Any] = {"FlowId": stack.outputs["MainFlowArn"].rpartition("/")[2]}
    address = _address(contact)
    if kind == "CHAT" and address:
        contact.left_out.append("who writes: a test case's chat has no address (give attributes=...)")
    elif kind == "VOICE_CALL" and address.startswith("+"):
        parameters["SourcePhoneNumber"] = address
    elif kind == "VOICE_CALL":
        contact.left_out.append("a call without a number: the test case's number is Amazon Connect's choice")
    for name in ("typed", "initial", "subtype", "name", "contact"):
        if contact.offer.get(name):
            contact.left_out.append(f"offer({name}=...)")
    parameters_name = "VoiceCallEntryPointParameters" if kind == "VOICE_CALL" else "ChatEntryPointParameters"
    entry_point: dict[str, Any] = {"Type": kind, parameters_name: parameters}
    request: dict[str, Any] = {
        "InstanceId": instance,
        "Name": f"{stack.name} {file.stem} {number}",
        "Description": f"Made of the scenario {file.name}; ends before an agent is called",
        "Status": "PUBLISHED",  # what is only saved is neither checked nor can it be run
        "EntryPoint": entry_point,
        "Content": json.dumps(_content(contact, stack)),
    }
    given = {key: value for key, value in (contact.offer.get("attributes") or {}).items() if value is not None}
    if given:
        request["InitializationData"] = json.dumps({"Attributes": given})
    return request


def _address(contact: _Contact) -> str:
    wanted = contact.offer.get("customer", "")
    for customer in json.loads(CUSTOMERS.read_text("utf-8")) if wanted else []:
        if wanted in (customer["id"], customer["name"]):
            contact.left_out.append(f"that your directory knows {wanted}: here it is the sample's {customer['phone']}")
            return str(customer["phone"])
    if wanted:
        contact.left_out.append(f"the customer {wanted}, whom lambda/lookup/adapters/sample.json does not have")
    return str(contact.offer.get("address", ""))


def _content(contact: _Contact, stack: Stack) -> dict[str, Any]:
    """Return the test: the look-up is called, the contact is about to be queued, its attributes are as expected, the end."""
    asserted = [
        {"Namespace": f"$.Attributes.{name}", "Operator": "Equals", "Operand": value}
        for name, value in contact.expected.items()
    ]
    end: dict[str, Any] = {"ActionType": "TestControl", "Command": {"Type": "EndTest"}}
    actions: list[tuple[str, dict[str, Any]]] = [*(("Assert", each) for each in asserted), ("TestControl", end)]
    observations: list[tuple[str, str, dict[str, Any], list[tuple[str, dict[str, Any]]]]] = [
        ("started", "TestInitiated", {}, []),
        (
            "look-up",
            "FlowActionStarted",
            _flow_action("InvokeLambdaFunction", LambdaFunctionARN=stack.outputs["LookupArn"]),
            [],
        ),
        (
            "queued",
            "FlowActionStarted",
            _flow_action("TransferContactToQueue", QueueId=stack.outputs["Queue"]),
            actions,
        ),
    ]
    following = [[name] for name, *_ in observations[1:]] + [[]]
    return {
        "Version": VERSION,
        "Metadata": {},
        "Observations": [
            {
                "Identifier": name,
                "Event": {"Identifier": f"{name}-event", "Type": kind, "Actor": "System", "Properties": properties},
                "Actions": _chained(name, steps),
                "Transitions": {"NextObservations": then},
            }
            for (name, kind, properties, steps), then in zip(observations, following, strict=True)
        ],
    }


def _flow_action(kind: str, **parameters: str) -> dict[str, Any]:
    return {"ActionType": kind, "ActionParameters": parameters}


def _chained(name: str, steps: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    last = len(steps)
    return [
        {
            "Identifier": f"{name}-{number}",
            "Type": kind,
            "Parameters": parameters,
            "Transitions": {"NextAction": f"{name}-{number + 1}"} if number < last else {},
        }
        for number, (kind, parameters) in enumerate(steps, start=1)
    ]
