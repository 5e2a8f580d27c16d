"""Links and apps that mean harm, or do not know better: each gets a refusal in words, and nothing here fails."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from commands.address import MOST_COMMANDS, from_address
from commands.arguments import LONGEST
from commands.runner import Commands
from commands.table import COMMANDS
from model.desk import MOST_CONTACTS, NotPossible
from model.log import MOST_ENTRIES, UP, Log
from ops.settings import ALLOW, SANDBOX
from protocol import untrusted_json
from protocol.apps import MOST_INSTANCES, App
from protocol.instance import MOST_SUBSCRIPTIONS

from .conftest import Bench

WORKSPACE = "aws.connect.workspace"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD: list[Any] = [None, True, 7, -1.5, "", "text", [], [1], {}, {"$date": "y"}, {"a": {"b": []}}]
SEVERAL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


# -- links -------------------------------------------------------------------------------------------------------------


class Panels:
    """Stands in for panels.page.Page, which needs a DOM."""

    def open_panel(self, name: str = "", filter: str | None = None) -> None:
        if name == "nowhere":
            raise NotPossible(f"no such panel ({filter})")


def desk_of(bench: Bench) -> Commands:
    """The commands of a desk whose flow finds nobody."""

    async def flow(_contact: Any, _typed: str) -> dict[str, Any]:
        return {"attributes": {}, "app": {"name": "Popdesk", "path": ""}}

    commands = Commands(bench.apps, flow, Panels())
    iframe = {"sandbox": list(SANDBOX), "allow": list(ALLOW)}
    customers = [{"id": "C-1", "name": "Ada"}]
    commands.config = {"app": {"name": "Popdesk"}, "iframe": iframe, "customers": customers}
    return commands


def follow(commands: Commands, query: str) -> None:
    """Do what an address holds."""
    for name, args in from_address(query):
        asyncio.run(commands.command(name, args))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?open=Popdesk,path:javascript:alert(1)", "the path javascript:alert(1) leads away"),
        ("?open=Popdesk,path://evil.example/", "leads away"),
        ("?open=Popdesk,path:https://evil.example/", "leads away"),
        ("?open=Popdesk,contact:nobody", "there is no contact nobody"),
        ('?open=Popdesk,parameters:"text"', "parameters of open is an object"),
        ("?app=http://localhost:3000/,scope:EVERYTHING", "scope is one of PER_CONTACT, CROSS_CONTACTS"),
        ("?app=http://localhost:3000/,sandbox:allow-scripts allow-top-navigation", "not allow-top-navigation"),
        ("?app=http://localhost:3000/,allow:geolocation", "not geolocation"),
        ('?do=[["offer",{"channel":7}]]', "channel of offer is a text, not 7"),
        ('?do=[["offer",{"customer":["C-1"]}]]', "customer of offer is a text"),
        ('?do=[["offer",{"attributes":"x"}]]', "attributes of offer is an object"),
        ('?do=[["offer",{"attributes":{"a":{"b":1}}}]]', "attributes of offer are texts"),
        ('?do=[["offer",{"accept":"perhaps"}]]', "accept of offer is true or false"),
        ('?do=[["offer",{"accept":[]}]]', "accept of offer is true or false"),
        ('?do=[["attributes",{"values":[1]}]]', "values of attributes is an object"),
        ('?do=[["attribute",{"name":"a","value":{}}]]', "value of attribute is a text"),
        ('?do=[["profile",{"voice":"many"}]]', "voice of profile is a number from 0 to 100"),
        ('?do=[["profile",{"voice":1.5}]]', "voice of profile is a number"),
        ('?do=[["app",{"url":{"href":"x"}}]]', "url of app is a text"),
        ('?do=[["app",{"url":"http://"}]]', "no address of a page"),
        ('?do=[["latency",{"ms":[]}]]', "ms of latency is a number"),
        ("?latency=nan", "ms of latency is a number from 0 to 60000, not nan"),
        ("?latency=-1", "ms of latency is a number"),
        ("?latency=1e999", "ms of latency is a number"),
        ("?wait=1e12", "ms of wait is a number from 0 to 60000"),
        ("?until=running,timeout:1e12", "timeout of until is a number from 0 to 60000"),
        ("?burst=100000000", "count of burst is a number from 0 to 10000"),
        ("?do=[[7,{}]]", "no [name, {arguments}]"),
        ('?do=[["accept"]]', "no [name, {arguments}]"),
        ('?do=["ab"]', "no [name, {arguments}]"),
        ('?do=[["accept","contact"]]', "no [name, {arguments}]"),
        ("?do={}", "no list"),
        ("?do=7", "no list"),
        ("?do=null", "no list"),
        ("?do=[", "no JSON"),
        ("?do=" + "[" * 10_000, "nested more than"),
        ("?open={", "no JSON"),
        ('?open={"idle":true', "no JSON"),
        ('?offer={"customer":7}', "customer of offer is a text"),
        ("?offer=%ff%fe", "not UTF-8"),
        ("?__init__", "there is no command __init__"),
        ("?command=accept", "there is no command command"),
        ("?look=x", "look takes nothing"),
        ('?do=[["look",{"x":1}]]', "look takes no x"),
        ("?panel=nowhere", "no such panel"),
        ("?" + "&".join(["look"] * (MOST_COMMANDS + 1)), "at most 100"),
        ("?do=" + json.dumps([["look", {}]] * (MOST_COMMANDS + 1)), "at most 100"),
    ],
)
def test_a_link_of_the_wrong_kind_is_refused_in_words(bench: Bench, query: str, said: str) -> None:
    with pytest.raises(NotPossible) as refused:
        follow(desk_of(bench), query)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"until", "wait"}))  # these wait, as they should
def test_every_argument_takes_its_kind_and_refuses_the_others(bench: Bench, name: str) -> None:
    commands = desk_of(bench)
    bench.running(bench.contact())
    for key in COMMANDS[name].parameters:
        for value in ODD:
            with suppress(NotPossible):
                asyncio.run(commands.command(name, {key: value}))


@SEVERAL
@given(st.text(max_size=60) | JSON.map(lambda value: "do=" + json.dumps(value)))
@example("do=[[1, 2], 3]")
@example("offer=attributes:{}")
def test_any_address_is_read_or_refused(query: str) -> None:
    with suppress(NotPossible):
        from_address("?" + query)


@pytest.mark.parametrize("value", ["Zoë 😀", "\\ud83d\\ude00", "\\\\ud83d😀", 'a "quoted" \\ 𝓐', "\U0010ffff"])
def test_escaped_pairs_are_one_character_in_links_too(value: str) -> None:
    commands = [["offer", {"attributes": {"Name": value}}]]
    assert from_address("?do=" + json.dumps(commands).replace("%", "%25")) == [
        ("offer", {"attributes": {"Name": value}})
    ]


def test_a_desk_that_is_full_takes_no_more_contacts(bench: Bench) -> None:
    commands = desk_of(bench)
    for _ in range(MOST_CONTACTS):
        bench.desk.add_contact("CHAT")
    with pytest.raises(NotPossible, match="clear one first"):
        asyncio.run(commands.command("offer", {"customer": "C-1"}))


# -- apps --------------------------------------------------------------------------------------------------------------


def launch(bench: Bench, instance: Any, options: Any, app: Any = "Popdesk") -> Any:
    return bench.ask(instance, "app-launcher/launch", {"arnOrName": app, "options": options}, WORKSPACE)


@pytest.fixture
def mighty(bench: Bench) -> Any:
    """An app that may do everything."""
    bench.app.permissions.append("*")
    return bench.running(bench.contact())


@pytest.mark.parametrize("data", ODD, ids=json.dumps)
def test_what_an_app_says_is_told_again_as_it_was(bench: Bench, mighty: Any, data: Any) -> None:
    answer = bench.ask(mighty, "agent/getShoeSize", data)
    assert answer["isError"]
    assert answer["details"]["requestData"] == data


@pytest.mark.parametrize("options", [7, "text", [], [{}], {"scope": "idle"}, {"scope": {"contactId": {}}}])
def test_a_launch_that_is_none_is_refused(bench: Bench, mighty: Any, options: Any) -> None:
    for odd in (options, {"launchKey": options}, {"parameters": options}):
        answer = launch(bench, mighty, odd)
        assert not answer["isError"] or answer["errorKey"] == "invalidRequest"
    assert launch(bench, mighty, {}, app={"name": "Popdesk"})["errorKey"] == "invalidRequest"


def test_two_thousand_launches_are_all_answered_and_few_are_done(bench: Bench, mighty: Any) -> None:
    answers = [launch(bench, mighty, {}) for _ in range(2000)]
    refused = [answer for answer in answers if answer["isError"]]
    assert len(answers) - len(refused) == MOST_INSTANCES - 1
    assert all(f"at most {MOST_INSTANCES} apps" in answer["reason"] for answer in refused)
    assert len(bench.edge.made) == MOST_INSTANCES


def test_calls_without_an_end_fill_no_desk(bench: Bench, mighty: Any) -> None:
    voice = "aws.connect.voice"
    answers = [
        bench.ask(mighty, "voice/createOutboundCall", {"phoneNumber": "+12025550123"}, voice) for _ in range(500)
    ]
    assert sum(not answer["isError"] for answer in answers) == MOST_CONTACTS - 1
    assert len(bench.desk.contacts) == MOST_CONTACTS


@pytest.mark.parametrize("kind", ["subscribe", "unsubscribe", "appPublish"])
@pytest.mark.parametrize(
    "topic",
    [
        *ODD,
        {"namespace": "x", "key": {"a": 1}},
        {"namespace": {"a": 1}, "key": "k"},
        {"namespace": "aws.connect.contact", "key": ["contact/connected"]},
        {"namespace": "x", "key": "k", "parameter": {}},
    ],
    ids=json.dumps,
)
def test_a_topic_that_is_none_is_refused(bench: Bench, mighty: Any, kind: str, topic: Any) -> None:
    bench.says(mighty, {"type": kind, "topic": topic, "data": 7, "handlerId": {"a": 1}})
    (error,) = bench.edge.messages(mighty, "error")
    assert error["key"] == "invalidTopic"
    assert not error["isFatal"]
    assert error["details"] == {"topic": topic}
    assert mighty.subscriptions() == []


def test_subscriptions_have_a_most(bench: Bench, mighty: Any) -> None:
    for number in range(MOST_SUBSCRIPTIONS + 5):
        bench.subscribe(mighty, "contact/connected", f"c-{number}")
    assert len(mighty.subscriptions()) == MOST_SUBSCRIPTIONS
    assert [each["key"] for each in bench.edge.messages(mighty, "error")] == ["tooManySubscriptions"] * 5


@pytest.mark.parametrize("data", ODD, ids=json.dumps)
def test_an_app_tells_others_what_it_likes_but_nothing_in_the_workspaces_name(
    bench: Bench, mighty: Any, data: Any
) -> None:
    other = bench.running(bench.contact("CHAT"))
    bench.subscribe(other, "contact/connected")
    bench.subscribe(other, "news", namespace="team")
    for parameter in ("", "CURRENT_CONTACT", other.contact_id):
        bench.subscribe(other, "letters", parameter, "team")
    for namespace, key in (("aws.connect.contact", "contact/connected"), ("team", "news"), ("team", "letters")):
        topic = {"namespace": namespace, "key": key, "parameter": other.contact_id}
        bench.says(mighty, {"type": "appPublish", "topic": topic, "data": data})
    assert bench.published(other) == [("news", data), *[("letters", data)] * 3]
    assert [each["key"] for each in bench.edge.messages(mighty, "error")] == ["publishWithoutPermission"]


KINDS = ["request", "subscribe", "unsubscribe", "healthCheck", "appLifecycleHandlerCompleted", "closeApp", "appPublish"]
KEYS = ["type", "namespace", "command", "requestId", "data", "topic", "handlerId", "stage", "isFatalError", "message"]
REQUESTS = ["agent/getName", "contact/getAttributes", "app-launcher/launch", "app-instance/close", "agent/setOffline"]
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "namespace": st.sampled_from(["aws.connect.contact", WORKSPACE]) | JSON,
        "command": st.sampled_from(REQUESTS) | JSON,
        "requestId": st.text(max_size=4) | JSON,
        "data": JSON,
        "topic": JSON | st.fixed_dictionaries({"namespace": JSON, "key": JSON}, optional={"parameter": JSON}),
        "stage": st.sampled_from(["create", "destroy"]) | JSON,
        "isFatalError": JSON,
        "message": JSON,
        "handlerId": JSON,
    },
)


@SEVERAL
@given(st.lists(MESSAGES | JSON, max_size=6))
def test_whatever_an_app_says_requests_are_answered_and_nothing_fails(messages: list[Any]) -> None:
    bench = Bench()  # whose on_defect raises
    bench.app.permissions.append("*")
    instance = bench.running(bench.contact())
    for message in messages:
        before = len(bench.edge.messages(instance, "response"))
        running = instance.state != "gone"
        bench.says(instance, message)
        if running and isinstance(message, dict) and message.get("type") == "request":
            responses = bench.edge.messages(instance, "response")
            assert len(responses) == before + 1
            assert responses[-1].get("requestId") == message.get("requestId")


def test_a_defect_here_is_an_answer_there(bench: Bench, mighty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    defects: list[Exception] = []
    monkeypatch.setattr(bench.apps, "on_defect", defects.append)
    monkeypatch.setattr(App, "config", lambda _: 1 / 0)
    answer = bench.ask(mighty, "app/getCatalog", None, WORKSPACE)
    assert (answer["isError"], answer["errorKey"]) == (True, "internalServerError")
    assert isinstance(defects[0], ZeroDivisionError)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type": "request", "data": ' + "[" * 5000 + "]" * 5000 + "}", "nested"),
        ('{"type": "log", "data": "' + "x" * untrusted_json.LONGEST + '"}', "characters"),
        ("{", "no JSON"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_id(bench: Bench, mighty: Any, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        bench.apps.received(mighty, text)
    bench.apps.unreadable(mighty, "r-1", "it is nested")
    answer = bench.edge.messages(mighty, "response")[-1]
    assert (answer["requestId"], answer["isError"], answer["errorKey"]) == ("r-1", True, "invalidRequest")
    before = len(bench.edge.sent)
    bench.apps.unreadable(mighty, "", "it is nested")
    assert len(bench.edge.sent) == before


def test_brackets_in_texts_are_no_depth() -> None:
    text = json.dumps({"a": "[" * 500, "b": '\\"[' * 500, "c": [[["x"]]]})
    assert untrusted_json.read(text) == json.loads(text)


def test_short_messages_without_an_end_fill_no_memory() -> None:
    log = Log()
    for number in range(3 * MOST_ENTRIES):
        log.add(float(number), UP, "App", "7")
    assert len(log.entries) <= MOST_ENTRIES
    assert log.entries[-1].number == log.total == 3 * MOST_ENTRIES


def test_waits_are_bounded() -> None:
    assert LONGEST <= 60_000
