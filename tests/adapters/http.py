"""The stage of the adapter "http": a CRM on a real socket of this machine."""

from __future__ import annotations

from typing import Any

from tests.adapters.stage import OWN_FIELDS, Stage
from tests.unit.lambda_.crm import MisbehavingCrm

FIELDS = {name: name for name in ("id", "name", "phone", "email", *OWN_FIELDS)}


class Directory(Stage):
    """A CRM with the shape of the shipped settings."""

    def open(self) -> None:
        self._crm = MisbehavingCrm()
        self._crm.__enter__()

    def close(self) -> None:
        self._crm.__exit__(None, None, None)

    def settings(self) -> dict[str, Any]:
        # The CRM's own time is longer than the contract's: what ends a look-up is the time that it is given.
        table = {"url": self._crm.url, "timeout_ms": 60_000, "token_secret": "", "list_path": "customers"}
        return {"http": {**table, "fields": FIELDS}}

    def fill(self, customers: list[dict[str, str]]) -> None:
        self._crm.customers = list(customers)

    def fail(self) -> None:
        self._crm.behave("500")

    def hang(self) -> None:
        self._crm.behave("hang")

    def recover(self) -> None:
        self._crm.behave("well")
