"""Scenarios in the real workspace: the examples of examples/ play to their end, and one that fails names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import Trouble
from ops.preview.scenario import CommandFailed, load_scenario, play_scenario
from ops.settings import ROOT
from tests.conftest import Workspace

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.stem)
def test_an_example_plays_and_leaves_the_desk_empty(workspace: Workspace, file: Path) -> None:
    play_scenario(file, load_scenario(file), workspace.desk)
    workspace.desk.wait_for(lambda look: not look["apps"], "every app to be gone")


def test_a_step_that_the_workspace_refuses_names_its_line(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "scene.py"
    file.write_text("def scenario(desk):\n    desk.offer(customer='C-1001').end()\n    desk.offer(customer='Nobody')\n")
    with pytest.raises(Trouble, match="there is no sample customer Nobody") as caught:
        play_scenario(file, load_scenario(file), workspace.desk)
    assert caught.value.thing.startswith(f"{file}:3")


def test_a_page_loaded_anew_fails_its_command_and_does_the_next(workspace: Workspace) -> None:
    workspace.desk.offer(customer="C-1001")
    workspace.open()
    assert workspace.desk.look()["contacts"] == []
    with pytest.raises(CommandFailed, match="there is no command dance"):
        workspace.desk.command("dance")
