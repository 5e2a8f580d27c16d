"""The tools on the right: five panels, of which one is open or none."""

import js

from model.desk import NotPossible
from panels.contact import ContactPanel
from panels.desk import DeskPanel
from panels.dom import by_id, elements
from panels.faults import FaultsPanel
from panels.flow import FlowPanel
from panels.log import LogPanel
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page


class Tools(Part):
    """The panels by name; `panel` is the one that is open, or was when `is_open` is false."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.log = LogPanel(page)
        self.panels: dict[str, Part] = {
            "contact": ContactPanel(page),
            "flow": FlowPanel(page),
            "log": self.log,
            "faults": FaultsPanel(page),
            "desk": DeskPanel(page),
        }
        self.panel = "contact"
        self.is_open = True
        self.clicks = {"panel-toggle": self._toggle}

    def open(self, name: str = "") -> None:
        """Open a panel by name, or close it for ""."""
        if name and name not in self.panels:
            raise NotPossible("the panels are contact, flow, log, faults, desk")
        self.is_open = bool(name)
        self.panel = name or self.panel
        self.page.changed()

    def shows(self, name: str) -> bool:
        """Return whether a panel is open."""
        return self.is_open and self.panel == name

    def _toggle(self) -> None:
        self.open("" if self.is_open else self.panel)

    def state(self) -> "Any":
        """Return which panel is open."""
        return self.panel, self.is_open

    def draw(self) -> None:
        """Show the panel that is open."""
        by_id("panel").hidden = not self.is_open
        js.document.body.className = "with-panel" if self.is_open else ""
        by_id("panel-toggle").setAttribute("aria-expanded", "true" if self.is_open else "false")
        for tab in elements("[data-panel]"):
            chosen = tab.getAttribute("data-panel") == self.panel
            tab.setAttribute("aria-selected", "true" if chosen else "false")
            by_id(tab.getAttribute("aria-controls")).hidden = not chosen

    def update(self) -> None:
        """Draw what has changed: which panel is open, and what it shows."""
        super().update()
        if self.is_open:
            self.panels[self.panel].update()
