"""What the real page tells of itself: once for its contact, at the end of it or when it is closed; nothing that it was given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Playwright, expect
from popdesk_api.page_events import PageRecord

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.browser.app_stage import AppStates, previewed, storing_browser
from tests.browser.hosting import OwnCardsServer
from tests.browser.kept_api import KeptApi
from tests.conftest import Workspace

CARDS = """
from popdesk import card, Text, Unanswered


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()


@card("Broken, like Ada Byron's")
async def broken(desk):
    raise Unanswered((await desk.contact.attributes()).get("contactName", "failed"))


@card("Orders", later=True)
async def orders(desk):
    return Text(await desk.api.get("orders"))
"""
HOSTILE = "Ada 'Byron' <img src=x>\r\n{{7*7}}"


class Host:
    """The page with these cards, and its API."""

    def __init__(self, stack: ExitStack, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.api = workspace, KeptApi()
        self._stack, self._folder = stack, folder

    def open(self, **events: Any) -> Frame:
        api = load_settings().api
        api = api.model_copy(update={"enabled": True, "events": api.events.model_copy(update=events)})
        settings = load_settings().model_copy(update={"api": api})
        server = OwnCardsServer(self._folder, CARDS, self.workspace.preview.workspace_url, settings, "", self.api)
        self.workspace.desk.command("app", url=self._stack.enter_context(server).url, name="Popdesk")
        self.states = AppStates(self.workspace)
        frame = self.states.offer("C-1001")
        assert self.states.contact
        self.states.contact.accept()
        frame.locator("#life[data-life=connected]").wait_for()
        return frame

    def wait(self, holds: Callable[[], object]) -> None:
        for _ in range(100):
            if holds():
                return
            self.workspace.page.wait_for_timeout(50)
        pytest.fail("it did not come about in five seconds")


@pytest.fixture
def host(
    playwright: Playwright, browser_type_launch_args: dict[str, Any], preview: Preview, tmp_path: Path
) -> Iterator[Host]:
    with ExitStack() as stack:
        context = stack.enter_context(storing_browser(playwright, browser_type_launch_args, tmp_path))
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        yield Host(stack, workspace, tmp_path / "site")


def test_a_page_tells_once_at_the_end_of_its_contact_and_nothing_that_it_was_given(host: Host) -> None:
    frame = host.open()
    host.states.change_attributes(frame, {"popdeskToken": "t-1", "contactName": HOSTILE})
    frame.locator("#card-orders [data-do=retry]").wait_for()  # the late modules are there, and the API has answered
    assert host.api.records == []
    assert host.states.contact
    host.states.contact.end()
    host.wait(lambda: host.api.records)
    (asked,) = host.api.records
    record = PageRecord.model_validate(asked.body)  # as the function reads it
    assert asked.token == "t-1"
    assert record.failed == {"broken": "failed", "orders": "problem"}
    assert record.hello is not None
    assert record.first_values is not None
    assert 0 < record.hello <= record.first_values < 60_000
    assert (record.release, record.popped, record.pop) == ("", "", None)
    # Another page of the contact says nothing: not when it is there, and not when the contact is cleared.
    asked_before = len(host.api.requests)
    frame.evaluate("location.reload()")
    host.wait(lambda: len(host.api.requests) > asked_before)
    frame.locator("#card-orders [data-do=retry]").wait_for()
    host.states.contact.clear()
    host.workspace.page.locator("iframe").wait_for(state="detached")
    host.workspace.page.wait_for_timeout(300)
    assert len(host.api.records) == 1


def test_a_page_that_is_closed_tells_at_once(host: Host) -> None:
    frame = host.open()
    host.states.change_attributes(frame, {"popdeskToken": "t-1"})
    host.wait(lambda: host.api.requests)
    host.workspace.page.goto("about:blank")
    host.wait(lambda: host.api.records)
    assert PageRecord.model_validate(host.api.records[0].body).first_values


def test_in_preview_a_panel_shows_what_the_real_function_has_taken(context: BrowserContext) -> None:
    with previewed(api={"enabled": True}) as preview:
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        workspace.desk.command("panel", name="pages")
        panel = workspace.page.locator("#panel-pages")
        expect(panel).to_contain_text("None has come yet")
        states = AppStates(workspace)
        frame = states.offer("C-1001")
        assert states.contact
        states.contact.accept()
        frame.locator("#life[data-life=connected]").wait_for()
        states.contact.end()
        expect(panel.get_by_role("heading")).to_have_text("Page 1")
        expect(panel.locator("dd")).to_have_text([re.compile(r"^[1-9]\d* ms$")] * 2 + ["none", "none"])
        assert workspace.errors == []
