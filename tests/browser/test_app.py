"""What the app does beside the agent: refreshes, pops, masks, speaks Spanish, ends tidily, and says when it cannot start."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, Route, expect

from ops.preview.server import Preview
from tests.browser.app_stage import NUMBER, AppStates, previewed
from tests.conftest import Workspace


def _open(preview: Preview, context: BrowserContext) -> AppStates:
    workspace = Workspace(preview, context.new_page())
    workspace.open()
    return AppStates(workspace)


@pytest.fixture
def states(workspace: Workspace) -> AppStates:
    return AppStates(workspace)


@pytest.fixture(scope="module")
def other_words() -> Iterator[Preview]:
    """Return a preview in Spanish, with personal data masked."""
    with previewed(language="es", mask_personal_data=True) as preview:
        yield preview


@pytest.fixture(scope="module")
def automatic() -> Iterator[Preview]:
    """Return a preview that pops by itself, into a window per contact."""
    with previewed(pop={"automatic": "connected", "window": "per-contact"}) as preview:
        yield preview


def _log(states: AppStates, **arguments: Any) -> list[dict[str, Any]]:
    """Return what crossed the port: the workspace's own log."""
    return list(states.desk.command("log", **arguments))


def _seconds(app: Frame) -> int:
    """Return how long the contact is in its state, as its card says."""
    minutes, _, seconds = str(app.locator("#card-state_duration").text_content()).partition(":")
    return int(minutes) * 60 + int(seconds)


def _cards(app: Frame) -> dict[str, str]:
    return {
        str(card.locator("dt").text_content()): str(card.locator("dd").text_content())
        for card in app.locator("#cards > div").all()
    }


# -- the cards ---------------------------------------------------------------------------------------------------------


def test_the_eleven_cards_of_the_article_are_right_and_those_of_the_static_page(states: AppStates) -> None:
    app = states.connected()
    expect(app.locator("#cards dd").get_by_text("…", exact=True)).to_have_count(0)
    cards = _cards(app)
    contact = states.contact
    assert contact is not None
    assert list(cards) == [
        "Phone number or e-mail",
        "Channel",
        "Queue",
        "In queue since",
        "Time in this state",
        "Initial contact ID",
        "Agent name",
        "Agent state",
        "Routing profile",
        "Channel concurrency",
        "Agent ARN",
    ]
    assert cards["Phone number or e-mail"] == "+1 206 555 0100"
    assert cards["Channel"] == "Voice connect:Telephony"
    assert cards["Queue"] == "BasicQueue"
    assert re.fullmatch(r"\d\d:\d\d:\d\d", cards["In queue since"])
    assert re.fullmatch(r"\d+:\d\d", cards["Time in this state"])
    assert cards["Initial contact ID"] == "–"  # it was not transferred
    assert cards["Agent name"] == states.desk.look()["agent"]["name"]
    assert cards["Agent state"] == "Available"
    assert cards["Routing profile"] == "Basic Routing Profile"
    assert "Voice 1" in cards["Channel concurrency"]
    last, whole = cards["Agent ARN"].split(" ")
    assert whole.startswith("arn:aws:connect:")
    assert whole.endswith("/" + last)
    expect(app.locator("main[data-wait]")).to_have_count(0)
    expect(app.get_by_role("button", name="Refresh")).to_be_visible()
    # The static page shows the cards before Python is up: what it shows must be what comes.
    html = states.workspace.page.request.get(states.workspace.preview.app_url).text()
    in_html = re.findall(r'<div><dt>(.*?)</dt><dd id="([\w-]+)">', html)
    shown = [
        (str(card.locator("dt").text_content()), str(card.locator("dd").get_attribute("id")))
        for card in app.locator("#cards > div").all()
    ]
    assert in_html == shown


def test_the_whole_page_comes_by_itself_where_answers_take_their_time(preview: Preview, page: Page) -> None:
    """The first frame has the status line alone; the style sheet shows the rest 300 ms later, whatever Python does."""
    page.route("**/*.wasm", lambda _: None)  # never answered
    clock = page.context.new_cdp_session(page)
    clock.send("Animation.enable")
    clock.send("Animation.setPlaybackRate", {"playbackRate": 0})
    page.goto(preview.app_url, wait_until="commit")
    expect(page.get_by_role("status")).to_have_text(["Connecting to the workspace"])
    expect(page.locator("#rest")).to_be_hidden()
    clock.send("Animation.setPlaybackRate", {"playbackRate": 1})
    expect(page.get_by_role("heading", name="Looking up the customer…")).to_be_visible()


def test_nothing_moves_when_the_values_arrive(states: AppStates) -> None:
    """The browser's own measure of layout shifts stays at zero from the first paint to the last value."""
    states.workspace.page.context.add_init_script(
        "window.shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries()))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    states.desk.command("latency", ms=150)
    app = states.offer("C-1001")
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.locator("#card-queue")).to_have_text("BasicQueue")
    # Before the first paint nobody sees anything: on a busy machine the browser lays the page out once without its style.
    app.wait_for_function("performance.getEntriesByName('first-paint').length")
    paint = app.evaluate("performance.getEntriesByName('first-paint')[0].startTime")
    # What the last values moved is known once the frame that shows them is drawn, which is before the next but one begins.
    app.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn))))")
    shifts = app.evaluate("shifts.map(shift => [shift.startTime, shift.value])")
    assert [shift for shift in shifts if shift[0] >= paint] == []


def test_a_duration_ticks(states: AppStates) -> None:
    app = states.connected()
    expect(app.locator("#card-state_duration")).to_have_text(re.compile(r"^\d+:\d\d$"))
    first = _seconds(app)
    states.workspace.wait_until(lambda: _seconds(app) >= first + 2, "two more seconds")


def test_a_refused_request_spoils_its_own_card_and_a_retry_mends_it(states: AppStates) -> None:
    app = states.failed()
    expect(app.locator("#card-channel")).to_have_text("Voice connect:Telephony")
    expect(app.locator("#card-queue")).to_have_attribute("title", "The backend is away")
    states.desk.command("heal")
    app.get_by_role("button", name="Retry Queue").click()
    expect(app.locator("#card-queue")).to_have_text("BasicQueue")


def test_missing_permissions_are_named_with_what_they_cost(states: AppStates) -> None:
    app = states.missing_permissions()
    expect(app.locator("#doctor-line")).to_contain_text("missing User.Details.View, Contact.Attributes.View")
    expect(app.locator("#alerts li").first).to_contain_text("User.Details.View is not granted")
    expect(app.locator("#alerts li").first).to_contain_text("Agent name, Agent ARN")
    expect(app.get_by_role("heading", name="Customer unknown")).to_be_visible()
    expect(app.locator("#card-queue")).to_have_text("BasicQueue")


def test_a_chat_shows_its_address_and_no_number_missing(states: AppStates) -> None:
    app = states.offer("C-1001", channel="EMAIL", address="ana.silva@example.com")
    expect(app.locator("#card-phone_or_email")).to_have_text("ana.silva@example.com")
    expect(app.locator("#card-channel")).to_contain_text("Email")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()


# -- events ------------------------------------------------------------------------------------------------------------


def test_each_event_is_subscribed_once_and_let_go_at_the_end(states: AppStates) -> None:
    states.connected()
    contact = states.contact
    assert contact is not None
    states.desk.set_state("Lunch", "not_routable")
    contact.end()
    contact.clear()
    expect(states.workspace.page.locator("iframe")).to_have_count(0)
    crossed = [entry["message"] for entry in _log(states)]
    subscribed = sorted(_topic(each) for each in crossed if each.get("type") == "subscribe")
    assert subscribed == sorted(
        [
            ("agent/stateChange", None),
            *((f"contact/{what}", contact.id) for what in ("acw", "cleared", "connected", "missed")),
            ("visualModeChange", None),
        ]
    )
    assert sorted(_topic(each) for each in crossed if each.get("type") == "unsubscribe") == subscribed
    said = [
        each["message"] for each in crossed if each.get("type") == "log" and str(each["message"]).startswith("App ")
    ]
    assert said == ["App created", "App closed", "App destroyed"]


def _topic(message: dict[str, Any]) -> tuple[str, str | None]:
    return message["topic"]["key"], message["topic"].get("parameter")


def test_a_burst_of_events_leaves_the_last_state_and_few_requests(states: AppStates) -> None:
    app = states.connected()
    before = len(_requests(states, "agent/getState"))
    states.desk.command("burst", count=1000)
    expect(app.locator("#card-agent_state")).to_have_text(re.compile("Burst 1000|Available"))
    states.desk.set_state("Lunch", "not_routable")
    expect(app.locator("#card-agent_state")).to_have_text("Lunch")
    assert len(_requests(states, "agent/getState")) - before < 20


def _requests(states: AppStates, command: str) -> list[dict[str, Any]]:
    crossed = [entry["message"] for entry in _log(states)]
    return [each for each in crossed if each.get("type") == "request" and each.get("command") == command]


def test_two_chats_never_mix(states: AppStates) -> None:
    first = states.offer("C-1001", channel="CHAT")
    first_contact = states.contact
    second = states.offer("C-1002", channel="CHAT")
    second_contact = states.contact
    assert first_contact is not None
    assert second_contact is not None
    second_contact.accept()
    expect(second.locator("#life-text")).to_have_text("Contact connected")
    expect(second.get_by_role("heading", name="Nikki Wolf")).to_be_visible()
    first_contact.select()
    expect(first.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(first.locator("#life")).to_have_attribute("data-life", "connecting")
    expect(second.locator("#life-text")).to_have_text("Contact connected (page hidden)")
    second_contact.select()
    expect(second.locator("#life-text")).to_have_text("Contact connected")


def test_all_requests_go_at_once_and_each_question_once(states: AppStates) -> None:
    states.desk.command("hang")
    states.desk.offer(address=NUMBER)
    states.workspace.page.locator("iframe:visible").wait_for()
    app = states.frame()
    expect(app.locator("#doctor-line")).to_contain_text("Workspace connected")

    def requests() -> list[str]:
        crossed = [each["message"] for each in _log(states)]
        asked = [each["command"] for each in crossed if each.get("type") == "request"]
        return [command for command in asked if command != "getTheme"]

    states.workspace.wait_until(lambda: len(requests()) >= 12, "twelve requests")
    asked = requests()
    assert len(set(asked[:12])) == 12  # the eleven cards', and the attributes
    assert set(asked[12:]) <= {
        "agent/getState",
        "contact/getAttributes",
        "contact/getStateDuration",
    }  # again, see below


def test_what_may_change_is_asked_again_once_its_changes_are_told(states: AppStates) -> None:
    """A change between the first question and the subscription is told by no event."""
    states.offer("C-1001")
    assert states.contact is not None
    states.desk.command("finish")
    expect(states.workspace.page.locator("iframe")).to_have_count(0)
    crossed = [entry["message"] for entry in _log(states)]
    for request, event in (("agent/getState", "agent/stateChange"), ("contact/getAttributes", "contact/connected")):
        asked_and_told = [
            message["type"]
            for message in crossed
            if message.get("command") == request or _is_subscription(message, event)
        ]
        # Whatever comes after that is due to the contact's own events: to finish it is to miss it.
        assert asked_and_told[:3] == ["request", "subscribe", "request"], request


def _is_subscription(message: dict[str, Any], key: str) -> bool:
    return message.get("type") == "subscribe" and _topic(message)[0] == key


# -- the screen pop ----------------------------------------------------------------------------------------------------


def test_the_link_pops_the_customers_page_in_a_window_of_its_size(states: AppStates) -> None:
    app = states.offer("C-1001")
    states.change_attributes(app, {"contactUrlWidth": "640", "contactUrlHeight": "480"})
    link = app.get_by_role("link", name="Open Ana Carolina Silva’s page")
    with states.workspace.page.context.expect_page() as opened:
        link.click()
    popped = opened.value
    popped.wait_for_url("**/crm/customers/C-1001")
    popped.wait_for_function("innerWidth === 640 && innerHeight === 480")


def test_the_keyboard_alone_reaches_and_opens_everything(states: AppStates) -> None:
    app = states.offer("C-1001")
    app.locator("[data-do=refresh]").focus()
    reached = []
    for _ in range(6):
        reached.append(app.evaluate("document.activeElement.id || document.activeElement.dataset.do || ''"))
        states.workspace.page.keyboard.press("Tab")
    assert reached == ["refresh", "facts", "pop", "copy", "home", "attributes"]
    app.locator("#pop").focus()
    with states.workspace.page.context.expect_page() as opened:
        states.workspace.page.keyboard.press("Enter")
    opened.value.wait_for_url("**/crm/customers/C-1001")
    app.locator("#attributes > summary").focus()
    states.workspace.page.keyboard.press("Enter")
    expect(app.get_by_text("ContactPhoneNumberOrEmail")).to_be_visible()


def test_the_link_can_be_copied_and_a_refusal_is_said(states: AppStates) -> None:
    context = states.workspace.page.context
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    states.desk.command("app", url=states.workspace.preview.app_url, name="Popdesk", allow="clipboard-write")
    app = states.offer("C-1001")
    app.get_by_role("button", name="Copy link").click()
    expect(app.locator("#pop-note")).to_have_text("Link copied")
    context.clear_permissions()
    states.desk.command("app", url=states.workspace.preview.app_url, name="Popdesk", allow="camera")
    app = states.offer("C-1001")
    app.get_by_role("button", name="Copy link").click()
    expect(app.locator("#pop-note")).to_contain_text("did not allow copying")
    expect(app.locator("#pop-note")).to_contain_text("/crm/customers/C-1001")


def test_an_unknown_caller_gets_the_search(states: AppStates) -> None:
    app = states.unknown_caller()
    with states.workspace.page.context.expect_page() as opened:
        app.get_by_role("link", name="Search the CRM").click()
    opened.value.wait_for_url("**/crm/search?q=*")


def test_the_automatic_pop_comes_once_when_the_contact_is_connected(
    automatic: Preview, context: BrowserContext
) -> None:
    states = _open(automatic, context)
    states.connecting()
    assert len(context.pages) == 1
    contact = states.contact
    assert contact is not None
    with context.expect_page() as opened:
        contact.accept()
    opened.value.wait_for_url("**/crm/customers/C-1001")
    opened.value.close()
    states.desk.command("reload")
    contact.wait_until_running()
    app = states.frame()
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    contact.end()
    expect(app.locator("#life-text")).to_have_text("After-contact work")
    assert len(context.pages) == 1


# -- words, masks, themes ------------------------------------------------------------------------------------------------


# Runs in every frame: keeps every text that ever stood in a card's place or in the customer's heading.
_EVERY_TEXT = """
globalThis.everyText = {};
new MutationObserver(() => {
  for (const place of document.querySelectorAll("#cards dd, #customer-name, #customer-note, #pop, #attributes-list"))
    (everyText[place.id] ??= new Set()).add(place.textContent);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def _every_text(app: Frame) -> dict[str, list[str]]:
    return dict(app.evaluate("Object.fromEntries(Object.entries(everyText).map(([id, texts]) => [id, [...texts]]))"))


def test_a_card_never_shows_anything_but_its_value(states: AppStates) -> None:
    states.workspace.page.context.add_init_script(_EVERY_TEXT)
    app = states.offer("C-1001")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    seen = _every_text(app)
    assert set(seen["card-agent_name"]) <= {"…", "Alex Rivera"}
    assert set(seen["card-phone_or_email"]) <= {"…", "+1 206 555 0100"}
    assert set(seen["customer-name"]) <= {"Looking up the customer…", "Ana Carolina Silva"}


def test_what_is_masked_is_not_shown_for_a_moment(other_words: Preview, context: BrowserContext) -> None:
    context.add_init_script(_EVERY_TEXT)
    states = _open(other_words, context)
    app = states.offer("C-1001")
    expect(app.get_by_role("button", name="Mostrar Teléfono o correo")).to_be_visible()
    expect(app.get_by_role("button", name="Mostrar Cliente")).to_be_visible()
    seen = " ".join(text for texts in _every_text(app).values() for text in texts)
    assert "Alex Rivera" in seen, "the recorder saw nothing"
    assert "Ana" not in seen
    assert "0100" not in seen


def test_spanish_and_masked_until_clicked(other_words: Preview, context: BrowserContext) -> None:
    states = _open(other_words, context)
    app = states.offer("C-1001")
    expect(app.locator("html")).to_have_attribute("lang", "es")
    expect(app.locator("#cards dt").first).to_have_text("Teléfono o correo")
    expect(app.get_by_role("button", name="Mostrar Teléfono o correo")).to_be_visible()
    assert "Ana" not in app.locator("main").inner_text()
    assert "0100" not in app.locator("main").inner_text()
    app.get_by_role("button", name="Mostrar Cliente").click()
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.get_by_role("link", name="Abrir la página de Ana Carolina Silva")).to_be_visible()
    app.get_by_role("button", name="Mostrar Teléfono o correo").click()
    expect(app.locator("#card-phone_or_email")).to_have_text("+1 206 555 0100")
    app.locator("#attributes > summary").click()
    app.get_by_role("button", name="Mostrar Name").click()
    expect(app.locator("#attributes-list")).to_contain_text("Ana Carolina Silva")


def test_the_theme_follows_the_workspace(states: AppStates) -> None:
    states.desk.command("theme", mode="dark")
    app = states.offer("C-1001")
    expect(app.locator("html")).to_have_attribute("data-mode", "dark")
    states.desk.command("theme", mode="light")
    expect(app.locator("html")).to_have_attribute("data-mode", "light")
    states.desk.command("theme", mode="auto")
    expect(app.locator("html")).not_to_have_attribute("data-mode", re.compile("."))


# -- errors ------------------------------------------------------------------------------------------------------------


def test_a_defect_shows_a_card_and_is_reported_once_without_personal_data(states: AppStates) -> None:
    app = states.offer("C-1001")
    for _ in range(2):
        app.evaluate(
            "new Promise(thrown => setTimeout(() => { setTimeout(thrown);"
            " throw new Error('Ana Carolina Silva +12065550100') }))"
        )
    expect(app.get_by_role("heading", name="Something in this page failed")).to_have_count(1)
    states.settle(app)
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    reports = [each["message"] for each in _log(states) if each["message"].get("message") == "App error"]
    assert len(reports) == 1
    assert "Ana" not in json.dumps(reports)
    assert "0100" not in json.dumps(reports)
    states.workspace.errors.clear()  # the page error is the one this test raised


@pytest.mark.parametrize("part", ["micropython-", "start-"])
def test_a_blocked_file_is_said_in_plain_html(preview: Preview, context: BrowserContext, part: str) -> None:
    def block(route: Route) -> None:
        route.abort()

    page = context.new_page()
    page.route(re.compile(re.escape(part)), block)
    page.goto(preview.app_url)
    expect(page.get_by_text("This page’s program has not started.")).to_be_visible(timeout=15_000)


def test_the_python_may_be_quicker_than_the_html(preview: Preview, context: BrowserContext) -> None:
    """The script waits for no HTML: here the HTML's second half comes when the page's Python has said hello."""
    html = urllib.request.urlopen(preview.app_url).read()
    middle = html.index(b"<main")
    said_hello = threading.Event()

    class Halves(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                with urllib.request.urlopen(preview.app_url.rstrip("/") + self.path) as answer:
                    self._start(answer.headers["Content-Type"])
                    self.wfile.write(answer.read())
                return
            self._start("text/html; charset=utf-8")
            self.wfile.write(html[:middle])
            self.wfile.flush()
            said_hello.wait(15)
            self.wfile.write(html[middle:])

        def _start(self, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Halves)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = context.new_page()
    # Half a second more than the view waits for by itself: without a wait for the HTML, it would fail in that time.
    page.expose_function("saidHello", said_hello.set)
    page.add_init_script(
        "addEventListener('message', e => e.data.type === 'connect-app-host-init' && setTimeout(saidHello, 500))"
    )
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    expect(page.get_by_role("heading", name="Not in an agent workspace")).to_be_visible()
    assert said_hello.is_set()
    expect(page.locator("#errors")).to_be_empty()
    server.shutdown()
    server.server_close()


def test_a_browser_without_webassembly_is_told(preview: Preview, context: BrowserContext) -> None:
    context.add_init_script("delete window.WebAssembly")
    page = context.new_page()
    page.goto(preview.app_url)
    expect(page.get_by_text("This page’s program has not started.")).to_be_visible(timeout=15_000)


def test_without_scripts_the_page_says_what_it_needs(preview: Preview, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(preview.app_url)
    expect(page.get_by_text("It needs WebAssembly and its own files")).to_be_visible(timeout=15_000)
    context.close()


def test_opened_by_itself_the_page_says_where_it_belongs(preview: Preview, page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(preview.app_url)
    expect(page.get_by_role("heading", name="Not in an agent workspace")).to_be_visible()
    expect(page.get_by_text("open it from the agent workspace")).to_be_visible()
    expect(page.locator("#late")).to_have_count(0)
    assert errors == []
