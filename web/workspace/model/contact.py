"""One contact: its channel, its customer, its state and its attributes. Pure."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

QUEUED = "queued"  # in the contact flow, not yet with the agent
INCOMING = "incoming"
CONNECTED = "connected"
ACW = "acw"  # after-contact work
MISSED = "missed"
PENDING = "pending"  # waits for the agent to call: a queued callback, a preview of an outbound campaign
ERROR = "error"
CLEARED = "cleared"

# channel -> (type, subtype) as the SDK's ContactChannelType has them
CHANNEL_TYPES = {
    "VOICE": ("voice", "connect:Telephony"),
    "CHAT": ("chat", "connect:Chat"),
    "TASK": ("task", "connect:Task"),
    "EMAIL": ("email", "connect:Email"),
}


class Contact:
    """One contact: `channel` VOICE, CHAT, TASK or EMAIL; `address` the customer's number or e-mail, "" when unknown.

    `initial_id` is another contact's for one that was transferred here and "" for any other (docs.aws.amazon.com/
    agentworkspace/latest/devguide/3p-apps-contact-requests-getinitialcontactid.html: "or none if this is not an internal
    Connect transfer"); `queued_at` is None for one that has been in no queue. Times are ms since 1970.
    """

    def __init__(
        self,
        contact_id: str,
        initial_id: str,
        channel: str,
        subtype: str,
        address: str,
        kind: str,
        name: str,
        now: float,
    ) -> None:
        self.id = contact_id
        self.initial_id = initial_id
        self.channel = channel
        self.subtype = subtype
        self.address = address
        self.address_type = kind
        self.name = name
        self.state = QUEUED
        self.since = now
        self.queued_at: float | None = None
        self.queue: dict[str, str] | None = None
        self.attributes: dict[str, str] = {}
        self.steps: list[dict[str, Any]] = []
        self.problem: dict[str, str] | None = None
        self.on_hold = False
        self.self_on_hold = False
        self.added: list[tuple[str, str]] = []

    @property
    def type(self) -> str:
        """The SDK's channel type: voice, chat, task or email."""
        return CHANNEL_TYPES[self.channel][0]

    def event(self) -> "dict[str, Any]":
        """Return the data of every event about this contact (the SDK's BaseContactLifecycleEvent)."""
        data = {"contactId": self.id, "type": self.type, "subtype": self.subtype}
        if self.initial_id:
            data["initialContactId"] = self.initial_id
        return data

    def participants(self) -> "list[dict[str, Any]]":
        """Return the SDK's ParticipantData of everybody in the contact: the customer, the agent, who was added."""
        people = [("customer", {"value": "inbound"}, True, False), ("agent", {"value": "agent"}, False, True)]
        people += [(name, {"value": "other", "actual": kind}, False, False) for name, kind in self.added]
        return [
            {
                "participantId": self.id + "/" + name,
                "contactId": self.id,
                "type": kind,
                "isInitial": initial,
                "isSelf": own,
            }
            for name, kind, initial, own in people
        ]
