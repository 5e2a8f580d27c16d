"""All of Popdesk on one machine: the local agent workspace, the app, the contact flow, the Lambda and a sample CRM.

    with Preview(load_settings, port=0, app_port=0) as preview:     # 0: any free port
        preview.workspace_url       # "http://127.0.0.1:PORT/": the workspace; /crm/ the sample CRM; /api/ what the page asks
        preview.app_url             # "http://localhost:PORT/": the app, another site, as in production
        preview.command("offer", customer="C-1001")     # what the buttons do, for scenarios and tests (ops/scenario.py)

Bound to the loopback addresses only. The app is served with production's headers (ops/headers.py). `watch=True` rebuilds
on a change and tells the workspace to reload; a build that fails is told too, and the last good one goes on being served.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import mimetypes
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
import watchfiles
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from ops import flows
from ops.build import Page, build_page, build_site
from ops.errors import Trouble
from ops.flow_runner import Contact, Runner
from ops.headers import response_headers
from ops.lambda_zip import LAMBDA_HANDLER, build_lambda_zip
from ops.local_lambda import LocalLambda
from ops.sample_crm import sample_crm
from ops.settings import ROOT, Settings

SAMPLE_CUSTOMERS = ROOT / "lambda" / "sample_customers.json"
_QUEUE = "arn:aws:connect:us-east-1:111122223333:instance/00000000-0000-4000-8000-000000000001/queue/local"
_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".pack": "application/octet-stream",
}
_WORKSPACE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self'; "
    "connect-src 'self'; frame-src http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STOP = "stop"


def workspace_page() -> Page:
    """Give the local agent workspace's page."""
    folder = ROOT / "web" / "workspace"
    return Page(
        web=folder,
        html="index.html",
        css="workspace.css",
        python=folder,
        settings={},
        runtime="polyscript",
        uses_sdk=False,
    )


@dataclass
class _Site:
    """The files of one built page, in memory: a rebuild replaces them in one step."""

    files: dict[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> _Site:
        paths = (path for path in folder.rglob("*") if path.is_file())
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    def answer(self, path: str, headers: dict[str, str]) -> Response:
        name = path.lstrip("/") or "index.html"
        content = self.files.get(name)
        if content is None:
            return Response("Not found\n", 404, headers, "text/plain")
        kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        caching = "no-cache" if name == "index.html" else "public, max-age=31536000, immutable"
        return Response(content, 200, {**headers, "Cache-Control": caching}, kind)


class Preview:
    """Everything, started and stopped together; a context manager.

    `settings_source` reads the settings, again on every change. `port` and `app_port`: 0 for any free one. `tell` gets
    a sentence for the terminal now and then, `log` each line that the Lambda logs.
    """

    def __init__(
        self,
        settings_source: Callable[[], Settings],
        *,
        port: int = 0,
        app_port: int = 0,
        watch: bool = False,
        tell: Callable[[str], None] = lambda _: None,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._source = settings_source
        self._watch = watch
        self._tell = tell
        self._log = log
        self._sockets = [_listen("127.0.0.1", port, "--port")]
        self.workspace_url = f"http://127.0.0.1:{_port(self._sockets[0])}/"
        self._app_sockets = [_listen("127.0.0.1", app_port, "--app-port")]
        self.app_url = f"http://localhost:{_port(self._app_sockets[0])}/"
        # A browser may take localhost for ::1.
        with contextlib.suppress(Trouble):
            self._app_sockets.append(_listen("::1", _port(self._app_sockets[0]), "--app-port"))
        self._folder = Path(tempfile.mkdtemp(prefix="popdesk-preview-"))
        self._listeners: set[asyncio.Queue[tuple[str, str]]] = set()
        self._waiting: dict[str, Future[Any]] = {}
        self._asked = 0
        self._problem: dict[str, str] | None = None
        self._lambda: LocalLambda | None = None
        self._stopping = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="preview", daemon=True)
        self._ready = threading.Event()
        self._page_here = threading.Event()

    def __enter__(self) -> Preview:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- starting and stopping ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build everything and serve it. Raises Trouble when the first build fails."""
        try:
            self._build_all()
        except Trouble:
            self.stop()
            raise
        self._thread.start()
        if not self._ready.wait(20):
            raise Trouble("preview", "its server did not start", "try again with other ports")
        if self._watch:
            threading.Thread(target=self._follow_changes, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Stop serving, end the Lambda, remove what was built."""
        self._stopping.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._shut)
            self._thread.join(10)
        for open_socket in (*self._sockets, *self._app_sockets):
            open_socket.close()
        if self._lambda is not None:
            self._lambda.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run_servers())
        self._loop.close()

    async def _run_servers(self) -> None:
        def server(app: Starlette) -> uvicorn.Server:
            config = uvicorn.Config(
                app, log_level="error", lifespan="off", timeout_graceful_shutdown=1, access_log=False
            )
            return _Quiet(config)

        self._servers = [server(self._workspace_app()), server(self._app_app())]
        serving = [
            asyncio.create_task(self._servers[0].serve(self._sockets)),
            asyncio.create_task(self._servers[1].serve(self._app_sockets)),
        ]
        while not all(one.started for one in self._servers):
            await asyncio.sleep(0.005)
        self._ready.set()
        await asyncio.gather(*serving)

    def _shut(self) -> None:
        self._send(_STOP, {})
        for server in self._servers:
            server.should_exit = True

    # -- building ----------------------------------------------------------------------------------------------------------

    def _build_all(self) -> None:
        self._build_workspace()
        self._build_app()
        self._build_flow()

    def _read_settings(self) -> Settings:
        settings = self._source().with_local_crm(self.workspace_url.rstrip("/"))
        if settings.lookup.adapter != "sample":
            self._tell(f'lookup.adapter is "{settings.lookup.adapter}"; preview looks customers up in the sample file')
            settings = settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"adapter": "sample"})})
        return settings

    def _build_workspace(self) -> None:
        self._workspace = _Site.read(build_page(workspace_page(), self._folder / "workspace").folder)

    def _build_app(self) -> None:
        self._settings = self._read_settings()
        self._app = _Site.read(build_site(self._settings, self._folder / "app").folder)
        self._app_headers = response_headers((self.workspace_url.rstrip("/"),))

    def _build_flow(self) -> None:
        self._settings = settings = self._read_settings()
        self._customers: list[dict[str, str]] = json.loads(SAMPLE_CUSTOMERS.read_text("utf-8"))
        package = build_lambda_zip(settings, self._folder / "lambda.zip")
        function = LocalLambda(package, LAMBDA_HANDLER, self._log)
        function.start()
        main = flows.main_flow(settings, lambda_arn="local:lambda", guide_flow_arn="local:guide", queue_arn=_QUEUE)
        guide = flows.guide_flow(settings, view_arn="local:view")
        wrong = [*flows.problems(main), *flows.problems(guide)]
        if wrong:
            raise Trouble("ops/flows.py", "Amazon Connect would refuse the flows: " + "; ".join(wrong), "mend them")
        self._runner = Runner(
            flows={"local:main": main, "local:guide": guide},
            views={"local:view": flows.view(settings)},
            queues={_QUEUE: settings.aws.queue},
            invoke=function.invoke,
        )
        old, self._lambda = self._lambda, function
        if old is not None:
            old.close()

    def _follow_changes(self) -> None:
        folders = [ROOT / name for name in ("web", "pyapp", "lambda", "ops", "pyproject.toml")]
        for changes in watchfiles.watch(*folders, stop_event=self._stopping, watch_filter=_Sources(), debounce=200):
            self._rebuild({Path(path) for _, path in changes})

    def _rebuild(self, changed: set[Path]) -> None:
        parts = {_part(path) for path in changed}
        try:
            if "settings" in parts:
                parts |= {"app", "flow"}
            if "flow" in parts:
                importlib.reload(flows)
                self._build_flow()
            if "app" in parts:
                self._build_app()
            if "workspace" in parts:
                self._build_workspace()
        except Trouble as trouble:
            self._problem = {"thing": trouble.thing, "reason": trouble.reason, "remedy": trouble.remedy}
            self._tell(f"{trouble.thing}: {trouble.reason}. {trouble.remedy}")
            self._send_soon("problem", self._problem)
            return
        except SyntaxError as error:  # a flow that is being edited
            self._problem = {"thing": "ops/flows.py", "reason": str(error), "remedy": "mend that line"}
            self._send_soon("problem", self._problem)
            return
        if self._problem is not None:
            self._problem = None
            self._send_soon("mended", {})
        for part in ("flow", "app", "workspace"):
            if part in parts:
                self._tell(f"{part} rebuilt")
                self._send_soon("reload", {"what": part})
        if "tools" in parts:
            self._tell("a file of ops/ changed: start preview again to use it")

    # -- the two servers ----------------------------------------------------------------------------------------------------

    def _workspace_app(self) -> Starlette:
        headers = {
            "Content-Security-Policy": _WORKSPACE_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }

        async def page(request: Request) -> Response:
            return self._workspace.answer(request.url.path, headers)

        async def crm(scope: Any, receive: Any, send: Any) -> None:
            await sample_crm(self._customers)(scope, receive, send)

        return Starlette(
            routes=[
                Route("/api/config", self._config),
                Route("/api/offer", self._offer, methods=["POST"]),
                Route("/api/events", self._events),
                Route("/api/answers", self._answered, methods=["POST"]),
                Mount("/crm", crm),
                Route("/{path:path}", page),
            ],
            # Another name that resolves to this machine must not reach it (DNS rebinding).
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])],
            exception_handlers={ValueError: _bad_request, KeyError: _bad_request},
        )

    def _app_app(self) -> Starlette:
        async def page(request: Request) -> Response:
            return self._app.answer(request.url.path, self._app_headers)

        return Starlette(
            routes=[Route("/{path:path}", page)],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])],
        )

    async def _config(self, request: Request) -> Response:
        del request
        settings = self._settings
        return JSONResponse(
            {
                "app": {
                    "name": settings.name,
                    "url": self.app_url,
                    "scope": settings.iframe.scope,
                    "sandbox": settings.iframe.sandbox,
                    "allow": settings.iframe.allow,
                    "permissions": settings.permissions,
                },
                "attributes": settings.attributes.by_role(),
                "customers": self._customers,
                "crm": settings.crm.home,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _offer(self, request: Request) -> Response:
        self._refuse_strangers(request)
        body = await request.json()
        given = body["contact"]
        endpoint = given.get("customerEndpoint")
        contact = Contact(
            contact_id=str(given["contactId"]),
            initial_id=str(given.get("initialContactId") or given["contactId"]),
            channel=str(given["channel"]),
            subtype=str(given.get("subtype") or ""),
            endpoint={"address": str(endpoint["address"]), "type": str(endpoint["type"])} if endpoint else None,
            attributes={str(name): str(value) for name, value in (given.get("attributes") or {}).items()},
        )
        outcome = await run_in_threadpool(self._runner.run, "local:main", contact, str(body.get("typed") or ""))
        return JSONResponse(outcome.as_json())

    async def _events(self, request: Request) -> Response:
        del request
        mine: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._listeners.add(mine)
        if self._problem is not None:
            mine.put_nowait(("problem", json.dumps(self._problem)))
        self._page_here.set()

        async def stream() -> AsyncIterator[str]:
            try:
                yield ": here\n\n"
                while True:
                    kind, data = await mine.get()
                    if kind == _STOP:
                        return
                    yield f"event: {kind}\ndata: {data}\n\n"
            finally:
                self._listeners.discard(mine)

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _answered(self, request: Request) -> Response:
        self._refuse_strangers(request)
        body = await request.json()
        waiting = self._waiting.pop(str(body["id"]), None)
        if waiting is not None and not waiting.done():
            if "error" in body:
                waiting.set_exception(CommandFailed(str(body["error"])))
            else:
                waiting.set_result(body.get("result"))
        return Response(status_code=204)

    def _refuse_strangers(self, request: Request) -> None:
        origin = request.headers.get("origin")
        if origin is not None and origin != self.workspace_url.rstrip("/"):
            raise ValueError("this address is for the workspace's own page")

    # -- telling the page ----------------------------------------------------------------------------------------------------

    def command(self, command: str, /, *, seconds: float = 30.0, **arguments: Any) -> Any:
        """Let the workspace's page do a command (web/workspace/commands.py) and give its result.

        Waits for a page to be open. Raises CommandFailed with the page's words, Trouble when no page answers.
        """
        if not self._page_here.wait(seconds):
            raise Trouble("The workspace", "no browser has it open", f"open {self.workspace_url}")
        self._asked += 1
        number = str(self._asked)
        answer: Future[Any] = Future()
        self._waiting[number] = answer
        self._send_soon("command", {"id": number, "name": command, "args": arguments})
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._waiting.pop(number, None)
            raise Trouble("The workspace", f"it did not do {command} within {seconds:g} s", "look at its page") from None

    def forget_page(self) -> None:
        """Wait for a new page before the next command: the one that was open is being closed."""
        self._page_here.clear()

    def _send_soon(self, kind: str, data: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._send, kind, data)

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.put_nowait((kind, json.dumps(data)))


class CommandFailed(Exception):
    """A command that the workspace's page refused; its text is for people."""


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Capture none: Ctrl-C belongs to deploy.py."""
        yield


class _Sources(watchfiles.DefaultFilter):
    """What a person edits: not what builds and tools write."""

    ignore_dirs = (*watchfiles.DefaultFilter.ignore_dirs, ".mypy_cache", ".ruff_cache")

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        return super().__call__(change, path) and Path(path).suffix in {
            ".py",
            ".html",
            ".css",
            ".json",
            ".toml",
            ".svg",
        }


def _part(path: Path) -> str:
    """Say which part a changed file belongs to."""
    inside = path.relative_to(ROOT).as_posix()
    if inside == "pyproject.toml":
        return "settings"
    if inside.startswith("lambda/") or inside == "ops/flows.py":
        return "flow"
    if inside.startswith("web/workspace/"):
        return "workspace"
    if inside.startswith("web/crm/"):
        return "crm"
    return "tools" if inside.startswith("ops/") else "app"


def _listen(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise Trouble(
            f"port {port} of {host}",
            f"it cannot be used ({error.strerror})",
            f"stop what uses it, or name another with {option}",
        ) from None
    return made


def _port(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


def _bad_request(request: Request, error: Exception) -> Response:
    del request
    return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
