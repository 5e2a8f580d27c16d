"""What an HTTP API's JWT authorizer does, on this machine: the agent's access token is checked before the function is asked.

    authorizer = JwtAuthorizer(issuer, "popdesk-api", ("openid",), keys)
    authorizer.authorize("Bearer eyJ...")      # -> {"claims": {...}, "scopes": None}: the event's requestContext.authorizer.jwt

Its rules: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html (RSA alone; the key by its kid; iss,
aud or client_id, exp, nbf, iat; one of the route's scopes in scope or scp).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

_ALGORITHMS = ("RS256", "RS384", "RS512")


class Unauthorized(Exception):
    """The request is answered with `status`, 401 or 403, and never reaches the function."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status
        self.message = {401: "Unauthorized", 403: "Forbidden"}[status]


class JwtAuthorizer:
    """Checks access tokens of `issuer` for `audience` with `keys`, a JWK set. One of `scopes` is enough; () wants none."""

    def __init__(self, issuer: str, audience: str, scopes: tuple[str, ...], keys: Mapping[str, Any]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._scopes = scopes
        self._keys = {key["kid"]: jwt.PyJWK.from_dict(key, "RS256") for key in keys["keys"]}

    def authorize(self, header: str) -> dict[str, Any]:
        """Return the token's claims, as text, and the scopes that the route wants. Raises Unauthorized."""
        token = header.removeprefix("Bearer ").strip()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise Unauthorized(401)
            claims = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                issuer=self._issuer,
                options={"require": ["iss", "exp", "iat"], "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthorized(401) from None
        given = claims.get("aud", claims.get("client_id"))
        if self._audience not in (given if isinstance(given, list) else [given]):
            raise Unauthorized(401)
        held = claims.get("scope", claims.get("scp", ""))
        held = held.split() if isinstance(held, str) else list(held)
        if self._scopes and not set(self._scopes) & set(held):
            raise Unauthorized(403)
        as_text = {name: value if isinstance(value, str) else str(value) for name, value in claims.items()}
        return {"claims": as_text, "scopes": list(self._scopes) or None}
