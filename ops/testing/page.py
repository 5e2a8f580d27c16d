"""Runs a project's cards against a desk that is made up, and says what the page would show.

    desk = SampleDesk(settings, sample_answers(settings, "C-1001"))
    page = show_cards(desk, load_cards(project))
    page.card("Agent name").text, page.card("Agent state").tone      # "Alex Rivera", "success"
    print(page)                                                      # all of it as text

The board, the desk and the values are the page's own; of the view there is only what each value reads like (texts.py), and a
test holds that the browser says the same.
"""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.settings import ROOT, Settings
from ops.testing.texts import outcome_text, outcome_tone

if TYPE_CHECKING:
    from popdesk.actions import Action
    from popdesk.declaration import Card
    from popdesk.desk import Desk

    from ops.testing.actions import ShownAction

_PATIENCE = 2.0  # seconds for all cards


@dataclass(frozen=True)
class SampleDesk:
    """What a workspace would answer: `answers` by question, and the permissions that it does not grant."""

    settings: Settings
    answers: dict[str, Any]
    refused: frozenset[str] = frozenset()

    @property
    def desk(self) -> Desk:
        """Return the desk as a card gets it, to call one card's function: `asyncio.run(tier(sample.desk))`."""
        return self.desk_for(None)

    def desk_for(self, write: Any) -> Desk:
        """Return the desk as an action gets it: `write(method, path, body)` is awaited for what it changes."""
        from popdesk.desk import Desk

        return Desk(self.answer, self.settings.attribute_names(), self.settings.fields, write)

    def answer(self, question: str) -> Awaitable[Any]:
        """Return the answer to a question, to be awaited; raises Unanswered where the workspace would give none."""
        return self._answer(question)

    async def _answer(self, question: str) -> Any:
        from popdesk import handling, questions
        from popdesk.desk import REFUSED, Unanswered

        needed = questions.permission_for(question) or handling.permission_for(question.removeprefix(handling.QUESTION))
        if needed and self.refused.issuperset(needed.split(" or ")):
            raise Unanswered(REFUSED, "", needed)
        if question not in self.answers and question.startswith("api "):
            raise LookupError(f"the sample desk has no answer: sample_desk(answers={{{question!r}: ...}})")
        value = self.answers[question]
        if isinstance(value, Exception):
            raise value
        return copy.deepcopy(value)


@dataclass(frozen=True)
class ShownCard:
    """A card as the agent sees it. `error` is the traceback where its own code failed, "" otherwise."""

    title: str
    text: str
    tone: str = ""
    error: str = field(default="", repr=False)


@dataclass(frozen=True)
class ShownPage:
    """The cards as the agent sees them, in their order. As text it is the whole page, with the titles of its actions."""

    cards: tuple[ShownCard, ...]
    actions: tuple[Action, ...] = field(default=(), repr=False)
    sample: SampleDesk | None = field(default=None, repr=False)

    def action(self, title: str) -> ShownAction:
        """Return the action of this title with its form open (actions.py). Raises LookupError with the titles that there are."""
        from ops.testing.actions import ShownAction

        for action in self.actions:
            if action.title == title and self.sample:
                return ShownAction(self.sample, action)
        raise LookupError(
            f"no action is called {title!r}; there are: {', '.join(repr(each.title) for each in self.actions)}"
        )

    def card(self, title: str) -> ShownCard:
        """Return the card of this title. Raises LookupError with the titles that there are."""
        for card in self.cards:
            if card.title == title:
                return card
        raise LookupError(
            f"no card is called {title!r}; there are: {', '.join(repr(card.title) for card in self.cards)}"
        )

    def __str__(self) -> str:
        width = max((len(card.title) for card in self.cards), default=0)
        lines = []
        for card in self.cards:
            text = card.text.replace("\n", f"\n{'':<{width}}  ")
            lines.append(f"{card.title:<{width}}  {text}" + (f"  [{card.tone}]" if card.tone else ""))
            lines += [f"    {line}" for line in card.error.splitlines()]
        if self.actions:
            places = [f"{each.title} (on {each.card})" if each.card else each.title for each in self.actions]
            lines.append(f"{'Actions':<{width}}  {', '.join(places)}")
        return "\n".join(lines)


def load_cards(project: Path = ROOT) -> list[Card]:
    """Return the cards that the project's pyapp/cards.py declares, freshly imported.

    Raises ModuleNotFoundError where it imports what only the browser has.
    """
    with importable(project / "pyapp"):
        from popdesk import declaration

        cards: list[Card] = []
        kept, declaration.CARDS = declaration.CARDS, cards
        declaration._section[0] = ""  # no title of other cards
        try:
            import_freshly(project / "pyapp" / "cards.py")
        finally:
            declaration.CARDS = kept
        return cards


def import_freshly(path: Path) -> None:
    """Run a module of a team's, and forget what it has imported: another test may import another team's."""
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location(f"shown_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    finally:
        for name in set(sys.modules) - before:
            if not name.startswith("popdesk"):
                del sys.modules[name]


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Put a page's folder first on the path while its modules are imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def show_cards(sample: SampleDesk, cards: list[Card]) -> ShownPage:
    """Return the page with these cards on this desk, as it is when all have answered.

    A card that has not returned after two seconds is shown as unanswered.
    """
    return ShownPage(tuple(in_a_thread(lambda: _show(sample, cards))))


async def _show(sample: SampleDesk, cards: list[Card]) -> list[ShownCard]:
    from popdesk.board import Board, Outcome
    from words import words

    outcomes: dict[str, Outcome] = {}
    errors: dict[str, str] = {}
    done = asyncio.Event()
    asked: set[asyncio.Task[None]] = set()

    async def settle(name: str, answered: Callable[[Any, Exception | None], None]) -> None:
        try:
            answered(await sample.answer(name), None)
        except Exception as error:
            answered(None, error)

    def send(name: str, answered: Callable[[Any, Exception | None], None]) -> None:
        task = asyncio.ensure_future(settle(name, answered))
        asked.add(task)  # asyncio itself keeps none

    def show(card: Card, outcome: Outcome) -> None:
        _ = outcome.value  # as the page does, which draws it: what cannot be drawn is the card's failure
        outcomes[card.id] = outcome
        if len(outcomes) == len(cards):
            done.set()

    def failed(card: Card, error: Exception) -> None:
        errors[card.id] = "".join(traceback.format_exception(error))

    settings = sample.settings
    board = Board(cards, send, show, _PATIENCE, settings.attribute_names(), failed, fields=settings.fields)
    board.start()
    if cards:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(done.wait(), _PATIENCE)
    board.close()
    say = words("en", "en")[0]
    shown = []
    for card in cards:
        outcome = outcomes.get(card.id) or Outcome("timeout")
        hidden = outcome.kind == "value" and card.personal and settings.mask_personal_data
        text = "•••••• " + say("show") if hidden else outcome_text(outcome, say)
        shown.append(ShownCard(card.title, text, "" if hidden else outcome_tone(outcome), errors.get(card.id, "")))
    return shown


def in_a_thread(make: Callable[[], Any]) -> Any:
    """Return what a coroutine comes to, run in a thread: in this one a loop may run, as Playwright's does."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(asyncio.run(make()))
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(came[0], BaseException):
        raise came[0]
    return came[0]
