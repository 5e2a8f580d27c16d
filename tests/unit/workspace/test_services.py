"""Services, guides and launches as AWS describes them: what is framed how, what lives how long, and who hears what."""

from __future__ import annotations

from typing import Any

import pytest

from model.desk import NotPossible
from protocol.apps import SANDBOX, App

from .conftest import Bench
from .test_commands import OUTCOME, Hand

WORKSPACE = "aws.connect.workspace"
REGISTERED = ("allow-forms", "allow-popups", "allow-popups-to-escape-sandbox", "allow-same-origin", "allow-scripts")


@pytest.fixture
def hand(bench: Bench) -> Hand:
    bench.app.sandbox = list(REGISTERED)
    bench.app.allow = ["clipboard-write"]
    return Hand(bench)


@pytest.fixture
def service(bench: Bench) -> Any:
    """Return a running service that may do everything."""
    bench.apps.register(App("Opener", "http://localhost:8001/?service", permissions=["*"], is_service=True))
    bench.apps.start_services()
    (instance,) = bench.apps.services
    bench.apps.hello(instance, {"sdkVersion": "1.0.11", "providerId": "p"})
    bench.completed(instance, "create")
    return instance


def launch(bench: Bench, service: Any, **options: Any) -> Any:
    return bench.ask(service, "app-launcher/launch", {"arnOrName": "Popdesk", "options": options}, WORKSPACE)


def on(contact: Any) -> dict[str, str]:
    return {"type": "contact", "contactId": contact.id}


# -- services ----------------------------------------------------------------------------------------------------------


def test_a_service_is_created_and_nothing_else_as_long_as_the_workspace_lives(bench: Bench, service: Any) -> None:
    assert bench.edge.stages(service) == ["create"]
    (create,) = bench.edge.messages(service, "appLifecycle")
    assert not {"scope", "contactScope", "launchedBy"} & set(create)
    assert create["config"]["initializationTimeout"] > 0
    assert "contactHandling" not in create["config"]
    contact = bench.contact()
    bench.desk.accept(contact.id)
    bench.desk.end(contact.id)
    bench.desk.clear(contact.id)
    assert bench.edge.stages(service) == ["create"]
    assert service not in bench.edge.removed
    assert all(identity != service.id for identity, _ in bench.edge.shown)


def test_a_service_hears_every_contact_and_is_on_none(bench: Bench, service: Any) -> None:
    bench.subscribe(service, "contact/connected")
    for contact in (bench.contact(), bench.contact("CHAT")):
        bench.desk.accept(contact.id)
    assert [data["type"] for _, data in bench.published(service)] == ["voice", "chat"]
    assert bench.ask(service, "contact/getQueue", {"contactId": "CURRENT_CONTACT"})["errorKey"] == "contactNotFound"


def test_a_service_is_no_tab_no_contacts_app_and_in_no_catalog(bench: Bench, service: Any) -> None:
    contact = bench.contact()
    assert bench.apps.default is bench.app
    assert bench.apps.tabs(contact.id) == bench.apps.tabs("") == []
    catalog = bench.ask(service, "app/getCatalog", None, WORKSPACE)["data"]["applications"]
    assert [each["name"] for each in catalog] == ["Popdesk"]
    with pytest.raises(NotPossible, match="is a service"):
        bench.apps.open(service.app, contact.id)


def test_a_service_that_is_registered_again_is_not_started_again(bench: Bench, service: Any) -> None:
    bench.apps.configure(App("Opener", "http://localhost:8001/?service", permissions=["*"], is_service=True))
    bench.apps.start_services()
    assert bench.apps.services == [service]


def test_nobody_is_let_in_before_a_service_has_said_hello_or_failed(bench: Bench) -> None:
    bench.apps.register(App("Opener", "http://localhost:8001/?service", permissions=["*"], is_service=True))
    bench.apps.start_services()
    assert bench.apps.services_begin()
    bench.edge.pass_time(60_000)
    assert not bench.apps.services_begin()
    assert "The service did not say hello within" in bench.apps.services[0].error
    assert "AmazonConnectService.init" in bench.apps.services[0].error


def test_what_a_service_says_of_its_failure_is_kept(bench: Bench, service: Any) -> None:
    bench.says(service, {"type": "serviceError", "message": "it broke"})
    assert service.error == "it broke"
    assert bench.apps.services == [service]


def test_a_service_cannot_close_itself(bench: Bench, service: Any) -> None:
    bench.says(service, {"type": "closeApp", "isFatalError": True, "message": "bye"})
    assert service not in bench.edge.removed


def test_a_reload_makes_a_service_anew_without_a_destroy(bench: Bench, service: Any) -> None:
    bench.apps.reload()
    assert bench.edge.stages(service) == ["create"]
    assert service in bench.edge.removed
    assert [each.app.name for each in bench.apps.services] == ["Opener"]
    assert bench.apps.services != [service]


# -- launches ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hand")
def test_a_service_launches_the_page_for_a_contact_as_it_is_registered(bench: Bench, service: Any) -> None:
    contact = bench.contact()
    answer = launch(bench, service, scope=on(contact), launchKey="k", parameters={"connectedAt": "1"})["data"]
    assert (answer["scope"], answer["launchKey"]) == (on(contact), "k")
    (instance,) = bench.apps.instances
    assert instance.iframe_permissions() == (list(REGISTERED), ["clipboard-write"])
    bench.apps.hello(instance, {})
    assert bench.edge.messages(instance, "appLifecycle")[0]["parameters"] == {"connectedAt": "1"}


def test_one_launch_key_is_one_app_whatever_else_is_asked(bench: Bench, service: Any) -> None:
    first, second = bench.contact(), bench.contact("CHAT")
    launched = launch(bench, service, scope=on(first), launchKey="k")["data"]
    again = launch(bench, service, scope=on(second), launchKey="k", parameters={"other": 1})["data"]
    assert again["instanceId"] == launched["instanceId"]
    assert again["scope"] == on(first)
    assert "parameters" not in again
    assert launch(bench, service, scope=on(second), launchKey="l")["data"]["instanceId"] != launched["instanceId"]


def test_the_launchs_scope_goes_before_the_registered_one(bench: Bench, service: Any) -> None:
    """docs.aws.amazon.com/agentworkspace/latest/devguide/getting-started-application-contact-scope.html"""
    bench.app.scope = "CROSS_CONTACTS"
    contact = bench.contact()
    assert launch(bench, service, scope=on(contact))["data"]["scope"] == on(contact)
    (instance,) = bench.apps.instances
    bench.desk.miss(contact.id)
    bench.desk.clear(contact.id)
    assert instance in bench.edge.removed
    assert launch(bench, service)["data"]["scope"] == {"type": "idle"}


# -- guides ------------------------------------------------------------------------------------------------------------


def test_a_guides_view_has_the_default_sandbox_and_the_launcher_what_is_registered(bench: Bench, hand: Hand) -> None:
    """docs.aws.amazon.com/connect/latest/adminguide/3p-apps-iframe-permissions.html"""
    hand.do("offer", customer="C-1")
    (guides,) = bench.apps.instances
    assert guides.iframe_permissions() == (list(SANDBOX), [])
    hand.do("close")
    hand.do("open")
    (launched,) = bench.apps.instances
    assert launched.iframe_permissions() == (list(REGISTERED), ["clipboard-write"])


def test_how_a_link_says_that_an_app_is_framed_holds_in_a_guide(bench: Bench, hand: Hand) -> None:
    hand.commands.config["iframe"] = {"sandbox": REGISTERED, "allow": ("clipboard-write",)}
    sandbox = "allow-scripts allow-same-origin"
    hand.do("app", url="http://localhost:3000/", sandbox=sandbox, allow="clipboard-write")
    hand.do("offer", customer="C-1")
    assert bench.apps.instances[0].iframe_permissions() == (sandbox.split(), ["clipboard-write"])


def test_a_view_whose_time_is_up_is_shown_again_in_an_iframe_of_its_own(bench: Bench, hand: Hand) -> None:
    bench.apps.view_seconds = 400
    hand.do("offer", customer="C-1")
    (first,) = bench.apps.instances
    bench.apps.hello(first, {})
    bench.completed(first, "create")
    bench.edge.pass_time(400_000)
    bench.completed(first, "destroy")
    (second,) = bench.apps.instances
    assert (second.contact_id, second.launched_by, second.visible) == (first.contact_id, "guide", True)
    assert second is not first
    bench.apps.hello(second, {})
    bench.completed(second, "create")
    bench.edge.pass_time(399_000)
    assert bench.apps.instances == [second]
    bench.edge.pass_time(1_000)
    bench.completed(second, "destroy")
    assert bench.apps.instances not in ([], [second])


def test_what_the_launcher_opened_has_no_time(bench: Bench, hand: Hand) -> None:
    contact = bench.contact()
    instance = bench.running(contact)
    bench.edge.pass_time(3_600_000)
    assert bench.apps.instances == [instance]
    with pytest.raises(NotPossible, match="no guide shows an app"):
        hand.do("view")


def test_a_guides_view_is_shown_again_by_hand(bench: Bench, hand: Hand) -> None:
    hand.do("offer", customer="C-1")
    (first,) = bench.apps.instances
    hand.do("view")
    assert bench.apps.instances != [first]


# -- what is remarked --------------------------------------------------------------------------------------------------


def test_more_contacts_than_the_routing_profile_allows_are_counted(bench: Bench, hand: Hand) -> None:
    hand.do("profile", voice=1, chat=2, email=0)
    for channel in ("VOICE", "CHAT", "CHAT"):
        hand.do("offer", customer="C-1", channel=channel)
    assert bench.desk.too_many() == []
    hand.do("offer", customer="C-1", channel="CHAT")
    hand.do("offer", customer="C-1", channel="EMAIL")
    assert bench.desk.too_many() == [("CHAT", 3, 2), ("EMAIL", 1, 0)]
    hand.do("finish")
    assert bench.desk.too_many() == [("CHAT", 3, 2)]


def test_where_a_service_opens_the_page_the_flow_opens_none(bench: Bench, hand: Hand) -> None:
    hand.outcome = {**OUTCOME, "app": None}
    hand.do("offer", customer="C-1")
    assert bench.apps.instances == []
