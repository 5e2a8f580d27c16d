"""What every adapter for cases has to do (lambda/api/popdesk_api/cases.py), with a real store; see tests/cases/__init__.py.

Another customer's case is the worst that can be shown or changed, and a case that is made twice comes next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from popdesk_api.cases import (
    MOST_EVENTS,
    Case,
    CaseChange,
    Cases,
    CasesFailed,
    NewCase,
    NotFound,
    OutcomeUnknown,
    Write,
    open_adapter,
)

from ops.settings import api_settings, load_settings
from tests.cases.stage import Stage, stage_of

ANA, BEN = "C-1001", "C-1002"
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ODD_TEXTS = (
    "<script>alert(1)</script>",
    'o\'hara "x" \\ {id} %s $1',
    "=cmd|'/c calc'!A1",
    "\u202eevil\u202c 👩🏽‍💻 Zoë",
    "x" * 200,
)
ODD_IDS = ("../../admin", "a/b?c=d#e", "%2e%2e", "ü ñ", "C-1'; drop table cases", "{case}", "customer#C-1001", "*")

Open = Callable[[], Cases]


@pytest.fixture
def store(cases_adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return the adapter's store, started and empty."""
    made = stage_of(cases_adapter)(tmp_path, monkeypatch)
    made.open()
    yield made
    made.recover()
    made.close()


@pytest.fixture
def open_cases(cases_adapter: str, store: Stage) -> Open:
    """Return a function that opens the adapter, as each container does."""

    # Read once: CPython before 3.11.8 fails where several threads parse a module at once, as load_settings() does.
    settings: dict[str, Any] = {**api_settings(load_settings()), "cases": cases_adapter, **store.settings()}

    def open_one() -> Cases:
        return open_adapter(settings)

    return open_one


@pytest.fixture
def cases(open_cases: Open) -> Cases:
    return open_cases()


_count = iter(range(1_000_000))


def _write(agent: str = "agent-7") -> Write:
    return Write(agent, f"contact#{next(_count):032x}")


def _ids(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


def test_an_empty_store_has_neither_cases_nor_a_history(cases: Cases) -> None:
    assert cases.open_cases(ANA) == []
    assert cases.history(ANA) == []


def test_a_case_is_open_as_it_was_made_and_in_the_history(cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel", priority="high", note="Since Monday"), _write())
    assert (made.subject, made.priority, made.status) == ("Late parcel", "high", "open")
    assert made.id
    assert TIME.fullmatch(made.opened)
    assert TIME.fullmatch(made.updated)
    assert cases.open_cases(ANA) == [made]
    event = cases.history(ANA)[0]
    assert TIME.fullmatch(event.time)
    assert "Late parcel" in event.title
    assert event.note == "Since Monday"


def test_another_customer_sees_and_changes_nothing_of_it(cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel"), _write())
    assert cases.open_cases(BEN) == []
    assert cases.history(BEN) == []
    with pytest.raises(NotFound):
        cases.update_case(BEN, made.id, CaseChange(status="closed"), _write())
    with pytest.raises(NotFound):
        cases.add_note(BEN, made.id, "x", _write())
    assert cases.open_cases(ANA) == [made]
    assert len(cases.history(ANA)) == 1


@pytest.mark.parametrize("case", ["", "0", "nothing", "../1", "1 or 1=1", "%", "é"])
def test_a_case_that_is_none_is_not_found(cases: Cases, case: str) -> None:
    cases.create_case(ANA, NewCase(subject="Late parcel"), _write())
    with pytest.raises(NotFound):
        cases.update_case(ANA, case, CaseChange(status="closed"), _write())
    if case:
        with pytest.raises(NotFound):
            cases.add_note(ANA, case, "x", _write())


def test_closed_it_is_open_no_longer_and_reopened_it_is(cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel", priority="low"), _write())
    closed = cases.update_case(ANA, made.id, CaseChange(status="closed"), _write())
    assert (closed.id, closed.status, closed.subject, closed.priority) == (made.id, "closed", "Late parcel", "low")
    assert cases.open_cases(ANA) == []
    assert cases.update_case(ANA, made.id, CaseChange(status="open"), _write()).status == "open"
    assert _ids(cases.open_cases(ANA)) == [made.id]


def test_a_change_changes_what_it_names_and_nothing_else(cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel", priority="low"), _write())
    changed = cases.update_case(ANA, made.id, CaseChange(priority="high"), _write())
    assert (changed.subject, changed.priority, changed.status, changed.opened) == (
        "Late parcel",
        "high",
        "open",
        made.opened,
    )
    named = cases.update_case(ANA, made.id, CaseChange(subject="Lost parcel"), _write())
    assert (named.subject, named.priority) == ("Lost parcel", "high")
    assert cases.open_cases(ANA) == [named]


def test_the_last_updated_is_the_first(cases: Cases) -> None:
    first, second, third = [cases.create_case(ANA, NewCase(subject=name), _write()) for name in ("1", "2", "3")]
    assert _ids(cases.open_cases(ANA)) == [third.id, second.id, first.id]
    cases.add_note(ANA, first.id, "The carrier called", _write())
    assert _ids(cases.open_cases(ANA)) == [first.id, third.id, second.id]
    cases.update_case(ANA, second.id, CaseChange(priority="high"), _write())
    assert _ids(cases.open_cases(ANA)) == [second.id, first.id, third.id]


def test_notes_are_in_the_history_newest_first(cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel"), _write())
    cases.add_note(ANA, made.id, "on the case", _write())
    cases.add_note(ANA, "", "on the customer", _write())
    assert [event.note for event in cases.history(ANA)][:2] == ["on the customer", "on the case"]
    assert made.id in cases.history(ANA)[1].title


def test_a_history_has_an_end(cases: Cases) -> None:
    for number in range(MOST_EVENTS + 5):
        cases.add_note(ANA, "", str(number), _write())
    notes = [event.note for event in cases.history(ANA)]
    assert notes == [str(number) for number in reversed(range(5, MOST_EVENTS + 5))]


def test_any_text_comes_back_as_it_was(cases: Cases) -> None:
    for text in ODD_TEXTS:
        made = cases.create_case(ANA, NewCase(subject=text, priority=text[:40], note=f"{text}\nand more"), _write())
        assert made.subject == NewCase(subject=text).subject
        assert cases.history(ANA)[0].note == f"{text}\nand more"
    assert [case.subject for case in cases.open_cases(ANA)] == [
        NewCase(subject=text).subject for text in reversed(ODD_TEXTS)
    ]


def test_any_customers_id_has_cases_of_its_own(cases: Cases) -> None:
    made = {customer: cases.create_case(customer, NewCase(subject=customer), _write()) for customer in ODD_IDS}
    for customer, case in made.items():
        assert [one.subject for one in cases.open_cases(customer)] == [customer]
        assert cases.update_case(customer, case.id, CaseChange(status="closed"), _write()).status == "closed"
    assert cases.open_cases(ANA) == []


def test_another_container_sees_it(cases: Cases, open_cases: Open) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel"), _write())
    assert open_cases().open_cases(ANA) == [made]


def test_the_same_key_is_the_same_write(store: Stage, cases: Cases, open_cases: Open) -> None:
    if not store.keeps_keys:
        pytest.skip("its CRM does not look at the key")
    first, note, close = _write(), _write(), _write()
    for each in (cases, open_cases(), cases):
        made = each.create_case(ANA, NewCase(subject="Late parcel"), first)
        each.add_note(ANA, made.id, "n", note)
        closed = each.update_case(ANA, made.id, CaseChange(status="closed"), close)
        assert closed.status == "closed"
    assert len(cases.history(ANA)) == 3
    # The same key of another customer's is another write.
    assert cases.create_case(BEN, NewCase(subject="Other"), _write()).id != made.id


def test_twenty_at_once_with_one_key_make_one(store: Stage, open_cases: Open) -> None:
    if not store.keeps_keys:
        pytest.skip("its CRM does not look at the key")
    write = _write()

    def create(_number: int) -> str:
        adapter = open_cases()
        while True:
            try:
                return adapter.create_case(ANA, NewCase(subject="Late parcel"), write).id
            except CasesFailed:
                continue  # the others were in its way

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(create, range(20)))) == 1
    assert len(open_cases().open_cases(ANA)) == 1


def test_twenty_at_once_with_their_own_keys_make_twenty(open_cases: Open) -> None:
    def create(number: int) -> str:
        adapter, write = open_cases(), _write()
        while True:
            try:
                return adapter.create_case(ANA, NewCase(subject=str(number)), write).id
            except CasesFailed:
                continue

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(create, range(20)))) == 20
    assert len(open_cases().open_cases(ANA)) == 20


def test_a_store_that_fails_is_told_and_works_again_after(store: Stage, cases: Cases) -> None:
    made = cases.create_case(ANA, NewCase(subject="Late parcel"), _write())
    store.fail()
    for ask in (
        lambda: cases.open_cases(ANA),
        lambda: cases.history(ANA),
        lambda: cases.create_case(ANA, NewCase(subject="Secret"), _write()),
        lambda: cases.update_case(ANA, made.id, CaseChange(status="closed"), _write()),
        lambda: cases.add_note(ANA, made.id, "Secret", _write()),
    ):
        with pytest.raises(CasesFailed) as caught:
            ask()
        assert not re.search("Secret|C-1001|Late", str(caught.value))
    store.recover()
    assert cases.open_cases(ANA) == [made]


def test_a_write_whose_answer_is_lost_may_have_been_done_and_is_done_once(store: Stage, cases: Cases) -> None:
    store.lose()
    write = _write()
    with pytest.raises(OutcomeUnknown) as caught:
        cases.create_case(ANA, NewCase(subject="Late parcel"), write)
    assert caught.value.repeatable == store.keeps_keys
    store.recover()
    assert len(cases.open_cases(ANA)) == 1
    if store.keeps_keys:
        cases.create_case(ANA, NewCase(subject="Late parcel"), write)
        assert len(cases.open_cases(ANA)) == 1
