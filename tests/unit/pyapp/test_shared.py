"""The pure modules' unit tests, on CPython. tests/browser/test_app_micropython.py runs the same files in the browser.

A shared file holds plain functions `test_*`, async or not, with plain asserts, in the Python that MicroPython knows. Here a
wait takes no time: where nothing else is to be done, the event loop's clock goes on to the next timer.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import selectors
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHARED = sorted(path.stem for path in Path(__file__).parent.glob("shared_*.py"))


def _tests() -> list[Any]:
    found = []
    for name in SHARED:
        module = importlib.import_module(f"tests.unit.pyapp.{name}")
        found += [
            pytest.param(function, id=f"{name}-{title}")
            for title, function in vars(module).items()
            if title.startswith("test_")
        ]
    return found


class _Selector(selectors.DefaultSelector):
    """Waits for nothing, and notes how long it was to wait."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now. Raises RuntimeError where nothing is and no timer runs: a test would wait for ever."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the test waits for what nothing will bring")
        if not ready:
            self.skipped += timeout or 0.0
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)

    def time(self) -> float:
        """Return the time in seconds, as if all waits had been waited."""
        return super().time() + self._waits.skipped


@pytest.mark.parametrize("test", _tests())
def test_on_cpython(test: Callable[[], Any]) -> None:
    result = test()
    if inspect.iscoroutine(result):
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(result)
