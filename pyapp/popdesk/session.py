"""The agent's session: signed in or not, and why not; one sign-in for all of the agent's contacts. Pure.

    session = Session(settings, edges, changed)
    session.sign_in()                        # in the click's own task: the browser blocks a later pop-up
    await session.header()                   # -> "Bearer ..."; raises NotSignedIn
    send = session.signed(request, name, words)     # api.py's request, with the agent's token in each

`edges` is the browser: `redirect_uri`, `random()`, `open(url)` (at once; awaited: a window or None), `is_closed(window)`,
`close(window)`, `post(url, body)` (awaited: status and text; raises where there is no answer), `now()`, `today()`,
`sleep(seconds)`, and `tell(message)` to our other frames. What comes from outside is given to `arrived` (the callback page's
message) and `heard` (another frame's). `changed()` is called when `state` or `reason` has changed: `state` is "out", "busy" or
"in", `reason` one of sign_in.REASONS, or "".

Our frames share the tokens: each contact has its own frame, and an agent signs in once. They ask each other before they ask the
provider, and say so before they renew, since a provider may take a refresh token that comes twice for a stolen one (RFC 9700,
4.14.2).
"""

import asyncio
import json

from popdesk.api import Reply
from popdesk.sign_in import (
    BLOCKED,
    CLOSED,
    DOWN,
    ENDED,
    LONGEST,
    RENEWED_BEFORE,
    Attempt,
    NotSignedIn,
    Tokens,
    tokens_of,
)

if False:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Request = Callable[[str, str, dict[str, str], str | None, float], Awaitable[Reply]]

_LOOK = 0.3  # seconds between two looks whether the pop-up is still open
_ANSWERED = 0.5  # seconds in which our other frames answer
_OTHERS = 10.0  # seconds that another frame may take to renew
_PROBLEM = "application/problem+json"


class Session:
    """The agent's session with the identity provider of `settings` (sign_in.py)."""

    def __init__(self, settings: "dict[str, Any]", edges: "Any", changed: "Callable[[], None]") -> None:
        self._settings = settings
        self._edges = edges
        self._changed = changed
        self._tokens: "Tokens | None" = None
        self._popup: "Any" = None
        self._given: "dict[str, Any] | None" = None  # what the callback page handed over
        self._others_until = -1.0
        self._asking_until = -1.0  # our other frames may still answer
        self._renewing = False
        self.state = "out"
        self.reason = ""

    def ask_others(self) -> None:
        """Ask our other frames for the tokens that they have."""
        self._asking_until = self._edges.now() + _ANSWERED
        self._edges.tell({"ask": True})

    # -- signing in ---------------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        """Open the pop-up, and go on when it has come back. To be called in the task of the agent's click."""
        if self.state == "busy":
            return
        attempt = Attempt(self._settings, self._edges.redirect_uri, self._edges.random)
        self._given = None
        opening = self._edges.open(attempt.url)
        self._be("busy")
        asyncio.create_task(self._follow(attempt, opening))

    def arrived(self, given: "dict[str, Any]") -> None:
        """Take what the callback page has handed over."""
        if self.state == "busy" and self._given is None:
            self._given = given

    async def _follow(self, attempt: Attempt, opening: "Awaitable[Any]") -> None:
        edges = self._edges
        until = edges.now() + LONGEST
        self._popup = None
        try:
            self._popup = await opening
            if not self._popup:
                raise NotSignedIn(BLOCKED)
            while self._given is None:
                if self.state != "busy":  # another frame has signed in meanwhile
                    return
                if edges.is_closed(self._popup):
                    await edges.sleep(_LOOK)  # its last message may still be on the way
                    if self._given is None:
                        raise NotSignedIn(CLOSED)
                elif edges.now() > until:
                    raise NotSignedIn(CLOSED)
                else:
                    await edges.sleep(_LOOK)
            code = attempt.code(self._given)
            self._take(await self._ask(attempt.exchange(code), attempt.nonce), True)
        except NotSignedIn as error:
            self._be("out", error.kind)
        finally:
            edges.close(self._popup)
            self._popup = None

    async def _ask(self, body: str, nonce: str = "", refresh: str = "") -> Tokens:
        """Return the tokens that the provider answers with. Raises NotSignedIn."""
        try:
            status, text = await self._edges.post(self._settings["token_endpoint"], body)
        except Exception:  # whatever the browser says: there was no answer
            raise NotSignedIn(DOWN)
        edges = self._edges
        return tokens_of(status, text, self._settings, edges.now(), edges.today(), nonce, refresh)

    def _take(self, tokens: Tokens, tell: bool) -> None:
        self._tokens = tokens
        self._others_until = -1.0
        if tell:
            self._tell()
        self._be("in")

    def _be(self, state: str, reason: str = "") -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self._changed()

    # -- our other frames ---------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        tokens, now = self._tokens, self._edges.now()
        if tokens and tokens.are_good(now):
            left = tokens.ends - now
            self._edges.tell({"access": tokens.access, "refresh": tokens.refresh, "left": left})

    def heard(self, message: "Any") -> None:
        """Take what another of our frames says."""
        if not isinstance(message, dict):
            return
        access, refresh, left = message.get("access"), message.get("refresh"), message.get("left")
        if message.get("ask"):
            self._tell()
        elif message.get("renewing"):
            self._others_until = self._edges.now() + _OTHERS
        elif isinstance(access, str) and isinstance(refresh, str) and isinstance(left, (int, float)) and left > 0:
            ends = self._edges.now() + left
            if self._tokens is None or ends > self._tokens.ends:
                self._take(Tokens(access, refresh, ends), False)

    # -- what the API is asked with -------------------------------------------------------------------------------------

    async def header(self) -> str:
        """Return the header's value for a request, with a token that is good. Raises NotSignedIn."""
        while self._tokens is None and not self.reason and self._edges.now() < self._asking_until:
            await self._edges.sleep(_LOOK / 10)
        tokens = self._tokens
        if tokens is None:
            raise NotSignedIn(self.reason)
        if not tokens.are_good(self._edges.now() + RENEWED_BEFORE):
            await self._renew(tokens)
        assert self._tokens
        return "Bearer " + self._tokens.access

    async def _renew(self, old: Tokens) -> None:
        """Get new tokens, once for all who wait for them. Raises NotSignedIn."""
        edges = self._edges
        while self._tokens is old and edges.now() < self._others_until:
            await edges.sleep(_LOOK)
        while self._renewing:
            await edges.sleep(_LOOK)
        if self._tokens is not old:
            if self._tokens is None:
                raise NotSignedIn(self.reason)
            return
        self._renewing = True
        try:
            edges.tell({"renewing": True})
            tokens = await self._ask(old.renewal(self._settings), "", old.refresh)
            if self._tokens is old:
                self._take(tokens, True)
        except NotSignedIn as error:
            if error.kind == DOWN and old.are_good(edges.now()):
                return  # it serves to its end
            if self._tokens is old:
                self._tokens = None
                self._be("out", error.kind)
            raise
        finally:
            self._renewing = False

    async def refused(self, header: str) -> bool:
        """Return whether there is another token than the one that the API has refused: it may have been taken back."""
        tokens = self._tokens
        if tokens is None:
            return False
        if header != "Bearer " + tokens.access:
            return True
        try:
            await self._renew(tokens)
        except NotSignedIn:
            return False
        if self._tokens is tokens:
            self._tokens = None
            self._be("out", ENDED)
        return self._tokens is not None

    def signed(self, request: "Request", name: str, words: "Callable[[str], str]") -> "Request":
        """Return `request` (api.py) with the agent's token in the header `name`; `words(reason)` says why there is none.

        What the API's own function refuses has problem details; a 401 without is the authorizer's.
        """

        async def send(method: str, url: str, headers: "dict[str, str]", body: "str | None", seconds: float) -> Reply:
            given = dict(headers)
            try:
                given[name] = await self.header()
                reply = await request(method, url, given, body, seconds)
                if reply.status == 401 and reply.media_type != _PROBLEM:
                    if not await self.refused(given[name]):
                        raise NotSignedIn(self.reason or ENDED)
                    given[name] = await self.header()
                    reply = await request(method, url, given, body, seconds)
                return reply
            except NotSignedIn as error:
                return Reply(401, _PROBLEM, json.dumps({"detail": words(error.kind)}))

        return send
