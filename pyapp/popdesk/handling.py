"""What an agent does in the workspace, done from the page: states, quick connects, transfer, hold, calls. Pure.

    await desk.workspace.set_state("Lunch")                             # in an action
    await desk.workspace.transfer("Sales", {"topic": "invoice"})
    states = await desk.workspace.states()                              # in a card too

Each method of `DeskWorkspace` is a command of the SDK's clients, or a few of them. What a card may ask is a question of the
board, "workspace states"; what changes something is a write of an action's (forms.py). `Handling` does both on the page's
side. Which permission each needs: "Third-party application permissions" of the Amazon Connect agent workspace developer
guide, and each request's own page there. What it lists under none needs `*`.
"""

import asyncio

from popdesk.desk import FAILED, NOTHING, TIMED_OUT, UNEXPECTED, Unanswered
from popdesk.questions import Question

if False:
    from collections.abc import Callable, Sequence
    from typing import Any, NotRequired, TypedDict

    from popdesk.desk import AgentState, Ask, Contact, Write

    QuickConnect = TypedDict(
        "QuickConnect", {"type": str, "endpointARN": str, "name": str, "phoneNumber": NotRequired[str]}
    )
    StateChange = TypedDict("StateChange", {"status": str, "current": AgentState, "next": NotRequired[AgentState]})
    # connect.py's: client, method, permission, arguments; answered as for its `send`.
    Call = Callable[[str, str, str, list[Any], Callable[[Any, Exception | None], None]], None]

# How the board names a question to the workspace that is none of questions.py: "workspace states".
QUESTION = "workspace "
# The method of what an action changes in the workspace (api.py's are those of HTTP).
COMMAND = "WORKSPACE"

_VIEW = "User.Configuration.View"
# AWS's pages disagree: the guide's page of setAvailabilityState says Configuration, the administrator's table says Status.
_STATE = "User.Status.Edit or User.Configuration.Edit"
_EDIT = "Contact.Details.Edit"
_ALL = "*"

# name -> the SDK's client and method, and the permission it needs
COMMANDS: "dict[str, tuple[str, str, str]]" = {
    "states": ("AgentClient", "listAvailabilityStates", _VIEW),
    "set_state": ("AgentClient", "setAvailabilityStateByName", _STATE),
    "set_offline": ("AgentClient", "setOffline", _STATE),
    "quick_connects": ("AgentClient", "listQuickConnects", _VIEW),
    "profile": ("AgentClient", "getRoutingProfile", _VIEW),
    "transfer": ("ContactClient", "transfer", _EDIT),
    "add_participant": ("ContactClient", "addParticipant", _EDIT),
    "accept": ("ContactClient", "accept", _EDIT),
    "clear": ("ContactClient", "clear", _EDIT),
    "participants": ("ContactClient", "listParticipants", _ALL),
    "is_on_hold": ("VoiceClient", "isParticipantOnHold", _ALL),
    "hold": ("VoiceClient", "holdParticipant", _ALL),
    "resume": ("VoiceClient", "resumeParticipant", _ALL),
    "may_dial": ("VoiceClient", "getOutboundCallPermission", _VIEW),
    "dial": ("VoiceClient", "createOutboundCall", _EDIT),
}

# Pages of quick connects that are asked for: the SDK's have 500 each.
_MOST_PAGES = 20


def permission_for(name: str) -> str:
    """Return the permission that a question or command needs, "A or B" where either will do; "" for one that is not ours."""
    return COMMANDS[name][2] if name in COMMANDS else ""


class DeskWorkspace:
    """`desk.workspace`: what the workspace lets a page do for the agent. What changes something is for actions alone.

    Each method raises Unanswered where the workspace refuses or does not answer; `permission` names the one that is lacking.
    """

    def __init__(self, ask: "Ask", contact: "Contact", write: "Write | None") -> None:
        self._ask = ask
        self._contact = contact
        self._write = write

    # -- what cards may ask too ---------------------------------------------------------------------------------------

    async def states(self) -> "list[AgentState]":
        """Return the states that the agent may choose: [{"name": "Lunch", "type": "not_routable", ...}]."""
        found: "list[AgentState]" = _records("states", await self._ask(QUESTION + "states"), "name")
        return found

    async def quick_connects(self, *types: str) -> "list[QuickConnect]":
        """Return the quick connects of the routing profile's queues, or those of these types: agent, queue, phone_number.

        Each is {"type", "endpointARN", "name"}, and has a "phoneNumber" where it is one.
        """
        found = _records("quick_connects", await self._ask(QUESTION + "quick_connects"), "endpointARN")
        return [each for each in found if not types or each.get("type") in types]

    async def may_dial(self) -> bool:
        """Return whether the agent may make outbound calls."""
        return bool(await self._ask(QUESTION + "may_dial"))

    async def is_on_hold(self) -> bool:
        """Return whether the customer of this call is on hold."""
        return bool(await self._ask(QUESTION + "is_on_hold"))

    # -- what actions change --------------------------------------------------------------------------------------------

    async def set_state(self, name: str) -> "StateChange":
        """Set the agent's state by its name; the answer's "status" is "updated", or "queued" as the next one during a contact."""
        changed: "StateChange" = await self._do("set_state", name)
        return changed

    async def set_offline(self) -> "StateChange":
        """Set the agent's state to the offline one, whatever its name; the answer is that of `set_state`."""
        changed: "StateChange" = await self._do("set_offline")
        return changed

    async def transfer(self, to: "QuickConnect | str", attributes: "dict[str, str] | None" = None) -> None:
        """Transfer the contact to an agent's or a queue's quick connect: one of `quick_connects`, its ARN, or its name.

        The attributes are set first, as by `desk.contact.set_attribute`, so that the next agent's page has them; where one cannot
        be set, nothing is transferred.
        """
        target = await self._quick_connect(to, "agent", "queue")
        for name in attributes or {}:
            await self._contact.set_attribute(name, (attributes or {})[name])
        await self._do("transfer", target)

    async def add_participant(self, to: "QuickConnect | str") -> None:
        """Add somebody to the call: one of `quick_connects` of any type, its ARN, or its name. The others are put on hold."""
        await self._do("add_participant", await self._quick_connect(to))

    async def accept(self) -> None:
        """Accept this contact, which is offered to the agent."""
        await self._do("accept")

    async def clear(self) -> None:
        """Clear this contact; the workspace then closes the page. A required wrap-up that is not saved keeps it from that."""
        await self._do("clear")

    async def hold(self) -> None:
        """Put the customer of this call on hold."""
        await self._do("hold")

    async def resume(self) -> None:
        """Take the customer of this call off hold."""
        await self._do("resume")

    async def dial(self, number: str, related: bool = True, queue_arn: str = "") -> str:
        """Call a number in E.164 and return the id of the new contact, "" where the workspace tells none.

        `related` relates it to this contact, whose attributes Amazon Connect then copies to it, those of the customer among them
        (RelatedContactId, API_StartOutboundVoiceContact.html). Without `queue_arn` it is made from the routing profile's queue
        for outbound calls.
        """
        checked = dialable(number)
        if not checked:
            raise Unanswered(FAILED, "not a number to call, which begins with + and the country: " + str(number))
        made = await self._do("dial", checked, related, queue_arn)
        return str(made.get("contactId") or "") if isinstance(made, dict) else ""

    async def _quick_connect(self, wanted: "Any", *types: str) -> "Any":
        if isinstance(wanted, dict):
            found = [wanted]
        else:
            known: "list[Any]" = list(await self.quick_connects())
            found = [each for each in known if wanted == each["endpointARN"]]
            found = found or [each for each in known if wanted == each.get("name")]
        if len(found) != 1:
            why = "no quick connect is called " if not found else "several quick connects are called "
            raise Unanswered(FAILED, why + str(wanted))
        if types and found[0].get("type") not in types:
            raise Unanswered(
                FAILED, "the workspace transfers to agents and queues alone: add_participant() calls a number"
            )
        return found[0]

    async def _do(self, name: str, *arguments: "Any") -> "Any":
        if self._write is None:
            raise TypeError("desk.workspace." + name + "() is for actions: a card is asked again and again")
        return await self._write(COMMAND, name, list(arguments))


class Handling:
    """Does what is asked of the workspace: `call` is connect.py's, `contact_id()` the page's contact's, `seconds` a time-out.

    What has been sent is not sent again while its answer may still come: who tries again with the same key waits for that one,
    and gets it where it has come. So a second click neither dials nor transfers twice.
    """

    def __init__(self, call: "Call", contact_id: "Callable[[], str]", seconds: float) -> None:
        self._call = call
        self._contact_id = contact_id
        self._seconds = seconds
        self._sent: "dict[str, Question]" = {}  # by key; of one action's commands each has its own
        self.guard: "Callable[[], str]" = lambda: ""  # returns why the contact may not be cleared, "" where it may

    async def ask(self, name: str) -> "Any":
        """Return the answer to a question of a card's. Raises Unanswered."""
        if name == "quick_connects":
            return await self._quick_connects()
        if name == "is_on_hold":
            return await self._send("is_on_hold", [await self._customer()])
        return await self._send(name, [])

    async def do(self, name: str, arguments: "list[Any]", key: str) -> "Any":
        """Do what an action asks, once for its key, and return the answer. Raises Unanswered."""
        if name == "clear":
            why = self.guard()
            if why:
                raise Unanswered(FAILED, why)
        if name in ("hold", "resume"):
            arguments = [await self._customer()]
        elif name == "dial":
            number, related, queue = arguments
            options = {"queueARN": queue} if queue else {}
            if related and self._contact_id():
                options["relatedContactId"] = self._contact_id()
            arguments = [number, options]
        return await self._send(name, arguments, key)

    async def _send(self, name: str, arguments: "list[Any]", key: str = "") -> "Any":
        question = self._sent.get(key)
        if question is None:
            question = Question()
            client, method, permission = COMMANDS[name]
            if key:
                self._sent[key] = question

            def answered(value: "Any", problem: "Exception | None") -> None:
                # What was refused may be sent again; what nobody answered in the SDK's 30 s too.
                if problem is not None and key:
                    self._sent.pop(key, None)
                question.settle(value, problem)

            self._call(client, method, permission, arguments, answered)
        try:
            return await asyncio.wait_for(question.answer(), self._seconds)
        except asyncio.TimeoutError:
            late = Unanswered(TIMED_OUT)
            late.uncertain = key != ""  # type: ignore[attr-defined]  # as of api.py's Problem
            raise late

    async def _quick_connects(self) -> "list[Any]":
        profile = await self._send("profile", [])
        queues = profile.get("queues") if isinstance(profile, dict) else None
        arns = [each["queueARN"] for each in queues or () if isinstance(each, dict) and each.get("queueARN")]
        found: "list[Any]" = []
        known: "list[Any]" = []
        options: "dict[str, Any]" = {}
        for _ in range(_MOST_PAGES if arns else 0):
            page = await self._send("quick_connects", [arns, options])
            if not isinstance(page, dict) or not isinstance(page.get("quickConnects"), list):
                raise Unanswered(UNEXPECTED, "quick_connects: no list of them")
            for each in page["quickConnects"]:
                # One that several queues have comes with each of them.
                if isinstance(each, dict) and each.get("endpointARN") not in known:
                    known.append(each.get("endpointARN"))
                    found.append(each)
            if not page.get("nextToken"):
                break
            options = {"nextToken": page["nextToken"]}
        return found

    async def _customer(self) -> str:
        """Return the id of the customer's part in the call: the first that is not the agent's own."""
        people = await self._send("participants", [])
        others = [each for each in people or () if isinstance(each, dict) and not each.get("isSelf")]
        for each in [each for each in others if each.get("isInitial")] + others:
            if each.get("participantId"):
                return str(each["participantId"])
        raise Unanswered(NOTHING)


def dialable(number: "Any") -> str:
    """Return a number as the workspace calls it (E.164: +, then 7 to 15 digits), "" for what is none.

    Blanks, points, brackets and - between its digits are left out.
    """
    if not isinstance(number, str):
        return ""
    made = "".join([each for each in number.strip() if each not in " -().\u00a0"])
    digits = made[1:]
    if made[:1] != "+" or not 7 <= len(digits) <= 15 or digits[:1] == "0":
        return ""
    return made if all(each in "0123456789" for each in digits) else ""


def may_dial(granted: "Sequence[str] | None") -> bool:
    """Return whether these permissions let a page call a number; where they are not known, it may try."""
    return granted is None or _EDIT in granted or _ALL in granted


def _records(name: str, value: "Any", needed: str) -> "Any":
    if not isinstance(value, list):
        raise Unanswered(UNEXPECTED, name + ": no list where one belongs")
    return [each for each in value if isinstance(each, dict) and isinstance(each.get(needed), str)]
