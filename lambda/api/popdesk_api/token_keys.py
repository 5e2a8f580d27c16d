"""The keys of the contact's token: the stack's secret, as it is and as it was before its last rotation.

    keys = TokenKeys()
    proof = keys.verify(token, "popdesk-prod")

A token that names an unknown key makes them be read again, at most once a minute: it may have been signed after a rotation.
The version before is kept by Secrets Manager (AWSPREVIOUS) until the next rotation, weeks longer than a token lasts. In preview
the keys are in the environment. docs/security.md describes the rotation.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from adapters.aws_client import AwsClient
from customers import LookupFailed
from token_signing import KEYS_VARIABLE, SECRET_VARIABLE, read_secret

from popdesk_api.contact_token import Proof, UnknownKey, verify

_SECONDS = 2.0  # for reading them
_AGAIN = 60.0  # seconds between two readings because of unknown keys
_KEPT = 3600.0  # seconds after which they are read again anyway: a key that was taken out of use is not good for longer
_STAGES = ("AWSCURRENT", "AWSPREVIOUS")


class KeysFailed(Exception):
    """The keys could not be read. The text is logged; it has none of them in it."""


class TokenKeys:
    """Reads the keys with `read`, which raises LookupFailed or TimeoutError, when they are first needed."""

    def __init__(
        self, read: Callable[[float], dict[str, bytes]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read or read_keys
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._read_at: float | None = None

    def verify(self, token: str, audience: str) -> Proof:
        """Return what the token proves. Raises Refused, or KeysFailed where there are no keys to verify it with."""
        if not self._keys or self._read_at is None or self._clock() - self._read_at > _KEPT:
            self._fetch()
        try:
            return verify(token, self._keys, audience, time.time())
        except UnknownKey:
            if self._clock() - (self._read_at or 0) < _AGAIN:
                raise
        self._fetch()
        return verify(token, self._keys, audience, time.time())

    def _fetch(self) -> None:
        try:
            self._keys = self._read(time.monotonic() + _SECONDS)
            self._read_at = self._clock()
        except (LookupFailed, TimeoutError) as error:
            if not self._keys:
                raise KeysFailed(f"the keys of the contact's token could not be read: {error}") from error
            self._read_at = self._clock()  # the old ones still serve; not asked again for each forged token


def read_keys(deadline: float) -> dict[str, bytes]:
    """Return the keys by their id, the current one first. Raises LookupFailed or TimeoutError.

    `deadline` is a time of time.monotonic(), in seconds.
    """
    given = os.environ.get(KEYS_VARIABLE)
    if given:
        return {kid: key.encode() for kid, key in json.loads(given).items()}
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        raise LookupFailed(f"the environment variable {SECRET_VARIABLE} is not set")
    client = AwsClient("secretsmanager", "secretsmanager")
    keys: dict[str, bytes] = {}
    try:
        for stage in _STAGES:
            try:
                answer = client.call("GetSecretValue", {"SecretId": secret, "VersionStage": stage}, deadline)
            except LookupFailed as error:
                if keys and "ResourceNotFoundException" in str(error):  # it has never been rotated
                    continue
                raise
            kid, key = read_secret(answer)
            keys.setdefault(kid, key)
    finally:
        client.disconnect()
    return keys
