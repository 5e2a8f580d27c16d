"""What every adapter has to do (lambda/lookup/customers.py), with a real directory; see tests/adapters/__init__.py.

A customer who is not the caller's is the worst that can happen, so most of it is about finding nobody else.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from customers import Customer, Customers, open_customers
from handler import create_handler
from identity import Identity

from ops import LOOKUP
from ops.adapter_settings import check_adapter_settings, has_settings
from ops.settings import lambda_settings, load_settings
from tests.adapters.stage import OWN_FIELDS, Stage, stage_of
from tests.unit.lambda_.events import contact_event

ADAPTERS = LOOKUP / "adapters"
SECONDS = 60.0  # for what takes milliseconds on a quiet machine
AT_MOST = 10.0  # s, for what has one second, or ends at once
ANA = {"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com", "tier": "gold"}
BOB = {"id": "C-2", "name": "Bob Silva", "phone": "+12065550101", "email": "bob@example.com", "tier": ""}
EVE = {"id": "C-3", "name": "Eve Silva", "phone": "+12065550101", "email": "eve@example.com", "tier": "silver"}
# Characters that mean something to SQL, LDAP, URLs, JSON and patterns, all allowed in an e-mail address (RFC 5322, 3.2.3).
ODD_EMAILS = ("o'hara+crm&x=y@example.com", "a%40b?c#d/e@example.com", "{x}$y^z~|!`@example.com", "ünï@example.com")
PATTERNS = (
    "%@example.com",
    "*@example.com",
    "_na@example.com",
    "'or'1'='1@example.com",
    "ana@example.com%00@example.com",
)
ODD_NAMES = {
    "markup": "<script>alert(1)</script>",
    "quotes": 'Ana "O\'Neill" \\ {id}',
    "spreadsheet": "=cmd|'/c calc'!A1",
    "right to left": "\u202eevil\u202c",
    "several lines": "Ana\r\nSet-Cookie: x\tB\x7f\x00"[:-1],
    "emoji": "👩🏽‍💻 Zoë",
    "long": "x" * 1_000,
    "spaces": "   ",
}
ODD_IDS = ("../../admin", "a/b?c=d#e", "%2e%2e", "ü ñ", "C-1'; drop table customers", "{query}")


@pytest.fixture
def stage(adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return the adapter's directory, started and empty."""
    made = stage_of(adapter)(tmp_path, monkeypatch)
    made.open()
    yield made
    made.recover()
    made.close()


Open = Callable[..., Customers]


def _lookup(adapter: str, stage: Stage, budget_ms: int = int(SECONDS * 1_000)) -> dict[str, Any]:
    lookup, own, module = lambda_settings(load_settings())["lookup"], stage.settings(), ADAPTERS / f"{adapter}.py"
    if has_settings(module):  # with the defaults of its class Settings, as `create` gets them in the Lambda
        own = {**own, adapter: check_adapter_settings(module, own.get(adapter, {}))}
    return {**lookup, "fields": list(OWN_FIELDS), "adapter": adapter, "budget_ms": budget_ms, **own}


@pytest.fixture
def customers(adapter: str, stage: Stage) -> Iterator[Open]:
    """Return a function that opens the adapter on a directory with these customers."""
    opened: list[Customers] = []

    def open_on(*records: dict[str, str], budget_ms: int = int(SECONDS * 1_000)) -> Customers:
        stage.fill(list(records))
        opened.append(open_customers(_lookup(adapter, stage, budget_ms)))
        return opened[-1]

    yield open_on
    for one in opened:
        one.close()


Handle = Callable[[object, object], dict[str, str]]


@pytest.fixture
def handler(adapter: str, stage: Stage) -> Callable[..., Handle]:
    """Return a function that makes the Lambda's handler with the adapter, on a directory with these customers."""

    def handler_on(*records: dict[str, str], budget_ms: int = int(SECONDS * 1_000), fill: bool = True) -> Handle:
        if fill:
            stage.fill(list(records))
        settings = lambda_settings(load_settings())
        own = {field: f"own-{field}" for field in OWN_FIELDS}
        return create_handler({**settings, "fields": own, "lookup": _lookup(adapter, stage, budget_ms)})

    return handler_on


def _phone(number: str) -> Identity:
    return Identity("phone", number)


def _email(address: str) -> Identity:
    return Identity("email", address)


def _ids(found: list[Customer]) -> list[str]:
    return sorted(customer.id for customer in found)


# -- finds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [_phone(ANA["phone"]), _email(ANA["email"])], ids=["number", "address"])
def test_it_finds_a_customer_with_every_field(customers: Open, identity: Identity) -> None:
    (found,) = customers(ANA, BOB).find(identity, SECONDS)
    assert isinstance(found, Customer)
    assert (found.id, found.name) == ("C-1", "Ana Silva")
    # A directory may leave out what was asked for, but may not say another one.
    assert found.phone in ("", ANA["phone"])
    assert found.email in ("", ANA["email"])
    assert found.fields["tier"] == "gold"


def test_every_value_is_a_string_where_the_directory_has_none(customers: Open) -> None:
    (found,) = customers({"id": "C-4", "name": "", "phone": "+12065550104", "email": "", "tier": ""}).find(
        _phone("+12065550104"), SECONDS
    )
    values = [found.id, found.name, found.phone, found.email, found.fields.get("tier", "")]
    assert all(isinstance(value, str) for value in values)
    assert (found.id, found.name, found.email, found.fields.get("tier", "")) == ("C-4", "", "", "")


def test_it_finds_the_same_again_and_each_its_own(customers: Open) -> None:
    opened = customers(ANA, BOB)
    for _ in range(3):
        assert _ids(opened.find(_phone(ANA["phone"]), SECONDS)) == ["C-1"]
        assert _ids(opened.find(_phone("+12065550199"), SECONDS)) == []
        assert _ids(opened.find(_email(BOB["email"]), SECONDS)) == ["C-2"]


def test_an_address_is_found_whatever_its_case(handler: Callable[..., Handle]) -> None:
    handle = handler(ANA, BOB)
    for written in ("ana@example.com", "Ana@Example.com", "ANA@EXAMPLE.COM"):
        assert handle(contact_event("CHAT", attributes={"email": written}), None)["Name"] == "Ana Silva", written


def test_the_lambda_answers_with_the_customer(handler: Callable[..., Handle]) -> None:
    answer = handler(ANA, BOB)(contact_event(address=ANA["phone"]), None)
    assert (answer["contactMatches"], answer["statusCode"]) == ("1", "200")
    assert (answer["contactUrlPath"], answer["own-tier"]) == ("https://crm.example.com/customers/C-1", "gold")


# -- finds nobody, finds several ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["+12065550199", "+1206555010", "+120655501000", "+442065550100", "+12065550", "+1"])
def test_a_number_that_nobody_has_finds_nobody(customers: Open, number: str) -> None:
    assert customers(ANA, BOB).find(_phone(number), SECONDS) == []


@pytest.mark.parametrize(
    "address",
    ["nobody@example.com", "ana@example.org", "na@example.com", "ana@example.co", "ana+x@example.com", *PATTERNS],
)
def test_an_address_that_nobody_has_finds_nobody(customers: Open, address: str) -> None:
    assert customers(ANA, BOB).find(_email(address), SECONDS) == []


def test_an_empty_directory_finds_nobody(customers: Open) -> None:
    assert customers().find(_phone(ANA["phone"]), SECONDS) == []


def test_it_finds_everyone_who_shares_a_number(customers: Open, handler: Callable[..., Handle]) -> None:
    assert _ids(customers(ANA, BOB, EVE).find(_phone(BOB["phone"]), SECONDS)) == ["C-2", "C-3"]
    answer = handler(ANA, BOB, EVE)(contact_event(address=BOB["phone"]), None)
    assert (answer["contactMatches"], answer["contactUrlPath"], answer["Name"], answer["own-tier"]) == (
        "2",
        "-",
        "-",
        "-",
    )


# -- fails, times out --------------------------------------------------------------------------------------------------


def test_a_directory_that_fails_raises_and_is_asked_again(customers: Open, stage: Stage) -> None:
    opened = customers(ANA)
    stage.fail()
    with pytest.raises(Exception) as raised:  # noqa: PT011 (any exception: the handler answers whatever is raised)
        opened.find(_phone(ANA["phone"]), SECONDS)
    assert "5550100" not in str(raised.value), "the message is logged: it must not have what was asked for"
    stage.recover()
    assert _ids(opened.find(_phone(ANA["phone"]), SECONDS)) == ["C-1"]


def test_the_lambda_answers_when_the_directory_fails_and_logs_no_personal_data(
    handler: Callable[..., Handle], stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = handler(ANA)
    stage.fail()
    answer = handle(contact_event(address=ANA["phone"]), None)
    assert (answer["statusCode"], answer["contactMatches"], answer["contactUrlPath"]) == ("502", "-", "-")
    stage.recover()
    assert handle(contact_event(address=ANA["phone"]), None)["Name"] == "Ana Silva"
    assert handle(contact_event("CHAT", attributes={"email": ANA["email"]}), None)["Name"] == "Ana Silva"
    printed = capsys.readouterr().out
    for personal in ("5550100", "Ana", "ana@", "gold", "C-1"):
        assert personal not in printed


def test_a_directory_that_does_not_answer_at_the_start_is_asked_later(
    handler: Callable[..., Handle], stage: Stage
) -> None:
    stage.fill([ANA])
    stage.fail()
    handle = handler(fill=False)
    assert handle(contact_event(address=ANA["phone"]), None)["statusCode"] in ("502", "504")
    stage.recover()
    assert handle(contact_event(address=ANA["phone"]), None)["Name"] == "Ana Silva"


def test_find_ends_by_itself_soon_after_its_time(customers: Open, stage: Stage) -> None:
    opened = customers(ANA, budget_ms=1_000)
    stage.hang()
    started = time.monotonic()
    with pytest.raises(Exception):  # noqa: B017, PT011 (TimeoutError or its own)
        opened.find(_phone(ANA["phone"]), 1.0)
    assert time.monotonic() - started < AT_MOST, "a hang would be for ever"


def test_the_lambda_answers_in_time_and_the_next_caller_gets_their_own(
    handler: Callable[..., Handle], stage: Stage
) -> None:
    handle = handler(ANA, BOB, budget_ms=1_000)
    assert handle(contact_event(address=BOB["phone"]), None)["Name"] == "Bob Silva"
    stage.hang()
    started = time.monotonic()
    assert handle(contact_event(address=ANA["phone"]), None)["statusCode"] == "504"
    assert time.monotonic() - started < AT_MOST
    stage.recover()
    deadline = time.monotonic() + SECONDS
    while (answer := handle(contact_event(address=BOB["phone"]), None))["statusCode"] != "200":
        assert time.monotonic() < deadline, "the directory answers again and the adapter does not"
    assert answer["Name"] == "Bob Silva"


def test_close_wakes_a_find_that_waits(customers: Open, stage: Stage) -> None:
    opened = customers(ANA)
    opened.find(_phone(ANA["phone"]), SECONDS)
    stage.hang()
    ended = threading.Event()

    def ask() -> None:
        with suppress(Exception):
            opened.find(_phone(ANA["phone"]), SECONDS)
        ended.set()

    threading.Thread(target=ask, daemon=True).start()
    deadline = time.monotonic() + AT_MOST
    while not ended.wait(0.05):  # again and again: it may not have been waiting yet
        opened.close()
        assert time.monotonic() < deadline, "find still waits after close()"


# -- hostile values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ODD_EMAILS)
def test_an_odd_address_finds_its_own_customer_and_nobody_else(customers: Open, address: str) -> None:
    odd = {**EVE, "email": address}
    assert _ids(customers(ANA, BOB, odd).find(_email(address), SECONDS)) == ["C-3"]


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=list(ODD_NAMES))
def test_an_odd_value_is_one_line_of_the_answer(handler: Callable[..., Handle], name: str) -> None:
    answer = handler({**ANA, "name": name, "tier": name}, BOB)(contact_event(address=ANA["phone"]), None)
    assert (answer["statusCode"], answer["contactUrlPath"]) == ("200", "https://crm.example.com/customers/C-1")
    for value in (answer["Name"], answer["own-tier"]):
        assert 0 < len(value) <= 256
        assert value.isprintable()
    assert answer["Name"] == answer["own-tier"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_odd_id_opens_its_own_page_or_none(handler: Callable[..., Handle], odd: str) -> None:
    answer = handler({**ANA, "id": odd}, BOB)(contact_event(address=ANA["phone"]), None)
    assert answer["statusCode"] == "200"
    page = answer["contactUrlPath"]
    assert page == "-" or (page.startswith("https://crm.example.com/customers/") and page.count("/") == 4), page


def test_what_the_adapter_prints_at_its_start_has_no_customer(
    handler: Callable[..., Handle], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdout", printed)
    handler(ANA)
    assert "Ana" not in printed.getvalue()
    assert all(json.loads(line)["message"] for line in printed.getvalue().splitlines())
