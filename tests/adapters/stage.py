"""What a test of the contract needs of an adapter's directory: customers in it, and ways to make it fail.

    class Directory(Stage):                       # tests/team/adapter_s3.py
        def open(self): ...                       # start a server, set environment variables
        def settings(self): return {"s3": {"bucket": "directory"}}
        def fill(self, customers): ...            # [{"id": "C-1", "name": ..., "phone": ..., "email": ..., "tier": ...}]

A server of the stage's own, on this machine, is better than a double: the adapter's own connections, time-outs and errors are
what is tried.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

OWN_FIELDS = ("tier",)  # [tool.popdesk.fields] of the contract's settings
_HERE = Path(__file__).parent
_PLACES = ("tests.adapters.{}", "tests.team.adapter_{}")


class Stage:
    """The directory of one adapter, for one test. Override what the adapter needs.

    `folder` is an empty one, `environment` sets environment variables (`environment.setenv("NAME", "value")`); both are gone
    after the test.
    """

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.environment = environment

    def open(self) -> None:
        """Start the directory, without customers."""

    def close(self) -> None:
        """Stop it."""

    def settings(self) -> dict[str, Any]:
        """Return what the adapter's `create` finds in `lookup` beside the shipped settings: {"NAME": {...}}.

        What is left out of its table has the default that the adapter's class Settings gives it.
        """
        return {}

    def fill(self, customers: list[dict[str, str]]) -> None:
        """Have these customers in the directory and no others: id, name, phone (E.164), email, tier; "" where unknown.

        It is called before the adapter is created.
        """
        raise NotImplementedError

    def fail(self) -> None:
        """Let the directory answer every request with an error, until `recover`."""
        pytest.skip("this directory cannot fail")

    def hang(self) -> None:
        """Let the directory take every request and not answer, until `recover`."""
        pytest.skip("this directory cannot hang")

    def recover(self) -> None:
        """Let it answer again. Called after every test too, where it neither failed nor hung."""


def stages() -> list[str]:
    """Return the names of the adapters that have a stage."""
    ours = [
        file.stem for file in _HERE.glob("*.py") if file.stem not in ("__init__", "stage") and file.stem[:5] != "test_"
    ]
    teams = [file.stem.removeprefix("adapter_") for file in (_HERE.parent / "team").glob("adapter_*.py")]
    return sorted({*ours, *teams})


def stage_of(adapter: str) -> type[Stage]:
    """Return the class Directory of an adapter's stage."""
    for place in _PLACES:
        name = place.format(adapter)
        if find_spec(name):
            directory: type[Stage] = import_module(name).Directory
            return directory
    raise pytest.UsageError(
        f"--adapter {adapter}: there is no stage for it; write tests/team/adapter_{adapter}.py (docs/lambda.md), "
        f"or name one of {', '.join(stages())}"
    )
