"""Draws the cards, and hides personal data until clicked where the settings ask for it.

cards = Cards(settings, CARDS, say, "en")
cards.show(card, outcome, idle=False)      # board.Outcome
"""

import js
from words import title

from popdesk.browser import callback
from popdesk.values import Duration, Link, Moment, Pairs, Text, Value, shown_duration
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
        self.say = say
        self._hosts = settings["pop"]["allowed_hosts"]
        self._drawn: "dict[str, tuple[Any, ...]]" = {}  # slot's id -> what stands in it
        self._ticking: "dict[str, list[Callable[[], None]]]" = {}  # slot's id -> what is to be called each second
        self._running: "dict[str, bool]" = {}  # ids of the slots with a Duration, which begins anew when it comes again
        self._timer: "Any" = None
        self._ticks = True  # whether clocks may run
        self.language = language
        self.mask = Mask(settings["mask_personal_data"], say)
        # The page as it was built has these cards' slots, in English.
        if language != "en" or settings["skeleton"] != [card.place_in_page() for card in cards]:
            # New slots, all of them: one that is there already may be of another card.
            by_id("sections").replaceChildren(*self._new_lists(cards))

    def _new_lists(self, cards: "list[Card]") -> "list[Any]":
        """Return a list for the cards above the first section, and a title and a list for each section (ops/site/build.py)."""
        under, of = "", element("dl", id="cards", className="cards", ariaLabel=self.say("cards"))
        made = [of]
        for card in cards:
            if card.section != under:
                under = card.section
                heading = title(self.say, under)
                of = element("dl", className="cards", ariaLabel=heading)
                made.extend([element("h2", heading, className="section"), of])
            of.append(self._new_slot(card))
        made[0].hidden = not made[0].firstChild
        return made

    def _new_slot(self, card: "Card") -> "Any":
        row = element("div", className="wide" if card.wide else "")
        row.append(element("dt", title(self.say, card.title)), element("dd", self.say("card.wait"), id=card.slot))
        return row

    def show(self, card: "Card", outcome: "Outcome", idle: bool) -> None:
        """Draw a card's value, which values.py has made ready, or why there is none; `idle` where there is no contact."""
        now = (outcome.kind, outcome.reason, outcome.value, idle)
        if self._drawn.get(card.slot) == now and card.slot not in self._running:
            return  # what the agent has selected in it, or the button that has the focus, stays
        self._drawn[card.slot] = now
        slot, value, came = by_id(card.slot), outcome.value, js.performance.now()
        self._ticking.pop(card.slot, None)
        self._running.pop(card.slot, None)
        if outcome.kind == "value":
            # The title only where it is needed: the first values need no words.
            heading = title(self.say, card.title) if self.mask.masked and card.personal else ""
            self.mask.draw(card.slot, heading, card.personal, slot, lambda: self._value(card, slot, value, came))
        else:
            self._refusal(card, slot, outcome, idle)

    def wait(self, card: "Card") -> None:
        """Draw that a card has been asked again."""
        self._drawn.pop(card.slot, None)
        by_id(card.slot).textContent = self.say("card.wait")

    def _value(self, card: "Card", slot: "Any", value: Value, came: float) -> None:
        """Draw a value that came `came` milliseconds after the page's start: masked, it may be drawn much later."""
        if not self.fill(slot, slot.id, value, came):
            from popdesk.view import rich

            rich.draw(self, slot, value, title(self.say, card.title), came)

    def fill(self, target: "Any", slot: str, value: "Any", came: float) -> bool:
        """Draw one of values.py's values into an element of a slot; return whether it is one."""
        if value.rich:
            return False
        target.title = ""
        if isinstance(value, Duration):
            self._running[slot] = True
            self.keep_up(slot, lambda: _put_duration(target, js.performance.now() - came + value.milliseconds))
        elif isinstance(value, Moment):
            _put_moment(target, value.iso)
        elif isinstance(value, Pairs):
            empty = self.say("card.empty")
            put(target, " · ".join([name + " " + (text or empty) for name, text in value.items]) or empty)
        elif isinstance(value, Link):
            target.replaceChildren(self._link(value))
        else:
            put(target, value.text or self.say("card.empty"))
            if value.rest:
                target.append(" ", element("small", value.rest))
                target.title = value.rest
        target.dataset.tone = value.tone if isinstance(value, Text) else ""
        return True

    def _refusal(self, card: "Card", slot: "Any", outcome: "Outcome", idle: bool) -> None:
        say, kind = self.say, outcome.kind
        if kind == "refused":
            put(slot, say("card.refused", permission=outcome.permission))
            slot.append(" ", element("small", say("card.refused.how")))
        elif kind in ("nothing", "outside"):
            put(slot, say("card.nothing" if idle else "card.empty"))
        else:
            put(slot, outcome.reason if kind == "problem" else say("card." + kind))
            again = button(say, "card.retry", "retry", card.id, title(say, card.title))
            slot.append(" ", again)
        slot.title = outcome.reason or slot.textContent
        slot.dataset.tone = {"refused": "warning", "nothing": "quiet", "outside": "quiet"}.get(kind, "error")

    def _link(self, value: Link) -> "Any":
        from popdesk.browser import parse_url
        from popdesk.screenpop import check_url

        url, reason = check_url(value.url, self._hosts, parse_url)
        if reason:
            return element("span", value.text, title=self.say(reason))
        return element("a", value.text, href=url, target="_blank", rel="noopener", title=url)

    # -- time ---------------------------------------------------------------------------------------------------------

    def let_tick(self, ticks: bool) -> None:
        """Let the clocks run, or hold them."""
        self._ticks = ticks
        self._set_timer()

    def keep_up(self, slot: str, draw: "Callable[[], None]") -> None:
        """Call `draw()` now and each second, until the slot is drawn anew."""
        draw()
        self._ticking.setdefault(slot, []).append(draw)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._ticks and self._ticking and self._timer is None:
            self._timer = js.setInterval(callback(self._tick), 1000)
        elif not self._ticks and self._timer is not None:
            js.clearInterval(self._timer)
            self._timer = None

    def _tick(self, _: "Any") -> None:
        for slot in self._ticking:
            for draw in self._ticking[slot]:
                draw()


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


def _put_duration(target: "Any", milliseconds: float) -> None:
    target.textContent = shown_duration(milliseconds / 1000)


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
