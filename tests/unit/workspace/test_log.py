"""The log of everything that crosses a port."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from model.log import DOWN, NOTE, UP, Log


def test_titles_say_what_a_message_is() -> None:
    log = Log()
    log.add(1.0, UP, "App 1", '{"type": "request", "command": "agent/getName"}')
    log.add(2.0, DOWN, "App 1", '{"type": "response", "isError": false}', "agent/getName")
    log.add(3.0, DOWN, "App 1", '{"type": "response", "isError": true}', "agent/getARN")
    log.add(4.0, UP, "App 1", '{"type": "subscribe", "topic": {"key": "agent/stateChange"}}')
    log.add(5.0, NOTE, "", {"type": "contact", "event": "offered"})
    assert [entry.title() for entry in log.entries] == [
        "request agent/getName",
        "response agent/getName",
        "refused agent/getARN",
        "subscribe agent/stateChange",
        "contact offered",
    ]
    assert [entry.is_error() for entry in log.entries] == [False, False, True, False, False]


def test_the_filter_wants_every_word() -> None:
    log = Log()
    log.add(1.0, UP, "App 1", '{"type": "request", "command": "agent/getName"}')
    log.add(2.0, UP, "App 2", '{"type": "request", "command": "agent/getName"}')
    assert [entry.number for entry in log.filter("GETNAME 2")] == [2]
    assert [entry.number for entry in log.filter("")] == [1, 2]
    assert [entry.number for entry in log.filter("", after=1)] == [2]
    assert log.filter("nothing") == []


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=3), max_size=8))
def test_json_lines_can_be_read_back(messages: list[dict[str, object]]) -> None:
    log = Log()
    for number, message in enumerate(messages):
        log.add(float(number), UP, "App", json.dumps(message))
    lines = log.json_lines(log.entries).splitlines()
    assert [json.loads(line)["message"] for line in lines] == messages


def test_the_oldest_go_when_it_is_full_and_new_ones_are_still_found() -> None:
    log = Log(capacity=1000)
    for number in range(200):
        log.add(float(number), UP, "App", json.dumps({"type": "t", "n": number}))
    assert log.total == 200
    assert log.entries[-1].value()["n"] == 199
    assert sum(len(entry.message) for entry in log.entries) == log.size <= 1000
    assert [entry.number for entry in log.filter("", after=198)] == [199, 200]
    assert [entry.number for entry in log.filter("", after=1)][-1] == 200


def test_clearing_forgets() -> None:
    log = Log()
    log.add(1.0, UP, "App", "{}")
    log.clear()
    assert (log.entries, log.size) == ([], 0)
    log.add(2.0, UP, "App", "{}")
    assert [entry.number for entry in log.filter("", after=1)] == [2]
