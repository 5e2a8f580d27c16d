"""Every question that a card can ask: how the Connect SDK puts it, and which permission it needs. Pure.

    client, method, permission, *arguments = QUESTIONS["agent.name"]      # "AgentClient", "getName", "User.Details.View"

    question = Question(); question.settle("Alex", None); await question.answer()

A new question is a row here and a method in desk.py. A question about the contact has the contact's scope as its first
argument, `arguments` follow it. The permissions are those of "Third-party application permissions" in the Amazon Connect
agent workspace developer guide.
"""

import asyncio

if False:
    from typing import Any


QUESTIONS: "dict[str, tuple[str, ...]]" = {
    "agent.arn": ("AgentClient", "getARN", "User.Details.View"),
    "agent.name": ("AgentClient", "getName", "User.Details.View"),
    "agent.state": ("AgentClient", "getState", "User.Status.View"),
    "agent.routing_profile": ("AgentClient", "getRoutingProfile", "User.Configuration.View"),
    "agent.channel_concurrency": ("AgentClient", "getChannelConcurrency", "User.Configuration.View"),
    "contact.channel": ("ContactClient", "getChannelType", "Contact.Details.View"),
    "contact.queue": ("ContactClient", "getQueue", "Contact.Details.View"),
    "contact.queue_timestamp": ("ContactClient", "getQueueTimestamp", "Contact.Details.View"),
    "contact.state_duration": ("ContactClient", "getStateDuration", "Contact.Details.View"),
    "contact.initial_id": ("ContactClient", "getInitialContactId", "Contact.Details.View"),
    "contact.phone_number": ("VoiceClient", "getInitialCustomerPhoneNumber", "Contact.CustomerDetails.View"),
    "contact.attributes": ("ContactClient", "getAttributes", "Contact.Attributes.View", "*"),
}


def permission_for(name: str) -> str:
    """Return the permission that a question needs, "" for one that is not in the table."""
    return QUESTIONS[name][2] if name in QUESTIONS else ""


class Question:
    """One question that many may await: each gets its answer or its error, and what comes after the first is nothing.

    `news` is how much news there had been when it was asked: with more of it, its answer is not to be taken any more.
    """

    def __init__(self, news: int = 0) -> None:
        self.news = news
        self._settled = asyncio.Event()
        self._value: "Any" = None
        self._problem: "Exception | None" = None

    def is_settled(self) -> bool:
        """Return whether there is an answer, or an exception that stands for it."""
        return self._settled.is_set()

    def settle(self, value: "Any", problem: "Exception | None") -> None:
        """Take the answer, or the exception that stands for it."""
        if not self._settled.is_set():
            self._value, self._problem = value, problem
            self._settled.set()

    async def answer(self) -> "Any":
        """Return the answer once it is there; raises the exception it came to."""
        await self._settled.wait()
        if self._problem is not None:
            raise self._problem
        return self._value
