"""Does commands by name. Pure.

    commands = Commands(apps, flow, page)
    await commands.command("offer", {"customer": "C-1001", "channel": "VOICE"})     # -> {"contactId": "..."}
    await commands.command("accept", {})                                            # the selected contact

A command that cannot be done raises NotPossible with a sentence for people. Results are plain JSON values.
"""

from commands.arguments import read_argument, shortened
from commands.table import COMMANDS
from model.desk import NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Protocol

    from model.contact import Contact
    from protocol.apps import Apps

    class Panels(Protocol):
        """What commands show on the page (panels/page.py)."""

        def open_panel(self, name: str = "", filter: str | None = None) -> None:
            """Open a panel by name, or close it for ""."""


class Commands:
    """The commands, and what they work on.

    `flow(contact, typed)` runs the contact flow and returns the answer of POST /api/offer. `config` is the preview server's
    /api/config, {} before it is known.
    """

    def __init__(
        self, apps: "Apps", flow: "Callable[[Contact, str], Awaitable[dict[str, Any]]]", page: "Panels"
    ) -> None:
        self.apps = apps
        self.desk = apps.desk
        self.faults = apps.faults
        self.log = apps.log
        self.flow = flow
        self.page = page
        self.config: dict[str, Any] = {}
        self.opened_ms = 0.0
        # Tells the preview server of the API's faults, which are its to have; where there is no server, nobody.
        self.send_api_faults: Callable[[dict[str, Any]], Awaitable[Any]] | None = None

    async def tell_api_faults(self) -> None:
        """Tell the preview server what goes wrong with the API now."""
        if self.send_api_faults is not None:
            await self.send_api_faults(self.faults.api)

    async def command(self, name: str, args: "dict[str, Any]") -> "Any":
        """Do one command; return its result. Raises NotPossible for an unknown command, argument or state."""
        if not isinstance(name, str) or name not in COMMANDS:
            raise no_command(name)
        command = COMMANDS[name]
        if not isinstance(args, dict):
            raise NotPossible(name + " takes an object of arguments, not " + shortened(args))
        given = {}
        for key in args:
            if key not in command.parameters:
                takes = ", ".join(command.parameters) or "nothing"
                raise NotPossible(name + " takes no " + shortened(key) + "; it takes " + takes)
            given[key] = read_argument(name, key, args[key])
        result = command.function(self, **given)
        if hasattr(result, "send") or hasattr(result, "__await__"):
            result = await result
        self.desk.on_change()
        return result


def no_command(name: "Any") -> NotPossible:
    """Return the error for a name that is no command's."""
    return NotPossible("there is no command " + shortened(name) + "; there are " + ", ".join(sorted(COMMANDS)))
