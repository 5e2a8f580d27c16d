"""Who may ask the preview's servers, and how much they may send: an ASGI middleware for both of them.

    Starlette(routes=..., middleware=[Middleware(Guard, origin="http://127.0.0.1:8000")])
    refusal("http://127.0.0.1:8000", {"sec-fetch-site": "cross-site"})     # -> "another site's page asks"

Every page that the developer has open can frame, load and post to an address of this machine. It cannot read the answer,
and need not: whoever listens to /api/events gets the workspace's commands. A browser says itself where a request comes
from, in headers that no page can set: Sec-Fetch-Site with everything (https://www.w3.org/TR/fetch-metadata/, in Chromium,
Firefox and Safari), Origin with what is posted. What sends neither is a program of this machine, and may ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What a body may have, bytes, by its path. An answer may carry the workspace's log: a million characters of JSON, escaped.
BODY_LIMITS = {
    "/api/offer": 1_000_000,
    "/api/answers": 16_000_000,
    "/api/prints": 100_000,
    "/api/contacts": 10_000,
    "/api/faults": 1_000,
}
BODY_SECONDS = 30.0  # for a body to arrive
_OWN = "/api/"


def refusal(origin: str, headers: Mapping[str, str]) -> str:
    """Return why a request is refused: it does not come from a page of `origin`. "" where it does, or no browser sent it.

    `headers` have lower-case names. "none" (an address that was typed) is refused too: these addresses are no pages.
    """
    if headers.get("origin", origin) != origin:
        return "another site's page asks"
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "the workspace's own page does not ask"
    if headers.get("sec-fetch-dest", "empty") != "empty":
        return "it is asked for as a page or a part of one"
    return ""


class Guard:
    """Refuses what other pages ask of /api/ (403), and bodies that are too long (413), too slow (408) or not taken there.

    `origin` is the workspace's own, "" for the app's site, whose /api/ is the team's: `longest` bytes are taken there.
    """

    def __init__(self, app: ASGIApp, origin: str = "", longest: int = 0) -> None:
        self._app = app
        self._origin = origin
        self._longest = longest

    def _limit(self, path: str) -> int:
        if self._origin:
            return BODY_LIMITS.get(path, 0)
        return self._longest if path.startswith(_OWN) else 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or let the application answer, which reads no more than it may."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope["path"])
        if self._origin and scope["path"].startswith(_OWN) and (why := refusal(self._origin, headers)):
            await _refuse(403, f"this address is for the workspace's own page: {why}")(scope, receive, send)
        elif _announced(headers) > limit:
            await _refuse(413, f"a body of at most {limit} bytes is taken here")(scope, receive, send)
        else:
            await self._app(scope, _Limited(receive, limit), send)


class _Limited:
    """A request's `receive` that ends with 413 or 408 where the body is longer, or takes longer, than it may."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit
        self._whole = False
        self._deadline = time.monotonic() + BODY_SECONDS

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # what comes now is that the client left
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive", {"Connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            raise HTTPException(413, "the body is too long", {"Connection": "close"})
        return message


def _announced(headers: Headers) -> float:
    """Return how long the body says it is: 1 where it does not say, and there is one."""
    if "transfer-encoding" in headers:
        return 1
    try:
        return int(headers.get("content-length", "0"))
    except ValueError:
        return float("inf")


def _refuse(status: int, why: str) -> JSONResponse:
    # Closed, so that the rest of the request is not read.
    return JSONResponse({"error": why}, status, {"Connection": "close"})
