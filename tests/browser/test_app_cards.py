"""Cards of a team's own, in the real page: each slot shows its own card's value or nothing, and an error stays where it is.

The cards are these tests' own; the page around them, the SDK, the workspace and the browser are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame, Locator, expect

from tests.browser.app_stage import AppStates, changed_settings
from tests.browser.hosting import OwnCardsServer
from tests.conftest import Workspace

Host = Callable[..., AppStates]

HEAD = """
import asyncio
import js
from popdesk import Duration, Link, Moment, Pairs, Text, Unanswered, card

"""


@pytest.fixture
def host(workspace: Workspace, tmp_path: Path) -> Iterator[Host]:
    """Return a function that puts a page with these cards into the app's place, with some settings changed."""
    with ExitStack() as stack:

        def put(cards: str, **changed: Any) -> AppStates:
            settings = changed_settings(**changed)
            server = OwnCardsServer(tmp_path, HEAD + cards, workspace.preview.workspace_url, settings)
            stack.enter_context(server)
            workspace.desk.command("app", url=server.url, name="Popdesk")
            return AppStates(workspace)

        yield put


def slot(app: Frame, title: str) -> Locator:
    """Return the value's element under a card's title."""
    return app.locator("#cards > div").filter(has=app.get_by_text(title, exact=True)).locator("dd")


# -- a slot is empty until its own card has spoken ---------------------------------------------------------------------

# Runs in every frame: keeps, by the title that they stood under, all texts that ever stood in the cards' slots.
EVERY_TEXT = """
globalThis.everyText = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll("#cards > div:has(dd)"))  // the HTML may still be on its way
    (everyText[row.querySelector("dt").textContent] ??= new Set()).add(row.querySelector("dd").textContent);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""

# Quick, slow, asking, not async at all; with names of the page's elements, and some in the static page's own slots.
SPEAKING = {
    "Phone number or e-mail": '@card("Phone number or e-mail")\nasync def phone_or_email(desk):\n    return "a number"\n',
    "Slow": '@card("Slow")\nasync def slow(desk):\n    await asyncio.sleep(1)\n    return "the slow one\'s"\n',
    "Plain": '@card("Plain")\ndef queue(desk):\n    return "the plain one\'s"\n',
    "Passed on": '@card("Passed on")\ndef agent_arn(desk):\n    return desk.agent.name()\n',
    "Asked": '@card("Asked")\nasync def channel(desk):\n    return (await desk.contact.channel())["type"]\n',
    "Later": '@card("Later", later=True)\nasync def home(desk):\n    return (await desk.agent.state())["name"]\n',
    "Dotted": '@card("Dotted")\nasync def late(desk):\n    return Text("dots", tone="info", rest="and more")\n',
    "Agent name": '@card("Agent name")\nasync def agent_name(desk):\n    return await desk.agent.name()\n',
    "Queue": '@card("Queue")\nasync def page(desk):\n    await asyncio.sleep(0.3)\n    return Pairs([("Open", 3)])\n',
}
VALUES = {
    "Phone number or e-mail": "a number",
    "Agent name": "Alex Rivera",
    "Slow": "the slow one's",
    "Plain": "the plain one's",
    "Passed on": "Alex Rivera",
    "Asked": "voice",
    "Later": "Available",
    "Dotted": "dots and more",
    "Queue": "Open 3",
}


@pytest.mark.parametrize(
    ("language", "order"),
    [
        ("en", list(SPEAKING)),
        ("es", list(SPEAKING)[::-1]),
        pytest.param("en", list(SPEAKING)[::-1], marks=pytest.mark.thorough),
        pytest.param("es", list(SPEAKING), marks=pytest.mark.thorough),
    ],
    ids=["en", "es backwards", "en backwards", "es"],
)
def test_a_slot_never_shows_anything_but_its_own_cards_value(host: Host, language: str, order: list[str]) -> None:
    states = host("\n\n".join(SPEAKING[title] for title in order), language=language)
    states.workspace.page.context.add_init_script(EVERY_TEXT)
    spanish = {"Phone number or e-mail": "Teléfono o correo", "Agent name": "Nombre del agente", "Queue": "Cola"}
    titles = {title: spanish.get(title, title) if language == "es" else title for title in order}
    for latency in (0, 60, 400):
        states.desk.command("latency", ms=latency)
        app = states.offer("C-1001")
        for title in order:
            expect(slot(app, titles[title])).to_have_text(VALUES[title])
        assert app.locator("#cards dt").all_text_contents() == [titles[title] for title in order]
        seen = app.evaluate(
            "Object.fromEntries(Object.entries(everyText).map(([title, texts]) => [title, [...texts]]))"
        )
        for title in order:
            # Before the view comes, a text stands alone that will have a tone and more behind it.
            own = {"…", VALUES[title]} | ({"dots"} if title == "Dotted" else set())
            assert set(seen[titles[title]]) <= own, (title, latency)
        states.desk.command("finish")


# Runs in every frame: keeps how many tables there are when the page is shown for the first time.
FIRST_SEEN = """
globalThis.tablesFirstSeen = null;
new MutationObserver(() => {
  const page = document.getElementById("page");
  if (tablesFirstSeen === null && page && !page.hasAttribute("data-wait"))
    tablesFirstSeen = document.querySelectorAll("#cards table").length;
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


def test_the_page_is_shown_before_a_table_is_drawn(host: Host) -> None:
    states = host(
        """
from popdesk import Table

@card("Orders")
def orders(desk):
    return Table(["Order", "Total"], [["A-" + str(row), row] for row in range(50)])

@card("Agent name")
async def name(desk):
    return await desk.agent.name()
"""
    )
    states.workspace.page.context.add_init_script(FIRST_SEEN)
    app = states.offer("C-1001")
    expect(app.locator("#cards table")).to_contain_text("A-1")
    expect(app.locator("#card-name")).to_have_text("Alex Rivera")
    assert app.evaluate("tablesFirstSeen") == 0


def test_a_card_that_never_returns_says_so_and_the_others_are_there(host: Host) -> None:
    states = host(
        '@card("Stuck")\nasync def stuck(desk):\n    await (js.document and "a text")\n\n\n'
        '@card("Name")\nasync def name(desk):\n    return await desk.agent.name()\n',
        request_timeout_ms=3000,
    )
    app = states.offer("C-1001")
    expect(slot(app, "Name")).to_have_text("Alex Rivera")
    expect(slot(app, "Stuck")).to_contain_text("No answer in time")
    expect(app.get_by_role("button", name="Retry Stuck")).to_be_visible()


# -- what goes wrong with a card stays on it ---------------------------------------------------------------------------

# A card's name, what it returns, and what its slot then says.
READ = {
    "number": ("42", "42"),
    "nothing": ("None", "–"),
    "pairs": ('Pairs([("Open", 3), ("Late", None)])', "Open 3 · Late –"),
    "no_pairs": ("Pairs([])", "–"),
    "text_number": ("Text(42)", "42"),
    "text_nothing": ("Text(None)", "–"),
    "numerals": ('Duration("3600000")', "1:00:0"),
    "no_duration": ("Duration(None)", "–"),
    "no_link": ('Link("Order 7", None)', "Order 7"),
    "no_moment": ('Moment("Order 5")', "Order 5"),
    "moment": ('Moment("2026-01-31T12:00:00Z")', ":00:00"),
    "odd_tone": ('Text("Gold", tone="dan" + "ger")', "Gold"),  # which the build does not see through
}
REFUSED = {
    "a_dict": '{"a": 1}',
    "a_list": '["a"]',
    "a_function": "asyncio.sleep",
    "text_of_a_dict": "Text({})",
    "pairs_of_texts": 'Pairs(["Open"])',
    # Which the build does not see through.
    "pairs_of_a_coroutine": 'Pairs([("Name", getattr(desk.agent, "name")())])',
    "duration_of_words": 'Duration("soon")',
    "endless": 'Duration(float("nan"))',
    "link_to_a_number": 'Link("x", 7)',
    "moment_of_a_number": "Moment(1763700000000)",
    "javascript": '__import__("js").document',
    "javascript_in_pairs": 'Pairs([("document", __import__("js").document)])',
}


def _returning(name: str, value: str) -> str:
    return f'@card("{name}")\nasync def {name}(desk):\n    return {value}\n\n\n'


@pytest.mark.parametrize("language", ["en", pytest.param("es", marks=pytest.mark.thorough)])
def test_what_has_one_reading_is_read_and_what_has_none_fails_on_its_card_with_its_line(
    host: Host, language: str
) -> None:
    cards = "".join(_returning(name, value) for name, (value, _) in READ.items())
    # The build would refuse such a card, if it could play it: it cannot play what uses the browser.
    cards += "".join(_returning(name, f"js.document and {value}") for name, value in REFUSED.items())
    cards += '@card("Name")\nasync def name(desk):\n    return await desk.agent.name()\n'
    states = host(cards, language=language)
    app = states.offer("C-1001")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#pop")).to_be_visible()
    expect(slot(app, "Name")).to_have_text("Alex Rivera")
    for name, (_, shown) in READ.items():
        expect(slot(app, name)).to_contain_text(shown)
    lines = (HEAD + cards).splitlines()
    for _ in range(2):
        for name in REFUSED:
            expect(slot(app, name)).to_contain_text("Failed" if language == "en" else "Ha fallado")
        expect(app.locator(".page-error pre")).to_have_count(len(REFUSED))
        told = app.locator(".page-error pre").all_text_contents()
        for name in REFUSED:
            line = lines.index(f"async def {name}(desk):") + 1
            # In the traceback where the value is made, and otherwise the function that returned it.
            places = (f'File "pyapp/cards.py", line {line + 1}, in {name}', f"Returned by pyapp/cards.py:{line} {name}")
            assert [text for text in told if any(place in text for place in places)], name
        # And once more, asked again: nothing is told twice, and everything stands where it stood.
        states.settle(app)
    reports = [each["message"] for each in states.desk.command("log") if each["message"].get("message") == "App error"]
    assert len(reports) == len(REFUSED)
    assert all("pyapp/cards.py:" in report["data"]["frames"] for report in reports)


def test_a_refused_value_of_a_shipped_cards_name_leaves_no_value_behind(host: Host) -> None:
    """A slot that had a value and then fails says only that."""
    states = host(
        "answers = iter(['good', {}, 'good again'])\n\n\n"
        '@card("Changing")\nasync def queue(desk):\n    return next(answers)\n'
    )
    app = states.offer("C-1001")
    refresh = app.get_by_role("button", name="Refresh")
    expect(slot(app, "Changing")).to_have_text("good")
    refresh.click()
    expect(slot(app, "Changing")).to_have_text("Failed Retry")
    app.get_by_role("button", name="Retry Changing").click()
    expect(slot(app, "Changing")).to_have_text("good again")


# -- the cards' names are a namespace of their own ---------------------------------------------------------------------

# Every name that an element of the page has, and those that the page's Python uses for what it draws.
PAGE_NAMES = [
    "page",
    "life",
    "rest",
    "late",
    "doctor",
    "hero",
    "pop",
    "copy",
    "home",
    "refused",
    "cards",
    "attributes",
    "alerts",
    "errors",
    "customer",
    "icon",
    "hidden",
    "show",
    "refresh",
    "document",
    "window",
    "self",
    "main",
    "view",
]


@pytest.mark.parametrize("masked", [False, True])
def test_cards_may_be_called_like_anything_in_the_page(host: Host, masked: bool) -> None:
    cards = "".join(
        f'@card("Card {name}", personal=True)\nasync def {name}(desk):\n    return "{name}\'s own"\n\n\n'
        for name in PAGE_NAMES
    )
    states = host(cards, mask_personal_data=masked)
    app = states.offer("C-1001")
    if masked:
        app.get_by_role("button", name="Show Customer").click()
        for name in PAGE_NAMES:
            expect(slot(app, f"Card {name}")).not_to_contain_text("own")
            app.get_by_role("button", name=f"Show Card {name}", exact=True).click()
    for name in PAGE_NAMES:
        expect(slot(app, f"Card {name}")).to_have_text(f"{name}'s own")
    expect(app.get_by_role("heading", name="Ana Carolina Silva")).to_be_visible()
    expect(app.locator("#home")).to_have_text("CRM home")
    assert (
        app.evaluate(
            "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) < i)"
        )
        == []
    )


def test_a_title_that_is_a_word_of_the_page_stays_as_it_is(host: Host) -> None:
    states = host('@card("refresh", personal=True)\nasync def one(desk):\n    return "x"\n', mask_personal_data=True)
    app = states.offer("C-1001")
    expect(slot(app, "refresh")).to_be_visible()
    expect(app.get_by_role("button", name="Show refresh", exact=True)).to_be_visible()


# -- what the workspace may answer -------------------------------------------------------------------------------------

# Each question that there is, as a card of its own: its request, its card, and what the card says of an answer of undefined.
QUESTIONS = {
    "agent/getARN": ("agent.arn", "Unexpected answer"),
    "agent/getName": ("agent.name", "Unexpected answer"),
    "agent/getState": ("agent.state", "Unexpected answer"),
    "agent/getRoutingProfile": ("agent.routing_profile", "Unexpected answer"),
    "agent/getChannelConcurrency": ("agent.channel_concurrency", "Unexpected answer"),
    "contact/getChannelType": ("contact.channel", "Unexpected answer"),
    "contact/getQueue": ("contact.queue", "–"),
    "contact/getQueueTimestamp": ("contact.queue_timestamp", "Unexpected answer"),
    "contact/getStateDuration": ("contact.state_duration", "Unexpected answer"),
    "contact/getInitialContactId": ("contact.initial_id", "Unexpected answer"),
    "contact/getAttributes": ("contact.attributes", "–"),
    "voice/getInitialCustomerPhoneNumber": ("contact.phone_number", "Unexpected answer"),
}
# In these the SDK looks for one field: what it finds there is the answer.
WRAPPED = {
    "agent/getARN": "ARN",
    "agent/getName": "name",
    "contact/getQueueTimestamp": "queueTimestamp",
    "contact/getStateDuration": "stateDuration",
    "contact/getInitialContactId": "initialContactId",
    "voice/getInitialCustomerPhoneNumber": "phoneNumber",
}
MAY_BE_NOTHING = ("contact/getQueueTimestamp", "contact/getInitialContactId", "voice/getInitialCustomerPhoneNumber")


def _asking(question: str) -> str:
    name = question.replace(".", "_")
    return f'@card("{question}")\nasync def {name}(desk):\n    return str(await desk.{question}() or "–")\n\n\n'


ASKING = "".join(_asking(question) for question, _ in QUESTIONS.values())


def _expect_a_page_that_stands(states: AppStates, app: Frame) -> None:
    expect(app.get_by_role("heading", name="Something in this page failed")).to_have_count(0)
    expect(app.locator("#life-text")).to_have_text("Contact connected")
    assert states.workspace.errors == []


def test_an_answer_of_undefined_is_nothing_or_said_on_its_card(host: Host) -> None:
    states = host(ASKING)
    for request in QUESTIONS:
        states.desk.answer(request)
    app = states.connected_to_nobody()
    for question, said in QUESTIONS.values():
        expect(slot(app, question)).to_contain_text(said)
    _expect_a_page_that_stands(states, app)
    expect(app.locator("#hero")).to_have_attribute("data-kind", "unknown")


def test_nothing_in_an_answer_is_nothing_where_the_sdk_says_so(host: Host) -> None:
    """An ordinary contact's initial id is undefined: the answer is an object without it. Null is no more of a value."""
    states = host(ASKING)
    for name, there in (("absent", False), ("null", True)):
        for request, field in WRAPPED.items():
            states.desk.answer(request, {field: None} if there else {})
        app = states.connected_to_nobody()
        for request in WRAPPED:
            said = "–" if request in MAY_BE_NOTHING else "Unexpected answer"
            expect(slot(app, QUESTIONS[request][0]), name).to_contain_text(said)
        _expect_a_page_that_stands(states, app)
        states.desk.command("finish")


ODD_ANSWERS: tuple[Any, ...] = (
    None,
    7,
    "text",
    [],
    ["text"],
    True,
    {"name": None},
    {"name": {"first": "Alex"}, "type": 7},
)


def test_answers_of_other_types_are_said_on_their_cards_and_the_page_stands(host: Host) -> None:
    states = host(ASKING + '@card("Standing")\nasync def standing(desk):\n    return "stands"\n')
    for odd in ODD_ANSWERS:
        for request in QUESTIONS:
            states.desk.answer(request, odd)
        app = states.connected_to_nobody()  # each contact's page is a new one
        expect(slot(app, "Standing")).to_have_text("stands")
        for request, (question, _) in QUESTIONS.items():
            spoken, said = slot(app, question), f"{odd!r} of {request}"
            expect(spoken, said).not_to_have_text("…")
            if question in ("contact.queue", "contact.attributes") and odd is None:
                expect(spoken, said).to_have_text("–")
            elif question in ("contact.attributes", "agent.channel_concurrency") and isinstance(odd, dict):
                expect(spoken, said).not_to_contain_text("Failed")
            elif request in WRAPPED and request in MAY_BE_NOTHING and odd is not None:
                expect(spoken, said).to_contain_text("–")  # without the field that the SDK looks for there is nothing
            else:
                expect(spoken, said).to_contain_text("Unexpected answer")
        _expect_a_page_that_stands(states, app)
        states.desk.command("finish")


def test_an_agent_state_without_a_name_is_said_and_a_change_mends_it(workspace: Workspace) -> None:
    """The shipped cards."""
    states = AppStates(workspace)
    states.desk.answer("agent/getState", {"type": "routable", "name": None})
    app = states.connected()
    expect(slot(app, "Agent state")).to_contain_text("Unexpected answer")
    expect(slot(app, "Agent state")).to_have_attribute("title", "agent.state, name: nothing where a text belongs")
    expect(slot(app, "Agent name")).to_have_text("Alex Rivera")
    states.desk.heal()
    states.desk.set_state("Lunch", "not_routable")
    expect(slot(app, "Agent state")).to_have_text("Lunch")
    _expect_a_page_that_stands(states, app)


# -- events ------------------------------------------------------------------------------------------------------------

COUNTING = """
@card("Count")
async def count(desk):
    return (await desk.contact.attributes()).get("count", "none")


@card("Slow count")
async def slow_count(desk):
    await asyncio.sleep(0.1)
    return (await desk.contact.attributes()).get("count", "none")


@card("Late count", later=True)
async def late_count(desk):
    return (await desk.contact.attributes()).get("count", "none")
"""


def test_an_event_that_is_told_again_refreshes(host: Host) -> None:
    states = host(COUNTING)
    app = states.connected()
    for number in ("1", "2"):
        assert states.contact is not None
        states.contact.set_attributes(count=number)
        states.desk.command("event", name="contact/connected")
        for title in ("Count", "Slow count", "Late count"):
            expect(slot(app, title)).to_have_text(number)
    expect(app.locator("#life-text")).to_have_text("Contact connected")


@pytest.mark.parametrize(
    ("latency", "waits"),
    [
        (0, range(0, 600, 150)),
        (40, range(75, 600, 150)),
        pytest.param(0, range(0, 600, 25), marks=pytest.mark.thorough),
        pytest.param(40, range(0, 600, 25), marks=pytest.mark.thorough),
    ],
    ids=["0 ms", "40 ms", "0 ms at each moment", "40 ms at each moment"],
)
def test_after_forty_events_at_any_moment_of_the_start_the_last_value_shows(
    host: Host, latency: int, waits: range
) -> None:
    """Also when they come before the page hears of them, or before the cards have asked what the page has asked ahead."""
    states = host(COUNTING)
    states.desk.command("latency", ms=latency)
    for wait in waits:
        contact = states.desk.offer(customer="C-1001", accept=True)  # its iframe has just been made
        states.desk.command("wait", ms=wait)
        states.desk.command("event", name="contact/connected", times=40, attribute="count")
        states.workspace.page.locator("iframe:visible").wait_for()
        app = states.frame()
        for title in ("Count", "Slow count", "Late count"):
            expect(slot(app, title)).to_have_text("40")
        states.desk.command("finish", contact=contact.id)


# -- what no event tells -----------------------------------------------------------------------------------------------


def _asked_for_attributes(states: AppStates, app: str) -> int:
    entries = states.desk.command("log", filter="contact/getAttributes", last=1000)
    return len([each for each in entries if each["app"] == app and each["message"].get("type") == "request"])


def test_attributes_are_looked_at_again_while_the_page_is_seen(host: Host) -> None:
    states = host(COUNTING, look_again_seconds=1)
    app = states.offer("C-1001", channel="CHAT")
    first = states.contact
    assert first is not None
    for number in ("1", "2"):
        first.set_attributes(count=number, Name=f"Ana {number}")  # told by no event
        for title in ("Count", "Slow count", "Late count"):
            expect(slot(app, title)).to_have_text(number)
        expect(app.get_by_role("heading", name=f"Ana {number}")).to_be_visible()
    # Another contact's page is seen now: the first one rests.
    states.offer("C-1002", channel="CHAT")
    asked = _asked_for_attributes(states, "Popdesk 1")
    second = _asked_for_attributes(states, "Popdesk 2")
    states.desk.wait_for(lambda _: _asked_for_attributes(states, "Popdesk 2") >= second + 3, "three looks", seconds=30)
    assert _asked_for_attributes(states, "Popdesk 1") == asked
    first.set_attributes(count="3")
    first.select()
    expect(slot(app, "Count")).to_have_text("3")


def test_a_look_disturbs_nothing_that_is_the_same(host: Host) -> None:
    """What the agent has selected stays selected, and a button keeps the focus."""
    states = host(
        COUNTING
        + '\n\n@card("Failing")\nasync def failing(desk):\n    await desk.contact.attributes()\n    return js.document and {}\n',
        look_again_seconds=1,
    )
    app = states.offer("C-1001")
    expect(slot(app, "Count")).to_have_text("none")
    app.get_by_role("button", name="Retry Failing").focus()
    app.evaluate("getSelection().selectAllChildren(document.getElementById('card-count'))")
    asked = _asked_for_attributes(states, "Popdesk 1")
    states.desk.wait_for(lambda _: _asked_for_attributes(states, "Popdesk 1") >= asked + 3, "three looks", seconds=30)
    assert app.evaluate("getSelection().toString()") == "none"
    expect(app.get_by_role("button", name="Retry Failing")).to_be_focused()
