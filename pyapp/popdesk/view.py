"""The only module that knows the DOM: it fills the page's static HTML (web/index.html) and hears what the agent does.

    view = View(settings, cards, retry, refresh, pop)
    view.life("connected", hidden=False)
    view.show(card, outcome)              # board.Outcome
    view.customer(outcome, offer)         # screenpop.Offer, or None where nothing is known

Everything that comes from outside is put in as text (`textContent`, `title`), never as markup.
"""

import js
from jsffi import to_js
from words import title, words

from popdesk.browser import callback
from popdesk.values import LONGEST, Duration, Link, Moment, Pairs, Text, plainly, shorten, shown_duration, shown_phone

MASK = "••••••"
# Milliseconds between two clicks that were meant as one: one window is enough.
DOUBLE_CLICK = 500

_byId = js.document.getElementById
_new = js.document.createElement


def _element(name, text="", **properties):
    element = _new(name)
    if text:
        element.textContent = text
    for key in properties:
        setattr(element, key, properties[key])
    return element


async def parsed():
    """Wait until the page's HTML is all there: its Python may be quicker where the network is slow and the cache full."""
    import asyncio

    if str(js.document.readyState) == "loading":
        whole = asyncio.Event()
        js.document.addEventListener("DOMContentLoaded", callback(lambda _: whole.set()))
        await whole.wait()


class View:
    """The page. `retry(card id)`, `refresh()` and `pop()` are called for what the agent does."""

    def __init__(self, settings, cards, retry, refresh, pop):
        self._say, language = words(settings["language"], str(js.navigator.language))
        self._settings = settings
        self._cards = cards
        self._retry = retry
        self._refresh = refresh
        self._pop = pop
        self._now = ""  # the life's state
        self._facts = None  # what the doctor line's fold will show
        self._attributes = None  # what the attributes' fold will show
        self._missing = []  # permissions that are not granted
        self._refused = {}  # card's title -> the permission that it lacks
        self._masked = bool(settings["mask_personal_data"])
        self._revealed = []
        self._again = {}  # what is masked -> how to draw it again
        self._drawn = {}  # slot's id -> what stands in it
        self._running = {}  # slot's id -> (when it was told, milliseconds it had then)
        self._timer = None
        self._offered = None  # the screenpop.Offer that is shown
        self._note = None  # the screenpop.Note about the last pop, once there is something to pop
        self._last_pop = -DOUBLE_CLICK  # when a click for it was done with: milliseconds since the page's start
        self._proxies = []
        js.document.documentElement.lang = language
        self._lay_out(language)
        self._hear()
        _byId("late").remove()

    # -- the page as it stands before anything is known ---------------------------------------------------------------

    def _lay_out(self, language):
        """Fit the static page to the cards declared and to the language; the shipped page already fits in English."""
        say, grid = self._say, _byId("cards")
        wanted = [card for card in self._cards if card.place == "cards"]
        if language != "en" or not _fits(grid.children, wanted):
            # New slots, all of them: one that is there already may hold the value of the card it was made for.
            grid.replaceChildren(*[self._new_slot(card) for card in wanted])
        home = _byId("home")
        if self._settings["crm_home"]:
            home.href = self._settings["crm_home"]
        else:
            home.remove()
        if language != "en":
            marked = js.document.querySelectorAll("[data-say]")
            for index in range(marked.length):
                marked[index].textContent = say(str(marked[index].dataset.say))
            grid.ariaLabel = say("cards")

    def _new_slot(self, card):
        """Return a slot for a card that has not spoken yet."""
        row = _element("div")
        row.append(_element("dt", self._title(card)), _element("dd", self._say("card.wait"), id=card.slot))
        return row

    def _title(self, card):
        return title(self._say, card.title)

    def _hear(self):
        self._on(js.document, "click", self._clicked)

    def _on(self, target, event, handler):
        proxy = callback(handler)
        self._proxies.append((target, event, proxy))
        target.addEventListener(event, proxy)

    def _clicked(self, event):
        target = event.target.closest("[data-do]")
        if not target:
            return
        do, about = target.getAttribute("data-do"), target.getAttribute("data-about")
        if do == "retry":
            self._ask_again(about)
        elif do == "refresh":
            self._refresh()
        elif do == "show":
            self._reveal(about)
        elif do == "copy":
            self._copy()
        elif do == "facts" and self._facts:
            self._list_facts()
        elif do == "attributes":
            self._list_attributes()
        elif do == "pop" and not (event.ctrlKey or event.metaKey or event.shiftKey):
            event.preventDefault()
            if event.detail < 2 and event.timeStamp > self._last_pop + DOUBLE_CLICK:
                self._pop()
                self._last_pop = js.performance.now()  # a second click that came meanwhile waited for this

    # -- status -------------------------------------------------------------------------------------------------------

    def life(self, now, hidden):
        """Return which state the contact is in, and whether the page is hidden."""
        self._now = now
        text = self._say("life." + now)
        if hidden:
            text = self._say("life.hidden", life=text)
        _byId("life-text").textContent = text
        _byId("life").dataset.life = now
        if now in ("idle", "outside"):
            self._no_contact()
        if hidden or now in ("cleared", "destroyed", "outside"):
            self._stop_ticking()
        else:
            self._keep_ticking()

    def doctor(self, now, missing, sdk_version, contact_id, said):
        """Sum up what stands between the page and its data; `missing` names permissions, None while it is unknown."""
        say, asked = self._say, self._settings["permissions"]
        state = "outside" if now == "outside" else "waiting" if now == "starting" else "connected"
        parts = [say("doctor." + state)]
        if missing:
            parts.append(say("doctor.missing", names=", ".join(missing)))
        elif missing is not None:
            parts.append(say("doctor.permissions", granted=len(asked), asked=len(asked)))
        elif state == "connected":
            parts.append(say("doctor.unknown"))
        parts.append(say("doctor.sdk", version=sdk_version))
        line = _byId("doctor-line")
        line.textContent = line.title = " · ".join(parts)
        _byId("doctor").dataset.tone = "warning" if missing or state == "outside" else ""
        self._facts = (missing, contact_id, said)
        if _byId("doctor").open:
            self._list_facts()
        self._missing = missing or []
        self._alert()

    def _list_facts(self):
        """Fill the doctor line's fold, when it is opened."""
        say, asked = self._say, self._settings["permissions"]
        missing, contact_id, said = self._facts
        granted = [name for name in asked if missing is not None and name not in missing]
        rows = [
            (say("doctor.granted"), ", ".join(granted) or say("doctor.none")),
            (say("doctor.lacking"), ", ".join(missing or []) or say("doctor.none")),
        ]
        if contact_id:
            rows.append((say("doctor.contact"), contact_id))
        rows.extend([(say("doctor.said"), text) for text in said])
        _byId("doctor-facts").replaceChildren(*_rows(rows))

    def _note_refusal(self, card, outcome):
        permission = outcome.permission if outcome.kind == "refused" else ""
        if self._refused.get(card.title, "") != permission:
            self._refused[card.title] = permission
            self._alert()

    def _alert(self):
        say = self._say
        if not self._missing:
            return
        alerts = []
        for permission in self._missing:
            titles = [self._title(card) for card in self._cards if self._refused.get(card.title) == permission]
            item = _element("li")
            item.append(_element("strong", say("alert.missing", permission=permission)))
            item.append(" " + say("alert.how", cards=", ".join(titles) or say("doctor.none")))
            alerts.append(item)
        _byId("alerts-list").replaceChildren(*alerts)
        _byId("alerts").hidden = False

    def theme(self, mode):
        """Follow the workspace's theme: "light", "dark", and for anything else the system's."""
        root = js.document.documentElement
        if mode in ("light", "dark"):
            root.dataset.mode = mode
        else:
            root.removeAttribute("data-mode")

    # -- cards --------------------------------------------------------------------------------------------------------

    def show(self, card, outcome):
        """Draw what a card came to: a value that values.py has made ready, or why there is none."""
        self._note_refusal(card, outcome)
        now = (outcome.kind, outcome.reason, outcome.value, self._now == "idle")
        if self._drawn.get(card.slot) == now and card.slot not in self._running:
            return  # what the agent has selected in it, or the button that has the focus, stays
        self._drawn[card.slot] = now
        slot, told = _byId(card.slot), js.performance.now()
        self._running.pop(card.slot, None)
        if outcome.kind == "value":
            value = outcome.value
            self._personal(card.slot, self._title(card), card.personal, slot, lambda: self._value(slot, value, told))
        else:
            self._refusal(card, slot, outcome)

    def _ask_again(self, card_id):
        for card in self._cards:
            if card.id == card_id:
                self._drawn.pop(card.slot, None)
                _byId(card.slot).textContent = self._say("card.wait")
        self._retry(card_id)

    def _value(self, slot, value, told):
        """Draw a value that came `told` milliseconds after the page's start: masked, it may be drawn much later."""
        slot.title = ""
        if isinstance(value, Duration):
            self._running[slot.id] = (told, value.milliseconds)
            self._tick_one(slot.id)
            self._keep_ticking()
        elif isinstance(value, Moment):
            _put_moment(slot, value.iso)
        elif isinstance(value, Pairs):
            empty = self._say("card.empty")
            _put(slot, " · ".join([name + " " + (text or empty) for name, text in value.items]) or empty)
        elif isinstance(value, Link):
            slot.replaceChildren(self._link(value))
        else:
            _put(slot, value.text or self._say("card.empty"))
            if value.rest:
                slot.append(" ", _element("small", value.rest))
                slot.title = value.rest
        slot.dataset.tone = value.tone if isinstance(value, Text) else ""

    def _refusal(self, card, slot, outcome):
        say, kind = self._say, outcome.kind
        tone = {"refused": "warning", "nothing": "quiet"}.get(kind, "error")
        if kind == "refused":
            _put(slot, say("card.refused", permission=outcome.permission))
            slot.append(" ", _element("small", say("card.refused.how")))
        elif kind == "nothing":
            _put(slot, say("card.nothing" if self._now == "idle" else "card.empty"))
        else:
            _put(slot, say("card." + kind))
            slot.append(" ", self._button(say("card.retry"), "retry", card.id, "card.retry.what", self._title(card)))
        slot.title = outcome.reason or slot.textContent
        slot.dataset.tone = tone

    def _link(self, value):
        from popdesk.browser import parse_url
        from popdesk.screenpop import check_url

        url, reason = check_url(value.url, self._settings["pop"]["allowed_hosts"], parse_url)
        if reason:
            return _element("span", value.text, title=self._say(reason))
        return _element("a", value.text, href=url, target="_blank", rel="noopener", title=url)

    def _button(self, text, do, about, what, title):
        button = _element("button", text, type="button", className="quiet-button")
        button.dataset.do = do
        button.dataset.about = about
        button.ariaLabel = self._say(what, title=title)
        return button

    # -- personal data, where it is masked until clicked --------------------------------------------------------------

    def _personal(self, key, title, personal, slot, draw):
        if not (self._masked and personal) or key in self._revealed:
            draw()
            return
        self._again[key] = draw
        slot.replaceChildren(MASK + " ", self._button(self._say("show"), "show", key, "show.what", title))
        slot.title = ""

    def _reveal(self, key):
        self._revealed.append(key)
        self._again.pop(key)()

    # -- time ---------------------------------------------------------------------------------------------------------

    def _tick_one(self, slot):
        told, had = self._running[slot]
        _byId(slot).textContent = shown_duration((js.performance.now() - told + had) / 1000)

    def _tick(self, _):
        for slot in self._running:
            self._tick_one(slot)

    def _keep_ticking(self):
        if self._timer is None and self._running:
            self._timer = js.setInterval(callback(self._tick), 1000)

    def _stop_ticking(self):
        if self._timer is not None:
            js.clearInterval(self._timer)
            self._timer = None

    # -- the customer -------------------------------------------------------------------------------------------------

    def customer(self, outcome, offer):
        """Draw the customer and the way to their page, and the list of attributes."""
        say = self._say
        _byId("hero").dataset.kind = offer.kind if offer else outcome.kind
        if offer is None:
            self._note_refusal(self._cards[-1], outcome)
            self._no_customer(outcome)
            return
        if offer.kind == "one":
            heading = offer.name or say("customer.one")
        else:
            heading = say("customer." + offer.kind, count=offer.matches)
        about = [say("customer." + offer.kind + ".why")] if offer.kind in ("unknown", "failed") else []
        for key in ("identity", "phone", "caller"):
            if getattr(offer, key):
                about.append(say("customer." + key, value=shown_phone(getattr(offer, key))))
        personal = offer.name or offer.identity or offer.phone or offer.caller or offer.refused
        self._offer(offer)

        def draw():
            self._heading(heading, about)
            if offer.refused:
                _byId("refused-url").textContent = shorten(plainly(offer.refused[0]), LONGEST)
            if offer.name and offer.url and offer.is_page:
                _put(_byId("pop"), say("pop.page", name=shorten(offer.name, 60)))

        if personal:
            self._personal("customer", say("customer"), True, _byId("customer-name"), draw)
            if self._masked and "customer" not in self._revealed:
                self._about([])
        else:
            draw()
        self._attributes = outcome.value or {}
        title = say("attributes.count", count=len(self._attributes)) if self._attributes else say("attributes.none")
        _byId("attributes-title").textContent = title
        if _byId("attributes").open:
            self._list_attributes()

    def _heading(self, text, about):
        _put(_byId("customer-name"), text)
        self._about(about)

    def _about(self, parts):
        """Say what is known beside the name, each part whole on its line where there is room."""
        spans = []
        for part in parts:
            spans.extend([_element("span", shorten(part, LONGEST)), " "])
        _byId("customer-note").replaceChildren(*spans[:-1])

    def _offer(self, offer):
        """Set the link: the customer's page, a search, or none."""
        say, pop = self._say, _byId("pop")
        self._offered = offer
        pop.hidden = _byId("copy").hidden = not offer.url
        if offer.url:
            pop.href = offer.url
            pop.target = "_blank"
            unnamed = "pop.page.unnamed" if offer.is_page else "pop.choose" if offer.kind == "several" else "pop.search"
            pop.textContent = say(unnamed)
        refused = _byId("refused")
        refused.hidden = not offer.refused
        if offer.refused:
            _byId("refused-why").textContent = say("pop.refused", reason=say(offer.refused[1]))
        self._say_note()

    def _no_customer(self, outcome):
        say = self._say
        if outcome.kind == "nothing":
            self._no_contact()
            return
        why = say("card." + outcome.kind)
        if outcome.kind == "refused":
            why = say("card.refused", permission=outcome.permission) + ". " + say("card.refused.how") + "."
        self._heading(say("customer.untold"), [why])
        self._withdraw()
        _byId("attributes-title").textContent = say("attributes.untold")

    def _no_contact(self):
        say, now = self._say, self._now
        _byId("attributes-title").textContent = say("attributes")
        if now == "outside":
            self._heading(say("life.outside"), [say("outside.how")])
        else:
            self._heading(say("customer.idle"), [say("customer.idle.why")])
        _byId("hero").dataset.kind = "nothing"
        self._withdraw()
        for card in self._cards:
            if now == "outside" and card.place == "cards":
                self._drawn.pop(card.slot, None)
                _put(_byId(card.slot), say("card.empty"))
                _byId(card.slot).dataset.tone = "quiet"

    def _withdraw(self):
        """Take the link away, and what was said about it."""
        self._offered = None
        _byId("pop").hidden = _byId("copy").hidden = _byId("refused").hidden = True
        self._say_note()

    def _list_attributes(self):
        """Fill the attributes' fold, when it is opened."""
        rows = []
        for name in sorted(self._attributes or {}):
            value = _element("dd")
            self._personal("attribute:" + name, name, True, value, _filler(value, str(self._attributes[name])))
            row = _element("div")
            row.append(_element("dt", shorten(name, LONGEST)), value)
            rows.append(row)
        _byId("attributes-list").replaceChildren(*rows)

    # -- the screen pop -----------------------------------------------------------------------------------------------

    def screen(self):
        """Return what the screen has free: (left, top, width, height) in pixels."""
        screen = js.screen
        left, top = getattr(screen, "availLeft", 0), getattr(screen, "availTop", 0)
        return int(left), int(top), int(screen.availWidth), int(screen.availHeight)

    def engine(self):
        """Return the browser's engine, as screenpop.py calls it."""
        from popdesk.screenpop import engine_of

        navigator = js.navigator
        return engine_of(str(navigator.userAgent), bool(js.Reflect.has(navigator, "userAgentData")))

    def open_window(self, url, window, features, told):
        """Open a checked URL in a screenpop.Window; say below the link what came of it, and call `told` with it.

        It is "opened", "blocked" (by the browser's pop-up blocker) or "barred" (by the frame's sandbox).

        Not to be called in an asyncio task: Firefox goes on with its event loop while it opens a window, so that answers of
        the workspace arrive meanwhile, and with them other tasks run.
        """
        _drive(self._opening(url, window, features, told))

    def _opening(self, url, window, features, told):
        """Open the window blank, send it to the URL and cut it off, all before the browser begins to load.

        With `noopener` among its features the browser would give no window back, and a blocked one could not be told from
        an opened one. Cut off before it is sent, a window that inherits this frame's sandbox cannot be sent any more.
        """
        # Whether the agent has just clicked: then no blocker is in the way, only a sandbox without allow-popups. Chromium
        # gives no window in either case, Firefox throws in the second.
        clicked = js.navigator.userActivation.isActive
        target = yield js.window, "open", ("", window.name, features)
        if target is THREW or not target:
            came = "barred" if clicked or target is THREW else "blocked"
        else:
            done = yield js.Reflect, "set", (target, "location", url)
            if done is True and window.cut_off:
                done = yield js.Reflect, "set", (target, "opener", None)
            came = "opened" if done is True else "barred"
            if came == "barred":
                target.close()
            elif not window.cut_off:
                target.focus()  # it may have been there before, behind others
        self._note_pop(came, url)
        told(came)

    def soon(self, do):
        """Call `do()` in a moment, outside all asyncio tasks."""
        js.setTimeout(callback(lambda _: do()), 0)

    def _note_pop(self, what, url):
        self._note.happened(what, url)
        self._say_note()

    def _say_note(self):
        """Say about the pop, below its link, what there is to say now."""
        if self._note is None:
            if self._offered is None:
                return
            from popdesk.screenpop import Note

            self._note = Note()
        key, url = self._note.words(self._offered)
        how = ""
        if key == "pop.blocked":
            how = self._say("pop.allow." + self.engine(), site=_workspace_site() or self._say("pop.site"))
        text = self._say(key, url=url, how=how) if key else ""
        note = _byId("pop-note")
        if note.textContent != text:  # said again, a screen reader would read it again
            note.textContent = text
            note.title = ""
        note.dataset.tone = (
            {"opened": "success", "copied": "success", "none": ""}.get(key[4:], "warning") if key else ""
        )

    def _copy(self):
        _drive(self._copying(self._offered.url))

    def _copying(self, url):
        clipboard = js.navigator.clipboard
        done = yield js.Reflect, "apply", (js.Reflect.get(clipboard, "writeText"), clipboard, to_js([url]))
        # Denied by the browser or the frame, the agent can still copy it by hand.
        self._note_pop("uncopied" if done is THREW else "copied", url)

    # -- errors -------------------------------------------------------------------------------------------------------

    def watch_errors(self, failed):
        """Call failed(where, error) for errors in callbacks, which only the browser's window hears of."""

        def on_error(event):
            failed("page", event.error or str(event.message))

        def on_rejection(event):
            failed("page", event.reason or "rejection")

        self._on(js.window, "error", on_error)
        self._on(js.window, "unhandledrejection", on_rejection)

    def page_error(self, where, kind, text):
        """Show an error that is not the SDK's, its traceback folded away."""
        say = self._say
        box = _element("section", className="page-error")
        fold = _element("details")
        fold.append(_element("summary", say("error.details")), _element("pre", text))
        box.append(
            _element("h2", say("error")),
            _element("p", say("error.in", where=where, what=kind) + ". " + say("error.rest")),
            fold,
        )
        _byId("errors").append(box)

    def close(self):
        """Stop everything that runs by itself."""
        self._stop_ticking()
        for target, event, proxy in self._proxies:
            target.removeEventListener(event, proxy)
        self._proxies = []


def _fits(slots, cards):
    """Return whether the page's slots are these cards', in this order and under their titles."""
    if slots.length != len(cards):
        return False
    for index, card in enumerate(cards):
        slot = slots[index]
        if slot.lastElementChild.id != card.slot or slot.firstElementChild.textContent != card.title:
            return False
    return True


def _rows(rows):
    made = []
    for name, value in rows:
        row = _element("div")
        row.append(_element("dt", name), _element("dd", value))
        made.append(row)
    return made


def _put(element, text):
    """Put a text in, cut where it is very long and whole in the tooltip."""
    element.textContent = shorten(text, LONGEST)
    element.title = text if len(text) > 24 else ""


def _filler(element, text):
    def fill():
        if len(text) <= LONGEST:
            element.textContent = text or "–"
            return
        fold = _element("details")
        fold.append(_element("summary", shorten(text, LONGEST)), _element("p", text))
        element.replaceChildren(fold)

    return fill


def _put_moment(element, iso):
    """Show a time of day in the agent's own zone; the whole date follows in the tooltip."""
    when = js.Date.new(iso)
    if when.getTime() != when.getTime():  # not a number: no date
        _put(element, iso)
        return
    shown = "%02d:%02d:%02d" % (when.getHours(), when.getMinutes(), when.getSeconds())
    element.textContent = shown

    # The browser's first date in words costs it some 10 ms: not before the other values are seen.
    def say_whole(_):
        if element.textContent == shown:  # it may have another value by now
            element.title = str(when.toLocaleString()) + " (" + iso + ")"

    js.setTimeout(callback(say_whole), 500)


# What a step of `_drive` comes to where it threw.
THREW = object()


def _drive(steps):
    """Run a generator in which every `yield owner, method, values` is a call in JavaScript that may throw.

    The yield gives what the call returned, awaited if it was a promise, or THREW: Python could not catch what JavaScript
    throws into it. The steps follow each other without a task of the browser between them, where none awaits one; asyncio
    would put a timer there.
    """

    def go_on(value=None, *_):
        try:
            owner, method, values = steps.send(value)
        except StopIteration:
            return
        # Through Reflect.get: as an attribute the method would be a Python one, and throw inside Python.
        getattr(js.Promise, "try")(js.Reflect.get(owner, method), *values).then(go_on, threw)

    def threw(error=None, *_):
        go_on(THREW)

    go_on()


def _workspace_site():
    """Return the site of the outermost page, whose pop-ups the browser allows or blocks; "" where it is not told."""
    above = getattr(js.location, "ancestorOrigins", None)
    if above and above.length:
        return str(above[above.length - 1])
    referrer = js.URL.parse(str(js.document.referrer))
    return str(referrer.origin) if referrer else ""
