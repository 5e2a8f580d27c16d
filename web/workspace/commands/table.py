"""The one table of commands. Pure.

    @command("accept", "contact")
    def accept(context, contact=""):
        ...

    COMMANDS["accept"].parameters      # -> ("contact",)

A command's function takes the context (commands/runner.py, `Commands`) and its parameters, and may be async. The names are
written beside the signature because MicroPython keeps none; a test compares the two. The first parameter is the one that
the page's address gives without a name.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Command:
    """One command: its name, its parameters' names, and the function that does it."""

    def __init__(self, name: str, parameters: tuple[str, ...], function: "Callable[..., Any]") -> None:
        self.name = name
        self.parameters = parameters
        self.function = function


COMMANDS: dict[str, Command] = {}


def command(name: str, *parameters: str) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    """Put the decorated function into the table."""

    def register(function: "Callable[..., Any]") -> "Callable[..., Any]":
        COMMANDS[name] = Command(name, parameters, function)
        return function

    return register
