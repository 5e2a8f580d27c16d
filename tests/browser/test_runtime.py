"""Stock PyScript in the app: what its documentation shows works in a card, and its published files run the page too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Playwright, expect

from ops.preview.server import Preview
from ops.settings import ROOT, load_settings
from ops.site.build import Built, app_page, build_page
from tests.altered_packages import altered, no_romfs, no_sources
from tests.browser.app_stage import AppStates, serve_instead, storing_browser
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

# What docs.pyscript.net shows for MicroPython: user-guide/{dom,events,display}, api/{fetch,storage,web,context,ffi}.
CARDS = """

import asyncio

from pyscript import HTML, Event, Storage, WebSocket, config, current_target, display, document, fetch, storage, when, window
from pyscript.ffi import create_proxy, to_js
from pyscript.web import button, div, page

rung = Event()
heard = []


@when(rung)
def _hear(result):
    heard.append(result)


@when("click", "#page")
def _clicked(event):
    document.title = "clicked " + event.type


@when("keydown", "#page")
async def _pressed():
    await asyncio.sleep(0)
    document.title = "pressed"


@card("From PyScript")
async def from_pyscript(desk):
    place = document.createElement("section")
    place.id = "shown"
    document.body.append(place)
    display("plain", HTML("<b>bold</b>"), target="shown")
    display("in the page's own place")
    rung.trigger("a ring")
    answer = await fetch("/")
    text = await fetch("/").text()
    seen = []
    made = div(button("Press", id="press"), id="made", classes=["mine"])
    page.append(made)
    page["#press"].on_click.add_listener(lambda event: seen.append(event.type))
    document.getElementById("press").click()
    told = to_js({"one": [1, 2]})
    return " | ".join(
        str(each)
        for each in (
            window.location.pathname,
            heard,
            answer.status,
            answer.ok,
            len(text) > 500 and "<!doctype html>" in text[:20],
            seen,
            "mine" in page.find("#made")[0].classes,
            told.one.length,
            config["type"],
            current_target(),
        )
    )
"""

# Where the browser allows an iframe of another site to store something: by default, Playwright's does not.
STORING = """

from pyscript import storage


@card("Kept")
async def kept(desk):
    store = await storage("cards")
    store["calls"] = store.get("calls", 0) + 1
    await store.sync()
    return "calls: " + str(store["calls"])
"""


def _complaints(context: BrowserContext) -> list[str]:
    """Collect what a page complains of: a violated policy, a refused file or an exception stands in its console."""
    said: list[str] = []
    context.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    context.on("weberror", lambda one: said.append(str(one.error)))
    return said


@pytest.fixture
def storing(
    preview: Preview, playwright: Playwright, browser_type_launch_args: dict[str, Any], tmp_path: Path
) -> Iterator[Workspace]:
    """The workspace in a browser of its own that allows an iframe of another site to store something."""
    with storing_browser(playwright, browser_type_launch_args, tmp_path) as context:
        complaints = _complaints(context)
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        yield workspace
    assert complaints == []


def _with_cards(folder: Path, appended: str) -> Path:
    python = folder / "pyapp"
    shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
    with (python / "cards.py").open("a", encoding="utf-8") as cards:
        cards.write(appended)
    return python


def _built(workspace: Workspace, folder: Path, appended: str = "") -> Built:
    settings = load_settings().with_local_crm(workspace.preview.workspace_url.rstrip("/"))
    return build_page(app_page(settings, _with_cards(folder, appended)), folder / "dist")


def _of_packages(built: Built) -> list[str]:
    """Return the build's notes but for those of cards that it does not play."""
    return [note for note in built.notes if "not played" not in note]


def _ring(workspace: Workspace) -> Frame:
    # Playwright serves the page from this thread: nothing may wait here but Playwright itself.
    workspace.desk.offer(customer="C-1001")
    workspace.page.locator("iframe:visible").wait_for()
    return AppStates(workspace).frame()


def _uses_pyscript(app: Frame) -> None:
    shown = app.locator("#card-from_pyscript")
    expect(shown).to_contain_text("/ | ['a ring'] | 200 | True | True | ['click'] | True | 2 | mpy | mpy-0")
    expect(app.locator("#shown")).to_have_text("plainbold")
    expect(app.locator("#shown b")).to_have_text("bold")
    expect(app.locator("script-py")).to_have_text("in the page's own place")
    app.locator("#page").dispatch_event("keydown")
    app.wait_for_function("() => document.title === 'pressed'")
    app.locator("#page h1").click()
    app.wait_for_function("() => document.title === 'clicked click'")


def test_what_pyscript_documents_for_micropython_works_in_a_card(workspace: Workspace, tmp_path: Path) -> None:
    complaints = _complaints(workspace.page.context)
    built = _built(workspace, tmp_path, CARDS)
    assert _of_packages(built) == []
    serve_instead(workspace, built)
    app = _ring(workspace)
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    _uses_pyscript(app)
    assert complaints == []


def test_pyscripts_storage_keeps_what_a_card_puts_there(storing: Workspace, tmp_path: Path) -> None:
    serve_instead(storing, _built(storing, tmp_path, STORING))
    app = _ring(storing)
    expect(app.locator("#card-kept")).to_have_text("calls: 1")
    app.locator("[data-do=refresh]").click()
    expect(app.locator("#card-kept")).to_have_text("calls: 2")


# The published core opens a database as it loads: where storage is denied to the iframe, that is two errors in its console.
@pytest.mark.parametrize("alter", [pytest.param(no_romfs, marks=pytest.mark.thorough), no_sources])
def test_the_published_files_run_the_page_too(
    alter: Callable[[Path], None], storing: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter(altered(tmp_path, monkeypatch))
    built = _built(storing, tmp_path, CARDS)
    assert len(_of_packages(built)) == 1
    serve_instead(storing, built)
    app = _ring(storing)
    expect(app.locator("#card-agent_name")).to_have_text("Alex Rivera")
    expect(app.locator("#card-queue")).to_have_text("BasicQueue")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    _uses_pyscript(app)
