"""What a test of the contract needs of an adapter's store: an empty one, and ways to make it fail.

class Store(Stage):                           # tests/team/cases_crm.py
    def open(self): ...                       # start a server, set environment variables
    def settings(self): return {"crm": {"url": ...}}
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_PLACES = ("tests.cases.{}", "tests.team.cases_{}")
_NONE = ("__init__", "stage", "test_contract", "rest_crm")


class Stage:
    """The store of one adapter, for one test. Override what the adapter needs.

    `folder` is an empty one, `environment` sets environment variables; both are gone after the test.
    """

    keeps_keys = True  # the store itself makes one of two writes with the same key

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.environment = environment

    def open(self) -> None:
        """Start the store, without cases."""

    def close(self) -> None:
        """Stop it."""

    def settings(self) -> dict[str, Any]:
        """Return what the adapter's `create` finds beside the shipped settings of the API: {"NAME": {...}}."""
        return {}

    def fail(self) -> None:
        """Let the store answer every request with an error, until `recover`."""
        pytest.skip("this store cannot fail")

    def lose(self) -> None:
        """Let the store do the next write and lose its answer."""
        pytest.skip("this store cannot lose an answer")

    def recover(self) -> None:
        """Let it answer again."""


def stages() -> list[str]:
    """Return the names of the adapters that have a stage."""
    ours = [file.stem for file in _HERE.glob("*.py") if file.stem not in _NONE]
    teams = [file.stem.removeprefix("cases_") for file in (_HERE.parent / "team").glob("cases_*.py")]
    return sorted({*ours, *teams})


def stage_of(adapter: str) -> type[Stage]:
    """Return the class Store of an adapter's stage. Raises UsageError if there is none."""
    for place in _PLACES:
        name = place.format(adapter)
        if adapter not in _NONE and find_spec(name):
            store: type[Stage] = import_module(name).Store
            return store
    raise pytest.UsageError(
        f"--cases {adapter}: there is no stage for it; write tests/team/cases_{adapter}.py (docs/api.md), "
        f"or name one of {', '.join(stages())}"
    )
