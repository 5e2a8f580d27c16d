"""The team's own API on this machine: its zip in processes of their own, behind /api/ of the app's origin.

    functions = LocalFunctions(Path("build/popdesk-api.zip"), environment=dict, log=print)
    api = LocalApi(lambda: functions)
    api.faults = ApiFaults(latency_ms=300, lost=True)      # from the workspace's panel
    Route("/api/{path:path}", api.endpoint, methods=METHODS)

As in Lambda a process answers one request at a time, and a second request at the same time gets a second process. The requests
are API Gateway's events (http_api.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from popdesk_api.contract import AGENT_HEADER, EVENTS
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ops.errors import UserError
from ops.flows.runner import Answer
from ops.preview.http_api import LONGEST_HEADERS, SECONDS, failure, http_api_event, response
from ops.preview.jwt_authorizer import JwtAuthorizer, Unauthorized
from ops.preview.local_lambda import LocalLambda
from ops.site.api_zip import API_HANDLER

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MOST_PROCESSES = 3


class ApiFaults(BaseModel):
    """What goes wrong with the API on purpose: how much later it answers, that it is down, that its answers are lost."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 0
    down: bool = False
    lost: bool = False


class LocalFunctions:
    """Up to three processes of one zip; a call takes one that is free, or waits for one.

    `environment` returns their environment variables, `log` gets each line that they print.
    """

    def __init__(self, package: Path, environment: Callable[[], dict[str, str]], log: Callable[[str], None]) -> None:
        self._package, self._environment, self._log = package, environment, log
        self._free: list[LocalLambda] = []
        self._all: list[LocalLambda] = []
        self._changed = threading.Condition()
        self._closed = False

    def start(self) -> None:
        """Start one now, so that the first request finds it warm. Raises UserError when the zip cannot be loaded."""
        function = self._make()
        self._all.append(function)
        function.start()
        self._free.append(function)

    def close(self, now: bool = False) -> None:
        """End all processes, after the calls that are under way; `now`: those end with an error."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for function in self._all:
            function.close(now)

    def invoke(self, event: dict[str, Any], seconds: float) -> Answer:
        """Call the handler with `event`; it may take `seconds`, with the wait for a process."""
        deadline = time.monotonic() + seconds
        function = self._take(deadline)
        if function is None:
            return Answer(error="no process was free")
        try:
            return function.invoke(event, max(deadline - time.monotonic(), 0.001))
        finally:
            with self._changed:
                self._free.append(function)
                self._changed.notify()

    def _make(self) -> LocalLambda:
        return LocalLambda(self._package, API_HANDLER, self._log, self._environment, "lambda/api/")

    def _take(self, deadline: float) -> LocalLambda | None:
        with self._changed:
            if not self._free and len(self._all) < _MOST_PROCESSES and not self._closed:
                # Whichever is free first takes the call: this one may be long to start.
                self._all.append(made := self._make())
                threading.Thread(target=self._start, args=(made,), name="api", daemon=True).start()
            while not self._free and not self._closed:
                if not self._changed.wait(deadline - time.monotonic()):
                    return None
            return None if self._closed else self._free.pop()

    def _start(self, function: LocalLambda) -> None:
        with contextlib.suppress(UserError):  # the call that gets it says why it cannot be started
            function.start()
        with self._changed:
            self._free.append(function)
            self._changed.notify()


class LocalApi:
    """Answers what the page asks of /api/. `functions` returns the processes of the last good build, None without an API.

    `authorizer` returns what checks the agents' access tokens, None where they do not sign in. `recorded` is called with each
    record of itself that a page has posted and the API has taken.
    """

    def __init__(
        self,
        functions: Callable[[], LocalFunctions | None],
        authorizer: Callable[[], JwtAuthorizer | None] = lambda: None,
        recorded: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._functions = functions
        self._authorizer = authorizer
        self._recorded = recorded
        self.faults = ApiFaults()

    async def endpoint(self, request: Request) -> Response:
        """Answer a request as CloudFront and the HTTP API do; one that is under way when preview ends, with 503."""
        try:
            return await self._answer(request)
        except asyncio.CancelledError:  # its server gives up after a second, and would print a traceback for each
            return _made(failure(503))

    async def _answer(self, request: Request) -> Response:
        faults, functions = self.faults, self._functions()
        body = await request.body()
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if functions is None:
            return _made(failure(404))
        if faults.down:
            return _made(failure(503))
        size = len(request.url.path) + sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
        if size > LONGEST_HEADERS:
            return _made(failure(431))
        event = http_api_event(
            request.method,
            request.scope["raw_path"],
            request.scope["query_string"],
            request.headers.raw,
            body,
            request.client.host if request.client else "127.0.0.1",
        )
        is_event = request.method == "POST" and request.url.path == EVENTS  # a route of its own, without authorizer
        if not is_event and (authorizer := self._authorizer()):
            try:
                held = authorizer.authorize(request.headers.get(AGENT_HEADER, ""))
            except Unauthorized as refused:
                return _made(failure(refused.status))
            event["requestContext"]["authorizer"] = {"jwt": held}
        answer = await run_in_threadpool(functions.invoke, event, SECONDS)
        if is_event and self._recorded and not answer.error and response(answer.value)[0] < 300:
            self._recorded(json.loads(body))
        if faults.lost:
            return _made(failure(504))  # it was done, and nobody hears of it
        return _made(failure(500 if answer.again else 503) if answer.error else response(answer.value))


def _made(parts: tuple[int, dict[str, str], bytes]) -> Response:
    status, headers, body = parts
    return Response(body, status, {**headers, "cache-control": headers.get("cache-control", "no-store")})
