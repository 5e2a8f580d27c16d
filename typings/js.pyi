"""The browser's globals, as MicroPython's module `js` offers them: whatever there is, by name."""

from typing import Any

def __getattr__(name: str) -> Any: ...
