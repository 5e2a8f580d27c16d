"""What all tests share: the Chromium to launch, and a running preview with the desk in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Playwright

from ops.preview import Preview
from ops.scenario import Desk
from ops.settings import load_settings
from tests.chromium import launch_arguments


@pytest.fixture(scope="session")
def browser_type_launch_args(playwright: Playwright) -> dict[str, Any]:
    """Launch the Chromium that tests/chromium.py finds."""
    return launch_arguments(playwright)


@pytest.fixture(scope="session")
def preview() -> Iterator[Preview]:
    """Run the real preview, as `python deploy.py preview` does, on free ports."""
    with Preview(load_settings) as running:
        yield running


class Workspace:
    """The local agent workspace in a browser page: `desk` commands it, `page` is what is seen."""

    def __init__(self, preview: Preview, page: Page) -> None:
        self.preview = preview
        self.page = page
        self.desk = Desk(preview.command)
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, query: str = "") -> None:
        """Open the workspace; `query` is the address's part after the question mark."""
        self.preview.forget_page()
        self.page.goto(self.preview.workspace_url + (f"?{query}" if query else ""))
        self.page.locator("html[data-ready=true]").wait_for()

    @property
    def app(self) -> FrameLocator:
        """The app's frame that is shown now."""
        return self.page.frame_locator("iframe:visible")


@pytest.fixture
def workspace(preview: Preview, context: BrowserContext) -> Iterator[Workspace]:
    """Open the workspace in a browser context of its own; at the end no page error may have been raised."""
    made = Workspace(preview, context.new_page())
    made.open()
    yield made
    assert made.errors == []


@pytest.fixture
def fresh_context(browser: Browser) -> Iterator[BrowserContext]:
    """Give another browser context, with an empty cache."""
    made = browser.new_context()
    yield made
    made.close()
