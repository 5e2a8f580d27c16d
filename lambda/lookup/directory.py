"""Ask the configured adapter for customers, in time whatever it does.

    directory = CustomerDirectory(settings["lookup"])
    directory.find(identity, 3.0)       # -> [<Customer>], each once

The adapter runs in a thread that is abandoned when its time is over, because a socket's time-out alone ends neither a slow name
server nor an answer that arrives byte by byte.
"""

from __future__ import annotations

import threading
import time

from customers import Customer, Customers, LookupFailed, open_customers
from identity import Identity

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any


class CustomerDirectory:
    """The configured adapter, called in a thread so that `find` returns in time even if the adapter does not."""

    def __init__(self, lookup: dict[str, Any]) -> None:
        self._lookup = lookup
        self._customers: Customers | None = None

    def open(self) -> Customers:
        """Return the adapter, creating it if needed."""
        if self._customers is None:
            self._customers = open_customers(self._lookup)
        return self._customers

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with `identity`, trying its spellings in turn until there is a match.

        Raises TimeoutError after `seconds`, or what the adapter raised.
        """
        answers: list[list[Customer] | BaseException] = []
        abandoned = threading.Event()
        deadline = time.monotonic() + seconds

        def ask() -> None:
            try:
                customers = self.open()
                found: list[Customer] = []
                for spelling in identity.spellings:
                    remaining = deadline - time.monotonic()
                    if abandoned.is_set() or remaining <= 0:
                        return
                    found = _distinct(customers.find(Identity(identity.kind, spelling), remaining))
                    if found:
                        break
                answers.append(found)
            except BaseException as error:  # even sys.exit() in an adapter: raised below, in the caller's thread
                answers.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(seconds)
        if not answers:
            # The thread may go on using this adapter for a while, so the next call gets a new one.
            abandoned.set()
            adapter, self._customers = self._customers, None
            if adapter is not None:
                adapter.close()
            raise TimeoutError
        answer = answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, BaseException):
            raise LookupFailed(f"the adapter raised {type(answer).__name__}") from answer
        return answer


def _distinct(customers: list[Customer]) -> list[Customer]:
    """Return each customer with an id once: a directory that lists a customer twice has one match, not two.

    A customer without an id is left out, since no page can be opened for them.
    """
    return list({customer.id: customer for customer in customers if customer.id}.values())
