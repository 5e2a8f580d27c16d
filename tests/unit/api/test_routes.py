"""The API's routes: what they answer, whom they refuse, what a mistake is told, and what the log holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases_adapters.sample import SampleCases
from popdesk_api.app import app, asking
from popdesk_api.cases import Case, CasesFailed, NewCase, OutcomeUnknown, Write
from popdesk_api.contract import PREFIX
from pydantic import BaseModel, field_validator

from tests.unit.api.requests import KEY, Asks

CASES = "customers/C-1001/cases"


@pytest.fixture
def asks(tmp_path: Path) -> Asks:
    return Asks(tmp_path)


def test_a_case_is_created_listed_changed_noted_and_closed(asks: Asks) -> None:
    made = asks("POST", CASES, {"subject": " Late parcel ", "priority": "high", "note": "Since Monday"}, KEY)
    assert (made.status, made.json["subject"], made.json["status"]) == (201, "Late parcel", "open")
    path = f"{CASES}/{made.json['id']}"
    assert asks("POST", f"{path}/notes", {"text": "Called the carrier"}, KEY[::-1]).status == 201
    assert asks("PATCH", path, {"priority": "low"}, "a" * 32).json["priority"] == "low"
    assert made.json["id"] in [case["id"] for case in asks("GET", CASES, query="status=open").json["cases"]]
    closed = asks("PATCH", path, {"status": "closed"}, "b" * 32)
    assert (closed.status, closed.json["status"]) == (200, "closed")
    assert made.json["id"] not in [case["id"] for case in asks("GET", CASES).json["cases"]]
    assert asks("PATCH", path, {"status": "open"}, "c" * 32).json["status"] == "open"  # undone
    titles = [event["title"] for event in asks("GET", "customers/C-1001/history").json["events"]]
    number = made.json["id"]
    assert titles[:5] == [
        f"Case {number} reopened",
        f"Case {number} closed",
        f"Case {number} changed",
        f"Note on case {number}",
        f"Case {number} opened: Late parcel",
    ]


def test_a_note_on_the_customer_is_in_their_history(asks: Asks) -> None:
    assert asks("POST", "customers/C-1001/notes", {"text": "Prefers e-mail"}, KEY).status == 201
    event = asks("GET", "customers/C-1001/history").json["events"][0]
    assert (event["title"], event["note"]) == ("Note", "Prefers e-mail")


def test_every_answer_is_json_that_nobody_keeps(asks: Asks) -> None:
    for answer in (asks("GET", CASES), asks("GET", "nothing"), asks("GET", CASES, token="bad")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")


def test_without_a_good_token_nothing_is_looked_at(asks: Asks) -> None:
    for body in (None, {"wrong": 1}, b"{"):
        refused = asks("POST", CASES, body, KEY, token="forged")
        assert (refused.status, refused.json["title"]) == (401, "Token refused")
    assert asks.log[0]["error"] == "another issuer"
    assert all(line["message"] != "audit" for line in asks.log)


@pytest.mark.parametrize("path", ["customers/C-1002/cases", "customers/C-1001%2Fx/cases", "customers/-/cases"])
def test_another_customer_is_refused_on_every_route(asks: Asks, path: str) -> None:
    assert asks("GET", path.replace("%", "%25")).status == 403
    customer = path.split("/")[1].replace("%", "%25")
    assert asks("POST", f"customers/{customer}/notes", {"text": "x"}, KEY).status == 403
    assert asks("PATCH", f"customers/{customer}/cases/1001", {"status": "closed"}, KEY).status == 403


def test_a_case_of_another_customer_is_not_found(asks: Asks) -> None:
    other = SampleCases(asks.cases._path).create_case("C-1002", NewCase(subject="Theirs"), Write("", "k"))  # type: ignore[attr-defined]
    answer = asks("PATCH", f"{CASES}/{other.id}", {"status": "closed"}, KEY)
    assert (answer.status, answer.json["title"]) == (404, "No such case")
    assert asks("POST", f"{CASES}/{other.id}/notes", {"text": "x"}, KEY[::-1]).status == 404


def test_an_id_with_a_slash_and_a_question_mark_is_encoded_twice(asks: Asks) -> None:
    made = asks("POST", "customers/C%252F9%253F/cases", {"subject": "Odd id"}, KEY)
    assert made.status == 201
    assert made.json["url"].endswith("/C%2F9%3F")
    assert asks("GET", "customers/C%2F9%3F/cases").status == 404  # an HTTP API decodes once: other segments, and cut


def test_wrong_values_are_told_by_their_field_and_not_repeated(asks: Asks) -> None:
    answer = asks("POST", CASES, {"subject": "", "note": "n" * 4_001, "colour": "red"}, KEY)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["errors"] == [
        {"field": "subject", "detail": "It is empty."},
        {"field": "note", "detail": "It is longer than 4000 characters."},
        {"field": "colour", "detail": "There is no such field."},
    ]
    assert "red" not in answer.body.decode()
    wrong = asks("PATCH", f"{CASES}/1001", {"status": "lost"}, KEY[::-1]).json
    assert wrong["errors"] == [{"field": "status", "detail": "It is not 'open' or 'closed'."}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 9_000, 400),
        (b'"text"', 422),
        (b"[]", 422),
        (b"", 422),
        (b"x" * 16_385, 413),
    ],
)
def test_a_body_that_is_none_is_told_so(asks: Asks, body: bytes, status: int) -> None:
    answer = asks("POST", CASES, body, KEY)
    assert (answer.status, answer.json["status"]) == (status, status)


def test_a_write_needs_a_key_and_a_good_one(asks: Asks) -> None:
    assert asks("POST", CASES, {"subject": "x"}).status == 400
    for key in ("1", "G" * 32, f"{KEY}0", f"{KEY}\n"):
        assert asks("POST", CASES, {"subject": "x"}, key).status == 400
    assert len(asks("GET", CASES).json["cases"]) == 2


def test_an_attribute_is_written_where_the_settings_allow_it(asks: Asks) -> None:
    answer = asks("PUT", "contact/attributes/wrapUp", {"value": "refund"}, KEY)
    assert (answer.status, answer.body) == (204, b"")
    assert asks.contacts.written == [("c-1", {"wrapUp": "refund"})]
    for name in ("popdeskToken", "wrapup", "customerId"):
        assert asks("PUT", f"contact/attributes/{name}", {"value": "x"}, KEY[::-1]).status == 403
    assert len(asks.contacts.written) == 1


def test_a_cases_page_is_the_crms_and_on_the_allowed_hosts_alone(tmp_path: Path) -> None:
    page = {"case": "https://crm.example.com/{customer}/{id}", "customer": "https://crm.example.com/{id}"}
    case = Asks(tmp_path, crm=page)("GET", CASES).json["cases"][0]
    assert case["url"] == f"https://crm.example.com/C-1001/{case['id']}"
    without = Asks(tmp_path, crm={**page, "case": ""})("GET", CASES).json["cases"][0]
    assert without["url"] == "https://crm.example.com/C-1001"

    class Elsewhere(SampleCases):
        def open_cases(self, customer: str) -> list[Case]:
            return [case.model_copy(update={"url": "javascript:alert(1)"}) for case in super().open_cases(customer)]

    hostile = Asks(tmp_path, Elsewhere(str(tmp_path / "cases")))("GET", CASES).json["cases"]
    assert [case["url"] for case in hostile] == ["", ""]


def test_no_line_of_the_log_has_an_id_of_a_customer_or_case_or_what_was_written(asks: Asks) -> None:
    asks("POST", CASES, {"subject": "Secret subject", "note": "Secret note"}, KEY)
    asks("PATCH", f"{CASES}/1001", {"status": "closed"}, KEY[::-1])
    asks("GET", "customers/C-1002/cases")
    asks("GET", "customers/C-1001/unknown/1001")
    asks("POST", CASES, {"subject": ["Secret subject"]}, "e" * 32)
    text = asks.out.getvalue()
    for personal in ("C-1001", "C-1002", "1001", "Secret", KEY):
        assert personal not in text
    lines = [line for line in asks.log if line["message"] == "API request"]
    assert [(line["route"], line["status"], line["outcome"]) for line in lines] == [
        ("/api/customers/<customer>/cases", 201, "done"),
        ("/api/customers/<customer>/cases/<case>", 200, "done"),
        ("/api/customers/<customer>/cases", 403, "refused"),
        ("", 404, "invalid"),
        ("/api/customers/<customer>/cases", 422, "invalid"),
    ]
    assert lines[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Popdesk"
    audits = [line for line in asks.log if line["message"] == "audit"]
    assert [(line["agent_id"], line["contact_id"], line["method"], line["outcome"]) for line in audits] == [
        ("a-7", "c-1", "POST", "done"),
        ("a-7", "c-1", "PATCH", "done"),
        ("a-7", "c-1", "POST", "invalid"),
    ]


class _Broken(SampleCases):
    """Fails as an adapter may."""

    error: Exception = CasesFailed("the CRM answered 500")
    calls = 0

    def create_case(self, customer: str, new: NewCase, write: Write) -> Case:  # noqa: ARG002
        self.calls += 1
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (CasesFailed("the CRM answered 500"), 502, 2),  # nothing was done: tried again
        (OutcomeUnknown("the CRM's answer was lost"), 504, 1),  # it may have been done: not tried again
        (ValueError("Ana Silva"), 500, 2),
        (ModuleNotFoundError("No module named 'requests'", name="requests"), 500, 2),
        (RecursionError(), 500, 2),
    ],
)
def test_a_failing_crm_is_told_in_our_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], error: Exception, status: int, again: int
) -> None:
    broken = _Broken(str(tmp_path / "cases"))
    broken.error = error
    asks = Asks(tmp_path, broken)
    answers = [asks("POST", CASES, {"subject": "x"}, KEY) for _ in range(2)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert broken.calls == again
    assert capfd.readouterr() == ("", "")
    assert "Ana" not in asks.out.getvalue() + answers[0].body.decode()
    assert asks.log[0]["error"]
    assert asks.log[0]["level"] == "ERROR"
    if isinstance(error, ModuleNotFoundError):
        assert asks.log[0]["error"].startswith("ModuleNotFoundError requests in ")


def test_a_route_of_the_teams_own_is_five_lines(asks: Asks) -> None:
    @app.get("/api/customers/<customer>/test-orders")
    def orders(customer: str, most: int = 3) -> list[str]:
        return [f"{asking().contact_id} {customer} {most}"]

    assert asks("GET", "customers/C-1001/test-orders", query="most=5").json == ["c-1 C-1001 5"]
    assert asks("GET", "customers/C-1002/test-orders").status == 403
    wrong = asks("GET", "customers/C-1001/test-orders", query="most=many")
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "most")


class _Order(BaseModel):
    order: str

    @field_validator("order")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "A-7":
            raise ValueError("There is no such order.")
        return value


def test_what_a_teams_own_validator_says_stands_beside_the_field_as_it_is(asks: Asks) -> None:
    @app.post("/api/customers/<customer>/test-shipments")
    def ship(customer: str, order: _Order) -> str:
        return customer + order.order

    answer = asks("POST", "customers/C-1001/test-shipments", {"order": "A-8"}, KEY)
    assert answer.status == 422
    assert answer.json["errors"] == [{"field": "order", "detail": "There is no such order."}]


def test_every_shipped_route_is_below_the_prefix() -> None:
    assert all(route.path.startswith(PREFIX) for route in app._static_routes + app._dynamic_routes)
    assert json.dumps(PREFIX) == '"/api/"'
