"""The tools on the right: six panels, of which one is open or none, and the grip that makes them wider or narrower."""

import js
from jsffi import create_proxy

from model.desk import NotPossible
from panels.contact import ContactPanel
from panels.desk import DeskPanel
from panels.dom import by_id, elements
from panels.faults import FaultsPanel
from panels.flow import FlowPanel
from panels.log import LogPanel
from panels.pages import PagesPanel
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page


# The narrowest that the tools are made, and what is left to the contact, px; and what an arrow key does.
NARROWEST = 220
LEFT_TO_OTHERS = 560
STEP = 20


class Tools(Part):
    """The panels by name; `panel` is the one that is open, or was when `is_open` is false."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.log = LogPanel(page)
        self.pages = PagesPanel(page)
        self.panels: dict[str, Part] = {
            "contact": ContactPanel(page),
            "flow": FlowPanel(page),
            "log": self.log,
            "faults": FaultsPanel(page),
            "desk": DeskPanel(page),
            "pages": self.pages,
        }
        self.panel = "contact"
        self.is_open = True
        self.clicks = {"panel-toggle": self._toggle}
        self._grip = by_id("panel-grip")
        self._proxies = [create_proxy(self._pressed), create_proxy(self._moved), create_proxy(self._key)]
        for kind, proxy in zip(("pointerdown", "pointermove", "keydown"), self._proxies):
            self._grip.addEventListener(kind, proxy)

    def open(self, name: str = "") -> None:
        """Open a panel by name, or close it for ""."""
        if name and name not in self.panels:
            raise NotPossible("the panels are " + ", ".join(sorted(self.panels)))
        self.is_open = bool(name)
        self.panel = name or self.panel
        self.page.changed()

    def shows(self, name: str) -> bool:
        """Return whether a panel is open."""
        return self.is_open and self.panel == name

    def _toggle(self) -> None:
        self.open("" if self.is_open else self.panel)

    # -- their width ---------------------------------------------------------------------------------------------------

    def _pressed(self, event: "Any") -> None:
        self._grip.setPointerCapture(event.pointerId)

    def _moved(self, event: "Any") -> None:
        if self._grip.hasPointerCapture(event.pointerId):
            self._widen(js.window.innerWidth - event.clientX)

    def _key(self, event: "Any") -> None:
        by = {"ArrowLeft": STEP, "ArrowRight": -STEP}.get(event.key)
        if by:
            event.preventDefault()
            self._widen(by_id("panel").offsetWidth + by)

    def _widen(self, width: float) -> None:
        """Make the tools so wide (px), as far as that leaves the contact and the list their place."""
        width = max(NARROWEST, min(int(width), js.window.innerWidth - LEFT_TO_OTHERS))
        js.document.documentElement.style.setProperty("--tools-width", str(width) + "px")
        self._grip.setAttribute("aria-valuenow", str(width))

    # -- which is open -------------------------------------------------------------------------------------------------

    def _flow_failed(self) -> bool:
        contact = self.selected()
        return contact is not None and (contact.problem is not None or any(step.get("error") for step in contact.steps))

    def state(self) -> "Any":
        """Return which panel is open, and whether a step of the selected contact's flow has failed."""
        return self.panel, self.is_open, self._flow_failed()

    def draw(self) -> None:
        """Show the panel that is open, and mark the flow's tab where one of its steps failed."""
        by_id("flow-mark").hidden = not self._flow_failed()
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
