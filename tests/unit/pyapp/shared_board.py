"""The board of cards. Runs on CPython and on MicroPython (see test_shared.py).

`Workspace` stands in for the workspace: it answers when a test says so, and in the order a test says.
"""

import asyncio

import board
from board import Board, Card
from desk import FAILED, NOTHING, REFUSED, TIMED_OUT, Unanswered

# Long enough for `_settle` to be over before: each of its turns is a browser's timer, and the machine may be busy.
board.LATER = 0.4
board.BURST = 1.0

ROLES = {"identity": "ContactPhoneNumberOrEmail"}


class Workspace:
    """Keeps each request until `answer` is called for it; `asked` are their names, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._open = []  # type: ignore[var-annotated]

    def send(self, name: str, answered) -> None:  # type: ignore[no-untyped-def]
        self.asked.append(name)
        self._open.append((name, answered))

    def answer(self, name: str, value: object, which: int = 0) -> None:
        """Answer the oldest open request of that name, or another of them."""
        request = [each for each in self._open if each[0] == name][which]
        self._open.remove(request)
        trouble = value if isinstance(value, Exception) else None
        request[1](None if trouble else value, trouble)


class Stage:
    """A board whose cards ask one question each ({card id: question}), and what it has shown."""

    def __init__(self, seconds: float = 5, later: str = "", **questions: str) -> None:
        self.workspace = Workspace()
        self.shown = []  # type: ignore[var-annotated]
        self.failed = []  # type: ignore[var-annotated]
        cards = [_card(name, questions[name], later=name in later) for name in sorted(questions)]
        self.board = Board(cards, self.workspace.send, self._show, seconds, ROLES, self._failed)

    def _show(self, card, outcome) -> None:  # type: ignore[no-untyped-def]
        self.shown.append((card.id, outcome.kind, outcome.value))

    def _failed(self, card, error) -> None:  # type: ignore[no-untyped-def]
        self.failed.append((card.id, type(error).__name__))


class _Named:
    """A function with another name: card ids are the names of their functions."""

    def __init__(self, name, function):  # type: ignore[no-untyped-def]
        self.__name__ = name
        self._function = function

    def __call__(self, desk):  # type: ignore[no-untyped-def]
        return self._function(desk)


def _card(name: str, question: str, needs: str = "Contact.Details.View", later: bool = False):  # type: ignore[no-untyped-def]
    async def ask(desk):  # type: ignore[no-untyped-def]
        place, what = question.split(".")
        return await getattr(getattr(desk, place), what)()

    return Card(name, needs, personal=False, later=later, place="cards", ask=_Named(name, ask))  # type: ignore[no-untyped-call]


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_cards_ask_at_once_and_the_same_question_once() -> None:
    stage = Stage(a="agent.name", b="agent.name", c="contact.queue")
    stage.board.refresh()
    await _settle()
    assert sorted(stage.workspace.asked) == ["agent.name", "contact.queue"]
    stage.workspace.answer("contact.queue", {"name": "Sales"})
    await _settle()
    assert stage.shown == [("c", "value", {"name": "Sales"})]
    stage.workspace.answer("agent.name", "Alex")
    await _settle()
    assert sorted([each[0] for each in stage.shown]) == ["a", "b", "c"]


async def test_cards_declared_later_ask_when_the_others_have_their_answers() -> None:
    stage = Stage(later="bde", a="agent.name", b="agent.arn", c="agent.state", d="agent.arn", e="agent.name")
    stage.board.start()
    await _settle()
    assert sorted(stage.workspace.asked) == ["agent.name", "agent.state"]
    stage.workspace.answer("agent.name", "Alex")
    await _settle()
    assert len(stage.workspace.asked) == 2
    stage.workspace.answer("agent.state", Unanswered(REFUSED))
    await _settle()
    assert stage.workspace.asked[2:] == ["agent.arn"]  # both cards: asked once; and "e" has the answer that "a" had
    assert stage.shown[-1] == ("e", "value", "Alex")
    await asyncio.sleep(2 * board.LATER)
    assert len(stage.workspace.asked) == 3


async def test_cards_declared_later_take_no_answer_that_an_event_has_overtaken() -> None:
    stage = Stage(later="b", a="agent.state", b="agent.state")
    stage.board.start()
    await _settle()
    stage.board.tell("agent.state", {"name": "Lunch"})
    await asyncio.sleep(2 * board.LATER)
    assert stage.workspace.asked == ["agent.state", "agent.state"]
    stage.workspace.answer("agent.state", {"name": "Available"})
    await _settle()
    assert [each[0] for each in stage.shown] == ["a"]


async def test_cards_declared_later_do_not_wait_long_for_the_others() -> None:
    stage = Stage(later="b", a="agent.name", b="agent.arn")
    stage.board.start()
    await asyncio.sleep(2 * board.LATER)
    assert stage.workspace.asked == ["agent.name", "agent.arn"]
    stage.workspace.answer("agent.name", "Alex")
    await _settle()
    assert len(stage.workspace.asked) == 2


async def test_trouble_stays_on_its_card() -> None:
    stage = Stage(a="agent.name", b="agent.arn", c="contact.queue", d="contact.channel")
    stage.board.refresh()
    await _settle()
    stage.workspace.answer("agent.name", Unanswered(REFUSED, "no permission"))
    stage.workspace.answer("agent.arn", Unanswered(NOTHING))
    stage.workspace.answer("contact.queue", ValueError("a defect"))
    stage.workspace.answer("contact.channel", {"type": "voice"})
    await _settle()
    assert sorted([each[:2] for each in stage.shown]) == [("a", REFUSED), ("b", NOTHING), ("c", FAILED), ("d", "value")]
    assert stage.failed == [("c", "ValueError")]


async def test_a_request_without_an_answer_times_out_and_may_be_retried() -> None:
    stage = Stage(0.02, a="agent.name")
    stage.board.refresh()
    await asyncio.sleep(0.1)
    assert stage.shown == [("a", TIMED_OUT, None)]
    stage.board.retry("a")
    await _settle()
    stage.workspace.answer("agent.name", "Alex", -1)
    await _settle()
    assert stage.shown[-1] == ("a", "value", "Alex")


async def test_an_older_refresh_never_replaces_a_newer_one() -> None:
    stage = Stage(a="agent.name")
    stage.board.refresh()
    await _settle()
    stage.board.refresh()
    await _settle()
    stage.workspace.answer("agent.name", "new", -1)
    await _settle()
    stage.workspace.answer("agent.name", "old")
    await _settle()
    assert stage.shown == [("a", "value", "new")]


async def test_an_event_brings_the_answer_itself_and_overtakes_what_is_on_its_way() -> None:
    stage = Stage(a="agent.state", b="agent.name")
    stage.board.refresh()
    await _settle()
    stage.board.tell("agent.state", {"name": "Lunch"})
    await _settle()
    assert stage.shown == [("a", "value", {"name": "Lunch"})]
    stage.workspace.answer("agent.state", {"name": "Available"})
    await _settle()
    assert stage.shown == [("a", "value", {"name": "Lunch"})]
    assert stage.workspace.asked.count("agent.state") == 1


async def test_a_refresh_asks_only_for_the_cards_it_concerns() -> None:
    stage = Stage(a="agent.state", b="contact.queue")
    stage.board.refresh()
    await _settle()
    stage.board.refresh(["contact.queue"])
    await _settle()
    assert sorted(stage.workspace.asked) == ["agent.state", "contact.queue", "contact.queue"]


async def test_a_burst_of_events_is_gathered_and_its_last_state_wins() -> None:
    stage = Stage(a="agent.state")
    stage.board.refresh()
    await _settle()
    for number in range(100):
        stage.board.tell("agent.state", {"name": str(number)})
        stage.board.refresh_soon(["agent.state"])
        if number % 20 == 0:
            await asyncio.sleep(0)
    await _settle()
    assert stage.shown[-1][2] == {"name": "99"}
    await asyncio.sleep(1.5 * board.BURST)
    # The first refresh, the first event's at once, and one for all the others.
    assert len(stage.workspace.asked) == 3
    stage.workspace.answer("agent.state", {"name": "99 in full"}, -1)
    await _settle()
    assert stage.shown[-1][2] == {"name": "99 in full"}


async def test_a_card_without_its_permission_asks_nothing() -> None:
    stage = Stage(a="agent.name")
    stage.board.grant(["User.Details.View"])
    stage.board.refresh()
    stage.board.retry("a")
    await _settle()
    assert stage.shown == [("a", REFUSED, None)]
    assert stage.workspace.asked == []


async def test_every_permission_at_once_is_a_star() -> None:
    stage = Stage(a="agent.name")
    stage.board.grant(["*"])
    stage.board.refresh()
    await _settle()
    assert stage.workspace.asked == ["agent.name"]


async def test_nothing_is_shown_once_the_board_is_closed() -> None:
    stage = Stage(a="agent.name")
    stage.board.refresh()
    await _settle()
    stage.board.close()
    stage.workspace.answer("agent.name", "late")
    stage.board.refresh()
    await _settle()
    assert stage.shown == []
    assert stage.workspace.asked == ["agent.name"]
