"""Defects in a team's own Python: the page is built with one, and must say so readably and go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Frame, expect

from ops.settings import ROOT, load_settings
from ops.site.build import app_page, build_page
from tests.browser.app_stage import AppStates, serve_instead
from tests.conftest import Workspace

Edit = Callable[[str], None]

DEFECT = """import js

@card("Favourite colour")
async def favourite_colour(desk):
    name = await desk.agent.name()
    return {"Somebody else": "blue"}[js.document and name]


@card("Home town")
async def home_town(desk):
    return Link("Home town", "https://elsewhere.example/")
"""


@pytest.fixture
def edited(workspace: Workspace, tmp_path: Path) -> Edit:
    """Serve, in the app's place, a page built with something appended to cards.py."""

    def edit(appended: str) -> None:
        python = tmp_path / "pyapp"
        shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
        with (python / "cards.py").open("a", encoding="utf-8") as cards:
            cards.write(appended.replace("Link(", "__import__('popdesk').Link("))
        settings = load_settings().with_local_crm(workspace.preview.workspace_url.rstrip("/"))
        built = build_page(app_page(settings, python), tmp_path / "out")
        serve_instead(workspace, built)

    return edit


def _open(states: AppStates) -> Frame:
    # Playwright serves the edited page from this thread: nothing may wait here but Playwright itself.
    states.contact = states.desk.offer(customer="C-1001")
    states.workspace.page.locator("iframe:visible").wait_for()
    return states.frame()


def test_a_defect_in_a_card_spoils_that_card_and_names_its_line(workspace: Workspace, edited: Edit) -> None:
    edited(DEFECT)
    states = AppStates(workspace)
    app = _open(states)
    expect(app.locator("#card-favourite_colour")).to_contain_text("Failed")
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.get_by_role("heading", name="Something in this page failed")).to_have_count(1)
    expect(app.locator(".page-error > p")).to_contain_text("In the card “Favourite colour”: KeyError.")
    app.locator(".page-error summary").click()
    lines = (ROOT / "pyapp" / "cards.py").read_text("utf-8").count("\n")
    expect(app.locator(".page-error pre")).to_contain_text(
        f'File "pyapp/cards.py", line {lines + 6}, in favourite_colour'
    )
    expect(app.locator(".page-error pre")).to_contain_text("KeyError")
    # Refreshed, it fails again, and is neither shown nor reported again.
    states.settle(app)
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.get_by_role("heading", name="Something in this page failed")).to_have_count(1)
    entries = [entry["message"] for entry in workspace.desk.command("log")]
    reports = [entry for entry in entries if entry.get("message") == "App error"]
    assert len(reports) == 1
    assert reports[0]["data"]["kind"] == "KeyError"
    assert f"pyapp/cards.py:{lines + 6} favourite_colour" in reports[0]["data"]["frames"]
    assert "Alex" not in json.dumps(reports)


def test_a_cards_link_off_the_list_is_text(workspace: Workspace, edited: Edit) -> None:
    edited(DEFECT)
    app = _open(AppStates(workspace))
    expect(app.locator("#card-home_town")).to_have_text("Home town")
    expect(app.locator("#card-home_town a")).to_have_count(0)


def test_a_defect_at_start_up_names_its_line_first_and_no_proxy(workspace: Workspace, edited: Edit) -> None:
    edited("\nif __import__('js').document:\n    raise ValueError('a slip')\n")
    app = _open(AppStates(workspace))
    line = (ROOT / "pyapp" / "cards.py").read_text("utf-8").count("\n") + 3
    said = f"This page’s program failed as it started: ValueError in pyapp/cards.py:{line}"
    expect(app.locator("#late > p")).to_contain_text(said)
    expect(app.locator("#late")).not_to_contain_text("proxy")
    expect(app.locator("pre")).to_contain_text("ValueError: a slip")
    expect(app.locator("pre")).to_contain_text("pyapp/cards.py")
