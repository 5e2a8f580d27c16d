"""Scenarios: a contact's life in the local workspace as a Python script, for demonstrations and tests alike.

    def scenario(desk):
        contact = desk.offer(customer="C-1001")
        contact.accept()
        contact.wait_until_running()
        contact.set_attributes(Name="Ana Carolina")
        assert contact.look()["state"] == "connected"
        contact.end()
        contact.clear()

`python deploy.py preview --scenario FILE` plays such a file. Everything goes through the commands of the workspace's page
(web/workspace/commands.py); `desk.command(name, **arguments)` reaches those that have no method here.
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.errors import Trouble

Command = Callable[..., Any]


class Contact:
    """One offered contact."""

    def __init__(self, desk: Desk, contact_id: str) -> None:
        self.desk = desk
        self.id = contact_id

    def accept(self) -> None:
        """Accept it: it is connected."""
        self.desk.command("accept", contact=self.id)

    def miss(self) -> None:
        """Let it go unanswered."""
        self.desk.command("miss", contact=self.id)

    def end(self) -> None:
        """End the conversation: after-contact work begins."""
        self.desk.command("end", contact=self.id)

    def clear(self) -> None:
        """Clear it from the desk; its app is destroyed."""
        self.desk.command("clear", contact=self.id)

    def select(self) -> None:
        """Look at it: its app is shown."""
        self.desk.command("select", contact=self.id)

    def set_attributes(self, **values: str | None) -> None:
        """Set contact attributes while it runs; None removes one."""
        self.desk.command("attributes", contact=self.id, values=values)

    def wait_until_running(self, seconds: float = 10.0) -> None:
        """Wait until its app has been created and started."""
        self.desk.command("until", contact=self.id, app="running", timeout=seconds * 1000)

    def look(self) -> dict[str, Any]:
        """Give its state: {"contactId", "initialContactId", "channel", "state", "attributes", "error"}."""
        for contact in self.desk.look()["contacts"]:
            if contact["contactId"] == self.id:
                return dict(contact)
        raise Trouble(f"contact {self.id}", "it is no longer on the desk", "look at it before it is cleared")


class Desk:
    """The agent's desk. `command` is Preview.command."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def offer(self, **arguments: Any) -> Contact:
        """Offer a contact: customer="C-1001" (id or name), or address=..., channel="VOICE", "CHAT", "TASK" or "EMAIL"."""
        return Contact(self, self.command("offer", **arguments)["contactId"])

    def set_agent(self, **arguments: Any) -> None:
        """Change the agent's name, extension or ARN."""
        self.command("agent", **arguments)

    def set_state(self, name: str, kind: str = "") -> None:
        """Change the agent's state; a new name makes a custom one of `kind` (routable, not_routable, offline)."""
        self.command("state", name=name, kind=kind)

    def grant(self, permission: str) -> None:
        """Grant the app a permission."""
        self.command("grant", permission=permission)

    def withdraw(self, permission: str) -> None:
        """Withdraw a permission from the app."""
        self.command("withdraw", permission=permission)

    def look(self) -> dict[str, Any]:
        """Give the agent, the contacts and the apps as they are now."""
        return dict(self.command("look"))

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, for those who watch a demonstration."""
        time.sleep(seconds)


def load_scenario(file: Path) -> Callable[[Desk], None]:
    """Load the function `scenario(desk)` of a file. Raises Trouble when there is none."""
    try:
        names = runpy.run_path(str(file))
    except (OSError, SyntaxError) as error:
        raise Trouble(str(file), f"it cannot be read as a scenario: {error}", "name a Python file") from None
    scenario = names.get("scenario")
    if not callable(scenario):
        raise Trouble(str(file), "it defines no function scenario(desk)", "see ops/scenario.py for an example")
    return scenario  # type: ignore[no-any-return]
