"""MicroPython's module `jsffi`: what passes between Python and JavaScript."""

from collections.abc import Callable
from typing import Any

def create_proxy(value: Callable[..., Any]) -> Any: ...
def to_js(value: Any) -> Any: ...
