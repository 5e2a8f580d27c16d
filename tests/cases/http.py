"""The stage of the adapter "http": a CRM with a REST API on a real socket of this machine."""

from __future__ import annotations

from typing import Any

from ops.api_settings import HttpCases
from tests.cases.rest_crm import RestCrm
from tests.cases.stage import Stage


def http_settings(url: str, **others: Any) -> dict[str, Any]:
    """Return the shipped settings of the adapter with the CRM at `url` in place of the shipped one."""
    shipped = HttpCases().model_dump(mode="json")
    moved = {
        key: value.replace("https://crm.example.com", url) if isinstance(value, str) else value
        for key, value in shipped.items()
    }
    return {**moved, "timeout_ms": 60_000, **others}


class Store(Stage):
    """A CRM that looks at the key of a request."""

    def open(self) -> None:
        self._crm = RestCrm(self.folder)
        self._crm.__enter__()

    def close(self) -> None:
        self._crm.__exit__(None, None, None)

    def settings(self) -> dict[str, Any]:
        return {"http": http_settings(self._crm.url, idempotent=True)}

    def fail(self) -> None:
        self._crm.fails = True

    def lose(self) -> None:
        self._crm.loses = True

    def recover(self) -> None:
        self._crm.fails = self._crm.loses = False
