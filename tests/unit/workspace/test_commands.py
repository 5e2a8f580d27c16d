"""The one command surface: what the buttons, the address and scenarios do."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from commands.address import from_address
from commands.runner import Commands
from commands.table import COMMANDS
from model.desk import NotPossible

from .conftest import Bench

OUTCOME: dict[str, Any] = {
    "attributes": {"Name": "Ada Lindqvist", "statusCode": "200"},
    "queue": {"name": "BasicQueue", "arn": ""},
    "app": {"name": "Popdesk", "path": ""},
    "steps": [{"id": "channel", "type": "Compare"}],
    "error": None,
}
CUSTOMERS = [{"id": "C-1", "name": "Ada Lindqvist", "phone": "+12025550123", "email": "ada@example.com"}]


class Panels:
    """Stands in for panels.page.Page, which needs a DOM."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str | None]] = []

    def open_panel(self, name: str = "", filter: str | None = None) -> None:
        self.opened.append((name, filter))


class Hand:
    """Does commands one after the other, as a person would."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.flows: list[tuple[Any, str]] = []
        self.outcome: dict[str, Any] = OUTCOME
        self.page = Panels()
        self.commands = Commands(bench.apps, self._flow, self.page)
        self.commands.config = {"app": {"name": "Popdesk"}, "customers": CUSTOMERS}

    async def _flow(self, contact: Any, typed: str) -> dict[str, Any]:
        self.flows.append((contact, typed))
        return self.outcome

    def do(self, name: str, /, **args: Any) -> Any:
        return asyncio.run(self.commands.command(name, args))

    def planned_answer(self, request: str) -> list[Any] | None:
        plan = self.bench.faults.plan(request)
        assert plan is not None
        return plan.answer

    def address(self, query: str) -> None:
        for name, args in from_address(query):
            self.do(name, **args)


@pytest.fixture
def hand(bench: Bench) -> Hand:
    return Hand(bench)


def test_the_parameters_listed_are_those_of_the_functions() -> None:
    assert len(COMMANDS) == 45
    for name, command in COMMANDS.items():
        assert tuple(inspect.signature(command.function).parameters)[1:] == command.parameters, name


def test_offering_a_sample_customer_runs_the_flow_rings_and_opens_the_app(hand: Hand) -> None:
    contact_id = hand.do("offer", customer="C-1")["contactId"]
    contact = hand.bench.desk.contact(contact_id)
    assert (contact.state, contact.address, contact.name) == ("incoming", "+12025550123", "Ada Lindqvist")
    assert contact.attributes == OUTCOME["attributes"]
    assert contact.queue is not None
    assert contact.queue["name"] == "BasicQueue"
    assert contact.steps == OUTCOME["steps"]
    (instance,) = hand.bench.apps.instances
    assert (instance.contact_id, instance.visible) == (contact_id, True)


@pytest.mark.parametrize(
    ("channel", "address", "kind"),
    [("VOICE", "+12025550123", "TELEPHONE_NUMBER"), ("EMAIL", "ada@example.com", "EMAIL_ADDRESS")],
)
def test_each_channel_has_its_customers_address(hand: Hand, channel: str, address: str, kind: str) -> None:
    hand.do("offer", customer="Ada Lindqvist", channel=channel.lower())
    (contact,) = hand.bench.desk.contacts
    assert (contact.channel, contact.address, contact.address_type) == (channel, address, kind)


def test_an_anonymous_caller_has_no_endpoint(hand: Hand) -> None:
    hand.do("offer", typed="2025550123")
    ((contact, typed),) = hand.flows
    assert (contact.address, contact.address_type, typed) == ("", "", "2025550123")


def test_an_event_is_told_again_with_an_attribute_that_changes_each_time(hand: Hand) -> None:
    hand.do("offer", customer="C-1", accept=True)
    (contact,) = hand.bench.desk.contacts
    (instance,) = hand.bench.apps.instances
    hand.bench.apps.hello(instance, {"type": "connect-app-host-init", "sdkVersion": "1.0.11", "providerId": "p"})
    hand.bench.subscribe(instance, "contact/connected", contact.id)
    hand.do("event", times=3, attribute="count")
    assert [key for key, _ in hand.bench.published(instance)] == ["contact/connected"] * 3
    assert (contact.attributes["count"], contact.state) == ("3", "connected")
    with pytest.raises(NotPossible, match="contact/acw"):
        hand.do("event", name="contact/destroy")


def test_a_request_is_answered_with_null_and_with_undefined(hand: Hand) -> None:
    hand.do("answer", request="agent/getName", data=None)
    assert hand.planned_answer("agent/getName") == [None]
    hand.do("answer", request="agent/getName")
    assert hand.planned_answer("agent/getName") == []
    hand.address('?answer=agent/getName,data:{"name":7}')
    assert hand.planned_answer("agent/getName") == [{"name": 7}]
    hand.address("?answer=agent/getName,data:null")
    assert hand.planned_answer("agent/getName") == [None]


def test_a_transferred_contact_keeps_its_initial_id(hand: Hand) -> None:
    hand.do("offer", customer="C-1", initial="first", attributes={"case": "7"})
    (contact,) = hand.bench.desk.contacts
    assert contact.initial_id == "first" != contact.id
    assert contact.attributes["case"] == "7"


def test_a_flow_that_fails_is_shown_and_the_contact_rings_all_the_same(hand: Hand) -> None:
    hand.outcome = {"attributes": {}, "queue": None, "app": None, "steps": [], "error": {"subject": "x", "reason": "y"}}
    hand.do("offer", customer="C-1")
    (contact,) = hand.bench.desk.contacts
    assert contact.problem is not None
    assert (contact.state, contact.problem["subject"]) == ("incoming", "x")
    assert hand.bench.apps.instances == []


def test_a_guide_that_names_no_registered_app_is_said(hand: Hand) -> None:
    hand.outcome = {**OUTCOME, "app": {"name": "popdesk", "path": ""}}
    hand.do("offer", customer="C-1")
    (contact,) = hand.bench.desk.contacts
    assert "popdesk, which is not registered" in (contact.problem or {})["reason"]
    assert hand.bench.apps.instances == []


def test_another_app_is_hosted_whatever_the_flow_launches(hand: Hand) -> None:
    hand.do("app", url="http://localhost:3000/sub/?x=1")
    hand.do("offer", customer="C-1")
    (instance,) = hand.bench.apps.instances
    assert instance.app.url == "http://localhost:3000/sub/?x=1"
    assert instance.app.permissions == hand.bench.app.permissions


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "", "file:///etc/passwd"])
def test_an_app_is_a_web_page(hand: Hand, url: str) -> None:
    with pytest.raises(NotPossible, match="http"):
        hand.do("app", url=url)


def test_a_whole_life_by_commands(hand: Hand) -> None:
    hand.do("offer", customer="C-1")
    (contact,) = hand.bench.desk.contacts
    states = []
    for step in ("accept", "hold", "resume", "end"):
        hand.do(step)
        states.append((contact.state, contact.on_hold))
    assert states == [("connected", False), ("connected", True), ("connected", False), ("acw", False)]
    hand.do("clear")
    assert hand.bench.desk.contacts == []


@pytest.mark.parametrize(("name", "args"), [("accept", {}), ("clear", {}), ("select", {"contact": "x"}), ("fly", {})])
def test_what_cannot_be_done_is_said(hand: Hand, name: str, args: dict[str, str]) -> None:
    with pytest.raises(NotPossible):
        hand.do(name, **args)


def test_a_step_out_of_order_is_refused(hand: Hand) -> None:
    hand.do("offer", customer="C-1")
    with pytest.raises(NotPossible, match="incoming cannot be cleared"):
        hand.do("clear")


def test_finish_ends_a_contact_from_any_state(hand: Hand) -> None:
    for steps in ((), ("accept",), ("accept", "end"), ("miss",)):
        hand.do("offer", customer="C-1")
        for step in steps:
            hand.do(step)
        hand.do("finish")
        assert hand.bench.desk.contacts == []


def test_the_agent_and_the_desk(hand: Hand) -> None:
    hand.do("agent", name="Kim", extension="42")
    hand.do("state", name="Coaching", kind="not_routable")
    hand.do("profile", name="Nights", chat="4")
    hand.do("theme", mode="dark")
    hand.do("language", locale="es_ES")
    look = hand.do("look")
    assert look["agent"] == {"name": "Kim", "state": "Coaching", "profile": "Nights"}
    assert (look["theme"], look["language"]) == ("dark", "es_ES")
    assert dict(hand.bench.desk.concurrency)["CHAT"] == 4


def test_permissions_are_granted_and_withdrawn(hand: Hand) -> None:
    hand.do("withdraw", permission="User.Details.View")
    assert "User.Details.View" not in hand.bench.app.permissions
    hand.do("grant", permission="User.Details.View")
    assert "User.Details.View" in hand.bench.app.permissions
    hand.do("permissions", only="User.Status.View Contact.Details.View")
    assert hand.bench.app.permissions == ["User.Status.View", "Contact.Details.View"]
    with pytest.raises(NotPossible, match="no permission"):
        hand.do("grant", permission="User.Shoes.View")


def test_faults(hand: Hand) -> None:
    hand.address("?latency=50&fail=request:agent/getName,reason:no&hang=agent/getARN&late=contact/getQueue&drop=ack")
    faults = hand.bench.faults
    assert (faults.latency, faults.drop_acknowledge) == (50.0, True)
    assert faults.rules == {
        "agent/getName": ("fail", "no"),
        "agent/getARN": ("hang", "The workspace was told to fail this request"),
        "contact/getQueue": ("late", 2000.0),
    }
    assert len(faults.describe()) == 5
    hand.do("heal")
    assert faults.describe() == []


def test_faults_of_the_api_are_told_to_the_server(hand: Hand) -> None:
    told: list[dict[str, Any]] = []

    async def send(faults: dict[str, Any]) -> None:
        told.append(dict(faults))

    hand.commands.send_api_faults = send
    hand.address("?api=late,ms:300&api=lost")
    assert told[-1] == {"latency_ms": 300.0, "down": False, "lost": True}
    assert hand.bench.faults.describe() == [
        "the API answers 300 ms later",
        "the API's answers are lost: it does what it is asked",
    ]
    hand.do("api", fault="down")
    hand.do("heal", request="agent/getName")
    assert len(told) == 3  # that fault is not the API's
    hand.do("heal")
    assert told[-1] == {"latency_ms": 0, "down": False, "lost": False}
    with pytest.raises(NotPossible, match="late, down, lost"):
        hand.do("api", fault="broken")


def test_until_waits_for_the_app(hand: Hand) -> None:
    hand.do("offer", customer="C-1")
    with pytest.raises(NotPossible, match="after 40 ms"):
        asyncio.run(_until(hand))


async def _until(hand: Hand) -> None:
    async def pass_time() -> None:
        for _ in range(10):
            await asyncio.sleep(0.005)
            hand.bench.clock.now += 10

    await asyncio.gather(hand.commands.command("until", {"app": "running", "timeout": 40}), pass_time())


# -- the address -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("?accept", [("accept", {})]),
        ("?latency=50&accept", [("latency", {"ms": "50"}), ("accept", {})]),
        ("?offer=C-1", [("offer", {"customer": "C-1"})]),
        ("?offer=C-1,channel:CHAT", [("offer", {"customer": "C-1", "channel": "CHAT"})]),
        ("?fail=agent/getName,reason:down, sorry", [("fail", {"request": "agent/getName", "reason": "down, sorry"})]),
        ('?offer=attributes:{"a":"1","b":"2"}', [("offer", {"attributes": {"a": "1", "b": "2"}})]),
        ("?offer=address:+12025550123,channel:CHAT", [("offer", {"address": "+12025550123", "channel": "CHAT"})]),
        ("?offer=name:A%2CB%3AC", [("offer", {"name": "A,B:C"})]),
        ("?app=http://localhost:3000/", [("app", {"url": "http://localhost:3000/"})]),
        ("?app=http%3A%2F%2Flocalhost%3A3000%2F%3Fa%3Db", [("app", {"url": "http://localhost:3000/?a=b"})]),
        ("?state=On%20a%20walk", [("state", {"name": "On a walk"})]),
        ('?attributes={"values":{"Name":"Zoë"}}', [("attributes", {"values": {"Name": "Zoë"}})]),
        ("?open=idle:true", [("open", {"idle": "true"})]),
        ('?do=[["offer",{"channel":"CHAT"}],["accept",{}]]', [("offer", {"channel": "CHAT"}), ("accept", {})]),
        ("?do=%5B%5B%22accept%22%2C%7B%7D%5D%5D", [("accept", {})]),
    ],
)
def test_commands_in_the_address(query: str, expected: list[Any]) -> None:
    assert from_address(query) == expected


@pytest.mark.parametrize("query", ["?fly=1", "?look=7", "?do=nonsense"])
def test_what_is_no_command_is_said(query: str) -> None:
    with pytest.raises(NotPossible):
        from_address(query)


def test_a_link_can_bring_the_desk_into_any_state(hand: Hand) -> None:
    hand.address("?agent=name:Kim&withdraw=User.Status.View&offer=C-1&accept&offer=channel:CHAT&panel=log,filter:x")
    look = hand.do("look")
    assert [contact["state"] for contact in look["contacts"]] == ["connected", "incoming"]
    assert look["agent"]["name"] == "Kim"
