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
    workspace.desk.command("panel", name="contact")
    expect(page.locator("#panel-contact")).to_contain_text("(not shown)")
    assert token not in page.locator("#panel-contact").inner_text()
    page.get_by_role("button", name="popdeskToken", exact=True).click()  # to edit it
    expect(page.locator("#attribute-value")).to_have_value("")
    written = "\n".join(workspace.lines)
    assert "customer look-up" in written
    assert token not in written
    assert token.rpartition(".")[2] not in written


_REPLAY = """async ([token, key]) => (await fetch("/api/customers/C-1001/notes", {
  method: "POST", body: JSON.stringify({text: "Replayed"}),
  headers: {"Content-Type": "application/json", "X-Popdesk-Contact": token, "Idempotency-Key": key}})).status"""


def test_a_token_that_is_replayed_after_the_contacts_end_writes_nothing(workspace: Signing) -> None:
    cases = workspace.preview._builds.sample_cases()
    assert cases
    contact = workspace.desk.offer(customer="C-1001", accept=True)
    contact.wait_until_running()
    token = workspace.token(contact.id)
    contact.end()
    contact.clear()
    described = workspace.preview.connect.describe
    workspace.wait_until(lambda: "AfterContactWorkEndTimestamp" in str(described(contact.id)), "the end")
    thief = workspace.page.context.new_page()  # on the page's own origin, with a token that it was given once
    thief.goto(workspace.preview.app_url)
    before = cases.history("C-1001")
    assert thief.evaluate(_REPLAY, [token, "a" * 32]) == 403
    assert cases.history("C-1001") == before
    other = workspace.desk.offer(customer="C-1001", accept=True)  # the same request does write while its contact lives
    other.wait_until_running()
    assert thief.evaluate(_REPLAY, [workspace.token(other.id), "b" * 32]) == 201
    assert len(cases.history("C-1001")) == len(before) + 1
    thief.close()
