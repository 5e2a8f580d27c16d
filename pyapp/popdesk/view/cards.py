"""Draws the cards, and hides personal data until clicked where the settings ask for it.

cards = Cards(settings, CARDS, say, "en")
cards.show(card, outcome, idle=False)      # board.Outcome
"""

import js
from words import title

from popdesk.browser import callback
from popdesk.values import Duration, Link, Moment, Pairs, Text, shown_duration
from popdesk.view.dom import by_id, element, put

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.board import Outcome
    from popdesk.declaration import Card

    Say = Callable[..., str]

_MASK = "••••••"


class Cards:
    """The list of cards."""

    def __init__(self, settings: "dict[str, Any]", cards: "list[Card]", say: "Say", language: str) -> None:
        self._say = say
        self._hosts = settings["pop"]["allowed_hosts"]
        self._drawn: "dict[str, tuple[Any, ...]]" = {}  # slot's id -> what stands in it
        self._running: "dict[str, tuple[float, float]]" = {}  # slot's id -> (when it came, milliseconds it had then)
        self._timer: "Any" = None
        self._ticks = True  # whether clocks may run
        self.mask = Mask(settings["mask_personal_data"], say)
        # The page as it was built has these cards' slots, in English.
        if language != "en" or settings["skeleton"] != [[card.title, card.id] for card in cards]:
            # New slots, all of them: one that is there already may be of another card.
            by_id("cards").replaceChildren(*[self._new_slot(card) for card in cards])

    def _new_slot(self, card: "Card") -> "Any":
        row = element("div")
        row.append(element("dt", title(self._say, card.title)), element("dd", self._say("card.wait"), id=card.slot))
        return row

    def show(self, card: "Card", outcome: "Outcome", idle: bool) -> None:
        """Draw a card's value, which values.py has made ready, or why there is none; `idle` where there is no contact."""
        now = (outcome.kind, outcome.reason, outcome.value, idle)
        if self._drawn.get(card.slot) == now and card.slot not in self._running:
            return  # what the agent has selected in it, or the button that has the focus, stays
        self._drawn[card.slot] = now
        slot, value, came = by_id(card.slot), outcome.value, js.performance.now()
        self._running.pop(card.slot, None)
        if outcome.kind == "value":
            heading = title(self._say, card.title) if self.mask.masked and card.personal else ""
            self.mask.draw(card.slot, heading, card.personal, slot, lambda: self._value(slot, value, came))
        else:
            self._refusal(card, slot, outcome, idle)

    def wait(self, card: "Card") -> None:
        """Draw that a card has been asked again."""
        self._drawn.pop(card.slot, None)
        by_id(card.slot).textContent = self._say("card.wait")

    def _value(self, slot: "Any", value: "Any", came: float) -> None:
        """Draw a value that came `came` milliseconds after the page's start: masked, it may be drawn much later."""
        slot.title = ""
        if isinstance(value, Duration):
            self._running[slot.id] = (came, value.milliseconds)
            self._tick_one(slot.id)
            self._set_timer()
        elif isinstance(value, Moment):
            _put_moment(slot, value.iso)
        elif isinstance(value, Pairs):
            empty = self._say("card.empty")
            put(slot, " · ".join([name + " " + (text or empty) for name, text in value.items]) or empty)
        elif isinstance(value, Link):
            slot.replaceChildren(self._link(value))
        else:
            put(slot, value.text or self._say("card.empty"))
            if value.rest:
                slot.append(" ", element("small", value.rest))
                slot.title = value.rest
        slot.dataset.tone = value.tone if isinstance(value, Text) else ""

    def _refusal(self, card: "Card", slot: "Any", outcome: "Outcome", idle: bool) -> None:
        say, kind = self._say, outcome.kind
        if kind == "refused":
            put(slot, say("card.refused", permission=outcome.permission))
            slot.append(" ", element("small", say("card.refused.how")))
        elif kind in ("nothing", "outside"):
            put(slot, say("card.nothing" if idle else "card.empty"))
        else:
            put(slot, say("card." + kind))
            again = button(say, "card.retry", "retry", card.id, title(say, card.title))
            slot.append(" ", again)
        slot.title = outcome.reason or slot.textContent
        slot.dataset.tone = {"refused": "warning", "nothing": "quiet", "outside": "quiet"}.get(kind, "error")

    def _link(self, value: Link) -> "Any":
        from popdesk.browser import parse_url
        from popdesk.screenpop import check_url

        url, reason = check_url(value.url, self._hosts, parse_url)
        if reason:
            return element("span", value.text, title=self._say(reason))
        return element("a", value.text, href=url, target="_blank", rel="noopener", title=url)

    # -- time ---------------------------------------------------------------------------------------------------------

    def let_tick(self, ticks: bool) -> None:
        """Let the clocks run, or hold them."""
        self._ticks = ticks
        self._set_timer()

    def _set_timer(self) -> None:
        if self._ticks and self._running and self._timer is None:
            self._timer = js.setInterval(callback(self._tick), 1000)
        elif not self._ticks and self._timer is not None:
            js.clearInterval(self._timer)
            self._timer = None

    def _tick(self, _: "Any") -> None:
        for slot in self._running:
            self._tick_one(slot)

    def _tick_one(self, slot: str) -> None:
        came, had = self._running[slot]
        by_id(slot).textContent = shown_duration((js.performance.now() - came + had) / 1000)


class Mask:
    """Personal data, hidden until clicked if `masked`."""

    def __init__(self, masked: bool, say: "Say") -> None:
        self.masked = masked
        self._say = say
        self._revealed: "list[str]" = []
        self._again: "dict[str, Callable[[], None]]" = {}  # what is hidden -> how to draw it

    def draw(self, key: str, heading: str, personal: bool, slot: "Any", draw: "Callable[[], None]") -> bool:
        """Call `draw()`, or put a button into `slot` that does; return whether it was drawn."""
        if not (self.masked and personal) or key in self._revealed:
            draw()
            return True
        self._again[key] = draw
        slot.replaceChildren(_MASK + " ", button(self._say, "show", "show", key, heading))
        slot.title = ""
        return False

    def reveal(self, key: str) -> None:
        """Draw what is hidden under `key`, from now on too."""
        self._revealed.append(key)
        self._again.pop(key)()


def button(say: "Say", what: str, do: str, about: str, heading: str) -> "Any":
    """Return a button: dom.on_click hears it as `do`, a screen reader reads what it is about."""
    made = element("button", say(what), type="button", className="quiet-button")
    made.dataset.do = do
    made.dataset.about = about
    made.ariaLabel = say(what + ".what", title=heading)
    return made


def _put_moment(target: "Any", iso: str) -> None:
    """Show a time of day in the agent's own zone; the whole date follows in the tooltip."""
    when = js.Date.new(iso)
    if when.getTime() != when.getTime():  # not a number: no date
        put(target, iso)
        return
    shown = "%02d:%02d:%02d" % (when.getHours(), when.getMinutes(), when.getSeconds())
    target.textContent = shown

    # The browser's first date in words costs it some 10 ms: not before the other values are seen.
    def say_whole(_: "Any") -> None:
        if target.textContent == shown:  # it may have another value by now
            target.title = str(when.toLocaleString()) + " (" + iso + ")"

    js.setTimeout(callback(say_whole), 500)
