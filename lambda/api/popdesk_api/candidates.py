"""The customers among whom an agent may choose: the look-up is asked again, for the number or address that it had identified.

    look_up = LookUpAgain(settings, contacts, signer)       # settings: ops.settings.lambda_settings
    look_up.candidates(contact_id)                          # -> [<Customer>]: whom the look-up finds for this contact
    look_up.choose(contact_id, "C-1002")                    # -> {"Name": ..., "popdeskToken": ...}: its answer for this one

What was identified stands in the contact's attribute `identity`, which the flow has set from the look-up's answer; a contact
without one (its flow could not set it) is looked up by its own endpoint, as the look-up would. The page puts the answer in the
place of the contact's attributes. It is not written to the contact: CloudTrail may have the parameters of such a call, and the
token is one.
"""

from __future__ import annotations

from typing import Any, Protocol

from answers import build_answer
from customers import Customer
from directory import CustomerDirectory
from flow_contract import NO_VALUE, TYPED
from identity import Identity, read_identity
from token_signing import TokenSigner

_KEY_SECONDS = 2.0


class NotOne(Exception):
    """The look-up does not find that customer for this contact."""


class Describes(Protocol):
    """What describes contacts: popdesk_api/contacts.py."""

    def describe(self, contact_id: str) -> dict[str, Any]:
        """Return the contact as DescribeContact does."""


class LookUpAgain:
    """Asks the configured adapter of the look-up; `signer` signs the token of who was chosen. One call at a time."""

    def __init__(self, settings: dict[str, Any], contacts: Describes, signer: TokenSigner) -> None:
        self._settings = settings
        self._contacts = contacts
        self._signer = signer
        self._directory = CustomerDirectory(settings["lookup"])

    def candidates(self, contact_id: str) -> list[Customer]:
        """Return whom the look-up finds. Raises LookupFailed, TimeoutError, and what the adapter or `contacts` raise."""
        return self._find(contact_id)[1]

    def choose(self, contact_id: str, customer_id: str) -> dict[str, str]:
        """Return the look-up's answer for the one customer that the agent chose: {attribute: value}, with a new token.

        Raises NotOne where the look-up does not find this customer for the contact, NoToken, and what `candidates` raises.
        """
        identity, found = self._find(contact_id)
        chosen = [customer for customer in found if customer.id == customer_id]
        if not chosen:
            raise NotOne
        values = build_answer(self._settings, identity, chosen).values
        self._signer.fetch_keys(_KEY_SECONDS)
        values[self._settings["attributes"]["token"]] = self._signer.sign(contact_id, [customer_id])
        return values

    def _find(self, contact_id: str) -> tuple[Identity | None, list[Customer]]:
        region = self._settings["lookup"]["default_region"]
        identity = read_identity(_event(self._contacts.describe(contact_id), self._settings["attributes"]), region)
        if identity is None:
            return None, []
        return identity, self._directory.find(identity, self._settings["lookup"]["budget_ms"] / 1000)


def _event(contact: dict[str, Any], attributes: dict[str, str]) -> dict[str, Any]:
    """Return the flow's event for a contact of DescribeContact, with what was identified in the place of what a caller types."""
    given: dict[str, str] = contact.get("Attributes") or {}
    known = given.get(attributes["identity"], NO_VALUE)
    data = {
        "Channel": contact.get("Channel"),
        "Attributes": given,
        "CustomerEndpoint": contact.get("CustomerEndpoint"),
        "SegmentAttributes": contact.get("SegmentAttributes"),
    }
    return {"Details": {"ContactData": data, "Parameters": {} if known == NO_VALUE else {TYPED: known}}}
