"""The main job in a real browser: the real workspace, flow, Lambda, SDK and app, from the ring to the destroyed iframe.

In windows of their own size (no emulated viewport).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect

from ops.preview.server import Preview
from ops.settings import load_settings
from ops.site.headers import response_headers
from tests.browser.app_stage import DEFAULT_SANDBOX
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

# The eleven cards of the article, as the app titles them.
CARDS = [
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
# What the local server says besides ops/site/headers.py: the content's own headers and the server's.
OWN_HEADERS = {"content-type", "content-length", "cache-control", "date", "server"}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Emulate no viewport: a popped window has the size that the page asked for, or has not."""
    return {**browser_context_args, "no_viewport": True}


# What Chromium says of the sandbox that AWS gives every page in a guide, and a page that is popped from there inherits.
_OF_A_GUIDE = "An iframe which has both allow-scripts and allow-same-origin for its sandbox attribute"


@pytest.fixture(autouse=True)
def complaints(context: BrowserContext) -> Iterator[list[str]]:
    """Hold that no page complains: a violated CSP, a refused file or an exception stands in its console."""
    said: list[str] = []
    context.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    context.on("weberror", lambda one: said.append(str(one.error)))
    yield said
    assert [text for text in said if _OF_A_GUIDE not in text] == []


def card(app: FrameLocator, title: str) -> Locator:
    """The value that stands under a card's title."""
    return app.locator("dl#cards > div").filter(has=app.get_by_text(title, exact=True)).locator("dd")


def status(app: FrameLocator, text: str) -> None:
    """Expect that the app says this of the contact's life."""
    expect(app.get_by_role("status").filter(has_text=text)).to_be_visible()


def logged(workspace: Workspace) -> list[str]:
    """What the app itself wrote to the workspace's log, in order."""
    entries = workspace.desk.command("log", filter="App", last=1000)
    return [entry["message"]["message"] for entry in entries if entry["message"].get("source") == "popdesk"]


def expect_cards(app: FrameLocator, phone: str, channel: str) -> None:
    """Expect the eleven cards of a contact, each with its value."""
    expect(app.locator("dl#cards > div > dt")).to_have_text(CARDS)
    expect(card(app, "Phone number or e-mail")).to_have_text(phone)
    expect(card(app, "Channel")).to_contain_text(channel)
    expect(card(app, "Queue")).to_have_text("BasicQueue")
    expect(card(app, "In queue since")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    expect(card(app, "Time in this state")).to_have_text(re.compile(r"^\d+:\d\d$"))
    expect(card(app, "Initial contact ID")).to_have_text("–")  # it was not transferred
    expect(card(app, "Agent name")).to_have_text("Alex Rivera")
    expect(card(app, "Agent state")).to_have_text("Available")
    expect(card(app, "Routing profile")).to_have_text("Basic Routing Profile")
    expect(card(app, "Channel concurrency")).to_have_text("Chat 2 · Email 5 · Task 10 · Voice 1")
    expect(card(app, "Agent ARN")).to_contain_text("arn:aws:connect:us-east-1:")


def expect_customers_page(page: Page, preview: Preview, customer: str, name: str) -> None:
    """Expect the sample CRM's page of one customer."""
    expect(page).to_have_url(f"{preview.workspace_url}crm/customers/{customer}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text(customer, exact=True)).to_be_visible()


def pop(workspace: Workspace, link: str) -> Page:
    """Click the link in the app that is shown; give the window it opens."""
    with workspace.page.context.expect_page() as opened:
        workspace.app.get_by_role("link", name=link).click()
    return opened.value


def _expect_size(window: Page, width: int, height: int) -> None:
    # Chromium without a screen gives a window a pixel less than its features ask for.
    window.wait_for_function(
        "([width, height]) => Math.abs(innerWidth - width) <= 1 && Math.abs(innerHeight - height) <= 1",
        arg=[width, height],
    )


def test_a_call_rings_fills_the_cards_pops_the_page_and_ends(workspace: Workspace, preview: Preview) -> None:
    call = workspace.desk.offer(customer="C-1001")
    call.wait_until_running()
    status(workspace.app, "Contact open")
    call.accept()
    status(workspace.app, "Contact connected")
    expect(workspace.app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect_cards(workspace.app, "+1 206 555 0100", "Voice")

    window = pop(workspace, "Open Ana Carolina Silva’s page")
    expect_customers_page(window, preview, "C-1001", "Ana Carolina Silva")
    attributes = call.look()["attributes"]
    asked = (int(attributes["contactUrlWidth"]), int(attributes["contactUrlHeight"]))
    assert asked == (1000, 700)
    _expect_size(window, *asked)

    call.end()
    status(workspace.app, "After-contact work")
    expect(workspace.app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    call.clear()
    expect(workspace.page.locator("iframe")).to_have_count(0)
    assert workspace.desk.look()["contacts"] == []
    assert logged(workspace) == ["App created", "Screen pop opened", "App closed", "App destroyed"]


def test_a_window_has_the_size_and_place_that_the_attributes_give(workspace: Workspace, preview: Preview) -> None:
    call = workspace.desk.offer(customer="C-1002")
    call.accept()
    call.wait_until_running()
    expect(workspace.app.get_by_role("link", name="Open Nikki Wolf’s page")).to_be_visible()
    call.set_attributes(
        contactUrlWidth="640", contactUrlHeight="480", contactUrlLeft="300", contactUrlTop="200", Name="Nikki W."
    )
    workspace.app.get_by_role("button", name="Refresh").click()
    window = pop(workspace, "Open Nikki W.’s page")
    expect_customers_page(window, preview, "C-1002", "Nikki Wolf")
    _expect_size(window, 640, 480)
    window.wait_for_function("screenX === 300 && screenY === 200")


def test_a_chat_fills_the_cards_and_pops_the_page(workspace: Workspace, preview: Preview) -> None:
    chat = workspace.desk.offer(customer="C-1020", channel="CHAT")
    chat.wait_until_running()
    chat.accept()
    status(workspace.app, "Contact connected")
    expect_cards(workspace.app, "+44 20 7946 0019", "Chat")
    expect_customers_page(pop(workspace, "Open Harry Whitcombe’s page"), preview, "C-1020", "Harry Whitcombe")
    chat.end()
    status(workspace.app, "After-contact work")
    chat.clear()
    expect(workspace.page.locator("iframe")).to_have_count(0)


def test_a_chat_without_a_number_is_found_by_the_e_mail_address_it_carries(
    workspace: Workspace, preview: Preview
) -> None:
    attributes = {"email": "priya.nair@example.net"}
    workspace.desk.offer(channel="CHAT", attributes=attributes).wait_until_running()
    expect(card(workspace.app, "Phone number or e-mail")).to_have_text("priya.nair@example.net")
    expect(card(workspace.app, "Channel")).to_contain_text("Chat")
    expect_customers_page(pop(workspace, "Open Priya Nair’s page"), preview, "C-1024", "Priya Nair")


def test_a_call_by_the_agents_hand_alone(workspace: Workspace, preview: Preview) -> None:
    page = workspace.page
    page.get_by_label("Customer").select_option("Mateo Jackson")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(workspace.app.get_by_role("heading", name="Mateo Jackson")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    status(workspace.app, "Contact connected")
    expect_customers_page(pop(workspace, "Open Mateo Jackson’s page"), preview, "C-1003", "Mateo Jackson")
    page.get_by_role("button", name="End").click()
    status(workspace.app, "After-contact work")
    page.get_by_role("region", name="Contact").get_by_role("button", name="Clear").click()
    expect(page.locator("iframe")).to_have_count(0)


def test_two_contacts_have_an_iframe_each_and_never_mix(workspace: Workspace, preview: Preview) -> None:
    first = workspace.desk.offer(customer="C-1001", channel="CHAT", accept=True)
    first.wait_until_running()
    second = workspace.desk.offer(customer="C-1002", channel="CHAT", accept=True)
    second.wait_until_running()
    frames = workspace.page.locator("iframe")
    expect(frames).to_have_count(2)
    expect(workspace.page.locator("iframe:visible")).to_have_count(1)
    for contact, phone, name in (
        (second, "+1 206 555 0101", "Nikki Wolf"),
        (first, "+1 206 555 0100", "Ana Carolina Silva"),
        (second, "+1 206 555 0101", "Nikki Wolf"),
    ):
        contact.select()
        expect(workspace.page.locator("iframe:visible")).to_have_count(1)
        expect(workspace.app.get_by_role("heading", name=name)).to_be_visible()
        expect_cards(workspace.app, phone, "Chat")
    # What happens to the hidden one reaches the hidden one alone.
    first.set_attributes(Name="Somebody else")
    first.end()
    status(workspace.app, "Contact open")
    expect(workspace.app.get_by_role("heading", name="Nikki Wolf")).to_be_visible()
    first.select()
    status(workspace.app, "After-contact work")
    expect(workspace.app.get_by_role("heading", name="Somebody else")).to_be_visible()
    expect_customers_page(pop(workspace, "Open Somebody else’s page"), preview, "C-1001", "Ana Carolina Silva")
    first.clear()
    expect(frames).to_have_count(1)
    second.select()
    expect(workspace.app.get_by_role("heading", name="Nikki Wolf")).to_be_visible()


@pytest.mark.parametrize(
    ("permission", "title"),
    [("Contact.CustomerDetails.View", "Phone number or e-mail"), ("User.Status.View", "Agent state")],
)
def test_a_missing_permission_spoils_its_own_card_and_says_which(
    workspace: Workspace, complaints: list[str], permission: str, title: str
) -> None:
    workspace.desk.withdraw(permission)
    call = workspace.desk.offer(customer="C-1001", initial="transferred")  # so that every card has something to show
    call.wait_until_running()
    expect(card(workspace.app, title)).to_contain_text(f"Needs {permission}")
    for other in CARDS:
        if other != title:
            expect(card(workspace.app, other)).not_to_contain_text(re.compile("Needs|Failed|No answer|^…$|^–$"))
    expect(workspace.app.get_by_text(f"{permission} is not granted.")).to_be_visible()
    expect(workspace.app.get_by_role("link", name="Open Ana Carolina Silva’s page")).to_be_visible()
    # The SDK says in the console that a subscription was refused: the agent's state is one.
    if permission == "User.Status.View":
        workspace.wait_until(lambda: complaints, "the refused subscription")
    assert all("without permission" in said for said in complaints)
    complaints.clear()


def test_a_card_never_asks_for_a_permission_that_is_granted(workspace: Workspace) -> None:
    workspace.desk.withdraw("Contact.Attributes.View")
    workspace.desk.offer(customer="C-1001", channel="CHAT").wait_until_running()
    expect(workspace.app.get_by_text("Needs Contact.Attributes.View")).to_be_visible()
    # A chat has no number: the card would take it from the attributes, which its own permission does not open.
    expect(card(workspace.app, "Phone number or e-mail")).to_have_text("–")
    expect(workspace.app.locator("dl#cards dd").filter(has_text="Needs")).to_have_count(0)


def test_an_unknown_caller_is_a_full_answer_with_a_search(workspace: Workspace) -> None:
    call = workspace.desk.offer(address="+12025550123")
    call.wait_until_running()
    attributes = call.look()["attributes"]
    assert set(attributes) == set(load_settings().attribute_names().values())
    assert (attributes["contactUrlPath"], attributes["contactMatches"]) == ("-", "0")
    assert attributes["statusCode"] == "200"
    expect(workspace.app.get_by_role("heading", name="No customer found")).to_be_visible()
    expect(card(workspace.app, "Phone number or e-mail")).to_have_text("+1 202 555 0123")
    window = pop(workspace, "Search the CRM")
    expect(window.get_by_role("heading", name="Nobody found")).to_be_visible()
    expect(window.get_by_role("searchbox")).to_have_value("+12025550123")


def test_an_anonymous_caller_who_types_a_number_is_found(workspace: Workspace) -> None:
    call = workspace.desk.offer(address="", typed="2065550100#")
    call.wait_until_running()
    expect(workspace.app.get_by_role("link", name="Open Ana Carolina Silva’s page")).to_be_visible()


def test_a_web_call_is_known_by_what_its_page_said_and_shows_it_as_it_came(workspace: Workspace) -> None:
    said = {"HostedWidget-email": "Ana.Silva@Example.com"}
    call = workspace.desk.offer(subtype="connect:WebRTC", attributes=said, typed="9")
    call.wait_until_running()
    expect(workspace.app.get_by_role("link", name="Open Ana Carolina Silva’s page")).to_be_visible()
    expect(card(workspace.app, "Phone number or e-mail")).to_have_text("Ana.Silva@example.com")


def test_what_stands_for_nothing_is_not_shown(workspace: Workspace) -> None:
    call = workspace.desk.offer(address="+266696687")  # withheld, and nothing typed
    call.wait_until_running()
    assert "-" in call.look()["attributes"].values()
    expect(workspace.app.get_by_role("heading", name="No customer found")).to_be_visible()
    workspace.app.get_by_text("Contact attributes (4)").click()  # width, height, matches and status
    expect(workspace.app.get_by_text("contactMatches")).to_be_visible()
    expect(workspace.app.get_by_text("contactUrlPath")).to_have_count(0)
    expect(workspace.app.get_by_text("-", exact=True)).to_have_count(0)


def test_a_script_for_a_page_is_shown_and_never_opened(workspace: Workspace) -> None:
    script = "javascript:void(document.title='popped')"
    call = workspace.desk.offer(customer="C-1001")
    call.wait_until_running()
    expect(workspace.app.get_by_role("link", name="Open Ana Carolina Silva’s page")).to_be_visible()
    call.set_attributes(contactUrlPath=script)
    workspace.app.get_by_role("button", name="Refresh").click()
    expect(workspace.app.get_by_text("The CRM page is not opened: its address is not https.")).to_be_visible()
    expect(workspace.app.get_by_text(script)).to_be_visible()
    expect(workspace.app.get_by_role("link", name="page")).to_have_count(0)
    expect(workspace.app.get_by_role("button", name="Copy link")).to_have_count(0)
    assert workspace.app.locator("a").evaluate_all("links => links.map(each => each.protocol)") == ["http:", "http:"]
    workspace.app.get_by_text(script).click()
    call.accept()
    status(workspace.app, "Contact connected")
    assert len(workspace.page.context.pages) == 1
    assert workspace.app.locator("html").evaluate("element => element.ownerDocument.title") == "Popdesk"


def test_outside_a_workspace_the_app_says_so(preview: Preview, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(preview.app_url)
    expect(page.get_by_role("heading", name="Not in an agent workspace")).to_be_visible()
    expect(page.get_by_text("open it from the agent workspace")).to_be_visible()
    expect(page.locator("dl#cards dd")).to_have_text(["–"] * len(CARDS))


def test_each_iframe_is_framed_as_a_guide_frames_it_and_subscribes_once(workspace: Workspace) -> None:
    for count, customer in enumerate(("C-1001", "C-1002"), 1):
        contact = workspace.desk.offer(customer=customer, channel="CHAT", accept=True)
        contact.wait_until_running()
        frame = workspace.page.locator("iframe:visible")
        assert (frame.get_attribute("sandbox") or "").split() == list(DEFAULT_SANDBOX)
        assert frame.get_attribute("allow") is None
        workspace.app.get_by_role("button", name="Refresh").click()
        expect(card(workspace.app, "Agent name")).to_have_text("Alex Rivera")
        # Asked again only once the subscriptions are there.
        contact.set_attributes(Name="Nikki")
        workspace.app.get_by_role("button", name="Refresh").click()
        expect(workspace.app.get_by_role("heading", name="Nikki")).to_be_visible()
        (app,) = [one for one in workspace.desk.look()["apps"] if one["contactId"] == contact.id]
        subscribed = [
            json.dumps(entry["message"]["topic"], sort_keys=True)
            for entry in workspace.desk.command("log", filter="subscribe", last=1000)
            if entry["message"].get("type") == "subscribe"
        ]
        # The agent's state, the theme, and the contact's connected, starting ACW, missed and cleared.
        assert app["subscriptions"] == 6
        assert len(subscribed) == 6 * count


def test_a_whole_call_asks_no_other_origin_and_sends_productions_headers(
    preview: Preview, fresh_context: BrowserContext
) -> None:
    asked: list[str] = []
    headers: list[dict[str, str]] = []
    fresh_context.on("request", lambda request: asked.append(request.url))
    answered = []
    fresh_context.on("response", lambda response: answered.append(response))
    workspace = Workspace(preview, fresh_context.new_page())
    workspace.open()
    call = workspace.desk.offer(customer="C-1001")
    call.wait_until_running()
    call.accept()
    status(workspace.app, "Contact connected")
    expect_customers_page(pop(workspace, "Open Ana Carolina Silva’s page"), preview, "C-1001", "Ana Carolina Silva")
    call.end()
    call.clear()
    expect(workspace.page.locator("iframe")).to_have_count(0)

    origins = {f"{url.scheme}://{url.netloc}/" for url in map(urlsplit, asked) if url.scheme not in ("data", "blob")}
    assert origins == {preview.workspace_url, preview.app_url}
    headers = [response.all_headers() for response in answered if response.url.startswith(preview.app_url)]
    assert len(headers) >= 5  # the page, its style, the SDK, the interpreter, the app
    expected = {name.lower(): value for name, value in response_headers((preview.workspace_url.rstrip("/"),)).items()}
    for sent in headers:
        assert {name: value for name, value in sent.items() if name not in OWN_HEADERS} == expected
