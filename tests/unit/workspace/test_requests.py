"""What the workspace answers to each request of the SDK's clients (their routes and types at 1.0.11)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from model.permissions import TABLE
from ops.site.npm import install_packages
from protocol import requests

from .conftest import Bench

CONTACT = "aws.connect.contact"
VOICE = "aws.connect.voice"
ACTIVITY = "aws.connect.activity"
USER = "aws.connect.user"
WORKSPACE = "aws.connect.workspace"

# Routes that exist in routes.js without a method in any client: nobody can know what their answer looks like.
UNKNOWN = {"contact/getDescription", "contact/getReferences", "app-instance/launch", "app-instance/destroyInstance"}
# What 1.0.12 has beside the installed packages, from lib-esm/routes.js and lib-esm/topic-keys.js of its contact and voice
# (which adds nothing), and activity.
ROUTES_SINCE = {
    CONTACT: {
        "agent/getNetworkConnectionStatus",
        "agent/getDefaultOutboundQueue",
        "agent/getRoutingProfileQueues",
        "agent/getAvailabilityState",
        "agent/listSecurityProfilePermissions",
        "contact/reject",
        "contact/disconnectSelf",
        "contact/isAutoAcceptEnabled",
    },
    ACTIVITY: {"sendActivity"},
}
TOPICS_SINCE = {
    CONTACT: {
        "contact/connecting",
        "contact/error",
        "contact/pending",
        "agent/networkConnectionStatusChanged",
        "agent/availabilityStateChanged",
        "agent/nextAvailabilityStateChanged",
    },
    ACTIVITY: {"expiration-warning", "expiration-warning-cleared", "session-extension-error"},
}
# Topics that nothing in the workspace leads to: a subscription is taken, and the command `event` publishes them.
NEVER_TOLD = {"agent/networkConnectionStatusChanged", *TOPICS_SINCE[ACTIVITY]}


def sdk_routes(package: str) -> set[str]:
    """Every route of a package of the SDK, from its own source."""
    folder: Path = install_packages() / "@amazon-connect" / package / "lib-esm"
    return set(re.findall(r'Routes\["\w+"\] = "([^"]+)"', (folder / "routes.js").read_text("utf-8")))


def sdk_topics(package: str) -> set[str]:
    """Every topic's key of a package of the SDK, from its own source."""
    folder: Path = install_packages() / "@amazon-connect" / package / "lib-esm"
    return set(re.findall(r'\["\w+"\] = "([^"]+)"', (folder / "topic-keys.js").read_text("utf-8")))


@pytest.mark.slow  # its first run installs the npm packages
@pytest.mark.parametrize(
    ("package", "namespace"), [("contact", CONTACT), ("voice", VOICE), ("app-controller", WORKSPACE)]
)
def test_every_route_of_the_installed_sdk_is_answered(package: str, namespace: str) -> None:
    missing = {route for route in sdk_routes(package) if not requests.known(namespace, route)}
    assert missing <= UNKNOWN


def test_every_route_that_1_0_12_adds_is_answered() -> None:
    for namespace, routes in ROUTES_SINCE.items():
        assert {route for route in routes if not requests.known(namespace, route)} == set()


@pytest.mark.slow  # its first run installs the npm packages
def test_every_topic_of_the_sdk_is_told_or_named_as_never_told(bench: Bench) -> None:
    """Everything that can happen at the desk happens, with every topic heard."""
    topics = {
        CONTACT: sdk_topics("contact") | TOPICS_SINCE[CONTACT],
        VOICE: sdk_topics("voice"),
        ACTIVITY: TOPICS_SINCE[ACTIVITY],
    }
    told: set[str] = set()
    desk = bench.desk
    on_event = desk.on_event

    def hear(namespace: str, key: str, parameter: str, data: Any) -> None:
        assert key in topics.get(namespace, ()), f"{namespace} {key} is no topic of the SDK"
        told.add(key)
        on_event(namespace, key, parameter, data)

    desk.on_event = hear
    call, missed, failed = bench.contact(), bench.contact(), bench.contact()
    desk.pend(failed.id)
    desk.fail(failed.id)
    desk.miss(missed.id)
    desk.accept(call.id)
    for on_hold in (True, False):
        desk.hold(call.id, on_hold)
        desk.hold_self(call.id, on_hold)
    desk.remove_participant(call, desk.add_participant(call.id, "agent-1", "agent"))
    desk.request_state("Break")
    desk.set_enhancement("NONE")
    desk.set_profile("Sales", [("VOICE", 1)])
    desk.end(call.id)
    for contact in (call, missed, failed):
        desk.clear(contact.id)
    assert set().union(*topics.values()) - told == NEVER_TOLD


@pytest.mark.slow  # its first run installs the npm packages
def test_the_table_of_permissions_names_only_what_the_sdk_has() -> None:
    routes = {CONTACT: sdk_routes("contact"), VOICE: sdk_routes("voice"), USER: {"getLanguage"}}
    topics = {CONTACT: sdk_topics("contact"), USER: {"languageChange"}}
    for _, listed, events in TABLE:
        assert all(name in routes[namespace] for namespace, name in listed)
        assert all(name in topics[namespace] for namespace, name in events)


@pytest.fixture
def asked(bench: Bench) -> tuple[Bench, Any]:
    """An app with every permission, on a connected call."""
    bench.app.permissions[:] = ["*"]
    contact = bench.contact()
    bench.desk.accept(contact.id)
    return bench, bench.running(contact)


def answer(asked: tuple[Bench, Any], command: str, data: Any = None, namespace: str = CONTACT) -> Any:
    bench, instance = asked
    response = bench.ask(instance, command, data, namespace)
    assert response["isError"] is False, response
    return response.get("data")


def refusal(asked: tuple[Bench, Any], command: str, data: Any = None, namespace: str = CONTACT) -> tuple[str, str]:
    bench, instance = asked
    response = bench.ask(instance, command, data, namespace)
    assert response["isError"] is True, response
    return response["errorKey"], response["reason"]


def test_wrapped_answers(asked: tuple[Bench, Any]) -> None:
    bench, _ = asked
    (contact,) = bench.desk.contacts
    here = {"contactId": "CURRENT_CONTACT"}
    bench.clock.now += 1500
    assert answer(asked, "agent/getARN")["ARN"].startswith("arn:aws:connect:")
    assert answer(asked, "agent/getName") == {"name": "Alex Rivera"}
    bench.desk.set_agent(extension="5501")
    assert answer(asked, "agent/getExtension") == {"extension": "5501"}
    contact.initial_id = "first"
    assert answer(asked, "contact/getInitialContactId", here) == {"initialContactId": "first"}
    assert answer(asked, "contact/getType", here) == {"type": "voice"}
    assert answer(asked, "contact/getStateDuration", here) == {"stateDuration": 1500}
    assert answer(asked, "contact/getQueueTimestamp", here) == {"queueTimestamp": {"$date": contact.queued_at}}
    assert answer(asked, "voice/getInitialCustomerPhoneNumber", here, VOICE) == {"phoneNumber": "+12025550123"}
    assert answer(asked, "contact/getPhoneNumber", here, VOICE) == {"phoneNumber": "+12025550123"}
    bench.desk.set_language("en_US")
    assert answer(asked, "getLanguage", None, USER) == {"language": "en_US"}


def test_bare_answers(asked: tuple[Bench, Any]) -> None:
    here = {"contactId": "CURRENT_CONTACT"}
    state = answer(asked, "agent/getState")
    assert (state["name"], state["type"]) == ("Available", "routable")
    assert set(state) == {"agentStateARN", "type", "name", "startTimestamp"}
    profile = answer(asked, "agent/getRoutingProfile")
    assert set(profile) == {
        "channelConcurrencyMap",
        "defaultOutboundQueue",
        "name",
        "queues",
        "routingProfileARN",
        "routingProfileId",
    }
    assert answer(asked, "agent/getChannelConcurrency") == {"VOICE": 1, "CHAT": 2, "TASK": 10, "EMAIL": 5}
    assert answer(asked, "contact/getChannelType", here) == {"type": "voice", "subtype": "connect:Telephony"}
    assert set(answer(asked, "contact/getQueue", here)) == {"name", "queueARN", "queueId"}


# -- what there may be nothing of --------------------------------------------------------------------------------------

# What the SDK declares as optional, `| undefined` or `| null` in what the workspace says. Each is held by the test named, or
# by the reason why the workspace always has it.
MAY_BE_NOTHING = {
    "AgentClient.getExtension": "test_an_ordinary_agent_and_contact_have_not_everything",
    "ContactClient.getAttribute": "test_attributes_all_some_and_absent",
    "ContactClient.getInitialContactId": "test_an_ordinary_agent_and_contact_have_not_everything",
    "ContactClient.getQueueTimestamp": "test_an_ordinary_agent_and_contact_have_not_everything",
    "AgentState.agentStateARN": "test_only_a_state_to_choose_has_an_arn_and_only_the_present_one_began",
    "AgentState.startTimestamp": "test_only_a_state_to_choose_has_an_arn_and_only_the_present_one_began",
    "AgentStateChanged.previous": "test_the_first_change_of_the_agents_has_no_previous",
    "AgentRoutingProfileChanged.previous": "test_the_first_change_of_the_agents_has_no_previous",
    "EnabledChannelListChanged.previous": "test_the_first_change_of_the_agents_has_no_previous",
    "BaseContactLifecycleEvent.initialContactId": "test_an_ordinary_agent_and_contact_have_not_everything",
    "ContactData.initialContactId": "test_an_ordinary_agent_and_contact_have_not_everything",
    "ListQuickConnectsResult.nextToken": "test_an_ordinary_agent_and_contact_have_not_everything",
    "CreateOutboundCallResult.contactId": "a call that an app makes begins as a contact at once",
}


@pytest.mark.slow  # its first run installs the npm packages
def test_everything_that_may_be_nothing_in_the_sdks_declarations_is_known() -> None:
    """An update of the SDK that declares another one fails here, until the workspace may say nothing there too."""
    assert _declared_as_maybe_nothing() == set(MAY_BE_NOTHING)
    tests = [name for name in MAY_BE_NOTHING.values() if name.startswith("test_")]
    assert [name for name in tests if name not in globals()] == []


def _declared_as_maybe_nothing() -> set[str]:
    found = set()
    for package in ("contact", "voice"):
        folder = install_packages() / "@amazon-connect" / package / "lib-esm"
        for path in sorted(folder.glob("*.d.ts")):
            owner = ""
            for line in path.read_text("utf-8").splitlines():
                if declared := re.match(r"export (?:declare )?(?:class|interface|type) (\w+)", line):
                    owner = declared[1]
                maybe = re.match(r"    (\w+)\?:|    (\w+)(?::|\(.*\): Promise<).*\| (?:undefined|null)", line)
                if maybe and not owner.endswith(("Request", "Options")):
                    found.add(f"{owner}.{maybe[1] or maybe[2]}")
    return found


def test_an_ordinary_agent_and_contact_have_not_everything(bench: Bench) -> None:
    bench.app.permissions[:] = ["*"]
    contact = bench.desk.add_contact("VOICE", "+12025550123")  # dialled by the agent, say: it has been in no queue
    bench.desk.ring(contact.id)
    instance = bench.running(contact)
    here = {"contactId": "CURRENT_CONTACT"}
    ordinary = (bench, instance)
    assert answer(ordinary, "agent/getExtension") == {}
    assert answer(ordinary, "contact/getInitialContactId", here) == {}
    assert answer(ordinary, "contact/getQueueTimestamp", here) == {}
    assert refusal(ordinary, "contact/getQueue", here)[0] == "noResult"
    assert answer(ordinary, "getLanguage", None, USER) == {"language": None}
    assert answer(ordinary, "agent/listQuickConnects", {"queueARNs": []})["nextToken"] is None
    assert "initialContactId" not in answer(ordinary, "contact/getContact", here)
    assert "initialContactId" not in answer(ordinary, "contact/listContacts")[0]
    bench.subscribe(instance, "contact/connected", contact.id)
    bench.desk.accept(contact.id)
    assert bench.published(instance) == [
        ("contact/connected", {"contactId": contact.id, "type": "voice", "subtype": "connect:Telephony"})
    ]


def test_only_a_state_to_choose_has_an_arn_and_only_the_present_one_began(asked: tuple[Bench, Any]) -> None:
    bench, _ = asked
    present, *others = answer(asked, "agent/listAvailabilityStates")
    assert {"agentStateARN", "startTimestamp"} <= set(present)
    for state in others:
        assert set(state) == {"agentStateARN", "type", "name"}
    bench.desk.set_state("AfterCallWork")
    assert set(answer(asked, "agent/getState")) == {"type", "name", "startTimestamp"}


def test_the_first_change_of_the_agents_has_no_previous(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    keys = ("agent/stateChange", "agent/routingProfileChanged", "agent/enabledChannelListChanged")
    for key in keys:
        bench.subscribe(instance, key)
    for state, profile, chats in (("Break", "One", 0), ("Lunch", "Two", 2)):
        bench.desk.set_state(state)
        bench.desk.set_profile(profile, [("VOICE", 1), ("CHAT", chats), ("TASK", 10), ("EMAIL", 5)])
    told = bench.published(instance)
    assert [key for key, data in told if "previous" not in data] == list(keys)
    assert [key for key, data in told if "previous" in data] == list(keys)
    assert dict(told[3:])["agent/stateChange"] == {"state": "Lunch", "previous": {"state": "Break"}}


def test_a_request_may_be_answered_with_anything(asked: tuple[Bench, Any]) -> None:
    """The fault by which an app is tried with answers that the SDK's declarations do not promise."""
    bench, instance = asked
    odd: tuple[Any, ...] = (None, 7, "text", [], {"name": None})
    for data in odd:
        bench.apps.faults.answer("agent/getName", [data])
        response = bench.ask(instance, "agent/getName")
        assert (response["isError"], response["data"]) == (False, data)
    bench.apps.faults.answer("agent/getName", [])
    assert "data" not in bench.ask(instance, "agent/getName")
    assert bench.apps.faults.describe() == ["agent/getName is answered with undefined"]
    bench.apps.faults.heal("agent/getName")
    assert answer(asked, "agent/getName") == {"name": "Alex Rivera"}


def test_attributes_all_some_and_absent(asked: tuple[Bench, Any]) -> None:
    every = answer(asked, "contact/getAttributes", {"contactId": "CURRENT_CONTACT", "attributes": "*"})
    assert every == {"Name": "Ada", "contactUrlPath": "https://crm.example.com/1"}
    some = answer(asked, "contact/getAttributes", {"contactId": "CURRENT_CONTACT", "attributes": ["Name", "No"]})
    assert some == {"Name": "Ada"}


def test_edited_attributes_are_answered(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    bench.desk.set_attributes(instance.contact_id, {"Name": "Bea", "contactUrlPath": None})
    data = {"contactId": "CURRENT_CONTACT", "attributes": "*"}
    assert answer(asked, "contact/getAttributes", data) == {"Name": "Bea"}


def test_an_unknown_request_is_refused_as_not_found(asked: tuple[Bench, Any]) -> None:
    assert refusal(asked, "agent/getShoeSize")[0] == "handlerNotFound"


@pytest.mark.parametrize(("permission", "pairs"), [(row[0], row[1]) for row in TABLE])
def test_each_permission_covers_its_requests_and_no_others(
    bench: Bench, permission: str, pairs: list[tuple[str, str]]
) -> None:
    bench.app.permissions[:] = [permission]
    instance = bench.running(bench.contact())
    granted = {tuple(pair) for pair in pairs}
    for _, listed, _ in TABLE:
        for namespace, command in listed:
            response = bench.ask(instance, command, {}, namespace)
            refused = response.get("reason") == "App does not have permission for this request"
            assert refused == ((namespace, command) not in granted), command


def test_what_stands_in_no_row_needs_everything(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    for namespace, command in (
        (WORKSPACE, "app/getCatalog"),
        (VOICE, "voice/holdParticipant"),
        (CONTACT, "contact/listContacts"),
        (USER, "setLanguage"),
    ):
        assert bench.ask(instance, command, {}, namespace)["reason"] == "App does not have permission for this request"


def test_a_chat_has_no_phone_number(bench: Bench) -> None:
    instance = bench.running(bench.contact("CHAT", "+12025550123"))
    response = bench.ask(instance, "voice/getInitialCustomerPhoneNumber", {"contactId": "CURRENT_CONTACT"}, VOICE)
    assert (response["errorKey"], response["reason"]) == ("noResult", "No Result Found")


def test_an_app_may_name_another_contact(asked: tuple[Bench, Any]) -> None:
    bench, _ = asked
    other = bench.contact("CHAT", "")
    assert answer(asked, "contact/getType", {"contactId": other.id}) == {"type": "chat"}
    assert refusal(asked, "contact/getType", {"contactId": "nobody"})[0] == "contactNotFound"


# -- requests that change something ------------------------------------------------------------------------------------


def test_an_availability_state_is_queued_while_a_contact_is_handled(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    result = answer(asked, "agent/setAvailabilityStateByName", {"agentStateName": "Break"})
    assert (result["status"], result["current"]["name"], result["next"]["name"]) == ("queued", "Available", "Break")
    bench.desk.end(instance.contact_id)
    bench.desk.clear(instance.contact_id)
    assert bench.desk.state == "Break"


def test_an_availability_state_is_set_by_arn_and_offline(bench: Bench) -> None:
    bench.app.permissions[:] = ["*"]
    idle = (bench, bench.running(None))
    states = answer(idle, "agent/listAvailabilityStates")
    assert [each["name"] for each in states] == ["Available", "Break", "Lunch", "Training", "Offline"]
    result = answer(idle, "agent/setAvailabilityState", {"agentStateARN": states[2]["agentStateARN"]})
    assert (result["status"], bench.desk.state) == ("updated", "Lunch")
    answer(idle, "agent/setOffline", {})
    assert bench.desk.state == "Offline"
    assert refusal(idle, "agent/setAvailabilityStateByName", {"agentStateName": "Asleep"})[0] == "invalidRequest"


def test_accepting_and_clearing_a_contact(bench: Bench) -> None:
    bench.app.permissions[:] = ["*"]
    contact = bench.contact()
    asked = (bench, bench.running(contact))
    here = {"contactId": "CURRENT_CONTACT"}
    assert refusal(asked, "contact/clear", here)[0] == "invalidRequest"
    answer(asked, "contact/accept", here)
    assert contact.state == "connected"
    bench.desk.end(contact.id)
    before = len(bench.edge.sent)
    answer(asked, "contact/clear", here)
    kinds = [message["type"] for _, message in bench.edge.sent[before:]]
    assert kinds == ["response", "appLifecycle"]  # the answer first, then the end of the iframe that waits for it
    assert bench.desk.contacts == []


def test_rejecting_a_contact_and_leaving_one(bench: Bench) -> None:
    bench.app.permissions[:] = ["*"]
    here = {"contactId": "CURRENT_CONTACT"}
    offered, connected = bench.contact(), bench.contact()
    bench.desk.accept(connected.id)
    answer((bench, bench.running(offered)), "contact/reject", here)
    asked = (bench, bench.running(connected))
    assert refusal(asked, "contact/reject", here)[0] == "invalidRequest"
    answer(asked, "contact/disconnectSelf", here)
    assert (offered.state, connected.state) == ("missed", "acw")
    for contact in (offered, connected):
        state = answer(asked, "contact/getParticipantState", {"participantId": contact.id + "/agent"})
        assert state == {"value": "disconnected"}


def test_holding_and_resuming_a_call(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    bench.subscribe(instance, "voice/participantHold", namespace=VOICE)
    bench.subscribe(instance, "voice/participantResume", namespace=VOICE)
    people = answer(asked, "contact/listParticipants", {"contactId": "CURRENT_CONTACT"})
    customer = {"participantId": next(each["participantId"] for each in people if each["isInitial"])}
    answer(asked, "voice/holdParticipant", customer, VOICE)
    assert answer(asked, "voice/isParticipantOnHold", customer, VOICE) == {"isOnHold": True}
    assert answer(asked, "contact/getParticipantState", customer) == {"value": "hold"}
    answer(asked, "voice/resumeParticipant", customer, VOICE)
    assert answer(asked, "voice/isParticipantOnHold", customer, VOICE) == {"isOnHold": False}
    assert [key for key, _ in bench.published(instance)] == ["voice/participantHold", "voice/participantResume"]


def test_adding_and_disconnecting_a_participant(asked: tuple[Bench, Any]) -> None:
    here = {"contactId": "CURRENT_CONTACT"}
    (agent, *_) = answer(asked, "agent/listQuickConnects", {"queueARNs": []})["quickConnects"]
    made = answer(asked, "contact/addParticipant", {**here, "quickConnect": agent})
    people = answer(asked, "contact/listParticipants", here)
    assert people[-1]["participantId"] == made["participantId"]
    answer(asked, "contact/disconnectParticipant", made)
    assert len(answer(asked, "contact/listParticipants", here)) == 2


def test_the_language_is_answered_set_and_told(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    bench.subscribe(instance, "languageChange", namespace=USER)
    assert answer(asked, "setLanguage", {"language": "es_ES"}, USER) == {"language": "es_ES"}
    answer(asked, "setLanguage", {"language": "fr_FR"}, USER)
    assert bench.published(instance) == [
        ("languageChange", {"language": "es_ES", "previous": {"language": None}}),
        ("languageChange", {"language": "fr_FR", "previous": {"language": "es_ES"}}),
    ]
    assert refusal(asked, "setLanguage", {"language": "tlh"}, USER)[0] == "invalidRequest"


def test_the_application_controller(asked: tuple[Bench, Any]) -> None:
    bench, instance = asked
    (config,) = answer(asked, "app/getCatalog", None, WORKSPACE)["applications"]
    assert answer(asked, "app/getConfig", {"key": config["arn"]}, WORKSPACE) == config
    options = {"parameters": {"case": 7}, "launchKey": "k", "openInBackground": True}
    launched = answer(asked, "app-launcher/launch", {"arnOrName": "Popdesk", "options": options}, WORKSPACE)
    assert (launched["state"], launched["parameters"], launched["launchKey"]) == ("starting", {"case": 7}, "k")
    assert launched["scope"] == {"type": "contact", "contactId": instance.contact_id}
    again = answer(asked, "app-launcher/launch", {"arnOrName": "Popdesk", "options": options}, WORKSPACE)
    assert again["instanceId"] == launched["instanceId"]
    apps = answer(asked, "app-manager/get-apps", {}, WORKSPACE)["apps"]
    assert [each["instanceId"] for each in apps] == [instance.id, launched["instanceId"]]
    focused = answer(asked, "app-instance/focus", {"instanceId": launched["instanceId"]}, WORKSPACE)
    assert focused == {"instanceId": launched["instanceId"], "result": "completed"}
    active = bench.apps.active(instance.contact_id)
    assert active is not None
    assert active.id == launched["instanceId"]
    answer(asked, "app-instance/close", {"instanceId": launched["instanceId"]}, WORKSPACE)
    assert [each.id for each in bench.apps.instances] == [instance.id]


@pytest.mark.parametrize("data", [None, [], "text", 7, {"contactId": 7}, {"contactId": None}])
def test_odd_request_data_is_answered_not_crashed(asked: tuple[Bench, Any], data: Any) -> None:
    bench, instance = asked
    for namespace, command in list(requests._ROUTES):
        if command not in ("contact/clear", "contact/transfer"):
            assert bench.ask(instance, command, data, namespace) is not None, command
