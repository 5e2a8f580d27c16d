"""Reads commands from the query of the page's address. Pure.

    from_address("?latency=50&offer=C-1001,channel:CHAT&accept")
    # -> [("latency", {"ms": "50"}), ("offer", {"customer": "C-1001", "channel": "CHAT"}), ("accept", {})]

Each parameter is a command, and they are done in their order. Its value is the command's first argument, then NAME:VALUE
pairs after commas where NAME is one of the command's. Several as JSON: do=[["offer", {"channel": "CHAT"}], ...].
"""

from commands.arguments import is_json, shortened
from commands.runner import no_command
from commands.table import COMMANDS
from model.desk import NotPossible
from protocol import untrusted_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_COMMANDS = 100  # in one address


def from_address(query: str) -> "list[tuple[str, dict[str, Any]]]":
    """Return the commands of an address's query: [(name, arguments), ...]. Raises NotPossible for what is no command.

    The arguments are as they stand in the address: `Commands.command` reads them.
    """
    found = []
    for part in query.lstrip("?").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = decode(name)
        if name == "do":
            found += _several(value)
        else:
            found.append((name, _arguments(name, value)))
    if len(found) > MOST_COMMANDS:
        raise NotPossible("it holds " + str(len(found)) + " commands; at most " + str(MOST_COMMANDS) + " are done")
    return found


def _several(value: str) -> "list[tuple[str, Any]]":
    text = decode(value)
    listed = _json(text)
    if not isinstance(listed, list):
        raise NotPossible("do= holds no list of [name, {arguments}]: " + shortened(text))
    for each in listed:
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[0], str) and isinstance(each[1], dict)):
            raise NotPossible("do= holds what is no [name, {arguments}]: " + shortened(each))
    return [(name, args) for name, args in listed]


def _arguments(name: str, value: str) -> "Any":
    if name not in COMMANDS:
        raise no_command(name)
    names = COMMANDS[name].parameters
    if not value:
        return {}
    if not names:
        raise NotPossible(name + " takes nothing")
    if decode(value).startswith("{"):
        return _json(decode(value))
    args: dict[str, str] = {}
    last = names[0]
    for piece in value.split(","):
        key, colon, text = piece.partition(":")
        if colon and key in names:
            last = key
            args[key] = text
        elif last in args:
            args[last] += "," + piece  # the comma was the value's own
        else:
            args[last] = piece
    return {key: _json(decode(args[key])) if is_json(key) else decode(args[key]) for key in args}


def _json(text: str) -> "Any":
    try:
        return untrusted_json.read(text)
    except ValueError as error:
        raise NotPossible("this cannot be read, " + str(error) + ": " + shortened(text))


def decode(text: str) -> str:
    """Percent-decode a part of an address; a + stays a + (telephone numbers begin with one). Raises NotPossible."""
    if "%" not in text:
        return text
    pieces = text.split("%")
    out = bytearray(pieces[0].encode())
    for piece in pieces[1:]:
        try:
            out.append(int(piece[:2], 16))
            out.extend(piece[2:].encode())
        except ValueError:
            out.extend(b"%" + piece.encode())
    try:
        return out.decode()
    except UnicodeError:
        raise NotPossible("this is not UTF-8: " + shortened(text))
