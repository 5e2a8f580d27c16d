"""What the API asks Amazon Connect about a contact. The answers are checked against botocore's model (moto has no contacts)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from popdesk_api.admission import Admission, NotAdmitted
from popdesk_api.contacts import ContactOver, Contacts, ContactsFailed
from popdesk_api.token_keys import TokenKeys

from tests.unit.lambda_.tokens import AUDIENCE, CONTACT, KEYS, claims, forge

INSTANCE = "00000000-0000-4000-8000-000000000001"
AGENT = "a1a1a1a1-0000-4000-8000-000000000001"
TRANSFERRED = "b8f2b8a4-7e0c-4b9a-9a1e-2f2f6c1d0002"
START = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = START.timestamp() + 600

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connect() -> Iterator[Stubber]:
    client = boto3.client(
        "connect", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        yield stubber


@pytest.fixture
def contacts(connect: Stubber, clock: Clock) -> Contacts:
    return Contacts(connect.client, INSTANCE, clock)


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _describes(connect: Stubber, contact_id: str = CONTACT, **contact: Any) -> None:
    expected = {"InstanceId": INSTANCE, "ContactId": contact_id}
    connect.add_response("describe_contact", {"Contact": {"Id": contact_id, **contact}}, expected)


def _agent(**more: Any) -> dict[str, Any]:
    return {"Id": AGENT, "ConnectedToAgentTimestamp": _at(10), **more}


def test_the_agent_who_has_the_contact_is_named(connect: Stubber, contacts: Contacts) -> None:
    _describes(connect, AgentInfo=_agent())
    assert contacts.agent(CONTACT) == AGENT


def test_a_contact_that_nobody_has_yet_has_no_agent(connect: Stubber, contacts: Contacts) -> None:
    _describes(connect)
    assert contacts.agent(CONTACT) == ""


def test_in_after_contact_work_the_contact_is_not_over(connect: Stubber, contacts: Contacts) -> None:
    _describes(
        connect, DisconnectTimestamp=_at(300), AgentInfo=_agent(AfterContactWorkStartTimestamp=_at(301))
    )  # five minutes ago
    assert contacts.agent(CONTACT) == AGENT


@pytest.mark.parametrize(
    "contact",
    [
        {"DisconnectTimestamp": _at(300)},  # the caller hung up in the queue
        {"DisconnectTimestamp": _at(300), "AgentInfo": {"Id": AGENT}},  # the agent missed it
        {
            "DisconnectTimestamp": _at(300),
            "AgentInfo": _agent(AfterContactWorkStartTimestamp=_at(301), AfterContactWorkEndTimestamp=_at(330)),
        },
        {"DisconnectTimestamp": _at(100), "AgentInfo": _agent()},  # no after-contact work began in five minutes
    ],
    ids=["abandoned", "missed", "worked", "no work"],
)
def test_a_contact_is_over_with_its_agents_work(connect: Stubber, contacts: Contacts, contact: dict[str, Any]) -> None:
    _describes(connect, **contact)
    with pytest.raises(ContactOver):
        contacts.agent(CONTACT)


def test_a_transferred_contact_goes_on_as_the_next_one(connect: Stubber, contacts: Contacts) -> None:
    to = {
        "Type": "QUICK_CONNECT",
        "NextContactMetadata": {"QuickConnectContactData": {"ContactId": TRANSFERRED, "InitiationTimestamp": _at(300)}},
    }
    over = _agent(AfterContactWorkEndTimestamp=_at(330))
    _describes(connect, DisconnectTimestamp=_at(300), AgentInfo=over, NextContacts=[to])
    _describes(connect, TRANSFERRED, AgentInfo={"Id": "second", "ConnectedToAgentTimestamp": _at(310)})
    assert contacts.agent(CONTACT) == "second"


def test_transfers_in_a_circle_end(connect: Stubber, contacts: Contacts) -> None:
    to = {"Type": "QUICK_CONNECT", "NextContactMetadata": {"QuickConnectContactData": {"ContactId": CONTACT}}}
    _describes(connect, DisconnectTimestamp=_at(300), NextContacts=[to])
    with pytest.raises(ContactOver):
        contacts.agent(CONTACT)


def test_it_is_asked_once_for_what_is_asked_within_ten_seconds_and_the_end_is_seen_then(
    connect: Stubber, contacts: Contacts, clock: Clock
) -> None:
    _describes(connect, AgentInfo=_agent())
    for _ in range(100):
        contacts.agent(CONTACT)
    connect.assert_no_pending_responses()
    clock.now += 11
    _describes(connect, DisconnectTimestamp=_at(620), AgentInfo=_agent(AfterContactWorkEndTimestamp=_at(640)))
    with pytest.raises(ContactOver):
        contacts.agent(CONTACT)


def test_who_accepts_a_contact_is_known_soon_after_it_was_offered(
    connect: Stubber, contacts: Contacts, clock: Clock
) -> None:
    _describes(connect)
    assert contacts.agent(CONTACT) == ""
    assert contacts.agent(CONTACT) == ""
    clock.now += 6
    _describes(connect, AgentInfo=_agent())
    assert contacts.agent(CONTACT) == AGENT


def test_while_amazon_connect_is_throttled_what_it_said_serves_for_ten_minutes(
    connect: Stubber, contacts: Contacts, clock: Clock
) -> None:
    _describes(connect, AgentInfo=_agent())
    contacts.agent(CONTACT)
    clock.now += 300
    connect.add_client_error("describe_contact", "ThrottlingException", http_status_code=429)
    assert contacts.agent(CONTACT) == AGENT
    clock.now += 301
    connect.add_client_error("describe_contact", "ThrottlingException", http_status_code=429)
    with pytest.raises(ContactsFailed, match="ThrottlingException"):
        contacts.agent(CONTACT)


def test_nothing_is_believed_of_a_contact_that_was_never_described(connect: Stubber, contacts: Contacts) -> None:
    connect.add_client_error("describe_contact", "InternalServiceException", http_status_code=500)
    with pytest.raises(ContactsFailed):
        contacts.agent(CONTACT)
    connect.add_client_error("describe_contact", "ResourceNotFoundException", http_status_code=404)
    with pytest.raises(ContactOver):
        contacts.agent(CONTACT)


def test_attributes_are_set_on_a_contact_that_is_not_over(connect: Stubber, contacts: Contacts) -> None:
    _describes(connect, AgentInfo=_agent())
    expected = {"InstanceId": INSTANCE, "InitialContactId": CONTACT, "Attributes": {"reason": "refund"}}
    connect.add_response("update_contact_attributes", {}, expected)
    contacts.set_attributes(CONTACT, {"reason": "refund"})
    connect.assert_no_pending_responses()


def _admission(contacts: Contacts) -> Admission:
    return Admission(TokenKeys(lambda _deadline: KEYS), contacts, AUDIENCE)


def _token(**changed: Any) -> str:
    now = int(time.time())
    return forge(claims(iat=now, exp=now + 60, **changed))


def test_a_good_token_admits_with_the_agents_id(connect: Stubber, contacts: Contacts) -> None:
    _describes(connect, AgentInfo=_agent())
    asking = _admission(contacts).admit(_token())
    assert (asking.contact_id, asking.customers, asking.agent_id) == (CONTACT, ("C-1001",), AGENT)
    assert asking.may_ask_about("C-1001")
    assert not asking.may_ask_about("C-1002")
    assert not asking.may_ask_about("")


@pytest.mark.parametrize("token", ["", "a.b.c", _token(aud="popdesk-prod"), forge(claims(exp=1))])
def test_without_a_good_token_nothing_is_asked_of_amazon_connect(contacts: Contacts, token: str) -> None:
    with pytest.raises(NotAdmitted) as refused:  # the stubber refuses any call
        _admission(contacts).admit(token)
    assert refused.value.status == 401
    assert not token or token not in str(refused.value)


def test_a_token_replayed_after_the_contacts_end_is_refused(connect: Stubber, contacts: Contacts) -> None:
    _describes(connect, DisconnectTimestamp=_at(300), AgentInfo=_agent(AfterContactWorkEndTimestamp=_at(330)))
    with pytest.raises(NotAdmitted) as refused:
        _admission(contacts).admit(_token())
    assert refused.value.status == 403


def test_where_nothing_can_be_checked_nobody_is_admitted(connect: Stubber, contacts: Contacts) -> None:
    connect.add_client_error("describe_contact", "ThrottlingException", http_status_code=429)
    with pytest.raises(NotAdmitted) as refused:
        _admission(contacts).admit(_token())
    assert refused.value.status == 503
