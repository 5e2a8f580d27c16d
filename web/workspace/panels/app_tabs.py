"""The selected contact's apps: a tab for each, and the note over the place where they are shown."""

from model.contact import QUEUED
from panels.dom import button, by_id, element, fill
from panels.part import Part
from protocol.instance import LOADING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page
    from protocol.apps import App
    from protocol.instance import Instance


class AppTabs(Part):
    """The tabs. `failures`: what is said where an app was, by contact id."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.failures: dict[str, str] = {}

    def state(self) -> "Any":
        """Return all that is shown."""
        active = self.apps.active(self.desk.selected)
        tabs = [(each.id, each.state == LOADING, each.error, each is active) for each in self._tabs()]
        return self.desk.selected, tabs, self._note(active), [app.name for app in self._absent()]

    def draw(self) -> None:
        """Draw it."""
        active = self.apps.active(self.desk.selected)
        tabs = [_tab(instance, instance is active) for instance in self._tabs()]
        idle = {} if self.selected() else {"idle": True}
        tabs += [button("+ " + app.name, "open", "tab-add", app=app.name, **idle) for app in self._absent()]
        fill(by_id("tabs"), tabs)
        by_id("tabs").hidden = not tabs
        note = by_id("stage-note")
        note.textContent = self._note(active)
        note.hidden = not note.textContent
        note.className = "stage-note" + (" over" if active is not None else "")

    def _tabs(self) -> "list[Instance]":
        return self.apps.tabs(self.desk.selected)

    def _absent(self) -> "list[App]":
        """Return the apps that may be opened for the contact."""
        contact = self.selected()
        if contact is not None and contact.state == QUEUED:
            return []
        there = [each.app for each in self._tabs()]
        return [app for app in self.apps.registered if app not in there and not app.is_service]

    def _note(self, active: "Instance | None") -> str:
        contact = self.selected()
        if active is not None:
            self.failures.pop(self.desk.selected, None)
            return active.error
        if self.desk.selected in self.failures:
            return self.failures[self.desk.selected]
        if contact is None:
            return "Select a contact, or offer one."
        return "The contact is in its flow." if contact.state == QUEUED else "No app is open for this contact."


def _tab(instance: "Instance", active: bool) -> "Any":
    choose = button(instance.app.name, "tab", "tab-name", instance=instance.id)
    choose.setAttribute("aria-pressed", "true" if active else "false")
    close = button("×", "close", "tab-close", instance=instance.id)
    close.setAttribute("aria-label", "Close " + instance.app.name)
    return element("span", "tab" + (" tab-active" if active else ""), None, [choose, close])
