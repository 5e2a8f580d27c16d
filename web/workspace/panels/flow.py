"""The panel of the contact flow: what it did for the selected contact, step by step."""

import json

from model.contact import QUEUED
from panels.dom import by_id, element, fill, problem_box
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class FlowPanel(Part):
    """The flow's steps."""

    def state(self) -> "Any":
        """Return all that is shown."""
        contact = self.selected()
        return contact and (contact.id, contact.state == QUEUED, len(contact.steps))

    def draw(self) -> None:
        """Draw it."""
        contact = self.selected()
        if contact is None:
            fill(by_id("panel-flow"), [element("p", "hint", "Select a contact to see what its flow did.")])
            return
        shown = [problem_box(contact.problem)] if contact.problem else []
        if not contact.steps:
            words = "The flow is running." if contact.state == QUEUED else "The flow reported no steps."
            shown.append(element("p", "hint", words))
        items = []
        flow = ""
        for step in contact.steps:
            if step.get("flow", "") != flow:
                flow = step.get("flow", "")
                items.append(element("li", "step-flow", flow))
            items.append(_step(step))
        fill(by_id("panel-flow"), shown + [element("ol", "steps", None, items)])


def _step(step: "dict[str, Any]") -> "Any":
    """Return one step of the flow: what it was, what it did, where it went."""
    head = [element("span", "step-type", step.get("type", "")), element("span", "step-id", step.get("id", ""))]
    if step.get("ms"):
        head.append(element("span", "step-ms", "%.1f ms" % float(step["ms"])))
    lines = [element("div", "step-head", None, head)]
    for name, value in sorted((step.get("detail") or {}).items()):
        lines.append(_values(name, value) if isinstance(value, dict) and value else _line(name, value))
    if step.get("error"):
        lines.append(element("div", "step-error", step["error"]))
    lines.append(element("div", "step-outcome", "→ " + str(step.get("outcome", ""))))
    return element("li", "step" + (" step-error" if step.get("error") else ""), None, lines)


def _line(name: str, value: "Any") -> "Any":
    """Return a name and a value in one line."""
    text = value if isinstance(value, str) else json.dumps(value)
    shown = element("span", "step-value" + ("" if text else " step-empty"), text or "empty")
    return element("div", "step-detail", None, [element("span", "step-name", name), shown])


def _values(name: str, values: "dict[str, Any]") -> "Any":
    """Return several values, a line for each, that can be folded."""
    lines = [_line(key, values[key]) for key in sorted(values)]
    fold = element(
        "details", "step-values", None, [element("summary", "", name + " (" + str(len(values)) + ")")] + lines
    )
    fold.open = True
    return fold
