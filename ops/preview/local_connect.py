"""Preview's stand-in for Amazon Connect's API: what the API function asks there, answered from the workspace's contacts.

    connect = LocalConnect(set_attributes=lambda contact_id, values: ...)
    connect.offered(contact)                                  # a contact that the workspace offers (ops/flows/runner.py)
    connect.tell(contact_id, "connected", agent_arn)          # what becomes of it
    connect.environment("http://127.0.0.1:8002")              # -> {"AWS_ENDPOINT_URL_CONNECT": ..., ...}, for the function
    local_connect_site(connect)                               # the endpoint, a Starlette application

It knows DescribeContact and UpdateContactAttributes, and is held to botocore's model (tests/unit/ops/test_local_connect.py). It
stands in for what cannot run here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ops.flows.runner import INSTANCE, Contact

INSTANCE_ID = INSTANCE.rpartition("/")[2]
STATES = ("connected", "acw", "missed", "error", "cleared")
_MOST = 10_000  # contacts that are remembered
_LIMIT_BYTES = 32_768  # of a contact's attributes (API_UpdateContactAttributes)


class LocalConnect:
    """Remembers the workspace's contacts. `set_attributes(contact_id, values)` sets attributes there; it may take its time.

    The methods may be called from any thread.
    """

    def __init__(self, set_attributes: Callable[[str, dict[str, str]], None]) -> None:
        self._set_attributes = set_attributes
        self._contacts: dict[str, dict[str, Any]] = {}  # as DescribeContact answers them
        self._lock = threading.Lock()

    def environment(self, endpoint: str) -> dict[str, str]:
        """Return the environment variables by which a function asks the endpoint: it needs some credentials to sign with."""
        return {
            "AWS_ENDPOINT_URL_CONNECT": endpoint,
            "AWS_ACCESS_KEY_ID": "preview",
            "AWS_SECRET_ACCESS_KEY": "preview",
            "POPDESK_INSTANCE_ID": INSTANCE_ID,
        }

    def offered(self, contact: Contact) -> None:
        """Remember a contact that is offered; where it was transferred, the one before goes on as this one."""
        now = time.time()
        described: dict[str, Any] = {
            "Arn": f"{INSTANCE}/contact/{contact.contact_id}",
            "Id": contact.contact_id,
            "Channel": contact.channel,
            "InitiationTimestamp": now,
            "LastUpdateTimestamp": now,
            "Attributes": dict(contact.attributes),
        }
        if contact.endpoint:
            described["CustomerEndpoint"] = {"Type": contact.endpoint["type"], "Address": contact.endpoint["address"]}
        if contact.subtype:
            described["SegmentAttributes"] = {"connect:Subtype": {"ValueString": contact.subtype}}
        with self._lock:
            before = self._contacts.get(contact.initial_id)
            if contact.initial_id != contact.contact_id:
                described["InitialContactId"] = described["PreviousContactId"] = contact.initial_id
            if before is not None and before is not self._contacts.get(contact.contact_id):
                data = {"ContactId": contact.contact_id, "InitiationTimestamp": now}
                entry = {"Type": "QUICK_CONNECT", "NextContactMetadata": {"QuickConnectContactData": data}}
                before["NextContacts"] = [*before.get("NextContacts", []), entry]
            if len(self._contacts) >= _MOST:
                del self._contacts[next(iter(self._contacts))]
            self._contacts[contact.contact_id] = described

    def flow_done(self, contact_id: str, attributes: dict[str, str]) -> None:
        """Take the attributes that a contact has after its flow."""
        with self._lock:
            if contact_id in self._contacts:
                self._contacts[contact_id]["Attributes"] = dict(attributes)

    def tell(self, contact_id: str, state: str, agent_arn: str) -> None:
        """Take what became of a contact: one of STATES. A contact that nobody offered here is not remembered."""
        now = time.time()
        with self._lock:
            contact = self._contacts.get(contact_id)
            if contact is None:
                return
            contact["LastUpdateTimestamp"] = now
            agent = contact.get("AgentInfo")
            if state == "connected":
                contact["AgentInfo"] = {"Id": agent_arn.rpartition("/")[2], "ConnectedToAgentTimestamp": now}
            else:
                contact.setdefault("DisconnectTimestamp", now)
            if agent is not None and state == "acw":
                agent["AfterContactWorkStartTimestamp"] = now
            elif agent is not None and state == "cleared":
                agent["AfterContactWorkEndTimestamp"] = now

    def describe(self, contact_id: str) -> dict[str, Any] | None:
        """Return a contact as DescribeContact answers it, with times in seconds since 1970; None for an unknown one."""
        with self._lock:
            contact = self._contacts.get(contact_id)
            return None if contact is None else _copy(contact)

    def update(self, contact_id: str, values: dict[str, str]) -> str:
        """Set attributes of a contact; return the code of Amazon Connect's error, "" where they are set."""
        with self._lock:
            contact = self._contacts.get(contact_id)
            if contact is None:
                return "ResourceNotFoundException"
            after = {**contact["Attributes"], **values}
            if sum(len(name.encode()) + len(value.encode()) for name, value in after.items()) > _LIMIT_BYTES:
                return "InvalidRequestException"
            contact["Attributes"] = after
        self._set_attributes(contact_id, values)
        return ""


def local_connect_site(connect: LocalConnect) -> Starlette:
    """Return the endpoint. It asks for a signature, of whoever: what a page in a browser posts cannot have one."""

    async def describe(request: Request) -> Response:
        if refused := _refused(request, request.path_params["instance"]):
            return refused
        contact = connect.describe(request.path_params["contact"])
        return _error("ResourceNotFoundException", 404) if contact is None else JSONResponse({"Contact": contact})

    async def update(request: Request) -> Response:
        try:
            body = await request.json()
            instance, contact_id, values = (body[key] for key in ("InstanceId", "InitialContactId", "Attributes"))
            if not all(type(text) is str for text in (contact_id, *values, *values.values())):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            return _error("InvalidParameterException", 400)
        if refused := _refused(request, instance):
            return refused
        code = connect.update(contact_id, values)
        return _error(code, 404 if code == "ResourceNotFoundException" else 400) if code else JSONResponse({})

    return Starlette(
        routes=[
            Route("/contacts/{instance}/{contact}", describe, methods=["GET"]),
            Route("/contact/attributes", update, methods=["POST"]),
        ]
    )


def _refused(request: Request, instance: str) -> Response | None:
    if "origin" in request.headers or not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return _error("AccessDeniedException", 403)
    return None if instance == INSTANCE_ID else _error("ResourceNotFoundException", 404)


def _error(code: str, status: int) -> Response:
    return JSONResponse({"Message": code}, status, {"x-amzn-ErrorType": code})


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
