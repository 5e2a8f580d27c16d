"""The adapter "sample": finds made-up customers of sample.json, for preview and first trials.

Every number in the file is from a range reserved for fiction (US 555-0100 to 0199; Ofcom's numbers for drama) and every
address on example.com, .org or .net (RFC 2606).
"""

from __future__ import annotations

import json
import os.path

from customers import Customer, Customers
from identity import directory_key

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from identity import Identity

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample.json")


class SampleCustomers(Customers):
    """Finds customers in a list of dicts with the keys id, name, phone (E.164), email and a team's own fields."""

    def __init__(self, records: list[dict[str, str]]) -> None:
        self._by_phone: dict[str, list[Customer]] = {}
        self._by_email: dict[str, list[Customer]] = {}
        self._by_folded: dict[str, list[Customer]] = {}  # by e-mail address, ignoring case
        for record in records:
            customer = Customer(**record)
            if customer.phone:
                self._by_phone.setdefault(customer.phone, []).append(customer)
            if customer.email:
                self._by_email.setdefault(customer.email, []).append(customer)
                self._by_folded.setdefault(directory_key("email", customer.email), []).append(customer)

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with this number or address."""
        if identity.kind == "phone":
            return list(self._by_phone.get(identity.value, ()))
        exact = self._by_email.get(identity.value, ())
        return list(exact or self._by_folded.get(directory_key("email", identity.value), ()))


def create(lookup: dict[str, Any]) -> SampleCustomers:
    """Return the adapter, with the customers of the file beside this module."""
    with open(FILE, encoding="utf-8") as file:
        return SampleCustomers(json.load(file))
