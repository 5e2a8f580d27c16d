"""A customer field of a team's own, as docs/lambda.md says: one line of settings, three of a card, and preview shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.preview_process import Running
from tests.project import copy_project

pytestmark = pytest.mark.browser

SETTINGS = '\n[tool.popdesk.fields]\ntier = "loyaltyTier"\n'
CARD = '\n\n@card("Loyalty tier")\nasync def loyalty_tier(desk):\n    return await desk.customer.field("tier")\n'


def test_one_line_of_settings_and_three_of_a_card_show_a_customers_field(tmp_path: Path, page: Page) -> None:
    project = copy_project(tmp_path / "project")
    for file, more in (("pyproject.toml", SETTINGS), ("pyapp/cards.py", CARD)):
        (project / file).write_text((project / file).read_text("utf-8") + more, "utf-8")
    sample = project / "lambda" / "lookup" / "adapters" / "sample.json"
    text, changes = re.subn(r'("id": "C-1001".*?)\}', r'\1, "tier": "<b>gold</b>"}', sample.read_text("utf-8"))
    assert changes == 1
    sample.write_text(text, "utf-8")
    running = Running(project, options=("--no-browser",))
    try:
        for customer, shown in (("C-1001", "<b>gold</b>"), ("C-1002", "–")):
            page.goto(f"{running.workspace}?offer={customer}&accept")
            app = page.frame_locator("iframe:visible")
            card = app.locator("#card-loyalty_tier")
            expect(card).to_have_text(shown)
    finally:
        running.close()
