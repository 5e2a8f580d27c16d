"""The contact's life as the page tells it. Pure.

    life = Life()
    life.now                    # "starting"
    life.happened("contact")    # the page was created with a contact
    life.happened("connected")
    life.now                    # "connected"
    life.hidden                 # True between stop and start

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
# Where there is nobody to ask about any more.
OVER = ("cleared", "destroyed", "outside")


class Life:
    """Which state the contact is in, and whether the agent sees the page."""

    def __init__(self):
        self.now = "starting"
        self.hidden = False

    def happened(self, what):
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

    def _may(self, what):
        if self.now == "destroyed":
            return False
        if self.now == "cleared":
            return what in ("destroyed", "contact")
        # A workspace that was given up as absent cannot be joined later: the SDK refuses its answer.
        return self.now != "outside"
