"""What was heard of a contact before this page was there. Runs on CPython and on MicroPython (see test_shared.py)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,var-annotated"

from popdesk.desk import REFUSED, Unanswered
from popdesk.recall import SLACK, holds, is_connected, told

NOW = 1763700000000.0


def test_a_state_holds_as_long_as_the_workspace_says_since_then() -> None:
    heard = ["c-1", "connected", NOW - 60000, "c-1"]
    assert holds(heard, 60000, NOW)
    assert holds(heard, 60000 - SLACK, NOW)
    assert holds(heard, 90000, NOW)  # heard late
    # It has come into another state since then.
    assert not holds(heard, 60000 - SLACK - 1, NOW)
    assert not holds(heard, 0, NOW)


def test_what_the_service_heard_comes_with_the_launch() -> None:
    parameters = {"connectedAt": "1763700000000", "initialContactId": "c-0"}
    assert told([], parameters, "c-1") == ["c-1", "connected", NOW, "c-0"]
    assert told([], {"connectedAt": "1763700000000"}, "c-1") == ["c-1", "connected", NOW, "c-1"]
    assert not told([], {"caseId": "7"}, "c-1")
    assert not told([], {}, "c-1")


def test_what_an_earlier_page_of_the_contact_heard_goes_before_the_launch() -> None:
    kept = [["c-2", "missed", NOW, "c-2"], ["c-1", "acw", NOW + 1, "c-0"]]
    assert told(kept, {"connectedAt": "1763700000000"}, "c-1") == ["c-1", "acw", NOW + 1, "c-0"]
    assert not told(kept, {}, "c-3")


async def test_the_agents_own_part_says_whether_the_contact_is_connected_and_nothing_else() -> None:
    people = [{"participantId": "p-customer", "isSelf": False}, {"participantId": "p-agent", "isSelf": True}]
    expected = {
        "connected": True,
        "hold": True,
        "connecting": False,
        "disconnected": False,
        "barge": False,
        "other": False,
    }
    for value in expected:
        asked = []

        def call(client, method, permission, arguments, answered, value=value, asked=asked) -> None:
            asked.append((client, method, permission, arguments))
            answered(people if method == "listParticipants" else {"value": value, "actual": "connected"}, None)

        assert (await is_connected(call)) is expected[value], value
        assert asked[1] == ("ContactClient", "getParticipantState", "*", ["p-agent"])


async def test_where_the_agent_has_no_part_or_the_workspace_refuses_nothing_is_said() -> None:
    assert not await is_connected(lambda *given: given[-1]([{"participantId": "p", "isSelf": False}], None))
    kind = ""
    try:
        await is_connected(lambda *given: given[-1](None, Unanswered(REFUSED)))
    except Unanswered as error:
        kind = error.kind
    assert kind == REFUSED
