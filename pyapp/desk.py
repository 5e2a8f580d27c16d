"""The desk: everything a card may ask about the agent and the contact. Pure: who answers is given from outside.

    async def agent_name(desk):
        return await desk.agent.name()

Each method asks the workspace one question by its name (`agent.name`) and gives a plain Python value; the adapter
(connect.py) knows how the question is put. A question that is not answered raises `Unanswered`.
"""

# Why a question was not answered.
REFUSED = "refused"  # the application lacks the permission
TIMED_OUT = "timeout"
NOTHING = "nothing"  # there is no contact, or no such value for it
FAILED = "failed"


class Unanswered(Exception):
    """The workspace gave no answer: `kind` is one of the four above, `reason` what it said, for the agent's eyes."""

    def __init__(self, kind, reason=""):
        super().__init__(kind)
        self.kind = kind
        self.reason = reason


class Desk:
    """One card's view of the desk; `ask(name)` is awaited for each question, `roles` are the attributes' names."""

    def __init__(self, ask, roles):
        self.agent = Agent(ask)
        self.contact = Contact(ask, roles)


class Agent:
    """The agent who is signed in."""

    def __init__(self, ask):
        self._ask = ask

    async def arn(self):
        """Give the agent's ARN, a text."""
        return await self._ask("agent.arn")

    async def name(self):
        """Give the agent's name, a text."""
        return await self._ask("agent.name")

    async def state(self):
        """Give the agent's state: {"name", "type"}; type is routable, not_routable, after_call_work, offline, ..."""
        return await self._ask("agent.state")

    async def routing_profile(self):
        """Give the routing profile: {"name", "routingProfileARN", "queues", ...}."""
        return await self._ask("agent.routing_profile")

    async def channel_concurrency(self):
        """Give how many contacts of each channel the agent may have: {"VOICE": 1, "CHAT": 2, ...}."""
        return await self._ask("agent.channel_concurrency")


class Contact:
    """The contact this page was opened for."""

    def __init__(self, ask, roles):
        self._ask = ask
        self._roles = roles

    async def channel(self):
        """Give the channel: {"type": "voice", "subtype": "connect:Telephony"}."""
        return await self._ask("contact.channel")

    async def queue(self):
        """Give the queue: {"name", "queueARN", "queueId"}."""
        return await self._ask("contact.queue")

    async def queue_timestamp(self):
        """Give when the contact entered the queue: ISO 8601 text in UTC, or None."""
        return await self._ask("contact.queue_timestamp")

    async def state_duration(self):
        """Give for how long the contact has been in its state: milliseconds."""
        return await self._ask("contact.state_duration")

    async def initial_id(self):
        """Give the id of the first contact in the chain, or None."""
        return await self._ask("contact.initial_id")

    async def phone_number(self):
        """Give the customer's number in E.164; raises Unanswered("nothing") where the channel has none."""
        return await self._ask("contact.phone_number")

    async def attributes(self):
        """Give all contact attributes: {name: text}. All cards share one request."""
        return await self._ask("contact.attributes")

    async def attribute(self, role):
        """Give the attribute that plays a role of [tool.popdesk.attributes], e.g. "identity"; "" when there is none."""
        return (await self.attributes()).get(self._roles[role]) or ""
