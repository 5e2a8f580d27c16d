"""Serves Starlette applications from a thread of this process, on sockets that are bound already.

serving = Serving()
serving.loop                                    # their event loop, for what answers later
serving.add(site, [listen("127.0.0.1", 0, "--port")])
serving.start()                                 # raises UserError where they do not start
serving.stop()                                  # closes the sockets too, whether it was started or not
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette

from ops.errors import UserError

if TYPE_CHECKING:
    from ssl import SSLContext

_START_SECONDS = 20
_STOP_SECONDS = 10


class Serving:
    """Some servers on one event loop."""

    def __init__(self) -> None:
        self.loop = _new_loop()
        self._servers: list[tuple[uvicorn.Server, list[socket.socket]]] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="preview", daemon=True)

    def add(self, site: Starlette, sockets: list[socket.socket], tls: SSLContext | None = None) -> None:
        """Serve an application on these sockets, over TLS where it is given."""
        config = uvicorn.Config(
            site,
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=1,
            access_log=False,
            proxy_headers=False,  # nothing stands between a browser and this server
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        self._servers.append((_Server(config), sockets))

    def start(self) -> None:
        """Start them. Raises UserError."""
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise UserError("preview", "its server did not start", "try again with other ports")

    def stop(self) -> None:
        """Stop them, and close the sockets."""
        if self._thread.is_alive():
            for server, _ in self._servers:
                server.should_exit = True
            self._thread.join(_STOP_SECONDS)
        elif not self.loop.is_closed():
            self.loop.close()
        for _, sockets in self._servers:
            for open_socket in sockets:
                open_socket.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._run_servers())
        self.loop.close()

    async def _run_servers(self) -> None:
        serving = [asyncio.create_task(server.serve(sockets)) for server, sockets in self._servers]
        while not all(server.started for server, _ in self._servers):
            await asyncio.sleep(0.005)
        self._started.set()
        await asyncio.gather(*serving)


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop, made in a thread: signals are the main thread's, and one that is half made cannot be closed."""
    made: list[asyncio.AbstractEventLoop] = []
    maker = threading.Thread(target=lambda: made.append(asyncio.new_event_loop()))
    maker.start()
    maker.join()
    return made[0]


class _Server(uvicorn.Server):
    """A server that leaves the signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: Ctrl-C belongs to deploy.py."""
        yield
