"""The contact's token in preview: the workspace's contacts are Amazon Connect's for the API, and no log or page has the token."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.preview.server import Preview
from tests.browser.app_stage import changed_settings
from tests.conftest import Workspace

pytestmark = pytest.mark.browser


class Signing(Workspace):
    """A workspace of a preview with the API, and what was written to its terminal."""

    lines: list[str]

    def token(self, contact: str) -> str:
        """Return the contact's token."""
        found = next(each for each in self.desk.command("look")["contacts"] if each["contactId"] == contact)
        return str(found["attributes"]["popdeskToken"])


@pytest.fixture(scope="module")
def signing() -> Iterator[tuple[Preview, list[str]]]:
    lines: list[str] = []
    settings = changed_settings(api={"enabled": True})
    with Preview(lambda: settings, tell=lines.append, log=lines.append) as preview:
        yield preview, lines


@pytest.fixture
def workspace(signing: tuple[Preview, list[str]], context: BrowserContext) -> Iterator[Signing]:
    made = Signing(signing[0], context.new_page())
    made.lines = signing[1]
    made.open()
    yield made
    assert made.errors == []


def test_what_becomes_of_a_contact_is_what_the_api_is_told_of_it(workspace: Signing) -> None:
    connect = workspace.preview.connect
    contact = workspace.desk.offer(customer="C-1001")
    described = connect.describe(contact.id)
    assert described
    assert described["CustomerEndpoint"]["Address"] == "+12065550100"
    assert described["Attributes"]["customerId"] == "C-1001"
    contact.accept()

    def with_agent() -> bool:
        return "AgentInfo" in (connect.describe(contact.id) or {})

    workspace.wait_until(with_agent, "the agent")
    contact.end()
    contact.clear()
    workspace.wait_until(lambda: "AfterContactWorkEndTimestamp" in str(connect.describe(contact.id)), "the end")


def test_what_the_api_sets_is_the_contacts_attribute(workspace: Signing) -> None:
    contact = workspace.desk.offer(customer="C-1001")
    assert workspace.preview.connect.update(contact.id, {"reason": "refund"}) == ""
    workspace.wait_until(lambda: contact.look()["attributes"].get("reason") == "refund", "the attribute")


def test_the_page_gets_the_token_and_nothing_that_is_written_or_shown_has_it(workspace: Signing) -> None:
    contact = workspace.desk.offer(customer="C-1001", accept=True)
    contact.wait_until_running()
    token = workspace.token(contact.id)
    assert len(token) > 100
    page, log = workspace.page, json.dumps(workspace.desk.command("log", last=100_000))
    assert '"popdeskToken": "(not shown)"' in log  # the page was given it
    assert token not in log
    expect(workspace.app.locator("#customer-name")).to_contain_text("Ana")
    workspace.app.locator("#attributes > summary").click()
    expect(workspace.app.locator("#attributes-list")).to_contain_text("contactMatches")
    frame = next(frame for frame in page.frames if frame.url.startswith(workspace.preview.app_url))
    assert token not in frame.content()
    assert "popdeskToken" not in frame.content()
    workspace.desk.command("panel", name="flow")
    expect(page.locator("#panel-flow")).to_contain_text("(not shown)")
    assert token not in page.locator("#panel-flow").inner_text()
    written = "\n".join(workspace.lines)
    assert "customer look-up" in written
    assert token not in written
    assert token.rpartition(".")[2] not in written
