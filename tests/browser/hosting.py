"""Hosts built apps on sites of their own, each a context manager with the attribute `url` ("http://localhost:PORT/").

    PlainAppServer(folder)                                       # tests/browser/plain_app
    OwnCardsServer(folder, SOURCE, workspace_url, settings)      # the product's page with other cards

The plain app is built by the product's own build, with the real SDK and without the product's response headers: it stands for
any team's app. The product's page has production's headers, and may be framed by the workspace at `workspace_url`.

A port is used again for the next site, whose interpreter has the same name then: the browser need not compile it again.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from popdesk_api import contract

from ops.settings import ROOT, Settings
from ops.site.build import Page, app_page, build_page
from ops.site.headers import IMMUTABLE, response_headers
from tests.browser.kept_api import ApiFiles, KeptApi

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

    server: _Server
    _added: Mapping[str, str] = MappingProxyType({})
    _status = 0

    def parse_request(self) -> bool:
        """Read a request for what is served now, which may be another site than the connection was opened for."""
        site = self.server.site
        if not super().parse_request() or site is None:
            self.close_connection = True
            return False
        self.directory, self.api, self._added = str(site.folder), site.api, site.headers
        return True

    def send_response(self, code: int, message: str | None = None) -> None:
        self._status = code
        super().send_response(code, message)

    def end_headers(self) -> None:
        added = dict(self._added)
        if not getattr(self, "path", "").startswith(contract.PREFIX):  # none of what is no request
            named_by_content = self._status == 200 and self.path.startswith("/assets/")
            added["Cache-Control"] = IMMUTABLE if named_by_content else "no-store"
        for name, value in added.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Site(NamedTuple):
    folder: Path
    headers: dict[str, str]
    api: KeptApi | None


class _Server(ThreadingHTTPServer):
    """Serves `site`, and closes every connection while that is None."""

    daemon_threads = True
    site: _Site | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that goes away in the middle of an answer."""


_idle: list[_Server] = []


class _Hosted:
    """Serves a folder on a port of the loopback address from the start to the end of a `with` block."""

    def __init__(self, folder: Path, headers: dict[str, str], api: KeptApi | None = None) -> None:
        self._site = _Site(folder, headers, api)
        if _idle:
            self._server = _idle.pop()
        else:
            self._server = _Server(("127.0.0.1", 0), _Files)
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._server.site = self._site
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.site = None
        _idle.append(self._server)


class PlainAppServer(_Hosted):
    """Builds the app into `folder` and serves it on a free port of the loopback address; a context manager."""

    def __init__(self, folder: Path, headers: dict[str, str] | None = None) -> None:
        build_page(plain_app_page(), folder)
        super().__init__(folder, headers or {})


class OwnCardsServer(_Hosted):
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
        super().__init__(built.folder, response_headers((origin,)), api)
