"""The adapter "http" for cases: what it sends to which address, how odd answers are read, and what a failure is taken for."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases_adapters.http import HttpCases
from popdesk_api.cases import CaseChange, CasesFailed, NewCase, NotFound, OutcomeUnknown, Write

from tests.cases.http import http_settings
from tests.cases.rest_crm import RestCrm

WRITE = Write("agent-7", "contact-1#2f6c")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[RestCrm]:
    with RestCrm(tmp_path) as made:
        yield made


def _cases(crm: RestCrm, **settings: Any) -> HttpCases:
    return HttpCases(http_settings(crm.url, **settings))


def _answers(crm: RestCrm, status: int, content: Any, **headers: str) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    crm.answers.append((status, {**JSON, **headers}, body))


def test_a_mapping_of_a_crms_own_is_read_and_written(crm: RestCrm) -> None:
    fields = {"id": "key", "subject": "fields.summary", "status": "fields.state.name", "updated": "fields.changed"}
    cases = _cases(
        crm,
        cases_path="data.issues",
        case_path="data",
        case_fields={**fields, "priority": "fields.prio"},
        note_field="fields.comment",
        statuses={"open": "To do", "closed": "Done"},
        update_method="PATCH",
    )
    issue = {
        "key": 7,
        "fields": {"summary": "Late", "state": {"name": "Waiting"}, "changed": "2026-01-31T13:00:00+01:00"},
    }
    done = {"key": "8", "fields": {"summary": "Done", "state": {"name": "Done"}}}
    _answers(crm, 200, {"data": {"issues": [done, issue]}})
    [case] = cases.open_cases("C-1")
    assert (case.id, case.subject, case.status, case.priority, case.updated) == (
        "7",
        "Late",
        "open",
        "",
        "2026-01-31T12:00:00.000Z",
    )
    _answers(crm, 201, {"data": issue})
    cases.create_case("C-1", NewCase(subject="Late", priority="high", note="n"), WRITE)
    assert crm.asked[-1][3] == {"fields": {"summary": "Late", "prio": "high", "comment": "n"}}
    _answers(crm, 200, {"data": {**done, "key": "7"}})
    assert cases.update_case("C-1", "7", CaseChange(status="closed"), WRITE).status == "closed"
    assert crm.asked[-1][3] == {"fields": {"state": {"name": "Done"}}}


def test_a_request_says_who_asks_and_its_key_and_nothing_of_the_contact(crm: RestCrm) -> None:
    cases = _cases(crm)
    cases.create_case("C 1/é", NewCase(subject="Late"), WRITE)
    method, path, headers, _ = crm.asked[-1]
    assert (method, path) == ("POST", "/api/customers/C%201%2F%C3%A9/cases")
    assert re.fullmatch("[0-9a-f]{32}", headers["idempotency-key"])
    assert "contact-1" not in str(headers)
    assert "authorization" not in headers
    cases.open_cases("C 1/é")
    assert crm.asked[-1][:2] == ("GET", "/api/customers/C%201%2F%C3%A9/cases?status=open")


def test_the_token_is_sent_and_read_again_after_it_is_refused(crm: RestCrm, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["first", "second"])
    monkeypatch.setattr("cases_adapters.http.read_token", lambda *_: next(tokens))
    cases = _cases(crm, token_secret="crm-token")
    cases.open_cases("C-1")
    _answers(crm, 401, {})
    with pytest.raises(CasesFailed, match="the CRM answered 401"):
        cases.open_cases("C-1")
    cases.open_cases("C-1")
    assert [asked[2]["authorization"] for asked in crm.asked] == ["Bearer first", "Bearer first", "Bearer second"]


@pytest.mark.parametrize("customer", ["", ".", ".."])
def test_an_id_that_leads_elsewhere_is_not_asked_for(crm: RestCrm, customer: str) -> None:
    cases = _cases(crm)
    with pytest.raises(CasesFailed):
        cases.open_cases(customer)
    with pytest.raises(NotFound):
        cases.update_case("C-1", customer, CaseChange(status="closed"), WRITE)
    assert crm.asked == []


@pytest.mark.parametrize(
    ("status", "content", "found"),
    [
        (404, b"", []),
        (204, b"", []),
        (200, b"", []),
        (200, {"cases": None}, []),
        (200, {"cases": []}, []),
        (200, {"cases": {"id": 7, "subject": "x", "status": "open"}}, ["7"]),
        (200, {"cases": [{"id": "7"}, {"id": 8, "status": "closed"}]}, ["7"]),
    ],
)
def test_no_cases_are_none(crm: RestCrm, status: int, content: Any, found: list[str]) -> None:
    _answers(crm, status, content)
    assert [case.id for case in _cases(crm).open_cases("C-1")] == found


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, b'{"cases": NaN}'),
        (200, {"items": []}),
        (200, {"cases": "none"}),
        (200, {"cases": ["7"]}),
        (200, {"cases": [{"subject": "no id"}]}),
        (200, {"cases": [{"id": True}]}),
        (200, {"error": "out of order", "cases": []}),
        (200, b'"' + b"x" * 1_100_000 + b'"'),
        (500, {"cases": []}),
        (302, b""),
    ],
)
def test_what_is_no_list_of_cases_is_a_failure_in_our_words(crm: RestCrm, status: int, content: Any) -> None:
    _answers(crm, status, content, Location="https://elsewhere.example/")
    with pytest.raises(CasesFailed) as caught:
        _cases(crm).open_cases("C-1")
    assert "order" not in str(caught.value)
    assert len(crm.asked) == 1  # a redirect is not followed


def test_times_without_an_offset_are_unknown(crm: RestCrm) -> None:
    listed = [
        {"title": "a", "time": time}
        for time in ("2026-01-31T12:00:00", "yesterday", 1_700_000_000, "2026-01-31T12:00Z")
    ]
    _answers(crm, 200, {"events": listed})
    assert [event.time for event in _cases(crm).history("C-1")] == ["2026-01-31T12:00:00.000Z", "", "", ""]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_write_whose_answer_is_lost_is_tried_again_only_where_the_crm_makes_one_of_both(
    crm: RestCrm, idempotent: bool
) -> None:
    crm.keeps_keys = idempotent
    crm.loses = True
    cases = _cases(crm, idempotent=idempotent)
    with pytest.raises(OutcomeUnknown) as caught:
        cases.create_case("C-1", NewCase(subject="Late"), WRITE)
    assert caught.value.repeatable is idempotent
    crm.loses = False
    assert len(cases.open_cases("C-1")) == 1
    _answers(crm, 503, b"")
    with pytest.raises(OutcomeUnknown):
        cases.add_note("C-1", "", "x", WRITE)


def test_what_never_left_was_not_done(crm: RestCrm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    cases = HttpCases(http_settings(f"http://127.0.0.1:{port}"))
    with pytest.raises(CasesFailed) as caught:
        cases.create_case("C-1", NewCase(subject="Late"), WRITE)
    assert not isinstance(caught.value, OutcomeUnknown)
    for status in (400, 409, 422, 301):
        _answers(crm, status, {"message": "Ana"})
        with pytest.raises(CasesFailed, match=f"the CRM answered {status}") as refused:
            _cases(crm).create_case("C-1", NewCase(subject="Late"), WRITE)
        assert not isinstance(refused.value, OutcomeUnknown)


def test_a_crm_that_answers_a_change_with_nothing_is_asked_for_the_case(crm: RestCrm) -> None:
    _answers(crm, 204, b"")
    _answers(crm, 200, {"id": "7", "subject": "Late", "status": "closed"})
    assert _cases(crm).update_case("C-1", "7", CaseChange(status="closed"), WRITE).subject == "Late"
    assert [asked[0] for asked in crm.asked] == ["PATCH", "GET"]
    for content in (b"", {"id": "8"}, {}):  # another case than the one that was changed is no answer
        _answers(crm, 200, content)
        _answers(crm, 200, content)
        with pytest.raises(OutcomeUnknown):
            _cases(crm).update_case("C-1", "7", CaseChange(status="closed"), WRITE)
        crm.answers.clear()


def test_a_crm_that_hangs_is_left_after_the_time_of_the_settings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        cases = HttpCases({**http_settings(url), "timeout_ms": 200})
        with pytest.raises(CasesFailed, match="did not answer"):
            cases.open_cases("C-1")
        with pytest.raises(OutcomeUnknown):
            cases.create_case("C-1", NewCase(subject="Late"), WRITE)
