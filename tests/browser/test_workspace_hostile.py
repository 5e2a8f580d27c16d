"""Links and apps that mean harm, in the real workspace in a real browser: each is refused in words, and all else goes on.

The app is the plain one with the real SDK; what it sends besides, it sends over its own port.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.preview.server import Preview
from tests.browser.hosting import PlainAppServer
from tests.browser.test_workspace import Hosting

pytestmark = [pytest.mark.browser, pytest.mark.thorough]

# Links: what the workspace says of them.
LINKS = {
    "open=Popdesk,path:javascript:alert(document.domain)": "leads away from",
    "open=Popdesk,path:%01javascript:alert(1)": "leads away from",
    "open=Popdesk,path:java%0Ascript:alert(1)": "leads away from",
    "open=Popdesk,path:%5C%5Cevil.example/": "leads away from",
    "open=Popdesk,path:%09//evil.example/": "leads away from",
    "open=Popdesk,path:blob:http://127.0.0.1/x": "leads away from",
    "open=Popdesk,path:data:text/html,x": "leads away from",
    "open=Popdesk,path:http://localhost@evil.example/": "leads away from",
    "app=http://&offer=C-1001": "no address of a page",
    "app=http://[::1": "no address of a page",
    "app=http://localhost:3000/,sandbox:allow-scripts allow-top-navigation": "not allow-top-navigation",
    'do=[["offer",{"channel":7}]]': "Channel of offer is a text, not 7",
    'do=[["offer",{"customer":{"$date":"y"}}]]': "Customer of offer is a text",
    'do=[["offer",{"attributes":[1]}]]': "Attributes of offer is an object",
    'do=[["app",{"url":7}]]': "Url of app is a text",
    'do=[["latency",{"ms":{}}]]': "Ms of latency is a number",
    'do=[["accept"]]': "no [name, {arguments}]",
    "do=7": "no list",
    "do=[": "no JSON",
    "do=" + "[" * 3_000: "nested more than",
    "latency=nan": "Ms of latency is a number",
    "wait=1e12": "Ms of wait is a number from 0 to 60000",
    "burst=100000000": "Count of burst is a number from 0 to 10000",
    "offer=%ff%fe": "not UTF-8",
    "offer=" + "x" * 10_000: "There is no sample customer",
    "__init__": "There is no command __init__",
    "&".join(["look"] * 200): "at most 100",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlainAppServer]:
    """The plain app on a site of its own."""
    with PlainAppServer(tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture
def hosting(preview: Preview, context: BrowserContext, plain: PlainAppServer) -> Iterator[Hosting]:
    """A workspace that hosts the plain app."""
    made = Hosting(preview, context.new_page(), plain)
    yield made
    assert made.errors == []


def test_a_hostile_link_is_refused_and_the_page_is_ready(hosting: Hosting) -> None:
    complaints: list[str] = []
    hosting.page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    for query, said in LINKS.items():
        hosting.open(quote(query, safe="=&%/:,@"))
        problem = hosting.page.locator("#problem")
        expect(problem).to_contain_text(said)
        assert "defect" not in (problem.text_content() or ""), query
        assert hosting.do("look")["apps"] == [], query
        assert hosting.page.locator("iframe").count() == 0, query
    assert complaints == []  # no traceback, and nothing that only the policy stopped


def test_a_path_of_the_app_is_opened(hosting: Hosting) -> None:
    hosting.open("open=Popdesk,path:/customers/../?x=1%23y")
    assert hosting.page.locator("iframe").get_attribute("src") == hosting.preview.app_url + "?x=1#y"


# -- apps --------------------------------------------------------------------------------------------------------------

_SAY = """messages => {
  const proxy = connectSDK.AmazonConnectApp.default.getProxy();
  if (!window.heard) {
    window.heard = [];
    proxy.channel.port1.addEventListener("message", event => window.heard.push(event.data));
  }
  for (const message of messages) proxy.sendMessageToSubject(message);
}"""
_HEARD = "() => window.heard.map(each => JSON.parse(JSON.stringify(each)))"


def say(hosting: Hosting, messages: list[Any]) -> None:
    """Let the app that is shown send messages."""
    hosting.app.locator("body").evaluate(f"(_, given) => ({_SAY})(given)", messages)


def heard(hosting: Hosting, kind: str, count: int) -> list[dict[str, Any]]:
    """Wait until the app has heard so many messages of a kind since it first spoke, and return them."""
    body = hosting.app.locator("body")
    frame = body.element_handle().owner_frame()
    assert frame is not None
    frame.wait_for_function(f"heard.filter(each => each.type === '{kind}').length >= {count}", timeout=60_000)
    return [message for message in frame.evaluate(_HEARD) if message["type"] == kind]


def request(number: int, command: str, data: Any = None, namespace: str = "aws.connect.workspace") -> dict[str, Any]:
    return {"type": "request", "namespace": namespace, "command": command, "requestId": f"r{number}", "data": data}


@pytest.fixture
def hostile(hosting: Hosting) -> Iterator[Hosting]:
    """An app that may do everything, running; at the end the workspace has said of no defect and works."""
    hosting.host(query="grant=*")
    hosting.offer()
    hosting.answers()
    yield hosting
    assert hosting.page.locator("#problem").is_hidden()
    assert json.loads(hosting.ask()["agent.getName"]) == "Alex Rivera"


@pytest.mark.parametrize("data", [{"$date": "y"}, {"a": [{"$date": {}}]}, {"$date": 1e300}, "\ud83d", {"é😀": "\0"}])
def test_whatever_an_app_asks_with_is_told_again_as_it_was(hostile: Hosting, data: Any) -> None:
    say(hostile, [request(1, "agent/getShoeSize", data), request(2, "app/getConfig", data)])
    for answer in heard(hostile, "response", 2):
        assert answer["isError"]
        if "\ud83d" not in json.dumps(data, ensure_ascii=False):
            assert answer["details"]["requestData"] == data


def test_topics_whose_parts_are_no_texts_are_refused(hostile: Hosting) -> None:
    topics: list[Any] = [
        None,
        7,
        [],
        {},
        {"namespace": "x", "key": {"a": 1}},
        {"namespace": {"$date": "y"}, "key": "k"},
    ]
    topics += [{"namespace": "aws.connect.contact", "key": ["contact/connected"]}]
    kinds = ("subscribe", "unsubscribe", "appPublish")
    say(hostile, [{"type": kind, "topic": topic, "handlerId": "h"} for kind in kinds for topic in topics])
    errors = heard(hostile, "error", len(kinds) * len(topics))
    assert {error["key"] for error in errors} == {"invalidTopic"}
    assert not any(error["isFatal"] for error in errors)


def test_two_thousand_launches_are_answered_and_the_workspace_goes_on(hostile: Hosting) -> None:
    # An app that is a style sheet: thirty of Popdesk would keep this machine busy and not the workspace.
    hostile.do("app", url=hostile.plain.url + "app.css", name="Still")
    launch = {"arnOrName": "Still", "options": {"openInBackground": True}}
    launches = [request(number, "app-launcher/launch", launch) for number in range(2000)]
    say(hostile, launches)
    answers = heard(hostile, "response", 2000)
    refused = [answer for answer in answers if answer["isError"]]
    assert len(refused) == 2000 - 29
    assert all("at most 30 apps may be open" in answer["reason"] for answer in refused)
    apps = hostile.do("look")["apps"]
    assert len(apps) == 30
    for app in apps[1:]:
        hostile.do("close", instance=app["instanceId"])


def test_what_no_json_can_hold_or_is_too_much_of_it_is_refused_by_its_id(hostile: Hosting) -> None:
    body = hostile.app.locator("body")
    say(hostile, [])
    body.evaluate(
        """() => {
          const proxy = connectSDK.AmazonConnectApp.default.getProxy();
          const ask = (requestId, data) => proxy.sendMessageToSubject(
            {type: "request", namespace: "aws.connect.contact", command: "agent/getName", requestId, data});
          const nested = depth => { let value = []; for (let n = 0; n < depth; n++) value = [value]; return value; };
          const cycle = {}; cycle.self = cycle;
          ask("big", 1n);
          ask("cycle", cycle);
          ask("deep", nested(200));
          ask("deeper", nested(3000));
          ask("long", "x".repeat(5000000));
          ask("longer", "x".repeat(50000000));
          ask("x".repeat(5000000), null);
          for (const odd of ["x".repeat(5000000), 1n, 7, null, undefined, [], new Date(NaN), new Map([[1, 2]]), /x/])
            proxy.sendMessageToSubject(odd);
          ask("good", null);
        }"""
    )
    answers = {answer["requestId"]: answer for answer in heard(hostile, "response", 7)}
    assert answers["good"]["data"] == {"name": "Alex Rivera"}
    for name in ("big", "cycle", "deep", "deeper", "long", "longer"):
        assert answers[name]["errorKey"] == "invalidRequest", name
        assert answers[name]["reason"].startswith("The request cannot be read: "), name


def test_a_hello_without_an_end_or_a_port_is_no_hello(hosting: Hosting) -> None:
    hosting.host()
    hosting.offer()
    hosting.app.locator("body").evaluate(
        """() => {
          const type = "connect-app-host-init";
          for (const odd of ["x".repeat(5000000), 1n, 7, null, [], { type: { type } }, { type }])
            parent.postMessage(odd, "*");
          parent.postMessage({ type: "x".repeat(5000000) }, "*");
          parent.postMessage({ type, sdkVersion: "x".repeat(5000000) }, "*", [new MessageChannel().port2]);
          parent.postMessage({ type }, "*");
        }"""
    )

    def without_a_port() -> int:
        noted = [each["message"]["type"] for each in hosting.do("log", filter="hello", last=1000)]
        return noted.count("hello without a port")

    # Messages of one window arrive in order: with the last one, all of them have.
    hosting.wait_until(lambda: without_a_port() >= 2, "the last hello without a port")
    assert without_a_port() == 2
    assert hosting.do("look")["running"] == 1
    assert hosting.page.locator("#problem").is_hidden()


def test_an_app_cannot_speak_in_the_workspaces_name(hostile: Hosting) -> None:
    other = hostile.do("open", app="Popdesk")["instanceId"]
    hostile.do("until", app="running")
    hostile.do("tab", instance=hostile.do("look")["apps"][0]["instanceId"])
    topic = {"namespace": "aws.connect.contact", "key": "contact/acw"}
    say(hostile, [{"type": "appPublish", "topic": topic, "data": {"contactId": "x"}}])
    assert heard(hostile, "error", 1)[0]["key"] == "publishWithoutPermission"
    told = [each for each in hostile.do("log", filter="contact/acw publish", last=1000) if each["direction"] == "down"]
    assert [each["message"]["type"] for each in told] == ["error"]
    hostile.do("close", instance=other)
