"""The desk: everything a card may ask about the agent and the contact. Pure: who answers is given from outside.

    async def agent_name(desk):
        return await desk.agent.name()

Each method asks the workspace one question by its name (`agent.name`) and returns a plain Python value of the type it says;
the adapter (connect.py) knows how the question is put. A question that is not answered raises `Unanswered`, and so does
an answer of another type than the SDK promises: what is passed on is never something else than it is called.
"""

import json

if False:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, NotRequired, TypedDict

    from popdesk.api import DeskApi
    from popdesk.handling import DeskWorkspace

    Ask = Callable[[str], Awaitable[Any]]
    Write = Callable[[str, str, Any], Awaitable[Any]]

    AgentState = TypedDict("AgentState", {"name": str, "type": NotRequired[str]})
    RoutingProfile = TypedDict("RoutingProfile", {"name": str, "routingProfileARN": str, "queues": list[Any]})
    Channel = TypedDict("Channel", {"type": str, "subtype": NotRequired[str]})
    Queue = TypedDict("Queue", {"name": str, "queueARN": str, "queueId": str})

# Why a question was not answered.
PROBLEM = "problem"  # the team's API said why (api.py)
DOWN = "down"  # the team's API does not answer
REFUSED = "refused"  # the application lacks the permission
TIMED_OUT = "timeout"
NOTHING = "nothing"  # there is no contact, or no such value for it
FAILED = "failed"
UNEXPECTED = "unexpected"  # there was an answer, but of another type than the SDK's declarations say
REASONS = (REFUSED, TIMED_OUT, NOTHING, FAILED, UNEXPECTED, PROBLEM, DOWN)

# What the flow sets where the look-up has nothing to say (lambda/lookup/flow_contract.py says why it sets anything).
NO_VALUE = "-"


class Unanswered(Exception):
    """The workspace gave no answer to use: `kind` is one of the above, `reason` what it said, for the agent's eyes.

    `permission` is the one that is lacking, where that is why.
    """

    def __init__(self, kind: str, reason: str = "", permission: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.reason = reason
        self.permission = permission


class Desk:
    """One card's view of the desk; `ask(name)` is awaited for each question.

    `roles` are the names of the attributes of [tool.popdesk.attributes], `fields` of those of [tool.popdesk.fields].
    `write(method, path, body)` is awaited for what an action changes; a card has none.
    """

    def __init__(
        self,
        ask: "Ask",
        roles: "dict[str, str]",
        fields: "dict[str, str] | None" = None,
        write: "Write | None" = None,
    ) -> None:
        fields = fields or {}
        self._ask = ask
        self._write = write
        self.agent = Agent(ask)
        self.contact = Contact(ask, roles, list(fields.values()), write)
        self.customer = Customer(self.contact, fields)

    @property
    def api(self) -> "DeskApi":
        """Return the team's own API: `await desk.api.get("customers/7731/orders")` (docs/actions.md)."""
        from popdesk.api import DeskApi

        return DeskApi(self._ask, self.contact, self._write)

    @property
    def workspace(self) -> "DeskWorkspace":
        """Return what the workspace does for the agent: `await desk.workspace.set_state("Lunch")` (docs/handling.md)."""
        from popdesk.handling import DeskWorkspace

        return DeskWorkspace(self._ask, self.contact, self._write)


class Agent:
    """The agent who is signed in."""

    def __init__(self, ask: "Ask") -> None:
        self._ask = ask

    async def arn(self) -> str:
        """Return the agent's ARN, a text."""
        return _text("agent.arn", await self._ask("agent.arn"))

    async def name(self) -> str:
        """Return the agent's name, a text."""
        return _text("agent.name", await self._ask("agent.name"))

    async def state(self) -> "AgentState":
        """Return the agent's state: {"name", "type"}; type is routable, not_routable, after_call_work, offline, ...

        While a change of state has only been announced, there is no type.
        """
        return _record("agent.state", await self._ask("agent.state"), "name", "type")

    async def routing_profile(self) -> "RoutingProfile":
        """Return the routing profile: {"name", "routingProfileARN", "queues", ...}."""
        return _record("agent.routing_profile", await self._ask("agent.routing_profile"), "name")

    async def channel_concurrency(self) -> "dict[str, float]":
        """Return how many contacts of each channel the agent may have: {"VOICE": 1, "CHAT": 2, ...}."""
        answer = _record("agent.channel_concurrency", await self._ask("agent.channel_concurrency"))
        return {channel: _number("agent.channel_concurrency, " + channel, answer[channel]) for channel in answer}


class Contact:
    """The contact this page was opened for."""

    def __init__(
        self, ask: "Ask", roles: "dict[str, str]", others: "Sequence[str]" = (), write: "Write | None" = None
    ) -> None:
        self._ask = ask
        self._write = write
        self._roles = roles
        self._ours = list(roles.values()) + list(others)

    async def channel(self) -> "Channel":
        """Return the channel: {"type": "voice", "subtype": "connect:Telephony"}; there may be no subtype."""
        return _record("contact.channel", await self._ask("contact.channel"), "type", "subtype")

    async def queue(self) -> "Queue":
        """Return the queue: {"name", "queueARN", "queueId"}; raises Unanswered("nothing") where it was in none."""
        return _record("contact.queue", _there(await self._ask("contact.queue")), "name")

    async def queue_timestamp(self) -> "str | None":
        """Return when the contact entered the queue: ISO 8601 text in UTC, or None."""
        return _text_or_none("contact.queue_timestamp", await self._ask("contact.queue_timestamp"))

    async def state_duration(self) -> float:
        """Return for how long the contact has been in its state: milliseconds."""
        return _number("contact.state_duration", await self._ask("contact.state_duration"))

    async def initial_id(self) -> "str | None":
        """Return the id of the first contact in the chain, or None: only a transferred contact has one."""
        return _text_or_none("contact.initial_id", await self._ask("contact.initial_id"))

    async def phone_number(self) -> str:
        """Return the customer's number in E.164; raises Unanswered("nothing") where the channel has none."""
        return _text("contact.phone_number", _there(await self._ask("contact.phone_number")))

    async def attributes(self) -> "dict[str, str]":
        """Return all contact attributes: {name: text}. All cards share one request.

        One of [tool.popdesk.attributes] or [tool.popdesk.fields] that stands for nothing is left out, as if nobody had set it,
        and so is the contact's token, which is a secret.
        """
        answer = await self._ask("contact.attributes")
        given = {} if answer is None else _record("contact.attributes", answer)
        ours, secret = self._ours, self._roles.get("token")
        return {
            name: _as_text(given[name])
            for name in given
            if name != secret and not _is_nothing(given[name], name in ours)
        }

    async def attribute(self, role: str) -> str:
        """Return the attribute that plays a role of [tool.popdesk.attributes], e.g. "identity"; "" when there is none."""
        return (await self.attributes()).get(self._roles[role]) or ""

    async def set_attribute(self, name: str, value: str) -> None:
        """Set a contact attribute, in an action: one that [tool.popdesk.api] attributes lists.

        It goes through the team's API, since the workspace lets no page set one; the API refuses every other name.
        """
        if self._write is None:
            raise TypeError("desk.contact.set_attribute() is for actions: a card is asked again and again")
        await self.attributes()  # the contact's token is among them
        await self._write("PUT", "contact/attributes/" + name, {"value": value})


class Customer:
    """The customer that the look-up has found."""

    def __init__(self, contact: "Contact", fields: "dict[str, str]") -> None:
        self._contact = contact
        self._fields = fields

    async def id(self) -> str:
        """Return the id of the one customer that was found; raises Unanswered("nothing") where none or several were."""
        roles = self._contact._roles
        return _text("customer.id", _there((await self._contact.attributes()).get(roles.get("customer", "")) or None))

    async def field(self, name: str) -> str:
        """Return a field of [tool.popdesk.fields], e.g. "tier"; "" when the customer has none, or none or several are found.

        Raises ValueError for a name that is not in the settings.
        """
        if name not in self._fields:
            known = ", ".join(sorted(self._fields)) or "none"
            raise ValueError("[tool.popdesk.fields] has no field " + repr(name) + " (it has: " + known + ")")
        return (await self._contact.attributes()).get(self._fields[name]) or ""


# -- what may be passed on ---------------------------------------------------------------------------------------------


def _there(value: "Any") -> "Any":
    # The SDK promises a queue and a number, and a contact may have neither: null and undefined are what it says then.
    if value is None:
        raise Unanswered(NOTHING)
    return value


def _text(name: str, value: "Any") -> str:
    if not isinstance(value, str):
        raise Unanswered(UNEXPECTED, name + ": " + _kind(value) + " where a text belongs")
    return value


def _text_or_none(name: str, value: "Any") -> "str | None":
    return None if value is None else _text(name, value)


def _number(name: str, value: "float") -> "float":
    # A number less itself is 0, unless it is infinite or none (NaN).
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value - value != 0:
        raise Unanswered(UNEXPECTED, name + ": " + _kind(value) + " where a number belongs")
    return value


def _record(name: str, value: "Any", needed: str = "", *texts: str) -> "Any":
    """Return an object that has the text `needed`; of its other `texts` those that are none are left out."""
    if not isinstance(value, dict):
        raise Unanswered(UNEXPECTED, name + ": " + _kind(value) + " where an object belongs")
    if needed:
        _text(name + ", " + needed, value.get(needed))
    return {key: value[key] for key in value if key not in texts or isinstance(value[key], str)}


def _is_nothing(value: "Any", ours: bool) -> bool:
    return value is None or (ours and value == NO_VALUE)


def _as_text(value: "Any") -> str:
    # Attributes are texts; what a workspace might send instead is written as it came.
    return value if isinstance(value, str) else json.dumps(value)


def _kind(value: "Any") -> str:
    if value is None:
        return "nothing"
    kinds = ((str, "a text"), (bool, "true or false"), ((int, float), "a number"), (dict, "an object"))
    for kind, words in kinds:
        if isinstance(value, kind):
            return words
    return "a list"
