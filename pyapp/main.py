"""Boots the page: the workspace's adapter, the board of cards, the view; and takes the workspace's news to them.

    main.start()

The hello goes out before the other modules are imported: the workspace answers meanwhile, and what it says is heard only
when this has finished.
"""

import asyncio
import json

from popdesk import browser, connect


def start():
    """Start the page; what fails on the way is shown on it."""
    try:
        with open("/rom/settings.json") as file:
            settings = json.load(file)
        App(settings)
    except Exception as error:
        _show_plainly(error)


class App:
    """One page, for one contact, for as long as the workspace keeps it."""

    def __init__(self, settings):
        self._settings = settings
        self._started = False
        self._unheard = []  # what the workspace told before the rest had started
        self._workspace = connect.open(settings["connection_timeout_ms"], self._told)
        asyncio.create_task(self._begin(settings))

    async def _begin(self, settings):
        """The rest of the start, in tasks of their own: a message leaves the page only when the task that sent it ends.

        What the cards ask is asked first (the build has read it from them) and answered while they are imported and run.
        """
        try:
            self._workspace.ask_ahead(settings["first_questions"])
            await asyncio.sleep(_NEXT_TASK)
            self._prepare(settings)
        except Exception as error:
            _show_plainly(error)

    def _prepare(self, settings):
        import cards  # noqa: F401  (fills CARDS)
        from popdesk.board import Board
        from popdesk.contact_state import Life
        from popdesk.declaration import CARDS, Card
        from popdesk.early import Early

        # The customer and the list of attributes are drawn from one more card, which has its own place on the page. It is
        # asked for last: only the view can draw it. The caller's number is asked for when the rest is there, and costs
        # nothing where a card has asked for it.
        caller = Card("Caller's number", personal=True, later=True, place="caller", ask=_number)
        customer = Card("Contact attributes", personal=True, later=False, place="customer", ask=_attributes)
        customer.id = "customer's box"  # no function can be called so
        caller.id = "caller's number"
        self._cards = CARDS + [caller, customer]
        self._life = Life()
        self._granted = None
        self._themed = False  # whether the workspace has told of a change of theme
        self._said = []
        self._offer = None
        self._attributes = None
        self._number = ""  # the caller's or called, as the workspace has it
        self._automatic = None
        self._opened = False  # whether the customer's page has been opened
        self._troubles = []
        self._waited_for = {card.id for card in self._cards if not card.later}  # by the view: their answers come first
        self._untold = None  # what the customer's card came to before there was a view, which alone can draw it
        self._looks_again = False
        self._known = False  # whether the workspace has said which contact this page is for
        self._view = self._early = Early(settings)
        seconds = settings["request_timeout_ms"] / 1000
        roles = settings["attributes"]
        self._board = Board(
            self._cards, self._workspace.send, self._show, seconds, roles, self._card_failed, _NEXT_TASK
        )
        asyncio.get_event_loop().set_exception_handler(self._task_failed)
        self._board.start()
        # Answers that come quickly are drawn first, and the view while slower ones are on their way.
        asyncio.create_task(self._draw(_VIEW_AFTER))
        self._started = True
        for what, data in self._unheard:
            self._told(what, data)

    async def _draw_next(self):
        await asyncio.sleep(_NEXT_TASK)  # in which the cards declared `later` ask
        await self._draw(_NEXT_TASK)  # what they ask leaves the page before

    async def _draw(self, after):
        """Make the view `after` seconds from now; it is then told what it has missed."""
        await asyncio.sleep(after)
        try:
            from popdesk import view

            await view.parsed()
            self._workspace.ask_ahead([])
            if self._view is not self._early:
                return
            self._early.reveal()
            self._view = view.View(self._settings, self._cards, self._board.retry, self._board.refresh, self._pop)
            self._view.watch_errors(self._failed)
            self._doctor()
            if browser.is_top_level():
                # Nobody can answer a page that is nobody's frame: no need to wait for the time-out to say so.
                self._told("outside", None)
            for name, values in self._early.kept:
                if name == "show":
                    self._board.display(*values)
                else:
                    getattr(self._view, name)(*values)
            if self._untold:
                self._board.display(self._cards[-1], self._untold)
            if self._known:
                self._greet()
        except Exception as error:
            if self._view is self._early:
                _show_plainly(error)
            else:
                self._failed("page", error)

    # -- the workspace's news -----------------------------------------------------------------------------------------

    def _told(self, what, data):
        """Take news; never raises, since the workspace removes a page whose handlers do."""
        if not self._started:
            self._unheard.append((what, data))
            return
        try:
            self._take(what, data)
        except Exception as error:
            self._failed("news: " + what, error)

    def _take(self, what, data):
        mine = not isinstance(data, dict) or data.get("contactId") in (None, self._workspace.contact_id)
        if what == "state":
            if data:
                self._board.tell("agent.state", {"name": data})
            else:
                self._board.refresh_soon(["agent.state"])
        elif what == "theme":
            self._themed = True
            self._view.theme(data)
        elif what == "defect":
            self._failed("workspace", data)
        elif what == "error":
            self._said = (self._said + [data])[-5:]
            self._doctor()
        elif mine:
            self._live(what, data)

    def _live(self, what, data):
        was_hidden = self._life.hidden
        if not self._life.happened(what):
            return
        self._view.life(self._life.now, self._life.hidden)
        if what in ("contact", "idle"):
            self._created(data)
        elif what == "connected":
            self._board.refresh_soon(_ABOUT_CONTACT)
            asyncio.create_task(self._popped_when_connected(data.get("initialContactId") or data["contactId"]))
        elif what in ("acw", "missed"):
            self._board.refresh_soon(_ABOUT_CONTACT)
            if self._automatic:
                self._automatic.ended()
        elif what == "shown" and was_hidden:
            self._board.refresh()
        elif what == "outside":
            self._board.close()
            self._doctor()
        elif what == "destroyed":
            self._end()

    def _created(self, permissions):
        self._granted = permissions
        if permissions is not None:
            self._board.grant(permissions)
        if self._life.now == "idle" or self._settings["scope"] != "PER_CONTACT":
            # The first questions were about "this iframe's contact": now it is known which one that is, or that
            # there is none. In a frame of one contact they were about no other.
            self._board.refresh(_ABOUT_CONTACT)
        self._doctor()
        self._known = True
        seconds = self._settings["look_again_seconds"]
        if seconds and self._life.now != "idle" and not self._looks_again:
            self._looks_again = True
            asyncio.create_task(self._look_again(seconds))
        if self._view is not self._early:
            self._greet()

    def _greet(self):
        """What is not worth a value's wait: it comes with the view."""
        self._workspace.log("info", "App created")
        self._workspace.ask_theme(self._follow_theme)
        # They may have changed between the first question and the subscription to the events that tell of it.
        self._board.refresh(["agent.state", "contact.attributes", "contact.state_duration"])

    async def _look_again(self, seconds):
        """Ask for the attributes once every so many seconds: what a flow or Lambda edits meanwhile is told by no event.

        Only while the agent sees the page, and never while an answer is still to come.
        """
        from popdesk.contact_state import OVER

        while self._life.now not in OVER:
            await asyncio.sleep(seconds)
            if not self._life.hidden and browser.is_visible() and not self._board.waits_for("contact.attributes"):
                self._board.refresh(["contact.attributes"])

    def _end(self):
        self._workspace.log("info", "App closed")
        self._board.close()
        self._view.close()
        self._workspace.log("info", "App destroyed")

    def _follow_theme(self, answer, problem):
        # An older workspace tells no theme: the system's stays. A change that was told meanwhile is newer than this.
        if problem is None and not self._themed:
            self._view.theme(answer.get("visualMode") if isinstance(answer, dict) else None)

    # -- what the board shows -----------------------------------------------------------------------------------------

    def _show(self, card, outcome):
        if card.place == "caller":
            number = outcome.value if isinstance(outcome.value, str) else ""
            # A contact's number does not change: that it could not be told this time says nothing about it.
            if number != self._number and outcome.kind in ("value", "nothing"):
                self._number = number
                if self._untold and self._view is not self._early:
                    self._show_customer(self._untold)
        elif card.place != "customer":
            self._view.show(card, outcome)
        else:
            self._untold = outcome
            if self._view is not self._early:
                self._show_customer(outcome)
        self._waited_for.discard(card.id)
        if self._view is self._early and not self._waited_for:
            self._early.reveal()
            asyncio.create_task(self._draw_next())

    def _show_customer(self, outcome):
        from popdesk.screenpop import decide

        if outcome.kind == "value":
            settings, self._attributes = self._settings, outcome.value or {}
            self._offer = decide(
                self._attributes,
                settings["attributes"],
                settings["pop"]["allowed_hosts"],
                browser.parse_url,
                self._number,
                settings["crm_search"],
            )
        self._view.customer(outcome, self._offer if outcome.kind == "value" else None)
        self._pop_if_due()

    def _doctor(self):
        asked = self._settings["permissions"]
        missing = None
        if self._granted is not None:
            missing = [name for name in asked if name not in self._granted and "*" not in self._granted]
        self._view.doctor(self._life.now, missing, self._workspace.sdk_version, self._workspace.contact_id, self._said)

    # -- what the agent does ------------------------------------------------------------------------------------------

    def _pop(self):
        from popdesk import screenpop

        pop, offer, view = self._settings["pop"], self._offer, self._view
        window = screenpop.window_for(pop["window"], view.engine())
        how = ""
        if window.sized:
            roles = self._settings["attributes"]
            how = screenpop.features(self._attributes, roles, pop["width"], pop["height"], view.screen())
        view.open_window(offer.url, window, how, lambda came: self._popped(offer, came))

    def _popped(self, offer, came):
        # Administrators see there why agents have no screen pops.
        self._workspace.log("info" if came == "opened" else "warn", "Screen pop " + came)
        if came == "opened" and offer.is_page:
            self._opened = True
            self._remember()

    def _remember(self):
        """Keep that the contact's page has been opened: a reload of the workspace pops it no more."""
        if self._automatic and self._opened:
            self._automatic.opened()
            asyncio.create_task(browser.save_popped(self._automatic.popped))

    async def _popped_when_connected(self, contact_id):
        if self._settings["pop"]["automatic"] != "connected":
            return
        from popdesk.screenpop import Automatic

        if self._automatic is None:
            self._automatic = Automatic("connected", await browser.load_popped())
        self._automatic.connected(contact_id)
        self._remember()
        self._pop_if_due()

    def _pop_if_due(self):
        if self._automatic and self._automatic.due(self._offer):
            self._view.soon(self._pop)

    # -- errors that are not the SDK's ----------------------------------------------------------------------------------

    def _task_failed(self, loop, context):
        self._failed("task", context["exception"])

    def _card_failed(self, card, error):
        self._failed("card: " + card.title, error, self._settings["card_lines"].get(card.id, ""))

    def _failed(self, where, error, place=""):
        """Show an exception and log where it came from; `place` is where the card stands that is to blame for it."""
        from popdesk import page_errors

        kind, text, frames = page_errors.describe(error, place)
        if (kind, frames) not in self._troubles:
            self._troubles.append((kind, frames))
            self._workspace.log("error", "App error", {"where": where, "kind": kind, "frames": frames})
            self._view.page_error(where, kind, text)


def _show_plainly(error):
    from popdesk import page_errors

    page_errors.show_plainly(error)


async def _attributes(desk):
    return await desk.contact.attributes()


async def _number(desk):
    return await desk.contact.phone_number()


# The least that the browser's timer waits, in seconds; a wait of nothing would go on in the same task.
_NEXT_TASK = 0.001

# How long the view waits for the first answers, in seconds.
_VIEW_AFTER = 0.1

_ABOUT_CONTACT = [
    "contact.channel",
    "contact.queue",
    "contact.queue_timestamp",
    "contact.state_duration",
    "contact.initial_id",
    "contact.phone_number",
    "contact.attributes",
]
