"""Sends what the page's Python prints to the workspace, whose log and preview's terminal show it.

It runs on MicroPython, in the pages that preview builds: a release has no such module, and prints to the browser's console.
"""

import builtins

if False:
    from typing import Any


def tell(workspace: "Any") -> None:
    """Send what is printed from now on to `workspace` (popdesk/connect.py), beside the console."""
    console = print

    def to_both(*values: "Any", **options: "Any") -> None:
        console(*values, **options)
        if "file" not in options:
            text = options.get("sep", " ").join([str(value) for value in values])
            workspace.log("info", "print", {"text": text})

    builtins.print = to_both
