"""A reused connection: no caller gets a response to another request or a truncated one, and repeating one costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from adapters.http import HttpCustomers
from customers import Customer, LookupFailed
from identity import Identity

from tests.unit.lambda_.scripted_crm import TIMED_OUT, Request, ScriptedCrm, ok

FIELDS = {"id": "id", "name": "name", "phone": "phone", "email": "email"}
ANA, BOB, UNKNOWN = (Identity("phone", f"+1206555010{digit}") for digit in (0, 1, 9))
RECORDS: dict[str, dict[str, Any]] = {
    ANA.value: {"id": "C-1", "name": "Ana", "phone": ANA.value},
    BOB.value: {"id": "C-2", "name": "Bob", "phone": BOB.value},
}


def _adapter(crm: ScriptedCrm, region: str = "US", fields: dict[str, str] = FIELDS) -> HttpCustomers:
    http = {"url": crm.url, "timeout_ms": 30_000, "token_secret": "", "list_path": "customers", "fields": fields}
    return HttpCustomers(http, region)


def _answer(value: str) -> bytes:
    return ok([RECORDS[value]] if value in RECORDS else [])


def _ids(found: list[Customer]) -> list[str]:
    return [customer.id for customer in found]


def test_an_answer_that_comes_twice_at_once_is_not_the_next_callers() -> None:
    with ScriptedCrm(lambda request: request.send(_answer(request.value) * 2)) as crm:
        customers = _adapter(crm)
        for identity, ids in ((ANA, ["C-1"]), (BOB, ["C-2"]), (UNKNOWN, []), (ANA, ["C-1"])):
            assert _ids(customers.find(identity, 30)) == ids
        assert crm.requests == [ANA.value, BOB.value, UNKNOWN.value, ANA.value]  # none was requested twice
        assert crm.connections == 4


@pytest.mark.parametrize("cut", [0, 1, 30, -1])
def test_an_answer_that_comes_again_later_is_not_the_next_callers(cut: int) -> None:
    """The second one comes after the first was read, as a whole or from a byte on that came with the first."""
    first_read, sent = threading.Event(), threading.Event()

    def answer(request: Request) -> None:
        whole = _answer(request.value)
        if request.connection > 1:
            request.send(whole)
            return
        again = whole[:cut]
        request.send(whole + again)
        first_read.wait(30)
        request.send(whole[len(again) :])
        sent.set()

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        assert _ids(customers.find(ANA, 30)) == ["C-1"]
        first_read.set()
        sent.wait(30)
        assert _ids(customers.find(BOB, 30)) == ["C-2"]
        assert (crm.requests, crm.connections) == ([ANA.value, BOB.value], 2)


@pytest.mark.parametrize(("asked", "ids"), [(BOB, ["C-2"]), (UNKNOWN, [])])
def test_an_answer_that_comes_again_after_the_next_question_is_not_its_answer(asked: Identity, ids: list[str]) -> None:
    """It cannot be noticed before the request is sent: only the response itself shows that it is another's."""

    def answer(request: Request) -> None:
        if request.connection == 1 and request.number == 2:
            request.send(_answer(ANA.value))
        request.send(_answer(request.value))

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        assert _ids(customers.find(ANA, 30)) == ["C-1"]
        assert _ids(customers.find(asked, 30)) == ids
        assert crm.connections == 2
        assert _ids(customers.find(BOB, 30)) == ["C-2"]


@pytest.mark.parametrize("stale", [ok([]), ok([{"id": "C-1"}]), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
def test_an_answer_without_the_requested_number_counts_over_a_new_connection_only(stale: bytes) -> None:
    """The second response may differ from the first: no customer, for example."""

    def answer(request: Request) -> None:
        if request.number > 1:
            request.send(stale)
        request.send(_answer(request.value))

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        for identity, ids in ((ANA, ["C-1"]), (BOB, ["C-2"]), (UNKNOWN, []), (UNKNOWN, []), (ANA, ["C-1"])):
            assert _ids(customers.find(identity, 30)) == ids
        # Bob is requested twice, and so is the first unknown number; each of the others has a new connection.
        assert crm.requests == [each.value for each in (ANA, BOB, BOB, UNKNOWN, UNKNOWN, UNKNOWN, ANA)]


def test_customers_without_anything_to_compare_come_over_new_connections() -> None:
    def answer(request: Request) -> None:
        bare = [{"id": RECORDS[request.value]["id"]}] if request.value in RECORDS else []
        if request.number == 2:
            request.send(ok([{"id": "C-1"}]))
        request.send(ok(bare))

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm, fields={"id": "id", "name": "name"})
        for identity, ids in ((ANA, ["C-1"]), (BOB, ["C-2"]), (UNKNOWN, []), (ANA, ["C-1"])):
            assert _ids(customers.find(identity, 30)) == ids
        assert crm.connections == len(crm.requests) == 4


@pytest.mark.parametrize("late", [False, True])
def test_an_unasked_408_is_no_answer_and_costs_the_next_caller_nothing(late: bool) -> None:
    sent = threading.Event()

    def answer(request: Request) -> None:
        if request.connection == 1 and request.number == 2:
            request.send(TIMED_OUT)  # it crosses with the request
            request.hang_up()
            return
        request.send(_answer(request.value))
        if request.connection == 1 and not late:
            request.send(TIMED_OUT)
            request.hang_up()
        sent.set()

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        assert _ids(customers.find(ANA, 30)) == ["C-1"]
        sent.wait(30)
        assert _ids(customers.find(BOB, 30)) == ["C-2"]
        assert crm.connections == 2


def test_a_408_on_a_new_connection_is_an_answer() -> None:
    with ScriptedCrm(lambda request: request.send(TIMED_OUT)) as crm:
        with pytest.raises(LookupFailed, match="408"):
            _adapter(crm).find(ANA, 30)
        assert crm.connections == 1


def test_a_connection_that_the_crm_closed_costs_the_next_caller_nothing() -> None:
    closed = threading.Event()

    def answer(request: Request) -> None:
        request.send(_answer(request.value))
        request.hang_up()
        closed.set()

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        for _ in range(3):
            assert _ids(customers.find(ANA, 30)) == ["C-1"]
            closed.wait(30)
            closed.clear()
        assert crm.requests == [ANA.value] * 3


def test_a_connection_that_the_crm_will_close_is_read_to_its_end() -> None:
    def answer(request: Request) -> None:
        whole = ok([RECORDS[ANA.value]], "Connection: close\r\n")
        request.send(whole[:-5])
        request.send(whole[-5:])

    with ScriptedCrm(answer) as crm:
        customers = _adapter(crm)
        for _ in range(2):
            assert _ids(customers.find(ANA, 30)) == ["C-1"]
        assert crm.connections == 2


def test_what_comes_before_the_answer_is_not_taken_for_it() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    wait = b"HTTP/1.1 100 Continue\r\n\r\n"
    with ScriptedCrm(lambda request: request.send(wait + hints + wait + hints + _answer(request.value))) as crm:
        customers = _adapter(crm)
        assert _ids(customers.find(ANA, 30)) == ["C-1"]
        assert _ids(customers.find(BOB, 30)) == ["C-2"]
        assert crm.connections == 1


def _sends(record: dict[str, Any]) -> Callable[[Request], None]:
    return lambda request: request.send(ok([{"id": "C-1", **record}]))


@pytest.mark.parametrize(
    ("asked", "region", "record"),
    [
        (ANA, "US", {"phone": "(206) 555-0100"}),
        (ANA, "US", {"phone": 12065550100}),
        (ANA, "US", {"phone": "tel:+1-206-555-0100"}),
        (Identity("phone", "+442079460018"), "GB", {"phone": "020 7946 0018"}),
        (Identity("phone", "+442079460018"), "US", {"phone": "020 7946 0018"}),  # a national number of its own country
        (Identity("phone", "+525512345678"), "US", {"phone": "+5215512345678"}),
        (Identity("phone", "+5511987654321"), "US", {"phone": "+551187654321"}),
        (Identity("phone", "+5491123456789"), "US", {"phone": "+541123456789"}),
        # a customer's other number, wherever the CRM has it
        (ANA, "US", {"phone": "+12065550177", "mobile": "206 555 0100"}),
        (ANA, "US", {"phone": "+12065550177", "phones": [{"kind": "home", "number": "+12065550100"}]}),
        (Identity("email", "ana@example.com"), "US", {"email": "Ana@Example.com"}),
        (Identity("email", "Ana@example.com"), "US", {"email": "ana@example.com"}),
        (Identity("email", "ana@example.com"), "US", {"email": "a@example.org", "emails": ["ana@example.com"]}),
    ],
)
def test_the_requested_number_is_recognised_in_every_format(
    asked: Identity, region: str, record: dict[str, Any]
) -> None:
    with ScriptedCrm(_sends(record)) as crm:
        customers = _adapter(crm, region)
        for _ in range(2):
            assert _ids(customers.find(asked, 30)) == ["C-1"]
        assert crm.connections == 1  # the response is confirmed, so the connection is kept


@pytest.mark.parametrize(
    ("asked", "record"),
    [
        (ANA, {"phone": "+12065550177"}),
        (ANA, {"phone": "2065550177"}),
        (ANA, {"phone": "+442065550100"}),
        (Identity("phone", "+442079460018"), {"phone": "+12079460018"}),
        (Identity("email", "ana@example.com"), {"email": "bob@example.com"}),
        (Identity("email", "ana@example.com"), {"email": "ana@example.org", "name": "ana@example.com and others"}),
    ],
)
def test_a_customer_with_a_different_number_or_address_is_a_failure(asked: Identity, record: dict[str, Any]) -> None:
    with ScriptedCrm(_sends(record)) as crm:
        with pytest.raises(LookupFailed, match=f"a different {asked.kind}"):
            _adapter(crm).find(asked, 30)
        assert crm.connections == 1


@pytest.mark.parametrize(
    ("asked", "record"),
    [
        (ANA, {}),
        (ANA, {"phone": ""}),
        (ANA, {"phone": None}),
        (ANA, {"phone": "ex-directory"}),
        (ANA, {"phone": "555-0100"}),
        (ANA, {"phone": "***-***-0100"}),
        (ANA, {"email": "bob@example.com"}),
        (Identity("email", "ana@example.com"), {"phone": "+12065550177"}),
    ],
)
def test_a_customer_with_nothing_to_compare_counts_over_a_new_connection_only(
    asked: Identity, record: dict[str, Any]
) -> None:
    with ScriptedCrm(_sends(record)) as crm:
        customers = _adapter(crm)
        for _ in range(2):
            assert _ids(customers.find(asked, 30)) == ["C-1"]
        assert crm.connections == 2


def test_several_who_share_the_number_are_all_found() -> None:
    both = [{"id": "C-1", "phone": ANA.value}, {"id": "C-2", "phone": "+12065550177"}, {"id": "C-3"}]
    with ScriptedCrm(lambda request: request.send(ok(both))) as crm:
        customers = _adapter(crm)
        for _ in range(2):
            assert _ids(customers.find(ANA, 30)) == ["C-1", "C-2", "C-3"]
        assert crm.connections == 1
