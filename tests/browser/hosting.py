"""Hosts built apps on sites of their own, each a context manager with the attribute `url` ("http://localhost:PORT/").

    PlainAppServer(folder)                                       # tests/browser/plain_app
    OwnCardsServer(folder, SOURCE, workspace_url, settings)      # the product's page with other cards

The plain app is built by the product's own build, with the real SDK and without the product's response headers: it stands for
any team's app. The product's page has production's headers, and may be framed by the workspace at `workspace_url`.
"""

from __future__ import annotations

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ops.settings import ROOT, Settings
from ops.site.build import Page, app_page, build_page
from ops.site.headers import response_headers
from tests.browser.kept_api import ApiFiles, KeptApi
from tests.loopback import Loopback

_HERE = Path(__file__).parent / "plain_app"


def plain_app_page() -> Page:
    """Return the plain app's page, for ops.site.build."""
    return Page(web=_HERE, html="index.html", css="app.css", python=_HERE, settings={}, uses_sdk=True)


class _Files(ApiFiles):
    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012  (as its base class has it)
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    headers_added: dict[str, str] = {}  # noqa: RUF012  (a class made for its headers, see _site)

    def end_headers(self) -> None:
        for name, value in self.headers_added.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that goes away in the middle of an answer."""


class PlainAppServer(Loopback):
    """Builds the app into `folder` and serves it on a free port of the loopback address; a context manager."""

    def __init__(self, folder: Path, headers: dict[str, str] | None = None) -> None:
        build_page(plain_app_page(), folder)
        super().__init__(_site(folder, headers or {}))
        self.url = f"http://localhost:{self._server.server_port}/"


class OwnCardsServer(Loopback):
    """Builds the product's page into `folder` with `cards` as its cards.py, and with these settings.

    `actions` is its actions.py, and `api` answers below /api/.
    """

    def __init__(
        self,
        folder: Path,
        cards: str,
        workspace_url: str,
        settings: Settings,
        actions: str = "",
        api: KeptApi | None = None,
    ) -> None:
        python, origin = folder / "pyapp", workspace_url.rstrip("/")
        shutil.copytree(ROOT / "pyapp", python, ignore=shutil.ignore_patterns("__pycache__"))
        (python / "cards.py").write_text(cards, "utf-8")
        if actions:
            (python / "actions.py").write_text(actions, "utf-8")
        built = build_page(app_page(settings.with_local_crm(origin), python), folder / "site")
        super().__init__(_site(built.folder, response_headers((origin,)), api))
        self.url = f"http://localhost:{self._server.server_port}/"


def _site(folder: Path, headers: dict[str, str], api: KeptApi | None = None) -> _Server:
    handler = type("_FilesWithHeaders", (_Files,), {"headers_added": headers, "api": api})
    return _Server(("127.0.0.1", 0), partial(handler, directory=str(folder)))
