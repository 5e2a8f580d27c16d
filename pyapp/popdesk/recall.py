"""Which state a contact is in that this page was opened on late: what was heard of it before, as long as that still holds. Pure.

    heard = from_parameters({"connectedAt": "1763700000000"}, "c-1")      # the service that launched the page heard it
    heard = from_kept(kept, "c-1")                                        # or an earlier page of this contact did
    heard.holds(duration, now)      # -> True where the workspace says that the contact has been in its state since then

No request tells an application that may see contacts which state a contact is in, and events tell only what happens from
then on. For how long it has been in its state is told (getStateDuration), so that what was heard can be checked.
"""

if False:
    from typing import Any

STATES = ("connected", "acw", "missed")
# How far the workspace's clock and this page's may be apart, ms.
SLACK = 1000


class Heard:
    """A state that a contact came into at a time (ms since 1970); `initial_id` as contact events have it."""

    def __init__(self, state: str, at: float, initial_id: str) -> None:
        self.state = state
        self.at = at
        self.initial_id = initial_id

    def holds(self, duration: "Any", now: float) -> bool:
        """Return whether the contact is in that state still, by how long it has been in its state (ms), and the time now."""
        return isinstance(duration, (int, float)) and duration + SLACK >= now - self.at


def kept_with(kept: "list[Any]", contact_id: str, heard: Heard) -> "list[Any]":
    """Return what is kept of contacts as plain values, with what was heard of this one last."""
    others = [each for each in kept if isinstance(each, list) and each and each[0] != contact_id]
    return others + [[contact_id, heard.state, heard.at, heard.initial_id]]


def from_kept(kept: "list[Any]", contact_id: str) -> "Heard | None":
    """Return what is kept of a contact; None where that is nothing, or nothing of ours."""
    for each in kept:
        if isinstance(each, list) and len(each) == 4 and each[0] == contact_id and each[1] in STATES:
            return Heard(each[1], each[2], str(each[3])) if isinstance(each[2], (int, float)) else None
    return None


def from_parameters(parameters: "dict[str, Any]", contact_id: str) -> "Heard | None":
    """Return what popdesk/service.py has heard, from the page's launch parameters; None where it has not."""
    at = parameters.get("connectedAt")
    if not isinstance(at, str) or not at.isdigit():
        return None
    return Heard("connected", float(at), str(parameters.get("initialContactId") or contact_id))
