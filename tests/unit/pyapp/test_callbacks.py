"""JavaScript calls with as many arguments as it likes, and MicroPython leaves out those at the end that are undefined.

So a function of one value may be called with none, which raises where nothing stands in for it. What the page gives to
JavaScript is held to that here by its source; tests/browser/test_app_micropython.py calls `browser.callback` from JavaScript.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.settings import ROOT

MODULES = sorted((ROOT / "pyapp").rglob("*.py"))
# What hands its arguments to JavaScript, which calls them: only `callback` makes a tolerant function of any.
HANDS_OVER = ("then", "addEventListener", "setTimeout", "setInterval", "onError", "onStart", "onStop", "create_proxy")


def _handed_over(tree: ast.Module) -> Iterator[tuple[int, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in HANDS_OVER:
                yield from ((node.lineno, argument) for argument in node.args)


def _needs_a_value(tree: ast.Module, handed: ast.expr) -> bool:
    """Return whether a function that is handed over as it is cannot be called with none, or not with any number."""
    if isinstance(handed, ast.Lambda):
        functions: list[ast.arguments] = [handed.args]
    elif isinstance(handed, ast.Name):
        named = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        functions = [node.args for node in named if node.name == handed.id]
    else:
        # A bound method comes by `callback` alone; a call (callback(...)) makes its own function.
        return isinstance(handed, ast.Attribute) and isinstance(handed.value, ast.Name) and handed.value.id == "self"
    return any(len(each.args) > len(each.defaults) or each.vararg is None for each in functions)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_what_javascript_calls_takes_any_number_of_values(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert [line for line, handed in _handed_over(tree) if _needs_a_value(tree, handed)] == []


def test_a_function_that_needs_a_value_would_be_seen() -> None:
    for source in (
        "promise.then(lambda value: value)",
        "create_proxy(self.tick)",
        "def heard(event):\n    pass\ntarget.addEventListener('click', heard)",
        "def heard(event=None):\n    pass\ntarget.addEventListener('click', heard)",
    ):
        tree = ast.parse(source)
        assert any(_needs_a_value(tree, handed) for _, handed in _handed_over(tree)), source
