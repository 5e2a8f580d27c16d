"""The top of the page: the agent, its state, the theme; and the banner for a problem."""

import js

from model.desk import CHOOSABLE
from panels.dom import by_id, element, fill, options
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page


class Header(Part):
    """The agent's name, state and theme."""

    def state(self) -> "Any":
        """Return all that is shown."""
        desk = self.desk
        return desk.visual_mode, desk.agent_name, desk.state, len(desk.states), desk.next_state

    def draw(self) -> None:
        """Draw it."""
        desk = self.desk
        root = js.document.documentElement
        if desk.visual_mode == "auto":
            root.removeAttribute("data-mode")
        else:
            root.setAttribute("data-mode", desk.visual_mode)
            by_id("theme").value = desk.visual_mode
        by_id("agent-name").textContent = desk.agent_name
        by_id("agent-next").textContent = "then " + desk.next_state if desk.next_state else ""
        others = options(name for name, kind in desk.states if kind not in CHOOSABLE)
        system = element("optgroup", "", None, others, label="Set by the system")
        select = by_id("agent-state")
        fill(select, options(name for name, kind in desk.states if kind in CHOOSABLE) + [system])
        select.value = desk.state
        by_id("state-dot").className = "dot dot-" + dict(desk.states).get(desk.state, "")


class Banner(Part):
    """The banner for a problem: its subject, reason and hint, or None."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.problem: tuple[str, str, str] | None = None
        self.clicks = {"dismiss": page.show_problem}

    def state(self) -> "Any":
        """Return the problem."""
        return self.problem

    def draw(self) -> None:
        """Show the problem, or hide the banner."""
        by_id("problem").hidden = self.problem is None
        for name, text in zip(("subject", "reason", "hint"), self.problem or ("", "", "")):
            by_id("problem-" + name).textContent = text
