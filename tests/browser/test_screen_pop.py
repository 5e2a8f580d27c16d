"""The screen pop in Chromium and in Firefox: each of the three windows, first and second contact, allowed and blocked.

What the agent must act on is said until they act, no page that is popped leads the workspace away, and a page that somebody
else may have a form in is not led on, unless the team has chosen that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from ops.preview.scenario import Contact
from ops.preview.server import Preview
from ops.settings import Iframe, load_settings
from tests.browser.app_stage import DEFAULT_SANDBOX, NO_POPUPS, AppStates, previewed, storing_browser
from tests.browser.hostile_page import LED_AWAY, NAMES, HostilePage, attack
from tests.conftest import BROWSERS, IN_FIREFOX_NIGHTLY, Launch, Workspace
from tests.kept_contexts import KeptContexts

WINDOWS = ("per-contact", "tab", "shared")
# A tab is opened and kept as a window for each contact is, and Firefox lets no frame lead another's window: every night is
# often enough for what differs in nothing else.
_NIGHTLY = pytest.mark.thorough
EACH_WINDOW = pytest.mark.parametrize(
    ("any_browser", "window"),
    [
        ("chromium", "per-contact"),
        ("chromium", "shared"),
        ("firefox", "shared"),
        pytest.param("chromium", "tab", marks=_NIGHTLY),
        pytest.param("firefox", "per-contact", marks=_NIGHTLY),
        pytest.param("firefox", "tab", marks=_NIGHTLY),
    ],
    indirect=["any_browser"],
)
SANDBOXES = {"escaping": " ".join(Iframe().sandbox), "inherited": " ".join(DEFAULT_SANDBOX)}


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostilePage]:
    with HostilePage() as made:
        yield made


@pytest.fixture(scope="module")
def popping(hostile: HostilePage) -> Iterator[Callable[[str], Preview]]:
    """Return a preview that pops by itself into one kind of window, on the hostile page's host too."""
    with ExitStack() as stack:
        running: dict[str, Preview] = {}

        def of(window: str) -> Preview:
            if window not in running:
                hosts = (*load_settings().pop.allowed_hosts, hostile.origin)
                pop = {"automatic": "connected", "window": window, "allowed_hosts": hosts}
                running[window] = stack.enter_context(previewed(pop=pop))
            return running[window]

        yield of


@pytest.fixture
def open_in(kept_contexts: KeptContexts) -> Iterator[Callable[[Browser, Preview, str], AppStates]]:
    """Open the workspace in a browser context of its own, its apps in a sandbox; at the end no page error was raised."""
    opened: list[Workspace] = []
    stack = ExitStack()

    def one(browser: Browser, preview: Preview, sandbox: str = "") -> AppStates:
        workspace = Workspace(preview, stack.enter_context(kept_contexts.lend(browser, {})).new_page())
        opened.append(workspace)
        workspace.open()
        if sandbox:
            workspace.desk.command("app", url=preview.app_url, name="Popdesk", sandbox=sandbox)
        return AppStates(workspace)

    yield one
    with stack:
        for workspace in opened:
            assert workspace.errors == []


def connect(
    states: AppStates, customer: str, channel: str = "CHAT", untouched: bool = False, **attributes: str
) -> Contact:
    """Offer a contact, let its app start, and accept it.

    `untouched` accepts it when no click counts any more: whatever Playwright evaluates in a frame counts as the agent's click
    for five seconds. To open a window uses it up, for every frame of the page
    (https://html.spec.whatwg.org/multipage/interaction.html#consume-user-activation).
    """
    contact = states.desk.offer(customer=customer, channel=channel)
    if attributes:
        contact.set_attributes(**attributes)
    contact.wait_until_running()
    if untouched:
        with states.workspace.page.context.expect_page() as opened:
            states.frame().evaluate("() => void open()")
        opened.value.close()
    contact.accept()
    return contact


def pops(states: AppStates) -> list[str]:
    """Return what the app has told the workspace's log of its pops so far: "opened", "blocked" or "barred"."""
    entries = states.desk.command("log", filter="Screen pop", last=100)
    said = [str(entry["message"].get("message")) for entry in entries if entry["message"].get("type") == "log"]
    return [text.removeprefix("Screen pop ") for text in said if text.startswith("Screen pop ")]


def wait_for_pops(states: AppStates, count: int) -> list[str]:
    """Wait until the app has told of so many pops; return what they came to."""
    states.workspace.wait_until(lambda: len(pops(states)) >= count, f"{count} pops")
    return pops(states)


def popped(states: AppStates) -> list[Page]:
    """Return the windows that are open beside the workspace."""
    return [page for page in states.workspace.page.context.pages if page != states.workspace.page]


def page_at(states: AppStates, url: str) -> Page:
    """Return the one popped window that shows a URL, once it does; `*` stands for anything."""
    pattern = re.compile(re.escape(url).replace(r"\*", ".*"))

    def found() -> Page | None:
        pages = [page for page in popped(states) if pattern.fullmatch(page.url)]
        return pages[0] if len(pages) == 1 else None

    try:
        page = states.workspace.wait_until(found, f"one window at {url}")
    except AssertionError as error:
        raise AssertionError(f"{error}; there are {[page.url for page in popped(states)]}, {pops(states)}") from None
    page.wait_for_load_state()
    return page


# -- nothing leads the workspace away ----------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize("window", WINDOWS)
def test_no_popped_page_leads_the_workspace_away(
    any_browser: Browser,
    popping: Callable[[str], Preview],
    open_in: Callable[..., AppStates],
    hostile: HostilePage,
    window: str,
    sandbox: str,
) -> None:
    states = open_in(any_browser, popping(window), SANDBOXES[sandbox])
    workspace = states.workspace.page
    shared = window == "shared" and any_browser.browser_type.name == "chromium"
    for count, (customer, name) in enumerate((("C-1001", "Ana Carolina Silva"), ("C-1002", "Nikki Wolf")), 1):
        connect(states, customer, contactUrlPath=hostile.url(customer))
        assert wait_for_pops(states, count) == ["opened"] * count
        page = page_at(states, hostile.url(customer))
        assert page.evaluate("opener === null") is not shared
        workspace.evaluate(
            "names => [window, ...document.querySelectorAll('iframe')].forEach((each, at) => each.name = names[at])",
            list(NAMES),
        )
        frames = [frame.url for frame in workspace.frames]
        tried = attack(page)
        assert len(tried) > 40
        for stray in popped(states):  # where a name was not found, the browser opened another window
            if LED_AWAY in stray.url or stray.url == "about:blank":
                stray.close()
        page.reload()  # whatever was led away would be by now
        assert [frame.url for frame in workspace.frames] == frames
        assert not any(LED_AWAY in frame.url for frame in workspace.frames)
        expect(states.frame().get_by_role("heading", name=name)).to_be_visible()
        expect(states.frame().locator("#pop-note")).to_have_text("Opened in the CRM window")
    expect(workspace.locator("iframe")).to_have_count(2)


# -- first and second contact ------------------------------------------------------------------------------------------

NOTHING_BLOCKED = "Opened in the CRM window"
# What the browser's own words for it are, so that the agent finds them.
ALLOW = {
    "chromium": "the icon at the right end of the address bar, then “Always allow”",
    "firefox": "“Options” or “Preferences” in the bar above the page, then “Allow pop-ups”",
}


def fill_in(page: Page, text: str) -> None:
    """Type into a field of the page, as an agent does into a form of the CRM."""
    page.get_by_role("searchbox").fill(text)


@EACH_WINDOW
def test_a_second_chat_pops_its_own_page_and_leaves_the_first_ones_form(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates], window: str
) -> None:
    states = open_in(any_browser, popping(window), SANDBOXES["escaping"])
    connect(states, "C-1001")
    first = page_at(states, "*/crm/customers/C-1001")
    fill_in(first, "half written")
    connect(states, "C-1002")
    second = page_at(states, "*/crm/customers/C-1002")
    expect(second.get_by_role("heading", name="Nikki Wolf")).to_be_visible()
    assert wait_for_pops(states, 2) == ["opened", "opened"]
    if window == "shared" and any_browser.browser_type.name == "chromium":
        assert second == first  # the team has chosen one window that follows the contacts
    else:
        assert second != first
        expect(first.get_by_role("searchbox")).to_have_value("half written")
    for name in ("Nikki Wolf", "Ana Carolina Silva"):
        expect(states.frame().get_by_role("heading", name=name)).to_be_visible()
        expect(states.frame().locator("#pop-note")).to_have_text(NOTHING_BLOCKED)
        expect(states.frame().locator("#cards dd").get_by_text("…", exact=True)).to_have_count(0)
        expect(states.frame().locator("#errors")).to_be_empty()
        states.desk.command("select", contact=states.desk.look()["contacts"][0]["contactId"])


@IN_FIREFOX_NIGHTLY
def test_after_the_contact_that_opened_the_shared_window_another_is_opened(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates]
) -> None:
    """Only its opener leads a window, and that is gone with its contact."""
    states = open_in(any_browser, popping("shared"))
    first = connect(states, "C-1001")
    page_at(states, "*/crm/customers/C-1001")
    first.end()
    first.clear()
    expect(states.workspace.page.locator("iframe")).to_have_count(0)
    connect(states, "C-1002")
    page_at(states, "*/crm/customers/C-1002")
    page_at(states, "*/crm/customers/C-1001")
    assert wait_for_pops(states, 2) == ["opened", "opened"]


@IN_FIREFOX_NIGHTLY
def test_in_a_guides_sandbox_a_shared_window_follows_its_own_contact(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates]
) -> None:
    """No browser lets a sandboxed frame lead a window that another one has opened: "one permitted sandboxed navigator"
    (https://html.spec.whatwg.org/multipage/document-sequences.html#allowed-by-sandboxing-to-navigate)."""
    states = open_in(any_browser, popping("shared"))
    connect(states, "C-1001")
    first = page_at(states, "*/crm/customers/C-1001")
    fill_in(first, "half written")
    connect(states, "C-1002")
    second = page_at(states, "*/crm/customers/C-1002")
    assert wait_for_pops(states, 2) == ["opened", "opened"]
    assert second != first
    expect(first.get_by_role("searchbox")).to_have_value("half written")


@IN_FIREFOX_NIGHTLY
@pytest.mark.parametrize("window", ["per-contact", "shared", pytest.param("tab", marks=_NIGHTLY)])
def test_a_second_click_shows_the_page_anew(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates], window: str
) -> None:
    states = open_in(any_browser, popping(window))
    app = states.offer("C-1001")
    app.locator("#pop").click()
    first = page_at(states, "*/crm/customers/C-1001")
    fill_in(first, "half written")
    states.workspace.page.bring_to_front()
    states.workspace.page.wait_for_timeout(600)  # or it would be a double click
    app.locator("#pop").click()
    assert wait_for_pops(states, 2) == ["opened", "opened"]
    if window == "shared" and any_browser.browser_type.name == "chromium":
        expect(first.get_by_role("searchbox")).to_have_value("")
        assert popped(states) == [first]
        first.close()  # the agent has done with it
        states.workspace.page.wait_for_timeout(600)
        app.locator("#pop").click()
        page_at(states, "*/crm/customers/C-1001")
    else:
        expect(first.get_by_role("searchbox")).to_have_value("half written")
        assert len(popped(states)) == 2


# -- the pop-up blocker ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("chromium", "per-contact"),
        ("chromium", "shared"),
        ("firefox", "per-contact"),
        pytest.param("chromium", "tab", marks=_NIGHTLY),
        pytest.param("firefox", "shared", marks=_NIGHTLY),
        pytest.param("firefox", "tab", marks=_NIGHTLY),
    ],
)
def test_a_blocked_pop_is_said_until_the_agent_acts(
    launch: Launch, popping: Callable[[str], Preview], open_in: Callable[..., AppStates], name: str, window: str
) -> None:
    states = open_in(launch(name, blocks_popups=True), popping(window), SANDBOXES["escaping"])
    site = states.workspace.preview.workspace_url.rstrip("/")
    for count, (customer, heading) in enumerate((("C-1001", "Ana Carolina Silva"), ("C-1002", "Nikki Wolf")), 1):
        contact = connect(states, customer, untouched=True)
        if count == 2 and window == "shared" and name == "chromium":
            assert wait_for_pops(states, 3)[-1] == "opened"  # no window had to be opened for it
            page_at(states, f"*/crm/customers/{customer}")
            break
        assert wait_for_pops(states, 2 * count - 1)[-1] == "blocked"
        states.workspace.page.bring_to_front()  # the first contact's page is in front, as a tab
        app = states.frame()
        note = app.locator("#pop-note")
        expect(note).to_have_text(
            "The browser blocked the CRM window. Use the link above. To have it open by itself, allow pop-ups for "
            f"{site}: {ALLOW[name]}."
        )
        expect(note).to_have_attribute("data-tone", "warning")
        blocked = str(note.text_content())
        for number in range(3):  # the refresh of "connected" has been drawn by then, and two of the agent's
            contact.set_attributes(Name=f"{heading} {number}")
            app.locator("[data-do=refresh]").click()
            expect(app.get_by_role("heading", name=f"{heading} {number}")).to_be_visible()
            expect(note).to_have_text(blocked)
        app.locator("#pop").click()
        page_at(states, f"*/crm/customers/{customer}")
        expect(note).to_have_text(NOTHING_BLOCKED)
        contact.set_attributes(Name=heading)
        app.locator("[data-do=refresh]").click()
        expect(app.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(note).to_have_text(NOTHING_BLOCKED)
        assert pops(states) == ["blocked", "opened"] * count
        expect(app.locator("#errors")).to_be_empty()


@IN_FIREFOX_NIGHTLY
def test_opened_is_not_said_of_another_page(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates]
) -> None:
    states = open_in(any_browser, popping("per-contact"))
    contact = connect(states, "C-1001")
    wait_for_pops(states, 1)
    app = states.frame()
    expect(app.locator("#pop-note")).to_have_text(NOTHING_BLOCKED)
    contact.set_attributes(Name="Nikki", contactUrlPath=states.workspace.preview.workspace_url + "crm/customers/C-1002")
    app.locator("[data-do=refresh]").click()
    expect(app.get_by_role("heading", name="Nikki")).to_be_visible()
    expect(app.locator("#pop-note")).to_have_text("")


@pytest.mark.parametrize("name", BROWSERS)
def test_a_sandbox_without_windows_says_so_and_not_that_the_browser_blocked_it(
    launch: Launch, popping: Callable[[str], Preview], open_in: Callable[..., AppStates], name: str
) -> None:
    states = open_in(launch(name), popping("per-contact"), NO_POPUPS)
    connect(states, "C-1001")
    wait_for_pops(states, 1)
    app = states.frame()
    app.locator("#pop").click()
    expect(app.locator("#pop-note")).to_have_text(re.compile("^The workspace does not let this page open windows"))
    app.locator("[data-do=refresh]").click()
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.locator("#pop-note")).to_have_text(re.compile("^The workspace does not let this page open windows"))
    expect(app.locator("#errors")).to_be_empty()
    assert popped(states) == []


# -- once, and no more -------------------------------------------------------------------------------------------------


@IN_FIREFOX_NIGHTLY
def test_what_the_agent_opened_while_it_rang_does_not_pop_as_well(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates]
) -> None:
    states = open_in(any_browser, popping("per-contact"))
    app = states.offer("C-1001")
    app.locator("#pop").evaluate(
        "link => { link.click(); link.click() }"
    )  # a double click opens one window all the same
    page_at(states, "*/crm/customers/C-1001")
    assert states.contact is not None
    states.contact.accept()
    expect(app.locator("#life-text")).to_have_text("Contact connected")
    states.desk.command("reload")
    states.contact.wait_until_running()
    expect(states.frame().get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    states.contact.end()
    expect(states.frame().locator("#life-text")).to_have_text("After-contact work")
    assert pops(states) == ["opened"]
    assert len(popped(states)) == 1


def test_a_page_that_opens_anew_knows_that_its_contact_is_connected_and_does_not_pop_again(
    playwright: Playwright, browser_type_launch_args: dict[str, Any], popping: Callable[[str], Preview], tmp_path: Path
) -> None:
    """In a browser that lets a frame store something: where it does not, the state is not known, and nothing pops."""
    with storing_browser(playwright, browser_type_launch_args, tmp_path) as context:
        workspace = Workspace(popping("per-contact"), context.new_page())
        workspace.open()
        states = AppStates(workspace)
        contact = connect(states, "C-1001")
        assert wait_for_pops(states, 1) == ["opened"]
        for _ in range(2):
            states.desk.command("reload")
            contact.wait_until_running()
            app = states.frame()
            expect(app.locator("#life-text")).to_have_text("Contact connected")
            expect(app.locator("#pop")).to_be_visible()
        contact.end()
        expect(app.locator("#life-text")).to_have_text("After-contact work")
        assert pops(states) == ["opened"]
        assert len([page for page in popped(states) if "/crm/" in page.url]) == 1
        assert workspace.errors == []


@pytest.mark.parametrize("any_browser", [pytest.param("chromium", marks=_NIGHTLY), "firefox"], indirect=True)
def test_answers_that_arrive_while_a_window_opens_are_shown(
    any_browser: Browser, popping: Callable[[str], Preview], open_in: Callable[..., AppStates]
) -> None:
    """Firefox goes on with its event loop while it opens a window: answers come in the middle of the pop."""
    states = open_in(any_browser, popping("per-contact"))
    states.desk.latency(40)
    for count, customer in enumerate(("C-1001", "C-1002", "C-1003"), 1):
        contact = connect(states, customer)
        states.desk.command("burst", count=20)
        contact.set_attributes(Note=customer)
        assert wait_for_pops(states, count) == ["opened"] * count
        states.workspace.page.bring_to_front()
        app = states.frame()
        expect(app.locator("#pop-note")).to_have_text(NOTHING_BLOCKED)
        states.desk.set_state(f"State {count}", "not_routable")
        expect(app.locator("#card-agent_state")).to_have_text(f"State {count}")
        app.locator("[data-do=refresh]").click()
        app.locator("#attributes > summary").click()
        expect(app.locator("#attributes-list")).to_contain_text(customer)
        expect(app.locator("#cards dd").get_by_text("…", exact=True)).to_have_count(0)
        expect(app.locator("#errors")).to_be_empty()
