"""The pure modules' unit tests, on CPython. tests/browser/test_app_micropython.py runs the same files in the browser.

A shared file holds plain functions `test_*`, async or not, with plain asserts, in the Python that MicroPython knows.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
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


@pytest.mark.parametrize("test", _tests())
def test_on_cpython(test: Callable[[], Any]) -> None:
    result = test()
    if inspect.iscoroutine(result):
        asyncio.run(result)
