"""The wrap-up in the real page: opened when it is due, kept through kills, saved once, and nothing left of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Locator, expect

from ops.preview.server import Preview
from tests.attack.wrap_up import Stage, attack, leftovers, serve
from tests.browser.app_stage import violations
from tests.browser.kept_api import KeptApi
from tests.conftest import IN_FIREFOX_NIGHTLY


@pytest.fixture(scope="module")
def api() -> KeptApi:
    return KeptApi()


@pytest.fixture(scope="module")
def url(preview: Preview, api: KeptApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("wrap-up")
    with serve(folder, preview, api) as server:
        yield server.url


@pytest.fixture
def stage(preview: Preview, context: BrowserContext, url: str, api: KeptApi) -> Iterator[Stage]:
    api.made.clear()
    made = Stage(preview, context, url)
    yield made
    made.close()


def button(app: Frame, name: str) -> Locator:
    return app.get_by_role("button", name=name, exact=True)


def submit(app: Frame) -> None:
    app.locator("#form-support [type=submit]:visible").click()


def said(app: Frame, text: str) -> Locator:
    return app.locator(".outcome [role=status]").filter(has_text=text)


def test_it_opens_with_after_contact_work_and_what_was_typed_during_the_call(stage: Stage, api: KeptApi) -> None:
    app = stage.open("w-1", acw=False)
    expect(button(app, "Other wrap-up")).to_have_count(0)  # it is another queue's
    button(app, "Wrap-up").first.click()
    app.get_by_label("Note").fill("Late parcel")
    button(app, "Wrap-up").first.click()
    expect(app.get_by_label("Note")).to_be_hidden()
    assert stage.contact
    stage.contact.end()
    expect(app.get_by_label("Note")).to_have_value("Late parcel")
    reminder = app.locator(".wrap-reminder")
    expect(reminder).to_have_text("Save the wrap-up before you clear the contact.")
    assert violations(app) == []
    button(app, "Clear it").click()
    expect(said(app, "Save the wrap-up before you clear the contact.")).to_be_visible()
    button(app, "Wrap-up").first.click()
    submit(app)
    expect(app.get_by_text("Fill this in.")).to_be_visible()
    app.get_by_label("Disposition").select_option("solved")
    submit(app)
    expect(said(app, "Wrap-up: done.")).to_be_visible()
    expect(reminder).to_be_hidden()
    assert api.made == [
        ("PUT", "contact/attributes/disposition", {"value": "solved"}),
        ("POST", "notes", {"text": "Late parcel"}),
    ]
    button(app, "Clear it").click()
    stage.workspace.desk.wait_for(lambda desk: desk["contacts"] == [], "no contact")


@IN_FIREFOX_NIGHTLY
def test_in_each_browser_a_wrap_up_outlives_its_page_and_is_saved(
    any_browser: Browser, preview: Preview, url: str, api: KeptApi
) -> None:
    api.made.clear()
    context = any_browser.new_context()
    stage = Stage(preview, context, url)
    app = stage.open("w-6")
    app.get_by_label("Note").fill("Late parcel")
    stage.workspace.wait_until(lambda: leftovers(app), "a draft")
    app = stage.kill("tab", "w-6")
    expect(app.get_by_label("Note")).to_have_value("Late parcel")
    app.get_by_label("Disposition").select_option("solved")
    assert violations(app) == []
    button(app, "Save").click()
    expect(said(app, "Wrap-up: done.")).to_be_visible()
    assert api.made[-1] == ("POST", "notes", {"text": "Late parcel"})
    context.close()


def test_what_a_cleared_contact_leaves_is_nothing_and_what_is_kept_cannot_be_read(stage: Stage) -> None:
    app = stage.open("w-2")
    app.get_by_label("Note").fill("Ana's card ends in 4711")
    stage.workspace.wait_until(lambda: leftovers(app), "a draft")
    stage.workspace.page.wait_for_timeout(200)
    (draft,) = leftovers(app)
    assert "w-2" in draft
    assert "4711" not in draft
    # Another contact's page, with another token, cannot read it.
    other = stage.open("w-3")
    other.evaluate(
        "() => { const name = Object.keys(localStorage).find((each) => each.includes('w-2'));"
        " localStorage.setItem(name.replace('w-2', 'w-3'), localStorage.getItem(name)); }"
    )
    again = stage.kill("frame", "w-3")
    button(again, "Wrap-up").first.click()
    expect(again.get_by_label("Note")).to_have_value("")
    for contact in stage.workspace.desk.look()["contacts"]:
        stage.workspace.desk.command("clear", contact=contact["contactId"])
    last = stage.open("w-4")
    stage.workspace.wait_until(lambda: not leftovers(last), "no draft left")


def test_where_the_browser_denies_storage_the_form_says_that_nothing_is_kept(
    preview: Preview, context: BrowserContext, url: str
) -> None:
    stage = Stage(preview, context, url, other_site=True)
    app = stage.open("w-5")
    expect(app.locator(".wrap-reminder")).to_contain_text("This browser keeps nothing for this page")
    app.get_by_label("Note").fill("Late parcel")
    stage.workspace.page.wait_for_timeout(300)
    expect(app.get_by_text("Something in this page failed")).to_have_count(0)


def test_no_wrap_up_is_lost_when_the_page_is_killed(stage: Stage, api: KeptApi) -> None:
    assert attack(stage, api, 4, random.Random(3), ("frame", "tab")) >= 1
