"""A write is done once for its key: repeated, at the same time, with another body, after a failure, after a function's death."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
)
from cases_adapters.sample import SampleCases
from popdesk_api.cases import CaseChange, NewCase, Write
from popdesk_api.once import SqliteWrites, once

from ops.testing.api import Answered, Context
from tests.unit.api.requests import KEY, Asks

CASES = "customers/C-1001/cases"
REQUEST = {"method": "POST", "body": "{}"}


def test_the_same_key_gets_the_first_answer(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    first, *again = [asks("POST", CASES, {"subject": "x", "note": "é"}, KEY) for _ in range(5)]
    assert first.status == 201
    assert all((answer.status, answer.json) == (201, first.json) for answer in again)
    assert [answer.headers for answer in again] == [first.headers] * 4
    assert len(asks("GET", CASES).json["cases"]) == 3
    repeated = [line["repeated"] for line in asks.log if line["message"] == "audit"]
    assert repeated == [False, True, True, True, True]


def test_the_same_key_with_another_request_is_refused(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    assert asks("POST", CASES, {"subject": "x"}, KEY).status == 201
    for path, body in ((CASES, {"subject": "y"}), ("customers/C-1001/notes", {"text": "x"})):
        refused = asks("POST", path, body, KEY)
        assert (refused.status, refused.json["title"]) == (422, "Key used")
    assert len(asks("GET", CASES).json["cases"]) == 3


def test_the_order_of_a_bodys_keys_is_no_other_request(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    first = asks("POST", CASES, b'{"subject": "x", "note": "n"}', KEY)
    again = asks("POST", CASES, b'{"note":"n","subject":"x"}', KEY)
    assert (again.status, again.json) == (201, first.json)
    assert len(asks("GET", CASES).json["cases"]) == 3


def test_a_wrong_request_uses_no_key_up(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    assert asks("POST", CASES, {"subject": ""}, KEY).status == 422
    assert asks("PATCH", f"{CASES}/77", {"status": "closed"}, KEY).status == 404
    assert asks("POST", CASES, {"subject": "x"}, KEY).status == 201


def test_twenty_at_once_make_one(tmp_path: Path) -> None:
    """Each waits for all the others at the door, and those that find it under way ask again, as the page does."""
    path = str(tmp_path / "cases")
    SampleCases(path)
    door = threading.Barrier(20)
    done = []

    def ask(_number: int) -> dict[str, Any]:
        writes, cases = SqliteWrites(str(tmp_path / "writes")), SampleCases(path)

        def do() -> dict[str, Any]:
            done.append(True)
            return cases.create_case("C-1001", NewCase(subject="x"), Write("", KEY)).model_dump()

        door.wait()
        while True:
            try:
                return once(writes, KEY, REQUEST, Context(), do)
            except (IdempotencyAlreadyInProgressError, IdempotencyPersistenceLayerError):
                continue

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert len(done) == 1
    assert all(answer == answers[0] for answer in answers)


def test_while_the_first_is_under_way_the_page_is_told_to_wait(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    what = {"method": "POST", "path": f"/api/{CASES}", "query": "", "body": '{"subject": "x"}'}
    second: list[Answered] = []

    def first() -> dict[str, Any]:  # another container's: this one asks while that is under way
        second.append(asks("POST", CASES, {"subject": "x"}, KEY))
        return {"status": 201, "type": "application/json", "headers": {}, "body": {"id": "1"}}

    once(SqliteWrites(str(tmp_path / "writes")), f"c-1#{KEY}", what, Context(), first)
    assert (second[0].status, second[0].headers["retry-after"]) == (409, "1")
    third = asks("POST", CASES, {"subject": "x"}, KEY)
    assert (third.status, third.json) == (201, {"id": "1"})


class _Over(Context):
    """A function whose time is up: what it leaves under way counts no longer."""

    def get_remaining_time_in_millis(self) -> int:
        return -1


def test_what_a_dead_function_left_under_way_is_done_again_and_its_case_is_still_one(tmp_path: Path) -> None:
    cases = SampleCases(str(tmp_path / "cases"))
    writes = SqliteWrites(str(tmp_path / "writes"))

    def create() -> dict[str, Any]:
        return cases.create_case("C-1001", NewCase(subject="x"), Write("", KEY)).model_dump()

    def dies() -> dict[str, Any]:
        create()
        raise SystemExit  # no error of the route: the record stays as it is

    with pytest.raises(SystemExit):
        once(writes, KEY, REQUEST, _Over(), dies)
    again = once(writes, KEY, REQUEST, Context(), create)
    assert len(cases.open_cases("C-1001")) == 3
    assert again["id"] == cases.open_cases("C-1001")[0].id


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(tmp_path: Path) -> None:
    writes = SqliteWrites(str(tmp_path / "writes"))

    def do() -> dict[str, Any]:
        with sqlite3.connect(tmp_path / "writes") as database:
            database.execute("drop table writes")
        return {"status": 201}

    assert once(writes, KEY, REQUEST, Context(), do) == {"status": 201}


def test_a_store_that_does_not_answer_lets_nothing_be_done(tmp_path: Path) -> None:
    asks = Asks(tmp_path)
    asks("POST", CASES, {"subject": "x"}, KEY)
    (tmp_path / "writes").write_bytes(b"no database")
    answer = asks("POST", CASES, {"subject": "y"}, KEY[::-1])
    assert (answer.status, answer.json["title"]) == (503, "Not done")
    assert len(asks("GET", CASES).json["cases"]) == 3


def test_the_adapter_makes_one_of_each_kind_of_write(tmp_path: Path) -> None:
    cases = SampleCases(str(tmp_path / "cases"))
    for _ in range(3):
        case = cases.create_case("C-1001", NewCase(subject="x"), Write("", "1"))
        cases.add_note("C-1001", case.id, "n", Write("", "2"))
        cases.add_note("C-1001", "", "n", Write("", "3"))
        cases.update_case("C-1001", case.id, CaseChange(priority="low"), Write("", "4"))
    assert len(cases.open_cases("C-1001")) == 3
    titles = [event.title for event in cases.history("C-1001")]
    assert len([title for title in titles if case.id in title or title == "Note"]) == 4
