"""What was heard of a contact before this page was there. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.recall import SLACK, Heard, from_kept, from_parameters, kept_with

if False:
    from typing import Any

NOW = 1763700000000.0


def test_a_state_holds_as_long_as_the_workspace_says_since_then() -> None:
    heard = Heard("connected", NOW - 60000, "c-1")
    assert heard.holds(60000, NOW)
    assert heard.holds(60000 - SLACK, NOW)
    assert heard.holds(90000, NOW)  # heard late
    # It has come into another state since then.
    assert not heard.holds(60000 - SLACK - 1, NOW)
    assert not heard.holds(0, NOW)


def test_what_is_no_duration_says_nothing() -> None:
    odds: list[Any] = [None, "60000", [60000], {}]
    for odd in odds:
        assert not Heard("connected", NOW, "c-1").holds(odd, NOW)


def test_what_the_service_heard_comes_with_the_launch() -> None:
    heard = from_parameters({"connectedAt": "1763700000000", "initialContactId": "c-0"}, "c-1")
    assert heard is not None
    assert (heard.state, heard.at, heard.initial_id) == ("connected", NOW, "c-0")
    heard = from_parameters({"connectedAt": "1763700000000"}, "c-1")
    assert heard is not None
    assert heard.initial_id == "c-1"


def test_other_parameters_say_nothing() -> None:
    for odd in (1763700000, "", "now", None):
        assert from_parameters({"connectedAt": odd}, "c-1") is None
    assert from_parameters({}, "c-1") is None
    assert from_parameters({"caseId": "7"}, "c-1") is None


def test_what_is_kept_is_kept_by_contact_the_last_one_last() -> None:
    kept = kept_with([], "c-1", Heard("connected", NOW, "c-0"))
    kept = kept_with(kept, "c-2", Heard("missed", NOW, "c-2"))
    kept = kept_with(kept, "c-1", Heard("acw", NOW + 1, "c-0"))
    assert [each[0] for each in kept] == ["c-2", "c-1"]
    heard = from_kept(kept, "c-1")
    assert heard is not None
    assert (heard.state, heard.at, heard.initial_id) == ("acw", NOW + 1, "c-0")
    assert from_kept(kept, "c-3") is None


def test_what_is_not_ours_is_passed_over() -> None:
    odd: list[Any] = [None, "c-1", [], ["c-1"], ["c-1", "asleep", NOW, "c-1"], ["c-1", "acw", "then", "c-1"]]
    for each in odd:
        assert from_kept([each], "c-1") is None
    assert kept_with(odd, "c-1", Heard("acw", NOW, "c-1")) == [["c-1", "acw", NOW, "c-1"]]
