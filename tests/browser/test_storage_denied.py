"""A browser that blocks third-party storage, as many companies' do: the app in its cross-site iframe runs all the same.

Stock PyScript opens an IndexedDB as it starts, which such a browser denies; what of it the build leaves out stands in
ops/site/bundle.py. Under both runtimes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame, Playwright, expect

from ops.preview.server import Preview
from tests.conftest import Workspace

pytestmark = pytest.mark.browser

# What "Block third-party cookies" writes; storage goes with them
# (chromium: components/content_settings/core/common/pref_names.h, cookie_controls_mode 1).
PREFERENCES = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}

OPEN_DATABASE = """() => new Promise(resolve => {
    const request = indexedDB.open("anything");
    request.onsuccess = () => resolve("opened");
    request.onerror = () => resolve(request.error.name);
})"""
LOOK_AT_STORAGE = "() => { try { return typeof localStorage } catch (error) { return error.name } }"


@pytest.fixture
def denying(
    playwright: Playwright, browser_type_launch_args: dict[str, Any], tmp_path: Path
) -> Iterator[BrowserContext]:
    """A browser of its own whose profile blocks third-party cookies and storage."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    (profile / "Preferences").write_text(json.dumps(PREFERENCES))
    made = playwright.chromium.launch_persistent_context(profile.parent, **browser_type_launch_args)
    yield made
    made.close()


def test_the_app_runs_where_its_storage_is_denied(preview: Preview, denying: BrowserContext) -> None:
    complaints: list[str] = []
    denying.on("console", lambda one: complaints.append(one.text) if one.type in ("error", "warning") else None)
    denying.on("weberror", lambda one: complaints.append(str(one.error)))
    workspace = Workspace(preview, denying.new_page())
    workspace.open()
    call = workspace.desk.offer(customer="C-1001")
    call.wait_until_running()
    expect(workspace.app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(workspace.app.get_by_text("Alex Rivera")).to_be_visible()
    call.accept()
    expect(workspace.app.get_by_role("status").filter(has_text="Contact connected")).to_be_visible()
    assert workspace.errors == []
    assert complaints == []

    # The browser really denies it, or the test above says nothing.
    (app,) = [frame for frame in workspace.page.frames if frame.url.startswith(preview.app_url)]
    assert denied(app) == ("SecurityError", "UnknownError")


def denied(frame: Frame) -> tuple[str, str]:
    """What a look at the local storage, and opening a database, end with in a frame."""
    return frame.evaluate(LOOK_AT_STORAGE), frame.evaluate(OPEN_DATABASE)


def test_the_same_browser_allows_its_own_site_storage(preview: Preview, denying: BrowserContext) -> None:
    page = denying.new_page()
    page.goto(preview.app_url)
    assert denied(page.main_frame) == ("object", "opened")
