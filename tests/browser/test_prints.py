"""What a card prints, and the traceback of one that fails, stand in preview's terminal and in the workspace's log."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.preview import builds
from ops.preview.server import Preview
from ops.settings import load_settings
from ops.site.build import Page, app_page, make_site
from tests.browser.app_stage import AppStates
from tests.conftest import Workspace

_CARDS = """from popdesk import card


@card("Talkative")
async def talkative(desk):
    print("tier", 7, "\\x1b[31mred", sep=" = ")
    return "said"


@card("Odd")
async def odd(desk):
    return {}[(await desk.agent.state())["name"] + __import__("sys").implementation.name]
"""


def test_what_cards_print_is_shown_in_the_terminal_and_in_the_log(
    monkeypatch: pytest.MonkeyPatch, context: BrowserContext, tmp_path: Path
) -> None:
    lines: list[str] = []
    shown = app_page(load_settings())
    python = tmp_path / "pyapp"
    python.mkdir()
    for each in shown.python.iterdir():
        (python / each.name).symlink_to(each)
    (python / "cards.py").unlink()
    (python / "cards.py").write_text(_CARDS, "utf-8")
    cards = [["Talkative", "talkative"], ["Odd", "odd"]]

    def page(_settings: Any) -> Page:
        settings = {**shown.settings, "skeleton": cards, "card_lines": {}}
        return dataclasses.replace(shown, python=python, cards=cards, settings=settings)

    monkeypatch.setattr(builds, "app_page", page)
    with Preview(load_settings, log=lines.append) as preview:
        workspace = Workspace(preview, context.new_page())
        workspace.open()
        workspace.desk.offer(customer="C-1001")
        workspace.page.locator("iframe:visible").wait_for()
        expect(AppStates(workspace).frame().locator("#card-talkative")).to_have_text("said")
        workspace.wait_until(lambda: any("KeyError" in line for line in lines), "the traceback's last line")
        logged = [entry["message"] for entry in workspace.desk.command("log")]
    assert "page: tier = 7 = \\x1b[31mred" in lines
    assert any(line.startswith('page:   File "pyapp/cards.py", line 12, in odd') for line in lines)
    printed = [entry["data"]["text"] for entry in logged if entry.get("message") == "print"]
    assert "tier = 7 = \x1b[31mred" in printed


def test_a_release_prints_to_the_console_alone() -> None:
    site = make_site(load_settings())
    (image,) = [content for path, content in site.contents.items() if path.endswith(".pack")]
    assert b"prints.mpy" not in image
    assert b'"prints"' not in image
