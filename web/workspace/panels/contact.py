"""The panel of the selected contact: its data, and its attributes, which can be edited."""

from panels.dom import button, by_id, element, field, fill, problem_box
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from model.contact import Contact
    from panels.page import Page


class ContactPanel(Part):
    """The contact's data and attributes."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.clicks = {"edit-attribute": self._edit}
        self.forms = {"attribute": _attribute}

    def state(self) -> "Any":
        """Return all that is shown."""
        contact = self.selected()
        if contact is None:
            return None
        queue = contact.queue and contact.queue["name"]
        return contact.id, contact.state, queue, sorted(contact.attributes.items())

    def draw(self) -> None:
        """Draw it."""
        contact = self.selected()
        if contact is None:
            hint = element("p", "hint", "Select a contact to see its data and attributes.")
            fill(by_id("panel-contact"), [hint])
            return
        rows = (
            ("Contact id", contact.id),
            ("Initial contact id", contact.initial_id or "none: it was not transferred"),
            ("Channel", contact.type + ", " + contact.subtype),
            ("Customer", contact.address or "anonymous"),
            ("Queue", contact.queue["name"] if contact.queue else "none"),
        )
        data = [element(tag, "", text) for name, value in rows for tag, text in (("dt", name), ("dd", value))]
        fields = [field("attribute-name", "name", "Name"), field("attribute-value", "value", "Value")]
        fields.append(element("button", "", "Set"))
        fill(
            by_id("panel-contact"),
            ([problem_box(contact.problem)] if contact.problem else [])
            + [
                element("dl", "data", None, data),
                element("h3", "", "Attributes"),
                _table(contact, self.apps.secrets)
                if contact.attributes
                else element("p", "hint", "The flow has set none."),
                element("form", "line", None, fields, data_form="attribute"),
            ],
        )

    def _edit(self, name: str, contact: str) -> None:
        by_id("attribute-name").value = name
        box = by_id("attribute-value")
        box.value = "" if name in self.apps.secrets else self.desk.contact(contact).attributes.get(name, "")
        box.focus()


def _attribute(fields: dict[str, str]) -> "tuple[str, dict[str, Any]] | None":
    return ("attribute", {"name": fields["name"], "value": fields["value"]}) if fields["name"] else None


def _table(contact: "Contact", secrets: list[str]) -> "Any":
    """Return the attributes' table; of a secret, which screen prints are not to have, that there is one."""
    rows = []
    for name in sorted(contact.attributes):
        value = contact.attributes[name]
        if name in secrets and len(value) > 1:  # "-" stands for none
            value = "(not shown)"
        edit = button(name, "edit-attribute", "as-text", name=name, contact=contact.id)
        remove = button("×", "attribute", "tab-close", name=name, contact=contact.id)
        remove.setAttribute("aria-label", "Remove " + name)
        cells = [
            element("th", "", None, [edit], scope="row"),
            element("td", "", None, [element("div", "long", value)]),
            element("td", "cell-button", None, [remove]),
        ]
        rows.append(element("tr", "", None, cells))
    return element("table", "attributes", None, rows)
