"""The adapter "http" against a real server that misbehaves: the handler answers, in time, and the next call is well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from customers import Customer, LookupFailed, open_customers
from handler import create_handler
from http_customers import HttpCustomers
from hypothesis import given
from hypothesis import strategies as st
from identity import Identity

from ops.settings import lambda_settings, load_settings
from tests.unit.lambda_.crm import MISDEEDS, MisbehavingCrm
from tests.unit.lambda_.events import contact_event

ANA = {"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}
PHONE = Identity("phone", "+12065550100")
TIMED_OUT = ("hang", "drip headers", "drip body")


@pytest.fixture
def crm() -> Iterator[MisbehavingCrm]:
    with MisbehavingCrm() as server:
        server.customers = [ANA]
        yield server


def _lookup(crm: MisbehavingCrm, budget_ms: int = 3_000, **http: Any) -> dict[str, Any]:
    settings = lambda_settings(load_settings())["lookup"]
    changed = {**settings["http"], "url": crm.url, "timeout_ms": 2_000, **http}
    return {**settings, "adapter": "http", "budget_ms": budget_ms, "http": changed}


def test_a_customer_is_found_by_number_and_by_address_over_one_connection(crm: MisbehavingCrm) -> None:
    customers = open_customers(_lookup(crm))
    assert customers.find(PHONE, 2) == [Customer(**ANA)]
    assert customers.find(Identity("email", "a+b@example.com"), 2) == [Customer(**ANA)]
    assert [path for path, _ in crm.requests] == [
        "/api/customers?phone=%2B12065550100",
        "/api/customers?email=a%2Bb%40example.com",
    ]
    assert crm.connections == 1


def test_a_crm_is_asked_for_the_other_spelling_where_it_knows_nobody_by_the_first(crm: MisbehavingCrm) -> None:
    crm.customers = [{**ANA, "phone": "+5511987654321"}, {**ANA, "id": "C-2", "email": "Bea@example.com"}]
    crm.searches = True
    handle = create_handler({**lambda_settings(load_settings()), "lookup": _lookup(crm)})

    def asked(event: dict[str, Any]) -> list[str]:
        crm.requests.clear()
        assert handle(event, None)["contactMatches"] == "1"
        return [path.partition("=")[2] for path, _ in crm.requests]

    assert asked(contact_event("CHAT", "+551187654321")) == ["%2B551187654321", "%2B5511987654321"]
    assert asked(contact_event("CHAT", "+5511987654321")) == ["%2B5511987654321"]
    assert asked(contact_event("EMAIL", "Ana@Example.com", "EMAIL_ADDRESS")) == [
        "Ana%40example.com",
        "ana%40example.com",
    ]
    assert asked(contact_event("EMAIL", "Bea@example.com", "EMAIL_ADDRESS")) == ["Bea%40example.com"]


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_whatever_the_crm_does_the_call_is_answered_in_time_and_the_next_one_well(
    crm: MisbehavingCrm, misdeed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = lambda_settings(load_settings())
    handle = create_handler(
        {**settings, "lookup": _lookup(crm, budget_ms=1_000 if misdeed in TIMED_OUT else 7_500)}, None
    )
    event = contact_event(address="+12065550100")
    crm.behave(misdeed)
    started = time.monotonic()
    answer = handle(event, None)
    assert time.monotonic() - started < 10  # a hang would be for ever, a drip for minutes
    assert answer["statusCode"] == ("504" if misdeed in TIMED_OUT else "502")
    assert (answer["contactUrlPath"], answer["Name"], answer["contactMatches"]) == ("", "", "")
    assert "5550100" not in capsys.readouterr().out
    crm.behave("well")
    assert handle(event, None)["Name"] == "Ana Silva"


def test_a_crm_that_is_not_there_is_said(crm: MisbehavingCrm) -> None:
    customers = open_customers(_lookup(crm))
    crm.__exit__(None, None, None)
    with pytest.raises(LookupFailed, match="ConnectionRefusedError"):
        customers.find(PHONE, 2)


@pytest.mark.parametrize("misdeed", ["drop", "drop midway", "not http"])
def test_a_connection_error_is_tried_once_more(crm: MisbehavingCrm, misdeed: str) -> None:
    customers = open_customers(_lookup(crm))
    crm.behave(misdeed, times=1)
    assert customers.find(PHONE, 2) == [Customer(**ANA)]
    crm.behave(misdeed, times=2)
    with pytest.raises(LookupFailed):
        customers.find(PHONE, 2)
    assert len(crm.requests) == 4


def test_an_answer_that_is_an_error_is_not_asked_for_twice(crm: MisbehavingCrm) -> None:
    crm.behave("500")
    with pytest.raises(LookupFailed, match="500"):
        open_customers(_lookup(crm)).find(PHONE, 2)
    assert len(crm.requests) == 1


def test_a_redirect_is_not_followed(crm: MisbehavingCrm) -> None:
    crm.behave("redirect")
    with pytest.raises(LookupFailed, match="302"):
        open_customers(_lookup(crm)).find(PHONE, 2)
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
        ({"found": None}, "found", {"id": "id"}, []),
        ({}, "found.here", {"id": "id"}, []),
        ([{"id": "C-1", "p": {"full": "Ana"}}], "", {"id": "id", "name": "p.full"}, [Customer("C-1", "Ana")]),
        ([{"id": None, "name": ["Ana"]}, 7, None], "", {"id": "id", "name": "name"}, [Customer("")]),
    ],
)
def test_the_crms_json_is_mapped_to_our_fields(
    crm: MisbehavingCrm, body: Any, list_path: str, fields: dict[str, str], expected: list[Customer]
) -> None:
    adapter = HttpCustomers(_lookup(crm, list_path=list_path, fields=fields)["http"])
    assert adapter._customers(json.dumps(body).encode()) == expected


_ADAPTER = HttpCustomers(lambda_settings(load_settings())["lookup"]["http"])


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
        lambda value: json.dumps({"customers": value}).encode()
    )
)
def test_any_body_gives_customers_or_a_failed_lookup(body: bytes) -> None:
    try:
        found = _ADAPTER._customers(body)
    except LookupFailed:
        return
    assert all(isinstance(customer, Customer) for customer in found)
