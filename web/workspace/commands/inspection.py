"""Commands for tests, scenarios and bug reports: repeating events, waiting, and looking at what there is. Pure."""

import asyncio
import gc

from commands.table import COMMANDS, command
from model.desk import NotPossible
from model.log import UP
from model.permissions import CONTACT
from protocol.instance import LOADING, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from commands.runner import Commands

# What may be sent of a contact again; cleared and destroy end its apps.
CONTACT_EVENTS = (
    "contact/incoming",
    "contact/connecting",
    "contact/pending",
    "contact/connected",
    "contact/missed",
    "contact/acw",
    "contact/error",
)


@command("event", "name", "contact", "times", "attribute")
def repeat_event(
    context: "Commands", name: str = "contact/connected", contact: str = "", times: int = 1, attribute: str = ""
) -> None:
    """Send a contact's event once more, or so many times; before each, set an attribute to 1, 2, 3, ..."""
    if name not in CONTACT_EVENTS:
        raise NotPossible("an event of a contact is one of " + ", ".join(CONTACT_EVENTS))
    found = context.desk.contact(contact)
    for number in range(1, times + 1):
        if attribute:
            found.attributes[attribute] = str(number)
        context.desk.on_event(CONTACT, name, found.id, found.event())


@command("burst", "count", "name")
def burst(context: "Commands", count: int = 1000, name: str = "Burst") -> None:
    """Change the agent's state so many times at once, to states named Burst 1, Burst 2, ..."""
    previous = context.desk.state
    for number in range(1, count + 1):
        state = name + " " + str(number)
        data = {"state": state, "previous": {"state": previous}}
        context.desk.on_event(CONTACT, "agent/stateChange", "", data)
        previous = state


@command("wait", "ms")
async def wait(_context: "Commands", ms: float = 1000) -> None:
    """Do nothing for so many milliseconds."""
    await asyncio.sleep(ms / 1000)


@command("until", "app", "request", "count", "contact", "timeout")
async def wait_until(
    context: "Commands",
    app: str = "running",
    request: str = "",
    count: int = 1,
    contact: str = "",
    timeout: float = 10000,
) -> dict[str, bool]:
    """Wait until the contact's app is running, or until a request was made so many times; `timeout` in ms."""
    deadline = context.desk.clock() + timeout
    while context.desk.clock() < deadline:
        if request:
            if _times_asked(context, request) >= count:
                return {"waited": True}
        elif _state_of_app(context, contact) == app:
            return {"waited": True}
        await asyncio.sleep(0.02)
    raise NotPossible("after " + str(timeout) + " ms the app is still not " + (request or app))


def _times_asked(context: "Commands", request: str) -> int:
    found = 0
    for entry in context.log.entries:
        if entry.direction == UP and request in entry.text():
            message = entry.value()
            found += message.get("type") == "request" and message.get("command") == request
    return found


def _state_of_app(context: "Commands", contact: str) -> str:
    active = context.apps.active(contact or context.desk.selected)
    return active.state if active is not None else "gone"


@command("look")
def look(context: "Commands") -> "dict[str, Any]":
    """Return what the desk looks like: the agent, the contacts, the apps and their states."""
    desk, instances = context.desk, context.apps.instances
    return {
        "agent": {"name": desk.agent_name, "state": desk.state, "profile": desk.profile_name},
        "theme": desk.visual_mode,
        "language": desk.language or None,
        "selected": desk.selected,
        "contacts": [
            {
                "contactId": contact.id,
                "initialContactId": contact.initial_id or None,
                "channel": contact.channel,
                "state": contact.state,
                "attributes": dict(contact.attributes),
                "error": contact.problem,
            }
            for contact in desk.contacts
        ],
        "apps": [
            {
                "instanceId": instance.id,
                "name": instance.app.name,
                "contactId": instance.contact_id,
                "state": instance.state,
                "visible": instance.visible,
                "subscriptions": len(instance.subscriptions()),
                "requests": instance.requests,
                "error": instance.error,
            }
            for instance in instances
        ],
        "services": [
            {"name": service.app.name, "state": service.state, "requests": service.requests, "error": service.error}
            for service in context.apps.services
        ],
        "openedMs": context.opened_ms,
        "loading": len([1 for instance in instances if instance.state == LOADING]),
        "running": len([1 for instance in instances if instance.state == RUNNING]),
        "logged": context.log.total,
    }


@command("log", "filter", "last")
def read_log(context: "Commands", filter: str | None = "", last: int = 200) -> "list[dict[str, Any]]":
    """Return the last messages of the log that hold the words of the filter."""
    entries = context.log.filter(filter or "")[-last:] if last else []
    return [
        {"time": entry.time, "direction": entry.direction, "app": entry.source, "message": entry.value()}
        for entry in entries
    ]


@command("memory")
def memory(context: "Commands") -> dict[str, int]:
    """Collect garbage; return the bytes that this page's Python uses, and those of the log among them."""
    gc.collect()
    used = getattr(gc, "mem_alloc", None)  # MicroPython's
    return {"python": used() if used is not None else 0, "log": context.log.size}


@command("panel", "name", "filter")
def open_panel(context: "Commands", name: str = "", filter: str | None = None) -> None:
    """Open a panel: contact, flow, log, pages, faults or desk; without a name close it."""
    context.page.open_panel(name, filter)


@command("help")
def list_commands(_context: "Commands") -> "list[list[Any]]":
    """Return every command and its parameters."""
    return [[name, list(COMMANDS[name].parameters)] for name in sorted(COMMANDS)]
