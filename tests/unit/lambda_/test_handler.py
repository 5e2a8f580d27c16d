"""The handler: one, several, none; always a complete answer of strings, in time, and nothing personal in its log."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import handler as handler_module
import pytest
import token_signing
from adapters.sample import SampleCustomers
from customers import Customer, Customers, LookupFailed
from directory import CustomerDirectory
from flow_contract import NO_VALUE
from handler import create_handler
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from identity import Identity
from popdesk_api.contact_token import verify
from token_signing import KEYS_VARIABLE

from ops.settings import lambda_settings, load_settings
from tests.unit.lambda_.events import CONTACT_ID, contact_event
from tests.unit.lambda_.tokens import AUDIENCE, KEYS, with_api

SETTINGS = lambda_settings(load_settings())
API_SETTINGS = lambda_settings(with_api(load_settings()))
ANA = Customer("C-1", "Ana Silva", "+12065550100", "ana@example.com")
BOB = Customer("C-2", "Bob Silva", "+12065550100", "bob@example.com")


class Answering(Customers):
    """An adapter that answers as the test says."""

    def __init__(self, find: Callable[[Identity], list[Customer]]) -> None:
        self._find = find
        self.closed = False

    def find(self, identity: Identity, seconds: float) -> list[Customer]:  # noqa: ARG002
        return self._find(identity)

    def close(self) -> None:
        self.closed = True


class Opening(CustomerDirectory):
    """The handler's directory with adapters of the test."""

    def __init__(self, make: Callable[[], Customers]) -> None:
        super().__init__({})
        self._make = make

    def open(self) -> Customers:
        if self._customers is None:
            self._customers = self._make()
        return self._customers


class Context:
    """The part of Lambda's context that the handler uses."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def _handler(find: Callable[[Identity], list[Customer]], **lookup: Any) -> Callable[[object, object], dict[str, str]]:
    settings = {**SETTINGS, "lookup": {**SETTINGS["lookup"], **lookup}}
    return create_handler(settings, Opening(lambda: Answering(find)))


def _valid(answer: dict[str, str]) -> None:
    """Check the rules of STRING_MAP and of the flow: all keys, non-empty strings, under 32 KB of UTF-8."""
    assert list(answer) == list(SETTINGS["attributes"].values())
    assert all(type(value) is str and value for value in answer.values())
    assert len(json.dumps(answer, ensure_ascii=False).encode("utf-8")) < 32_000


def test_one_match_gives_their_page() -> None:
    answer = _handler(lambda _: [ANA])(contact_event(address="+12065550100"), None)
    _valid(answer)
    assert answer == {
        "contactUrlPath": "https://crm.example.com/customers/C-1",
        "contactUrlWidth": "1000",
        "contactUrlHeight": "700",
        "contactUrlLeft": "-",
        "contactUrlTop": "-",
        "contactSearchUrl": "-",
        "Name": "Ana Silva",
        "CustomePhoneReturn": "+12065550100",
        "ContactPhoneNumberOrEmail": "+12065550100",
        "contactMatches": "1",
        "statusCode": "200",
    }


def test_a_customer_found_by_email_brings_their_phone_number() -> None:
    answer = _handler(lambda _: [ANA])(contact_event("CHAT", attributes={"email": "ana@example.com"}), None)
    assert (answer["CustomePhoneReturn"], answer["ContactPhoneNumberOrEmail"]) == ("+12065550100", "ana@example.com")


def test_a_customers_number_is_the_directorys_and_what_was_looked_up_the_callers() -> None:
    answer = _handler(lambda _: [ANA])(contact_event(address="+12065550199"), None)
    assert (answer["CustomePhoneReturn"], answer["ContactPhoneNumberOrEmail"]) == ("+12065550100", "+12065550199")
    without = Customer(ANA.id, ANA.name, "", ANA.email)
    assert _handler(lambda _: [without])(contact_event(address="+12065550199"), None)["CustomePhoneReturn"] == "-"


@pytest.mark.parametrize(("found", "matches"), [([], "0"), ([ANA, BOB], "2")])
def test_no_match_and_several_give_a_search_and_a_count_but_no_page_and_no_name(
    found: list[Customer], matches: str
) -> None:
    answer = _handler(lambda _: found)(contact_event(address="+12065550100"), None)
    _valid(answer)
    assert (answer["contactUrlPath"], answer["Name"], answer["contactMatches"]) == ("-", "-", matches)
    assert answer["contactSearchUrl"] == "https://crm.example.com/search?q=%2B12065550100"
    assert answer["statusCode"] == "200"


@pytest.mark.parametrize(
    ("came", "asked"),
    [
        ("+12065550100", ["+12065550100"]),
        ("+5215512345678", ["+5215512345678", "+525512345678"]),
        ("+541112345678", ["+541112345678", "+5491112345678"]),
        ("+551187654321", ["+551187654321", "+5511987654321"]),
    ],
)
def test_a_directory_is_asked_for_the_other_spelling_if_the_first_finds_no_customer(
    came: str, asked: list[str]
) -> None:
    for known in asked:
        values: list[str] = []

        def find(identity: Identity, known: str = known, values: list[str] = values) -> list[Customer]:
            values.append(identity.value)
            return [ANA] if identity.value == known else []

        assert _handler(find)(contact_event(address=came), None)["contactMatches"] == "1"
        assert values == asked[: asked.index(known) + 1]


def test_both_spellings_are_asked_for_within_the_one_budget() -> None:
    over = threading.Event()
    asked: list[str] = []

    def find(identity: Identity) -> list[Customer]:
        asked.append(identity.value)
        if len(asked) > 1:
            over.wait(30)
        return []

    started = time.monotonic()
    answer = _handler(find, budget_ms=1_000)(contact_event(address="+5491112345678"), None)
    assert time.monotonic() - started < 5
    assert (answer["statusCode"], len(asked)) == ("504", 2)
    over.set()


def test_the_sample_customers_are_found_by_either_spelling_and_by_the_exact_one_first() -> None:
    records = [
        {"id": "C-1", "name": "Ana", "phone": "+5491112345678", "email": "Ana.Silva@example.com"},
        {"id": "C-2", "name": "Bea", "phone": "+541187654321", "email": "bea@example.com"},
        {"id": "C-3", "name": "Cleo", "phone": "+5491187654321", "email": "BEA@example.com"},
        {"id": "C-4", "name": "Dina", "phone": "+525512345678", "email": ""},
        {"id": "C-5", "name": "Eva", "phone": "+5511987654321", "email": ""},
    ]
    handle = create_handler(SETTINGS, Opening(lambda: SampleCustomers(records)))

    def name(event: dict[str, Any]) -> str:
        answer = handle(event, None)
        return answer["Name"] if answer["contactMatches"] == "1" else answer["contactMatches"]

    assert name(contact_event(address="+541112345678")) == name(contact_event(address="+5491112345678")) == "Ana"
    assert name(contact_event(address="+541187654321")) == "Bea"
    assert name(contact_event(address="+5491187654321")) == "Cleo"
    assert name(contact_event("CHAT", "+5215512345678")) == "Dina"
    assert name(contact_event("CHAT", "+551187654321")) == "Eva"
    assert name(contact_event("CHAT", attributes={"email": "ana.silva@example.com"})) == "Ana"
    assert name(contact_event("CHAT", attributes={"email": "ANA.SILVA@example.com"})) == "Ana"
    assert name(contact_event("CHAT", attributes={"email": "bea@example.com"})) == "Bea"
    assert name(contact_event("CHAT", attributes={"email": "BEA@example.com"})) == "Cleo"


def test_the_answer_has_the_address_as_it_came() -> None:
    answer = _handler(lambda _: [])(contact_event("CHAT", attributes={"email": "Ana.Silva@Example.com"}), None)
    assert answer["ContactPhoneNumberOrEmail"] == "Ana.Silva@example.com"
    assert answer["contactSearchUrl"] == "https://crm.example.com/search?q=Ana.Silva%40example.com"


def test_a_directory_that_lists_a_customer_twice_has_one_match() -> None:
    answer = _handler(lambda _: [ANA, ANA])(contact_event(address="+12065550100"), None)
    assert (answer["contactMatches"], answer["Name"]) == ("1", "Ana Silva")


def test_a_customer_without_an_id_is_left_out_whatever_the_adapter() -> None:
    answer = _handler(lambda _: [Customer("", "Ana Silva", "+12065550100")])(
        contact_event(address="+12065550100"), None
    )
    assert (answer["contactMatches"], answer["statusCode"]) == ("0", "200")
    assert answer["contactSearchUrl"] == "https://crm.example.com/search?q=%2B12065550100"
    both = _handler(lambda _: [Customer(""), ANA])(contact_event(address="+12065550100"), None)
    assert (both["contactMatches"], both["Name"]) == ("1", "Ana Silva")


@pytest.mark.parametrize(
    "event",
    [
        contact_event(),
        contact_event("CHAT"),
        contact_event(address="anonymous"),
        contact_event("CHAT", attributes={"email": "ana\ud800@example.com"}),
        contact_event("EMAIL", "\udfff@example.com", "EMAIL_ADDRESS"),
        contact_event(typed="+1206555\ud8000100"),
        {},
        None,
        [],
    ],
)
def test_without_an_identity_nothing_is_looked_up_and_the_answer_is_complete(event: object) -> None:
    def find(_: Identity) -> list[Customer]:
        raise AssertionError("looked up")

    answer = _handler(find)(event, None)
    _valid(answer)
    assert (answer["contactMatches"], answer["statusCode"], answer["contactUrlPath"]) == ("0", "200", "-")
    assert answer["contactSearchUrl"] == "-"


@pytest.mark.parametrize(
    "error", [LookupFailed("it is down"), ValueError("+12065550100"), KeyError("x"), MemoryError(), SystemExit(1)]
)
def test_a_directory_that_fails_is_answered_and_logged(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(_: Identity) -> list[Customer]:
        raise error

    answer = _handler(find)(contact_event(address="+12065550100"), None)
    _valid(answer)
    # Not "0": that would mean that the directory has no such customer.
    assert (answer["contactMatches"], answer["statusCode"]) == ("-", "502")
    assert answer["contactSearchUrl"].startswith("https://")
    line = json.loads(capsys.readouterr().out)
    assert (line["outcome"], line["level"]) == ("failed", "ERROR")
    assert type(error).__name__ in line["error"]
    assert "5550100" not in line["error"]


@pytest.mark.parametrize(
    ("name", "said"), [("yaml.loader", "ModuleNotFoundError yaml.loader ("), ("+1206 Ana", "ModuleNotFoundError (")]
)
def test_a_module_that_is_missing_is_named_in_the_log(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    def find(_: Identity) -> list[Customer]:
        raise ModuleNotFoundError("No module", name=name)

    _handler(find)(contact_event(address="+12065550100"), None)
    assert json.loads(capsys.readouterr().out)["error"].startswith(said)


@pytest.mark.parametrize(
    "nonsense",
    [None, 7, "text", [None], [7], [{"id": "C-1"}], [Customer(7)], [Customer("C-1", None)]],  # type: ignore[arg-type]
)
def test_an_adapter_that_returns_nonsense_fails_the_look_up_only(nonsense: Any) -> None:
    answer = _handler(lambda _: nonsense)(contact_event(address="+12065550100"), None)
    _valid(answer)
    assert (answer["statusCode"], answer["contactMatches"], answer["contactUrlPath"]) == ("502", "-", "-")


def test_a_directory_that_hangs_costs_the_budget_and_no_more_and_is_replaced() -> None:
    over = threading.Event()
    made: list[Answering] = []

    def hang(_: Identity) -> list[Customer]:
        over.wait(30)
        return [ANA]

    def make() -> Customers:
        made.append(Answering(hang if not made else lambda _: [BOB]))
        return made[-1]

    settings = {**SETTINGS, "lookup": {**SETTINGS["lookup"], "budget_ms": 1_000}}
    handle = create_handler(settings, Opening(make))
    started = time.monotonic()
    answer = handle(contact_event(address="+12065550100"), None)
    assert time.monotonic() - started < 5  # it would hang for 30
    assert (answer["statusCode"], answer["contactMatches"], answer["contactUrlPath"]) == ("504", "-", "-")
    assert made[0].closed
    # The next call does not use the hanging adapter, and its late result is ignored.
    assert handle(contact_event(address="+12065550100"), None)["Name"] == "Bob Silva"
    over.set()
    assert handle(contact_event(address="+12065550100"), None)["Name"] == "Bob Silva"


def test_the_invocations_remaining_time_counts_if_it_is_less_than_the_budget() -> None:
    over = threading.Event()

    def hang(_: Identity) -> list[Customer]:
        over.wait(30)
        return [ANA]

    handle = _handler(hang, budget_ms=7_500)
    started = time.monotonic()
    assert handle(contact_event(address="+12065550100"), Context(400))["statusCode"] == "504"
    assert time.monotonic() - started < 5
    assert handle(contact_event(address="+12065550100"), Context(0))["statusCode"] == "504"
    over.set()


def test_an_adapter_that_cannot_be_opened_is_tried_again_in_the_next_call(capsys: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []

    def make() -> Customers:
        tries.append(1)
        if len(tries) < 3:
            raise LookupFailed("no token")
        return Answering(lambda _: [ANA])

    handle = create_handler(SETTINGS, Opening(make))
    event = contact_event(address="+12065550100")
    assert handle(event, None)["statusCode"] == "502"
    assert handle(event, None)["statusCode"] == "200"
    assert "no token" in capsys.readouterr().out.splitlines()[0]


def test_a_page_that_is_not_allowed_is_dropped_and_logged_without_its_url(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {**SETTINGS, "allowed_hosts": ["other.example.com"]}
    handle = create_handler(settings, Opening(lambda: Answering(lambda _: [ANA])))
    answer = handle(contact_event(address="+12065550100"), None)
    assert (answer["contactUrlPath"], answer["contactMatches"], answer["Name"]) == ("-", "1", "Ana Silva")
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "WARN"
    assert line["refused"] == ["url: its host is not allowed"]


def test_the_log_is_one_json_line_with_cloudwatchs_metrics_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    _handler(lambda _: [ANA])(contact_event(address="+12065550100"), None)
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert (line["contact_id"], line["channel"], line["outcome"], line["adapter"]) == (
        CONTACT_ID,
        "VOICE",
        "found",
        "sample",
    )
    # The embedded metric format: every metric and every dimension is a member of the root, a dimension a string.
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert directive["Namespace"]
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], (int, float))
    for dimension in {name for names in directive["Dimensions"] for name in names}:
        assert isinstance(line[dimension], str)
        assert line[dimension]


# A mark in every value of a customer, an event or an exception: none of it may be in the log.
_MARK = "Qz7"
_values = st.text(max_size=30).map(lambda text: _MARK + text + _MARK) | st.just(_MARK * 4_000)
_customers = st.lists(
    st.builds(Customer, id=_values | st.just(""), name=_values, phone=_values, email=_values), max_size=4
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    found=_customers,
    event=st.builds(
        contact_event,
        channel=st.sampled_from(["VOICE", "CHAT", "TASK", "EMAIL", _MARK]),
        address=st.just("+12065550100") | _values | st.none() | st.integers(),
        kind=st.sampled_from(["TELEPHONE_NUMBER", "EMAIL_ADDRESS", _MARK]),
        typed=_values | st.none() | st.lists(st.integers(), max_size=3),
        attributes=st.dictionaries(st.sampled_from(["email", "phone", _MARK]), _values | st.integers(), max_size=3),
    ),
    fails=st.booleans(),
)
def test_whatever_comes_the_answer_is_valid_and_the_log_says_nothing_of_it(
    found: list[Customer], event: dict[str, Any], fails: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(_: Identity) -> list[Customer]:
        if fails:
            raise ValueError(_MARK)
        return found

    answer = _handler(find)(event, None)
    _valid(answer)
    assert all(value.isprintable() for value in answer.values())
    log = capsys.readouterr().out
    assert _MARK not in log
    assert "5550100" not in log


# -- where the API is enabled: the customer's id and the contact's token ----------------------------------------------------


def _with_api(monkeypatch: pytest.MonkeyPatch, find: Callable[[Identity], list[Customer]]) -> dict[str, str]:
    monkeypatch.setenv("POPDESK_STACK", AUDIENCE)
    handle = create_handler(API_SETTINGS, Opening(lambda: Answering(find)))
    return handle(contact_event(address="+12065550100"), Context(5000))


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, json.dumps({kid: key.decode() for kid, key in KEYS.items()}))


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("found", "customer", "proven"),
    [([ANA], "C-1", ("C-1",)), ([ANA, BOB], NO_VALUE, ()), ([], NO_VALUE, ())],
    ids=["one", "several", "none"],
)
def test_the_answer_has_a_token_that_is_good_for_the_one_customer_found(
    monkeypatch: pytest.MonkeyPatch, found: list[Customer], customer: str, proven: tuple[str, ...]
) -> None:
    answer = _with_api(monkeypatch, lambda _: found)
    assert list(answer) == list(API_SETTINGS["attributes"].values())
    assert answer["customerId"] == customer
    proof = verify(answer["popdeskToken"], KEYS, AUDIENCE, time.time())
    assert (proof.contact_id, proof.customers) == (CONTACT_ID, proven)


@pytest.mark.usefixtures("keys")
def test_a_directory_that_fails_leaves_a_token_that_is_good_for_no_customer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Identity) -> list[Customer]:
        raise LookupFailed("the CRM answered 500")

    answer = _with_api(monkeypatch, fail)
    assert answer["statusCode"] == "502"
    assert verify(answer["popdeskToken"], KEYS, AUDIENCE, time.time()).customers == ()
    printed = capsys.readouterr().out
    assert answer["popdeskToken"] not in printed
    assert KEYS["kid-1"].decode() not in printed


@pytest.mark.usefixtures("keys")
def test_an_id_that_an_attribute_cannot_hold_as_it_is_is_not_given_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _with_api(monkeypatch, lambda _: [Customer("C" * 300, "Ana")])
    assert answer["customerId"] == NO_VALUE
    assert verify(answer["popdeskToken"], KEYS, AUDIENCE, time.time()).customers == ()


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "POPDESK_TOKEN_SECRET_ARN is not set"),
        ({KEYS_VARIABLE: "no JSON"}, "has no keys"),
        ({KEYS_VARIABLE: "{}"}, "has no keys"),
        ({KEYS_VARIABLE: "[]"}, "has no keys"),
        ({"POPDESK_TOKEN_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}, "AWS_REGION"),
    ],
)
def test_without_a_key_the_answer_is_what_it_is_without_a_token_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], why: str
) -> None:
    for name in (KEYS_VARIABLE, "POPDESK_TOKEN_SECRET_ARN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    answer = _with_api(monkeypatch, lambda _: [ANA])
    assert answer["popdeskToken"] == NO_VALUE
    assert answer["Name"] == ANA.name
    assert answer["statusCode"] == "200"
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "WARN"
    assert why in line["no_token"]


def test_a_secret_that_does_not_come_in_time_does_not_hold_the_call_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(token_signing, "_current_key", lambda _deadline: waiting.wait(20))
    monkeypatch.setattr(handler_module, "_KEY_SECONDS", 0.01)
    monkeypatch.setattr(handler_module, "_KEY_SECONDS_IN_CALL", 0.01)
    monkeypatch.setattr(token_signing, "_AGAIN", 0)
    started = time.monotonic()
    answer = _with_api(monkeypatch, lambda _: [ANA])
    waiting.set()
    assert time.monotonic() - started < 5
    assert (answer["popdeskToken"], answer["Name"]) == (NO_VALUE, ANA.name)
    assert "did not come in time" in json.loads(capsys.readouterr().out)["no_token"]


def test_without_the_api_there_is_neither_token_nor_key() -> None:
    answer = _handler(lambda _: [ANA])(contact_event(address="+12065550100"), None)
    assert not {"popdeskToken", "customerId"} & set(answer)
