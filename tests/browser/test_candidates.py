"""The agent chooses among several customers: in the customer's box, by the look-up's answer for the one who was chosen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from ops.preview import builds
from ops.preview.server import Preview
from ops.settings import ROOT
from ops.site.build import app_page
from tests.browser.app_stage import changed_settings, violations
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

CARDS = '''"""One card, which asks the API about the customer."""

from popdesk import card


@card("Open cases", later=True)
async def open_cases(desk):
    customer = await desk.customer.id()
    found = await desk.api.get("customers/{id}/cases", id=customer)
    return customer + ": " + str(len(found["cases"]))
'''
SHARED = "+12125550150"  # of C-1026 and C-1027


class Choosing(Workspace):
    """A workspace whose page has candidates."""

    def offered(self, **arguments: str) -> Locator:
        self.desk.offer(**{"address": SHARED, **arguments}, accept=True).wait_until_running()
        return self.app.locator("#candidates")

    def choose(self, name: str) -> None:
        self.app.get_by_role("button", name=name).click()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preview]:
    python = tmp_path_factory.mktemp("app") / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    (python / "cards.py").write_text(CARDS, "utf-8")
    settings = changed_settings(api={"enabled": True})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(builds, "app_page", lambda settings: app_page(settings, python))
        with Preview(lambda: settings) as preview:
            yield preview


@pytest.fixture
def workspace(running: Preview, context: BrowserContext) -> Iterator[Choosing]:
    made = Choosing(running, context.new_page())
    made.open()
    yield made
    assert made.errors == []


def test_the_one_who_is_chosen_is_the_pages_customer(workspace: Choosing) -> None:
    candidates = workspace.offered()
    expect(candidates.get_by_role("button", name="C-102")).to_have_count(2)
    workspace.choose("Efua Owusu")
    expect(workspace.app.locator("#customer-name")).to_have_text("Efua Owusu")
    expect(workspace.app.locator("#pop")).to_have_attribute(
        "href", f"{workspace.preview.workspace_url}crm/customers/C-1027"
    )
    expect(workspace.app.locator("#card-open_cases")).to_contain_text("C-1027: ")
    workspace.choose("Choose another customer")
    workspace.choose("Terry Whitlock")
    expect(workspace.app.locator("#customer-name")).to_have_text("Terry Whitlock")
    expect(workspace.app.locator("#card-open_cases")).to_contain_text("C-1026: ")


def test_a_list_that_is_empty_takes_no_room(workspace: Choosing) -> None:
    workspace.offered()
    workspace.choose("Efua Owusu")
    again = workspace.app.get_by_role("button", name="Choose another customer")
    expect(again).to_be_visible()
    above, button = workspace.app.locator("#customer-note").bounding_box(), again.bounding_box()
    assert above is not None
    assert button is not None
    assert 4 <= button["y"] - above["y"] - above["height"] <= 12


def test_the_keyboard_goes_on_where_the_choice_was(workspace: Choosing) -> None:
    workspace.offered()
    again = workspace.app.get_by_role("button", name="Choose another customer")
    first = workspace.app.get_by_role("button", name="Terry Whitlock")
    first.focus()
    first.press("Enter")
    expect(workspace.app.locator("#customer-name")).to_have_text("Terry Whitlock")
    expect(again).to_be_focused()
    again.press("Enter")
    expect(first).to_be_focused()


def test_a_choice_stays_when_the_page_asks_again(workspace: Choosing) -> None:
    workspace.offered()
    workspace.choose("Efua Owusu")
    expect(workspace.app.locator("#customer-name")).to_have_text("Efua Owusu")
    workspace.app.locator("[data-do=refresh]").click()
    expect(workspace.app.locator("#card-open_cases")).to_contain_text("C-1027: ")
    expect(workspace.app.locator("#customer-name")).to_have_text("Efua Owusu")


def test_one_customer_is_not_to_be_chosen(workspace: Choosing) -> None:
    candidates = workspace.offered(address="+12065550100")
    expect(workspace.app.locator("#card-open_cases")).to_contain_text("C-1001: ")
    expect(candidates).to_have_count(0)


def test_an_api_that_is_down_is_said_and_the_page_is_what_it_is_without(workspace: Choosing) -> None:
    workspace.preview.command("api", fault="down")
    try:
        candidates = workspace.offered()
        expect(candidates).to_contain_text("cannot be looked up now")
        expect(workspace.app.locator("#customer-name")).to_contain_text("2")
    finally:
        workspace.preview.command("api")


def test_the_list_has_nothing_that_axe_finds_wrong(workspace: Choosing) -> None:
    candidates = workspace.offered()
    expect(candidates.get_by_role("button", name="C-102")).to_have_count(2)
    frame = next(each for each in workspace.page.frames if each.url.startswith(workspace.preview.app_url))
    assert violations(frame) == []
