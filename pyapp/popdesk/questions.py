"""Every question that a card can ask: how the Connect SDK puts it, and which permission it needs. Pure.

    client, method, permission, *arguments = QUESTIONS["agent.name"]      # "AgentClient", "getName", "User.Details.View"

A new question is a row here and a method in desk.py. A question about the contact has the contact's scope as its first
argument, `arguments` follow it. The permissions are those of "Third-party application permissions" in the Amazon Connect
agent workspace developer guide.
"""

QUESTIONS = {
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


def permission_for(name):
    """Return the permission that a question needs, "" for one that is not in the table."""
    return QUESTIONS[name][2] if name in QUESTIONS else ""
