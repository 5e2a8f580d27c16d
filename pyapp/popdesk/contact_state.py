"""The contact's state as the page shows it. Pure.

    contact = ContactState()
    contact.now                    # "starting"
    contact.happened("contact")    # the page was created with a contact
    contact.happened("connected")
    contact.now                    # "connected"
    contact.hidden                 # True between stop and start

States: starting, connecting, connected, acw, missed, cleared, idle, destroyed; outside (no workspace answered).
The workspace's messages arrive in order, so the last one wins; but nothing follows `destroyed`, and nothing but
`destroyed` or a new contact follows `cleared`.
"""

# what happens -> the state it leads to
_LEADS_TO = {
    "contact": "connecting",
    "idle": "idle",
    "connected": "connected",
    "acw": "acw",
    "missed": "missed",
    "cleared": "cleared",
    "destroyed": "destroyed",
    "outside": "outside",
}
STATES = ("starting",) + tuple(_LEADS_TO.values())
OVER = ("cleared", "destroyed", "outside")


class ContactState:
    """Which state the contact is in, and whether the agent sees the page."""

    def __init__(self) -> None:
        self.now = "starting"
        self.hidden = False

    @property
    def is_over(self) -> bool:
        """Return whether there is nobody to ask about any more."""
        return self.now in OVER

    def happened(self, what: str) -> bool:
        """Take what happened into account; return whether the page has to act on it.

        It has to when the contact's state is told again: the state stays, but what the page shows of the contact may have
        changed. What is unknown or can be no more changes nothing, and so does "shown" where it is shown.
        """
        if what in ("shown", "hidden"):
            was_hidden, self.hidden = self.hidden, what == "hidden"
            return was_hidden != self.hidden
        if what in _LEADS_TO and self._may(what):
            self.now = _LEADS_TO[what]
            return True
        return False

    def _may(self, what: str) -> bool:
        if self.now == "destroyed":
            return False
        if self.now == "cleared":
            return what in ("destroyed", "contact")
        # A workspace that was given up as absent cannot be joined later: the SDK refuses its answer.
        return self.now != "outside"
