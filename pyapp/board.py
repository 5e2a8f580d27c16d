"""The board: declares cards, runs them, and keeps each card's trouble on that card. Pure.

    @card("Agent name", needs="User.Details.View")
    async def agent_name(desk):
        return await desk.agent.name()

    board = Board(CARDS, send, show, seconds=5, roles=roles)
    board.start()                                     # every card, those declared `later` after the others
    board.refresh()                                   # every card at once
    board.refresh(["agent.state"])                    # those that asked this question
    board.tell("agent.state", {"name": "Lunch"})      # an event brought the answer itself

`send(name, answered)` starts a request, and `answered(value, trouble)` is called with what comes of it: a plain value and
None, or None and an exception. `show(card, outcome)` draws. What two cards ask in one refresh is asked once. An older run
of a card never replaces what a newer one showed.
"""

import asyncio

from desk import FAILED, REFUSED, TIMED_OUT, Desk, Unanswered

# How long the cards declared `later` wait for the others' first answers, in seconds.
LATER = 0.02

# How long a burst of events is gathered into one refresh, in seconds; its first event is not kept waiting.
BURST = 0.1

CARDS = []


class Card:
    """A declared card: `title` in English, `needs` a permission or "", `personal` when it shows customer's data.

    `later` when the others are to be asked first. `place` is where the page draws it: "cards" for the list, any other name
    for a part of the page of its own.
    """

    def __init__(self, title, needs, personal, later, place, ask):
        self.id = ask.__name__
        self.title = title
        self.needs = needs
        self.personal = personal
        self.later = later
        self.place = place
        self.ask = ask


def card(title, needs="", personal=False, later=False, place="cards"):
    """Declare the function below as a card; cards are shown in the order of their declarations."""

    def declare(ask):
        CARDS.append(Card(title, needs, personal, later, place, ask))
        return ask

    return declare


class Outcome:
    """What a card came to: `kind` is "value" or a reason of `Unanswered`; `value` what it returned, `reason` in words."""

    def __init__(self, kind, value=None, reason=""):
        self.kind = kind
        self.value = value
        self.reason = reason


class Board:
    """Runs cards against the workspace."""

    def __init__(self, cards, send, show, seconds, roles, failed=None, pause=0):
        self._cards = list(cards)
        self._send = send
        self._show = show
        self._seconds = seconds
        self._roles = roles
        self._pause = pause  # seconds between the first answers and the cards declared `later`
        self._failed = failed  # called with (card, exception) for a defect in a card
        self._granted = None  # the permissions, once the workspace has told them
        self._runs = 0
        self._shown = {}  # card's id -> number of the run that is shown
        self._asked = {}  # card's id -> names of the questions it has asked
        self._wanted = None  # questions whose cards are to be refreshed; None when nothing waits
        self._gathering = False
        self._closed = False
        self._asking = None  # the questions of this turn of the loop, which will time out together
        self._first = None  # ids of the cards whose first answers those declared `later` still wait for
        self._answers = {}  # the first pass's questions, by name

    def grant(self, permissions):
        """Take the granted permissions: a card that lacks its own says so and asks nothing."""
        self._granted = permissions
        for each in self._cards:
            if not self._permitted(each):
                self._finish(each, self._number(), Outcome(REFUSED))

    def start(self):
        """Run the cards for the first time: those declared `later` when the others have answered, or a little later.

        A workspace answers one question after the other: what the agent reads first is not to queue behind the rest.
        """
        self._first = {each.id for each in self._cards if not each.later}
        for each in self._cards:
            if not each.later:
                self._start(each, self._answers)
        asyncio.create_task(self._start_in(LATER))

    async def _start_in(self, seconds):
        await asyncio.sleep(seconds)
        self._start_later()

    def _start_later(self):
        if self._first is not None:
            self._first = None
            for each in self._cards:
                if each.later:
                    self._start(each, self._answers)

    def refresh(self, names=None):
        """Run the cards that asked one of `names`, or all of them, as one pass: same question, one request."""
        answers = {}
        self._answers = {}  # older than what is asked now: no card that is still to start takes them
        for each in self._cards:
            if names is None or self._concerns(each, names):
                self._start(each, answers)

    def refresh_soon(self, names):
        """The same for an event: at once for the first of a burst, once more after it for all others."""
        if self._gathering:
            self._wanted = (self._wanted or []) + [name for name in names if name not in (self._wanted or [])]
            return
        self._gathering = True
        self.refresh(names)
        asyncio.create_task(self._gather())

    async def _gather(self):
        await asyncio.sleep(BURST)
        while self._wanted and not self._closed:
            names, self._wanted = self._wanted, None
            self.refresh(names)
            await asyncio.sleep(BURST)
        self._gathering = False

    def tell(self, name, value):
        """Take an answer that an event brought: the cards that ask for it are run with it, and ask nothing of it."""

        self._answers = {}
        question = Question()
        question.settle(value, None)
        answers = {name: question}
        for each in self._cards:
            if self._concerns(each, [name]):
                self._start(each, answers)

    def retry(self, card_id):
        """Run one card again."""
        for each in self._cards:
            if each.id == card_id:
                self._start(each, {})

    def close(self):
        """Show nothing more: what is still on its way is dropped."""
        self._closed = True

    # -- one run ------------------------------------------------------------------------------------------------------

    def _concerns(self, card, names):
        return any(name in names for name in self._asked.get(card.id, ()))

    def _permitted(self, card):
        granted = self._granted
        return granted is None or not card.needs or card.needs in granted or "*" in granted

    def _number(self):
        self._runs += 1
        return self._runs

    def _start(self, card, answers):
        if not self._closed and self._permitted(card):
            asyncio.create_task(self._run(card, self._number(), answers))

    async def _run(self, card, number, answers):
        asked = self._asked.setdefault(card.id, [])

        def ask(name):
            if name not in asked:
                asked.append(name)
            question = answers.get(name)
            if question is None:
                question = answers[name] = Question()
                self._limit(question)
                self._send(name, question.settle)
            return question.answer()

        try:
            outcome = Outcome("value", await card.ask(Desk(ask, self._roles)))
        except Unanswered as error:
            outcome = Outcome(error.kind, None, error.reason)
        except Exception as error:
            outcome = Outcome(FAILED, None, type(error).__name__)
            if self._failed:
                self._failed(card, error)
        self._finish(card, number, outcome)

    def _limit(self, question):
        # One timer for what is asked in one turn: one for each question would cost the start-up some milliseconds.
        if self._asking is None:
            self._asking = []
            asyncio.create_task(self._expire(self._asking))
        self._asking.append(question)

    async def _expire(self, questions):
        self._asking = None
        await asyncio.sleep(self._seconds)
        for question in questions:
            question.settle(None, Unanswered(TIMED_OUT))

    def _finish(self, card, number, outcome):
        if not self._closed and number > self._shown.get(card.id, 0):
            self._shown[card.id] = number
            self._show(card, outcome)
            if self._first is not None:
                self._first.discard(card.id)
                if not self._first:
                    # Not now: what was shown can be seen when this turn ends, and to ask takes its time.
                    asyncio.create_task(self._start_in(self._pause))


class Question:
    """One question that many may await: each gets its answer or its error, and what comes after the first is nothing."""

    def __init__(self):
        self._settled = asyncio.Event()
        self._value = None
        self._trouble = None

    def settle(self, value, trouble):
        """Take the answer, or the exception that stands for it."""
        if not self._settled.is_set():
            self._value, self._trouble = value, trouble
            self._settled.set()

    async def answer(self):
        """Give the answer once it is there; raises the exception it came to."""
        await self._settled.wait()
        if self._trouble is not None:
            raise self._trouble
        return self._value
