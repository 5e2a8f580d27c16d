"""Where customers are looked up: one small interface, and the adapter that the settings choose.

    customers = open_customers({"adapter": "sample", ...})           # [tool.popdesk.lookup], as a dict
    customers.find(Identity("phone", "+12065550100"), seconds=3.0)   # -> [<Customer>], [] for none

The adapter NAME is the module adapters/NAME.py, loaded only when chosen: sample, dynamodb, http.
docs/lambda.md writes a fourth in twenty lines.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from identity import Identity


class Customer:
    """A customer as the agent needs one: all strings, "" for what is not known. `id` finds their page in the CRM.

    Its repr leaves everything out, so that nothing of it reaches a log.
    """

    __slots__ = ("email", "id", "name", "phone")

    def __init__(self, id: str, name: str = "", phone: str = "", email: str = "") -> None:
        self.id = id
        self.name = name
        self.phone = phone
        self.email = email

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Customer) and all(getattr(self, k) == getattr(other, k) for k in self.__slots__)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return "<Customer>"


class LookupFailed(Exception):
    """The directory could not answer. The message is logged: say why, with nothing of a customer or a caller in it."""


class Customers:
    """What an adapter is: one object, made once a container, asked by one call at a time."""

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with that phone number or e-mail address, [] for none, within about `seconds`.

        Only `identity.value` is meant: where it has other spellings (identity.py) and nobody is found, the handler asks
        for those next.
        Raises LookupFailed, or anything else: the handler turns each into its safe answer. An adapter that ignores
        `seconds` delays nobody either, the handler stops waiting; but it should end by itself soon after.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of connections; called from another thread when `find` is no longer waited for."""


def open_customers(lookup: dict[str, Any]) -> Customers:
    """Make the adapter that `lookup["adapter"]` names, with `[tool.popdesk.lookup]` as a dict for its settings."""
    adapter: Customers = import_module(f"adapters.{lookup['adapter']}").create(lookup)
    return adapter
