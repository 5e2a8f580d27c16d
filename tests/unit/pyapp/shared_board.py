"""The board of cards. Runs on CPython and on MicroPython (see test_shared.py).

`Workspace` stands in for the workspace: it answers when a test says so, and in the order a test says.
"""

import asyncio

from popdesk import board
from popdesk.board import PATIENCE, Board
from popdesk.declaration import CARDS, Card, card
from popdesk.desk import FAILED, NOTHING, REFUSED, TIMED_OUT, UNEXPECTED, Unanswered
from popdesk.rich import Table
from popdesk.values import Text

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
        problem = value if isinstance(value, Exception) else None
        request[1](None if problem else value, problem)


class Stage:
    """A board whose cards ask one question each ({card id: question}), and what it has shown."""

    def __init__(self, seconds: float = 5, later: str = "", **questions: str) -> None:
        self.workspace = Workspace()
        self.shown = []  # type: ignore[var-annotated]
        self.failed = []  # type: ignore[var-annotated]
        self.permissions: list[str] = []  # those that were said to be lacking
        cards = [_card(name, questions[name], later=name in later) for name in sorted(questions)]
        self.board = Board(cards, self.workspace.send, self._show, seconds, ROLES, self._failed)

    def _show(self, card, outcome) -> None:  # type: ignore[no-untyped-def]
        self.shown.append((card.id, outcome.kind, outcome.value and outcome.value.text))
        if outcome.permission and outcome.permission not in self.permissions:
            self.permissions.append(outcome.permission)

    def _failed(self, card, error) -> None:  # type: ignore[no-untyped-def]
        self.failed.append((card.id, type(error).__name__))


class _Named:
    """A function with another name: card ids are the names of their functions."""

    def __init__(self, name, function):  # type: ignore[no-untyped-def]
        self.__name__ = name
        self._function = function

    def __call__(self, desk):  # type: ignore[no-untyped-def]
        return self._function(desk)


def _card(name: str, question: str, later: bool = False):  # type: ignore[no-untyped-def]
    async def ask(desk):  # type: ignore[no-untyped-def]
        place, what = question.split(".")
        answer = await getattr(getattr(desk, place), what)()
        return answer["name"] if isinstance(answer, dict) else answer

    return Card(name, personal=False, later=later, place="cards", ask=_Named(name, ask))  # type: ignore[no-untyped-call]


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _pass(seconds: float) -> None:
    """Let time pass, and what is due then: on a busy machine it may be due in the same turn."""
    await asyncio.sleep(seconds)
    await _settle()


async def test_all_cards_ask_at_once_and_the_same_question_once() -> None:
    stage = Stage(a="agent.name", b="agent.name", c="contact.queue")
    stage.board.refresh()
    await _settle()
    assert sorted(stage.workspace.asked) == ["agent.name", "contact.queue"]
    stage.workspace.answer("contact.queue", {"name": "Sales"})
    await _settle()
    assert stage.shown == [("c", "value", "Sales")]
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
    await _pass(2 * board.LATER)
    assert len(stage.workspace.asked) == 3


async def test_cards_declared_later_take_no_answer_that_an_event_has_overtaken() -> None:
    stage = Stage(later="b", a="agent.state", b="agent.state")
    stage.board.start()
    await _settle()
    stage.board.tell("agent.state", {"name": "Lunch"})
    await _pass(2 * board.LATER)
    stage.workspace.answer("agent.state", {"name": "Available"})  # the first of the requests, asked before the event
    await _settle()
    assert stage.shown == [("a", "value", "Lunch")]
    stage.workspace.answer("agent.state", {"name": "Lunch in full"}, -1)  # b's own
    await _settle()
    assert stage.shown[-1] == ("b", "value", "Lunch in full")


async def test_cards_declared_later_do_not_wait_long_for_the_others() -> None:
    stage = Stage(later="b", a="agent.name", b="agent.arn")
    stage.board.start()
    await _pass(2 * board.LATER)
    assert stage.workspace.asked == ["agent.name", "agent.arn"]
    stage.workspace.answer("agent.name", "Alex")
    await _settle()
    assert len(stage.workspace.asked) == 2


async def test_trouble_stays_on_its_card() -> None:
    stage = Stage(a="agent.name", b="agent.arn", c="contact.queue", d="contact.initial_id")
    stage.board.refresh()
    await _settle()
    stage.workspace.answer("agent.name", Unanswered(REFUSED, "no permission"))
    stage.workspace.answer("agent.arn", Unanswered(NOTHING))
    stage.workspace.answer("contact.queue", ValueError("a defect"))
    stage.workspace.answer("contact.initial_id", "c-1")
    await _settle()
    assert sorted([each[:2] for each in stage.shown]) == [("a", REFUSED), ("b", NOTHING), ("c", FAILED), ("d", "value")]
    assert stage.failed == [("c", "ValueError")]


async def test_a_request_without_an_answer_times_out_and_may_be_retried() -> None:
    stage = Stage(0.5, a="agent.name")
    stage.board.refresh()
    await _pass(0.8)
    assert stage.shown == [("a", TIMED_OUT, None)]
    stage.board.retry("a")
    await _settle()
    stage.workspace.answer("agent.name", "Alex", -1)
    await _settle()
    assert stage.shown[-1] == ("a", "value", "Alex")


async def test_it_is_known_whether_an_answer_is_still_to_come() -> None:
    stage = Stage(0.5, a="agent.name")
    assert not stage.board.waits_for("agent.name")
    stage.board.refresh()
    await _settle()
    assert stage.board.waits_for("agent.name")
    stage.workspace.answer("agent.name", "Alex")
    assert not stage.board.waits_for("agent.name")
    stage.board.refresh()
    await _pass(0.8)
    assert not stage.board.waits_for("agent.name")  # it is no longer waited for


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
    assert stage.shown == [("a", "value", "Lunch")]
    stage.workspace.answer("agent.state", {"name": "Available"})
    await _settle()
    assert stage.shown == [("a", "value", "Lunch")]
    assert stage.workspace.asked.count("agent.state") == 2  # an event says less than an answer: it is asked again
    stage.workspace.answer("agent.state", {"name": "Lunch in full"})
    await _settle()
    assert stage.shown[-1] == ("a", "value", "Lunch in full")


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
    await _settle()
    assert stage.shown[-1][2] == "99"
    await _pass(1.5 * board.BURST)
    # The first refresh, the first event's at once, and one for all the others.
    assert len(stage.workspace.asked) == 3
    stage.workspace.answer("agent.state", {"name": "99 in full"}, -1)
    await _settle()
    assert stage.shown[-1][2] == "99 in full"


async def test_a_card_without_its_permission_asks_nothing() -> None:
    stage = Stage(a="agent.name")
    stage.board.grant(["Contact.Details.View"])
    stage.board.refresh()
    stage.board.retry("a")
    await _settle()
    assert set(stage.shown) == {("a", REFUSED, None)}
    assert stage.permissions == ["User.Details.View"]
    assert stage.workspace.asked == []


async def test_a_question_that_turns_out_to_be_not_permitted_is_refused_at_once() -> None:
    stage = Stage(a="agent.name", b="contact.queue", c="agent.name")
    stage.board.refresh()
    await _settle()
    stage.board.grant(["Contact.Details.View"])
    await _settle()
    assert sorted(stage.shown) == [("a", REFUSED, None), ("c", REFUSED, None)]
    stage.workspace.answer("agent.name", "Alex")
    stage.workspace.answer("contact.queue", {"name": "Sales"})
    await _settle()
    assert stage.shown[2:] == [("b", "value", "Sales")]


async def test_a_question_that_timed_out_before_its_refusal_was_known_is_refused_then() -> None:
    stage = Stage(0.05, a="agent.name")
    stage.board.refresh()
    await _pass(0.3)
    assert stage.shown == [("a", TIMED_OUT, None)]
    stage.board.grant([])
    await _settle()
    assert stage.shown[-1] == ("a", REFUSED, None)


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


# -- the card's own function -------------------------------------------------------------------------------------------


class _Shown:
    """A board with these functions as its cards, run once; what each came to, by its name."""

    def __init__(self, seconds: float = 5, draw=None, **functions) -> None:  # type: ignore[no-untyped-def]
        self.outcomes = {}  # type: ignore[var-annotated]
        self.failed = []  # type: ignore[var-annotated]
        self.workspace = Workspace()
        self._draw = draw
        cards = [Card(name, False, False, "cards", _Named(name, functions[name])) for name in sorted(functions)]  # type: ignore[no-untyped-call]
        self.board = Board(cards, self.workspace.send, self._show, seconds, ROLES, self._failed)
        self.board.start()

    def _show(self, card, outcome) -> None:  # type: ignore[no-untyped-def]
        if self._draw:
            self._draw(card, outcome)
        self.outcomes[card.id] = (outcome.kind, outcome.value.text if outcome.value else outcome.reason)

    def _failed(self, card, error) -> None:  # type: ignore[no-untyped-def]
        self.failed.append((card.id, type(error).__name__))


def _plain(_):  # type: ignore[no-untyped-def]
    return "plain"


def _passes_on(desk):  # type: ignore[no-untyped-def]
    return desk.agent.name()


async def _forgets_to_await(desk):  # type: ignore[no-untyped-def]
    return desk.agent.name()


async def _slow(_):  # type: ignore[no-untyped-def]
    await asyncio.sleep(1)
    return "slow"


async def _a_dict(_):  # type: ignore[no-untyped-def]
    return {"not": "drawable"}


async def _spoils_a_text(_):  # type: ignore[no-untyped-def]
    return Text({"not": "drawable"})  # type: ignore[arg-type]


async def _spoils_a_table(_):  # type: ignore[no-untyped-def]
    table = Table(["Order"], [["A-1"]])
    table.rows.append(["A-2", "one cell too many"])
    return table


async def _unanswered_in_words(_):  # type: ignore[no-untyped-def]
    raise Unanswered("No orders")


async def test_a_function_need_not_be_async_and_a_coroutine_that_it_returns_is_awaited() -> None:
    page = _Shown(plain=_plain, passes_on=_passes_on, forgets=_forgets_to_await, slow=_slow)
    await _settle()
    assert page.outcomes == {"plain": ("value", "plain")}
    page.workspace.answer("agent.name", "Alex")
    await _settle()
    assert page.outcomes == {
        name: ("value", "plain" if name == "plain" else "Alex") for name in ("plain", "passes_on", "forgets")
    }
    await _pass(1)
    assert page.outcomes["slow"] == ("value", "slow")
    assert page.failed == []


async def test_what_cannot_be_drawn_fails_on_its_own_card() -> None:
    page = _Shown(plain=_plain, a_dict=_a_dict, spoilt=_spoils_a_text, table=_spoils_a_table)
    await _settle()
    assert page.outcomes == {
        "plain": ("value", "plain"),
        "a_dict": (FAILED, "TypeError"),
        "spoilt": (FAILED, "TypeError"),
        "table": (FAILED, "TypeError"),
    }
    assert sorted(page.failed) == [("a_dict", "TypeError"), ("spoilt", "TypeError"), ("table", "TypeError")]


async def test_a_value_that_the_page_fails_to_draw_is_a_failed_card_and_the_others_are_drawn() -> None:
    def draw(card, outcome) -> None:  # type: ignore[no-untyped-def]
        if card.id == "never" or (card.id == "once" and outcome.kind == "value"):
            raise ValueError("the page's own defect")

    page = _Shown(draw=draw, never=_plain, once=_plain, plain=_plain)
    await _settle()
    assert page.outcomes == {"once": (FAILED, "ValueError"), "plain": ("value", "plain")}
    assert page.failed == [("never", "ValueError"), ("once", "ValueError")]


async def test_a_reason_that_nobody_knows_is_a_failure_that_says_it() -> None:
    page = _Shown(orders=_unanswered_in_words)
    await _settle()
    assert page.outcomes == {"orders": (FAILED, "No orders")}
    assert page.failed == []


async def test_an_answer_of_another_type_stays_on_its_card() -> None:
    stage = Stage(a="agent.name", b="contact.initial_id")
    stage.board.refresh()
    await _settle()
    stage.workspace.answer("agent.name", {"no": "text"})
    stage.workspace.answer("contact.initial_id", None)
    await _settle()
    assert sorted(stage.shown) == [("a", UNEXPECTED, None), ("b", "value", "")]
    assert stage.failed == []


async def test_a_card_that_never_returns_says_so_and_is_shown_should_it_return_after_all() -> None:
    seconds = 0.02
    returns = asyncio.Event()

    async def late(_):  # type: ignore[no-untyped-def]
        await returns.wait()
        return "at last"

    page = _Shown(seconds, late=late, plain=_plain)
    await _pass(20 * PATIENCE * seconds)
    assert page.outcomes == {"late": (TIMED_OUT, ""), "plain": ("value", "plain")}
    returns.set()
    await _settle()
    assert page.outcomes["late"] == ("value", "at last")


def test_a_second_card_of_one_name_and_a_card_without_a_title_are_refused() -> None:
    def refused(declare, kind, words: str) -> None:  # type: ignore[no-untyped-def]
        try:
            declare()
        except kind as error:
            assert words in str(error)  # noqa: PT017  (MicroPython has no pytest)
        else:
            raise AssertionError("it was taken")

    count = len(CARDS)
    card("A first")(_Named("twice", _plain))  # type: ignore[no-untyped-call]
    refused(lambda: card("Another")(_Named("twice", _plain)), ValueError, 'called twice: "A first" and "Another"')  # type: ignore[no-untyped-call]
    refused(lambda: card(_plain), TypeError, '@card("Agent name")')  # type: ignore[arg-type]
    refused(lambda: card(""), TypeError, '@card("Agent name")')
    assert [each.id for each in CARDS[count:]] == ["twice"]
    CARDS.pop()


# -- the last value, whatever the order --------------------------------------------------------------------------------


class Changing:
    """A workspace whose value changes: a request is answered with what was true when it came, after its own while."""

    def __init__(self, delays) -> None:  # type: ignore[no-untyped-def]
        self.value = 0
        self._delays = delays
        self._answering = []  # type: ignore[var-annotated]

    def send(self, _: str, answered) -> None:  # type: ignore[no-untyped-def]
        self._answering.append(asyncio.create_task(self._answer(answered, str(self.value))))

    async def _answer(self, answered, value: str) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(self._delays())
        answered(value, None)


async def _play(number: int) -> str:
    """Change a value twenty times, an event with each; return what the cards show where it is not the last value."""
    seed = [number]

    def below(most: int) -> int:  # one sequence on both Pythons, whose random modules differ
        seed[0] = (seed[0] * 16807 + 11) % 2147483647
        return seed[0] // 7 % most

    workspace = Changing(lambda: below(80) / 1000)
    shown = {}

    def asks_after(milliseconds: int):  # type: ignore[no-untyped-def]
        async def ask(desk):  # type: ignore[no-untyped-def]
            await asyncio.sleep(milliseconds / 1000)
            return await desk.contact.initial_id()

        return ask

    def show(card, outcome) -> None:  # type: ignore[no-untyped-def]
        shown[card.id] = outcome.value.text

    cards = [
        Card(name, False, later, "cards", _Named(name, asks_after(wait)))  # type: ignore[no-untyped-call]
        for name, wait, later in (("at_once", 0, False), ("soon", 30, False), ("slow", 150, False), ("later", 0, True))
    ]
    made = Board(cards, workspace.send, show, 5, ROLES)
    made.start()
    for value in range(1, 21):
        await asyncio.sleep(below(3) * below(12) / 1000)
        workspace.value = value
        if below(4):
            made.refresh_soon(["contact.initial_id"])
        else:
            made.tell("contact.initial_id", str(value))
    workspace.value = 21
    made.refresh_soon(["contact.initial_id"])
    right = {card.id: "21" for card in cards}
    for _ in range(200):
        await asyncio.sleep(0.05)
        if shown == right:
            break
    await asyncio.sleep(3 * board.BURST)  # and it stays
    made.close()
    return "" if shown == right else str(number) + ": " + str(shown)


async def test_after_a_burst_of_events_every_card_shows_the_last_value() -> None:
    gathered, board.BURST = board.BURST, 0.1  # as it is on the page
    for first in range(0, 100, 50):
        played = await asyncio.gather(*[_play(number) for number in range(first, first + 50)])
        assert not [each for each in played if each], [each for each in played if each]
    board.BURST = gathered
