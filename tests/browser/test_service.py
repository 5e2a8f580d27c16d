"""What opens the page: the flow's guide, in the default sandbox and for a time; or a service of the workspace, which hears a
contact connect and launches the page for it as it is registered.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Frame, expect

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.browser.app_stage import DEFAULT_SANDBOX, AppStates, previewed
from tests.conftest import IN_FIREFOX_NIGHTLY, Workspace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def serving() -> Iterator[Preview]:
    """A preview whose page a service opens, which pops by itself when the contact is connected."""
    with previewed(opens="service", pop={"automatic": "connected"}) as preview:
        yield preview


@pytest.fixture
def states(any_context: BrowserContext, serving: Preview) -> Iterator[AppStates]:
    workspace = Workspace(serving, any_context.new_page())
    workspace.open()
    yield AppStates(workspace)
    assert workspace.errors == []


def _connected(app: Frame) -> None:
    expect(app.get_by_role("status").filter(has_text="Contact connected")).to_be_visible()


@IN_FIREFOX_NIGHTLY
def test_a_connected_contact_has_its_page_launched_and_popped(states: AppStates) -> None:
    workspace, desk = states.workspace, states.desk
    (service,) = desk.command("look")["services"]
    assert (service["state"], service["error"]) == ("running", "")
    call = desk.offer(customer="C-1001")
    assert desk.look()["apps"] == []  # it rings: nothing is opened
    with workspace.page.context.expect_page() as popped:
        call.accept()
        call.wait_until_running()
        app = states.frame()
        # The page was not there when the contact was connected: it is told.
        _connected(app)
        expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(popped.value.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    sandbox = workspace.page.locator("iframe:visible").get_attribute("sandbox")
    assert sandbox == " ".join(load_settings().iframe.sandbox)
    assert not popped.value.evaluate(SANDBOXED)
    popped.value.close()
    call.end()
    expect(app.get_by_role("status").filter(has_text="After-contact work")).to_be_visible()
    call.clear()
    expect(workspace.page.locator("iframe")).to_have_count(1)  # the service's own
    assert desk.command("look")["services"][0]["state"] == "running"


def test_a_guides_page_pops_in_the_default_sandbox_and_loses_nothing_when_its_view_is_shown_again(
    any_context: BrowserContext, preview: Preview
) -> None:
    workspace = Workspace(preview, any_context.new_page())
    workspace.open()
    states = AppStates(workspace)
    app = states.connected()
    first = workspace.page.locator("iframe:visible")
    assert first.get_attribute("sandbox") == " ".join(DEFAULT_SANDBOX)
    assert first.get_attribute("allow") is None
    with any_context.expect_page() as popped:
        app.locator("#pop").click()
    expect(popped.value.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    assert popped.value.evaluate(SANDBOXED)
    popped.value.close()
    identity = first.get_attribute("data-instance")
    states.desk.command("view")
    expect(workspace.page.locator(f"iframe:visible:not([data-instance='{identity}'])")).to_be_visible()
    assert states.contact is not None
    states.contact.wait_until_running()
    app = states.frame()
    if app.evaluate(KEEPS):
        # What the page before it has heard holds still: the workspace says for how long the contact has been in its state.
        _connected(app)
    else:
        expect(app.get_by_role("status").filter(has_text="Contact open")).to_be_visible()
    states.contact.end()
    expect(app.get_by_role("status").filter(has_text="After-contact work")).to_be_visible()
    assert workspace.errors == []


def test_a_page_that_is_opened_late_says_no_state_that_it_was_not_told(workspace: Workspace) -> None:
    """No request tells it, and to say "connecting" of a connected call would be wrong."""
    states = AppStates(workspace)
    states.desk.command("offer", customer="C-1001", accept=True, contact="late")
    states.desk.command("until", app="running")
    app = states.frame()
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.get_by_role("status").filter(has_text="Contact open")).to_be_visible()
    states.desk.command("event", name="contact/connected", contact="late")
    _connected(app)


def test_a_page_that_is_opened_late_is_told_by_the_agents_own_part_where_that_is_granted(workspace: Workspace) -> None:
    states = AppStates(workspace)
    states.desk.grant("*")
    states.desk.command("offer", customer="C-1001", accept=True, contact="late")
    states.desk.command("until", app="running")
    _connected(states.frame())


# Whether the browser gives a frame of another site its storage: this Chromium does not.
KEEPS = "() => { try { return !!sessionStorage; } catch { return false; } }"
# A page cannot ask for its sandbox; one in a sandbox may never set its document's domain
# (https://html.spec.whatwg.org/multipage/browsers.html#sandboxed-document.domain-browsing-context-flag).
SANDBOXED = "() => { try { document.domain = document.domain; return false; } catch { return true; } }"
