"""Tokens for tests: made by the look-up's own signer, and forged ones that it would never make."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from ops.settings import Settings

AUDIENCE = "popdesk-test"
KEYS = {"kid-1": b"a-key-of-the-tests-with-64-characters-a-key-of-the-tests-with-64"}
CONTACT = "b8f2b8a4-7e0c-4b9a-9a1e-2f2f6c1d0001"
NOW = 1_795_000_000


def with_api(settings: Settings) -> Settings:
    """Return the settings with the API enabled."""
    return settings.model_copy(update={"api": settings.api.model_copy(update={"enabled": True})})


def claims(**changed: Any) -> dict[str, Any]:
    """Return the claims of a good token, with some changed; None leaves a claim out."""
    good: dict[str, Any] = {
        "iss": "popdesk",
        "aud": AUDIENCE,
        "sub": CONTACT,
        "customers": ["C-1001"],
        "iat": NOW - 10,
        "exp": NOW + 3600,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def forge(
    payload: object,
    header: object = None,
    key: bytes = KEYS["kid-1"],
    digest: str = "sha256",
) -> str:
    """Return a compact JWS of any header and payload, signed with an HMAC; bytes are taken as they are."""
    header = {"alg": "HS256", "kid": "kid-1", "typ": "JWT"} if header is None else header
    signed = f"{_part(header)}.{_part(payload)}"
    return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), digest))}"


def _part(value: object) -> str:
    return _encoded(value if isinstance(value, bytes) else json.dumps(value).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
