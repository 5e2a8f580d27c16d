"""Makes the README's picture: a call from a sample customer in the local agent workspace.

uv run python -m tests.screenshot [FILE]     # docs/popdesk.png

Everything in it is the real thing; but for times and the port it is always the same picture.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, expect, sync_playwright

from ops.preview.server import Preview
from ops.settings import ROOT, load_settings
from tests.chromium import launch_arguments
from tests.conftest import Workspace

PICTURE = ROOT / "docs" / "popdesk.png"
SIZE: ViewportSize = {"width": 1280, "height": 720}
CONTACT = "3f0c9a52-7b1e-4d58-9c3a-2f6d1e8b4a70"


def take_screenshot(file: Path) -> None:
    """Write the picture (PNG)."""
    with Preview(load_settings) as preview, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        context = browser.new_context(
            viewport=SIZE, locale="en-US", timezone_id="UTC", color_scheme="light", reduced_motion="reduce"
        )
        workspace = Workspace(preview, context.new_page())
        workspace.open("panel=flow")
        call = workspace.desk.offer(customer="C-1001", contact=CONTACT)
        call.wait_until_running()
        call.accept()
        expect(workspace.app.get_by_role("status").filter(has_text="Contact connected")).to_be_visible()
        expect(workspace.app.locator("#card-state_duration")).to_have_text(re.compile(r"^0:0[2-9]$"))
        file.parent.mkdir(parents=True, exist_ok=True)
        workspace.page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    take_screenshot(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
