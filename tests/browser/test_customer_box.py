"""The customer's box: what was looked up, what was found and who is on the line are never taken for each other."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.settings import load_settings
from tests.browser.app_stage import NUMBER, AppStates, previewed
from tests.conftest import Workspace

ATTRIBUTES = load_settings().attribute_names()
NO_LOOK_UP: dict[str, str | None] = dict.fromkeys(ATTRIBUTES.values())


@pytest.fixture
def states(workspace: Workspace) -> AppStates:
    return AppStates(workspace)


def test_a_number_that_says_nothing_new_is_not_said_twice(states: AppStates) -> None:
    app = states.offer("C-1001")
    expect(app.locator("#card-phone_or_email")).to_have_text("+1 206 555 0100")
    expect(app.locator("#customer-note")).to_have_text("Looked up: +1 206 555 0100")


@pytest.mark.parametrize("fault", ["hang", "fail"])
def test_a_customer_stays_known_where_a_later_question_is_not_answered(context: BrowserContext, fault: str) -> None:
    with previewed(request_timeout_ms=700) as preview:
        states = AppStates(Workspace(preview, context.new_page()))
        states.workspace.open()
        app = states.offer("C-1001")
        expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
        for request in ("contact/getAttributes", "agent/getName"):
            states.desk.command(fault, request=request, **({"reason": "Away"} if fault == "fail" else {}))
        app.locator("[data-do=refresh]").click()
        # What is asked with the attributes is not answered either, and its card says so.
        said = "No answer in time" if fault == "hang" else "Failed"
        expect(app.locator("#card-agent_name")).to_contain_text(said)
        expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
        expect(app.locator("#pop")).to_be_visible()


def test_the_customers_number_in_the_crm_is_not_the_callers(states: AppStates) -> None:
    app = states.offer("C-1001")
    states.change_attributes(app, {ATTRIBUTES["phone"]: "+1 206 555 0199"})
    expect(app.locator("#customer-note > span")).to_have_text(
        ["Looked up: +1 206 555 0100", "In the CRM: +1 206 555 0199"]
    )


def test_a_foreign_look_ups_number_is_shown_as_found_and_the_callers_as_the_callers(states: AppStates) -> None:
    app = states.with_attributes(
        NO_LOOK_UP | {ATTRIBUTES["matches"]: "1", ATTRIBUTES["name"]: "Ana", ATTRIBUTES["phone"]: "+12065550100"}
    )
    expect(app.get_by_role("heading", name="Ana")).to_be_visible()
    expect(app.locator("#customer-note > span")).to_have_text(
        ["In the CRM: +1 206 555 0100", "On the line: +1 202 555 0123"]
    )


def test_what_the_caller_typed_is_what_was_looked_up(states: AppStates) -> None:
    app = states.offer(address="+266696687", typed="2065550100#")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#customer-note > span")).to_have_text(["Looked up: +1 206 555 0100"])


def test_a_contact_without_a_look_up_is_searched_by_its_number(states: AppStates) -> None:
    """As when an agent dials: no flow runs, and the contact has no attributes."""
    app = states.with_attributes(NO_LOOK_UP)
    expect(app.get_by_role("heading", name="Customer not looked up")).to_be_visible()
    expect(app.locator("#customer-note")).to_contain_text("On the line: +1 202 555 0123")
    with states.workspace.page.context.expect_page() as opened:
        app.get_by_role("link", name="Search the CRM").click()
    opened.value.wait_for_url("**/crm/search?q=%2B12025550123")
    expect(opened.value.get_by_role("searchbox")).to_have_value(NUMBER)


def test_a_chat_without_a_look_up_has_no_number_and_no_link(states: AppStates) -> None:
    app = states.offer(channel="CHAT")
    states.change_attributes(app, NO_LOOK_UP)
    expect(app.get_by_role("heading", name="Customer not looked up")).to_be_visible()
    expect(app.locator("#pop")).to_be_hidden()
    expect(app.locator("#pop-note")).to_have_text("The contact has no CRM page.")


def test_a_look_up_that_failed_says_so_and_offers_the_search(states: AppStates) -> None:
    app = states.offer()
    states.change_attributes(app, {ATTRIBUTES["status"]: "504", ATTRIBUTES["matches"]: "-"})
    expect(app.get_by_role("heading", name="Customer look-up failed")).to_be_visible()
    expect(app.get_by_role("link", name="Search the CRM")).to_be_visible()


def test_a_number_on_the_line_is_masked_with_the_customer(context: BrowserContext) -> None:
    with previewed(mask_personal_data=True) as preview:
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        app = AppStates(workspace).with_attributes(NO_LOOK_UP)
        expect(app.get_by_role("button", name="Show Customer")).to_be_visible()
        expect(app.get_by_role("link", name="Search the CRM")).to_be_visible()
        assert "555 0123" not in app.locator("main").inner_text()
        app.get_by_role("button", name="Show Customer").click()
        expect(app.locator("#customer-note")).to_contain_text("On the line: +1 202 555 0123")
