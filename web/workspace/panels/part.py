"""A part of the page, which is drawn again when what it shows has changed.

class Header(Part):
    def state(self):
        return self.desk.agent_name

    def draw(self):
        by_id("agent-name").textContent = self.desk.agent_name

Header(page).update()      # draws; again: nothing, until the agent's name changes
"""

from model.contact import ACW, CONNECTED, ERROR, INCOMING, MISSED, PENDING, QUEUED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from model.contact import Contact
    from panels.page import Page

CHANNELS = {"VOICE": "Call", "CHAT": "Chat", "TASK": "Task", "EMAIL": "E-mail"}
_STATES = {
    QUEUED: "In the flow",
    INCOMING: "Incoming",
    CONNECTED: "Connected",
    ACW: "After-contact work",
    MISSED: "Missed",
    PENDING: "Pending",
    ERROR: "Error",
}


class Part:
    """A part of the page. `clicks`: what buttons named in data-do do here; `forms`: the command that a form stands for.

    A form's function takes its fields and returns (command, arguments), or None for nothing to do. A button or form that
    stands in none of them is a command of that name.
    """

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.apps = page.apps
        self.desk = page.apps.desk
        self.clicks: dict[str, Callable[..., None]] = {}
        self.forms: dict[str, Callable[[dict[str, str]], tuple[str, dict[str, Any]] | None]] = {}
        self._drawn: Any = self  # equal to no state

    def state(self) -> "Any":
        """Return all that is shown, as values that can be compared."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw it."""
        raise NotImplementedError

    def update(self) -> None:
        """Draw it if what it shows has changed."""
        state = self.state()
        if state != self._drawn:
            self._drawn = state
            self.draw()

    def selected(self) -> "Contact | None":
        """Return the contact that the agent looks at."""
        return self.desk.find(self.desk.selected)


def title_of(contact: "Contact") -> str:
    """Return the name a contact is shown by."""
    return contact.name or contact.address or "Anonymous " + CHANNELS[contact.channel].lower()


def state_of(contact: "Contact") -> str:
    """Return a contact's state in words."""
    return "On hold" if contact.on_hold else _STATES.get(contact.state, "")
