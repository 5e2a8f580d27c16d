"""The local agent workspace in a real browser, hosting a plain app that uses the real SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ops.preview.scenario import CommandFailed
from ops.preview.server import Preview
from tests.browser.hosting import PlainAppServer
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


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


class Hosting(Workspace):
    """A workspace and the plain app in it."""

    def __init__(self, preview: Preview, page: Page, plain: PlainAppServer) -> None:
        super().__init__(preview, page)
        self.plain = plain

    def host(self, app: str = "", query: str = "", scope: str = "") -> None:
        """Open the workspace for the plain app, whose own query is `app`."""
        registered = f"app={self.plain.url}{app}" + (f",scope:{scope}" if scope else "")
        self.open("&".join(part for part in (registered, query) if part))

    def do(self, name: str, /, **arguments: Any) -> Any:
        """Do a command of the workspace."""
        return self.preview.command(name, **arguments)

    def offer(self, **arguments: Any) -> str:
        """Offer a sample customer's contact; give its id once its app runs."""
        contact = str(self.do("offer", **{"customer": "C-1001", **arguments})["contactId"])
        self.do("until", app="running", contact=contact)
        return contact

    def answers(self) -> dict[str, str]:
        """What the app that is shown was answered, as it shows it, by question."""
        expect(self.app.locator("li[data-name=done]")).to_be_visible()
        found = self.app.locator("#answers li")
        names = found.evaluate_all("list => list.map(each => [each.dataset.name, each.textContent])")
        return dict(names)

    def crossed(self, kind: str) -> list[tuple[float, str, str]]:
        """What crossed the apps' ports: (ms, type, stage or topic or nothing) of the messages whose type begins so."""
        found = []
        for entry in self.do("log", last=100_000):
            message = entry["message"]
            if entry["direction"] != "note" and message["type"].startswith(kind):
                what = message.get("stage") or message.get("topic", {}).get("key", "")
                if what or message["type"] == kind:
                    found.append((entry["time"], message["type"], what))
        return found

    @property
    def life(self) -> list[str]:
        """The lifecycle handlers that ran in the app that is shown, in order, without their data."""
        return [text.split()[0] for text in self.app.locator("#life li").all_text_contents()]

    def ask(self) -> dict[str, str]:
        """Let the app ask everything again."""
        self.app.locator("#answers").evaluate("list => list.replaceChildren()")
        self.app.locator("#ask").click()
        return self.answers()


def frames(hosting: Hosting) -> int:
    return hosting.page.locator("iframe").count()


def test_an_app_gets_every_answer_through_the_real_sdk(hosting: Hosting) -> None:
    hosting.host(query="permissions=*")
    hosting.offer(initial="first")
    answers = hosting.answers()
    assert [name for name, text in answers.items() if text.startswith("refused")] == []
    read = {name: json.loads(text) for name, text in answers.items() if text[0] in '["{0123456789tf'}
    assert read["agent.getName"] == "Alex Rivera"
    assert read["agent.getState"]["name"] == "Available"
    assert read["agent.getRoutingProfile"]["name"] == "Basic Routing Profile"
    assert read["agent.getChannelConcurrency"]["CHAT"] == 2
    assert read["contact.getInitialContactId"] == "first"
    assert read["contact.getChannelType"] == {"type": "voice", "subtype": "connect:Telephony"}
    assert read["contact.getQueue"]["name"] == "BasicQueue"
    assert read["contact.getAttributes"]["Name"] == read["contact.getAttribute"] == "Ana Carolina Silva"
    assert read["voice.getInitialCustomerPhoneNumber"] == "+12065550100"
    assert 0 <= read["contact.getStateDuration"] < 60_000
    kind, _, text = answers["contact.getQueueTimestamp"].partition(" ")
    assert kind == "date"  # a Date, not a number
    assert abs((datetime.fromisoformat(json.loads(text)) - datetime.now(UTC)).total_seconds()) < 60


def test_an_ordinary_contact_and_agent_are_answered_with_undefined(hosting: Hosting) -> None:
    hosting.host(query="permissions=*")
    hosting.offer()
    answers = hosting.answers()
    undefined = [name for name, text in answers.items() if text == "undefined"]
    assert {"contact.getInitialContactId", "agent.getExtension"} <= set(undefined), answers


def test_create_comes_before_start_and_start_waits_for_it(hosting: Hosting) -> None:
    hosting.host("?slow=300")
    hosting.offer()
    expect(hosting.app.locator("#life li")).to_have_count(2)
    assert hosting.life == ["create", "start"]
    create, completed, start = hosting.crossed("appLifecycle")
    assert [create[1:], completed[1:], start[1:]] == [
        ("appLifecycle", "create"),
        ("appLifecycleHandlerCompleted", "create"),
        ("appLifecycle", "start"),
    ]
    assert completed[0] - create[0] >= 300


def test_each_contact_has_its_own_iframe_hidden_and_shown(hosting: Hosting) -> None:
    hosting.host()
    first = hosting.offer()
    second = hosting.offer(customer="C-1002", channel="CHAT")
    assert frames(hosting) == 2
    assert json.loads(hosting.answers()["contact.getType"]) == "chat"
    hosting.page.get_by_role("navigation").get_by_role("button", name="Ana Carolina Silva").click()
    expect(hosting.app.locator("#life li")).to_have_count(4)
    assert hosting.life == ["create", "start", "stop", "start"]
    assert json.loads(hosting.answers()["contact.getType"]) == "voice"
    hosting.do("accept", contact=second)
    hosting.do("accept", contact=first)
    # Events of one app arrive in order: the other contact's, if it came, would stand before its own.
    events = hosting.app.locator("#events li")
    expect(events.filter(has_text=first)).to_have_count(1)
    expect(events).to_have_count(1)


def test_a_contacts_events_arrive_in_order_and_then_its_app_is_destroyed(hosting: Hosting) -> None:
    hosting.host("?slow=300")
    contact = hosting.offer()
    for step in ("accept", "end", "clear"):
        hosting.do(step, contact=contact)
    expect(hosting.page.locator("iframe")).to_have_count(0)
    crossed = [what for _, kind, what in hosting.crossed("") if kind != "log"]
    assert crossed[crossed.index("contact/connected", crossed.index("start")) :] == [
        "contact/connected",
        "contact/acw",
        "contact/cleared",
        "contact/destroy",
        "destroy",
        "destroy",
    ]
    destroy, completed = hosting.crossed("appLifecycle")[-2:]
    assert completed[1] == "appLifecycleHandlerCompleted"  # the port was there until onDestroy was done
    assert completed[0] - destroy[0] >= 300


def test_an_app_that_never_finishes_its_destroy_is_removed_all_the_same(hosting: Hosting) -> None:
    hosting.host("?deaf")
    contact = hosting.offer()
    hosting.do("finish", contact=contact)
    expect(hosting.page.locator("iframe")).to_have_count(0)
    entries = hosting.do("log", last=100_000)
    (destroyed,) = [each["time"] for each in entries if each["message"].get("stage") == "destroy"]
    (removed,) = [each["time"] for each in entries if "did not complete" in str(each["message"].get("event"))]
    assert removed - destroyed >= 3000  # as long as Amazon Connect's, and no sooner


def test_a_missed_contact(hosting: Hosting) -> None:
    hosting.host()
    contact = hosting.offer()
    hosting.do("miss", contact=contact)
    expect(hosting.app.locator("#events li[data-name=missed]")).to_have_count(1)


def test_a_fatal_error_takes_the_iframe_away_at_once_and_says_so(hosting: Hosting) -> None:
    hosting.host("?deaf")
    hosting.offer()
    # A moment later: Playwright's own click would wait for a frame that is no longer there.
    hosting.app.locator("#fatal").evaluate("button => void setTimeout(() => button.click(), 0)")
    expect(hosting.page.locator("iframe")).to_have_count(0)
    assert "destroy" not in [stage for _, _, stage in hosting.crossed("appLifecycle")]
    expect(hosting.page.locator("#stage-note")).to_contain_text("broken")


def test_an_exception_in_oncreate_closes_the_app(hosting: Hosting) -> None:
    hosting.host("?fail")
    hosting.do("offer", customer="C-1001")
    expect(hosting.page.locator("#stage-note")).to_contain_text("closed after a fatal error")


def test_an_app_may_ask_to_be_closed(hosting: Hosting) -> None:
    hosting.host()
    hosting.offer()
    hosting.app.locator("#close").click()
    expect(hosting.page.locator("iframe")).to_have_count(0)
    expect(hosting.page.locator("#stage-note")).to_contain_text("No app is open")


def test_permissions_are_enforced_in_the_workspaces_words_and_can_change(hosting: Hosting) -> None:
    hosting.host(query="withdraw=User.Details.View&withdraw=Contact.Details.View")
    hosting.offer()
    answers = hosting.answers()
    assert answers["agent.getName"] == "refused accessDenied: App does not have permission for this request"
    assert json.loads(answers["agent.getState"])["name"] == "Available"
    errors = hosting.app.locator("#errors li")
    expect(errors).to_have_count(5)  # connected, acw, missed, cleared, destroyed
    refused = errors.all_text_contents()
    assert refused[0].startswith("App attempted to subscribe to topic without permission - Topic {")
    hosting.page.get_by_role("tab", name="Faults").click()
    hosting.page.get_by_label("User.Details.View").check()
    assert json.loads(hosting.ask()["agent.getName"]) == "Alex Rivera"


def test_answers_can_fail_hang_and_be_late(hosting: Hosting) -> None:
    hosting.host(query="fail=request:agent/getName,reason:out of order&late=request:agent/getARN,ms:700")
    hosting.offer()
    answers = hosting.answers()
    assert answers["agent.getName"] == "refused internalServerError: out of order"
    assert answers["agent.getARN"].startswith('"arn:')
    hosting.do("heal")
    hosting.do("hang", request="agent/getName")
    hosting.app.locator("#answers").evaluate("list => list.replaceChildren()")
    hosting.app.locator("#ask").click()
    expect(hosting.app.locator("#answers li")).to_have_count(len(answers) - 2)  # neither that one nor "done"
    expect(hosting.app.locator("li[data-name='agent.getName']")).to_have_count(0)


def test_a_dropped_acknowledgement_leaves_the_app_unconnected(hosting: Hosting) -> None:
    hosting.host(query="drop=acknowledge")
    hosting.do("offer", customer="C-1001")
    error = hosting.app.locator("#errors li[data-name=workspaceConnectTimeout]")
    expect(error).to_be_visible()
    assert hosting.life == []


def test_a_burst_of_a_thousand_events_arrives_in_order_none_lost(hosting: Hosting) -> None:
    hosting.host(query="panel=log")
    hosting.offer()
    hosting.do("burst", count=1000)
    expect(hosting.app.locator("#events li")).to_have_count(1000)
    states = hosting.app.locator("#events li").all_text_contents()
    assert [json.loads(text.split(" ", 1)[1])["state"] for text in states] == [f"Burst {n}" for n in range(1, 1001)]


def test_the_agents_state_changes_from_the_header(hosting: Hosting) -> None:
    hosting.host()
    hosting.offer()
    hosting.page.get_by_label("Agent state").select_option("Lunch")
    event = hosting.app.locator("#events li[data-name=state]")
    expect(event).to_have_text('state {"state":"Lunch"}')
    assert json.loads(hosting.ask()["agent.getState"])["name"] == "Lunch"


def test_an_app_for_all_contacts_stays_through_them(hosting: Hosting) -> None:
    hosting.host(scope="CROSS_CONTACTS")
    first = hosting.offer()
    hosting.offer(customer="C-1002", channel="CHAT")
    assert frames(hosting) == 1
    assert json.loads(hosting.ask()["contact.getType"]) == "chat"
    hosting.do("select", contact=first)
    assert json.loads(hosting.ask()["contact.getType"]) == "voice"
    hosting.do("finish", contact=first)
    assert frames(hosting) == 1


def test_an_idle_app_with_launch_parameters(hosting: Hosting) -> None:
    hosting.host(query='open={"idle":true,"parameters":{"case":7}}')
    hosting.do("until", app="running")
    assert hosting.app.locator("#life li").first.text_content() == 'create {"type":"idle"}'
    assert hosting.app.locator("body").get_attribute("data-parameters") == '{"case":7}'
    assert hosting.answers()["contact.getQueue"].startswith("refused contactNotFound")


def test_the_launcher_frames_an_app_as_it_is_registered(preview: Preview, hosting: Hosting) -> None:
    hosting.open("offer=C-1001&close&open")
    frame = hosting.page.locator("iframe")
    settings = preview.command("look")
    assert settings["apps"][0]["name"] == "Popdesk"
    sandbox = (frame.get_attribute("sandbox") or "").split()
    assert "allow-popups-to-escape-sandbox" in sandbox
    assert "allow-top-navigation" not in sandbox
    assert frame.get_attribute("allow") == "clipboard-write"


def test_a_script_address_is_never_framed(hosting: Hosting) -> None:
    hosting.open("app=javascript:top.document.title='hacked'")
    expect(hosting.page.locator("#problem")).to_contain_text("begins with http:// or https://")
    assert hosting.page.locator("iframe").count() == 0


def test_a_reload_makes_the_iframe_anew_for_the_same_contact(hosting: Hosting) -> None:
    hosting.host()
    contact = hosting.offer()
    hosting.app.locator("body").evaluate("body => body.dataset.old = 'yes'")
    hosting.do("reload")
    hosting.do("until", app="running", contact=contact)
    expect(hosting.app.locator("body:not([data-old]) li[data-name=done]")).to_be_visible()
    created = hosting.app.locator("#life li").first
    expect(created).to_contain_text(f'"contactId":"{contact}"')
    assert frames(hosting) == 1


def test_messages_that_json_has_no_word_for_break_nothing(hosting: Hosting) -> None:
    hosting.host()
    hosting.offer()
    hosting.answers()
    # A cycle, a BigInt, no object at all: what structured clone carries and JSON does not.
    hosting.app.locator("body").evaluate(
        """() => {
          const proxy = connectSDK.AmazonConnectApp.default.getProxy(), cycle = { type: "log" };
          cycle.self = cycle;
          for (const odd of [cycle, { type: "log", n: 1n }, null, 7, "text", [], { type: "request" }])
            proxy.sendMessageToSubject(odd);
        }"""
    )
    assert json.loads(hosting.ask()["agent.getName"]) == "Alex Rivera"
    assert len(hosting.do("log", filter="unreadable")) >= 2


def test_a_hello_from_a_window_that_is_no_app_is_not_answered(hosting: Hosting) -> None:
    hosting.host()
    hosting.page.evaluate(
        "() => postMessage({type: 'connect-app-host-init', sdkVersion: '1'}, '*', [new MessageChannel().port2])"
    )
    hosting.offer()
    strangers = [each for each in hosting.do("log", last=1000) if "hello from" in each["message"]["type"]]
    assert len(strangers) == 1
    assert hosting.do("look")["running"] == 1


def test_contacts_that_are_gone_leave_no_iframe(hosting: Hosting) -> None:
    hosting.host()
    for _ in range(3):
        hosting.do("finish", contact=hosting.offer())
    expect(hosting.page.locator("iframe")).to_have_count(0)
    assert hosting.do("look")["apps"] == []


def test_a_narrow_window_shows_everything_in_one_column(hosting: Hosting) -> None:
    hosting.page.set_viewport_size({"width": 480, "height": 860})
    hosting.host()
    hosting.offer()
    frame = hosting.page.locator("iframe:visible").bounding_box()
    assert frame is not None
    assert frame["width"] > 460
    assert frame["height"] > 600
    assert hosting.page.evaluate("document.documentElement.scrollWidth") == 480


def test_axe_finds_nothing_in_any_panel_and_theme(hosting: Hosting) -> None:
    hosting.host(query="latency=1")
    hosting.offer()
    hosting.offer(customer="C-1002", channel="CHAT")
    hosting.do("accept")
    hosting.page.evaluate(_AXE)
    for theme in ("light", "dark"):
        hosting.do("theme", mode=theme)
        for panel in ("contact", "flow", "log", "faults", "desk", "pages"):
            hosting.do("panel", name=panel)
            expect(hosting.page.locator(f"#panel-{panel}")).to_be_visible()
            found = hosting.page.evaluate("async () => (await axe.run({exclude: ['iframe']})).violations")
            said = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]
            assert (theme, panel, said) == (theme, panel, [])


# -- the agent's hand --------------------------------------------------------------------------------------------------


def test_a_call_by_the_agents_hand_alone(hosting: Hosting) -> None:
    hosting.host()
    page = hosting.page
    page.get_by_label("Customer").select_option("Ana Carolina Silva")
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("#contact-bar")).to_contain_text("Connected")
    page.get_by_role("button", name="Hold").click()
    expect(page.locator("#contact-bar")).to_contain_text("On hold")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="End").click()
    expect(page.locator("#contact-bar")).to_contain_text("After-contact work")
    page.locator("#contact-bar").get_by_role("button", name="Clear").click()
    expect(page.locator("#contact-count")).to_have_text("0")


def test_a_contacts_apps_are_tabs(hosting: Hosting) -> None:
    hosting.host()
    hosting.offer()
    tabs = hosting.page.get_by_role("group", name="Apps")
    tabs.get_by_role("button", name="+ Popdesk").click()
    hosting.do("until", app="running")
    assert [each["visible"] for each in hosting.do("look")["apps"]] == [False, True]
    tabs.get_by_role("button", name="localhost", exact=False).first.click()
    expect(hosting.app.locator("#life li")).to_have_count(4)
    assert hosting.life == ["create", "start", "stop", "start"]
    tabs.get_by_role("button", name="Close Popdesk").click()
    expect(hosting.page.locator("iframe")).to_have_count(1)


def test_an_unlisted_caller_with_attributes_and_a_transfer(hosting: Hosting) -> None:
    hosting.host()
    page = hosting.page
    page.get_by_label("Customer").select_option("Somebody else")
    page.get_by_label("Number or e-mail").fill("+12025550123")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("initial contact id").fill("first-contact")
    page.get_by_label("Attributes, one").fill("case=7\nlevel = gold")
    page.get_by_role("button", name="Chat").click()
    hosting.do("until", app="running")
    answers = hosting.answers()
    assert json.loads(answers["contact.getInitialContactId"]) == "first-contact"
    attributes = json.loads(answers["contact.getAttributes"])
    assert (attributes["case"], attributes["level"]) == ("7", "gold")


def test_attributes_are_edited_while_the_contact_runs(hosting: Hosting) -> None:
    hosting.host(query="panel=contact")
    hosting.offer()
    hosting.answers()
    page = hosting.page
    page.locator("#attribute-name").fill("Name")
    page.locator("#attribute-value").fill("Zoë <b>Ö</b>")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#panel-contact table")).to_contain_text("Zoë <b>Ö</b>")
    assert json.loads(hosting.ask()["contact.getAttribute"]) == "Zoë <b>Ö</b>"


def test_the_flows_steps_stand_beside_the_contact(hosting: Hosting) -> None:
    hosting.host(query="panel=flow")
    hosting.offer()
    steps = hosting.page.locator("#panel-flow .step")
    expect(steps.filter(has_text="InvokeLambdaFunction")).to_contain_text("Ana Carolina Silva")
    expect(steps.filter(has_text="UpdateContactAttributes").first).to_contain_text("contactUrlPath")


def test_the_log_shows_filters_unfolds_and_copies(hosting: Hosting, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    hosting.host(query="panel=log")
    hosting.offer()
    hosting.answers()
    page = hosting.page
    page.get_by_placeholder("Filter").fill("getName")
    rows = page.locator(".log-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("request agent/getName")
    expect(rows.last).to_contain_text("response agent/getName")
    rows.last.get_by_role("button").click()
    expect(rows.last.locator("pre")).to_contain_text('"name": "Alex Rivera"')
    page.get_by_role("button", name="Copy JSON Lines").click()
    expect(page.locator("#toast")).to_contain_text("Copied")
    lines = [json.loads(line) for line in str(page.evaluate("navigator.clipboard.readText()")).splitlines()]
    assert [(line["direction"], line["message"]["type"]) for line in lines] == [("up", "request"), ("down", "response")]


def test_the_desk_says_which_language_the_agent_chose_if_any(hosting: Hosting) -> None:
    hosting.host(query="panel=desk")
    chosen = hosting.page.locator("#desk-language option:checked")
    expect(chosen).to_have_text("None chosen")
    hosting.page.get_by_label("Locale").select_option("es_ES")
    expect(chosen).to_have_text("es_ES")


def test_the_theme_reaches_the_page_and_the_app(hosting: Hosting) -> None:
    hosting.host(query="theme=dark&offer=C-1001")
    expect(hosting.page.locator("html")).to_have_attribute("data-mode", "dark")
    hosting.page.get_by_label("Theme").select_option("light")
    expect(hosting.page.locator("html")).to_have_attribute("data-mode", "light")
    assert hosting.do("look")["theme"] == "light"


def test_what_cannot_be_done_is_said_in_words(hosting: Hosting) -> None:
    hosting.open()
    with pytest.raises(CommandFailed, match="no contact is selected"):
        hosting.do("accept")
    hosting.open("fly=away")
    expect(hosting.page.locator("#problem")).to_contain_text("There is no command fly")


def test_at_1024_pixels_the_tools_give_way_to_the_contacts_name_and_can_be_made_wider(workspace: Workspace) -> None:
    page = workspace.page
    page.set_viewport_size({"width": 1024, "height": 768})
    workspace.desk.offer(customer="C-1001", accept=True)
    name = page.locator(".bar-name")
    expect(name).to_have_text("Ana Carolina Silva")
    assert name.evaluate("element => element.scrollWidth <= element.clientWidth")
    panel, grip = page.locator("#panel"), page.get_by_role("separator", name="Width of the tools")
    before = panel.evaluate("element => element.offsetWidth")
    assert before < 330
    grip.press("ArrowLeft")
    assert panel.evaluate("element => element.offsetWidth") == before + 20
    box = grip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 4, 300)
    page.mouse.down()
    page.mouse.move(10, 300, steps=3)  # to the other end: the contact keeps its place
    page.mouse.up()
    assert panel.evaluate("element => element.offsetWidth") == 1024 - 560


def test_the_log_says_whose_rows_they_are_once_and_cuts_none(workspace: Workspace) -> None:
    workspace.desk.offer(customer="C-1001").wait_until_running()
    workspace.desk.command("panel", name="log", filter="getInitialCustomerPhoneNumber")
    rows = workspace.page.locator(".log-row")
    expect(rows).to_have_count(2)
    expect(workspace.page.locator(".log-source")).to_have_count(1)
    titles = workspace.page.locator(".log-title")
    assert titles.evaluate_all("all => all.every(title => title.scrollWidth <= title.clientWidth)")


def test_a_failed_step_marks_the_flows_tab_and_too_many_contacts_are_remarked(workspace: Workspace) -> None:
    page = workspace.page
    tab = page.get_by_role("tab", name="Flow")
    workspace.desk.offer(customer="C-1001", accept=True)
    expect(tab).to_have_accessible_name("Flow")
    expect(page.locator("#too-many")).to_be_hidden()
    step = {
        "flow": "main",
        "id": "look-up",
        "type": "InvokeLambdaFunction",
        "outcome": "no-answer",
        "error": "it is down",
    }
    page.route("**/api/offer", lambda route: route.fulfill(json={"attributes": {}, "steps": [step]}))
    page.get_by_role("button", name="Call", exact=True).click()
    expect(tab).to_have_accessible_name("Flow (a step failed)")
    expect(page.locator("#too-many")).to_have_text("2 calls: the routing profile allows 1.")
    page.get_by_role("navigation").locator("button.card").first.click()
    expect(tab).to_have_accessible_name("Flow")
