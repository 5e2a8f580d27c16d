"""Sign the contact's token: by it the page shows the API which contact and which customer it asks for.

    signer = TokenSigner("popdesk-prod")
    signer.fetch_keys(2.0)
    signer.sign(contact_id, ["C-1001"])     # -> "eyJhbGciOi..."

The token is a JWT (RFC 7519) with an HMAC (HS256, RFC 7518, 3.2); lambda/api/popdesk_api/contact_token.py verifies it. Its
claims: `iss` "popdesk", `aud` the stack's name, `sub` the contact's id, `customers` the ids it is good for, `iat` and `exp`.

The key is the stack's secret in Secrets Manager, and `kid` is the version of the secret, so that a rotation needs nothing more:
what was signed with the version before is verified with that one (AWSPREVIOUS) for as long as it is kept. In preview the keys
are in the environment.

Nobody waits for a token: where there is no key in time, there is none, and the look-up's answer is what it is without.
docs/security.md says what the token proves. This module is in the zip only where [tool.popdesk.api] is enabled.
"""

from __future__ import annotations

import json
import os
import threading
import time

from customers import LookupFailed
from jwt.api_jws import PyJWS

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

ISSUER = "popdesk"
ALGORITHM = "HS256"
LIFETIME = 12 * 3600  # seconds: longer than a contact lasts; the API asks Amazon Connect whether it is over
MOST_CUSTOMERS = 20
# Characters. A contact's attributes have 32 KB together, and API Gateway takes 10,240 bytes of headers
# (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
LONGEST_TOKEN = 4_096
_LONGEST_ID = 128

KEYS_VARIABLE = "POPDESK_TOKEN_KEYS"  # preview's: {"kid": "key", ...} as JSON; the first signs
SECRET_VARIABLE = "POPDESK_TOKEN_SECRET_ARN"
STACK_VARIABLE = "POPDESK_STACK"

# Seconds after which the key is read again, so that a container signs with the new one soon after a rotation; and after which
# it is tried again where that failed.
_KEPT = 3600
_AGAIN = 10


class NoToken(LookupFailed):
    """There is no token; the text says why, for the log, and has nothing about a customer in it."""


class TokenSigner:
    """Signs tokens for the stack `audience` with a key that is read once an hour. One call at a time."""

    def __init__(self, audience: str) -> None:
        self._audience = audience
        self._jws = PyJWS([ALGORITHM])
        self._key: tuple[str, bytes] | None = None  # its id and the key
        self._due = 0.0  # time.monotonic() of the next reading
        self._problem = "the key has not been read"

    def fetch_keys(self, seconds: float) -> None:
        """Read the key, if it is due, within `seconds`; raise nothing. The key that is there stays where that fails."""
        now = time.monotonic()
        if now < self._due or seconds <= 0:
            return
        self._due = now + _AGAIN
        read: list[tuple[str, bytes] | str] = []

        def ask() -> None:
            try:
                read.append(_current_key(now + seconds))
            except LookupFailed as error:
                read.append(str(error))
            except BaseException as error:  # its text is not ours
                read.append(type(error).__name__)

        # In a thread, as the look-up: a socket's time-out does not end a slow name server.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(seconds)
        answer = read[0] if read else "it did not come in time"
        if isinstance(answer, str):
            self._problem = f"the key could not be read: {answer}"
        else:
            self._key, self._due = answer, time.monotonic() + _KEPT

    def sign(self, contact_id: object, customers: list[str]) -> str:
        """Return the token of a contact, good for these customers. Raises NoToken.

        Ids that are too long, and those after the 20th, are left out: the token is not good for them.
        """
        if self._key is None:
            raise NoToken(self._problem)
        if not isinstance(contact_id, str) or not 0 < len(contact_id) <= _LONGEST_ID:
            raise NoToken("the event has no contact id")
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": contact_id,
            "customers": [customer for customer in customers if len(customer) <= _LONGEST_ID][:MOST_CUSTOMERS],
            "iat": now,
            "exp": now + LIFETIME,
        }
        kid, key = self._key
        token = self._jws.encode(json.dumps(claims, separators=(",", ":")).encode(), key, ALGORITHM, {"kid": kid})
        if len(token) > LONGEST_TOKEN:
            raise NoToken("it would be too long")
        return token


def open_signer() -> TokenSigner:
    """Return the signer of this function, by its environment."""
    return TokenSigner(os.environ.get(STACK_VARIABLE, ""))


def _current_key(deadline: float) -> tuple[str, bytes]:
    """Return (id, key) with which to sign. Raises LookupFailed or TimeoutError."""
    given = os.environ.get(KEYS_VARIABLE)
    if given:
        try:
            kid, key = next(iter(json.loads(given).items()))
        except (ValueError, AttributeError, StopIteration):
            raise LookupFailed(f"{KEYS_VARIABLE} has no keys") from None
        return kid, key.encode()
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        raise LookupFailed(f"the environment variable {SECRET_VARIABLE} is not set")
    from adapters.aws_client import AwsClient  # preview needs none

    client = AwsClient("secretsmanager", "secretsmanager")
    try:
        return read_secret(client.call("GetSecretValue", {"SecretId": secret, "VersionStage": "AWSCURRENT"}, deadline))
    finally:
        client.disconnect()


def read_secret(answer: dict[str, Any]) -> tuple[str, bytes]:
    """Return (id, key) of what GetSecretValue answered. Raises LookupFailed for what is no key."""
    kid, key = answer.get("VersionId"), answer.get("SecretString")
    # A key shorter than the hash is refused: RFC 7518, 3.2.
    if not isinstance(kid, str) or not kid or not isinstance(key, str) or len(key.encode()) < 32:
        raise LookupFailed("the secret has no key of 32 bytes")
    return kid, key.encode()
