"""The agent's sign-in: OpenID Connect's code flow with PKCE, as a browser-based page does it (RFC 7636, RFC 9700). Pure.

    attempt = Attempt(settings, redirect_uri, random)
    attempt.url                                      # what the pop-up opens
    attempt.code({"state": ..., "code": ...})        # of what the callback page hands over; raises NotSignedIn
    tokens_of(200, answer, settings, now, today, attempt.nonce)     # of the token endpoint's answer; raises NotSignedIn

`settings` are the page's: {"issuer", "authorization_endpoint", "token_endpoint", "client_id", "audience", "scopes"}. `random`
returns 32 bytes that nobody can guess. Verifier, state, nonce and tokens are in these objects alone: never in a storage, an
address or a log.
"""

import binascii
import hashlib
import json

if False:
    from collections.abc import Callable
    from typing import Any

# Why an agent is not signed in; words/en.py says each to them.
BLOCKED = "blocked"  # the browser opened no pop-up
CLOSED = "closed"  # the pop-up was closed before the end
STATE = "state"  # what came back is no answer to what was asked
DENIED = "denied"  # the agent, or the provider, said no
DOWN = "down"  # the provider does not answer
ENDED = "ended"  # the provider no longer renews: expired, or taken back
CLOCK = "clock"  # this machine's clock and the provider's differ too much
UNEXPECTED = "unexpected"  # its answer is not what the specification says
REASONS = (BLOCKED, CLOSED, STATE, DENIED, DOWN, ENDED, CLOCK, UNEXPECTED)

# Seconds that the clocks may differ by, and before its end in which a token is renewed.
CLOCK_SKEW = 300
RENEWED_BEFORE = 60
# Seconds that an agent may take to sign in: with a second factor and a forgotten telephone.
LONGEST = 600


class NotSignedIn(Exception):
    """The agent is not signed in; `kind` is one of REASONS. Nothing of a token is in it."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Attempt:
    """One try to sign in. `redirect_uri` is this page's own address, which the provider knows."""

    def __init__(self, settings: "dict[str, Any]", redirect_uri: str, random: "Callable[[], bytes]") -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self.verifier = _base64url(random())
        self.state = _base64url(random())
        self.nonce = _base64url(random())
        asked = [
            ("response_type", "code"),
            ("client_id", settings["client_id"]),
            ("redirect_uri", redirect_uri),
            ("scope", " ".join(settings["scopes"])),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", _base64url(hashlib.sha256(self.verifier.encode()).digest())),
            ("code_challenge_method", "S256"),
        ]
        endpoint = settings["authorization_endpoint"]
        self.url = endpoint + ("&" if "?" in endpoint else "?") + form(asked)

    def code(self, given: "dict[str, Any]") -> str:
        """Return the code of what the callback page handed over. Raises NotSignedIn."""
        state, code, error = given.get("state"), given.get("code"), given.get("error")
        if not isinstance(state, str) or state != self.state:
            raise NotSignedIn(STATE)
        if error:
            raise NotSignedIn(DENIED)
        if not isinstance(code, str) or not code:
            raise NotSignedIn(UNEXPECTED)
        return code

    def exchange(self, code: str) -> str:
        """Return the body that the token endpoint is asked with, for the code."""
        return form(
            [
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", self._redirect_uri),
                ("client_id", self._settings["client_id"]),
                ("code_verifier", self.verifier),
            ]
        )


class Tokens:
    """What the provider gave: `access` for the API until `ends` by this page's clock, `refresh` for the next ones, or ""."""

    def __init__(self, access: str, refresh: str, ends: float) -> None:
        self.access = access
        self.refresh = refresh
        self.ends = ends

    def are_good(self, now: float) -> bool:
        """Return whether the access token may still be sent at `now`, in seconds of this page's clock."""
        return now < self.ends

    def renewal(self, settings: "dict[str, Any]") -> str:
        """Return the body that the token endpoint is asked with, for new tokens. Raises NotSignedIn where it gives none."""
        if not self.refresh:
            raise NotSignedIn(ENDED)
        return form(
            [
                ("grant_type", "refresh_token"),
                ("refresh_token", self.refresh),
                ("client_id", settings["client_id"]),
            ]
        )


def tokens_of(
    status: int, text: str, settings: "dict[str, Any]", now: float, today: float, nonce: str = "", refresh: str = ""
) -> Tokens:
    """Return the tokens of the token endpoint's answer. Raises NotSignedIn.

    `now` is this page's clock, which nobody sets, and `today` the machine's, both in seconds, the second since 1970. `nonce` is
    the attempt's, "" for a renewal; `refresh` is the token to keep where the answer brings no new one.

    The ID token comes straight from the provider over TLS, so that its signature need not be checked (OpenID Connect Core,
    3.1.3.7, 6); who it is for, and the nonce, must be.
    """
    answer = _json(text)
    if status in (400, 401, 403):
        # What invalid_grant means is in RFC 6749, 5.2: expired, revoked, or given out for something else.
        raise NotSignedIn(ENDED if answer.get("error") == "invalid_grant" and not nonce else DENIED)
    access, kind = answer.get("access_token"), answer.get("token_type")
    if status != 200 or not isinstance(access, str) or not access or str(kind).lower() != "bearer":
        raise NotSignedIn(DOWN if status >= 500 else UNEXPECTED)
    if any(ord(character) < 33 or ord(character) > 126 for character in access):
        raise NotSignedIn(UNEXPECTED)  # no header can have it
    if nonce:
        _check_id_token(answer.get("id_token"), settings, today, nonce)
    seconds, new = answer.get("expires_in"), answer.get("refresh_token")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds <= 0:
        seconds = 300
    return Tokens(access, new if isinstance(new, str) and new else refresh, now + seconds)


def _check_id_token(token: "Any", settings: "dict[str, Any]", today: float, nonce: str) -> None:
    """Raise NotSignedIn where an ID token is not this attempt's."""
    parts = token.split(".") if isinstance(token, str) else []
    claims = _json(_decoded(parts[1])) if len(parts) == 3 else {}
    audience = claims.get("aud")
    for_us = audience == settings["client_id"] or (isinstance(audience, list) and settings["client_id"] in audience)
    if claims.get("iss") != settings["issuer"] or not for_us or claims.get("nonce") != nonce:
        raise NotSignedIn(STATE)
    ends: "Any" = claims.get("exp")
    issued: "Any" = claims.get("iat")
    for moment in (ends, issued):
        if not isinstance(moment, (int, float)) or isinstance(moment, bool):
            raise NotSignedIn(UNEXPECTED)
    if ends < today - CLOCK_SKEW or issued > today + CLOCK_SKEW:
        raise NotSignedIn(CLOCK)


def handed_over(query: "dict[str, str]") -> "dict[str, str]":
    """Return what the callback page hands to its opener, of its address's query: state and code, or state and error."""
    return {name: query[name] for name in ("state", "code", "error") if query.get(name)}


_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def form(pairs: "list[tuple[str, str]]") -> str:
    """Return pairs as application/x-www-form-urlencoded, which is a query too."""
    return "&".join(_encoded(name) + "=" + _encoded(text) for name, text in pairs)


def _encoded(text: str) -> str:
    made = []
    for character in text:
        if character in _PLAIN:
            made.append(character)
        else:
            made.extend(["%%%02X" % byte for byte in character.encode()])
    return "".join(made)


def _base64url(data: bytes) -> str:
    text = binascii.b2a_base64(data).decode().strip()
    return text.replace("+", "-").replace("/", "_").replace("=", "")


def _decoded(part: str) -> str:
    """Return the text of a base64url part, "" where it is none."""
    padded = part.replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64((padded + "=" * (-len(padded) % 4)).encode()).decode()
    except ValueError:  # no base64, or no UTF-8
        return ""


def _json(text: str) -> "dict[str, Any]":
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
