"""All of Popdesk on one machine: the local agent workspace, the app, the contact flow, the Lambda and a sample CRM.

    with Preview(load_settings, port=0, app_port=0) as preview:     # 0: any free port
        preview.workspace_url       # "http://127.0.0.1:PORT/": the workspace; /crm/ the sample CRM; /api/ what the page asks
        preview.app_url             # "http://localhost:PORT/": the app, another site, as in production
        preview.command("offer", customer="C-1001")     # what the buttons do, for scenarios and tests (ops/preview/scenario.py)

Bound to the loopback addresses only. The app is served with production's headers (ops/site/headers.py). `watch=True` rebuilds
on a change and tells the workspace to reload; a build that fails is told too, and the last good one goes on being served.
A command goes to the page that was opened last, so that a second tab does not do it once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import mimetypes
import shutil
import socket
import tempfile
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import uvicorn
import watchfiles
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from ops import LOOKUP
from ops.errors import UserError
from ops.flows import definitions as flows
from ops.flows.runner import INSTANCE, Contact, Runner
from ops.preview.guard import Guard
from ops.preview.local_lambda import LocalLambda
from ops.preview.sample_crm import sample_crm
from ops.preview.scenario import CommandFailed
from ops.settings import ALLOW, ROOT, SANDBOX, Settings
from ops.site.build import Page, make_page, make_site
from ops.site.contents import Site
from ops.site.headers import response_headers
from ops.site.lambda_zip import LAMBDA_HANDLER, build_lambda_zip

SAMPLE_CUSTOMERS = LOOKUP / "adapters" / "sample.json"
_QUEUE = f"{INSTANCE}/queue/local"
_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".pack": "application/octet-stream",
}
# The workspace frames the app and, with /?app=URL, any app on this machine or served over https.
_WORKSPACE_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src http://localhost:* http://127.0.0.1:* https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PARTS = ("flow", "app", "workspace")
_STOP = "stop"


def workspace_page() -> Page:
    """Return the local agent workspace's page."""
    folder = ROOT / "web" / "workspace"
    return Page(
        web=folder,
        html="index.html",
        css="workspace.css",
        python=folder,
        settings={},
        uses_sdk=False,
    )


@dataclass
class _Site:
    """The files of one built page, in memory: a rebuild replaces them in one step."""

    files: dict[str, bytes]

    def answer(self, path: str, headers: dict[str, str]) -> Response:
        name = path.lstrip("/") or "index.html"
        content = self.files.get(name)
        if content is None:
            return Response("Not found\n", 404, headers, "text/plain")
        kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        caching = "no-cache" if name == "index.html" else "public, max-age=31536000, immutable"
        return Response(content, 200, {**headers, "Cache-Control": caching}, kind)


class _OfferedContact(BaseModel):
    """The contact that the page offers; a number given as an attribute is taken as its text."""

    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True)

    contact_id: str
    initial_contact_id: str | None = None
    channel: Literal["VOICE", "CHAT", "TASK", "EMAIL"]
    subtype: str | None = None
    customer_endpoint: dict[Literal["address", "type"], str] | None = None
    attributes: dict[str, str] | None = None


class _Offer(BaseModel):
    """What POST /api/offer takes; `typed` is what the caller enters when the flow asks."""

    contact: _OfferedContact
    typed: str | None = None


class _Answer(BaseModel):
    """What POST /api/answers takes: the page's answer to a command."""

    id: str
    result: Any = None
    error: str | None = None


@dataclass(eq=False)
class _OpenPage:
    """A workspace page that listens to /api/events, and the commands it has not answered yet."""

    events: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    asked: set[str] = field(default_factory=set)


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
        try:
            self._app_sockets = _listen_as_localhost(app_port, "--app-port")
        except UserError:
            self._sockets[0].close()
            raise
        self.app_url = f"http://localhost:{_port(self._app_sockets[0])}/"
        self._folder = Path(tempfile.mkdtemp(prefix="popdesk-preview-"))
        self._pages: list[_OpenPage] = []
        self._waiting: dict[str, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._stale: set[str] = set()  # parts whose last build failed
        self._problems: dict[str, dict[str, str]] = {}
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
        """Build everything and serve it. Raises UserError when the first build fails."""
        try:
            for part in _PARTS:
                self._build(part)
        except BaseException:
            self.stop()
            raise
        self._thread.start()
        if not self._ready.wait(20):
            raise UserError("preview", "its server did not start", "try again with other ports")
        if self._watch:
            threading.Thread(target=self._follow_changes, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Stop serving, end the Lambda, remove what was built."""
        self._stopping.set()
        if self._lambda is not None:
            self._lambda.close(now=True)  # a contact in its flow waits for it no longer
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._shut)
            self._thread.join(10)
        elif not self._loop.is_closed():
            self._loop.close()
        for open_socket in (*self._sockets, *self._app_sockets):
            open_socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run_servers())
        self._loop.close()

    async def _run_servers(self) -> None:
        def server(app: Starlette) -> uvicorn.Server:
            config = uvicorn.Config(
                app,
                log_level="error",
                lifespan="off",
                timeout_graceful_shutdown=1,
                access_log=False,
                proxy_headers=False,  # nothing stands between a browser and this server
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
        self._tell_all(_STOP, {})
        for server in self._servers:
            server.should_exit = True

    def app_files(self) -> list[str]:
        """Return the paths of the app's files as they are served now, e.g. "index.html"."""
        return sorted(self._app.files)

    # -- building ----------------------------------------------------------------------------------------------------------

    def _build(self, part: str) -> None:
        {"flow": self._build_flow, "app": self._build_app, "workspace": self._build_workspace}[part]()

    def _read_settings(self) -> Settings:
        settings = self._source().with_local_crm(self.workspace_url.rstrip("/"))
        if settings.lookup.adapter != "sample":
            self._tell(f'lookup.adapter is "{settings.lookup.adapter}"; preview looks customers up in the sample file')
            settings = settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"adapter": "sample"})})
        return settings

    def _build_workspace(self) -> None:
        site = make_page(workspace_page())
        self._workspace = _Site(dict(site.contents))
        self._tell_notes("workspace", site)

    def _build_app(self) -> None:
        settings = self._read_settings()
        site = make_site(settings)
        self._app = _Site(dict(site.contents))
        self._tell_notes("app", site)
        self._app_headers = response_headers((self.workspace_url.rstrip("/"),))
        self._settings = settings

    def _tell_notes(self, part: str, site: Site) -> None:
        for note in site.notes:
            self._tell(f"{part}: {note}")

    def _build_flow(self) -> None:
        settings = self._read_settings()
        main = flows.main_flow(settings, lambda_arn="local:lambda", guide_flow_arn="local:guide", queue_arn=_QUEUE)
        guide = flows.guide_flow(settings, view_arn="local:view")
        wrong = [*flows.problems(main), *flows.problems(guide)]
        if wrong:
            raise UserError(
                "ops/flows/definitions.py", "Amazon Connect would refuse the flows: " + "; ".join(wrong), "fix them"
            )
        customers = json.loads(SAMPLE_CUSTOMERS.read_text("utf-8"))
        function = LocalLambda(build_lambda_zip(settings, self._folder / "lambda.zip"), LAMBDA_HANDLER, self._log)
        try:
            function.start()
        except UserError:
            function.close()
            raise
        self._customers: list[dict[str, str]] = customers
        self._runner = Runner(
            flows={"local:main": main, "local:guide": guide},
            views={"local:view": flows.view(settings)},
            queues={_QUEUE: settings.aws.queue},
            applications={settings.name},
            invoke=function.invoke,
        )
        old, self._lambda = self._lambda, function
        if old is not None:
            old.close()

    def _follow_changes(self) -> None:
        folders = [ROOT / name for name in ("web", "pyapp", "lambda", "ops", "pyproject.toml")]
        try:
            for changes in watchfiles.watch(*folders, stop_event=self._stopping, watch_filter=_Sources(), debounce=200):
                self.rebuild({Path(path) for _, path in changes})
        except (OSError, RuntimeError) as error:  # the system's limit of watched files
            self._tell(f"changes cannot be watched ({error}): start preview again after a change")

    def rebuild(self, changed: set[Path]) -> None:
        """Build anew what the changed files (absolute paths) belong to, and what failed before; tell the pages."""
        parts = {_part(path) for path in changed}
        wanted = self._stale | (parts & set(_PARTS)) | ({"flow", "app"} if "settings" in parts else set())
        built = []
        for part in (one for one in _PARTS if one in wanted):
            try:
                if part == "flow":
                    importlib.reload(flows)
                self._build(part)
            except Exception as error:
                # Whatever is wrong with what is being edited: it is told, and the last good build goes on being served.
                self._stale.add(part)
                self._problems[part] = _problem(error)
                self._tell("{subject}: {reason}. {hint}".format(**self._problems[part]))
                self._tell_soon("problem", self._problems[part])
            else:
                self._stale.discard(part)
                if self._problems.pop(part, None) and not self._problems:
                    self._tell_soon("fixed", {})
                built.append(part)
                self._tell(f"{part} rebuilt")
        if "settings" in parts and built:
            self._tell_soon("reload", {"what": "workspace"})  # it reads the settings as it starts
        else:
            for part in built:
                self._tell_soon("reload", {"what": part})
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

        async def to_crm(request: Request) -> Response:
            del request
            return RedirectResponse("/crm/")

        return Starlette(
            routes=[
                Route("/api/config", self._config),
                Route("/api/offer", self._offer, methods=["POST"]),
                Route("/api/events", self._events),
                Route("/api/answers", self._answered, methods=["POST"]),
                Route("/crm", to_crm),
                Mount("/crm", crm),
                Route("/{path:path}", page),
            ],
            # Another name that resolves to this machine must not reach it (DNS rebinding).
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"]),
                Middleware(Guard, origin=self.workspace_url.rstrip("/")),
            ],
            exception_handlers={ValidationError: _bad_request, ClientDisconnect: _gone},
        )

    def _app_app(self) -> Starlette:
        async def page(request: Request) -> Response:
            return self._app.answer(request.url.path, self._app_headers)

        return Starlette(
            routes=[Route("/{path:path}", page)],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"]),
                Middleware(Guard),
            ],
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
                "iframe": {"sandbox": SANDBOX, "allow": ALLOW},
                "attributes": settings.attributes.by_role(),
                "customers": self._customers,
                "crm": settings.crm.home,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _offer(self, request: Request) -> Response:
        offer = _Offer.model_validate_json(await request.body())
        given = offer.contact
        endpoint = given.customer_endpoint
        contact = Contact(
            contact_id=given.contact_id,
            initial_id=given.initial_contact_id or given.contact_id,
            channel=given.channel,
            subtype=given.subtype or "",
            endpoint={"address": endpoint["address"], "type": endpoint.get("type", "")}
            if endpoint and endpoint.get("address")
            else None,
            attributes=given.attributes or {},
        )
        outcome = await run_in_threadpool(self._runner.run, "local:main", contact, offer.typed or "")
        return JSONResponse(outcome.as_json())

    async def _events(self, request: Request) -> Response:
        if request.method == "HEAD":  # Starlette's routes answer it with GET's; it would be given the commands
            return Response(media_type="text/event-stream")
        page = _OpenPage()
        self._pages.append(page)
        for problem in self._problems.values():
            page.events.put_nowait(("problem", _as_json(problem)))
        self._page_here.set()

        async def stream() -> AsyncIterator[str]:
            try:
                yield ": here\n\n"
                while True:
                    kind, data = await page.events.get()
                    if kind == _STOP:
                        return
                    yield f"event: {kind}\ndata: {data}\n\n"
            finally:
                self._page_left(page)

        return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def _page_left(self, page: _OpenPage) -> None:
        self._pages.remove(page)
        if not self._pages:
            self._page_here.clear()
        for number in page.asked:
            self._settle(number, CommandFailed("the page was closed or loaded anew before it was done"))

    async def _answered(self, request: Request) -> Response:
        answer = _Answer.model_validate_json(await request.body())
        for page in self._pages:
            page.asked.discard(answer.id)
        self._settle(answer.id, answer.result if answer.error is None else CommandFailed(answer.error))
        return Response(status_code=204)

    def _settle(self, number: str, result: Any) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None or waiting.done():
            return
        if isinstance(result, CommandFailed):
            waiting.set_exception(result)
        else:
            waiting.set_result(result)

    # -- telling the page ----------------------------------------------------------------------------------------------------

    def wait_for_page(self) -> None:
        """Wait, for as long as it takes, until a browser has the workspace open."""
        self._page_here.wait()

    def command(self, command: str, /, *, seconds: float = 30.0, **arguments: Any) -> Any:
        """Let the page that was opened last do a command (web/workspace/commands/) and give its result.

        Waits for a page to be open. Raises CommandFailed with the page's words, or for an argument that is no JSON value;
        UserError when no page answers within `seconds`.
        """
        try:
            _as_json(arguments).encode()
        except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
            raise CommandFailed(f"{command} was not sent, an argument is no JSON value: {error}") from None
        if not self._page_here.wait(seconds):
            raise UserError("The workspace", "no browser has it open", f"open {self.workspace_url}")
        number = str(next(self._numbers))
        answer: Future[Any] = Future()
        self._waiting[number] = answer
        self._loop.call_soon_threadsafe(self._ask_last_page, number, command, arguments)
        try:
            return answer.result(seconds)
        except TimeoutError:
            self._waiting.pop(number, None)
            raise UserError(
                "The workspace", f"it did not do {command} within {seconds:g} s", "look at its page"
            ) from None

    def forget_page(self) -> None:
        """Wait for a new page before the next command: the one that was open is being closed."""
        self._page_here.clear()

    def _ask_last_page(self, number: str, command: str, arguments: dict[str, Any]) -> None:
        if not self._pages:
            self._settle(number, CommandFailed("the page was closed before it was asked"))
            return
        page = self._pages[-1]
        page.asked.add(number)
        page.events.put_nowait(("command", _as_json({"id": number, "name": command, "args": arguments})))

    def _tell_soon(self, kind: str, data: dict[str, Any]) -> None:
        if not self._stopping.is_set():
            self._loop.call_soon_threadsafe(self._tell_all, kind, data)

    def _tell_all(self, kind: str, data: dict[str, Any]) -> None:
        for page in self._pages:
            page.events.put_nowait((kind, _as_json(data)))


def _as_json(value: Any) -> str:
    """Return a value as JSON for the page, in one line. Raises TypeError or ValueError for what JSON cannot hold.

    Nothing is escaped that need not be: MicroPython's json reads each half of an escaped surrogate pair by itself.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


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
    """Return which part a changed file belongs to."""
    inside = path.relative_to(ROOT).as_posix()
    if inside == "pyproject.toml":
        return "settings"
    if inside.startswith("lambda/") or inside == "ops/flows/definitions.py":
        return "flow"
    if inside.startswith("web/workspace/"):
        return "workspace"
    if inside.startswith("web/crm/"):
        return "crm"
    return "tools" if inside.startswith("ops/") else "app"


def _problem(error: Exception) -> dict[str, str]:
    """Return {"subject", "reason", "hint"} of what went wrong in a build: with the place in our files, where it has one."""
    if isinstance(error, UserError):
        return {"subject": error.subject, "reason": error.reason, "hint": error.hint}
    subject = "the build"
    if isinstance(error, SyntaxError) and error.filename:
        subject = f"{_shown(error.filename)}:{error.lineno}"
    else:
        ours = [
            frame for frame in traceback.extract_tb(error.__traceback__) if _shown(frame.filename) != frame.filename
        ]
        if ours:
            subject = f"{_shown(ours[-1].filename)}:{ours[-1].lineno}"
    return {"subject": subject, "reason": f"{type(error).__name__}: {error}", "hint": "fix what was changed last"}


def _shown(filename: str) -> str:
    path = Path(filename)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else filename


def _listen_as_localhost(port: int, option: str) -> list[socket.socket]:
    """Listen on both addresses a browser may take localhost for: on the other one it would meet somebody else's server."""
    try:
        _listen("::1", 0, option).close()
    except UserError:
        return [_listen("127.0.0.1", port, option)]  # this machine has no IPv6
    for attempt in range(1, 11):
        first = _listen("127.0.0.1", port, option)
        try:
            return [first, _listen("::1", _port(first), option)]
        except UserError:
            first.close()
            if port or attempt == 10:
                raise
    raise AssertionError("unreachable")


def _listen(host: str, port: int, option: str) -> socket.socket:
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


def _port(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])


def _gone(request: Request, error: Exception) -> Response:
    """Answer a page that was closed while it posted: nobody reads it."""
    del request, error
    return Response(status_code=400)


def _bad_request(request: Request, error: Exception) -> Response:
    """Return which keys of the body are wrong, and not what is in them."""
    del request
    assert isinstance(error, ValidationError)
    wrong = [f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}" for one in error.errors()]
    return JSONResponse({"error": "; ".join(wrong)}, 400)
