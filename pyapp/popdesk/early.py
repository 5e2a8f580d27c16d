"""The first values, in the static page, while the view (view.py) is still on its way: plain text into a card's place.

    early = Early(settings)
    early.show(card, outcome)       # board.Outcome; draws it where it is plain text, keeps it for the view
    for name, values in early.kept: getattr(view, name)(*values)

The view is a third of the page's Python. What it will do better (tones, buttons, masks, other languages) it does when it
comes: it is told all that this was told, in order.
"""

import js

from popdesk.values import LONGEST, Text

_byId = js.document.getElementById


class Early:
    """Stands in for the view until it is made."""

    def __init__(self, settings):
        self.kept = []
        self._masked = settings["mask_personal_data"]

    def __getattr__(self, name):
        return lambda *values: self.kept.append((name, values))

    def reveal(self):
        """Show the whole page: the first frame had its status line alone (web/first.css)."""
        page = _byId("page")
        if page:  # the HTML may still be on its way
            page.removeAttribute("data-wait")

    def show(self, card, outcome):
        """Put a card's value into its slot, if the static page has it under its title and a text is all there is to say."""
        self.kept.append(("show", (card, outcome)))
        slot = _byId(card.slot)
        if slot and slot.previousElementSibling.textContent == card.title:
            text = outcome.value.text if isinstance(outcome.value, Text) else outcome.value
            plain = isinstance(text, str) and 0 < len(text) <= LONGEST and not (card.personal and self._masked)
            slot.textContent = text if plain else "…"
