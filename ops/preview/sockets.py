"""Listening sockets on the loopback addresses, bound before anything is built: a port that is taken is known at once.

listen("127.0.0.1", 8000, "--port")      # raises UserError where it is taken: the option names another
listen_as_localhost(0, "--app-port")     # 0: any free port, the same one for IPv4 and IPv6
listen_to_both(8000, 8001)               # the workspace's and the app's: one error names all that are taken
"""

from __future__ import annotations

import socket
from functools import partial

from ops.errors import UserError

_TRIES = 10  # of finding a port that is free for both IPv4 and IPv6


def port_of(bound: socket.socket) -> int:
    """Return the port of a bound socket."""
    return int(bound.getsockname()[1])


def listen(host: str, port: int, option: str) -> socket.socket:
    """Return a listening socket. Raises UserError with the command's `option` for another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise UserError(
            f"port {port} of {host}",
            f"it cannot be used ({error.strerror})",
            f"stop what uses it, or name another with {option}",
        ) from None
    return made


def listen_to_both(port: int, app_port: int) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return the listening sockets of the workspace and of the app. Raises UserError that names each port that is taken."""
    made: list[list[socket.socket]] = []
    taken: list[UserError] = []
    for bind in (partial(_listen_alone, port), partial(listen_as_localhost, app_port, "--app-port")):
        try:
            made.append(bind())
        except UserError as error:
            taken.append(error)
    if not taken:
        return made[0], made[1]
    for bound in (each for sockets in made for each in sockets):
        bound.close()
    if len(taken) == 1:
        raise taken[0]
    raise UserError(
        " and ".join(error.subject for error in taken),
        f"they cannot be used: {taken[0].reason.partition('(')[2].rstrip(')')}",
        "stop what uses them, another preview perhaps, or take free ones with --port 0 --app-port 0",
    )


def _listen_alone(port: int) -> list[socket.socket]:
    return [listen("127.0.0.1", port, "--port")]


def listen_as_localhost(port: int, option: str) -> list[socket.socket]:
    """Listen on both addresses a browser may take localhost for: another server may listen on the other one."""
    try:
        listen("::1", 0, option).close()
    except UserError:
        return [listen("127.0.0.1", port, option)]  # this machine has no IPv6
    for attempt in range(1, _TRIES + 1):
        first = listen("127.0.0.1", port, option)
        try:
            return [first, listen("::1", port_of(first), option)]
        except UserError:
            first.close()
            if port or attempt == _TRIES:
                raise
    raise AssertionError("unreachable")
