"""What the workspace answers to each request of the SDK's clients at 1.0.12. Pure.

    answer(Request(desk, instance, apps), "aws.connect.contact", "agent/getName", granted)      # -> {"name": "Alex Rivera"}
    answer(..., "aws.connect.contact", "agent/getShoeSize", granted)      # raises Refused("handlerNotFound", ...)

The routes and the shapes are those of the packages' `routes.js` and `types.d.ts` (contact, voice, app-controller) and
of the user package's source. What they declare as optional or `| undefined` is not sent where there is nothing to
say, as for an ordinary contact's initial id, and what they declare as `| null` is null. Routes that exist there without a
client method (getDescription, getReferences, app-instance/launch) have no known shape and are refused as not found. Error keys
are the SDK's where it has one (handlerNotFound, noResult); the others AWS does not document.
"""

from model.contact import ACW, CONNECTED, MISSED
from model.desk import CHOOSABLE, NotPossible
from model.ids import REGION, arn
from model.moment import moment
from model.permissions import ACTIVITY, CONTACT, USER, VOICE, WORKSPACE, allows, needed_for_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from model.contact import Contact
    from model.desk import Desk
    from protocol.apps import App, Apps
    from protocol.instance import Instance

CURRENT_CONTACT = "CURRENT_CONTACT"
NO_PERMISSION = "App does not have permission for this request"

# What the agent's security profile has here, by API names (BasicAgentAccess and the guides').
SECURITY_PROFILE = ("BasicAgentAccess", "OutboundCallAccess", "CustomViews.Access")
DIALABLE = (("US", "+1", "United States"), ("GB", "+44", "United Kingdom"), ("ES", "+34", "Spain"))


class Refused(Exception):
    """A request that is answered with an error: `key` for programs, `reason` in words."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key
        self.reason = reason


class Request:
    """One request in its surroundings: the desk, the instance that asks, the apps, and the request's data."""

    def __init__(self, desk: "Desk", instance: "Instance", apps: "Apps", data: "Any" = None) -> None:
        self.desk = desk
        self.instance = instance
        self.apps = apps
        self.data = data if isinstance(data, dict) else {}

    def text(self, key: str) -> str:
        """Return a text of the request's data, "" when it is not there or no text."""
        value = self.data.get(key)
        return value if isinstance(value, str) else ""

    def contact(self) -> "Contact":
        """Return the contact the request is about: named, or the one of the iframe. Raises Refused when there is none."""
        found = self.desk.find(resolve_contact(self.desk, self.instance, self.text("contactId")))
        if found is None:
            raise Refused("contactNotFound", "No contact found for this request")
        return found

    def participant(self) -> "tuple[Contact, dict[str, Any]]":
        """Return (contact, participant) for the request's participantId. Raises Refused when there is none."""
        wanted = self.text("participantId")
        for contact in self.desk.contacts:
            for person in contact.participants():
                if person["participantId"] == wanted:
                    return contact, person
        raise Refused("participantNotFound", "No participant found for this request")


def resolve_contact(desk: "Desk", instance: "Instance", contact_id: str) -> str:
    """Return the id that `contact_id` means in an iframe: CURRENT_CONTACT and nothing mean the iframe's own contact.

    An app that serves all contacts (CROSS_CONTACTS) means the one the agent looks at; an idle app means none.
    """
    if contact_id and contact_id != CURRENT_CONTACT:
        return contact_id
    return desk.selected if instance.serves_all else instance.contact_id


def answer(request: Request, namespace: str, command: str, granted: list[str]) -> "Any":
    """Return the data of the answer. Raises Refused."""
    route = _ROUTES.get((namespace, command))
    if route is None:
        raise Refused("handlerNotFound", "No handler found for " + namespace + " " + command)
    if not allows(granted, needed_for_request(namespace, command)):
        raise Refused("accessDenied", NO_PERMISSION)
    try:
        return route(request)
    except NotPossible as error:
        raise Refused("invalidRequest", str(error))


def known(namespace: str, command: str) -> bool:
    """Return whether there is an answer to this request."""
    return (namespace, command) in _ROUTES


def _given(**fields: "Any") -> "dict[str, Any]":
    """Return an object without those of its fields that are nothing: the app finds undefined there."""
    return {name: fields[name] for name in fields if fields[name] not in (None, "")}


def _state(desk: "Desk", name: str) -> "dict[str, Any]":
    """Return the SDK's AgentState."""
    return desk.agent_state(name)


# -- agent -------------------------------------------------------------------------------------------------------------


def _list_states(request: Request) -> "Any":
    return [_state(request.desk, name) for name, kind in request.desk.states if kind in CHOOSABLE]


def _change_state(request: Request, name: str) -> "dict[str, Any]":
    status = request.desk.request_state(name)
    result = {"status": status, "current": _state(request.desk, request.desk.state)}
    if status == "queued":
        result["next"] = _state(request.desk, name)
    return result


def _set_state(request: Request) -> "Any":
    for name, kind in request.desk.states:
        if kind in CHOOSABLE and _state(request.desk, name)["agentStateARN"] == request.text("agentStateARN"):
            return _change_state(request, name)
    raise Refused("invalidRequest", "The agent has no such state")


def _set_state_by_name(request: Request) -> "Any":
    wanted = request.text("agentStateName")
    if wanted not in [name for name, kind in request.desk.states if kind in CHOOSABLE]:
        raise Refused("invalidRequest", "The agent has no such state")
    return _change_state(request, wanted)


def _set_offline(request: Request) -> "Any":
    return _change_state(request, next(name for name, kind in request.desk.states if kind == "offline"))


def _countries() -> list[dict[str, str]]:
    return [{"countryCode": code, "callingCode": calling, "label": label} for code, calling, label in DIALABLE]


def _quick_connects(request: Request) -> "Any":
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


def _attributes(request: Request) -> "Any":
    attributes = request.contact().attributes
    wanted = request.data.get("attributes")
    if isinstance(wanted, list):
        return {key: attributes[key] for key in wanted if isinstance(key, str) and key in attributes}
    return dict(attributes)


def _queue(request: Request) -> "Any":
    queue = request.contact().queue
    if queue is None:
        raise Refused("noResult", "No Result Found")
    return queue


def _phone(request: Request) -> dict[str, str]:
    contact = request.contact()
    if contact.channel != "VOICE" or not contact.address:
        raise Refused("noResult", "No Result Found")
    return {"phoneNumber": contact.address}


def _accept(request: Request) -> None:
    request.desk.accept(request.contact().id)


def _reject(request: Request) -> None:
    request.desk.miss(request.contact().id)


def _disconnect_self(request: Request) -> None:
    request.desk.end(request.contact().id)


def _clear(request: Request) -> None:
    contact = request.contact()
    if contact.state not in (ACW, MISSED):
        raise Refused("invalidRequest", "The contact is not in after-contact work or missed")
    # The answer goes first: clearing destroys the iframe that waits for it.
    request.instance.after_answer(lambda: request.desk.clear(contact.id))


def _destination(request: Request) -> "dict[str, Any]":
    wanted = request.data.get("quickConnect")
    if not isinstance(wanted, dict) or not wanted.get("endpointARN"):
        raise Refused("invalidRequest", "A quick connect is needed")
    return wanted


def _transfer(request: Request) -> None:
    contact, to = request.contact(), _destination(request)
    if to.get("type") not in ("agent", "queue"):
        raise Refused("invalidRequest", "A contact is transferred to an agent or a queue")
    if contact.state != CONNECTED:
        raise Refused("invalidRequest", "The contact is not connected")

    def transfer() -> None:
        if contact.state == CONNECTED:  # the customer may have hung up
            request.desk.end(contact.id)
            request.apps.on_transfer(contact, to)

    request.instance.after_answer(transfer)


def _add_participant(request: Request) -> "Any":
    contact = request.contact()
    destination = _destination(request)
    kind = str(destination.get("type", "other"))
    name = kind + "-" + str(len(contact.added) + 1)
    return {"participantId": request.desk.add_participant(contact.id, name, kind)}


def _queue_timestamp(request: Request) -> "Any":
    queued_at = request.contact().queued_at
    return _given(queueTimestamp=moment(queued_at) if queued_at is not None else None)


def _contact(request: Request) -> "Any":
    contact = request.contact()
    data = contact.event()
    data["queue"] = contact.queue or request.desk.queue("")
    return data


def _not_preview(request: Request) -> None:
    request.contact()
    raise Refused("invalidRequest", "The contact is not in preview mode")


def _participant_state(request: Request) -> "Any":
    contact, person = request.participant()
    held = contact.on_hold if person["participantId"].endswith("/customer") else contact.self_on_hold
    if contact.state == CONNECTED:
        return {"value": "hold" if held else "connected"}
    return {"value": "disconnected" if contact.state in (ACW, MISSED) else "connecting"}


def _disconnect(request: Request) -> None:
    contact, person = request.participant()
    request.desk.remove_participant(contact, person["participantId"])


# -- voice -------------------------------------------------------------------------------------------------------------


def _call(request: Request) -> "Any":
    number = request.text("phoneNumber")
    if not number.startswith("+"):
        raise Refused("invalidRequest", "The number must be in E.164 format")
    options = request.data.get("options")
    related = request.desk.find(str(options.get("relatedContactId"))) if isinstance(options, dict) else None
    contact = request.desk.add_contact("VOICE", number, "TELEPHONE_NUMBER", related.name if related else "")
    if related:
        # "Linking voice, task, or chat by using RelatedContactID copies over contact attributes from the related contact to
        # the new contact" (API_StartOutboundVoiceContact.html).
        contact.attributes = dict(related.attributes)
    request.instance.after_answer(lambda: request.apps.on_outbound(contact))
    return {"contactId": contact.id}


def _hold(request: Request, on_hold: bool) -> None:
    contact, person = request.participant()
    if person["participantId"].endswith("/customer"):
        request.desk.hold(contact.id, on_hold)
    elif person["isSelf"]:
        request.desk.hold_self(contact.id, on_hold)


def _held(request: Request) -> bool:
    contact, person = request.participant()
    return contact.self_on_hold if person["isSelf"] else contact.on_hold


def _conference(request: Request) -> None:
    contact = request.contact()
    if contact.on_hold:
        request.desk.hold(contact.id, False)


def _set_enhancement(request: Request) -> None:
    mode = request.text("voiceEnhancementMode")
    if mode not in ("VOICE_ISOLATION", "NOISE_SUPPRESSION", "NONE"):
        raise Refused("invalidRequest", "There is no such voice enhancement mode")
    request.desk.set_enhancement(mode)


def _enhancement_paths(request: Request) -> "Any":
    return {"voiceEnhancementPaths": {key: "/" + key + "/" for key in ("processors", "workers", "wasm", "models")}}


# -- what 1.0.12 adds to the agent and the contact ---------------------------------------------------------------------


def _availability(request: Request) -> "Any":
    """Answer getAvailabilityState: the present state, and the one that follows its contacts where one is queued."""
    desk = request.desk
    state = _state(desk, desk.state)
    if desk.next_state:
        state["nextState"] = _state(desk, desk.next_state)
    return state


def _network(request: Request) -> "Any":
    return {"status": "connected", "timestamp": request.desk.started}


# -- user and workspace ------------------------------------------------------------------------------------------------


def _set_visual_mode(request: Request) -> None:
    request.desk.set_visual_mode(request.text("visualMode"))


def _set_language(request: Request) -> "Any":
    request.desk.set_language(request.text("language"))
    return {"language": request.desk.language}


# -- the application controller ----------------------------------------------------------------------------------------


def _app(request: Request, key: str) -> "App":
    wanted = request.text(key)
    app = request.apps.find_app(wanted)
    if app is None:
        raise Refused("invalidRequest", "There is no app " + wanted)
    return app


def _instance(request: Request) -> "Instance":
    wanted = request.text("instanceId")
    for instance in request.apps.instances:
        if instance.id == wanted:
            return instance
    raise Refused("invalidRequest", "There is no app instance " + wanted)


def _launch(request: Request) -> "dict[str, Any]":
    """Launch an app for an app; return its AppInfo."""
    app = _app(request, "arnOrName")
    options = _object(request.data.get("options"), "options")
    scope = _object(options.get("scope"), "the scope")
    parameters = _object(options.get("parameters"), "the parameters")
    for name in (scope.get("contactId"), options.get("launchKey")):
        if name is not None and not isinstance(name, str):
            raise Refused("invalidRequest", "A contact's id and a launch key are texts")
    idle = scope.get("type") == "idle"
    contact_id = scope.get("contactId") or ("" if idle else request.desk.selected)
    if contact_id and request.desk.find(contact_id) is None:
        raise Refused("invalidRequest", "The scope's contact is not active")
    instance = request.apps.open(
        app,
        contact_id,
        parameters=parameters,
        launched_by="app",
        launch_key=options.get("launchKey") or request.desk.new_id(),
        focus=not options.get("openInBackground"),
        idle=idle,
        scoped=bool(scope),
    )
    return instance.info()


def _object(value: "Any", what: str) -> "dict[str, Any]":
    if value is not None and not isinstance(value, dict):
        raise Refused("invalidRequest", "The launch is no launch: " + what + " is no object")
    return value or {}


def _focus(request: Request) -> dict[str, str]:
    instance = _instance(request)
    if not instance.serves_all:
        request.desk.selected = instance.contact_id
    request.apps.select_tab(instance)
    return {"instanceId": instance.id, "result": "completed"}


def _close(request: Request) -> None:
    instance = _instance(request)
    request.instance.after_answer(lambda: request.apps.end(instance))


_ROUTES: "dict[tuple[str, str], Callable[[Request], Any]]" = {
    (CONTACT, "agent/getARN"): lambda request: {"ARN": request.desk.agent_arn},
    (CONTACT, "agent/getName"): lambda request: {"name": request.desk.agent_name},
    (CONTACT, "agent/getState"): lambda request: _state(request.desk, request.desk.state),
    (CONTACT, "agent/getRoutingProfile"): lambda request: request.desk.routing_profile(),
    (CONTACT, "agent/getChannelConcurrency"): lambda request: dict(request.desk.concurrency),
    (CONTACT, "agent/getExtension"): lambda request: _given(extension=request.desk.extension),
    (CONTACT, "agent/getDialableCountries"): lambda request: {"dialableCountries": _countries()},
    (CONTACT, "agent/setAvailabilityState"): _set_state,
    (CONTACT, "agent/setAvailabilityStateByName"): _set_state_by_name,
    (CONTACT, "agent/setOffline"): _set_offline,
    (CONTACT, "agent/listAvailabilityStates"): _list_states,
    (CONTACT, "agent/listQuickConnects"): _quick_connects,
    (CONTACT, "contact/getAttributes"): _attributes,
    (CONTACT, "contact/getInitialContactId"): lambda request: _given(initialContactId=request.contact().initial_id),
    (CONTACT, "contact/getType"): lambda request: {"type": request.contact().type},
    (CONTACT, "contact/getChannelType"): lambda request: {
        "type": request.contact().type,
        "subtype": request.contact().subtype,
    },
    (CONTACT, "contact/getStateDuration"): lambda request: {
        "stateDuration": int(request.desk.clock() - request.contact().since)
    },
    (CONTACT, "contact/getQueue"): _queue,
    (CONTACT, "contact/getQueueTimestamp"): _queue_timestamp,
    (CONTACT, "contact/addParticipant"): _add_participant,
    (CONTACT, "contact/transfer"): _transfer,
    (CONTACT, "contact/accept"): _accept,
    (CONTACT, "contact/clear"): _clear,
    (CONTACT, "contact/reject"): _reject,
    (CONTACT, "contact/disconnectSelf"): _disconnect_self,
    (CONTACT, "contact/isPreviewMode"): lambda request: {"isPreviewMode": request.contact() is None},
    (CONTACT, "contact/getPreviewConfiguration"): _not_preview,
    (CONTACT, "contact/engagePreviewContact"): _not_preview,
    (CONTACT, "contact/getContactRegion"): lambda request: {"region": REGION},
    (CONTACT, "contact/getInstanceDetails"): lambda request: {
        "origin": "https://example.my.connect.aws",
        "region": REGION,
    },
    (CONTACT, "contact/listParticipants"): lambda request: request.contact().participants(),
    (CONTACT, "contact/getParticipant"): lambda request: request.participant()[1],
    (CONTACT, "contact/getParticipantState"): _participant_state,
    (CONTACT, "contact/disconnectParticipant"): _disconnect,
    (CONTACT, "contact/getContact"): _contact,
    (CONTACT, "contact/listContacts"): lambda request: [contact.event() for contact in request.desk.contacts],
    (VOICE, "contact/getPhoneNumber"): _phone,
    (VOICE, "voice/getInitialCustomerPhoneNumber"): _phone,
    (VOICE, "voice/listDialableCountries"): lambda request: _countries(),
    (VOICE, "voice/getOutboundCallPermission"): lambda request: {"outboundCallPermission": True},
    (VOICE, "voice/createOutboundCall"): _call,
    (VOICE, "voice/conferenceParticipants"): _conference,
    (VOICE, "voice/holdParticipant"): lambda request: _hold(request, True),
    (VOICE, "voice/resumeParticipant"): lambda request: _hold(request, False),
    (VOICE, "voice/holdSelf"): lambda request: request.desk.hold_self(request.contact().id, True),
    (VOICE, "voice/resumeSelf"): lambda request: request.desk.hold_self(request.contact().id, False),
    (VOICE, "voice/isParticipantOnHold"): lambda request: {"isOnHold": _held(request)},
    (VOICE, "voice/isSelfOnHold"): lambda request: {"isOnHold": request.contact().self_on_hold},
    (VOICE, "voice/canResumeSelf"): lambda request: {"canResumeSelf": request.contact().self_on_hold},
    (VOICE, "voice/canResumeParticipant"): lambda request: {"canResumeParticipant": _held(request)},
    (VOICE, "voice/getVoiceEnhancementMode"): lambda request: {"voiceEnhancementMode": request.desk.enhancement},
    (VOICE, "voice/setVoiceEnhancementMode"): _set_enhancement,
    (VOICE, "voice/getVoiceEnhancementPaths"): _enhancement_paths,
    (USER, "getLanguage"): lambda request: {"language": request.desk.language or None},
    (USER, "setLanguage"): _set_language,
    (USER, "getTheme"): lambda request: {"visualMode": request.desk.visual_mode},
    (USER, "getVisualMode"): lambda request: {"visualMode": request.desk.visual_mode},
    (USER, "setVisualMode"): _set_visual_mode,
    (WORKSPACE, "getTheme"): lambda request: {"theme": {"tokens": {}}},
    (WORKSPACE, "app/getCatalog"): lambda request: {
        "applications": [app.config() for app in request.apps.registered if not app.is_service]
    },
    (WORKSPACE, "app/getConfig"): lambda request: _app(request, "key").config(),
    (WORKSPACE, "app-launcher/launch"): _launch,
    (WORKSPACE, "app-instance/get-app-info"): lambda request: _instance(request).info(),
    (WORKSPACE, "app-manager/get-apps"): lambda request: {"apps": [each.info() for each in request.apps.instances]},
    (WORKSPACE, "app-instance/focus"): _focus,
    (WORKSPACE, "app-instance/close"): _close,
    (CONTACT, "agent/getAvailabilityState"): _availability,
    (CONTACT, "agent/getNetworkConnectionStatus"): _network,
    (CONTACT, "agent/getDefaultOutboundQueue"): lambda request: request.desk.routing_profile()["defaultOutboundQueue"],
    (CONTACT, "agent/getRoutingProfileQueues"): lambda request: request.desk.routing_profile()["queues"],
    (CONTACT, "agent/listSecurityProfilePermissions"): lambda request: list(SECURITY_PROFILE),
    (CONTACT, "contact/isAutoAcceptEnabled"): lambda request: {"isAutoAcceptEnabled": request.contact() is None},
    (ACTIVITY, "sendActivity"): lambda request: None,
}


def known_requests() -> list[str]:
    """Return every request there is an answer to, by name, sorted."""
    return sorted({command for _, command in _ROUTES})
