"""What the workspace says to an app, message by message (the rules of the SDK's own source at 1.0.11)."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from .conftest import Bench


def test_hello_is_acknowledged_and_create_follows(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.open(contact)
    acknowledge, create = bench.edge.messages(instance)
    assert acknowledge["type"] == "acknowledge"
    assert acknowledge["connectionId"]
    assert acknowledge["status"] == {"initialized": True, "startTime": {"$date": bench.clock.now}}
    assert acknowledge["healthCheckInterval"] >= 1000  # below that the SDK logs an error
    assert (create["type"], create["stage"]) == ("appLifecycle", "create")


def test_lifecycle_messages_carry_old_and_new_names(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.open(contact)
    create = bench.edge.messages(instance, "appLifecycle")[0]
    assert create["instanceId"] == create["appInstanceId"] == instance.id
    assert create["config"] == create["appConfig"]
    assert create["scope"] == create["contactScope"] == {"type": "contact", "contactId": contact.id}
    assert create["config"]["permissions"] == bench.app.permissions
    assert create["launchedBy"]["type"] == "internal"


def test_start_waits_for_create(bench: Bench) -> None:
    instance = bench.open(bench.contact())
    assert bench.edge.stages(instance) == ["create"]
    bench.completed(instance, "create")
    assert bench.edge.stages(instance) == ["create", "start"]


def test_switching_contacts_stops_one_and_starts_the_other(bench: Bench) -> None:
    first, second = bench.contact(), bench.contact("CHAT")
    bench.desk.select(first.id)
    one = bench.running(first)
    bench.desk.select(second.id)
    bench.apps.sync()
    two = bench.running(second)
    bench.desk.select(first.id)
    bench.apps.sync()
    assert bench.edge.stages(one) == ["create", "start", "stop", "start"]
    assert bench.edge.stages(two) == ["create", "start", "stop"]


def test_an_app_created_while_hidden_starts_when_it_is_shown(bench: Bench) -> None:
    first, second = bench.contact(), bench.contact("CHAT")
    bench.desk.select(first.id)
    one = bench.open(first)
    bench.desk.select(second.id)
    bench.apps.sync()
    bench.completed(one, "create")
    assert bench.edge.stages(one) == ["create"]
    bench.desk.select(first.id)
    bench.apps.sync()
    assert bench.edge.stages(one) == ["create", "start"]


def test_a_cleared_contact_is_told_then_destroyed_then_removed(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.running(contact)
    for key in ("contact/cleared", "contact/destroy"):
        bench.subscribe(instance, key)
    bench.desk.accept(contact.id)
    bench.desk.end(contact.id)
    bench.edge.sent.clear()
    bench.desk.clear(contact.id)
    kinds = [message.get("stage") or message["topic"]["key"] for message in bench.edge.messages(instance)]
    assert kinds == ["contact/cleared", "contact/destroy", "destroy"]
    assert not bench.edge.removed
    bench.completed(instance, "destroy")
    assert bench.edge.removed == [instance]
    assert not bench.apps.instances


def test_an_app_that_does_not_finish_its_destroy_is_removed_after_the_limit(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.running(contact)
    bench.desk.miss(contact.id)
    bench.desk.clear(contact.id)
    bench.edge.pass_time(2999)
    assert not bench.edge.removed
    bench.edge.pass_time(1)
    assert bench.edge.removed == [instance]


def test_destroy_waits_for_create(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.open(contact)
    bench.desk.miss(contact.id)
    bench.desk.clear(contact.id)
    assert bench.edge.stages(instance) == ["create"]
    bench.completed(instance, "create")
    assert bench.edge.stages(instance) == ["create", "destroy"]


def test_an_app_that_never_said_hello_is_removed_at_once(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.apps.open(bench.app, contact.id)
    bench.desk.miss(contact.id)
    bench.desk.clear(contact.id)
    assert bench.edge.removed == [instance]


def test_an_app_that_never_says_hello_is_said_to_the_agent(bench: Bench) -> None:
    instance = bench.apps.open(bench.app, bench.contact().id)
    bench.edge.pass_time(5000)
    assert "did not say hello" in instance.error


def test_a_fatal_error_removes_the_iframe_at_once(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.says(instance, {"type": "closeApp", "isFatalError": True, "message": "boom"})
    assert bench.edge.removed == [instance]
    assert bench.edge.failures == ["boom"]
    assert "destroy" not in bench.edge.stages(instance)


def test_a_page_that_loads_anew_in_its_iframe_is_created_anew(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.subscribe(instance, "agent/stateChange")
    bench.apps.hello(instance, {"type": "connect-app-host-init"})
    bench.completed(instance, "create")
    assert bench.edge.stages(instance) == ["create", "start", "create", "start"]
    bench.desk.set_state("Break")
    assert bench.published(instance) == []


def test_a_hello_during_destroy_is_not_answered(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.running(contact)
    bench.desk.miss(contact.id)
    bench.desk.clear(contact.id)
    bench.apps.hello(instance, {"type": "connect-app-host-init"})
    assert bench.edge.stages(instance) == ["create", "start", "destroy"]


def test_an_app_that_asks_to_close_is_destroyed_in_order(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.says(instance, {"type": "closeApp", "isFatalError": False, "message": "done"})
    assert bench.edge.stages(instance)[-1] == "destroy"
    assert not bench.edge.removed
    bench.completed(instance, "destroy")
    assert bench.edge.removed == [instance]


def test_health_checks_are_answered_and_counted(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.says(instance, {"type": "healthCheck"})
    bench.says(instance, {"type": "healthCheck"})
    answers = bench.edge.messages(instance, "healthCheckResponse")
    assert [(each["counter"], each["time"]) for each in answers] == [(1, bench.clock.now), (2, bench.clock.now)]


def test_a_topic_comes_back_exactly_as_it_was_subscribed(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.running(contact)
    topic = {"namespace": "aws.connect.contact", "key": "contact/connected", "parameter": "CURRENT_CONTACT"}
    bench.says(instance, {"type": "subscribe", "topic": topic, "handlerId": "h"})
    bench.desk.accept(contact.id)
    publish = bench.edge.messages(instance, "publish")[0]
    assert publish["topic"] == topic
    assert publish["data"] == {
        "contactId": contact.id,
        "type": "voice",
        "subtype": "connect:Telephony",
    }


@pytest.mark.parametrize("parameter", ["", "CURRENT_CONTACT", "own"])
def test_contact_events_reach_their_own_contact_only(bench: Bench, parameter: str) -> None:
    first, second = bench.contact(), bench.contact("CHAT")
    one, two = bench.running(first), bench.running(second)
    for instance, contact in ((one, first), (two, second)):
        bench.subscribe(instance, "contact/connected", contact.id if parameter == "own" else parameter)
    bench.desk.accept(second.id)
    assert bench.published(one) == []
    assert [key for key, _ in bench.published(two)] == ["contact/connected"]


def test_unsubscribing_ends_a_topic(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.subscribe(instance, "agent/stateChange")
    topic = {"namespace": "aws.connect.contact", "key": "agent/stateChange"}
    bench.says(instance, {"type": "unsubscribe", "topic": topic})
    bench.desk.set_state("Break")
    assert bench.published(instance) == []


def test_two_subscriptions_to_one_topic_get_one_publish(bench: Bench) -> None:
    # The SDK hands a publish without a handlerId to every handler of the topic.
    instance = bench.running(bench.contact())
    bench.subscribe(instance, "agent/stateChange")
    bench.subscribe(instance, "agent/stateChange")
    bench.desk.set_state("Break")
    assert bench.published(instance) == [("agent/stateChange", {"state": "Break"})]


def test_a_thousand_events_arrive_in_order(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.subscribe(instance, "agent/stateChange")
    for number in range(1000):
        bench.desk.set_state(f"State {number}")
    states = [data["state"] for _, data in bench.published(instance)]
    assert states == [f"State {number}" for number in range(1000)]


def test_a_refused_subscription_is_told_in_the_workspaces_words(bench: Bench) -> None:
    bench.app.permissions.remove("User.Status.View")
    instance = bench.running(bench.contact())
    bench.subscribe(instance, "agent/stateChange")
    error = bench.edge.messages(instance, "error")[0]
    topic = {"namespace": "aws.connect.contact", "key": "agent/stateChange"}
    assert error["message"] == "App attempted to subscribe to topic without permission - Topic " + json.dumps(topic)
    assert error["isFatal"] is False
    bench.desk.set_state("Break")
    assert bench.published(instance) == []


def test_permissions_can_be_granted_and_withdrawn_while_an_app_runs(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.app.permissions.remove("User.Details.View")
    assert bench.ask(instance, "agent/getName")["isError"]
    bench.app.permissions.append("User.Details.View")
    assert bench.ask(instance, "agent/getName")["data"] == {"name": "Alex Rivera"}


def test_the_present_theme_comes_with_the_subscription(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.desk.set_visual_mode("dark")
    topic = {"namespace": "aws.connect.user", "key": "visualModeChange"}
    bench.says(instance, {"type": "subscribe", "topic": topic, "handlerId": "h"})
    publish = bench.edge.messages(instance, "publish")[0]
    assert (publish["data"]["visualMode"], publish["handlerId"]) == ("dark", "h")
    bench.desk.set_visual_mode("light")
    assert bench.published(instance)[-1][1] == {"visualMode": "light", "previous": {"visualMode": "dark"}}


def test_what_an_app_publishes_reaches_other_apps(bench: Bench) -> None:
    contact = bench.contact()
    one = bench.running(contact)
    two = bench.apps.open(bench.app, contact.id, launch_key="second")
    bench.apps.hello(two, {})
    bench.subscribe(two, "picked", namespace="my.app")
    topic = {"namespace": "my.app", "key": "picked"}
    bench.says(one, {"type": "appPublish", "topic": topic, "data": {"id": 7}})
    assert bench.published(two) == [("picked", {"id": 7})]


@pytest.mark.parametrize("kind", ["log", "metric", "serviceError", "closeChannel"])
def test_messages_that_ask_for_nothing_get_no_answer_but_are_logged(bench: Bench, kind: str) -> None:
    instance = bench.running(bench.contact())
    before = len(bench.edge.sent)
    bench.says(instance, {"type": kind, "message": "m"})
    assert len(bench.edge.sent) == before
    assert bench.log.entries[-1].value() == {"type": kind, "message": "m"}


def test_an_unknown_message_is_shown(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.says(instance, {"type": "sing"})
    assert bench.log.entries[-1].value() == {"type": "unknown message", "event": "sing"}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "text",
        [],
        {},
        {"type": 7},
        {"type": "request"},
        {"type": "request", "namespace": [], "command": {}},
        {"type": "subscribe"},
        {"type": "subscribe", "topic": "text"},
        {"type": "subscribe", "topic": {"namespace": 7, "key": [], "parameter": {}}},
        {"type": "unsubscribe", "topic": {"namespace": [], "key": {}}},
        {"type": "appPublish", "topic": {"parameter": []}},
        {"type": "appLifecycleHandlerCompleted"},
    ],
)
def test_odd_messages_break_nothing(bench: Bench, odd: Any) -> None:
    instance = bench.running(bench.contact())
    bench.says(instance, odd)
    assert [entry.title() for entry in bench.log.entries]
    assert bench.ask(instance, "agent/getName")["data"] == {"name": "Alex Rivera"}


def test_the_whole_conversation_is_in_the_log(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.ask(instance, "agent/getName")
    titles = [(entry.direction, entry.title()) for entry in bench.log.entries]
    assert titles[-2:] == [("up", "request agent/getName"), ("down", "response agent/getName")]
    assert ("up", "connect-app-host-init") in titles
    assert ("down", "appLifecycle create") in titles


# -- faults ------------------------------------------------------------------------------------------------------------


def test_latency_holds_every_answer_back(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.faults.latency = 50
    assert bench.ask(instance, "agent/getName") is None
    bench.edge.pass_time(49)
    assert not bench.edge.messages(instance, "response")
    bench.edge.pass_time(1)
    assert bench.edge.messages(instance, "response")[0]["data"] == {"name": "Alex Rivera"}


def test_a_late_answer_says_how_things_are_when_it_comes(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.faults.set("agent/getName", "late", 2000)
    bench.ask(instance, "agent/getName")
    bench.desk.set_agent("Kim")
    bench.edge.pass_time(2000)
    assert bench.edge.messages(instance, "response")[0]["data"] == {"name": "Kim"}


def test_a_failing_request_is_refused_with_the_reason_and_others_are_not(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.faults.set("agent/getName", "fail", "out of order")
    response = bench.ask(instance, "agent/getName", {"a": 1})
    assert response["isError"]
    assert response["reason"] == "out of order"
    assert response["details"] == {"command": "agent/getName", "requestData": {"a": 1}}
    assert bench.ask(instance, "agent/getARN")["isError"] is False


def test_a_hanging_request_is_never_answered(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.faults.set("*", "hang")
    assert bench.ask(instance, "agent/getName") is None
    bench.edge.pass_time(60_000)
    assert not bench.edge.messages(instance, "response")
    bench.faults.heal()
    assert bench.ask(instance, "agent/getName")["data"]


def test_a_dropped_acknowledgement_leaves_the_app_alone(bench: Bench) -> None:
    bench.faults.drop_acknowledge = True
    instance = bench.open(bench.contact())
    assert bench.edge.messages(instance) == []


def test_an_answer_that_comes_after_the_iframe_is_gone_goes_nowhere(bench: Bench) -> None:
    instance = bench.running(bench.contact())
    bench.faults.latency = 50
    bench.ask(instance, "agent/getName")
    bench.apps.remove(instance)
    sent = len(bench.edge.sent)
    bench.edge.pass_time(50)
    assert len(bench.edge.sent) == sent


# -- scopes ------------------------------------------------------------------------------------------------------------


def test_an_app_for_all_contacts_has_one_instance_and_means_the_contact_looked_at(bench: Bench) -> None:
    bench.app.scope = "CROSS_CONTACTS"
    first, second = bench.contact(), bench.contact("CHAT", "")
    instance = bench.running(first)
    assert bench.apps.open(bench.app, second.id) is instance
    bench.desk.select(first.id)
    assert bench.ask(instance, "contact/getType", {"contactId": "CURRENT_CONTACT"})["data"] == {"type": "voice"}
    bench.desk.select(second.id)
    assert bench.ask(instance, "contact/getType", {"contactId": "CURRENT_CONTACT"})["data"] == {"type": "chat"}
    bench.desk.miss(first.id)
    bench.desk.clear(first.id)
    assert not bench.edge.removed


def test_an_idle_instance_has_no_contact(bench: Bench) -> None:
    instance = bench.running(None)
    create = bench.edge.messages(instance, "appLifecycle")[0]
    assert create["scope"] == {"type": "idle"}
    assert "contactScope" not in create
    response = bench.ask(instance, "contact/getQueue", {"contactId": "CURRENT_CONTACT"})
    assert response["isError"]


def test_launch_parameters_are_in_every_lifecycle_message(bench: Bench) -> None:
    contact = bench.contact()
    instance = bench.apps.open(bench.app, contact.id, parameters={"case": 7})
    bench.apps.hello(instance, {})
    bench.completed(instance, "create")
    assert [each["parameters"] for each in bench.edge.messages(instance, "appLifecycle")] == [{"case": 7}] * 2


def test_reloading_destroys_and_makes_anew_for_the_same_contact(bench: Bench) -> None:
    contact = bench.contact()
    old = bench.running(contact)
    bench.apps.reload()
    assert bench.edge.stages(old)[-1] == "destroy"
    bench.completed(old, "destroy")
    (new,) = bench.apps.instances
    assert new is not old
    assert (new.contact_id, new.visible) == (contact.id, True)


def test_any_order_of_steps_leaves_no_instance_behind(bench: Bench) -> None:
    steps: dict[str, Any] = {"select": bench.desk.select, "sync": lambda _: bench.apps.sync()}
    for order in itertools.permutations(["accept", "select", "sync", "end"]):
        contact = bench.contact()
        bench.running(contact)
        for step in order:
            if step in steps:
                steps[step](contact.id)
            elif (step, contact.state) in (("accept", "incoming"), ("end", "connected")):
                getattr(bench.desk, step)(contact.id)
        if contact.state == "incoming":
            bench.desk.miss(contact.id)
        elif contact.state == "connected":
            bench.desk.end(contact.id)
        bench.desk.clear(contact.id)
        for instance in list(bench.apps.instances):
            bench.completed(instance, "destroy")
        assert bench.apps.instances == []
