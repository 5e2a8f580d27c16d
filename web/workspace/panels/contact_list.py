"""The list of contacts on the left, and the bar of the selected one with what the agent can do."""

from model.contact import ACW, CONNECTED, ERROR, INCOMING, MISSED, PENDING
from panels.dom import button, by_id, element, fill, icon, timer
from panels.part import CHANNELS, Part, state_of, title_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from model.contact import Contact


class ContactList(Part):
    """A card for each contact."""

    def state(self) -> "Any":
        """Return all that is shown."""
        shown = [(each.id, each.state, each.on_hold, each.id == self.desk.selected) for each in self.desk.contacts]
        return shown, self.desk.too_many()

    def draw(self) -> None:
        """Draw it."""
        contacts = self.desk.contacts
        by_id("contact-count").textContent = str(len(contacts))
        by_id("no-contacts").hidden = bool(contacts)
        remarks = [_remark(*each) for each in self.desk.too_many()]
        by_id("too-many").textContent = " ".join(remarks)
        by_id("too-many").hidden = not remarks
        fill(by_id("contacts"), [element("li", "", None, [self._card(contact)]) for contact in contacts])

    def _card(self, contact: "Contact") -> "Any":
        selected = contact.id == self.desk.selected
        css = "card card-" + contact.state + (" selected" if selected else "")
        card = button("", "select", css, contact=contact.id)
        if selected:
            card.setAttribute("aria-current", "true")
        words = [element("span", "card-name", title_of(contact)), element("span", "card-state", state_of(contact))]
        card.append(icon(contact.channel))
        card.append(element("span", "card-words", None, words))
        card.append(timer(contact.since, self.desk.clock()))
        return card


def _remark(channel: str, count: int, allowed: int) -> str:
    """Return what is said of more contacts of a channel than the agent would be sent."""
    what = CHANNELS[channel].lower() + ("" if count == 1 else "s")
    return str(count) + " " + what + ": the routing profile allows " + (str(allowed) if allowed else "none") + "."


class ContactBar(Part):
    """The selected contact's name and state, and a button for each thing that can be done now."""

    def state(self) -> "Any":
        """Return all that is shown."""
        contact = self.selected()
        return contact and (contact.id, contact.state, contact.on_hold)

    def draw(self) -> None:
        """Draw it."""
        contact = self.selected()
        if contact is None:
            words = element("span", "bar-detail", "Apps opened here are idle: they have no contact.")
            fill(by_id("contact-bar"), [element("h2", "bar-name", "No contact selected"), words])
            return
        detail = [CHANNELS[contact.channel]]
        if contact.address and contact.name:
            detail.append(contact.address)
        buttons = [button(text, command, css, contact=contact.id) for text, command, css in _actions(contact)]
        fill(
            by_id("contact-bar"),
            [
                icon(contact.channel),
                element("h2", "bar-name", title_of(contact), title=title_of(contact)),
                element("span", "badge badge-" + contact.state, state_of(contact)),
                element("span", "bar-detail", "  ·  ".join(detail), title="  ·  ".join(detail)),
                timer(contact.since, self.desk.clock()),
                element("span", "actions", None, buttons),
            ],
        )


def _actions(contact: "Contact") -> list[tuple[str, str, str]]:
    """Return what can be done with a contact: the button's text, the command, the CSS class."""
    if contact.state == PENDING:
        return [("Call", "accept", "primary")]
    if contact.state == INCOMING:
        return [("Accept", "accept", "primary"), ("Miss", "miss", "")]
    if contact.state == CONNECTED:
        hold = ("Resume", "resume", "") if contact.on_hold else ("Hold", "hold", "")
        return ([hold] if contact.channel == "VOICE" else []) + [("End", "end", "danger")]
    return [("Clear", "clear", "primary" if contact.state in (ACW, MISSED, ERROR) else "")]
