"""The interface of an adapter, which finds customers, and the function that opens the configured one.

    customers = open_customers({"adapter": "sample", ...})           # [tool.popdesk.lookup], as a dict, and "fields"
    customers.find(Identity("phone", "+12065550100"), seconds=3.0)   # -> [<Customer>], [] for none

The adapter NAME is the module adapters/NAME.py, which is imported only when it is configured: sample, dynamodb, http.
docs/lambda.md shows how to write another one in a few lines.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from identity import Identity


class Customer:
    """A customer, as far as the agent needs to know: all strings, "" if unknown. `id` is what the CRM's page is opened by.

    `fields` has the team's own fields (`[tool.popdesk.fields]`) and whatever else a record has: Customer("C-1", tier="gold").
    The repr shows no field, so that no personal data reaches a log.
    """

    __slots__ = ("email", "fields", "id", "name", "phone")

    def __init__(self, id: str, name: str = "", phone: str = "", email: str = "", **fields: str) -> None:
        self.id = id
        self.name = name
        self.phone = phone
        self.email = email
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Customer) and all(getattr(self, k) == getattr(other, k) for k in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return "<Customer>"


class LookupFailed(Exception):
    """The directory could not answer. The message is logged, so it must contain nothing about a customer or a caller."""


class Customers:
    """The base class of adapters. One object is created per Lambda container and serves one call at a time."""

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with this phone number or e-mail address, [] if there is none, within about `seconds`.

        Look for `identity.value` only: if there is no match, the handler asks again for its other spellings
        (identity.py). Raise LookupFailed, or any other exception: the handler answers the call whatever is raised, and of
        TimeoutError says that the directory did not answer in time (504), of others that it failed (502). It also
        stops waiting after `seconds`, but `find` should end by itself soon after.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close connections. Called from another thread when the handler no longer waits for `find`."""


def open_customers(lookup: dict[str, Any]) -> Customers:
    """Return the adapter that `lookup["adapter"]` names.

    `lookup` is `[tool.popdesk.lookup]` as a dict; `lookup["fields"]` is the list of the team's own fields.
    """
    adapter: Customers = import_module(f"adapters.{lookup['adapter']}").create(lookup)
    return adapter
