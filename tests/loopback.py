"""A test's own server on the loopback address, for as long as a `with` block.

class Hello(Loopback):
    def __init__(self) -> None:
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
"""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Loopback:
    """Serves with `server` in a thread of its own."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server

    def __enter__(self) -> Self:
        # Looks often whether it is to end: whoever leaves the block waits for that.
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
