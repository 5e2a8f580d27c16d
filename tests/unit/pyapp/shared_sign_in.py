"""The agent's sign-in and session: what is asked, what is believed, why it failed. Runs on CPython and MicroPython."""

import asyncio
import binascii
import json

from popdesk.api import Reply
from popdesk.session import Session
from popdesk.sign_in import (
    BLOCKED,
    CLOCK,
    CLOSED,
    DENIED,
    DOWN,
    ENDED,
    STATE,
    UNEXPECTED,
    Attempt,
    NotSignedIn,
    handed_over,
    tokens_of,
)

if False:
    from collections.abc import Callable
    from typing import Any

SETTINGS: "dict[str, Any]" = {
    "issuer": "https://login.example.com",
    "authorization_endpoint": "https://login.example.com/authorize",
    "token_endpoint": "https://login.example.com/token",
    "client_id": "page",
    "audience": "api",
    "scopes": ["openid", "offline_access"],
}
PAGE = "https://popdesk.example.com/"
TODAY = 1795000000


def part(value: "Any") -> str:
    text = binascii.b2a_base64(json.dumps(value).encode()).decode().strip()
    return text.replace("+", "-").replace("/", "_").replace("=", "")


def answer(
    nonce: str = "", access: str = "token-1", refresh: str = "refresh-1", seconds: float = 600, **changed: "Any"
) -> str:
    claims: dict[str, Any] = {
        "iss": SETTINGS["issuer"],
        "aud": "page",
        "nonce": nonce,
        "iat": TODAY,
        "exp": TODAY + 600,
    }
    claims.update(changed)
    given: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": seconds}
    if refresh:
        given["refresh_token"] = refresh
    if nonce:
        given["id_token"] = "e30." + part(claims) + ".c2ln"
    return json.dumps(given)


class Edges:
    """The browser, as the test says; sleeping lets its time pass."""

    redirect_uri = PAGE

    def __init__(self) -> None:
        self.count = 0
        self.time = 0.0
        self.opened: list[str] = []
        self.asked: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.closed = False
        self.opens = True
        self.answers: list[Any] = []

    def random(self) -> bytes:
        self.count += 1
        return bytes([self.count]) * 32

    def open(self, url: str) -> "Any":
        self.opened.append(url)  # at once: later the browser would block it
        return self.opening()

    async def opening(self) -> "Any":
        return "window" if self.opens else None

    def is_closed(self, window: "Any") -> bool:
        return self.closed

    def close(self, window: "Any") -> None:
        self.closed = True

    async def post(self, url: str, body: str) -> "Any":
        assert url == SETTINGS["token_endpoint"]
        self.asked.append(body)
        await asyncio.sleep(0)
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    def now(self) -> float:
        return self.time

    def today(self) -> float:
        return TODAY

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)

    def tell(self, message: "dict[str, Any]") -> None:
        self.told.append(message)


def query(url: str) -> "dict[str, str]":
    pairs = [pair.partition("=") for pair in url.partition("?")[2].split("&")]
    return {name: text for name, _, text in pairs}


def kind_of(call: "Callable[..., Any]", *values: "Any") -> str:
    try:
        call(*values)
    except NotSignedIn as error:
        return error.kind
    return ""


async def signed_in(edges: Edges, changes: "list[int] | None" = None) -> Session:
    """Return a session that has signed in."""

    def changed() -> None:
        if changes is not None:
            changes.append(1)

    session = Session(SETTINGS, edges, changed)
    session.sign_in()
    asked = query(edges.opened[-1])
    edges.answers.append((200, answer(asked["nonce"])))
    session.arrived({"state": asked["state"], "code": "the-code"})
    await until(lambda: session.state != "busy")
    return session


async def no_header(session: Session) -> str:
    """Return why there is no token to send."""
    try:
        return "there is one: " + await session.header()
    except NotSignedIn as error:
        return error.kind


async def until(there: "Callable[[], bool]") -> None:
    for _ in range(20000):
        if there():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


def test_the_pop_up_is_asked_for_a_code_with_a_challenge_of_the_verifier() -> None:
    edges = Edges()
    attempt = Attempt(SETTINGS, PAGE, edges.random)
    asked = query(attempt.url)
    assert attempt.url.startswith("https://login.example.com/authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "page"
    assert asked["redirect_uri"] == "https%3A%2F%2Fpopdesk.example.com%2F"
    assert asked["scope"] == "openid%20offline_access"
    assert asked["code_challenge_method"] == "S256"
    assert attempt.verifier not in attempt.url
    assert len(attempt.verifier) == 43
    assert len({attempt.verifier, attempt.state, attempt.nonce}) == 3


def test_the_challenge_is_the_one_of_rfc_7636() -> None:
    # Its appendix B.
    octets = [116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186]
    octets += [22, 212, 37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121]
    attempt = Attempt(SETTINGS, PAGE, lambda: bytes(octets))
    assert attempt.verifier == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert query(attempt.url)["code_challenge"] == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_what_the_provider_sends_back_is_handed_over_and_nothing_else() -> None:
    assert handed_over({"code": "c", "state": "s", "session_state": "x"}) == {"code": "c", "state": "s"}
    assert handed_over({"error": "access_denied", "state": "s", "error_description": "<b>"}) == {
        "error": "access_denied",
        "state": "s",
    }
    assert handed_over({"q": "x"}) == {}


def test_only_the_answer_to_this_attempt_has_a_code() -> None:
    attempt = Attempt(SETTINGS, PAGE, Edges().random)
    assert attempt.code({"state": attempt.state, "code": "c"}) == "c"
    for given, kind in (
        ({"state": "another", "code": "c"}, STATE),
        ({"code": "c"}, STATE),
        ({"state": None, "code": "c"}, STATE),
        ({"state": [attempt.state], "code": "c"}, STATE),
        ({"state": attempt.state, "error": "access_denied"}, DENIED),
        ({"state": attempt.state}, UNEXPECTED),
        ({"state": attempt.state, "code": ""}, UNEXPECTED),
        ({"state": attempt.state, "code": 7}, UNEXPECTED),
    ):
        assert kind_of(attempt.code, given) == kind, given


def test_tokens_that_are_not_for_this_attempt_are_not_taken() -> None:
    def take(**changed: "Any") -> str:
        nonce = changed.pop("nonce", "n")
        return kind_of(tokens_of, 200, answer(nonce, **changed), SETTINGS, 0.0, TODAY, "n")

    assert take() == ""
    assert take(aud=["page", "other"]) == ""
    assert take(nonce="another") == STATE
    assert take(iss="https://attacker.example") == STATE
    assert take(aud="other") == STATE
    assert take(aud=None) == STATE
    assert take(exp="never") == UNEXPECTED
    assert take(iat=True) == UNEXPECTED
    assert take(exp=TODAY - 301) == CLOCK
    assert take(iat=TODAY + 301) == CLOCK
    assert take(exp=TODAY - 200, iat=TODAY + 200) == ""  # clocks are never quite right


def test_an_answer_that_is_none_has_a_reason() -> None:
    for status, text, kind in (
        (200, "", UNEXPECTED),
        (200, "<html>", UNEXPECTED),
        (200, "[]", UNEXPECTED),
        (200, '{"access_token": 7, "token_type": "Bearer"}', UNEXPECTED),
        (200, '{"access_token": "a", "token_type": "MAC"}', UNEXPECTED),
        (200, '{"access_token": "a\\r\\nX: y", "token_type": "Bearer"}', UNEXPECTED),
        (200, '{"access_token": "a", "token_type": "Bearer"}', STATE),  # no ID token
        (400, '{"error": "invalid_grant"}', DENIED),
        (401, "", DENIED),
        (500, "", DOWN),
        (503, "<html>", DOWN),
    ):
        assert kind_of(tokens_of, status, text, SETTINGS, 0.0, TODAY, "n") == kind, text
    assert kind_of(tokens_of, 400, '{"error": "invalid_grant"}', SETTINGS, 0.0, TODAY) == ENDED
    kept = tokens_of(200, answer(refresh=""), SETTINGS, 5.0, TODAY, "", "old")
    assert (kept.refresh, kept.ends) == ("old", 605.0)


async def test_an_agent_signs_in_and_our_other_frames_hear_of_it() -> None:
    edges = Edges()
    changes: list[int] = []
    session = await signed_in(edges, changes)
    assert (session.state, session.reason) == ("in", "")
    assert await session.header() == "Bearer token-1"
    assert "code=the-code" in edges.asked[0]
    assert "code_verifier=" in edges.asked[0]
    assert edges.told[-1]["access"] == "token-1"
    assert edges.closed
    assert len(changes) == 2  # busy, in
    other = Edges()
    sibling = Session(SETTINGS, other, lambda: None)
    sibling.ask_others()
    session.heard(other.told[-1])
    sibling.heard(edges.told[-1])
    assert await sibling.header() == "Bearer token-1"
    assert other.opened == []


async def test_a_blocked_a_closed_and_a_foreign_pop_up_have_their_reasons() -> None:
    edges = Edges()
    edges.opens = False
    session = Session(SETTINGS, edges, lambda: None)
    session.sign_in()
    await until(lambda: session.state != "busy")
    assert (session.state, session.reason) == ("out", BLOCKED)
    edges.opens = True
    session.sign_in()
    edges.closed = True
    await until(lambda: session.state != "busy")
    assert (session.state, session.reason) == ("out", CLOSED)
    edges.closed = False
    session.sign_in()
    session.arrived({"state": "forged", "code": "c"})
    await until(lambda: session.state != "busy")
    assert (session.state, session.reason) == ("out", STATE)
    assert edges.asked == []  # a code that may be an attacker's is not sent
    assert await no_header(session) == STATE


async def test_a_pop_up_that_is_left_open_ends_some_day() -> None:
    edges = Edges()
    session = Session(SETTINGS, edges, lambda: None)
    session.sign_in()
    await until(lambda: session.state != "busy")
    assert session.reason == CLOSED
    assert edges.time >= 600


async def test_a_provider_that_is_down_is_said_and_can_be_tried_again() -> None:
    edges = Edges()
    session = Session(SETTINGS, edges, lambda: None)
    session.sign_in()
    edges.answers.append(OSError("no answer"))
    session.arrived({"state": query(edges.opened[-1])["state"], "code": "c"})
    await until(lambda: session.state != "busy")
    assert (session.state, session.reason) == ("out", DOWN)
    again = await signed_in(Edges())
    assert again.state == "in"


async def test_a_token_is_renewed_before_its_end_once_for_all_who_wait() -> None:
    edges = Edges()
    session = await signed_in(edges)
    edges.time += 545
    edges.answers.append((200, answer(access="token-2", refresh="refresh-2")))
    assert tuple(await asyncio.gather(session.header(), session.header(), session.header())) == ("Bearer token-2",) * 3
    assert len(edges.asked) == 2
    assert "refresh_token=refresh-1" in edges.asked[1]
    edges.time += 600
    edges.answers.append((200, answer(access="token-3")))
    assert await session.header() == "Bearer token-3"
    assert "refresh_token=refresh-2" in edges.asked[2]


async def test_a_session_that_the_provider_ends_is_over_and_said() -> None:
    for given, kind in (
        ((400, '{"error": "invalid_grant"}'), ENDED),  # expired or revoked
        ((503, ""), DOWN),
        (OSError("no answer"), DOWN),
    ):
        edges = Edges()
        session = await signed_in(edges)
        edges.time += 601
        edges.answers.append(given)
        assert await no_header(session) == kind
        assert (session.state, session.reason) == ("out", kind)


async def test_while_the_provider_is_down_a_token_serves_to_its_end() -> None:
    edges = Edges()
    session = await signed_in(edges)
    edges.time += 560
    edges.answers.append((503, ""))
    assert await session.header() == "Bearer token-1"
    assert session.state == "in"


async def test_a_frame_waits_for_another_that_renews() -> None:
    edges = Edges()
    session = await signed_in(edges)
    edges.time += 590
    session.heard({"renewing": True})
    waiting = asyncio.create_task(session.header())
    await asyncio.sleep(0)
    session.heard({"access": "token-2", "refresh": "refresh-2", "left": 600})
    assert await waiting == "Bearer token-2"
    assert len(edges.asked) == 1


async def test_what_another_frame_says_that_makes_no_sense_changes_nothing() -> None:
    edges = Edges()
    session = await signed_in(edges)
    messages: list[Any] = [None, "x", 7, [], {}, {"access": 7}, {"access": "a", "refresh": "r", "left": "1"}]
    for message in messages:
        session.heard(message)
    session.heard({"access": "older", "refresh": "r", "left": 5})
    assert await session.header() == "Bearer token-1"


class Api:
    """The API behind its authorizer: answers as the test says, and keeps the headers."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.headers: list[str | None] = []

    async def __call__(
        self, method: str, url: str, headers: "dict[str, str]", body: "str | None", seconds: float
    ) -> Reply:
        self.headers.append(headers.get("X-Agent"))
        return self.replies.pop(0)


async def test_a_request_that_the_authorizer_refuses_is_sent_again_with_a_new_token() -> None:
    edges = Edges()
    session = await signed_in(edges)
    edges.answers.append((200, answer(access="token-2")))
    api = Api(Reply(401, "application/json", '{"message":"Unauthorized"}'), Reply(200, "application/json", "{}"))
    reply = await session.signed(api, "X-Agent", lambda kind: kind)("GET", "/api/x", {"A": "b"}, None, 5.0)
    assert reply.status == 200
    assert api.headers == ["Bearer token-1", "Bearer token-2"]


async def test_a_revoked_session_is_one_problem_with_words_and_asks_nobody_again() -> None:
    edges = Edges()
    session = await signed_in(edges)
    edges.answers.append((400, '{"error": "invalid_grant"}'))
    api = Api(Reply(401, "application/json", "{}"))
    send = session.signed(api, "X-Agent", lambda kind: "Why: " + kind)
    for _ in range(2):
        reply = await send("POST", "/api/x", {}, "{}", 5.0)
        assert reply.status == 401
        assert json.loads(reply.text) == {"detail": "Why: ended"}
    assert len(api.headers) == 1
    assert (session.state, session.reason) == ("out", ENDED)


async def test_who_has_never_signed_in_asks_the_api_nothing() -> None:
    session = Session(SETTINGS, Edges(), lambda: None)
    api = Api()
    reply = await session.signed(api, "X-Agent", lambda kind: "Sign in first" + kind)("GET", "/api/x", {}, None, 5.0)
    assert json.loads(reply.text) == {"detail": "Sign in first"}
    assert api.headers == []


async def test_what_the_function_itself_refuses_is_its_own_answer() -> None:
    edges = Edges()
    session = await signed_in(edges)
    api = Api(Reply(401, "application/problem+json", '{"detail":"Token refused"}'))
    reply = await session.signed(api, "X-Agent", lambda kind: kind)("GET", "/api/x", {}, None, 5.0)
    assert reply.text == '{"detail":"Token refused"}'
    assert session.state == "in"
