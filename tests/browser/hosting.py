"""Hosts the plain app (tests/browser/plain_app) on a site of its own, for the tests of the local agent workspace.

    with PlainAppServer(folder) as server:
        server.url          # "http://localhost:PORT/"

The app is built by the product's own build, with the real SDK and without the product's response headers: it stands for any
team's app.
"""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ops.site.build import Page, build_page
from tests.loopback import Loopback

_HERE = Path(__file__).parent / "plain_app"


def plain_app_page() -> Page:
    """Give the plain app's page, for ops.site.build."""
    return Page(web=_HERE, html="index.html", css="app.css", python=_HERE, settings={}, uses_sdk=True)


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012  (as its base class has it)
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that goes away in the middle of an answer."""


class PlainAppServer(Loopback):
    """Builds the app into `folder` and serves it on a free port of the loopback address; a context manager."""

    def __init__(self, folder: Path) -> None:
        build_page(plain_app_page(), folder)
        super().__init__(_Server(("127.0.0.1", 0), partial(_Files, directory=str(folder))))
        self.url = f"http://localhost:{self._server.server_port}/"
