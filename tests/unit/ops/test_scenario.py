"""Scenarios: what their methods ask the page, what is said when one does not go on, and that the examples load.

The page here is a list of what it was asked: what the page does with it is played in tests/browser/test_scenarios.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.errors import UserError
from ops.preview.scenario import CommandFailed, Desk, load_scenario, play_scenario
from ops.settings import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


class Page:
    """Keeps the commands; answers those that have answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.contacts: list[dict[str, Any]] = [{"contactId": "c-1", "state": "incoming", "attributes": {}}]

    def __call__(self, name: str, /, **arguments: Any) -> Any:
        self.asked.append((name, arguments))
        if name == "look":
            return {"contacts": self.contacts, "apps": []}
        if name == "miss":
            raise CommandFailed("the contact is connected: it cannot be missed")
        return {"contactId": "c-1"} if name == "offer" else None


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def desk(page: Page) -> Desk:
    return Desk(page, pace=0)


def written(folder: Path, body: str) -> Path:
    file = folder / "scene.py"
    file.write_text(body, "utf-8")
    return file


def test_each_method_is_a_command_the_workspace_has(page: Page, desk: Desk) -> None:
    from commands.table import COMMANDS  # the page's own list

    contact = desk.offer(customer="C-1001", channel="CHAT")
    for method in ("accept", "hold", "resume", "end", "clear", "select", "wait_until_running"):
        getattr(contact, method)()
    contact.set_attributes(Name="Ana", Tier=None)
    desk.set_agent(name="Sam")
    desk.set_state("Lunch", "not_routable")
    desk.set_theme("dark")
    desk.set_language("es_ES")
    desk.grant("User.Details.View")
    desk.withdraw("User.Details.View")
    desk.latency(50)
    desk.fail("agent/getName", "no")
    desk.hang()
    desk.late("agent/getName", 900)
    desk.drop_acknowledgement()
    desk.heal()
    assert len(page.asked) == 21
    for name, arguments in page.asked:
        assert set(arguments) <= set(COMMANDS[name].parameters), name
    assert ("attributes", {"contact": "c-1", "values": {"Name": "Ana", "Tier": None}}) in page.asked


def test_waiting_ends_when_it_is_so_and_says_what_is_when_it_is_not(page: Page, desk: Desk) -> None:
    contact = desk.offer(customer="C-1001")
    contact.wait_for("incoming", seconds=0)
    with pytest.raises(UserError, match=r"contact c-1 to be acw \(contacts: c-1 incoming\)"):
        contact.wait_for("acw", seconds=0)
    assert contact.look()["state"] == "incoming"
    page.contacts = []
    with pytest.raises(UserError, match="no longer on the desk"):
        contact.look()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("assert contact.look()['state'] == 'acw'", "the assertion does not hold"),
        ("assert False, 'no gold'", "the assertion does not hold: no gold"),
        ("contact.miss()", "the workspace refused it: the contact is connected"),
        ("contact.wait_for('acw', seconds=0)", "it waited 0 s for contact c-1 to be acw"),
        ("contact.id + 1", "TypeError"),
    ],
)
def test_a_scenario_that_does_not_go_on_names_its_line_and_why(
    tmp_path: Path, desk: Desk, line: str, said: str
) -> None:
    file = written(tmp_path, f"def scenario(desk):\n    contact = desk.offer(customer='C-1001')\n    {line}\n")
    with pytest.raises(UserError) as caught:
        play_scenario(file, load_scenario(file), desk)
    assert caught.value.subject == f"{file}:3 ({line})"
    assert said in caught.value.reason


@pytest.mark.parametrize(
    ("body", "subject", "said"),
    [
        ("def scenario(desk):\n  desk.offer(\n", "scene.py:2", "was never closed"),
        ("import nothing_of_that_name\n", "scene.py:1", "nothing_of_that_name"),
        ("def scene(desk): ...\n", "scene.py", "no function scenario(desk)"),
    ],
)
def test_a_file_that_is_no_scenario_is_told(tmp_path: Path, body: str, subject: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_scenario(written(tmp_path, body))
    assert subject in caught.value.subject
    assert said in caught.value.reason


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_load(file: Path) -> None:
    assert callable(load_scenario(file))
