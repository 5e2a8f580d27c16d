"""The board: runs the cards, and keeps whatever goes wrong with a card on that card. Pure.

    board = Board(CARDS, send, show, seconds=5, roles=roles)
    board.start()                                     # every card, those declared `later` after the others
    board.refresh()                                   # every card at once
    board.refresh(["agent.state"])                    # those that asked this question
    board.refresh_soon(["contact.queue"])             # the same for an event, of which there may be many at once
    board.tell("agent.state", {"name": "Lunch"})      # an event that brought the answer itself

`send(name, answered)` starts a request, and `answered(value, problem)` is called with what comes of it: a plain value and
None, or None and an exception. `show(card, outcome)` draws: a value is one that values.py has made ready for it. What two
cards ask in one refresh is asked once. An older run of a card never replaces what a newer one showed, and no card takes an
answer that is older than the last event about it.
"""

import asyncio

from popdesk.desk import FAILED, REASONS, REFUSED, TIMED_OUT, Desk, Unanswered
from popdesk.questions import Question, permission_for
from popdesk.values import Value, drawable

if False:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from popdesk.declaration import Card
    from popdesk.desk import Write


# How long the cards declared `later` wait for the others' first answers, in seconds.
LATER = 0.02

# How long a burst of events is gathered into one refresh, in seconds; its first event is not kept waiting.
BURST = 0.1

# A card that has not returned after so many times what one question may take is shown as unanswered.
PATIENCE = 3


class Outcome:
    """A card's result: `kind` is "value" or a reason of `Unanswered`; `value` what is to be drawn, `reason` in words.

    `permission` is the one that is lacking, where that is why there is no value.
    """

    def __init__(
        self, kind: str, value: "Any" = None, reason: str = "", permission: str = "", is_checked: bool = True
    ) -> None:
        self.kind = kind
        self.reason = reason
        self.permission = permission
        self.is_rich = isinstance(value, Value) and value.rich  # a table or the like
        self._value = value
        self._is_checked = is_checked

    @property
    def value(self) -> "Any":
        """What is to be drawn. Raises TypeError for what cannot be.

        It is looked at here, not as the card returns it: a table takes a while, and the first values do not wait for its drawing.
        """
        if not self._is_checked:
            self._value = drawable(self._value)
            self._is_checked = True
        return self._value


class Board:
    """Runs cards against the workspace."""

    def __init__(
        self,
        cards: "list[Card]",
        send: "Callable[[str, Callable[[Any, Exception | None], None]], None]",
        show: "Callable[[Card, Outcome], None]",
        seconds: float,
        roles: "dict[str, str]",
        failed: "Callable[[Card, Exception], None] | None" = None,
        pause: "Callable[[], Awaitable[Any]]" = lambda: asyncio.sleep(0),
        fields: "dict[str, str] | None" = None,
    ) -> None:
        self._cards = list(cards)
        self._send = send
        self._show = show
        self._seconds = seconds
        self._roles = roles
        self._fields = fields
        self._pause = pause  # waits between the first answers and the cards declared `later`
        self._failed = failed  # called with (card, exception) for a defect in a card
        self._granted: "list[str] | None" = None  # the permissions, once the workspace has told them
        self._runs = 0
        self._latest: "dict[str, int]" = {}  # card's id -> number of the run that was started last
        self._shown: "dict[str, int]" = {}  # card's id -> number of the run that is shown
        self._asked: "dict[str, list[str]]" = {}  # card's id -> names of the questions it has asked
        self._news = 0  # how often there was news: an event, or the agent's wish to refresh
        self._changed: "dict[str | None, int]" = {}  # question's name -> the number of the last news about it
        self._wanted: "list[str] | None" = None  # questions whose cards are to be refreshed; None when nothing waits
        self._gathering = False
        self._closed = False
        self._open: "dict[str, Question]" = {}  # question's name -> the last one asked
        self._asking: "list[Question] | None" = (
            None  # the questions of this turn of the loop, which will time out together
        )
        self._started: "list[tuple[Card, int]]" = []  # (card, number) of the runs that nobody has waited for yet
        self._waiting = False
        self._first: "set[str] | None" = (
            None  # ids of the cards whose first answers those declared `later` still wait for
        )
        self._answers: "dict[str, Question]" = {}  # the first pass's questions, by name
        self._held: "list[str]" = []  # ids of the cards that are not run yet

    def hold(self, card_ids: "list[str]") -> None:
        """Run none of these cards before `release`: what they are made of is still on its way."""
        self._held = card_ids

    def release(self) -> None:
        """Run the cards that were held."""
        held, self._held = self._held, []
        answers: "dict[str, Question]" = {}
        for each in self._cards:
            if each.id in held:
                self._start(each, answers)

    def grant(self, permissions: "list[str]") -> None:
        """Take the granted permissions: a question that lacks its own is refused at once, and is not sent any more.

        Cards that have asked one already say so now, whatever has come of it.
        """
        self._granted = permissions
        self._refresh([name for name in self._open if not self._permitted(name)])

    def start(self, asked: "dict[str, Question] | None" = None) -> None:
        """Run the cards for the first time: those declared `later` when the others have answered, or a little later.

        A workspace answers one question after the other: what the agent reads first is not to queue behind the rest.
        `asked` are questions that have been sent already, by name.
        """
        self._answers = asked or {}
        for name in self._answers:
            self._open[name] = self._answers[name]
            self._limit(self._answers[name])
        self._first = {each.id for each in self._cards if not each.later}
        for each in self._cards:
            if not each.later:
                self._start(each, self._answers)
        asyncio.create_task(self._start_later(lambda: asyncio.sleep(LATER)))

    async def _start_later(self, wait: "Callable[[], Awaitable[Any]]") -> None:
        await wait()
        if self._first is not None:
            self._first = None
            for each in self._cards:
                if each.later:
                    self._start(each, self._answers)

    def refresh(self, names: "list[str] | None" = None) -> None:
        """Run the cards that asked one of `names`, or all of them, as one pass: same question, one request."""
        self._note(names)
        self._refresh(names)

    def _refresh(self, names: "list[str] | None") -> None:
        answers: "dict[str, Question]" = {}
        for each in self._cards:
            if names is None or self._concerns(each, names):
                self._start(each, answers)

    def refresh_soon(self, names: "list[str]") -> None:
        """The same for an event: at once for the first of a burst, once more after it for all others."""
        self._note(names)
        self._refresh_soon(names)

    def _refresh_soon(self, names: "list[str]") -> None:
        if self._gathering:
            self._wanted = (self._wanted or []) + [name for name in names if name not in (self._wanted or [])]
            return
        self._gathering = True
        self._refresh(names)
        asyncio.create_task(self._gather())

    async def _gather(self) -> None:
        await asyncio.sleep(BURST)
        while self._wanted and not self._closed:
            names, self._wanted = self._wanted, None
            self._refresh(names)
            await asyncio.sleep(BURST)
        self._gathering = False

    def tell(self, name: str, value: "Any") -> None:
        """Take an answer that an event brought: the cards that ask for it are run with it.

        Then, as for any event, they are refreshed: an event says less than an answer.
        """
        self._note([name])
        question = Question(self._news)
        question.settle(value, None)
        answers = {name: question}
        for each in self._cards:
            if self._concerns(each, [name]):
                self._start(each, answers)
        self._refresh_soon([name])

    def waits_for(self, name: str) -> bool:
        """Return whether a question is still without its answer."""
        question = self._open.get(name)
        return question is not None and not question.is_settled()

    def retry(self, card_id: str) -> None:
        """Run one card again."""
        for each in self._cards:
            if each.id == card_id:
                self._start(each, {})

    def close(self) -> None:
        """Show nothing more: what is still on its way is dropped."""
        self._closed = True

    # -- one run ------------------------------------------------------------------------------------------------------

    def _note(self, names: "Sequence[str] | None") -> None:
        """Note that what is known about `names`, or about everything, may have changed: older answers are good no more."""
        self._news += 1
        for name in [None] if names is None else names:
            self._changed[name] = self._news

    def _overtaken(self, name: str, question: Question) -> bool:
        return question.news < max(self._changed.get(name, 0), self._changed.get(None, 0))

    def _concerns(self, card: "Card", names: "list[str]") -> bool:
        return any(name in names for name in self._asked.get(card.id, ()))

    def _permitted(self, name: str) -> bool:
        granted = self._granted
        needed = permission_for(name)
        return granted is None or not needed or "*" in granted or needed in granted

    def _start(self, card: "Card", answers: "dict[str, Question]") -> None:
        if not self._closed and card.id not in self._held:
            self._runs += 1
            number = self._latest[card.id] = self._runs
            asyncio.create_task(self._run(card, number, answers))
            self._started.append((card, number))
            if not self._waiting:
                self._waiting = True
                asyncio.create_task(self._wait())

    async def _run(self, card: "Card", number: int, answers: "dict[str, Question]") -> None:
        asked = self._asked.setdefault(card.id, [])

        def ask(name: str) -> "Awaitable[Any]":
            if name not in asked:
                asked.append(name)
            question = answers.get(name)
            # Where a newer run of this card has begun, that one asks anew: a burst of events is not a burst of requests.
            if question is None or (self._overtaken(name, question) and number == self._latest[card.id]):
                question = answers[name] = self._put(name)
            return question.answer()

        try:
            value = card.ask(Desk(ask, self._roles, self._fields))
            while to_be_awaited(value):
                value = await value
            outcome = Outcome("value", value, is_checked=card.place != "cards")
        except Unanswered as error:
            known = error.kind in REASONS
            reason = str(error.reason if known else error.kind)
            outcome = Outcome(error.kind if known else FAILED, None, reason, error.permission)
        except Exception as error:
            outcome = self._failure(card, error)
        self._finish(card, number, outcome)

    def _put(self, name: str) -> Question:
        """Send a question, or refuse it where its permission was not granted."""
        question = self._open[name] = Question(self._news)
        needed = permission_for(name)
        if not self._permitted(name):
            question.settle(None, Unanswered(REFUSED, "", needed))
            return question
        if needed:  # one that needs none is not the workspace's: the API's requests have a time-out of their own
            self._limit(question)
        self._send(name, question.settle)
        return question

    def desk(self, write: "Write | None" = None) -> Desk:
        """Return a desk for what is no card: an action. It asks each question once, and anew."""
        answers: "dict[str, Question]" = {}

        def ask(name: str) -> "Awaitable[Any]":
            if name not in answers:
                answers[name] = self._put(name)
            return answers[name].answer()

        return Desk(ask, self._roles, self._fields, write)

    def asked(self, beginning: str) -> "list[str]":
        """Return the questions that the cards have asked whose names begin so."""
        return [name for name in self._open if name[: len(beginning)] == beginning]

    def _failure(self, card: "Card", error: Exception) -> Outcome:
        if self._failed:
            self._failed(card, error)
        return Outcome(FAILED, None, type(error).__name__)

    async def _wait(self) -> None:
        """Say of each card that takes too long that it has not answered; should it return later, its value is shown."""
        earlier: "list[tuple[Card, int]]" = []
        while (earlier or self._started) and not self._closed:
            latest, self._started = self._started, []
            await asyncio.sleep(PATIENCE / 2 * self._seconds)
            for card, number in earlier:
                if not self._closed and number > self._shown.get(card.id, 0):
                    self.display(card, Outcome(TIMED_OUT))
            earlier = latest
        self._waiting = False

    def _limit(self, question: Question) -> None:
        # One timer for what is asked in one turn: one for each question would cost the start-up some milliseconds.
        if self._asking is None:
            self._asking = questions = [question]
            asyncio.create_task(self._expire(questions))
        else:
            self._asking.append(question)

    async def _expire(self, questions: "list[Question]") -> None:
        self._asking = None
        await asyncio.sleep(self._seconds)
        for question in questions:
            question.settle(None, Unanswered(TIMED_OUT))

    def _finish(self, card: "Card", number: int, outcome: Outcome) -> None:
        if not self._closed and number > self._shown.get(card.id, 0):
            self._shown[card.id] = number
            self.display(card, outcome)
            if self._first is not None:
                self._first.discard(card.id)
                if not self._first:
                    # Not now: what was shown can be seen when this turn ends, and to ask takes its time.
                    asyncio.create_task(self._start_later(self._pause))

    def display(self, card: "Card", outcome: Outcome) -> None:
        """Draw what a card came to; when that fails, the card has failed."""
        try:
            self._show(card, outcome)
        except Exception as error:
            outcome = self._failure(card, error)
            try:
                self._show(card, outcome)
            except Exception:
                return  # not even that it failed can be drawn: it has been reported


def to_be_awaited(value: "Any") -> bool:
    """Return whether a function's result is still to come: a coroutine (MicroPython's have no __await__) or a promise."""
    return hasattr(value, "send") or hasattr(value, "__await__") or hasattr(value, "then")
