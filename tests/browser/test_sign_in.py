"""The agent's sign-in in a real browser: the pop-up, the provider on another origin, the callback page, our other frames.

The application has the default sandbox, in which a pop-up is sandboxed too, and the browser blocks third-party cookies.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from ops.preview import builds
from ops.preview.local_provider import LocalProvider
from ops.preview.server import Preview
from ops.settings import ROOT, Settings
from ops.site.build import app_page
from tests.browser.app_stage import DEFAULT_SANDBOX, changed_settings, violations
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

CARDS = '''"""One card, which asks the API."""

from popdesk import card


@card("Open cases", later=True)
async def open_cases(desk):
    found = await desk.api.get("customers/{id}/cases", id=await desk.customer.id())
    return str(len(found["cases"])) + " open"
'''


class SigningIn(Workspace):
    """A workspace whose app asks an API that wants the agent's sign-in."""

    lines: list[str]

    @property
    def provider(self) -> LocalProvider:
        found = self.preview.provider
        assert found
        return found

    @property
    def button(self) -> Any:
        return self.app.get_by_role("button", name="Sign in")

    def says(self, text: str) -> None:
        """Wait until the line with the button says so."""
        expect(self.app.locator("#sign-in p")).to_contain_text(text)
        expect(self.button).to_be_enabled()

    def card(self, text: str) -> None:
        """Wait until the card shows it."""
        expect(self.app.locator("#card-open_cases")).to_contain_text(text)

    def offer(self) -> Any:
        contact = self.desk.offer(customer="C-1001", accept=True)
        contact.wait_until_running()
        return contact

    def pop_up(self) -> Page:
        """Click the button and return the pop-up, at the provider."""
        with self.page.expect_popup() as opened:
            self.button.click()
        opened.value.wait_for_url(f"{self.provider.authorization_endpoint}**")
        return opened.value

    def sign_in(self) -> None:
        pop_up = self.pop_up()
        with pop_up.expect_event("close"):
            pop_up.get_by_role("button", name="Sign in").click()
        expect(self.app.locator("#sign-in")).to_be_hidden()


@contextmanager
def _preview(folder: Path) -> Iterator[tuple[Preview, list[str]]]:
    oidc = {"client_id": "popdesk", "audience": "popdesk-api", "scopes": ("openid", "offline_access")}
    settings = changed_settings(api={"enabled": True, "auth": "oidc"}, iframe={"sandbox": DEFAULT_SANDBOX})
    own = settings.api.oidc.model_copy(update=oidc)
    settings = settings.model_copy(update={"api": settings.api.model_copy(update={"oidc": own})})
    python = folder / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "cards.py").write_text(CARDS, "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(builds, "app_page", lambda settings: app_page(settings, python))
        yield from _run(settings)


def _run(settings: Settings) -> Iterator[tuple[Preview, list[str]]]:
    lines: list[str] = []
    with Preview(lambda: settings, tell=lines.append, log=lines.append) as preview:
        yield preview, lines


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Preview, list[str]]]:
    with _preview(tmp_path_factory.mktemp("app")) as made:
        yield made


@pytest.fixture(scope="module")
def strict(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """A Chromium that gives no frame of another site its cookies."""
    arguments = [*browser_type_launch_args["args"], "--test-third-party-cookie-phaseout"]
    browser = playwright.chromium.launch(**{**browser_type_launch_args, "args": arguments})
    yield browser
    browser.close()


@pytest.fixture
def workspace(running: tuple[Preview, list[str]], strict: Browser) -> Iterator[SigningIn]:
    context = strict.new_context()
    made = SigningIn(running[0], context.new_page())
    made.lines = running[1]
    made.provider.access_seconds = 600
    made.open()
    yield made
    context.close()
    assert made.errors == []


def test_in_the_default_sandbox_without_cookies_axe_finds_nothing_in_the_line_with_the_button(
    workspace: SigningIn,
) -> None:
    workspace.offer()
    workspace.says("Sign in to work")
    assert workspace.page.locator("iframe:visible").get_attribute("sandbox") == " ".join(DEFAULT_SANDBOX)
    frame = next(each for each in workspace.page.frames if each.url.startswith(workspace.preview.app_url))
    assert frame.evaluate("document.hasStorageAccess()") is False
    assert violations(frame) == []


def test_an_agent_who_is_to_choose_a_customer_is_asked_once_to_sign_in(workspace: SigningIn) -> None:
    workspace.desk.offer(address="+12125550150", accept=True).wait_until_running()
    workspace.says("Sign in to work with this customer’s data.")
    expect(workspace.app.locator("#hero")).to_contain_text("2 customers match")
    expect(workspace.app.get_by_text("Sign in to work")).to_have_count(1)
    workspace.sign_in()
    expect(workspace.app.locator("#candidates button:visible")).to_have_count(2)


def test_an_agent_signs_in_once_for_all_contacts_and_no_log_has_a_token(workspace: SigningIn) -> None:
    first = workspace.offer()
    workspace.says("Sign in to work with this customer’s data.")
    workspace.card("Sign in to work")
    workspace.sign_in()
    workspace.card("open")
    workspace.desk.offer(customer="C-1002", accept=True).wait_until_running()
    expect(workspace.app.locator("#sign-in")).to_be_hidden()
    workspace.card("open")
    log = json.dumps(workspace.desk.command("log", last=100_000)) + "\n".join(workspace.lines)
    for secret in (*workspace.provider.refreshes, "access_token", "code_verifier", "Bearer "):
        assert secret not in log
    first.end()


def test_a_pop_up_that_is_closed_or_cancelled_is_said_and_can_be_tried_again(workspace: SigningIn) -> None:
    workspace.offer()
    workspace.pop_up().close()
    workspace.says("was closed before you were signed in")
    workspace.pop_up().get_by_role("button", name="Cancel").click()
    workspace.says("You were not signed in")
    workspace.sign_in()


def test_an_answer_to_something_else_is_not_used(workspace: SigningIn) -> None:
    workspace.offer()
    pop_up = workspace.pop_up()
    asked = len(workspace.provider.refreshes)
    pop_up.evaluate("url => { location.href = url }", f"{workspace.preview.app_url}?code=stolen&state=forged")
    workspace.says("was not for this sign-in")
    assert len(workspace.provider.refreshes) == asked


def test_a_message_from_elsewhere_is_no_answer(workspace: SigningIn) -> None:
    workspace.offer()
    pop_up = workspace.pop_up()
    frame = next(each for each in workspace.page.frames if each.url.startswith(workspace.preview.app_url))
    frame.evaluate('window.postMessage(\'popdesk-sign-in{"state":"x","code":"y"}\', \'*\')')
    pop_up.evaluate('opener.postMessage(\'popdesk-sign-in{"state":"x","code":"y"}\', \'*\')')
    expect(workspace.app.locator("#sign-in p")).to_contain_text("in the window that has opened")
    pop_up.close()
    workspace.says("was closed before")


def test_a_token_that_expires_is_renewed_and_nobody_notices(workspace: SigningIn) -> None:
    workspace.provider.access_seconds = 1
    workspace.offer()
    workspace.sign_in()
    before = set(workspace.provider.refreshes)
    workspace.page.wait_for_timeout(1_100)  # it is the token's own time
    workspace.app.locator("[data-do=refresh]").click()
    workspace.wait_until(lambda: set(workspace.provider.refreshes) - before, "the renewal")
    workspace.card("open")
    expect(workspace.app.locator("#sign-in")).to_be_hidden()


def test_a_session_that_is_taken_back_is_said_and_the_button_comes_back(workspace: SigningIn) -> None:
    workspace.provider.access_seconds = 1
    workspace.offer()
    workspace.sign_in()
    workspace.card("open")
    workspace.provider.revoke()
    workspace.page.wait_for_timeout(1_100)
    workspace.app.locator("[data-do=refresh]").click()
    workspace.says("Your sign-in has ended")
    workspace.provider.access_seconds = 600
    workspace.sign_in()
    workspace.card("open")


def test_a_clock_that_is_wrong_is_said(workspace: SigningIn) -> None:
    workspace.provider.ahead_seconds = 3600
    try:
        workspace.offer()
        pop_up = workspace.pop_up()
        pop_up.get_by_role("button", name="Sign in").click()
        workspace.says("This computer’s clock is wrong")
    finally:
        workspace.provider.ahead_seconds = 0


def test_a_provider_that_is_down_is_said(workspace: SigningIn) -> None:
    workspace.offer()
    workspace.page.context.route(workspace.provider.token_endpoint, lambda route: route.abort())
    pop_up = workspace.pop_up()
    pop_up.get_by_role("button", name="Sign in").click()
    workspace.says("The sign-in does not answer now")
    workspace.page.context.unroute(workspace.provider.token_endpoint)
    workspace.sign_in()


def test_a_blocked_pop_up_is_said(running: tuple[Preview, list[str]], launch: Callable[..., Browser]) -> None:
    browser = launch("chromium", blocks_popups=True)
    workspace = SigningIn(running[0], browser.new_context().new_page())
    workspace.open()
    workspace.offer()
    workspace.says("Sign in to work")
    frame = next(each for each in workspace.page.frames if each.url.startswith(workspace.preview.app_url))
    # What Playwright evaluates counts as a click; to open a window uses it up, and so the button has none.
    with workspace.page.context.expect_page() as opened:
        frame.evaluate("() => { open(); document.querySelector('[data-do=sign-in]').click() }")
    opened.value.close()
    workspace.says("The browser has blocked the sign-in window")


def test_firefox_signs_in_too(running: tuple[Preview, list[str]], launch: Callable[..., Browser]) -> None:
    context = launch("firefox").new_context()
    workspace = SigningIn(running[0], context.new_page())
    workspace.open()
    workspace.offer()
    workspace.sign_in()
    workspace.card("open")
    context.close()
    assert workspace.errors == []
