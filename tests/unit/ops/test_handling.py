"""What the workspace does for the page: the table against the SDK's own declarations, the docs, and what the build says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from popdesk.handling import COMMANDS, DeskWorkspace

from model.permissions import needed_for_request
from ops.settings import PERMISSIONS, ROOT, load_settings
from ops.site import npm
from ops.site.play import Played, play_cards
from ops.testing.page import SampleDesk
from tests.unit.ops.players import OwnCache, copy_package

DOCS = (ROOT / "docs" / "handling.md").read_text("utf-8")
ACTIONS, CARDS = re.findall(r"^```python\n(.*?)^```$", DOCS, re.DOTALL | re.MULTILINE)
ROWS = re.findall(r"^\| (`.*?`) \|.*\| (`.*?) \|$", DOCS, re.MULTILINE)


def _declared(client: str) -> str:
    package = {"AgentClient": "contact", "ContactClient": "contact", "VoiceClient": "voice"}[client]
    file = {"AgentClient": "agent-client", "ContactClient": "contact-client", "VoiceClient": "voice-client"}[client]
    with npm.packages() as modules:
        return (modules / "@amazon-connect" / package / "lib" / f"{file}.d.ts").read_text("utf-8")


def test_every_command_is_a_method_of_the_sdks_own_client() -> None:
    for name, (client, method, permission) in COMMANDS.items():
        assert re.search(rf"^    {method}\(", _declared(client), re.MULTILINE), name
        assert {*permission.split(" or ")} <= {*PERMISSIONS}, name


def test_the_table_asks_for_what_the_workspace_wants() -> None:
    routes = {"AgentClient": "agent", "ContactClient": "contact", "VoiceClient": "voice"}
    for client, method, permission in COMMANDS.values():
        namespace = "aws.connect.voice" if client == "VoiceClient" else "aws.connect.contact"
        assert needed_for_request(namespace, f"{routes[client]}/{method}") == permission


def test_the_docs_name_every_method_with_its_permission() -> None:
    named = {
        name: permission.replace("`", "") for methods, permission in ROWS for name in re.findall(r"`(\w+)\(", methods)
    }
    offered = {name for name in vars(DeskWorkspace) if not name.startswith("_")}
    assert {*named} == offered
    assert all(permission == COMMANDS[name][2] for name, permission in named.items())


def _played(
    folder: Path,
    cards: str = "",
    actions: str = "",
    permissions: tuple[str, ...] = (),
    attributes: tuple[str, ...] = (),
) -> Played:
    python = folder / "pyapp"
    copy_package(python)
    (python / "cards.py").write_text(cards, "utf-8")
    if actions:
        (python / "actions.py").write_text(actions, "utf-8")
    given = load_settings()
    settings = given.model_copy(
        update={
            "api": given.api.model_copy(update={"enabled": True, "attributes": attributes}),
            "permissions": (*given.permissions, *permissions),
            "fields": {"branchPhone": "branchPhone"},
        }
    )
    return play_cards(python, sorted(python.rglob("*.py")), settings, OwnCache(folder / "cache"))


@pytest.mark.slow
def test_the_documented_actions_need_what_the_build_says(tmp_path: Path) -> None:
    played = _played(tmp_path, CARDS, ACTIONS)
    assert played.actions == ("transfer", "lunch")
    assert played.held == ("branch",)  # what needs modules that come late is run when they are there
    attribute, branch, transfer, lunch = played.notes
    assert "sets the contact attribute topic, which [tool.popdesk.api] attributes does not list" in attribute
    assert "needs Contact.Details.Edit, which [tool.popdesk] permissions does not list: it will be refused" in transfer
    assert "needs User.Status.Edit or User.Configuration.Edit" in lunch
    assert "its number cannot be called" in branch


@pytest.mark.slow
@pytest.mark.parametrize("state", ["User.Status.Edit", "User.Configuration.Edit"])
def test_either_permission_of_a_state_will_do(tmp_path: Path, state: str) -> None:
    assert _played(tmp_path, CARDS, ACTIONS, ("Contact.Details.Edit", state), ("topic",)).notes == ()


@pytest.mark.slow
def test_a_permission_to_change_that_nothing_uses_is_said(tmp_path: Path) -> None:
    (note,) = _played(tmp_path, permissions=("Contact.Details.Edit",)).notes
    assert "permissions lists Contact.Details.Edit, which no card and no action uses" in note


def test_a_tests_sample_desk_refuses_what_is_not_granted() -> None:
    import asyncio

    from popdesk.desk import Unanswered

    sample = SampleDesk(load_settings(), {"workspace states": []}, frozenset({"User.Configuration.View"}))
    with pytest.raises(Unanswered) as refused:
        asyncio.run(sample.desk.workspace.states())
    assert refused.value.permission == "User.Configuration.View"


@pytest.mark.slow
def test_the_documented_wrap_up_is_taken_by_the_build(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs" / "wrap-up.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    played = _played(tmp_path, actions=example, attributes=("disposition",))
    assert (played.actions, played.notes) == (("support",), ())
    assert "Wrap-up" in played.texts
