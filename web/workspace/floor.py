"""The agent and the contacts: what a real instance would know, and what happens to it. Pure: no browser, no protocol.

    desk = Desk(clock=lambda: 1763700000000.0, new_id=lambda: "4711")
    desk.on_event = lambda namespace, key, contact_id, data: ...     # what apps may subscribe to
    contact = desk.add_contact("VOICE", "+12025550123", "TELEPHONE_NUMBER")
    desk.ring(contact.id); desk.accept(contact.id); desk.end(contact.id); desk.clear(contact.id)

Times are milliseconds since 1970 as floats. A step that a contact's state does not allow raises NotPossible with a
sentence for people.
"""

from permissions import CONTACT, USER, VOICE

QUEUED = "queued"  # in the contact flow, not yet with the agent
INCOMING = "incoming"
CONNECTED = "connected"
ACW = "acw"  # after-contact work
MISSED = "missed"
CLEARED = "cleared"

# channel -> (type, subtype) as the SDK's ContactChannelType has them
CHANNEL_TYPES = {
    "VOICE": ("voice", "connect:Telephony"),
    "CHAT": ("chat", "connect:Chat"),
    "TASK": ("task", "connect:Task"),
    "EMAIL": ("email", "connect:Email"),
}
LOCALES = ("en_US", "de_DE", "es_ES", "fr_FR", "ja_JP", "it_IT", "ko_KR", "pt_BR", "zh_CN", "zh_TW")
VISUAL_MODES = ("light", "dark", "auto")
STATE_TYPES = ("routable", "not_routable", "offline", "after_call_work", "system", "error")
# More than an agent ever has: an app or a link that goes on offering is refused.
MOST_CONTACTS = 100
# States an agent may choose; the others are the system's.
CHOOSABLE = ("routable", "not_routable", "offline")

ACCOUNT = "111122223333"
REGION = "us-east-1"
INSTANCE = "arn:aws:connect:" + REGION + ":" + ACCOUNT + ":instance/00000000-0000-4000-8000-000000000001"


def arn(kind, number):
    """Return a made-up ARN below the made-up instance, e.g. arn("queue", 1)."""
    return INSTANCE + "/" + kind + "/" + identifier(number)


def identifier(number):
    """Return a made-up UUID that is the same in every run."""
    return "00000000-0000-4000-8000-" + ("000000000000" + str(number))[-12:]


class NotPossible(Exception):
    """A step that the present state does not allow; its text is for people."""


class Contact:
    """One contact: `channel` VOICE, CHAT, TASK or EMAIL; `address` the customer's number or e-mail, "" when unknown.

    `initial_id` is another contact's for one that was transferred here and "" for any other (docs.aws.amazon.com/
    agentworkspace/latest/devguide/3p-apps-contact-requests-getinitialcontactid.html: "or none if this is not an internal
    Connect transfer"); `queued_at` is None for one that has been in no queue.
    """

    def __init__(self, contact_id, initial_id, channel, subtype, address, kind, name, now):
        self.id = contact_id
        self.initial_id = initial_id
        self.channel = channel
        self.subtype = subtype
        self.address = address
        self.address_type = kind
        self.name = name
        self.state = QUEUED
        self.since = now
        self.queued_at = None
        self.queue = None
        self.attributes = {}
        self.steps = []
        self.problem = None
        self.on_hold = False
        self.self_on_hold = False
        self.added = []

    @property
    def type(self):
        """The SDK's channel type: voice, chat, task or email."""
        return CHANNEL_TYPES[self.channel][0]

    def event(self):
        """Return the data of every event about this contact (the SDK's BaseContactLifecycleEvent)."""
        data = {"contactId": self.id, "type": self.type, "subtype": self.subtype}
        if self.initial_id:
            data["initialContactId"] = self.initial_id
        return data

    def participants(self):
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


class Desk:
    """The agent's desk. `on_event(namespace, key, contact_id, data)` and `on_change()` are called for what happens."""

    def __init__(self, clock, new_id):
        self.clock = clock
        self.new_id = new_id
        self.on_event = lambda namespace, key, contact_id, data: None
        self.on_change = lambda: None
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
        self.next_state = None
        self.profile_name = "Basic Routing Profile"
        self.concurrency = [("VOICE", 1), ("CHAT", 2), ("TASK", 10), ("EMAIL", 5)]
        self.queues = [("BasicQueue", 1), ("Support", 2), ("Sales", 3)]
        self.visual_mode = "auto"
        self.language = ""  # the agent has chosen none
        self.enhancement = "NONE"
        self.contacts = []
        self.selected = ""
        self._told = set()

    # -- looking things up ---------------------------------------------------------------------------------------------

    def find(self, contact_id):
        """Return the contact with this id, or None."""
        for contact in self.contacts:
            if contact.id == contact_id:
                return contact
        return None

    def contact(self, contact_id):
        """Return the contact with this id, or the selected one for ""; raises NotPossible when there is none."""
        found = self.find(contact_id or self.selected)
        if found is None:
            raise NotPossible("there is no contact " + contact_id if contact_id else "no contact is selected")
        return found

    def active(self):
        """Return the contacts that an agent is handling."""
        return [contact for contact in self.contacts if contact.state in (INCOMING, CONNECTED, ACW)]

    def queue(self, name, queue_arn=""):
        """Return the SDK's Queue for a name; its ARN is made up when it is not given."""
        number = 0
        for known, its_number in self.queues:
            if known == name:
                number = its_number
        made = queue_arn or arn("queue", number or 9)
        return {"name": name, "queueARN": made, "queueId": made.split("/")[-1]}

    def routing_profile(self):
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

    def state_number(self, name):
        """Return a state's place in the list of states, or -1."""
        for number, (known, _) in enumerate(self.states):
            if known == name:
                return number
        return -1

    # -- the agent -----------------------------------------------------------------------------------------------------

    def set_state(self, name, kind=""):
        """Change the agent's state at once; a name not in the list becomes a custom state of `kind` (not_routable)."""
        if kind and kind not in STATE_TYPES:
            raise NotPossible("a state's type is one of " + ", ".join(STATE_TYPES))
        if not name:
            raise NotPossible("a state needs a name")
        if self.state_number(name) < 0:
            self.states.insert(4, (name, kind or "not_routable"))
        previous = self.state
        self.state = name
        self.next_state = None
        self.state_since = self.clock()
        self._tell_change("agent/stateChange", {"state": name}, {"state": previous})
        self.on_change()

    def ask_state(self, name):
        """Change the state as an app may: queued while a contact is handled. Gives "updated" or "queued"."""
        if self.active():
            self.next_state = name
            self.on_change()
            return "queued"
        self.set_state(name)
        return "updated"

    def set_agent(self, name="", extension="", agent_arn=""):
        """Change who the agent is; what is "" stays. The SDK has no event for it."""
        self.agent_name = name or self.agent_name
        self.extension = extension or self.extension
        self.agent_arn = agent_arn or self.agent_arn
        self.on_change()

    def set_profile(self, name="", concurrency=None):
        """Change the routing profile's name, or the contacts at once per channel ([(channel, number), ...])."""
        before = self.routing_profile()
        channels = self._enabled()
        self.profile_name = name or self.profile_name
        self.concurrency = concurrency or self.concurrency
        now = {"routingProfile": self.routing_profile()}
        self._tell_change("agent/routingProfileChanged", now, {"routingProfile": before})
        if self._enabled() != channels:
            now = {"enabledChannels": self._enabled()}
            self._tell_change("agent/enabledChannelListChanged", now, {"enabledChannels": channels})
        self.on_change()

    def _tell_change(self, key, data, previous):
        """Tell of a change of the agent's; what was before it is `previous?` in the SDK's types: the first has none."""
        if key in self._told:
            data["previous"] = previous
        self._told.add(key)
        self.on_event(CONTACT, key, "", data)

    def _enabled(self):
        return [channel.lower() for channel, number in self.concurrency if number > 0]

    def set_visual_mode(self, mode):
        """Change the theme: light, dark or auto."""
        if mode not in VISUAL_MODES:
            raise NotPossible("the theme is one of " + ", ".join(VISUAL_MODES))
        previous = self.visual_mode
        self.visual_mode = mode
        data = {"visualMode": mode, "previous": {"visualMode": previous}}
        self.on_event(USER, "visualModeChange", "", data)
        self.on_change()

    def set_language(self, locale):
        """Change the agent's language, a locale of the SDK such as es_ES."""
        if locale not in LOCALES:
            raise NotPossible("the language is one of " + ", ".join(LOCALES))
        previous = self.language
        self.language = locale
        self.on_event(USER, "languageChange", "", {"language": locale, "previous": {"language": previous or None}})
        self.on_change()

    def set_enhancement(self, mode):
        """Change the voice enhancement mode: VOICE_ISOLATION, NOISE_SUPPRESSION or NONE."""
        previous = self.enhancement
        self.enhancement = mode
        data = {"voiceEnhancementMode": mode, "previous": {"voiceEnhancementMode": previous}}
        self.on_event(VOICE, "voice/voiceEnhancementModeChanged", "", data)

    # -- a contact's life ----------------------------------------------------------------------------------------------

    def add_contact(self, channel, address="", kind="", name="", initial_id="", contact_id="", subtype=""):
        """Make a contact that is in its flow; `initial_id` is another contact's when it was transferred here."""
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

    def enqueue(self, contact_id, queue):
        """Put a contact into a queue (the SDK's Queue)."""
        contact = self.contact(contact_id)
        contact.queue = queue
        contact.queued_at = self.clock()

    def ring(self, contact_id):
        """The flow is done and the contact is offered to the agent."""
        contact = self._step(contact_id, (QUEUED,), INCOMING, "offered")
        self.selected = contact.id
        self._tell(contact, "contact/incoming")
        return contact

    def accept(self, contact_id=""):
        """The agent takes an offered contact."""
        contact = self._step(contact_id, (INCOMING,), CONNECTED, "accepted")
        self._tell(contact, "contact/connected")
        return contact

    def miss(self, contact_id=""):
        """An offered contact is not taken in time."""
        contact = self._step(contact_id, (INCOMING,), MISSED, "missed")
        self._tell(contact, "contact/missed")
        return contact

    def end(self, contact_id=""):
        """The conversation ends; after-contact work begins."""
        contact = self._step(contact_id, (CONNECTED,), ACW, "ended")
        contact.on_hold = contact.self_on_hold = False
        self._tell(contact, "contact/acw")
        return contact

    def clear(self, contact_id=""):
        """The contact leaves the desk."""
        contact = self._step(contact_id, (ACW, MISSED, QUEUED), CLEARED, "cleared")
        self.contacts.remove(contact)
        if self.selected == contact.id:
            self.selected = self.contacts[-1].id if self.contacts else ""
        self._tell(contact, "contact/cleared")
        self._tell(contact, "contact/destroy")
        if self.next_state and not self.active():
            self.set_state(self.next_state)
        return contact

    def select(self, contact_id):
        """The agent looks at another contact; "" looks at none."""
        if contact_id:
            self.contact(contact_id)
        self.selected = contact_id
        self.on_change()

    def hold(self, contact_id, on_hold):
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

    def hold_self(self, contact_id, on_hold):
        """Put the agent's own line on hold, or resume."""
        contact = self.contact(contact_id)
        contact.self_on_hold = on_hold
        data = {"participantId": contact.id + "/agent", "contactId": contact.id, "isOnHold": on_hold}
        self.on_event(VOICE, "voice/selfHold" if on_hold else "voice/selfResume", contact.id, data)
        data = {"contactId": contact.id, "canResumeConnection": on_hold}
        self.on_event(VOICE, "voice/canResumeSelfChanged", contact.id, data)
        self.on_change()

    def add_participant(self, contact_id, name, kind):
        """Somebody joins; return the new participant's id."""
        contact = self.contact(contact_id)
        contact.added.append((name, kind))
        person = contact.participants()[-1]
        self.on_event(CONTACT, "contact/participantAdded", contact.id, {"participant": person})
        self.on_change()
        return person["participantId"]

    def remove_participant(self, contact, participant_id):
        """Somebody leaves; when it is the customer, the conversation ends."""
        person = next(each for each in contact.participants() if each["participantId"] == participant_id)
        contact.added = [pair for pair in contact.added if contact.id + "/" + pair[0] != participant_id]
        self.on_event(CONTACT, "contact/participantDisconnected", contact.id, {"participant": person})
        self._participant_state(contact, participant_id, "disconnected")
        if not participant_id.endswith("/customer"):
            self.on_change()
        elif contact.state == CONNECTED:
            self.end(contact.id)

    def set_attributes(self, contact_id, attributes):
        """Set contact attributes while the contact runs (no event tells apps: they ask); None removes one."""
        contact = self.contact(contact_id)
        for key in attributes:
            if attributes[key] is None:
                contact.attributes.pop(key, None)
            else:
                contact.attributes[key] = str(attributes[key])
        self.on_change()

    def _step(self, contact_id, allowed, state, verb):
        contact = self.contact(contact_id)
        if contact.state not in allowed:
            raise NotPossible("a contact that is " + contact.state + " cannot be " + verb)
        contact.state = state
        contact.since = self.clock()
        return contact

    def _tell(self, contact, key):
        self.on_event(CONTACT, key, contact.id, contact.event())
        self.on_change()

    def _participant_state(self, contact, participant_id, value):
        data = {"participantId": participant_id, "contactId": contact.id, "state": {"value": value}}
        self.on_event(CONTACT, "contact/participantStateChanged", participant_id, data)
