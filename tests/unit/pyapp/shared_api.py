"""The client of a team's API. Runs on CPython and on MicroPython (see test_shared.py)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,var-annotated,arg-type"

import json

from popdesk import api as module
from popdesk.api import GONE, LATE, LOST, Api, DeskApi, Problem, Reply, checked_path, filled_path, whole_characters
from popdesk.board import Board
from popdesk.declaration import Card
from popdesk.desk import Desk, Unanswered

module.PAUSE = 0.01
SETTINGS = {
    "prefix": "/api/",
    "timeout_ms": 50,
    "headers": {"contact": "X-Popdesk-Contact", "idempotency": "Idempotency-Key"},
}


def _json(status: int, value: object, retry_after=None) -> Reply:
    return Reply(
        status, "application/json" if status < 400 else "application/problem+json", json.dumps(value), retry_after
    )


class Stage:
    """A client whose requests are answered one after the other; the last answer stays."""

    def __init__(self, *replies: Reply) -> None:
        self.sent = []
        self._replies = list(replies)
        self.api = Api(self._request, SETTINGS)
        self.api.token = "t-1"

    async def _request(self, method, url, headers, body, seconds):
        self.sent.append((method, url, headers, body, seconds))
        return self._replies[0] if len(self._replies) == 1 else self._replies.pop(0)

    async def problem(self, method="GET", key="") -> Problem:
        try:
            await self.api.call(method, "cases", None, key)
        except Problem as problem:
            return problem
        raise AssertionError("it was answered")


async def test_an_answer_is_what_its_json_says() -> None:
    stage = Stage(_json(200, {"orders": []}))
    assert await stage.api.call("GET", "customers/7731/orders?open=1") == {"orders": []}
    method, url, headers, body, seconds = stage.sent[0]
    assert [method, url, body, seconds] == ["GET", "/api/customers/7731/orders?open=1", None, 0.05]
    assert headers == {"Accept": "application/json", "X-Popdesk-Contact": "t-1"}
    assert await Stage(Reply(204)).api.call("DELETE", "cases/7", None, "k") is None
    assert await Stage(Reply(200, "application/json", "9007199254740993")).api.call("GET", "n") == 9007199254740993


async def test_what_is_written_has_its_key_and_its_json() -> None:
    stage = Stage(_json(201, {"id": 1}))
    await stage.api.call("POST", "cases", {"subject": "Größe 😀"}, "0" * 32)
    _, _, headers, body, _ = stage.sent[0]
    assert headers["Idempotency-Key"] == "0" * 32
    assert headers["Content-Type"] == "application/json"
    assert json.loads(whole_characters(body)) == {"subject": "Größe 😀"}


async def test_a_problem_has_the_words_of_the_api() -> None:
    errors = [{"field": "subject", "detail": "Too long"}, {"detail": "?"}, 7, {"field": 7}]
    problem = await Stage(_json(422, {"title": "No", "detail": "Not so", "errors": errors})).problem("POST", "k")
    assert [problem.kind, problem.reason, problem.status, problem.uncertain] == ["problem", "Not so", 422, False]
    assert problem.errors == [{"field": "subject", "detail": "Too long"}]
    assert (await Stage(_json(404, {"title": "No such customer"})).problem()).reason == "No such customer"
    for said in ("x", ["x"], {}, {"title": 7}, {"errors": "x"}):
        problem = await Stage(_json(500, said)).problem("POST", "k")
        assert [problem.kind, problem.reason, problem.uncertain] == ["failed", "", True]
    assert (await Stage(Reply(403, "text/html", "<b>Blocked</b>")).problem()).reason == ""


async def test_what_is_no_json_is_no_answer() -> None:
    for reply in (Reply(200, "text/html", "<p>Sign in</p>"), Reply(200, "application/json", "{"), Reply(200, "", "x")):
        assert (await Stage(reply).problem()).kind == "unexpected"


async def test_a_lost_answer_is_asked_for_once_more_where_that_does_nothing_twice() -> None:
    for lost in (Reply(lost=LOST), Reply(502), Reply(503), Reply(504)):
        stage = Stage(lost, _json(200, 7))
        assert await stage.api.call("GET", "cases") == 7
        stage = Stage(lost, _json(200, 7))
        assert await stage.api.call("POST", "cases", {}, "k" * 32) == 7
        assert stage.sent[0] == stage.sent[1]
        stage = Stage(lost)
        assert (await stage.problem("POST", "")).uncertain
        assert len(stage.sent) == 1
        stage = Stage(lost)
        assert (await stage.problem("POST", "k")).uncertain
        assert len(stage.sent) == 2
    for reply, kind in ((Reply(lost=LATE), "timeout"), (Reply(lost=GONE), "failed"), (_json(500, {}), "failed")):
        stage = Stage(reply)
        assert (await stage.problem("POST", "k")).kind == kind
        assert len(stage.sent) == 1
    assert not (await Stage(Reply(lost=LATE)).problem()).uncertain  # a GET changes nothing
    for reply in (Reply(lost=LOST), Reply(502, "text/html", "<h1>Bad gateway"), _json(503, {}), Reply(504)):
        assert (await Stage(reply).problem()).kind == "down"
    assert (await Stage(_json(503, {"detail": "Closed for tonight"})).problem()).kind == "problem"


async def test_what_is_still_under_way_is_waited_for() -> None:
    busy = _json(409, {"title": "Under way"}, 0)
    stage = Stage(busy, busy, _json(201, {"id": 1}))
    assert await stage.api.call("POST", "cases", {}, "k") == {"id": 1}
    problem = await Stage(busy).problem("POST", "k")
    assert [problem.kind, problem.uncertain] == ["timeout", True]
    stage = Stage(_json(409, {"title": "It is closed already"}))
    assert (await stage.problem("POST", "k")).reason == "It is closed already"
    assert len(stage.sent) == 1


async def test_nothing_is_asked_without_a_contact() -> None:
    stage = Stage(_json(200, 7))
    stage.api.token = ""
    assert await _reason(stage.api.call("GET", "cases")) == "nothing"
    stage.api.token, stage.api.closed = "t-1", True
    assert await _reason(stage.api.call("GET", "cases")) == "nothing"
    assert stage.sent == []


async def test_an_answer_that_comes_when_the_contact_is_gone_is_none() -> None:
    stage = Stage(_json(200, 7))

    async def request(*_):
        stage.api.closed = True
        return _json(200, 7)

    stage.api._request = request
    assert await _reason(stage.api.call("GET", "cases")) == "nothing"


async def _reason(call) -> str:
    try:
        await call
    except Unanswered as error:
        return error.kind
    raise AssertionError("it was answered")


def test_a_path_stays_below_the_api() -> None:
    assert checked_path("customers/7731/orders?open=1") == "customers/7731/orders?open=1"
    assert checked_path("customers/Zoë") == "customers/Zo%C3%AB"
    for path in (
        "/customers",
        "",
        "a//b",
        "../x",
        "a/../../x",
        "a/./b",
        "a/%2e%2E/b",
        "a/.%2e",
        "https://x.example/",
        "a\\b",
        "a#b",
        "a\nb",
        "a/",
        None,
        7,
    ):
        try:
            checked_path(path)
        except ValueError:
            continue
        raise AssertionError(repr(path))


def test_what_is_put_into_a_path_is_one_part_of_it() -> None:
    assert (
        filled_path("orders/{id}/lines", {"id": "a/b?c#d%e é😀"})
        == "orders/a%2Fb%3Fc%23d%25e%20%C3%A9%F0%9F%98%80/lines"
    )
    assert filled_path("orders/{id}", {"id": 7}) == "orders/7"
    assert filled_path("{a}/{b}", {"a": "{b}", "b": "x"}) == "%7Bb%7D/x"
    for path, values in (
        ("orders/{id}", {}),
        ("orders", {"id": 7}),
        ("orders/{id}/x", {"id": ""}),
        ("orders/{id}", {"id": ".."}),
        ("a/{id", {"id": 1}),
    ):
        try:
            filled_path(path, values)
        except ValueError:
            continue
        raise AssertionError(path)


def test_characters_beyond_the_first_plane_are_whole() -> None:
    assert (
        json.loads(whole_characters('"\\ud83d\\ude00 \\uD83D\\uDE00 \\\\ud83d\\\\ude00 \\n"'))
        == "😀 😀 \\ud83d\\ude00 \n"
    )
    assert whole_characters('"\\ud83d"') == '"\\ud83d"'
    assert whole_characters('"\\ud83d\\u0041"') == '"\\ud83d\\u0041"'
    assert whole_characters('{"a": "é"}') == '{"a": "é"}'
    assert whole_characters('"\\udz') == '"\\udz'


async def test_a_card_asks_and_does_not_change() -> None:
    asked = []

    async def ask(name):
        asked.append(name)
        return {} if name == "contact.attributes" else 7

    desk = Desk(ask, {"token": "popdeskToken"})
    assert await desk.api.get("customers/7/orders") == 7
    assert asked == ["contact.attributes", "api customers/7/orders"]
    changes = (
        desk.api.post("a", {}),
        desk.api.put("a"),
        desk.api.patch("a"),
        desk.api.delete("a"),
        desk.contact.set_attribute("a", "b"),
    )
    for change in changes:
        said = ""
        try:
            await change
        except TypeError as error:
            said = str(error)
        assert "is for actions" in said


async def test_an_action_changes_and_sets_attributes() -> None:
    written = []

    async def ask(name):
        return {"popdeskToken": "secret", "customerId": "C-7"}

    async def write(*what):
        written.append(what)

    desk = Desk(ask, {"token": "popdeskToken", "customer": "customerId"}, {}, write)
    assert isinstance(desk.api, DeskApi)
    await desk.api.patch("cases/7", {"status": "closed"})
    await desk.contact.set_attribute("topic", "Invoice")
    assert written == [
        ("PATCH", "cases/7", {"status": "closed"}),
        ("PUT", "contact/attributes/topic", {"value": "Invoice"}),
    ]
    assert await desk.customer.id() == "C-7"
    assert await desk.contact.attributes() == {"customerId": "C-7"}  # the token is no card's to show


async def test_there_is_no_customers_id_where_not_one_was_found() -> None:
    for answer in ({}, {"customerId": "-"}, {"customerId": ""}):

        async def ask(name, answer=answer):
            return answer

        assert await _reason(Desk(ask, {"customer": "customerId"}).customer.id()) == "nothing"
        assert await _reason(Desk(ask, {}).customer.id()) == "nothing"


async def test_the_board_asks_the_api_once_for_several_cards_and_again_when_it_is_told() -> None:
    import asyncio

    sent, shown = [], []

    def send(name, answered):
        sent.append(name)
        answered({} if name == "contact.attributes" else len(sent), None)

    async def orders(desk):
        return await desk.api.get("orders")

    cards = [Card("A", False, False, "cards", orders, "a"), Card("B", False, False, "cards", orders, "b")]
    board = Board(cards, send, lambda card, outcome: shown.append((card.id, outcome.kind)), 5, {})
    board.start()
    await asyncio.sleep(0.2)
    board.grant(["Contact.Attributes.View"])  # the API itself needs none of the workspace's permissions
    await asyncio.sleep(0.2)
    assert sent == ["contact.attributes", "api orders"]
    board.refresh(board.asked("api "))
    await asyncio.sleep(0.2)
    assert sent == ["contact.attributes", "api orders"] * 2
    assert [kind for _, kind in shown][:2] == ["value", "value"]
