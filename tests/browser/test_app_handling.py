"""What the agent does in the workspace from the page: the real page, the real SDK, its real protocol, the workspace's model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Locator, expect

from ops.preview.server import Preview
from ops.settings import load_settings
from tests.browser.app_stage import AppStates, changed_settings, violations
from tests.browser.hosting import OwnCardsServer
from tests.browser.kept_api import KeptApi
from tests.conftest import IN_FIREFOX_NIGHTLY, Workspace

CARDS = """
from popdesk import card, section


@card("Agent name")
async def agent_name(desk):
    return await desk.agent.name()


@card("Topic")
async def topic(desk):
    return (await desk.contact.attributes()).get("topic")


@card("On hold", later=True)
async def on_hold(desk):
    return "on hold" if await desk.workspace.is_on_hold() else "not on hold"


@card("Branch", later=True)
async def branch(desk):
    from popdesk import Phone

    return Phone("+44 20 7946 0018")
"""

ACTIONS = """
from popdesk import Choice, Line, Text, action


async def _states(desk):
    return [each["name"] for each in await desk.workspace.states()]


async def _connects(desk):
    return [(each["endpointARN"], each["name"]) for each in await desk.workspace.quick_connects("agent", "queue")]


@action("My state", fields=[Choice("name", _states, required=True)])
async def set_state(desk, name):
    changed = await desk.workspace.set_state(name)
    return Text(changed["status"])


@action("Transfer", fields=[Choice("to", _connects, required=True), Line("topic")])
async def transfer(desk, to, topic):
    await desk.workspace.transfer(to, {"topic": topic} if topic else {})


@action("Accept it", when="connecting")
async def accept(desk):
    await desk.workspace.accept()


@action("Hold")
async def hold(desk):
    await desk.workspace.hold()


@action("Resume")
async def resume(desk):
    await desk.workspace.resume()


@action("Call", fields=[Line("number", required=True)])
async def call(desk, number):
    await desk.workspace.dial(number)


@action("Clear it", when="acw")
async def clear(desk):
    await desk.workspace.clear()
"""
ALL = ("User.Configuration.Edit", "Contact.Details.Edit", "*")


class Host:
    """The page with these actions in the app's place, and its API."""

    def __init__(self, stack: ExitStack, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self.api = KeptApi()
        self._stack = stack
        self._folder = folder

    def open(self, *granted: str, accept: bool = True, **changed: Any) -> Frame:
        """Return the page's frame; `granted` are permissions beside the settings' own."""
        given = load_settings()
        api = given.api.model_copy(update={"enabled": True})
        settings = changed_settings(**changed).model_copy(
            update={"api": api, "permissions": (*given.permissions, *granted)}
        )
        server = OwnCardsServer(self._folder, CARDS, self.workspace.preview.workspace_url, settings, ACTIONS, self.api)
        url = self._stack.enter_context(server).url
        self.workspace.desk.command("app", url=url, name="Popdesk")
        for permission in granted:
            self.workspace.desk.grant(permission)
        self.states = AppStates(self.workspace)
        frame = self.states.offer("C-1001")
        assert self.states.contact
        self.contact = self.states.contact
        if accept:
            self.contact.accept()
            expect(frame.locator("#life[data-life=connected]")).to_be_visible()
            self.states.change_attributes(frame, {"popdeskToken": "t-1", "customerId": "C-1001"})
        expect(frame.locator("#card-branch")).not_to_have_text("…")
        expect(frame.locator("#acts button").first).to_be_visible()
        return frame


@pytest.fixture
def host(workspace: Workspace, tmp_path: Path) -> Iterator[Host]:
    with ExitStack() as stack:
        yield Host(stack, workspace, tmp_path)


def press(app: Frame, name: str) -> None:
    app.get_by_role("button", name=name, exact=True).first.click()


def said(app: Frame, text: str) -> Locator:
    return app.locator(".outcome [role=status]").filter(has_text=text)


def submit(app: Frame, action: str) -> None:
    app.locator(f"#form-{action} [type=submit]:visible").click()


def test_the_agents_state_is_set_and_is_the_next_one_during_a_contact(host: Host) -> None:
    app = host.open("User.Configuration.Edit")
    press(app, "My state")
    expect(app.locator("#form-set_state option")).to_have_count(
        6
    )  # "Choose…", and what the workspace lets agents choose
    app.get_by_label("Name").select_option("Lunch")
    submit(app, "set_state")
    expect(said(app, "My state: done. queued")).to_be_visible()
    expect(host.workspace.page.locator("#agent-next")).to_have_text("then Lunch")
    host.contact.end()
    host.contact.clear()
    host.workspace.desk.wait_for(lambda desk: desk["agent"]["state"] == "Lunch", "the agent at lunch")


def test_a_transfer_writes_its_attributes_first_and_the_next_agents_page_has_them(host: Host) -> None:
    app = host.open(*ALL)
    host.states.change_attributes(app, {"topic": "invoice"})
    press(app, "Transfer")
    expect(app.locator("#form-transfer option")).to_have_count(3)
    app.get_by_label("To", exact=True).select_option(label="Sales")
    app.locator("#form-transfer").get_by_label("Topic").fill("invoice")
    submit(app, "transfer")
    expect(app.locator("#life[data-life=acw]")).to_be_attached()
    assert host.api.made == [("PUT", "contact/attributes/topic", {"value": "invoice"})]
    assert host.contact.look()["state"] == "acw"
    host.workspace.desk.wait_for(lambda desk: len(desk["contacts"]) == 2, "the next agent's contact")
    (passed,) = (each for each in host.workspace.desk.look()["contacts"] if each["contactId"] != host.contact.id)
    expect(host.states.frame().locator("#card-topic")).to_have_text("invoice")
    frame = host.states.frame()
    assert frame != app
    assert (
        passed["contactId"] in host.workspace.page.locator("#panel-contact").inner_text()
        or passed["state"] == "incoming"
    )


def test_a_call_is_held_and_resumed_and_the_workspace_shows_it(host: Host) -> None:
    app = host.open(*ALL, look_again_seconds=1)
    expect(app.locator("#card-on_hold")).to_have_text("not on hold")
    press(app, "Hold")
    expect(app.locator("#card-on_hold")).to_have_text("on hold")
    expect(host.workspace.page.locator("#contact-bar").get_by_text("On hold")).to_be_visible()
    press(app, "Resume")
    expect(host.workspace.page.locator("#contact-bar").get_by_text("On hold")).to_have_count(0)
    expect(app.locator("#card-on_hold")).to_have_text("not on hold")
    # The agent may do it with the workspace's own button, of which the page hears nothing.
    host.workspace.page.locator("#contact-bar").get_by_role("button", name="Hold", exact=True).click()
    expect(app.locator("#card-on_hold")).to_have_text("on hold")


@IN_FIREFOX_NIGHTLY
def test_in_each_browser_a_call_is_held_a_number_called_and_the_contact_transferred(
    any_browser: Browser, preview: Preview, tmp_path: Path
) -> None:
    context = any_browser.new_context()
    workspace = Workspace(preview, context.new_page())
    workspace.open()
    with ExitStack() as stack:
        host = Host(stack, workspace, tmp_path)
        app = host.open(*ALL)
        press(app, "Hold")
        expect(workspace.page.locator("#contact-bar").get_by_text("On hold")).to_be_visible()
        press(app, "Transfer")
        app.get_by_label("To", exact=True).select_option(label="Sales")
        app.locator("#form-transfer").get_by_label("Topic").fill("invoice")
        assert violations(app) == []
        app.get_by_role("button", name="Call +44 20 7946 0018").click()
        workspace.desk.wait_for(
            lambda desk: [each["state"] for each in desk["contacts"]] == ["connected", "connected"], "the call"
        )
        host.contact.select()
        submit(app, "transfer")
        expect(app.locator("#life[data-life=acw]")).to_be_attached()
        assert host.api.made == [("PUT", "contact/attributes/topic", {"value": "invoice"})]
        assert workspace.errors == []
        for contact in workspace.desk.look()["contacts"]:
            assert contact["contactId"] == host.contact.id or contact["attributes"]["popdeskToken"] == "t-1"
    context.close()


def test_what_is_offered_is_accepted_and_what_is_over_cleared(host: Host) -> None:
    app = host.open(*ALL, accept=False)
    press(app, "Accept it")
    host.contact.wait_for("connected")
    host.states.change_attributes(app, {"popdeskToken": "t-1"})
    host.contact.end()
    press(app, "Clear it")
    host.workspace.desk.wait_for(lambda desk: desk["contacts"] == [], "no contact")


def test_a_number_on_a_card_is_called_with_a_click_and_the_customer_goes_with_it(host: Host) -> None:
    app = host.open("Contact.Details.Edit")
    number = app.get_by_role("button", name="Call +44 20 7946 0018")
    expect(number).to_be_enabled()
    assert violations(app) == []
    number.dblclick()
    expect(app.locator("#card-branch [role=status]")).to_have_text("The call is being made.")
    host.workspace.desk.wait_for(lambda desk: len(desk["contacts"]) == 2, "the call")
    (made,) = (each for each in host.workspace.desk.look()["contacts"] if each["contactId"] != host.contact.id)
    assert made["attributes"]["popdeskToken"] == "t-1"  # Amazon Connect copies them to a related contact
    host.workspace.page.wait_for_timeout(800)
    assert len(host.workspace.desk.look()["contacts"]) == 2  # two clicks, one call


def test_without_the_permission_a_number_is_text_and_an_action_says_which_is_missing(host: Host) -> None:
    app = host.open()
    expect(app.get_by_role("button", name="Call +44 20 7946 0018")).to_be_disabled()
    expect(app.locator("#card-on_hold")).to_contain_text("Needs *")
    press(app, "My state")
    app.get_by_label("Name").select_option("Lunch")
    submit(app, "set_state")
    expect(said(app, "Needs User.Status.Edit or User.Configuration.Edit. An administrator grants it.")).to_be_visible()
    press(app, "Call")
    app.get_by_label("Number").fill("+12025550100")
    submit(app, "call")
    expect(said(app, "Needs Contact.Details.Edit.")).to_be_visible()
    assert len(host.workspace.desk.look()["contacts"]) == 1


def test_what_the_workspace_refuses_is_said_in_its_words_and_a_lost_answer_calls_nobody_twice(host: Host) -> None:
    app = host.open("Contact.Details.Edit", request_timeout_ms=700)
    host.workspace.desk.fail("voice/createOutboundCall", "All lines are busy")
    press(app, "Call")
    app.get_by_label("Number").fill("+12025550100")
    submit(app, "call")
    expect(said(app, "All lines are busy")).to_be_visible()
    host.workspace.desk.late("voice/createOutboundCall", 1500)
    submit(app, "call")
    expect(said(app, "It may have been done.")).to_be_visible()
    # Its flow is done then: until that, the workspace selects the new contact.
    host.workspace.desk.wait_for(
        lambda desk: [each["state"] for each in desk["contacts"]] == ["connected", "connected"], "the call"
    )
    host.contact.select()
    host.workspace.page.wait_for_timeout(750)  # what follows is no second click any more: forms.py, _DOUBLE_CLICK
    submit(app, "call")
    expect(said(app, "Call: done.")).to_be_visible()
    assert len(host.workspace.desk.look()["contacts"]) == 2
