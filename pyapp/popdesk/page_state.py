"""What the page knows, and what follows from the workspace's news. Pure: it draws nothing and asks nothing.

    state = PageState(settings, cards, "1.0.11")
    state.heard("connected", {"contactId": "c-1"})      # -> [("refresh_soon", [...]), ("connect", "c-1"), ("draw",)]
    state.contact.now, state.missing, state.theme       # what the view draws

The steps that `heard` returns are main.App's methods, each with its values, in the order in which they are due.
"""

from popdesk.contact_state import ContactState
from popdesk.desk import FAILED, TIMED_OUT

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.board import Outcome
    from popdesk.declaration import Card
    from popdesk.screenpop import Offer

    Step = tuple[Any, ...]

# What may be other once the contact is.
ABOUT_CONTACT = [
    "contact.channel",
    "contact.queue",
    "contact.queue_timestamp",
    "contact.state_duration",
    "contact.initial_id",
    "contact.phone_number",
    "contact.attributes",
]


class PageState:
    """One page's knowledge. `cards` are all that the board runs; those not in the list have a `place` of their own."""

    def __init__(self, settings: "dict[str, Any]", cards: "list[Card]", sdk_version: str) -> None:
        self._settings = settings
        self._cards = cards
        self.sdk_version = sdk_version
        self.contact = ContactState()
        self.contact_id = ""
        self.parameters: "dict[str, Any]" = {}  # that the page was launched with
        self._one_contact = settings["scope"] == "PER_CONTACT"  # whether all questions were about one contact
        self.created = False  # whether the workspace has said which contact this page is for
        self.granted: "list[str] | None" = None  # permissions
        self.theme: "str | None" = None  # as the workspace names it
        self._theme_changed = False
        self.messages: "list[str]" = []  # the workspace's last errors
        self._looks_again = False
        self.outcomes: "dict[str, Outcome]" = {}  # card's id -> its last result
        self._first = {
            card.id for card in cards if not card.later
        }  # whose results are shown before the rest of the page
        self.number = ""  # the caller's or called, as the workspace has it
        self.offer: "Offer | None" = None
        self.page_opened = False  # whether the customer's page has been
        self._errors: "list[tuple[str, str]]" = []

    # -- news ---------------------------------------------------------------------------------------------------------

    def heard(self, what: str, data: "Any") -> "list[Step]":
        """Take the workspace's news (connect.py lists it); return what is to be done about it."""
        if what == "state":
            # An event that names no state says only that it is another.
            return [("tell", "agent.state", {"name": data}) if data else ("refresh_soon", ["agent.state"])]
        if what == "theme":
            self.theme, self._theme_changed = data, True
            return [("draw",)]
        if what == "defect":
            return [("fail", "workspace", data)]
        if what == "error":
            self.messages = (self.messages + [data])[-5:]
            return [("draw",)]
        other = what not in ("contact", "idle") and isinstance(data, dict) and data["contactId"] != self.contact_id
        if other or not self.contact.happened(what):
            return []
        return self._lived(what, data) + [("draw",)]

    def _lived(self, what: str, data: "Any") -> "list[Step]":
        if what in ("contact", "idle"):
            return self._created(data)
        if what == "connected":
            return [("refresh_soon", ABOUT_CONTACT), ("connect", data["initialContactId"])]
        if what in ("acw", "missed"):
            return [("refresh_soon", ABOUT_CONTACT), ("end_contact",)]
        if what == "shown":
            return [("refresh",)]
        if what == "outside":
            return [("leave",)]
        return [("close",)] if what == "destroyed" else []

    def _created(self, data: "dict[str, Any]") -> "list[Step]":
        if self.created and data["contactId"] != self.contact_id:
            self._one_contact = False
        self.contact_id, self.granted, self.created = data["contactId"], data["permissions"], True
        self.parameters = data.get("parameters") or {}
        steps: "list[Step]" = [] if self.granted is None else [("grant", self.granted)]
        idle = self.contact.now == "idle"
        if idle or self._settings["scope"] != "PER_CONTACT":
            # The first questions were about "this iframe's contact": now it is known which one that is, or that there is
            # none. In a frame of one contact they were about no other.
            steps.append(("refresh", ABOUT_CONTACT))
        if idle:
            steps.append(("draw_customer",))
        elif self._settings["look_again_seconds"] and not self._looks_again:
            self._looks_again = True
            steps.append(("look_again",))
        return steps + [("greet",)]

    def theme_answered(self, theme: "str | None") -> None:
        """Take the theme that was asked for; a change that came meanwhile is newer."""
        if not self._theme_changed:
            self.theme = theme

    # -- results ------------------------------------------------------------------------------------------------------

    def answered(self, card: "Card", outcome: "Outcome") -> bool:
        """Keep a card's result; return whether with it the last of those that come first is there.

        Who the customer is was known before: that it was not answered this time says nothing about it, as long as the page is
        for one contact.
        """
        known = self.outcomes.get(card.id) if card.place == "customer" and self._one_contact else None
        if not known or known.kind != "value" or outcome.kind not in (FAILED, TIMED_OUT):
            self.outcomes[card.id] = outcome
        waited = bool(self._first)
        self._first.discard(card.id)
        return waited and not self._first

    def take_number(self, outcome: "Outcome") -> bool:
        """Take the answer about the caller's number; return whether it is another one now.

        A contact's number does not change: that it was not answered this time says nothing about it.
        """
        number = outcome.value if isinstance(outcome.value, str) else ""
        if number == self.number or outcome.kind not in ("value", "nothing"):
            return False
        self.number = number
        return True

    def decide(self, outcome: "Outcome", parse: "Callable[[str], dict[str, str] | None]") -> None:
        """Set the offer from the answer about the attributes; `parse` as in screenpop.py."""
        from popdesk.screenpop import decide

        self.offer = None
        if outcome.kind == "value":
            settings = self._settings
            hosts, search = settings["pop"]["allowed_hosts"], settings["crm_search"]
            self.offer = decide(outcome.value, settings["attributes"], hosts, parse, self.number, search)

    def is_new_error(self, kind: str, frames: str) -> bool:
        """Return whether an error of this kind has not yet come from this place."""
        if (kind, frames) in self._errors:
            return False
        self._errors.append((kind, frames))
        return True

    # -- what the view draws ------------------------------------------------------------------------------------------

    @property
    def missing(self) -> "list[str] | None":
        """Return the permissions that the application asks for and was not granted; None while that is not known."""
        granted = self.granted
        if granted is None:
            return None
        return [name for name in self._settings["permissions"] if name not in granted and "*" not in granted]

    @property
    def clocks_run(self) -> bool:
        """Return whether durations go on: the agent sees the page, and the contact is not over."""
        return not self.contact.hidden and not self.contact.is_over

    def titles_refused_for(self, permission: str) -> "list[str]":
        """Return the titles of the cards that show nothing for want of a permission."""
        titles = []
        for card in self._cards:
            outcome = self.outcomes.get(card.id)
            if outcome and outcome.permission == permission and card.place != "caller":
                titles.append(card.title)
        return titles
