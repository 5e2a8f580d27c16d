"""The adapter "http" with a real server that misbehaves: each call is answered in time, and the next one correctly."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from adapters.http import read_customers
from customers import Customer, LookupFailed, open_customers
from handler import create_handler
from hypothesis import given
from hypothesis import strategies as st
from identity import Identity

from ops.settings import lambda_settings, load_settings
from tests.unit.lambda_.crm import MISDEEDS, MisbehavingCrm
from tests.unit.lambda_.events import contact_event

ANA = {"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}
PHONE = Identity("phone", "+12065550100")
FIELDS = {"id": "id", "name": "name", "phone": "phone", "email": "email"}
TIMED_OUT = [misdeed for misdeed in MISDEEDS if misdeed == "hang" or misdeed.startswith("drip")]


@pytest.fixture
def crm() -> Iterator[MisbehavingCrm]:
    with MisbehavingCrm() as server:
        server.customers = [ANA]
        yield server


def _lookup(crm: MisbehavingCrm, budget_ms: int = 3_000, **http: Any) -> dict[str, Any]:
    settings = lambda_settings(load_settings())["lookup"]
    # Far more time than a test needs: only the tests of a time-out wait for one.
    changed = {**settings["http"], "url": crm.url, "timeout_ms": 30_000, **http}
    return {**settings, "adapter": "http", "budget_ms": budget_ms, "http": changed}


def test_a_customer_is_found_by_number_and_by_address_over_one_connection(crm: MisbehavingCrm) -> None:
    crm.customers = [ANA, {**ANA, "id": "C-2", "email": "a+b@example.com"}]
    customers = open_customers(_lookup(crm))
    for _ in range(3):
        assert customers.find(PHONE, 30) == [Customer(**one) for one in crm.customers]
        assert customers.find(Identity("email", "a+b@example.com"), 30) == [Customer(**crm.customers[1])]
    assert [path for path, _ in crm.requests[:2]] == [
        "/api/customers?phone=%2B12065550100",
        "/api/customers?email=a%2Bb%40example.com",
    ]
    assert crm.connections == 1


def test_a_crm_is_asked_for_the_other_spelling_if_the_first_finds_no_customer(crm: MisbehavingCrm) -> None:
    crm.customers = [{**ANA, "phone": "+5511987654321"}, {**ANA, "id": "C-2", "email": "Bea@example.com"}]
    handle = create_handler({**lambda_settings(load_settings()), "lookup": _lookup(crm)})

    def asked(event: dict[str, Any]) -> list[str]:
        crm.requests.clear()
        assert handle(event, None)["contactMatches"] == "1"
        # Each spelling once: on a reused connection, an answer without customers is requested a second time.
        return list(dict.fromkeys(path.partition("=")[2] for path, _ in crm.requests))

    assert asked(contact_event("CHAT", "+551187654321")) == ["%2B551187654321", "%2B5511987654321"]
    assert asked(contact_event("CHAT", "+5511987654321")) == ["%2B5511987654321"]
    assert asked(contact_event("EMAIL", "Ana@Example.com", "EMAIL_ADDRESS")) == [
        "Ana%40example.com",
        "ana%40example.com",
    ]
    assert asked(contact_event("EMAIL", "Bea@example.com", "EMAIL_ADDRESS")) == ["Bea%40example.com"]


@pytest.mark.parametrize(
    ("came", "known"),
    [
        ("+5215512345678", "55 1234 5678"),
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+52 1 55 1234 5678"),
        ("+541112345678", "+5491112345678"),
        ("+551187654321", "(11) 98765-4321"),
    ],
)
def test_a_crm_that_knows_the_spellings_itself_is_asked_once(crm: MisbehavingCrm, came: str, known: str) -> None:
    crm.customers, crm.finds_all = [{**ANA, "phone": known}], True
    handle = create_handler({**lambda_settings(load_settings()), "lookup": _lookup(crm)})
    assert handle(contact_event("CHAT", came), None)["Name"] == "Ana Silva"
    assert len(crm.requests) == 1


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_whatever_the_crm_does_the_call_is_answered_in_time_and_the_next_one_correctly(
    crm: MisbehavingCrm, misdeed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = lambda_settings(load_settings())
    late = misdeed in TIMED_OUT
    handle = create_handler(
        {**settings, "lookup": _lookup(crm, budget_ms=60_000, timeout_ms=500 if late else 30_000)}, None
    )
    event = contact_event(address="+12065550100")
    crm.behave(misdeed)
    started = time.monotonic()
    answer = handle(event, None)
    assert time.monotonic() - started < 20  # a hang would be for ever, a drip for minutes, the budget for a minute
    assert answer["statusCode"] == ("504" if late else "502")
    assert (answer["contactUrlPath"], answer["Name"], answer["contactMatches"]) == ("-", "-", "-")
    assert "5550100" not in capsys.readouterr().out
    crm.behave("well")
    assert handle(event, None)["Name"] == "Ana Silva"


def test_a_crm_that_never_finishes_is_abandoned_at_the_budget(crm: MisbehavingCrm) -> None:
    settings = lambda_settings(load_settings())
    handle = create_handler({**settings, "lookup": _lookup(crm, budget_ms=500, timeout_ms=60_000)}, None)
    crm.behave("drip body")
    started = time.monotonic()
    assert handle(contact_event(address="+12065550100"), None)["statusCode"] == "504"
    assert time.monotonic() - started < 20


def test_a_name_server_that_hangs_costs_the_crms_own_time_and_no_more(
    crm: MisbehavingCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    real = socket.getaddrinfo
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **rest: over.wait(60) and real(*args, **rest))
    customers = open_customers(_lookup(crm, timeout_ms=200))
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        customers.find(PHONE, 60)
    assert time.monotonic() - started < 20
    over.set()
    monkeypatch.undo()
    assert customers.find(PHONE, 30) == [Customer(**ANA)]


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    crm: MisbehavingCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        address = full.getsockname()
        # Its queue of connections is full, so one more waits as at a host that drops what comes.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        there = ("127.0.0.1", int(crm.origin.rpartition(":")[2]))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in (address, there)]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
        assert open_customers(_lookup(crm, timeout_ms=6_000)).find(PHONE, 60) == [Customer(**ANA)]
        for one in waiting:
            one.close()


def test_a_crm_that_cannot_be_reached_is_named(crm: MisbehavingCrm) -> None:
    customers = open_customers(_lookup(crm))
    crm.__exit__(None, None, None)
    with pytest.raises(LookupFailed, match="ConnectionRefusedError"):
        customers.find(PHONE, 30)


@pytest.mark.parametrize("misdeed", ["drop", "drop midway", "not http"])
def test_a_connection_error_is_tried_once_more(crm: MisbehavingCrm, misdeed: str) -> None:
    customers = open_customers(_lookup(crm))
    crm.behave(misdeed, times=1)
    assert customers.find(PHONE, 30) == [Customer(**ANA)]
    crm.behave(misdeed, times=2)
    with pytest.raises(LookupFailed):
        customers.find(PHONE, 30)
    assert len(crm.requests) == 4


def test_an_answer_that_is_an_error_is_not_asked_for_twice(crm: MisbehavingCrm) -> None:
    crm.behave("500")
    with pytest.raises(LookupFailed, match="500"):
        open_customers(_lookup(crm)).find(PHONE, 30)
    assert len(crm.requests) == 1


def test_a_redirect_is_not_followed(crm: MisbehavingCrm) -> None:
    crm.behave("redirect")
    with pytest.raises(LookupFailed, match="302"):
        open_customers(_lookup(crm)).find(PHONE, 30)
    assert len(crm.requests) == 1


def test_its_own_time_out_is_shorter_than_the_budget(crm: MisbehavingCrm) -> None:
    crm.behave("hang")
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        open_customers(_lookup(crm, timeout_ms=100)).find(PHONE, 60)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("url", ["http://crm.example.com/?{value}", "ftp://127.0.0.1/{value}", "https:///{value}"])
def test_customers_are_asked_for_over_https_only(crm: MisbehavingCrm, url: str) -> None:
    with pytest.raises(LookupFailed, match="https"):
        open_customers(_lookup(crm, url=url))


@pytest.mark.parametrize(
    ("body", "list_path", "fields", "expected"),
    [
        ({"a": {"b": [{"no": 7}]}}, "a.b", {"id": "no"}, [Customer("7")]),
        ([{"id": "C-1"}], "", {"id": "id"}, [Customer("C-1")]),
        ({"id": "C-1"}, "", {"id": "id"}, [Customer("C-1")]),
        ({"found": {"id": "C-1"}}, "found", {"id": "id"}, [Customer("C-1")]),
        ([{"id": "C-1", "p": {"full": "Ana"}}], "", {"id": "id", "name": "p.full"}, [Customer("C-1", "Ana")]),
        # list indexes
        ({"data": [{"items": [{"id": 1}]}]}, "data.0.items", {"id": "id"}, [Customer("1")]),
        ([7, [{"id": 1}]], "1", {"id": "id"}, [Customer("1")]),
        ({"data": {"0": [{"id": 1}]}}, "data.0", {"id": "id"}, [Customer("1")]),
        ([{"ids": ["a", "b"], "id": 1}], "", {"id": "id", "name": "ids.1"}, [Customer("1", "b")]),
        ([{"ids": ["a"], "id": 1}], "", {"id": "id", "name": "ids.1"}, [Customer("1")]),
        # no customer
        ([], "", {"id": "id"}, []),
        ({}, "", {"id": "id"}, []),
        (None, "", {"id": "id"}, []),
        ({"found": None}, "found", {"id": "id"}, []),
        ({"found": {}}, "found", {"id": "id"}, []),
        ({"found": None}, "found.here", {"id": "id"}, []),
        ({"data": []}, "data.0.items", {"id": "id"}, []),
        ({"found": [None, {}]}, "found", {"id": "id"}, []),
        # no customer without an id
        ([{"name": "Ana"}], "", {"id": "id", "name": "name"}, []),
        ({"id": None, "name": "Ana"}, "", {"id": "id", "name": "name"}, []),
        ([{"id": ""}, {"id": " "}, {"id": "C-1"}], "", {"id": "id"}, [Customer("C-1")]),
        ({"id": None}, "", {"id": "id"}, []),
        # values that are not strings
        ([{"id": "C-1", "name": ["Ana"], "phone": 12065550100}], "", FIELDS, [Customer("C-1", "", "12065550100")]),
        ([{"id": 2**70, "name": True, "phone": 1.2e10}], "", FIELDS, [Customer(str(2**70))]),
        # an empty error
        ({"error": None, "errors": [], "customers": [{"id": 1}]}, "customers", {"id": "id"}, [Customer("1")]),
    ],
)
def test_the_crms_json_is_mapped_to_our_fields(
    body: Any, list_path: str, fields: dict[str, str], expected: list[Customer]
) -> None:
    found = read_customers(json.dumps(body).encode(), list_path, fields)
    assert [customer for _, customer in found] == expected


@pytest.mark.parametrize(
    ("body", "list_path", "said"),
    [
        ('{"error": "no such table"}', "", "an error"),
        ('{"error": "no such table"}', "customers", "an error"),
        ('{"Errors": [{"code": 3}], "customers": []}', "customers", "an error"),
        ('{"id": "request-7", "error": {"message": "down"}}', "", "an error"),
        ('{"message": "Forbidden"}', "", "none of lookup.http.fields"),
        ('{"status": "error"}', "", "none of lookup.http.fields"),
        ('{"customers": [{"customer_id": 7}]}', "customers", "none of lookup.http.fields"),
        ("{}", "customers", "nothing at lookup.http.list_path"),
        ('{"message": "Forbidden"}', "customers", "nothing at lookup.http.list_path"),
        ("[]", "customers.items", ""),
        ("[7]", "customers", "nothing at lookup.http.list_path"),
        ('{"data": [{}]}', "data.1", "nothing at lookup.http.list_path"),
        ('{"data": [{}]}', "data.0.items", "nothing at lookup.http.list_path"),
        ('{"data": [{}]}', "data.-1", "nothing at lookup.http.list_path"),
        ('{"data": 7}', "data.items", "nothing at lookup.http.list_path"),
        ("7", "", "no customers at"),
        ("true", "", "no customers at"),
        ("false", "", "no customers at"),
        ("0", "", "no customers at"),
        ('""', "", "no customers at"),
        ('{"customers": ""}', "customers", "no customers at"),
        ('[{"id": 1}, 0]', "", "no customers at"),
        ('"Ana"', "", "no customers at"),
        ('["C-1"]', "", "no customers at"),
        ('[{"id": 1}, 7]', "", "no customers at"),
        ('{"id": NaN}', "", "not JSON"),
        ('{"id": Infinity}', "", "not JSON"),
        ('{"id": -Infinity}', "", "not JSON"),
        ('{"id": 1, "score": NaN}', "", "not JSON"),
        ('{"id": 1e400}', "", "neither a string nor an integer"),
        ('{"id": 1.5}', "", "neither a string nor an integer"),
        ('{"id": 7.0}', "", "neither a string nor an integer"),
        ('{"id": true}', "", "neither a string nor an integer"),
        ('{"id": false}', "", "neither a string nor an integer"),
        ('{"id": {"value": 7}}', "", "neither a string nor an integer"),
        ('{"id": ["7"]}', "", "neither a string nor an integer"),
        ("1" * 5_000, "", "not JSON"),
        ("<!doctype html>", "", "not JSON"),
    ],
)
def test_an_answer_without_the_configured_structure_is_a_failure_and_not_no_customer(
    body: str, list_path: str, said: str
) -> None:
    if not said:
        assert read_customers(body.encode(), list_path, FIELDS) == []
        return
    with pytest.raises(LookupFailed, match=said):
        read_customers(body.encode(), list_path, FIELDS)


@pytest.mark.parametrize("answer", ["204", "404", "empty 200", "blank 200"])
def test_an_answer_without_a_body_is_no_customer(crm: MisbehavingCrm, answer: str) -> None:
    handle = create_handler({**lambda_settings(load_settings()), "lookup": _lookup(crm)}, None)
    crm.behave(answer)
    said = handle(contact_event(address="+12065550100"), None)
    assert (said["statusCode"], said["contactMatches"]) == ("200", "0")
    assert said["contactSearchUrl"].startswith("https://")


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "name", "0", "error"]), inner),
    ).map(lambda value: json.dumps({"customers": value}).encode()),
    st.sampled_from(["", "customers", "customers.0", "customers.0.id"]),
)
def test_any_body_gives_customers_with_an_id_or_a_failed_lookup(body: bytes, list_path: str) -> None:
    try:
        found = read_customers(body, list_path, FIELDS)
    except LookupFailed:
        return
    assert all(customer.id.strip() for _, customer in found)
