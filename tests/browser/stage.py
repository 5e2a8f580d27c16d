"""A stage for tests of the app alone: the built app in the built local workspace, on two sites, without the flow.

    stage = Stage(settings)
    stage.attributes = {"Name": "Ana Torres", ...}     # what the flow would have put on the contact
    page.goto(stage.workspace)
    stage.command("offer", address="+12025550123", accept=True)

The app, its build, its response headers, the SDK, the workspace and its protocol are the real ones. Left out is what
runs before a contact reaches the agent (contact flow and Lambda: other tests have them), so that a test can put any
attribute value before the app. Listens on the loopback address only; `close()` ends it.
"""

from __future__ import annotations

import json
import queue
import threading
import uuid
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ops.build import Page, build_page, build_site
from ops.headers import response_headers
from ops.settings import ROOT, Settings

CRM_PAGE = b"<!doctype html><title>CRM</title><h1>CRM page</h1>"


class Refused(Exception):
    """The workspace did not do a command; says why."""


class _Files(SimpleHTTPRequestHandler):
    """Serves a folder; .mjs and .wasm with their types."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012  (as its base class has it)
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _App(_Files):
    """The app's origin: production's response headers on everything; some paths can be blocked."""

    def __init__(self, *arguments: Any, stage: Stage, **named: Any) -> None:
        self.stage = stage
        super().__init__(*arguments, directory=str(stage.app_folder), **named)

    def do_GET(self) -> None:
        blocked = any(part in self.path for part in self.stage.blocked)
        self.stage.requests.append(self.path)
        if blocked:
            self.send_error(403)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        for name, value in response_headers((self.stage.workspace_origin,)).items():
            self.send_header(name, value)
        self.send_header(
            "Cache-Control", "public, max-age=31536000, immutable" if "/assets/" in self.path else "no-cache"
        )
        super().end_headers()


class _Workspace(_Files):
    """The workspace's origin: its page, a CRM page, and what preview's server would answer to it."""

    def __init__(self, *arguments: Any, stage: Stage, **named: Any) -> None:
        self.stage = stage
        super().__init__(*arguments, directory=str(stage.workspace_folder), **named)

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/api/config":
            self._json(self.stage.config())
        elif path == "/api/events":
            self._events()
        elif path.startswith("/crm"):
            self._body(CRM_PAGE, "text/html")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/answers":
            self.stage.answers.put(body)
            self._json({})
        else:
            self._json(
                {
                    "attributes": self.stage.attributes,
                    "queue": {"name": "Sales", "arn": "arn:aws:connect:us-east-1:111122223333:instance/i/queue/q"},
                    "app": {"name": self.stage.settings.name, "path": ""},
                    "steps": [],
                    "error": None,
                }
            )

    def _json(self, value: Any) -> None:
        self._body(json.dumps(value).encode(), "application/json")

    def _body(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        commands: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.stage.listeners.append(commands)
        while True:
            try:
                command = commands.get(timeout=0.2)
                text = "" if command is None else f"event: command\ndata: {json.dumps(command)}\n\n"
            except queue.Empty:
                text = ": still here\n\n"  # a comment: finds out when the page has gone
            try:
                self.wfile.write(text.encode())
                self.wfile.flush()
            except OSError:
                return
            if not text:
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that goes away in the middle of an answer is no error."""


class Stage:
    """The two servers; `settings` are the page's."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.app_folder, self.workspace_folder = folder / "app", folder / "workspace"
        self.attributes: dict[str, str] = {}
        self.blocked: list[str] = []
        self.requests: list[str] = []
        self.listeners: list[queue.Queue[dict[str, Any] | None]] = []
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._workspace = _serve(partial(_Workspace, stage=self))
        self._app = _serve(partial(_App, stage=self))
        self.workspace_origin = f"http://127.0.0.1:{self._workspace.server_port}"
        self.workspace = self.workspace_origin + "/"
        self.app = f"http://localhost:{self._app.server_port}/"
        self.build(settings)

    def build(self, settings: Settings) -> None:
        """Build both pages; the app's CRM is this stage's."""
        self.settings = settings.with_local_crm(self.workspace_origin)
        build_site(self.settings, self.app_folder)
        web = ROOT / "web" / "workspace"
        page = Page(web, "index.html", "workspace.css", web, {}, "polyscript", uses_sdk=False)
        build_page(page, self.workspace_folder)

    def config(self) -> dict[str, Any]:
        """Give what preview's server tells the workspace."""
        frame = self.settings.iframe
        return {
            "app": {
                "name": self.settings.name,
                "url": self.app,
                "scope": frame.scope,
                "sandbox": list(frame.sandbox),
                "allow": list(frame.allow),
                "permissions": list(self.settings.permissions),
            },
            "attributes": self.settings.attributes.by_role(),
            "customers": [],
            "crm": self.workspace + "crm/",
        }

    def command(self, name: str, /, **arguments: Any) -> Any:
        """Let the open workspace do one of its commands (web/workspace/commands.py); gives the result."""
        number = str(uuid.uuid4())
        for listener in self.listeners:
            listener.put({"id": number, "name": name, "args": arguments})
        while True:
            answer = self.answers.get(timeout=20)
            if answer["id"] == number:
                if "error" in answer:
                    raise Refused(answer["error"])
                return answer["result"]

    def left(self) -> None:
        """Forget the pages that listened: the browser context is closed."""
        for listener in self.listeners:
            listener.put(None)
        self.listeners.clear()

    def close(self) -> None:
        """Stop both servers."""
        self.left()
        for server in (self._workspace, self._app):
            server.shutdown()
            server.server_close()


def _serve(handler: Any) -> ThreadingHTTPServer:
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
