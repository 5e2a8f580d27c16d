"""Ask Amazon Connect about a contact: whether it is over and which agent has it; and write its attributes.

    contacts = Contacts(boto3.client("connect"), instance_id)
    contacts.agent(contact_id)                                 # -> "a1b2..." (the agent's id); "" while nobody has it yet
    contacts.set_attributes(contact_id, {"reason": "refund"})

A contact is over when its customer has left and its agent has ended the after-contact work, or never had it. Agents write
most of their cases in that work. A contact that was transferred goes on as another one, which DescribeContact names
(NextContacts). Its attributes are copied to that one, the token among them, so a token is good until the last contact of its
chain is over.

An answer is kept for ten seconds, by contact: each container asks once for what an agent does at a time. Before an agent has
the contact it is kept for less, since who accepts it is what the log needs. DescribeContact and UpdateContactAttributes:
docs.aws.amazon.com/connect/latest/APIReference/API_DescribeContact.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_KEPT = 10.0  # seconds
_KEPT_UNTIL_ACCEPTED = 2.0  # of a contact that no agent has yet
# While Amazon Connect does not answer, what it said is good for longer; for a contact that it has said nothing about, it is not.
_KEPT_AT_MOST = 600.0
_MOST_KEPT = 1000
_MOST_TRANSFERS = 10
# Seconds after the customer has left in which the agent's after-contact work may still have to be written down.
_WORK_BEGINS = 300


class ContactOver(Exception):
    """The contact is over, or does not exist."""


class ContactsFailed(Exception):
    """Amazon Connect did not answer. The text is logged: it has the error's code alone."""


class Contacts:
    """Asks the instance's contacts with `client`, a boto3 client of "connect"; `clock` returns seconds since 1970."""

    def __init__(self, client: Any, instance_id: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._instance_id = instance_id
        self._clock = clock
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}  # by contact: when it was asked, and the answer

    def agent(self, contact_id: str) -> str:
        """Return the id of the agent who has the contact, "" while none has. Raises ContactOver or ContactsFailed."""
        return str(self._live(contact_id).get("AgentInfo", {}).get("Id", ""))

    def describe(self, contact_id: str) -> dict[str, Any]:
        """Return the contact as DescribeContact does, of the last one of its transfers. Raises as `agent` does."""
        return self._live(contact_id)

    def set_attributes(self, contact_id: str, attributes: dict[str, str]) -> None:
        """Set attributes of the contact. Raises ContactOver or ContactsFailed."""
        live = self._live(contact_id)
        try:
            # InitialContactId is "the identifier of the contact" whose attributes are set, whatever its name says: those of a
            # transferred contact are set with its own id.
            self._client.update_contact_attributes(
                InstanceId=self._instance_id, InitialContactId=live.get("Id", contact_id), Attributes=attributes
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise ContactOver("there is no such contact") from None
            raise ContactsFailed(_code(error)) from error
        except BotoCoreError as error:
            raise ContactsFailed(type(error).__name__) from error

    def _live(self, contact_id: str) -> dict[str, Any]:
        seen: set[str] = set()
        while True:
            seen.add(contact_id)
            contact = self._describe(contact_id)
            if not is_over(contact, self._clock()):
                return contact
            after = _next(contact)
            if not after or after in seen or len(seen) > _MOST_TRANSFERS:
                raise ContactOver("the contact is over")
            contact_id = after

    def _describe(self, contact_id: str) -> dict[str, Any]:
        now = self._clock()
        asked, known = self._known.get(contact_id, (0.0, None))
        if known is not None and now - asked < (_KEPT if known.get("AgentInfo") else _KEPT_UNTIL_ACCEPTED):
            return known
        try:
            answer = self._client.describe_contact(InstanceId=self._instance_id, ContactId=contact_id)
        except ClientError as error:
            code = _code(error)
            if code in ("ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException"):
                raise ContactOver("there is no such contact") from None
            return self._kept(known, asked, now, code, error)
        except BotoCoreError as error:
            return self._kept(known, asked, now, type(error).__name__, error)
        contact: dict[str, Any] = answer["Contact"]
        if len(self._known) >= _MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._known.pop(contact_id, None)  # the newest is the last
        self._known[contact_id] = (now, contact)
        return contact

    def _kept(
        self, known: dict[str, Any] | None, asked: float, now: float, why: str, error: Exception
    ) -> dict[str, Any]:
        if known is not None and now - asked < _KEPT_AT_MOST:
            return known
        raise ContactsFailed(why) from error


def is_over(contact: dict[str, Any], now: float) -> bool:
    """Return whether a contact (DescribeContact's `Contact`) is over at `now`, in seconds since 1970."""
    left = contact.get("DisconnectTimestamp")
    if left is None:
        return False
    agent = contact.get("AgentInfo") or {}
    if agent.get("ConnectedToAgentTimestamp") is None or agent.get("AfterContactWorkEndTimestamp") is not None:
        return True
    if agent.get("AfterContactWorkStartTimestamp") is not None:
        return False
    return now - _seconds(left) > _WORK_BEGINS


def _next(contact: dict[str, Any]) -> str:
    """Return the id of the contact as which this one goes on, "" for none."""
    for entry in contact.get("NextContacts") or []:
        data = (entry.get("NextContactMetadata") or {}).get("QuickConnectContactData") or {}
        if data.get("ContactId"):
            return str(data["ContactId"])
    return ""


def _seconds(moment: object) -> float:
    return moment.astimezone(UTC).timestamp() if isinstance(moment, datetime) else 0.0


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
