"""What pages tell of themselves: what comes out of a page is on a list, and so is what the function takes and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from popdesk import page_record
from popdesk_api import page_events
from popdesk_api.page_events import LONGEST_RECORD

from ops.testing.api import Context
from tests.unit.api.requests import Asks
from tests.unit.api.test_hostile import JSON, VALUES

RELEASE = "20261127-054500-0123456789ab"
GOOD: dict[str, Any] = {
    "release": RELEASE,
    "hello": 103,
    "first_values": 412,
    "pop": None,
    "popped": "",
    "failed": {"orders": "timeout", "_attributes": "refused"},
}
CARDS = ["agent_name", "orders", "_attributes"]
# What a record may have in it as text, whatever the page was given.
WORDS = {*GOOD, *page_record.TIMES, *page_record.KINDS, *page_record.POPS, "", RELEASE, *CARDS}
HOSTILE = st.one_of(
    st.text(max_size=80), st.sampled_from(VALUES), st.sampled_from([f"{RELEASE}\n", "orders\n", *WORDS]), JSON
)


@pytest.fixture(scope="module")
def asks(tmp_path_factory: pytest.TempPathFactory) -> Asks:
    return Asks(tmp_path_factory.mktemp("events"))


def told(asks: Asks, body: Any, token: str = "good", **given: Any) -> list[dict[str, Any]]:
    """Return the lines that a record makes, which is taken."""
    before = len(asks.log)
    answer = asks("POST", "events", body, token=token, **given)
    assert (answer.status, answer.body) == (204, b""), answer.body
    return asks.log[before:]


def made_of(release: Any, events: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the record of a page that was given these."""
    record = page_record.PageRecord(CARDS, release)
    for name, *values in events:
        getattr(record, name)(*values)
    return record.as_json()


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("saw"), HOSTILE, HOSTILE),
        st.tuples(st.just("saw"), st.sampled_from(CARDS), HOSTILE),
        st.tuples(st.just("reached"), HOSTILE, st.floats() | HOSTILE),
        st.tuples(st.just("popped"), HOSTILE, st.floats() | HOSTILE),
    ),
    max_size=12,
)


@given(release=HOSTILE, events=EVENTS)
def test_nothing_of_what_a_page_was_given_comes_out_of_it_and_what_does_is_taken(
    asks: Asks, release: Any, events: list[tuple[Any, ...]]
) -> None:
    record = made_of(release, events)
    texts = {*record, record["release"], record["popped"], *record["failed"], *record["failed"].values()}
    assert texts <= WORDS
    assert all(record[name] is None or type(record[name]) is int for name in page_record.TIMES)
    assert len(json.dumps(record)) < LONGEST_RECORD
    lines = told(asks, record)
    assert [line["message"] for line in lines] == ["page", *["failed card"] * len(record["failed"])]


@given(
    body=st.one_of(
        JSON,
        st.dictionaries(st.sampled_from([*GOOD, "name", "__proto__"]), HOSTILE, max_size=8),
        st.tuples(st.sampled_from(list(GOOD)), HOSTILE).map(lambda changed: {**GOOD, changed[0]: changed[1]}),
        st.tuples(st.text(max_size=20), HOSTILE).map(lambda more: {**GOOD, "failed": {more[0]: more[1]}}),
        st.binary(max_size=40),
    )
)
def test_nothing_of_what_somebody_sends_is_written_or_answered(asks: Asks, body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    before = len(asks.log)
    answer = asks("POST", "events", raw)
    lines = asks.log[before:]
    assert answer.status in (204, 413, 422)
    if answer.status == 204:
        assert {line["message"] for line in lines} <= {"page", "failed card"}
        assert json.loads(raw).keys() == GOOD.keys()
    else:
        (line,) = lines
        assert (line["message"], line["route"], line["outcome"]) == ("API request", "/api/events", "invalid")
        assert answer.json.keys() == {"title", "status", "detail"}
        assert line.keys() == asks_line_keys


asks_line_keys = {
    "level", "message", "contact_id", "method", "route", "status", "outcome", "FunctionName", "Requests", "Duration", "_aws",
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"note": "Ada Byron"},
        {"hello": "103"},
        {"hello": 103.5},
        {"hello": True},
        {"hello": -1},
        {"hello": 3_600_001},
        {"popped": "Ada Byron"},
        {"popped": None},
        {"release": "Ada Byron"},
        {"release": f"{RELEASE}\n"},
        {"failed": {"Ada Byron": "failed"}},
        {"failed": {"orders": "Ada Byron"}},
        {"failed": {"orders\n": "failed"}},
        {"failed": {"Grüße": "failed"}},
        {"failed": {f"card_{number}": "failed" for number in range(21)}},
        {"failed": ["orders"]},
    ],
)
def test_a_record_that_is_not_as_a_page_makes_it_is_refused(asks: Asks, changed: dict[str, Any]) -> None:
    answer = asks("POST", "events", {**GOOD, **changed})
    assert (answer.status, answer.json["detail"]) == (422, "It is no record of a page.")
    assert asks("POST", "events", {name: value for name, value in GOOD.items() if name != "hello"}).status == 422
    assert asks("POST", "events", json.dumps(GOOD).encode() + b" " * LONGEST_RECORD).status == 413


def test_a_record_is_a_line_of_metrics_and_one_for_each_card_that_failed(asks: Asks) -> None:
    page, *cards = told(asks, GOOD)
    (metrics,) = page["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Popdesk"
    assert metrics["Dimensions"] == [["FunctionName"], ["FunctionName", "alias", "release"]]
    numbers = {each["Name"]: page[each["Name"]] for each in metrics["Metrics"]}
    expected = {
        "Pages": 1,
        "PagesWithFailedCard": 1,
        "PopsOpened": 0,
        "PopsBlocked": 0,
        "Hello": 103,
        "FirstValues": 412,
    }
    assert numbers == expected  # a time that was not reached is none of 0 ms
    assert (page["release"], page["alias"]) == (RELEASE, "live")
    assert page["FunctionName"]
    assert [(each["card"], each["kind"]) for each in cards] == [("orders", "timeout"), ("_attributes", "refused")]
    assert {(each["alias"], each["release"]) for each in cards} == {("live", RELEASE)}
    went_well = told(asks, {**GOOD, "failed": {}, "popped": "opened", "pop": 900, "release": ""})
    (line,) = went_well
    assert (line["PagesWithFailedCard"], line["PopsOpened"], line["Pop"], line["release"]) == (0, 1, 900, "none")


def test_whether_a_page_is_the_pilots_says_the_alias_that_it_calls() -> None:
    called = Context()
    function = called.invoked_function_arn.removesuffix(":live")
    for ending, alias in ((":pilot", "pilot"), (":live", "live"), ("", "none")):
        called.invoked_function_arn = function + ending
        assert page_events.called_by(called) == alias


def test_a_page_without_a_token_is_counted_apart_and_chooses_no_name(asks: Asks) -> None:
    (line,) = told(asks, GOOD, token="")
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Dimensions"] == [["FunctionName"]]
    assert [each["Name"] for each in metrics["Metrics"]] == ["UnprovenPages", "UnprovenPagesWithFailedCard"]
    assert RELEASE not in json.dumps(line)
    assert "orders" not in json.dumps(line)


def test_a_token_that_is_not_good_is_refused(asks: Asks) -> None:
    assert asks("POST", "events", GOOD, token="forged").status == 401
    assert asks.log[-1]["outcome"] == "refused"


def test_where_agents_sign_in_a_page_tells_before_they_have(tmp_path: Path) -> None:
    asks = Asks(tmp_path, auth="oidc")
    assert told(asks, GOOD)
    assert asks("GET", "customers/C-1001/cases").status == 401


def test_off_there_is_no_such_route(tmp_path: Path) -> None:
    asks = Asks(tmp_path, events={"enabled": False})
    assert asks("POST", "events", GOOD).status == 404
    assert asks("GET", "events").status == 404


def test_the_page_and_the_function_have_the_same_lists() -> None:
    assert get_args(page_events.Kind) == page_record.KINDS
    fields = page_events.PageRecord.model_fields
    assert set(get_args(fields["popped"].annotation)) == {"", *page_record.POPS}
    assert set(fields) == set(page_record.PageRecord([], "").as_json())
