"""The agent's desk: the agent, the contacts, and what happens to them. Pure: no browser, no protocol.

    desk = Desk(clock=lambda: 1763700000000.0, new_id=lambda: "4711")
    desk.on_event = lambda namespace, key, about, data: ...     # what apps may subscribe to
    contact = desk.add_contact("VOICE", "+12025550123", "TELEPHONE_NUMBER")
    desk.ring(contact.id); desk.accept(contact.id); desk.end(contact.id); desk.clear(contact.id)

Times are milliseconds since 1970 as floats. A step that a contact's state does not allow raises NotPossible with a
sentence for people.
"""

from model.contact import ACW, CHANNEL_TYPES, CLEARED, CONNECTED, ERROR, INCOMING, MISSED, PENDING, QUEUED, Contact
from model.ids import arn, identifier
from model.moment import moment
from model.permissions import CONTACT, USER, VOICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOCALES = ("en_US", "de_DE", "es_ES", "fr_FR", "ja_JP", "it_IT", "ko_KR", "pt_BR", "zh_CN", "zh_TW")
VISUAL_MODES = ("light", "dark", "auto")
STATE_TYPES = ("routable", "not_routable", "offline", "after_call_work", "system", "error")
# More than an agent ever has: an app or a link that goes on offering is refused.
MOST_CONTACTS = 100
# States an agent may choose; the others are the system's.
CHOOSABLE = ("routable", "not_routable", "offline")


class NotPossible(Exception):
    """A step that the present state does not allow; its text is for people."""


class Desk:
    """The agent's desk. `on_event(namespace, key, about, data)` and `on_change()` are called for what happens.

    `on_state(contact)` is called for a contact's new state, before the event that says so.

    `about` is the id of the contact or participant that an event is about, "" for the agent's.
    """

    def __init__(self, clock: "Callable[[], float]", new_id: "Callable[[], str]") -> None:
        self.clock = clock
        self.new_id = new_id
        self.on_event: Callable[[str, str, str, dict[str, Any]], None] = lambda namespace, key, about, data: None
        self.on_change: Callable[[], None] = lambda: None
        self.on_state: Callable[[Contact], None] = lambda contact: None
        self.started = clock()
        self.agent_name = "Alex Rivera"
        self.agent_arn = arn("agent", 1)
        self.extension = ""  # of a desk phone: most agents speak by the browser
        self.states = [
            ("Available", "routable"),
            ("Break", "not_routable"),
            ("Lunch", "not_routable"),
            ("Training", "not_routable"),
            ("Offline", "offline"),
            ("Busy", "system"),
            ("AfterCallWork", "after_call_work"),
            ("MissedCallAgent", "error"),
        ]
        self.state = "Available"
        self.state_since = self.started
        self.next_state: str | None = None
        self.profile_name = "Basic Routing Profile"
        self.concurrency = [("VOICE", 1), ("CHAT", 2), ("TASK", 10), ("EMAIL", 5)]
        self.queues = [("BasicQueue", 1), ("Support", 2), ("Sales", 3)]
        self.visual_mode = "auto"
        self.language = ""  # the agent has chosen none
        self.enhancement = "NONE"
        self.contacts: list[Contact] = []
        self.selected = ""
        self._changed_before: set[str] = set()

    # -- look-ups -----------------------------------------------------------------------------------------------------

    def find(self, contact_id: str) -> Contact | None:
        """Return the contact with this id, or None."""
        return next((contact for contact in self.contacts if contact.id == contact_id), None)

    def contact(self, contact_id: str) -> Contact:
        """Return the contact with this id, or the selected one for ""; raises NotPossible when there is none."""
        found = self.find(contact_id or self.selected)
        if found is None:
            raise NotPossible("there is no contact " + contact_id if contact_id else "no contact is selected")
        return found

    def active(self) -> list[Contact]:
        """Return the contacts that an agent is handling."""
        return [contact for contact in self.contacts if contact.state in (INCOMING, PENDING, CONNECTED, ACW)]

    def too_many(self) -> list[tuple[str, int, int]]:
        """Return the channels with more contacts than the routing profile allows at once: [(channel, contacts, allowed)].

        Amazon Connect would not route them to this agent; here anything may be offered.
        """
        active = [contact.channel for contact in self.active()]
        return [
            (channel, active.count(channel), allowed)
            for channel, allowed in self.concurrency
            if active.count(channel) > allowed
        ]

    def queue(self, name: str, queue_arn: str = "") -> dict[str, str]:
        """Return the SDK's Queue for a name; its ARN is made up when it is not given."""
        made = queue_arn or arn("queue", dict(self.queues).get(name, 9))
        return {"name": name, "queueARN": made, "queueId": made.split("/")[-1]}

    def routing_profile(self) -> "dict[str, Any]":
        """Return the SDK's AgentRoutingProfile."""
        queues = [self.queue(name) for name, _ in self.queues]
        return {
            "channelConcurrencyMap": dict(self.concurrency),
            "defaultOutboundQueue": queues[0],
            "name": self.profile_name,
            "queues": queues,
            "routingProfileARN": arn("routing-profile", 1),
            "routingProfileId": identifier(1),
        }

    def agent_state(self, name: str) -> "dict[str, Any]":
        """Return the SDK's AgentState: only a state to choose has an ARN, and only the present one began at some time."""
        number = self.state_number(name)
        kind = self.states[number][1]
        state: dict[str, Any] = {"type": kind, "name": name}
        if kind in CHOOSABLE:
            state["agentStateARN"] = arn("agent-state", number + 1)
        if name == self.state:
            state["startTimestamp"] = moment(self.state_since)
        return state

    def state_number(self, name: str) -> int:
        """Return a state's place in the list of states, or -1."""
        return next((number for number, (known, _) in enumerate(self.states) if known == name), -1)

    # -- the agent -----------------------------------------------------------------------------------------------------

    def set_state(self, name: str, kind: str = "") -> None:
        """Change the agent's state at once; a name not in the list becomes a custom state of `kind` (not_routable)."""
        if kind and kind not in STATE_TYPES:
            raise NotPossible("a state's type is one of " + ", ".join(STATE_TYPES))
        if not name:
            raise NotPossible("a state needs a name")
        if self.state_number(name) < 0:
            self.states.insert(4, (name, kind or "not_routable"))
        previous, before = self.state, self.agent_state(self.state)
        self.state = name
        self.state_since = self.clock()
        self._publish_change("agent/stateChange", {"state": name}, {"state": previous})
        self._publish_change("agent/availabilityStateChanged", {"state": self.agent_state(name)}, {"state": before})
        self._set_next_state(None)
        self.on_change()

    def _set_next_state(self, name: str | None) -> None:
        before, self.next_state = self.next_state, name
        if name != before:
            data: dict[str, Any] = {"nextState": self.agent_state(name) if name else None}
            if before:
                data["previous"] = {"nextState": self.agent_state(before)}
            self.on_event(CONTACT, "agent/nextAvailabilityStateChanged", "", data)

    def request_state(self, name: str) -> str:
        """Change the state as an app may; return "updated", or "queued" while a contact is handled."""
        if self.active():
            self._set_next_state(name)
            self.on_change()
            return "queued"
        self.set_state(name)
        return "updated"

    def set_agent(self, name: str = "", extension: str = "", agent_arn: str = "") -> None:
        """Change who the agent is; what is "" stays. The SDK has no event for it."""
        self.agent_name = name or self.agent_name
        self.extension = extension or self.extension
        self.agent_arn = agent_arn or self.agent_arn
        self.on_change()

    def set_profile(self, name: str = "", concurrency: list[tuple[str, int]] | None = None) -> None:
        """Change the routing profile's name, or the contacts at once per channel ([(channel, number), ...])."""
        before = self.routing_profile()
        channels = self._enabled()
        self.profile_name = name or self.profile_name
        self.concurrency = concurrency or self.concurrency
        now = {"routingProfile": self.routing_profile()}
        self._publish_change("agent/routingProfileChanged", now, {"routingProfile": before})
        if self._enabled() != channels:
            enabled = {"enabledChannels": self._enabled()}
            self._publish_change("agent/enabledChannelListChanged", enabled, {"enabledChannels": channels})
        self.on_change()

    def _publish_change(self, key: str, data: "dict[str, Any]", previous: "dict[str, Any]") -> None:
        """Publish a change of the agent; `previous?` is optional in the SDK's types: the first change has none."""
        if key in self._changed_before:
            data["previous"] = previous
        self._changed_before.add(key)
        self.on_event(CONTACT, key, "", data)

    def _enabled(self) -> list[str]:
        # In capitals since 1.0.12, as the map of concurrency always had them.
        return [channel for channel, number in self.concurrency if number > 0]

    def set_visual_mode(self, mode: str) -> None:
        """Change the theme: light, dark or auto."""
        if mode not in VISUAL_MODES:
            raise NotPossible("the theme is one of " + ", ".join(VISUAL_MODES))
        previous = self.visual_mode
        self.visual_mode = mode
        data = {"visualMode": mode, "previous": {"visualMode": previous}}
        self.on_event(USER, "visualModeChange", "", data)
        self.on_change()

    def set_language(self, locale: str) -> None:
        """Change the agent's language, a locale of the SDK such as es_ES."""
        if locale not in LOCALES:
            raise NotPossible("the language is one of " + ", ".join(LOCALES))
        previous = self.language
        self.language = locale
        self.on_event(USER, "languageChange", "", {"language": locale, "previous": {"language": previous or None}})
        self.on_change()

    def set_enhancement(self, mode: str) -> None:
        """Change the voice enhancement mode: VOICE_ISOLATION, NOISE_SUPPRESSION or NONE."""
        previous = self.enhancement
        self.enhancement = mode
        data = {"voiceEnhancementMode": mode, "previous": {"voiceEnhancementMode": previous}}
        self.on_event(VOICE, "voice/voiceEnhancementModeChanged", "", data)

    # -- a contact's life ----------------------------------------------------------------------------------------------

    def add_contact(
        self,
        channel: str,
        address: str = "",
        kind: str = "",
        name: str = "",
        initial_id: str = "",
        contact_id: str = "",
        subtype: str = "",
    ) -> Contact:
        """Add a contact that is in its flow; `initial_id` is another contact's when it was transferred here."""
        if channel not in CHANNEL_TYPES:
            raise NotPossible("the channel is one of " + ", ".join(sorted(CHANNEL_TYPES)))
        made = contact_id or self.new_id()
        if self.find(made) is not None:
            raise NotPossible("there is a contact " + made + " already")
        if len(self.contacts) >= MOST_CONTACTS:
            raise NotPossible("the desk holds " + str(MOST_CONTACTS) + " contacts: clear one first")
        contact = Contact(
            made, initial_id, channel, subtype or CHANNEL_TYPES[channel][1], address, kind, name, self.clock()
        )
        self.contacts.append(contact)
        self.on_change()
        return contact

    def enqueue(self, contact_id: str, queue: dict[str, str]) -> None:
        """Put a contact into a queue (the SDK's Queue)."""
        contact = self.contact(contact_id)
        contact.queue = queue
        contact.queued_at = self.clock()

    def ring(self, contact_id: str) -> Contact:
        """Offer the contact to the agent: its flow is done."""
        contact = self._step(contact_id, (QUEUED,), INCOMING, "offered")
        self.selected = contact.id
        self._publish(contact, "contact/incoming")
        self._publish(contact, "contact/connecting")
        return contact

    def pend(self, contact_id: str = "") -> Contact:
        """Let an offered contact wait for the agent to call, as a queued callback does."""
        contact = self._step(contact_id, (INCOMING,), PENDING, "pending")
        self._publish(contact, "contact/pending")
        return contact

    def accept(self, contact_id: str = "") -> Contact:
        """Connect an offered contact."""
        pending = self.contact(contact_id).state == PENDING
        contact = self._step(contact_id, (INCOMING, PENDING), CONNECTED, "accepted")
        if pending:
            self._publish(contact, "contact/connecting")
        self._publish(contact, "contact/connected")
        self._participant_state(contact, contact.id + "/agent", "connected")
        return contact

    def fail(self, contact_id: str = "") -> Contact:
        """Let a contact come into an error."""
        contact = self._step(contact_id, (INCOMING, PENDING, CONNECTED), ERROR, "failed")
        contact.on_hold = contact.self_on_hold = False
        self._publish(contact, "contact/error")
        return contact

    def miss(self, contact_id: str = "") -> Contact:
        """Let an offered contact go unanswered."""
        contact = self._step(contact_id, (INCOMING,), MISSED, "missed")
        self._publish(contact, "contact/missed")
        return contact

    def end(self, contact_id: str = "") -> Contact:
        """End the conversation; after-contact work begins."""
        contact = self._step(contact_id, (CONNECTED,), ACW, "ended")
        contact.on_hold = contact.self_on_hold = False
        self._publish(contact, "contact/acw")
        self._participant_state(contact, contact.id + "/agent", "disconnected")
        return contact

    def clear(self, contact_id: str = "") -> Contact:
        """Clear the contact from the desk."""
        contact = self._step(contact_id, (ACW, MISSED, ERROR, QUEUED), CLEARED, "cleared")
        self.contacts.remove(contact)
        if self.selected == contact.id:
            self.selected = self.contacts[-1].id if self.contacts else ""
        self._publish(contact, "contact/cleared")
        self._publish(contact, "contact/destroy")
        if self.next_state and not self.active():
            self.set_state(self.next_state)
        return contact

    def select(self, contact_id: str) -> None:
        """Look at another contact, or at none for ""."""
        if contact_id:
            self.contact(contact_id)
        self.selected = contact_id
        self.on_change()

    def hold(self, contact_id: str, on_hold: bool) -> None:
        """Put the customer on hold, or resume."""
        contact = self.contact(contact_id)
        if contact.state != CONNECTED or contact.channel != "VOICE":
            raise NotPossible("only a connected call can be held")
        contact.on_hold = on_hold
        person = contact.id + "/customer"
        data = {"participantId": person, "contactId": contact.id, "isOnHold": on_hold}
        self.on_event(VOICE, "voice/participantHold" if on_hold else "voice/participantResume", person, data)
        data = {"participantId": person, "contactId": contact.id, "canResumeConnection": on_hold}
        self.on_event(VOICE, "voice/onCanResumeParticipantChanged", person, data)
        self._participant_state(contact, person, "hold" if on_hold else "connected")
        self.on_change()

    def hold_self(self, contact_id: str, on_hold: bool) -> None:
        """Put the agent's own line on hold, or resume."""
        contact = self.contact(contact_id)
        contact.self_on_hold = on_hold
        data = {"participantId": contact.id + "/agent", "contactId": contact.id, "isOnHold": on_hold}
        self.on_event(VOICE, "voice/selfHold" if on_hold else "voice/selfResume", contact.id, data)
        data = {"contactId": contact.id, "canResumeConnection": on_hold}
        self.on_event(VOICE, "voice/canResumeSelfChanged", contact.id, data)
        self.on_change()

    def add_participant(self, contact_id: str, name: str, kind: str) -> str:
        """Add a participant; return its id."""
        contact = self.contact(contact_id)
        contact.added.append((name, kind))
        person = contact.participants()[-1]
        self.on_event(CONTACT, "contact/participantAdded", contact.id, {"participant": person})
        self.on_change()
        return str(person["participantId"])

    def remove_participant(self, contact: Contact, participant_id: str) -> None:
        """Disconnect a participant; when it is the customer, the conversation ends."""
        person = next(each for each in contact.participants() if each["participantId"] == participant_id)
        contact.added = [pair for pair in contact.added if contact.id + "/" + pair[0] != participant_id]
        self.on_event(CONTACT, "contact/participantDisconnected", contact.id, {"participant": person})
        self._participant_state(contact, participant_id, "disconnected")
        if not participant_id.endswith("/customer"):
            self.on_change()
        elif contact.state == CONNECTED:
            self.end(contact.id)

    def set_attributes(self, contact_id: str, attributes: dict[str, str | None]) -> None:
        """Set contact attributes (the SDK has no event for it: apps have to ask again); None removes one."""
        contact = self.contact(contact_id)
        for key in attributes:
            if attributes[key] is None:
                contact.attributes.pop(key, None)
            else:
                contact.attributes[key] = str(attributes[key])
        self.on_change()

    def _step(self, contact_id: str, allowed: tuple[str, ...], state: str, verb: str) -> Contact:
        contact = self.contact(contact_id)
        if contact.state not in allowed:
            raise NotPossible("a contact that is " + contact.state + " cannot be " + verb)
        contact.state = state
        contact.since = self.clock()
        self.on_state(contact)
        return contact

    def _publish(self, contact: Contact, key: str) -> None:
        self.on_event(CONTACT, key, contact.id, contact.event())
        self.on_change()

    def _participant_state(self, contact: Contact, participant_id: str, value: str) -> None:
        data = {"participantId": participant_id, "contactId": contact.id, "state": {"value": value}}
        self.on_event(CONTACT, "contact/participantStateChanged", participant_id, data)
