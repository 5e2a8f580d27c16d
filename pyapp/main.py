"""Wires the page: the workspace's adapter, the board of cards, the state, the view.

    start()

The start has four steps, each in a task of its own, since a message leaves the page only when the task that sent it ends:
the hello; the first questions, before the cards are imported (the build has played them, and knows what they ask); the
cards, drawn as their answers come; the rest of the page.
"""

import sys

# MicroPython has mounted app.pack as its ROM, a read-only file system. Modules are looked for there and among the frozen
# ones, and nowhere else: there are no other files, and each look costs a call of JavaScript.
sys.path[:] = ["/rom", ".frozen"]

import gc

# How much is allocated between two collections, in bytes. Each looks through the whole heap, and by itself MicroPython
# makes one every 16 KB; some 90 KB are allocated before the first values are shown.
gc.threshold(1 << 18)  # type: ignore[attr-defined]  # of MicroPython

import asyncio
import json

from popdesk import browser, connect
from popdesk.questions import Question

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from acting import Acting
    from popdesk.board import Outcome
    from popdesk.desk import Desk
    from popdesk.screenpop import Automatic, Offer
    from popdesk.view.status import Status
    from recording import Recording

# How long the rest of the page waits for the first answers, in seconds.
_REST_AFTER = 0.1


def start() -> None:
    """Start the page; what fails on the way is shown on it."""
    try:
        with open("/rom/settings.json") as file:
            settings = json.load(file)
        if settings.get("signs_in") and browser.is_top_level():
            from popdesk.view.sign_in import hand_over

            if hand_over():
                return
        if settings.get("opens") == "service" and browser.is_service():
            from popdesk import service

            service.start(settings)
            return
        App(settings)
    except Exception as error:
        _fail_plainly(error)


class App:
    """One page, for one contact, for as long as the workspace keeps it."""

    def __init__(self, settings: "dict[str, Any]") -> None:
        self._settings = settings
        self._workspace = connect.open(settings["connection_timeout_ms"])
        if settings.get("prints"):
            __import__("prints").tell(self._workspace)  # a module of preview's pages alone (ops/preview/prints.py)
        self._status: "Status | None" = None  # of the rest of the page, like the customer
        self._customer: "Any" = None
        self._automatic: "Automatic | None" = None
        self._acting: "Acting | None" = None  # the API and the actions, of a page that has them
        self._token = ""  # the contact's, for the API
        self._can_choose = False  # whether the modules are there by which an agent chooses among several customers
        self._looked_up = "-"  # the token of the look-up's answer, which the agent's choice among several replaces
        self._marks: "dict[str, Any]" = {}  # when the page came how far, in ms; recording.py tells of them
        self._recording: "Recording | None" = None
        asyncio.create_task(self._begin())

    # -- the start ----------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        try:
            asked = {}
            for name in self._settings["first_questions"]:
                asked[name] = question = Question()
                self._send(name, question.settle)
            await browser.next_task()
            from popdesk.view.dom import parsed

            await self._load_words()
            await parsed()
            self._run_cards(asked)
        except Exception as error:
            _fail_plainly(error)

    async def _load_words(self) -> None:
        import words

        settings = self._settings
        words.OWN.update(settings["own_words"])
        language = words.choose(settings["language"], browser.language(), ["en"] + list(settings["words"]))
        url = settings["words"].get(language)
        if url:
            try:
                words.LOADED[language] = await browser.fetch_json(url, settings["request_timeout_ms"] / 1000)
            except Exception:
                words.LOADED[language] = {}  # English is better than no page

    def _run_cards(self, asked: "dict[str, Question]") -> None:
        import cards  # noqa: F401  (fills CARDS)
        from popdesk.board import Board
        from popdesk.declaration import CARDS, Card
        from popdesk.page_state import PageState
        from popdesk.view.cards import Cards
        from words import words

        settings = self._settings
        late = settings.get("late")
        for card in CARDS:
            # What asks the team's API is nothing that the first values wait for.
            card.later = card.later or (late is not None and card.id in late["held"])
        # The customer's box is drawn from one more card. Another asks for the caller's number when the rest is there: it
        # costs nothing where a card has asked for it. No function can have these ids.
        self._number = Card("Caller's number", True, True, "caller", _number, "caller's number")
        self._attributes = Card("Contact attributes", True, False, "customer", _attributes, "customer's box")
        self._listed, all_cards = CARDS, CARDS + [self._number, self._attributes]
        self._state = PageState(settings, all_cards, self._workspace.sdk_version)
        languages = ["en"] + list(settings["words"])
        self._say, self._language = words(settings["language"], browser.language(), languages)
        self._cards = Cards(settings, CARDS, self._say, self._language)
        self._board = board = Board(
            all_cards,
            self._send,
            self._show,
            settings["request_timeout_ms"] / 1000,
            settings["attributes"],
            self._fail_card,
            browser.next_task,
            settings["fields"],
        )
        if late:
            board.hold(late["held"])
        # Steps of PageState.heard that are the board's.
        self._tell, self._grant, self._refresh, self._refresh_soon = (
            board.tell,
            board.grant,
            board.refresh,
            board.refresh_soon,
        )
        asyncio.get_event_loop().set_exception_handler(self._fail_task)
        board.start(asked)
        asyncio.create_task(self._show_rest(lambda: asyncio.sleep(_REST_AFTER)))
        self._workspace.listen(self._hear)

    def _send(self, name: str, answered: "Callable[[Any, Exception | None], None]") -> None:
        """Ask the workspace a question of the table; acting.py asks the others, the team's API's among them."""
        if " " in name:
            self._get_acting().ask(name, answered)
        elif name == "contact.attributes" and self._settings.get("api"):
            self._workspace.send(name, lambda value, problem: self._take_token(value, problem, answered))
        else:
            self._workspace.send(name, answered)

    def _take_token(
        self, value: "Any", problem: "Exception | None", answered: "Callable[[Any, Exception | None], None]"
    ) -> None:
        role = self._settings["attributes"].get("token")
        if isinstance(value, dict):
            self._looked_up = str(value.get(role))
            if self._acting:
                value = self._acting.laid_over(value, self._looked_up)
        token = value.get(role) if isinstance(value, dict) else None
        if problem is None:
            self._token = token if isinstance(token, str) and token != "-" else ""
        answered(value, problem)

    def _get_acting(self) -> "Acting":
        if self._acting is None:
            from acting import Acting

            self._acting = Acting(
                self._settings,
                self._board,
                lambda: self._token,
                self._fail,
                self._say,
                self._workspace.call,
                lambda: self._looked_up,
            )
        return self._acting

    async def _show_rest(self, *waits: "Callable[[], Awaitable[Any]]") -> None:
        """Make the rest of the page after these waits, and draw what is known by then."""
        for wait in waits:
            await wait()
        if self._status:
            return
        try:
            from popdesk.view import dom
            from popdesk.view.customer import Customer
            from popdesk.view.status import Status

            dom.reveal()
            self._customer = customer = Customer(self._say, self._cards.mask, self._pop)
            self._status = status = Status(self._settings, self._say, self._language)
            dom.on_click(
                clicks := {
                    "retry": lambda _, card_id: self._retry(card_id),
                    "refresh": lambda *_: self._refresh(),
                    "show": lambda _, key: self._cards.mask.reveal(key),
                    "facts": lambda *_: status.list_facts(),
                    "attributes": lambda *_: customer.list_attributes(),
                    "copy": lambda *_: customer.copy(),
                    "pop": lambda event, _: customer.clicked(event),
                }
            )
            dom.on_error(self._fail)
            if browser.is_top_level():
                # Nobody can answer a page that is in no frame: no need to wait for the time-out to say so.
                self._hear("outside", None)
            self._draw()
            outcome = self._state.outcomes.get(self._attributes.id)
            if outcome:
                self._board.display(self._attributes, outcome)
            if self._state.created:
                self._greet()
            await self._show_rich()
            await self._load_late()
            api = self._settings.get("api")
            if api and "events" in api:
                from recording import Recording

                cards = self._listed + [self._number, self._attributes]
                self._recording = Recording(api, cards, self._marks, lambda: self._token, self._state)
            if self._settings.get("asks_api"):
                clicks["choose"] = lambda _, customer_id: self._get_acting().choose(customer_id)
                self._can_choose = True
                self._draw_customer()
            if self._settings.get("signs_in"):
                acting = self._get_acting()
                clicks["sign-in"] = lambda *_: acting.sign_in()
            if self._settings.get("actions"):
                self._get_acting().show(self._cards, self._say, clicks)
                self._draw()
        except Exception as error:
            if self._status:
                self._fail("page", error)
            else:
                _fail_plainly(error)

    async def _show_rich(self) -> None:
        """Draw the values that the first ones did not wait for, each in a task of its own."""
        for card in self._listed:
            outcome = self._state.outcomes.get(card.id)
            if outcome and outcome.is_rich:
                await browser.next_task()
                self._board.display(card, self._state.outcomes[card.id])

    async def _load_late(self) -> None:
        """Load the modules that no first value needs, now that those are seen, and run the cards that need them."""
        late = self._settings.get("late")
        await browser.next_task()
        if late:
            from popdesk.late import load_pack

            try:
                await load_pack(late["url"], late["modules"], self._settings["connection_timeout_ms"] / 1000)
            finally:
                self._board.release()  # without them, each says that it failed

    # -- the workspace's news -----------------------------------------------------------------------------------------

    def _hear(self, what: str, data: "Any") -> None:
        """Take news; never raises, since the workspace removes a page whose handlers do."""
        try:
            if what in ("contact", "idle"):
                self._marks["hello"] = browser.elapsed()
            for step, *values in self._state.heard(what, data):
                getattr(self, "_" + step)(*values)
            if what in ("connected", "acw", "missed") and what == self._state.contact.now:
                asyncio.create_task(self._keep_heard(what, data))
        except Exception as error:
            self._fail("news: " + what, error)

    def _greet(self) -> None:
        """Do what is not worth a value's wait: it comes with the rest of the page."""
        if self._status:
            self._workspace.log("info", "App created")
            self._workspace.ask_theme(self._take_theme)
            # They may have changed between the first question and the subscription to the events that tell of it.
            self._refresh(["agent.state", "contact.attributes", "contact.state_duration"])
            if self._state.contact.now == "connecting":
                asyncio.create_task(self._recall())

    async def _keep_heard(self, state: str, data: "dict[str, str]") -> None:
        """Keep which state the contact is in, for another page of it: a guide's view is shown anew after its time."""
        contact = data["contactId"]
        kept = [each for each in await browser.load_kept("heard") if each[0] != contact]
        await browser.save_kept("heard", kept + [[contact, state, browser.now(), data["initialContactId"]]])

    async def _recall(self) -> None:
        """Say which state the contact is in, where that was heard before this page was there and still holds, or is told."""
        from popdesk.recall import holds, is_connected, told

        state, duration, initial = self._state, Question(), Question()
        try:
            heard = told(await browser.load_kept("heard"), state.parameters, state.contact_id)
            if heard:
                self._send("contact.state_duration", duration.settle)
                if not holds(heard, await duration.answer(), browser.now()):
                    heard = None
            if not heard and "*" in (state.granted or ()) and await is_connected(self._workspace.call):
                self._send("contact.initial_id", initial.settle)
                heard = ["", "connected", 0, await initial.answer() or state.contact_id]
            if heard and state.contact.now == "connecting":
                self._hear(heard[1], {"contactId": state.contact_id, "initialContactId": heard[3]})
        except Exception:
            return  # it was not answered, or what was kept is not ours: then it is not known

    def _take_theme(self, answer: "Any", problem: "Exception | None") -> None:
        # An older workspace has no theme: the system's stays.
        if problem is None:
            self._state.theme_answered(answer.get("visualMode") if isinstance(answer, dict) else None)
            self._draw()

    def _look_again(self) -> None:
        asyncio.create_task(self._ask_again_and_again(self._settings["look_again_seconds"]))

    async def _ask_again_and_again(self, seconds: float) -> None:
        """Ask for the attributes once every so many seconds: no event tells what a flow or Lambda edits meanwhile.

        And whether the customer is on hold, where a card asks that: the agent may have used the workspace's own button.
        Only while the agent sees the page, and never while an answer is still to come.
        """
        while not self._state.contact.is_over:
            await asyncio.sleep(seconds)
            hidden = self._state.contact.hidden or not browser.is_visible()
            if not hidden and not self._board.waits_for("contact.attributes"):
                self._refresh(["contact.attributes", "workspace is_on_hold"])

    def _leave(self) -> None:
        """Ask nothing more: there is no workspace."""
        from popdesk.board import Outcome

        self._board.close()
        for card in self._listed:
            self._cards.show(card, Outcome("outside"), False)
        self._draw_customer()

    def _close(self) -> None:
        from popdesk.view import dom

        self._workspace.log("info", "App closed")
        self._board.close()
        self._draw()
        dom.close()
        self._workspace.log("info", "App destroyed")

    # -- drawing ------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Draw what the state says and no card does, once there is the view for it."""
        if self._status:
            self._status.draw(self._state)
            self._cards.let_tick(self._state.clocks_run)
            if self._acting:
                self._acting.draw(self._state, self._has_customer())
            if self._recording:
                self._recording.draw(self._state)

    def _has_customer(self) -> bool:
        outcome = self._state.outcomes.get(self._attributes.id)
        attributes = outcome.value if outcome else None
        return bool(attributes and attributes.get(self._settings["attributes"].get("customer")))

    def _draw_customer(self) -> None:
        state, outcome = self._state, self._state.outcomes.get(self._attributes.id)
        if self._customer:
            if outcome:
                state.decide(outcome, browser.parse_url)
            self._customer.draw(outcome, state.offer, state.contact.now)
            self._pop_if_due()
        several = bool(self._can_choose and state.offer and state.offer.kind == "several")
        if self._acting or several:
            acting = self._get_acting()
            acting.draw(state, self._has_customer())
            if self._can_choose:
                acting.offer_candidates(several, self._looked_up)

    def _show(self, card: "Any", outcome: "Outcome") -> None:
        """Draw a card's result (the board calls this)."""
        state = self._state
        # A table or the like takes a while to draw: the first values do not wait for it (_show_rich).
        if card.place == "cards" and (self._status or not outcome.is_rich):
            self._cards.show(card, outcome, state.contact.now == "idle")
        first_are_there = state.answered(card, outcome)
        if first_are_there:
            self._marks["first_values"] = browser.elapsed()
        if self._recording:
            self._recording.saw(card.id, outcome.kind)
        if card is self._attributes or (card is self._number and state.take_number(outcome)):
            self._draw_customer()
        if outcome.permission or (self._acting and self._acting.depends_on(card.id)):
            self._draw()
        if first_are_there and not self._status:
            from popdesk.view.dom import reveal

            reveal()
            # First the cards declared `later` ask, and their questions leave the page.
            asyncio.create_task(self._show_rest(browser.next_task, browser.next_task))

    # -- what the agent does ------------------------------------------------------------------------------------------

    def _retry(self, card_id: str) -> None:
        for card in self._listed:
            if card.id == card_id:
                self._cards.wait(card)
        self._board.retry(card_id)

    def _pop(self) -> None:
        from popdesk import screenpop
        from popdesk.view import window

        pop, roles, offer = self._settings["pop"], self._settings["attributes"], self._state.offer
        if offer is None:  # refreshed meanwhile
            return
        target = screenpop.window_for(pop["window"], window.engine())
        features = ""
        if target.sized:
            attributes = self._state.outcomes[self._attributes.id].value
            features = screenpop.features(attributes, roles, pop["width"], pop["height"], window.screen())
        window.open_window(offer.url, target, features, lambda came: self._popped(offer, came))

    def _popped(self, offer: "Offer", came: str) -> None:
        self._customer.note(came, offer.url)
        self._marks["popped"], self._marks["pop"] = came, self._marks.get("pop") or browser.elapsed()
        # Administrators see there why agents have no screen pops.
        self._workspace.log("info" if came == "opened" else "warn", "Screen pop " + came)
        if came == "opened" and offer.is_page:
            self._state.page_opened = True
            self._save_popped()

    def _save_popped(self) -> None:
        """Keep that the contact's page has been opened: a reload of the workspace pops it no more."""
        if self._automatic and self._state.page_opened:
            self._automatic.opened()
            asyncio.create_task(browser.save_kept("popped", self._automatic.popped))

    def _connect(self, contact_id: str) -> None:
        if self._settings["pop"]["automatic"] == "connected":
            asyncio.create_task(self._pop_when_connected(contact_id))

    async def _pop_when_connected(self, contact_id: str) -> None:
        from popdesk.screenpop import Automatic

        if self._automatic is None:
            self._automatic = Automatic("connected", await browser.load_kept("popped"))
        self._automatic.connected(contact_id)
        self._save_popped()
        self._pop_if_due()

    def _pop_if_due(self) -> None:
        if self._automatic and self._automatic.due(self._state.offer):
            browser.soon(self._pop)

    def _end_contact(self) -> None:
        if self._automatic:
            self._automatic.ended()

    # -- errors that are not the SDK's ----------------------------------------------------------------------------------

    def _fail_task(self, loop: "Any", context: "dict[str, Any]") -> None:
        self._fail("task", context["exception"])

    def _fail_card(self, card: "Any", error: Exception) -> None:
        self._fail("card: " + card.title, error, self._settings["card_lines"].get(card.id, ""))

    def _fail(self, where: str, error: object, place: str = "") -> None:
        """Show an error and log where it came from; `place` is where the card stands that is to blame for it."""
        from popdesk.view import errors

        kind, text, frames = errors.describe(error, place)
        if self._state.is_new_error(kind, frames):
            print(errors.printed(kind, frames))
            self._workspace.log("error", "App error", {"where": where, "kind": kind, "frames": frames})
            errors.draw(self._say, where, kind, text)


def _fail_plainly(error: Exception) -> None:
    from popdesk.view.errors import draw_plainly

    asyncio.create_task(draw_plainly(error))


async def _attributes(desk: "Desk") -> "dict[str, str]":
    return await desk.contact.attributes()


async def _number(desk: "Desk") -> str:
    return await desk.contact.phone_number()
