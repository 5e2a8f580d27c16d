"""Draws the customer, the way to their page in the CRM, and the contact's attributes.

customer = Customer(say, mask, pop)
customer.draw(outcome, offer, "connected")      # board.Outcome and screenpop.Offer; either may be None
"""

import js

from popdesk.screenpop import Note
from popdesk.values import LONGEST, plainly, shorten, shown_phone
from popdesk.view.dom import by_id, element, put, write

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.board import Outcome
    from popdesk.screenpop import Offer
    from popdesk.view.cards import Mask

# Milliseconds between two clicks that were meant as one: one window is enough.
_DOUBLE_CLICK = 500


class Customer:
    """The customer's box, with the link. `pop()` is called when the agent follows it."""

    def __init__(self, say: "Callable[..., str]", mask: "Mask", pop: "Callable[[], None]") -> None:
        self._say = say
        self._mask = mask
        self._pop = pop
        self._attributes: "dict[str, str]" = {}  # what the attributes' fold will show
        self._offer: "Offer | None" = None
        self._note = Note()  # about the last pop
        self._last_pop = -_DOUBLE_CLICK  # when a click for it was done with: milliseconds since the page's start

    def draw(self, outcome: "Outcome | None", offer: "Offer | None", now: str) -> None:
        """Draw what is known of the customer: the attributes' outcome, and the offer where they were answered.

        `now` is the contact's state: where there is no contact, nobody waits for an answer about it.
        """
        if now == "outside" or (now == "idle" and not offer):
            self._draw_nobody("nothing", "life.outside" if now == "outside" else "customer.idle", now)
        elif outcome is None:
            return
        elif offer:
            self._draw_offer(offer)
            self._draw_attributes(outcome.value or {})
        elif outcome.kind == "nothing":
            self._draw_nobody("nothing", "customer.idle", now)
        else:
            self._draw_unknown(outcome)

    def _draw_offer(self, offer: "Offer") -> None:
        say = self._say
        by_id("hero").dataset.kind = offer.kind
        if offer.kind == "one":
            heading = offer.name or say("customer.one")
        else:
            heading = say("customer." + offer.kind, count=offer.matches)
        about = [say("customer." + offer.kind + ".why")] if offer.kind in ("unknown", "failed") else []
        for key in ("identity", "phone", "caller"):
            if getattr(offer, key):
                about.append(say("customer." + key, value=shown_phone(getattr(offer, key))))
        personal = bool(offer.name or offer.identity or offer.phone or offer.caller or offer.refused)
        self._draw_link(offer)

        def draw() -> None:
            self._draw_heading(heading, about)
            if offer.refused:
                by_id("refused-url").textContent = shorten(plainly(offer.refused[0]), LONGEST)
            if offer.name and offer.url and offer.is_page:
                put(by_id("pop"), say("pop.page", name=shorten(offer.name, 60)))

        if not self._mask.draw("customer", say("customer"), personal, by_id("customer-name"), draw):
            by_id("customer-note").replaceChildren()

    def _draw_heading(self, text: str, about: "list[str]") -> None:
        """Draw a heading, and below it each part about it whole on its line where there is space."""
        put(by_id("customer-name"), text)
        spans: "list[Any]" = []
        for part in about:
            spans.extend([element("span", shorten(part, LONGEST)), " "])
        by_id("customer-note").replaceChildren(*spans[:-1])

    def _draw_link(self, offer: "Offer | None") -> None:
        """Set the link: to the customer's page, a search, or nothing."""
        say, link, refused = self._say, by_id("pop"), by_id("refused")
        self._offer = offer
        link.hidden = by_id("copy").hidden = not (offer and offer.url)
        if offer and offer.url:
            link.href = offer.url
            unnamed = "pop.page.unnamed" if offer.is_page else "pop.choose" if offer.kind == "several" else "pop.search"
            link.textContent = say(unnamed)
        refused.hidden = not (offer and offer.refused)
        if offer and offer.refused:
            by_id("refused-why").textContent = say("pop.refused", reason=say(offer.refused[1]))
        self._draw_note()

    def _draw_unknown(self, outcome: "Outcome") -> None:
        say, kind = self._say, outcome.kind
        why = say("card." + kind, permission=outcome.permission)
        if kind == "refused":
            why += ". " + say("card.refused.how") + "."
        by_id("hero").dataset.kind = kind
        self._draw_heading(say("customer.untold"), [why])
        self._draw_link(None)
        by_id("attributes-title").textContent = say("attributes.untold")

    def _draw_nobody(self, kind: str, heading: str, now: str) -> None:
        say = self._say
        by_id("hero").dataset.kind = kind
        self._draw_heading(say(heading), [say("outside.how" if now == "outside" else "customer.idle.why")])
        self._draw_link(None)
        by_id("attributes-title").textContent = say("attributes")

    # -- the attributes -----------------------------------------------------------------------------------------------

    def _draw_attributes(self, attributes: "dict[str, str]") -> None:
        say, count = self._say, len(attributes)
        self._attributes = attributes
        by_id("attributes-title").textContent = (
            say("attributes.count", count=count) if count else say("attributes.none")
        )
        if by_id("attributes").open:
            self.list_attributes()

    def list_attributes(self) -> None:
        """Fill the attributes' fold, when it is opened."""
        made = []
        for name in sorted(self._attributes):
            value, row = element("dd"), element("div")
            self._mask.draw("attribute:" + name, name, True, value, _filler(value, self._attributes[name]))
            row.append(element("dt", shorten(name, LONGEST)), value)
            made.append(row)
        by_id("attributes-list").replaceChildren(*made)

    # -- the screen pop -----------------------------------------------------------------------------------------------

    def clicked(self, event: "Any") -> None:
        """Take a click on the link: the agent's own way to open it in a tab stays the browser's."""
        if not (event.ctrlKey or event.metaKey or event.shiftKey):
            event.preventDefault()
            if event.detail < 2 and event.timeStamp > self._last_pop + _DOUBLE_CLICK:
                self._pop()
                self._last_pop = js.performance.now()  # a second click that came meanwhile waited for this

    def copy(self) -> None:
        """Copy the link."""
        from popdesk.view.window import copy_text

        if self._offer:
            url = self._offer.url
            copy_text(url, lambda came: self.note(came, url))

    def note(self, what: str, url: str) -> None:
        """Say below the link what came of a pop, or of copying it (screenpop.Note)."""
        self._note.happened(what, url)
        self._draw_note()

    def _draw_note(self) -> None:
        key, url = self._note.words(self._offer)
        text, how = "", ""
        if key == "pop.blocked":
            from popdesk.view.window import engine, workspace_site

            how = self._say("pop.allow." + engine(), site=workspace_site() or self._say("pop.site"))
        if key:
            text = self._say(key, url=url, how=how)
        note = by_id("pop-note")
        write(note, text)
        tones = {"": "", "pop.opened": "success", "pop.copied": "success", "pop.none": ""}
        note.dataset.tone = tones.get(key, "warning")


def _filler(target: "Any", text: str) -> "Callable[[], None]":
    def fill() -> None:
        if len(text) <= LONGEST:
            target.textContent = text or "–"
            return
        fold = element("details")
        fold.append(element("summary", shorten(text, LONGEST)), element("p", text))
        target.replaceChildren(fold)

    return fill
