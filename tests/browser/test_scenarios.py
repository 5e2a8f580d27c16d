"""Scenarios in the real workspace: the examples of examples/ play to their end, and one that fails names its line."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from ops.errors import UserError
from ops.preview.scenario import CommandFailed, load_scenario, play_scenario
from ops.settings import ROOT
from tests.conftest import Workspace
from tests.preview_process import Running
from tests.project import copy_project

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.stem)
def test_an_example_plays_and_leaves_the_desk_empty(workspace: Workspace, file: Path) -> None:
    play_scenario(file, load_scenario(file), workspace.desk)
    workspace.desk.wait_for(lambda look: not look["apps"], "every app to be gone")


def test_a_step_that_the_workspace_refuses_names_its_line(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "scene.py"
    file.write_text("def scenario(desk):\n    desk.offer(customer='C-1001').end()\n    desk.offer(customer='Nobody')\n")
    with pytest.raises(UserError, match="there is no sample customer Nobody") as caught:
        play_scenario(file, load_scenario(file), workspace.desk)
    assert caught.value.subject.startswith(f"{file}:3")


def test_a_page_loaded_anew_fails_its_command_and_does_the_next(workspace: Workspace) -> None:
    workspace.desk.offer(customer="C-1001")
    workspace.open()
    assert workspace.desk.look()["contacts"] == []
    with pytest.raises(CommandFailed, match="there is no command dance"):
        workspace.desk.command("dance")


# Characters of one to four bytes, what JSON escapes, and what ends a line for some readers.
WORDS = 'Zoë 😀 𝓐na 👩\u200d👧 \u2028 "quoted" \\ud83d back\\slash \t end'


def test_every_character_of_a_scenario_reaches_the_contact_and_the_page(workspace: Workspace) -> None:
    contact = workspace.desk.offer(customer="C-1001", attributes={"Note": WORDS})
    assert contact.look()["attributes"]["Note"] == WORDS
    contact.set_attributes(Name=WORDS)
    assert contact.look()["attributes"]["Name"] == WORDS
    workspace.desk.command("panel", name="contact")
    shown = workspace.page.locator("#panel-contact tr").filter(has=workspace.page.get_by_text("Name", exact=True))
    expect(shown.locator("td").first).to_have_js_property("textContent", WORDS)


def test_what_json_cannot_hold_is_refused_at_once_and_the_next_command_is_done(workspace: Workspace) -> None:
    for value in (float("nan"), object(), "\ud83d"):
        with pytest.raises(CommandFailed, match="an argument is no JSON value"):
            workspace.desk.command("offer", name=value)
        assert workspace.desk.look()["contacts"] == []


def test_the_command_plays_a_scenario_once_a_browser_has_the_workspace_open(
    context: BrowserContext, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project", "examples")
    running = Running(project, options=("--no-browser", "--scenario", "examples/gold_customer.py"))
    try:
        context.new_page().goto(running.workspace)
        running.printed(r"^The scenario is over; the workspace stays open\.$")
        assert running.end(signal.SIGINT).endswith("Stopped.\n")
        assert running.process.returncode == 0
    finally:
        running.close()
