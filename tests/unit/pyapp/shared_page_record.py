"""What a page tells of itself. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.page_record import LATEST, MOST_CARDS, PageRecord, is_card_id, is_due, is_release

if False:
    from typing import Any

RELEASE = "20261127-054500-0123456789ab"
# What a page tells that has nothing to tell.
NOTHING: "dict[str, Any]" = {
    "hello": None,
    "first_values": None,
    "pop": None,
    "popped": "",
    "failed": {},
    "release": "",
}


def test_a_page_that_went_well() -> None:
    record = PageRecord(["agent_name", "orders"], RELEASE)
    record.reached("hello", 103.9)
    record.reached("first_values", 412.4)
    record.saw("agent_name", "value")
    record.saw("orders", "nothing")
    record.popped("opened", 2210.0)
    expected: dict[str, Any] = {
        "hello": 103,
        "first_values": 412,
        "pop": 2210,
        "popped": "opened",
        "failed": {},
        "release": RELEASE,
    }
    assert record.as_json() == expected


def test_a_page_that_was_closed_at_once() -> None:
    assert PageRecord([], "").as_json() == NOTHING


def test_that_a_card_failed_is_not_forgotten_when_it_answers_later() -> None:
    record = PageRecord(["orders", "queue"], RELEASE)
    record.saw("orders", "timeout")
    record.saw("orders", "value")
    record.saw("queue", "refused")
    record.saw("queue", "failed")
    assert record.as_json()["failed"] == {"orders": "timeout", "queue": "failed"}


def test_the_first_time_counts_and_the_last_pop() -> None:
    record = PageRecord([], RELEASE)
    record.popped("blocked", 900.0)
    record.popped("opened", 4000.0)
    record.reached("hello", 100.0)
    record.reached("hello", 5000.0)
    made = record.as_json()
    assert [made["popped"], made["pop"], made["hello"]] == ["opened", 900, 100]


def test_what_is_no_card_no_kind_no_time_is_left_out() -> None:
    record = PageRecord(["orders", "Grüße", "a b", "x" * 65], "Ada Byron")
    for card in ("Ada Byron", "Grüße", "a b", "x" * 65, "", "orders "):
        record.saw(card, "failed")
    record.saw("orders", "Ada Byron")
    record.popped("Ada Byron", 1.0)
    for value in (float("nan"), float("inf"), -1.0, 1e12, True, None, "7"):
        record.reached("hello", value)  # type: ignore[arg-type]
    record.reached("Ada Byron", 1.0)
    assert record.as_json() == NOTHING


def test_so_many_cards_are_named_and_no_more() -> None:
    cards = ["card_" + str(number) for number in range(MOST_CARDS + 5)]
    record = PageRecord(cards, RELEASE)
    for card in cards:
        record.saw(card, "down")
    assert len(record.as_json()["failed"]) == MOST_CARDS


def test_ids() -> None:
    assert is_card_id("orders")
    assert is_card_id("_attributes")
    assert is_card_id("A1")
    assert not is_card_id("1a")
    assert not is_card_id("")
    assert not is_card_id("a-b")
    assert not is_card_id("é")
    assert is_release(RELEASE)
    for text in (
        "",
        "20261127-054500-0123456789aB",
        RELEASE + "0",
        RELEASE + "-",
        "２0261127-054500-0123456789ab",
        "a",
    ):
        assert not is_release(text)


def test_a_record_is_due_when_the_conversation_is_over_or_has_been_long() -> None:
    for state in ("acw", "missed", "cleared", "destroyed"):
        assert is_due(state, 0)
    for state in ("starting", "connecting", "connected", "idle", "outside"):
        assert not is_due(state, LATEST - 1)
        assert is_due(state, LATEST)
