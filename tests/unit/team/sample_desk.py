"""A desk with a call on it, for playing cards without a workspace.

desk = sample_desk(settings.attributes.by_role(), settings.fields, tier="gold")
await card.ask(desk)
"""

from __future__ import annotations

from popdesk.desk import Desk

ANSWERS: dict[str, object] = {
    "agent.arn": "arn:aws:connect:us-east-1:111122223333:instance/i/agent/a-7",
    "agent.name": "Alex Rivera",
    "agent.state": {"name": "Available", "type": "routable"},
    "agent.routing_profile": {"name": "Basic Routing Profile", "queues": []},
    "agent.channel_concurrency": {"VOICE": 1, "CHAT": 2},
    "contact.channel": {"type": "voice", "subtype": "connect:Telephony"},
    "contact.queue": {"name": "Support", "queueId": "q-1"},
    "contact.queue_timestamp": "2026-01-31T12:00:00.000Z",
    "contact.state_duration": 61_000,
    "contact.initial_id": "c-1",
    "contact.phone_number": "+12025550123",
}
CUSTOMER = {
    "url": "https://crm.example.com/customers/C-1001",
    "name": "Ana Carolina Silva",
    "phone": "+12025550123",
    "identity": "+12025550123",
    "matches": "1",
    "status": "200",
}


def sample_desk(roles: dict[str, str], fields: dict[str, str], **values: str) -> Desk:
    """Return the desk; `roles` are the attributes' names by what they mean (`settings.attributes.by_role()`).

    `values` are those of the customer's own `fields` (`settings.fields`); the others are empty.
    """
    attributes = {roles[role]: value for role, value in CUSTOMER.items()}
    attributes |= {attribute: values.get(field, "-") for field, attribute in fields.items()}

    async def ask(question: str) -> object:
        return attributes if question == "contact.attributes" else ANSWERS[question]

    return Desk(ask, roles, fields)
