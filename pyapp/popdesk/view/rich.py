"""Draws the values of popdesk/rich.py, and is imported when a card returns the first of them.

draw(cards, slot, value, "Orders", came)      # cards: view.cards.Cards

It is also the one place that writes in the agent's locale, with the browser's Intl (ECMA-402). Its first use may cost the
browser tens of milliseconds, in which it would draw nothing else: so the first texts of that kind wait until the other
cards have theirs.
"""

import js
from jsffi import to_js
from words import title

from popdesk.browser import callback, locale
from popdesk.rich import Badge, Group, Money, Note, Progress, Since, Table, Timeline, ago, instant, plain
from popdesk.values import LONGEST, Moment, is_moment
from popdesk.view.dom import element, put

if False:
    from collections.abc import Callable
    from typing import Any

    from popdesk.values import Value
    from popdesk.view.cards import Cards

# How long the first texts of the locale wait, in milliseconds.
_AFTER = 150

_formats: "dict[str, Any]" = {}  # the browser's formatters, by what they are made from: to make one takes it longest
_waiting: "list[tuple[Any, Callable[[], None]]]" = []
_ready = [False]  # whether the first texts of the locale have been written
_WAIT = "…"  # stands there until then, as in every slot (words/en.py, "card.wait")
_FOCUSED = "summary, a, .scroller"  # what of a value can have the focus


def draw(cards: "Cards", slot: "Any", value: "Value", heading: str, came: float) -> None:
    """Draw a value into a card's slot. What was open there stays open.

    A table that was moved sideways stays so, and what had the focus has it again.
    """
    opened = [fold.open for fold in _all(slot, "details")]
    scrolled = [each.scrollLeft for each in _all(slot, ".scroller")]
    active = js.document.activeElement
    focused = [index for index, each in enumerate(_all(slot, _FOCUSED)) if each.isSameNode(active)]
    drawing = _Drawing(cards, slot.id, heading, came, opened)
    slot.title = slot.dataset.tone = ""
    slot.replaceChildren(drawing.part(value))
    for each, left in zip(_all(slot, ".scroller"), scrolled):
        if left:
            each.scrollLeft = left
    if focused:
        for index, each in enumerate(_all(slot, _FOCUSED)):
            if index == focused[0]:
                if each.className == "scroller":
                    each.tabIndex = 0
                each.focus(to_js({"preventScroll": True}))


def _all(within: "Any", selector: str) -> "list[Any]":
    found = within.querySelectorAll(selector)
    return [found[index] for index in range(found.length)]


class _Drawing:
    """One value on its way into a slot."""

    def __init__(self, cards: "Cards", slot: str, heading: str, came: float, opened: "list[bool]") -> None:
        self._cards = cards
        self._say = cards.say
        self._locale = locale(cards.language)
        self._slot = slot
        self._heading = heading
        self._came = came
        self._opened = opened  # of the folds to come, whether they were open

    def part(self, value: "Any") -> "Any":
        """Return an element with a value in it."""
        if isinstance(value, Badge):
            made = element("span", className="badge")
            put(made, title(self._say, value.text))
            made.dataset.tone = value.tone
        elif isinstance(value, Note):
            made = element("p", className="remark", role="note")
            put(made, value.text)
            if len(value.text) <= LONGEST:
                made.title = ""  # it is read as a whole
            made.dataset.tone = value.tone
            if value.tone:
                made.prepend(element("span", self._say("tone." + value.tone), className="unseen"))
        elif isinstance(value, Progress):
            made = self._progress(value)
        elif isinstance(value, Money):
            made = element("span", _WAIT, className="money")
            options = {"style": "currency", "currency": value.currency}
            self._in_locale(made, lambda: _write(made, self._format("NumberFormat", options).format(value.amount)))
        elif hasattr(value, "number"):  # phone.py's Phone
            from popdesk.view.dialing import number_button

            made = element("span")
            made.append(number_button(self._say, value.number, value.text))
        elif isinstance(value, Since):
            made = element("time", _WAIT, dateTime=value.iso)
            self._in_locale(made, lambda: self._since(made, value.iso))
        elif isinstance(value, Moment):
            made = self._time(value.iso)
        elif isinstance(value, Table):
            made = self._table(value)
        elif isinstance(value, Group):
            made = element("div", className="group")
            made.append(*[self.part(each) for each in value.values])
        elif isinstance(value, Timeline):
            made = self._timeline(value)
        else:
            made = element("span", className="tone")
            self._cards.fill(made, self._slot, value, self._came)
        return made

    def _progress(self, value: Progress) -> "Any":
        made, words = element("div", className="progress"), element("span", value.text)
        bar = element("progress", max=float(value.of), value=float(min(max(value.value, 0), value.of)))
        bar.ariaLabel = self._heading
        made.append(bar, words)
        if value.of == 100 and not value.text:
            words.textContent = _WAIT
            self._in_locale(
                words,
                lambda: _write(words, self._format("NumberFormat", {"style": "percent"}).format(value.value / 100)),
            )
        elif not value.text:
            words.textContent = plain(value.value) + " / " + plain(value.of)
        return made

    def _timeline(self, value: Timeline) -> "Any":
        made, items = element("div"), value.items
        shown = self._shown(value.shown, len(items))
        made.append(self._moments(items[:shown]))
        if shown < len(items):
            rest = self._moments([])
            fold = self._fold(len(items) - shown, lambda: rest.append(*self._events(items[shown:])))
            fold.append(rest)
            made.append(fold)
        return made

    def _moments(self, items: "list[tuple[str, str, str]]") -> "Any":
        # A list without its marks is no list to Safari's screen reader, unless it is said to be one.
        made = element("ol", className="timeline", role="list")
        made.append(*self._events(items))
        return made

    def _events(self, items: "list[tuple[str, str, str]]") -> "list[Any]":
        made = []
        for iso, words, note in items:
            event = element("li")
            when = self._time(iso) if is_moment(iso) else element("span", iso)
            happened = element("strong")
            put(happened, words)
            event.append(when, " ", happened)
            if note:
                said = element("p")
                put(said, note)
                event.append(said)
            made.append(event)
        return made

    def _table(self, value: Table) -> "Any":
        made, scroller, table = element("div"), element("div", className="scroller"), element("table")
        caption = title(self._say, value.caption) if value.caption else self._heading
        if value.caption:
            table.append(element("caption", caption))
        else:
            table.ariaLabel = caption
        head, titles, body = element("thead"), element("tr"), element("tbody")
        for index, words in enumerate(value.columns):
            name = title(self._say, words) if words else ""
            titles.append(element("th", name, scope="col", className="right" if value.right[index] else ""))
        head.append(titles)
        shown = self._shown(value.shown, len(value.rows))
        body.append(*self._rows(value, 0, shown))
        table.append(head, body)
        scroller.append(table)
        made.append(scroller)
        scroller.dataset.name = caption
        for each in (scroller, table):  # a date that is written later makes the table wider, and not its place
            _observer().observe(each)
        if shown < len(value.rows):
            rest = element("tbody", className="rest")  # shown while the fold is open (web/app.css)
            table.append(rest)
            made.append(
                self._fold(len(value.rows) - shown, lambda: rest.append(*self._rows(value, shown, len(value.rows))))
            )
        return made

    def _rows(self, value: Table, first: int, end: int) -> "list[Any]":
        made = []
        for cells in value.rows[first:end]:
            row = element("tr")
            for index, cell in enumerate(cells):
                place = element("td", className="right" if value.right[index] else "")
                place.append(self.part(cell))
                row.append(place)
            made.append(row)
        return made

    def _shown(self, shown: int, count: int) -> int:
        """Return how many stand there: "and 1 more" would take no less room than that one."""
        return count if count <= shown + 1 else shown

    def _fold(self, count: int, fill: "Callable[[], None]") -> "Any":
        """Return a fold for `count` more, which `fill` draws when it is first opened."""
        fold = element("details", className="more")
        closed, opened = element("span", self._say("more", count=count)), element("span", self._say("fewer"))
        summary = element("summary")
        summary.append(closed, opened)
        fold.append(summary)
        filled: "list[bool]" = []

        def toggled(_: "Any" = None) -> None:
            if not filled:
                filled.append(True)
                fill()

        if self._opened and self._opened.pop(0):
            fold.open = True
            toggled()
        fold.ontoggle = callback(toggled)
        return fold

    # -- in the agent's locale ----------------------------------------------------------------------------------------

    def _in_locale(self, target: "Any", write: "Callable[[], None]") -> None:
        if _ready[0]:
            write()
            return
        if not _waiting:
            js.setTimeout(callback(_write_waiting), _AFTER)
        _waiting.append((target, write))

    def _format(self, kind: str, options: "dict[str, str]") -> "Any":
        key = kind + self._locale + repr(sorted(options.items()))
        if key not in _formats:
            _formats[key] = getattr(js.Intl, kind).new(self._locale, to_js(options))
        return _formats[key]

    def _time(self, iso: str) -> "Any":
        """Return an element with a moment's date and time: among others, a time of day alone would say too little."""
        made = element("time", _WAIT, dateTime=iso)
        self._in_locale(made, lambda: _write(made, self._date(iso)))
        return made

    def _date(self, iso: str) -> str:
        when, options = js.Date.new(iso), {"dateStyle": "medium", "timeStyle": "short"}
        if when.getTime() != when.getTime():  # not a number: no date to this browser, whose formatter would throw
            return iso
        return str(self._format("DateTimeFormat", options).format(when))

    def _since(self, target: "Any", iso: str) -> None:
        target.title = self._date(iso)
        words, when = self._format("RelativeTimeFormat", {"numeric": "auto"}), instant(iso)
        said: "list[Any]" = [None]

        def keep_up() -> None:
            distance = ago(
                when - instant(str(js.Date.new().toISOString()))
            )  # as a number MicroPython would cut it to 32 bits
            if distance != said[0]:
                said[0] = distance
                target.textContent = words.format(distance[0], distance[1])

        self._cards.keep_up(self._slot, keep_up)


def _write(target: "Any", text: "Any") -> None:
    target.textContent = str(text)


def _write_waiting(_: "Any") -> None:
    _ready[0] = True
    for target, write in _waiting:
        if target.isConnected:  # its slot may have another value by now
            write()
    _waiting.clear()


_observers: "list[Any]" = []


def _observer() -> "Any":
    """Return what watches tables: one that is wider than its place can be reached and moved with the keyboard."""

    def resized(entries: "Any") -> None:
        for index in range(entries.length):
            scroller = entries[index].target.closest(".scroller")
            if scroller.scrollWidth > scroller.clientWidth:
                scroller.tabIndex = 0
                scroller.role, scroller.ariaLabel = "group", scroller.dataset.name
            else:
                for name in ("tabindex", "role", "aria-label"):
                    scroller.removeAttribute(name)

    if not _observers:
        _observers.append(js.ResizeObserver.new(callback(resized)))
    return _observers[0]
