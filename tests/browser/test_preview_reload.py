"""A change while somebody works: the pages follow it, the contact stays, and what is broken is said on the workspace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from ops.errors import UserError
from ops.preview.server import Preview
from ops.settings import PYPROJECT, ROOT, Settings, load_settings
from tests.conftest import Workspace

pytestmark = pytest.mark.browser


class Editor:
    """Stands for a person who edits the settings; `language` is what they wrote, `broken` that it is no TOML."""

    language = "en"
    broken = False

    def settings(self) -> Settings:
        if self.broken:
            raise UserError("pyproject.toml", "it is not valid TOML", "fix that line")
        return load_settings().model_copy(update={"language": self.language})


@pytest.fixture
def editor() -> Editor:
    return Editor()


@pytest.fixture
def preview(editor: Editor) -> Iterator[Preview]:
    """A preview whose settings change."""
    with Preview(editor.settings) as running:
        yield running


@pytest.fixture
def call(workspace: Workspace) -> str:
    """A connected call, its values shown."""
    call = workspace.desk.offer(customer="C-1001", accept=True)
    call.wait_until_running()
    expect(workspace.app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    return call.id


def test_a_change_of_the_app_makes_its_iframe_anew_for_the_same_contact(workspace: Workspace, call: str) -> None:
    before = workspace.page.locator("iframe").get_attribute("data-instance")
    workspace.preview.rebuild({ROOT / "pyapp" / "cards.py"})
    expect(workspace.page.locator(f'iframe:not([data-instance="{before}"])')).to_be_visible()
    expect(workspace.page.locator("iframe")).to_have_count(1)
    expect(workspace.app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    (contact,) = workspace.desk.look()["contacts"]
    assert (contact["contactId"], contact["state"]) == (call, "connected")


def test_a_broken_change_is_said_and_the_last_good_build_goes_on(
    workspace: Workspace, call: str, editor: Editor
) -> None:
    del call
    said = workspace.page.get_by_role("alert")
    expect(said).to_be_hidden()
    editor.broken = True
    workspace.preview.rebuild({PYPROJECT})
    expect(said).to_contain_text("pyproject.toml")
    expect(said).to_contain_text("fix that line")
    chat = workspace.desk.offer(customer="C-1002", channel="CHAT")
    chat.wait_until_running()
    expect(workspace.app.get_by_role("heading", name="Nikki Wolf")).to_be_visible()

    workspace.open()  # a page that comes later is told too
    expect(said).to_contain_text("pyproject.toml")

    editor.broken = False
    with workspace.page.expect_navigation():
        workspace.preview.rebuild({PYPROJECT})
    expect(said).to_be_hidden()


def test_changed_settings_reach_the_page(workspace: Workspace, call: str, editor: Editor) -> None:
    del call
    editor.language = "es"
    with workspace.page.expect_response("**/api/events"):
        workspace.preview.rebuild({PYPROJECT})
    workspace.page.locator("html[data-ready=true]").wait_for()
    workspace.desk.offer(customer="C-1001").wait_until_running()
    expect(workspace.app.locator("html")).to_have_attribute("lang", "es")
