"""What the app looks like, kept in small files: where each block lies and which colours it has, at 300 and 1,200 px.

Pixels differ with the fonts of the machine; these do not (each block's lines have a height of their own). After a change
that is meant: `POPDESK_SNAPSHOTS=write uv run pytest tests/browser/test_app_look.py`, look at the difference, commit it.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.app_stage import AppStates, overflows, set_width
from tests.conftest import Workspace

SNAPSHOTS = Path(__file__).parent / "snapshots"
BLOCKS = ["header", "#life", "#doctor", "#hero", "#customer-name", "#pop", "#copy", "#home", "#cards", "#attributes"]
# Widths of inline blocks depend on the font: only their place and height are kept.
_LOOK = """blocks => Object.fromEntries(blocks.map(name => {
  const element = document.querySelector(name), box = element.getBoundingClientRect(), style = getComputedStyle(element);
  const wide = ['#life', '#pop', '#copy', '#home'].includes(name) ? null : Math.round(box.width);
  const left = ['#copy', '#home'].includes(name) ? null : Math.round(box.left);
  return [name, {left, top: Math.round(box.top), width: wide, height: Math.round(box.height),
    color: style.color, background: style.backgroundColor}];
}))"""


def _kept(name: str, look: object) -> object:
    file = SNAPSHOTS / f"{name}.json"
    if os.environ.get("POPDESK_SNAPSHOTS") == "write":
        file.write_text(json.dumps(look, indent=1) + "\n", "utf-8")
    return json.loads(file.read_text("utf-8"))


def test_the_page_looks_as_it_was_agreed(workspace: Workspace) -> None:
    states = AppStates(workspace)
    app = states.connected()
    expect(app.locator("#cards dd").get_by_text("…", exact=True)).to_have_count(0)
    expect(app.locator("#customer-note")).not_to_be_empty()
    for width, theme in itertools.product((300, 1200), ("light", "dark")):
        states.desk.command("theme", mode=theme)
        app.locator(f":root[data-mode={theme}]").wait_for()
        set_width(states, app, width)
        assert not overflows(app), (width, theme)
        look = app.evaluate(_LOOK, BLOCKS)
        assert look == _kept(f"connected-{width}-{theme}", look), (width, theme)
