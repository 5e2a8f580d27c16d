"""Scenarios: a contact's life in the local workspace as a Python script, for demonstrations and tests alike.

    def scenario(desk):
        contact = desk.offer(customer="C-1001")
        contact.accept()
        contact.wait_until_running()
        contact.set_attributes(Name="Ana Carolina")
        assert contact.look()["attributes"]["Name"] == "Ana Carolina"
        contact.end()
        contact.clear()

`python deploy.py preview --scenario FILE` plays such a file. Everything goes through the commands of the workspace's page
(web/workspace/commands/); `desk.command(name, **arguments)` reaches those that have no method here.
"""

from __future__ import annotations

import runpy
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.errors import WRONG_SETTINGS, UserError

Command = Callable[..., Any]
_POLL_SECONDS = 0.05


class CommandFailed(Exception):
    """A command that the workspace's page refused; its text is for people."""


class Contact:
    """One offered contact; states are "incoming", "connected", "acw", "missed" and "cleared"."""

    def __init__(self, desk: Desk, contact_id: str) -> None:
        self.desk = desk
        self.id = contact_id

    def accept(self) -> None:
        """Accept it: it is connected."""
        self.desk.command("accept", contact=self.id)

    def miss(self) -> None:
        """Let it go unanswered."""
        self.desk.command("miss", contact=self.id)

    def hold(self) -> None:
        """Put the customer of a call on hold."""
        self.desk.command("hold", contact=self.id)

    def resume(self) -> None:
        """Take the customer of a call off hold."""
        self.desk.command("resume", contact=self.id)

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
        """Wait until its app has been created and started. Raises CommandFailed after `seconds`."""
        self.desk.command("until", contact=self.id, app="running", timeout=seconds * 1000)

    def wait_for(self, state: str, seconds: float = 10.0) -> None:
        """Wait until it is in a state. Raises UserError after `seconds`, that says in which it is."""
        self.desk.wait_for(
            lambda look: any(one["contactId"] == self.id and one["state"] == state for one in look["contacts"]),
            f"contact {self.id} to be {state}",
            seconds,
        )

    def look(self) -> dict[str, Any]:
        """Return its state: {"contactId", "initialContactId", "channel", "state", "attributes", "error"}."""
        for contact in self.desk.look()["contacts"]:
            if contact["contactId"] == self.id:
                return dict(contact)
        raise UserError(f"contact {self.id}", "it is no longer on the desk", "look at it before it is cleared")


class Desk:
    """The agent's desk. `command` is Preview.command; `pace` makes the pauses longer or, with 0, leaves them out."""

    def __init__(self, command: Command, pace: float = 1.0) -> None:
        self.command = command
        self.pace = pace

    def offer(self, **arguments: Any) -> Contact:
        """Offer a contact: customer="C-1001" (id or name), or address=..., channel="VOICE", "CHAT", "TASK" or "EMAIL"."""
        return Contact(self, self.command("offer", **arguments)["contactId"])

    def set_agent(self, **arguments: Any) -> None:
        """Change the agent's name, extension or ARN."""
        self.command("agent", **arguments)

    def set_state(self, name: str, kind: str = "") -> None:
        """Change the agent's state; a new name makes a custom one of `kind` (routable, not_routable, offline)."""
        self.command("state", name=name, kind=kind)

    def set_theme(self, mode: str) -> None:
        """Change the theme: light, dark or auto."""
        self.command("theme", mode=mode)

    def set_language(self, locale: str) -> None:
        """Change the agent's language, e.g. es_ES."""
        self.command("language", locale=locale)

    def grant(self, permission: str) -> None:
        """Grant the app a permission."""
        self.command("grant", permission=permission)

    def withdraw(self, permission: str) -> None:
        """Withdraw a permission from the app."""
        self.command("withdraw", permission=permission)

    def latency(self, milliseconds: float) -> None:
        """Make every answer of the workspace take so much longer."""
        self.command("latency", ms=milliseconds)

    def fail(self, request: str = "*", reason: str = "") -> None:
        """Make a request fail ("agent/getName"; "*": all of them), with a reason."""
        self.command("fail", request=request, reason=reason)

    def hang(self, request: str = "*") -> None:
        """Never answer a request."""
        self.command("hang", request=request)

    def late(self, request: str, milliseconds: float) -> None:
        """Answer a request so much later."""
        self.command("late", request=request, ms=milliseconds)

    def answer(self, request: str, *data: Any) -> None:
        """Answer a request with this instead, whatever its type; without it with JavaScript's undefined."""
        self.command("answer", request=request, **({"data": data[0]} if data else {}))

    def drop_acknowledgement(self) -> None:
        """Never acknowledge the apps that say hello from now on."""
        self.command("drop", what="acknowledge")

    def api(self, fault: str = "", milliseconds: float | None = None) -> None:
        """Make the team's API "late", "down", or its answers "lost"; without a fault it is well again."""
        self.command("api", fault=fault, **({} if milliseconds is None else {"ms": milliseconds}))

    def heal(self, request: str = "") -> None:
        """Take back the fault of one request, or every fault."""
        self.command("heal", request=request)

    def look(self) -> dict[str, Any]:
        """Return the agent, the contacts and the apps as they are now."""
        return dict(self.command("look"))

    def wait_for(self, condition: Callable[[dict[str, Any]], bool], what: str, seconds: float = 10.0) -> None:
        """Wait until `condition(desk.look())` holds. Raises UserError that names `what` after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition(look := self.look()):
            if time.monotonic() > deadline:
                states = ", ".join(f"{one['contactId']} {one['state']}" for one in look["contacts"]) or "none"
                raise UserError(
                    "The scenario", f"it waited {seconds:g} s for {what} (contacts: {states})", "look at the workspace"
                )
            time.sleep(_POLL_SECONDS)

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, for those who watch a demonstration."""
        time.sleep(seconds * self.pace)


def load_scenario(file: Path) -> Callable[[Desk], None]:
    """Load the function `scenario(desk)` of a file. Raises UserError when there is none."""
    if file.suffix != ".py":
        raise UserError(
            str(file),
            "it is not a scenario: a scenario is a Python file, NAME.py, with a function scenario(desk)",
            "name one such as examples/gold_customer.py",
            exit_code=WRONG_SETTINGS,
        )
    try:
        names = runpy.run_path(str(file))
    except Exception as error:
        raise UserError(_place(file, error), f"it cannot be loaded: {_words(error)}", "fix that line") from error
    scenario = names.get("scenario")
    if not callable(scenario):
        raise UserError(
            str(file), "it defines no function scenario(desk)", "see ops/preview/scenario.py for an example"
        )
    return scenario  # type: ignore[no-any-return]


def play_scenario(file: Path, scenario: Callable[[Desk], None], desk: Desk) -> None:
    """Play a loaded scenario. Raises UserError that names the line of `file` at which it did not go on, and why."""
    try:
        scenario(desk)
    except Exception as error:
        hint = error.hint if isinstance(error, UserError) else "fix the scenario, or what it found"
        raise UserError(_place(file, error), _words(error), hint) from error


def _words(error: Exception) -> str:
    if isinstance(error, UserError):
        return f"{error.subject}: {error.reason}"
    if isinstance(error, CommandFailed):
        return f"the workspace refused it: {error}"
    if isinstance(error, AssertionError):
        return f"the assertion does not hold: {error}" if str(error) else "the assertion does not hold"
    return f"{type(error).__name__}: {error}"


def _place(file: Path, error: Exception) -> str:
    """Return FILE:LINE of the deepest frame that is in the scenario's file."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}:{error.lineno}"
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{lines[-1].lineno} ({lines[-1].line})" if lines else str(file)
