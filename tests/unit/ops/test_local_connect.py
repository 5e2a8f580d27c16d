"""Preview's stand-in for Amazon Connect's API, asked by the real boto3 client over a real socket and held to botocore's model."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from botocore.validate import validate_parameters
from popdesk_api.contacts import ContactOver, Contacts

from ops.flows.runner import Contact
from ops.preview.local_connect import INSTANCE_ID, LocalConnect, local_connect_site
from ops.preview.sockets import listen, port_of

pytestmark = pytest.mark.slow

AGENT = "00000000-0000-4000-8000-000000000001"
AGENT_ARN = f"arn:aws:connect:us-east-1:111122223333:instance/{INSTANCE_ID}/agent/{AGENT}"
MODEL = get_session().get_service_model("connect")


class Stage:
    """The stand-in on a port of its own, and what it set in the workspace."""

    def __init__(self) -> None:
        self.set: list[tuple[str, dict[str, str]]] = []
        self.connect = LocalConnect(lambda contact_id, values: self.set.append((contact_id, values)))
        self._socket = listen("127.0.0.1", 0, "--port")
        self.url = f"http://127.0.0.1:{port_of(self._socket)}"
        config = uvicorn.Config(local_connect_site(self.connect), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        given = self.connect.environment(self.url)
        self.client: Any = boto3.client(
            "connect",
            region_name="us-east-1",
            endpoint_url=given["AWS_ENDPOINT_URL_CONNECT"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def describe(self, contact_id: str) -> dict[str, Any]:
        """Return what DescribeContact answers, after the checks of botocore's model."""
        answer = self.client.describe_contact(InstanceId=INSTANCE_ID, ContactId=contact_id)
        contact: dict[str, Any] = answer["Contact"]
        validate_parameters(contact, MODEL.shape_for("Contact"))
        assert set(self.connect.describe(contact_id) or {}) == set(contact)  # the model knows all that is answered
        return contact


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def _offered(stage: Stage, contact_id: str, initial: str = "", **attributes: str) -> None:
    endpoint = {"type": "TELEPHONE_NUMBER", "address": "+12065550100"}
    contact = Contact(contact_id, initial or contact_id, "VOICE", "connect:Telephony", endpoint, attributes)
    stage.connect.offered(contact)


def test_a_call_is_described_from_its_offer_to_its_end(stage: Stage) -> None:
    _offered(stage, "life")
    offered = stage.describe("life")
    assert offered["CustomerEndpoint"] == {"Type": "TELEPHONE_NUMBER", "Address": "+12065550100"}
    assert isinstance(offered["InitiationTimestamp"], datetime)
    assert not {"AgentInfo", "DisconnectTimestamp", "InitialContactId"} & set(offered)
    stage.connect.tell("life", "connected", AGENT_ARN)
    assert stage.describe("life")["AgentInfo"]["Id"] == AGENT
    contacts = Contacts(stage.client, INSTANCE_ID)
    assert contacts.agent("life") == AGENT
    stage.connect.tell("life", "acw", AGENT_ARN)
    assert stage.describe("life")["DisconnectTimestamp"]
    assert Contacts(stage.client, INSTANCE_ID).agent("life") == AGENT
    stage.connect.tell("life", "cleared", AGENT_ARN)
    assert stage.describe("life")["AgentInfo"]["AfterContactWorkEndTimestamp"]
    with pytest.raises(ContactOver):
        Contacts(stage.client, INSTANCE_ID).agent("life")


def test_a_missed_call_and_an_unknown_one_are_over(stage: Stage) -> None:
    _offered(stage, "missed")
    stage.connect.tell("missed", "missed", AGENT_ARN)
    for contact in ("missed", "nobody"):
        with pytest.raises(ContactOver):
            Contacts(stage.client, INSTANCE_ID).agent(contact)
    stage.connect.tell("nobody", "connected", AGENT_ARN)
    assert stage.connect.describe("nobody") is None


def test_a_transferred_call_goes_on_as_the_next(stage: Stage) -> None:
    _offered(stage, "first")
    stage.connect.tell("first", "connected", AGENT_ARN)
    _offered(stage, "second", "first")
    assert stage.describe("second")["InitialContactId"] == "first"
    stage.connect.tell("first", "acw", AGENT_ARN)
    stage.connect.tell("first", "cleared", AGENT_ARN)
    stage.describe("first")
    stage.connect.tell("second", "connected", AGENT_ARN)
    assert Contacts(stage.client, INSTANCE_ID).agent("first") == AGENT


def test_attributes_are_set_in_the_workspace(stage: Stage) -> None:
    _offered(stage, "attributes", Tier="gold")
    Contacts(stage.client, INSTANCE_ID).set_attributes("attributes", {"reason": "refund"})
    assert stage.set[-1] == ("attributes", {"reason": "refund"})
    assert stage.describe("attributes")["Attributes"] == {"Tier": "gold", "reason": "refund"}
    with pytest.raises(ClientError, match="InvalidRequestException"):
        stage.client.update_contact_attributes(
            InstanceId=INSTANCE_ID, InitialContactId="attributes", Attributes={"long": "x" * 32_768}
        )
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        stage.client.update_contact_attributes(
            InstanceId=INSTANCE_ID, InitialContactId="nobody", Attributes={"reason": "refund"}
        )


def test_another_instance_is_not_here(stage: Stage) -> None:
    _offered(stage, "here")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        stage.client.describe_contact(InstanceId="00000000-0000-4000-8000-000000000002", ContactId="here")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Origin": "https://attacker.example"}])
def test_what_a_page_in_a_browser_posts_sets_nothing(stage: Stage, headers: dict[str, str]) -> None:
    _offered(stage, "stranger")
    before = list(stage.set)
    body = {"InstanceId": INSTANCE_ID, "InitialContactId": "stranger", "Attributes": {"reason": "refund"}}
    if "Origin" in headers:
        headers = {**headers, "Authorization": "AWS4-HMAC-SHA256 Credential=x"}
    request = urllib.request.Request(f"{stage.url}/contact/attributes", json.dumps(body).encode(), headers)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)
    assert stage.set == before
