"""The shipped cards and actions with the shipped API, in preview: cases are seen, created, noted and closed, once each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Frame, expect

from ops.preview import builds
from ops.preview.server import Preview
from ops.settings import load_settings
from ops.site.build import app_page
from tests.browser.app_stage import AppStates, violations
from tests.conftest import Workspace
from tests.fixture_project import CHECKOUT
from tests.kept_contexts import KeptContexts


@pytest.fixture(scope="module")
def running() -> Iterator[Preview]:
    """Run a preview with the API, and with the shipped page: the tests' own project has no actions."""
    settings = load_settings()
    # As patient as can be: no test needs a quiet machine.
    api = settings.api.model_copy(update={"enabled": True, "timeout_ms": 29_000})
    settings = settings.model_copy(update={"api": api})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(builds, "app_page", lambda settings: app_page(settings, CHECKOUT / "pyapp"))
        with Preview(lambda: settings) as preview:
            yield preview


@pytest.fixture
def states(browser: Browser, kept_contexts: KeptContexts, running: Preview, locale: str) -> Iterator[AppStates]:
    with kept_contexts.lend(browser, {"viewport": {"width": 1400, "height": 1100}, "locale": locale}) as context:
        workspace = Workspace(running, context.new_page())
        workspace.open()
        yield AppStates(workspace)
        assert workspace.errors == []


@pytest.fixture
def locale() -> str:
    return "en-US"


def _done(app: Frame, text: str) -> None:
    expect(app.locator(".outcome [role=status]").filter(has_text=text)).to_be_visible()


def test_a_case_is_created_and_seen_in_the_page_and_in_the_crm(states: AppStates) -> None:
    app = states.connected()
    cases, lately = app.locator("#card-open_cases"), app.locator("#card-lately")
    expect(cases).to_contain_text("Parcel has not arrived")
    expect(lately.locator("li").first).to_be_visible()
    app.get_by_role("button", name="Create case").click()
    app.get_by_label("Subject").fill("Wrong size 😀")
    expect(app.get_by_label("Priority")).to_have_value("normal")
    app.get_by_label("Priority").select_option("high")
    assert violations(app) == []
    app.locator("#form-create_case [type=submit]:visible").click()
    _done(app, "Wrong size 😀")
    expect(cases).to_contain_text("Wrong size 😀")
    expect(lately).to_contain_text("Wrong size 😀")
    with states.workspace.page.context.expect_page() as opened:
        app.locator(".outcome a").click()
    expect(opened.value.get_by_text("Wrong size 😀").first).to_be_visible()


def test_a_case_whose_answer_is_lost_is_there_once(states: AppStates) -> None:
    app = states.connected()
    expect(app.locator("#card-open_cases")).to_contain_text("Parcel has not arrived")
    states.desk.command("api", fault="lost")
    app.get_by_role("button", name="Create case").click()
    app.get_by_label("Subject").fill("Only once")
    app.locator("#form-create_case [type=submit]:visible").click()
    expect(app.locator(".outcome [role=status]").filter(has_text="It may have been done.")).to_be_visible()
    states.desk.command("api", fault="")
    app.get_by_role("button", name="Try again").click()
    _done(app, "Only once")
    expect(app.locator("#card-open_cases tbody tr").filter(has_text="Only once")).to_have_count(1)


def test_a_note_is_added_and_a_case_closed_and_opened_again(states: AppStates) -> None:
    app = states.connected()
    cases = app.locator("#card-open_cases")
    expect(cases).to_contain_text("Parcel has not arrived")
    app.get_by_role("button", name="Add note").click()
    app.get_by_label("Note", exact=True).fill("Called back")
    app.locator("#form-add_note [type=submit]:visible").click()
    _done(app, "Add note: done.")
    expect(app.locator("#card-lately")).to_contain_text("Called back")
    app.get_by_role("button", name="Close case").click()
    choice = app.get_by_label("Case", exact=True)
    expect(choice.locator("option").filter(has_text="Parcel")).to_have_count(1)
    choice.select_option(choice.locator("option").filter(has_text="Parcel").get_attribute("value"))
    app.locator("#form-close_case [type=submit]:visible").click()
    expect(cases).not_to_contain_text("Parcel has not arrived")
    states.workspace.page.wait_for_timeout(750)  # no second click any more: forms.py, _DOUBLE_CLICK
    app.get_by_role("button", name="Undo Close case").click()
    _done(app, "Close case: undone.")
    expect(cases).to_contain_text("Parcel has not arrived")


def test_what_makes_no_sense_without_a_case_is_offered_when_there_is_one(states: AppStates) -> None:
    app = states.offer("C-1004")  # whose one case is closed
    assert states.contact
    expect(app.locator("#card-lately")).to_contain_text("Arrived undamaged")
    expect(app.locator("#card-open_cases")).to_have_text("–")
    expect(app.get_by_role("button", name="Create case")).to_be_visible()
    close = app.get_by_role("button", name="Close case", exact=True).first
    expect(close).to_be_hidden()
    app.get_by_role("button", name="Create case").click()
    app.get_by_label("Subject").fill("Lamp again")
    app.locator("#form-create_case [type=submit]:visible").click()
    expect(close).to_be_visible()
    close.focus()
    close.press("Enter")
    expect(app.get_by_label("Case", exact=True).locator("option")).to_have_text(["Choose…", re.compile("Lamp again")])
    app.get_by_label("Case", exact=True).press("ArrowDown")  # the one that there is
    app.get_by_label("Case", exact=True).press("Tab")
    states.workspace.page.keyboard.press("Enter")
    _done(app, "Close case: done.")
    expect(app.locator("#card-open_cases")).to_have_text("–")
    expect(close).to_be_focused()  # what has the focus is not taken away
    expect(app.get_by_role("button", name="Undo Close case")).to_be_visible()
    close.press("Tab")
    expect(app.get_by_role("button", name="Undo Close case")).to_be_focused()


@pytest.mark.parametrize("locale", ["es-ES"])
def test_in_another_language_the_table_and_its_badges_have_its_words(states: AppStates) -> None:
    app = states.offer("C-1002")
    cases = app.locator("#card-open_cases")
    expect(cases.locator("th")).to_have_text(["Caso", "Asunto", "Prioridad", "Abierto"])
    expect(cases.locator(".badge")).to_have_text(["Baja"])
    app.get_by_role("button", name="Cerrar caso").click()
    expect(app.get_by_role("button", name="Ahora no")).to_be_visible()
    expect(app.get_by_text("Close")).to_have_count(0)
