"""What holds for the pure modules whatever comes: any attribute values, any order of events and of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from flow_contract import WITHHELD_NUMBERS, WITHHELD_WORDS
from hypothesis import given
from hypothesis import strategies as some
from popdesk import screenpop
from popdesk.board import Board
from popdesk.contact_state import OVER, STATES, ContactState
from popdesk.declaration import Card
from popdesk.desk import Unanswered
from popdesk.screenpop import Automatic, check_url, decide, features
from popdesk.values import plainly, shorten, shown_duration, shown_phone

from tests.unit.pyapp.shared_screenpop import HOSTS, ROLES

EVENTS = ["contact", "idle", "connected", "acw", "missed", "cleared", "destroyed", "outside", "shown", "hidden"]
texts = some.text(max_size=80)
numbers = some.one_of(some.integers().map(str), some.floats().map(str), texts)
attributes = some.dictionaries(
    some.sampled_from(sorted(ROLES.values())), some.one_of(texts, numbers, some.none(), some.integers()), max_size=11
)


def parse(url: str) -> dict[str, str] | None:
    """Stand in for the browser's parser: any parts will do, since what is tested is what is made of them."""
    try:
        parts = urlsplit(url)
        host, user, password = parts.hostname or "", parts.username or "", parts.password or ""
        host += f":{parts.port}" if parts.port not in (None, 443) else ""
    except ValueError:
        return None
    if not parts.scheme:
        return None
    origin = f"{parts.scheme}://{parts.netloc}"
    return {
        "protocol": parts.scheme + ":",
        "host": host,
        "origin": origin,
        "username": user,
        "password": password,
        "href": url,
    }


@given(attributes, numbers, some.sampled_from(["", "https://crm.example.com/?q={query}", "javascript:{query}"]))
def test_whatever_the_attributes_say_only_an_allowed_url_is_offered(
    values: dict[str, Any], number: str, search: str
) -> None:
    offer = decide(values, ROLES, HOSTS, parse, number, search)
    assert offer.kind in ("one", "several", "none", "failed", "unknown")
    assert not offer.is_page or offer.kind == "one"
    if offer.url:
        assert check_url(offer.url, HOSTS, parse) == (offer.url, "")
        assert offer.refused is None


@given(
    some.sampled_from(["https", "http", "javascript", "data", "HTTPS"]),
    some.one_of(some.sampled_from(["crm.example.com", "x.pages.example.org", "127.0.0.1:8000"]), texts),
    texts,
)
def test_an_accepted_url_is_https_on_an_allowed_host(scheme: str, host: str, path: str) -> None:
    url, reason = check_url(f"{scheme}://{host}/{path}", HOSTS, parse)
    assert bool(url) != bool(reason)
    parts = parse(url) if url else None
    if parts and not parts["origin"].startswith("http://127.0.0.1:8000"):
        assert parts["protocol"] == "https:"
        assert parts["host"] == "crm.example.com" or parts["host"].endswith(".pages.example.org")


@given(
    some.dictionaries(some.sampled_from([ROLES[role] for role in ("width", "height", "left", "top")]), numbers),
    some.tuples(
        some.integers(-4000, 4000), some.integers(-2000, 2000), some.integers(300, 8000), some.integers(300, 5000)
    ),
)
def test_a_window_lies_on_the_screen(values: dict[str, str], screen: tuple[int, int, int, int]) -> None:
    made = dict(part.split("=") for part in features(values, ROLES, 1000, 700, screen).split(","))
    left, top, width, height = screen
    assert 200 <= int(made["width"]) <= width
    assert 200 <= int(made["height"]) <= height
    if "left" in made:
        assert left <= int(made["left"]) <= left + width - int(made["width"])
    if "top" in made:
        assert top <= int(made["top"]) <= top + height - int(made["height"])


@given(some.lists(some.sampled_from(EVENTS), max_size=20))
def test_a_life_in_any_order_ends_where_its_last_news_lead(events: list[str]) -> None:
    life = ContactState()
    for event in events:
        before = life.now
        life.happened(event)
        assert life.now in STATES
        if before in OVER:
            assert life.now in (before, "destroyed", "connecting")
        if before == "destroyed":
            assert life.now == "destroyed"
    told = [event for event in events if event in ("shown", "hidden")]
    assert life.hidden == (told[-1:] == ["hidden"])


@given(some.lists(some.tuples(some.sampled_from(["connected", "ended", "known"]), some.sampled_from(["1", "2"]))))
def test_no_contact_pops_twice_in_any_order(events: list[tuple[str, str]]) -> None:
    automatic = Automatic("connected")
    offer = decide({"contactMatches": "1", "contactUrlPath": "https://crm.example.com/"}, ROLES, HOSTS, parse)
    pops = 0
    for what, contact in events:
        if what == "connected":
            automatic.connected(contact)
        elif what == "ended":
            automatic.ended()
        else:
            pops += automatic.due(offer)
    assert pops == len(automatic.popped) == len(set(automatic.popped))


@given(
    some.lists(
        some.tuples(some.sampled_from(["refresh", "tell", "answer", "refuse"]), some.integers(0, 5)), max_size=25
    )
)
def test_what_a_card_shows_never_gets_older(steps: list[tuple[str, int]]) -> None:
    """Every refresh and every event is numbered as it starts; the numbers shown only rise."""

    async def play() -> list[int]:
        started = 0
        shown: list[int] = []
        waiting: list[tuple[int, Callable[[object, Exception | None], None]]] = []

        def send(_: str, answered: Callable[[object, Exception | None], None]) -> None:
            waiting.append((started, answered))

        async def ask(desk: Any) -> Any:
            return await desk.agent.name()

        def show(_: Any, outcome: Any) -> None:
            shown.append(outcome.value if outcome.kind == "value" else int(outcome.reason))

        board = Board([Card("a", personal=False, later=False, place="cards", ask=ask)], send, show, 5, {})
        board.refresh()
        await asyncio.sleep(0.001)
        for what, which in steps:
            if what == "refresh":
                started += 1
                board.refresh()
            elif what == "tell":
                started += 1
                board.tell("agent.name", started)
            elif waiting:
                number, answered = waiting.pop(which % len(waiting))
                if what == "answer":
                    answered(number, None)
                else:
                    answered(None, Unanswered("failed", str(number)))
            await asyncio.sleep(0.001)
        board.close()
        return shown

    shown = asyncio.run(play())
    assert shown == sorted(shown)


@given(some.text())
def test_a_text_made_plain_hides_nothing(text: str) -> None:
    shown = plainly(text)
    assert not any(character in shown for character in "\u202e\u2066\u200f\x00\x1b\n\ufeff")
    assert len(shorten(shown, 20)) <= 20


@given(some.one_of(some.text(), some.from_regex(r"\+[0-9]{7,15}", fullmatch=True)))
def test_grouping_a_number_changes_nothing_but_spaces(number: str) -> None:
    assert shown_phone(number).replace(" ", "") == number.replace(" ", "")
    assert all(group for group in shown_phone(number).split(" ")) or " " in number or number == ""


@given(some.floats(min_value=-1e6, max_value=1e9))
def test_a_duration_is_always_a_clock(seconds: float) -> None:
    hours, _, rest = shown_duration(seconds).rpartition(":")
    assert 0 <= int(rest) < 60
    assert hours


@given(some.text(some.characters(exclude_categories=["Cs"])))
def test_a_query_is_encoded_as_the_lambda_does_it(text: str) -> None:
    assert screenpop.percent_encoded(text) == quote(text, safe="")


def test_the_page_knows_the_withheld_numbers_that_the_look_up_knows() -> None:
    assert set(screenpop._WITHHELD) == set(WITHHELD_WORDS)
    assert not any(screenpop.is_number(number) for number in WITHHELD_NUMBERS)
