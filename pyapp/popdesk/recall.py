"""Which state a contact is in that this page was opened on late: what was heard of it before, as long as that still holds. Pure.

    heard = told(kept, {"connectedAt": "1763700000000"}, "c-1")      # -> ["c-1", "connected", 1763700000000.0, "c-1"], or None
    holds(heard, duration, now)                                      # -> True where it has been in its state since then
    await is_connected(workspace.call)                               # -> True where the agent's own part in it is

Events tell only what happens from then on, and no request tells which state a contact is in. For how long it has been in its
state is told (getStateDuration), so that what was heard before can be checked. Where `*` is granted, the state of the agent's
own part in it is told as well (getParticipantState, ParticipantStateType in states.d.ts of @amazon-connect/contact).
"""

from popdesk.questions import Question

if False:
    from collections.abc import Callable
    from typing import Any

    # connect.py's: client, method, permission, arguments; answered as for its `send`.
    Call = Callable[[str, str, str, list[Any], Callable[[Any, Exception | None], None]], None]

# How far the workspace's clock and this page's may be apart, ms.
SLACK = 1000


def told(kept: "list[Any]", parameters: "dict[str, Any]", contact_id: str) -> "Any":
    """Return what was heard of a contact: [its id, state, ms since 1970, initial contact's id], or nothing.

    `kept` has such lists from the contact's earlier pages in this tab; `parameters` are what the page was launched with, by
    popdesk/service.py for one. Raises an exception where they are somebody else's.
    """
    for each in kept:
        if each[0] == contact_id:
            return each
    at = parameters.get("connectedAt")
    return at and [contact_id, "connected", float(at), parameters.get("initialContactId") or contact_id]


def holds(heard: "list[Any]", duration: float, now: float) -> bool:
    """Return whether a contact is in that state still, by for how long it has been in its state (ms), and the time now."""
    return bool(duration + SLACK >= now - heard[2])


async def is_connected(call: "Call") -> bool:
    """Return whether the agent is connected with the contact, or has put their own line on hold. Raises Unanswered.

    Of the other states none says what the contact is in: a part that is disconnected was missed, or is over.
    """
    people = Question()
    call("ContactClient", "listParticipants", "*", [], people.settle)
    for each in await people.answer():
        if each.get("isSelf"):
            state = Question()
            call("ContactClient", "getParticipantState", "*", [each["participantId"]], state.settle)
            return (await state.answer()).get("value") in ("connected", "hold")
    return False
