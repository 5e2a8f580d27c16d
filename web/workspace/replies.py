"""What the workspace answers to each request of the SDK's clients at 1.0.11. Pure.

    answer(Ask(desk, instance, apps), "aws.connect.contact", "agent/getName", {})      # -> {"name": "Alex Rivera"}
    answer(..., "aws.connect.contact", "agent/getShoeSize", {})      # raises Refused("handlerNotFound", ...)

The routes and the shapes are those of the packages' `routes.js` and `types.d.ts` (contact, voice, app-controller) and
of the user package's source. What they declare as optional or `| undefined` is not sent where there is nothing to
say, as for an ordinary contact's initial id, and what they declare as `| null` is null. Routes that exist there without a
client method (getDescription, getReferences, app-instance/launch) have no known shape and are refused as not found. Error keys
are the SDK's where it has one (handlerNotFound, noResult); the others AWS does not document.
"""

from floor import ACW, CHOOSABLE, CONNECTED, MISSED, REGION, NotPossible, arn
from permissions import CONTACT, USER, VOICE, WORKSPACE, allows, needed_for_request

CURRENT_CONTACT = "CURRENT_CONTACT"
NO_PERMISSION = "App does not have permission for this request"

DIALABLE = (("US", "+1", "United States"), ("GB", "+44", "United Kingdom"), ("ES", "+34", "Spain"))


class Refused(Exception):
    """A request that is answered with an error: `key` for programs, `reason` in words."""

    def __init__(self, key, reason):
        super().__init__(reason)
        self.key = key
        self.reason = reason


class Moment(dict):
    """A time that is a Date in the SDK's types; the edge that sends it makes the Date.

    A class of its own: `{"$date": ...}` in what an app says, and is told again, is the app's own data.
    """


def moment(milliseconds):
    """Return the Moment of a time in ms since 1970."""
    made = Moment()
    made["$date"] = milliseconds
    return made


class Ask:
    """One request in its surroundings: the desk, the instance that asks, the apps, and the request's data."""

    def __init__(self, desk, instance, apps, data=None):
        self.desk = desk
        self.instance = instance
        self.apps = apps
        self.data = data if isinstance(data, dict) else {}

    def text(self, key):
        """Return a text of the request's data, "" when it is not there or no text."""
        value = self.data.get(key)
        return value if isinstance(value, str) else ""

    def contact(self):
        """Return the contact the request is about: named, or the one of the iframe. Raises Refused when there is none."""
        found = self.desk.find(resolve_contact(self.desk, self.instance, self.text("contactId")))
        if found is None:
            raise Refused("contactNotFound", "No contact found for this request")
        return found

    def participant(self):
        """Return (contact, participant id) for the request's participantId. Raises Refused when there is none."""
        wanted = self.text("participantId")
        for contact in self.desk.contacts:
            for person in contact.participants():
                if person["participantId"] == wanted:
                    return contact, person
        raise Refused("participantNotFound", "No participant found for this request")


def resolve_contact(desk, instance, contact_id):
    """Return the id that `contact_id` means in an iframe: CURRENT_CONTACT and nothing mean the iframe's own contact.

    An app that serves all contacts (CROSS_CONTACTS) means the one the agent looks at; an idle app means none.
    """
    if contact_id and contact_id != CURRENT_CONTACT:
        return contact_id
    return desk.selected if instance.serves_all else instance.contact_id


def answer(ask, namespace, command, granted):
    """Return the data of the answer. Raises Refused."""
    route = _ROUTES.get((namespace, command))
    if route is None:
        raise Refused("handlerNotFound", "No handler found for " + namespace + " " + command)
    if not allows(granted, needed_for_request(namespace, command)):
        raise Refused("accessDenied", NO_PERMISSION)
    try:
        return route(ask)
    except NotPossible as error:
        raise Refused("invalidRequest", str(error))


def known(namespace, command):
    """Return whether there is an answer to this request."""
    return (namespace, command) in _ROUTES


def _given(**fields):
    """Return an object without those of its fields that are nothing: the app finds undefined there."""
    return {name: fields[name] for name in fields if fields[name] not in (None, "")}


def _state(desk, name):
    """Return the SDK's AgentState: only a state to choose has an ARN, and only the present one began at some time."""
    number = desk.state_number(name)
    kind = desk.states[number][1]
    return _given(
        agentStateARN=arn("agent-state", number + 1) if kind in CHOOSABLE else None,
        type=kind,
        name=name,
        startTimestamp=moment(desk.state_since) if name == desk.state else None,
    )


# -- agent -------------------------------------------------------------------------------------------------------------


def _list_states(ask):
    return [_state(ask.desk, name) for name, kind in ask.desk.states if kind in CHOOSABLE]


def _change_state(ask, name):
    status = ask.desk.ask_state(name)
    result = {"status": status, "current": _state(ask.desk, ask.desk.state)}
    if status == "queued":
        result["next"] = _state(ask.desk, name)
    return result


def _set_state(ask):
    for name, kind in ask.desk.states:
        if kind in CHOOSABLE and _state(ask.desk, name)["agentStateARN"] == ask.text("agentStateARN"):
            return _change_state(ask, name)
    raise Refused("invalidRequest", "The agent has no such state")


def _set_state_by_name(ask):
    wanted = ask.text("agentStateName")
    if (wanted, "") not in [(name, "") for name, kind in ask.desk.states if kind in CHOOSABLE]:
        raise Refused("invalidRequest", "The agent has no such state")
    return _change_state(ask, wanted)


def _set_offline(ask):
    offline = [name for name, kind in ask.desk.states if kind == "offline"]
    return _change_state(ask, offline[0])


def _countries():
    return [{"countryCode": code, "callingCode": calling, "label": label} for code, calling, label in DIALABLE]


def _quick_connects(ask):
    return {
        "quickConnects": [
            {"type": "agent", "endpointARN": arn("transfer-destination", 1), "name": "Sam Okafor"},
            {"type": "queue", "endpointARN": arn("transfer-destination", 2), "name": "Sales"},
            {
                "type": "phone_number",
                "endpointARN": arn("transfer-destination", 3),
                "name": "Back office",
                "phoneNumber": "+12025550199",
            },
        ],
        "nextToken": None,
    }


# -- contact -----------------------------------------------------------------------------------------------------------


def _attributes(ask):
    attributes = ask.contact().attributes
    wanted = ask.data.get("attributes")
    if isinstance(wanted, list):
        return {key: attributes[key] for key in wanted if isinstance(key, str) and key in attributes}
    return dict(attributes)


def _queue(ask):
    queue = ask.contact().queue
    if queue is None:
        raise Refused("noResult", "No Result Found")
    return queue


def _phone(ask):
    contact = ask.contact()
    if contact.channel != "VOICE" or not contact.address:
        raise Refused("noResult", "No Result Found")
    return {"phoneNumber": contact.address}


def _accept(ask):
    ask.desk.accept(ask.contact().id)


def _clear(ask):
    contact = ask.contact()
    if contact.state not in (ACW, MISSED):
        raise Refused("invalidRequest", "The contact is not in after-contact work or missed")
    # The answer goes first: clearing destroys the iframe that waits for it.
    ask.instance.after_answer(lambda: ask.desk.clear(contact.id))


def _destination(ask):
    wanted = ask.data.get("quickConnect")
    if not isinstance(wanted, dict) or not wanted.get("endpointARN"):
        raise Refused("invalidRequest", "A quick connect is needed")
    return wanted


def _transfer(ask):
    contact = ask.contact()
    _destination(ask)
    if contact.state != CONNECTED:
        raise Refused("invalidRequest", "The contact is not connected")
    ask.instance.after_answer(lambda: ask.desk.end(contact.id))


def _add_participant(ask):
    contact = ask.contact()
    destination = _destination(ask)
    kind = str(destination.get("type", "other"))
    name = kind + "-" + str(len(contact.added) + 1)
    return {"participantId": ask.desk.add_participant(contact.id, name, kind)}


def _core(contact):
    return contact.event()


def _queue_timestamp(ask):
    queued_at = ask.contact().queued_at
    return _given(queueTimestamp=moment(queued_at) if queued_at is not None else None)


def _contact(ask):
    contact = ask.contact()
    data = _core(contact)
    data["queue"] = contact.queue or ask.desk.queue("")
    return data


def _not_preview(ask):
    ask.contact()
    raise Refused("invalidRequest", "The contact is not in preview mode")


def _participant_state(ask):
    contact, person = ask.participant()
    held = contact.on_hold if person["participantId"].endswith("/customer") else contact.self_on_hold
    if contact.state == CONNECTED:
        return {"value": "hold" if held else "connected"}
    return {"value": "disconnected" if contact.state == ACW else "connecting"}


def _disconnect(ask):
    contact, person = ask.participant()
    ask.desk.remove_participant(contact, person["participantId"])


# -- voice -------------------------------------------------------------------------------------------------------------


def _call(ask):
    number = ask.text("phoneNumber")
    if not number.startswith("+"):
        raise Refused("invalidRequest", "The number must be in E.164 format")
    contact = ask.desk.add_contact("VOICE", number, "TELEPHONE_NUMBER")
    ask.instance.after_answer(lambda: ask.apps.outbound(contact))
    return {"contactId": contact.id}


def _hold(ask, on_hold):
    contact, person = ask.participant()
    if person["participantId"].endswith("/customer"):
        ask.desk.hold(contact.id, on_hold)
    elif person["isSelf"]:
        ask.desk.hold_self(contact.id, on_hold)


def _held(ask):
    contact, person = ask.participant()
    return contact.self_on_hold if person["isSelf"] else contact.on_hold


def _conference(ask):
    contact = ask.contact()
    if contact.on_hold:
        ask.desk.hold(contact.id, False)


def _set_enhancement(ask):
    mode = ask.text("voiceEnhancementMode")
    if mode not in ("VOICE_ISOLATION", "NOISE_SUPPRESSION", "NONE"):
        raise Refused("invalidRequest", "There is no such voice enhancement mode")
    ask.desk.set_enhancement(mode)


def _enhancement_paths(ask):
    return {"voiceEnhancementPaths": {key: "/" + key + "/" for key in ("processors", "workers", "wasm", "models")}}


# -- user and workspace ------------------------------------------------------------------------------------------------


def _set_visual_mode(ask):
    ask.desk.set_visual_mode(ask.text("visualMode"))


def _set_language(ask):
    ask.desk.set_language(ask.text("language"))
    return {"language": ask.desk.language}


_ROUTES = {
    (CONTACT, "agent/getARN"): lambda ask: {"ARN": ask.desk.agent_arn},
    (CONTACT, "agent/getName"): lambda ask: {"name": ask.desk.agent_name},
    (CONTACT, "agent/getState"): lambda ask: _state(ask.desk, ask.desk.state),
    (CONTACT, "agent/getRoutingProfile"): lambda ask: ask.desk.routing_profile(),
    (CONTACT, "agent/getChannelConcurrency"): lambda ask: dict(ask.desk.concurrency),
    (CONTACT, "agent/getExtension"): lambda ask: _given(extension=ask.desk.extension),
    (CONTACT, "agent/getDialableCountries"): lambda ask: {"dialableCountries": _countries()},
    (CONTACT, "agent/setAvailabilityState"): _set_state,
    (CONTACT, "agent/setAvailabilityStateByName"): _set_state_by_name,
    (CONTACT, "agent/setOffline"): _set_offline,
    (CONTACT, "agent/listAvailabilityStates"): _list_states,
    (CONTACT, "agent/listQuickConnects"): _quick_connects,
    (CONTACT, "contact/getAttributes"): _attributes,
    (CONTACT, "contact/getInitialContactId"): lambda ask: _given(initialContactId=ask.contact().initial_id),
    (CONTACT, "contact/getType"): lambda ask: {"type": ask.contact().type},
    (CONTACT, "contact/getChannelType"): lambda ask: {"type": ask.contact().type, "subtype": ask.contact().subtype},
    (CONTACT, "contact/getStateDuration"): lambda ask: {"stateDuration": int(ask.desk.clock() - ask.contact().since)},
    (CONTACT, "contact/getQueue"): _queue,
    (CONTACT, "contact/getQueueTimestamp"): _queue_timestamp,
    (CONTACT, "contact/addParticipant"): _add_participant,
    (CONTACT, "contact/transfer"): _transfer,
    (CONTACT, "contact/accept"): _accept,
    (CONTACT, "contact/clear"): _clear,
    (CONTACT, "contact/isPreviewMode"): lambda ask: {"isPreviewMode": ask.contact() is None},
    (CONTACT, "contact/getPreviewConfiguration"): _not_preview,
    (CONTACT, "contact/engagePreviewContact"): _not_preview,
    (CONTACT, "contact/getContactRegion"): lambda ask: {"region": REGION},
    (CONTACT, "contact/getInstanceDetails"): lambda ask: {"origin": "https://example.my.connect.aws", "region": REGION},
    (CONTACT, "contact/listParticipants"): lambda ask: ask.contact().participants(),
    (CONTACT, "contact/getParticipant"): lambda ask: ask.participant()[1],
    (CONTACT, "contact/getParticipantState"): _participant_state,
    (CONTACT, "contact/disconnectParticipant"): _disconnect,
    (CONTACT, "contact/getContact"): _contact,
    (CONTACT, "contact/listContacts"): lambda ask: [_core(contact) for contact in ask.desk.contacts],
    (VOICE, "contact/getPhoneNumber"): _phone,
    (VOICE, "voice/getInitialCustomerPhoneNumber"): _phone,
    (VOICE, "voice/listDialableCountries"): lambda ask: _countries(),
    (VOICE, "voice/getOutboundCallPermission"): lambda ask: {"outboundCallPermission": True},
    (VOICE, "voice/createOutboundCall"): _call,
    (VOICE, "voice/conferenceParticipants"): _conference,
    (VOICE, "voice/holdParticipant"): lambda ask: _hold(ask, True),
    (VOICE, "voice/resumeParticipant"): lambda ask: _hold(ask, False),
    (VOICE, "voice/holdSelf"): lambda ask: ask.desk.hold_self(ask.contact().id, True),
    (VOICE, "voice/resumeSelf"): lambda ask: ask.desk.hold_self(ask.contact().id, False),
    (VOICE, "voice/isParticipantOnHold"): lambda ask: {"isOnHold": _held(ask)},
    (VOICE, "voice/isSelfOnHold"): lambda ask: {"isOnHold": ask.contact().self_on_hold},
    (VOICE, "voice/canResumeSelf"): lambda ask: {"canResumeSelf": ask.contact().self_on_hold},
    (VOICE, "voice/canResumeParticipant"): lambda ask: {"canResumeParticipant": _held(ask)},
    (VOICE, "voice/getVoiceEnhancementMode"): lambda ask: {"voiceEnhancementMode": ask.desk.enhancement},
    (VOICE, "voice/setVoiceEnhancementMode"): _set_enhancement,
    (VOICE, "voice/getVoiceEnhancementPaths"): _enhancement_paths,
    (USER, "getLanguage"): lambda ask: {"language": ask.desk.language or None},
    (USER, "setLanguage"): _set_language,
    (USER, "getTheme"): lambda ask: {"visualMode": ask.desk.visual_mode},
    (USER, "getVisualMode"): lambda ask: {"visualMode": ask.desk.visual_mode},
    (USER, "setVisualMode"): _set_visual_mode,
    (WORKSPACE, "getTheme"): lambda ask: {"theme": {"tokens": {}}},
    (WORKSPACE, "app/getCatalog"): lambda ask: {"applications": ask.apps.catalog()},
    (WORKSPACE, "app/getConfig"): lambda ask: ask.apps.config_of(ask.text("key")),
    (WORKSPACE, "app-launcher/launch"): lambda ask: ask.apps.launch(ask.text("arnOrName"), ask.data.get("options")),
    (WORKSPACE, "app-instance/get-app-info"): lambda ask: ask.apps.info(ask.text("instanceId")),
    (WORKSPACE, "app-manager/get-apps"): lambda ask: {"apps": ask.apps.infos()},
    (WORKSPACE, "app-instance/focus"): lambda ask: ask.apps.focus(ask.text("instanceId")),
    (WORKSPACE, "app-instance/close"): lambda ask: ask.apps.close(ask.text("instanceId"), ask.instance),
}


def requests_known():
    """Return every request there is an answer to, by name, sorted."""
    return sorted({command for _, command in _ROUTES})
