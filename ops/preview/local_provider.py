"""Preview's own OpenID provider, for `auth = "oidc"`: it signs in whoever says their name. Authlib does the protocol.

    with LocalProvider(client_id="popdesk", audience="popdesk-api", redirect_uri="http://localhost:8001/") as provider:
        provider.issuer             # "http://127.0.0.1:PORT", another origin than the app's
        provider.authorization_endpoint, provider.token_endpoint, provider.keys

It wants PKCE with S256 (RFC 7636) and the exact redirect URI, takes each code and each refresh token once, and signs access
tokens as JWTs (RFC 9068), as an HTTP API's authorizer wants them. Flask and Authlib are development dependencies: a deployed
Popdesk has the identity provider of its instance.
"""

from __future__ import annotations

import secrets
import threading
import time
from types import TracebackType
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from markupsafe import escape
from werkzeug.serving import WSGIRequestHandler, make_server

SCOPES = "openid profile offline_access"
_PAGE = """<!doctype html><html lang="en"><title>Preview's sign-in</title>
<style>body{font:16px system-ui;max-width:24em;margin:4em auto}input,button{font:inherit;padding:.4em}</style>
<h1>Sign in</h1><p>Preview's own identity provider: any name will do.</p>
<form method="post"><p><label>Name <input name="name" value="Alex Rivera" autofocus required maxlength="80"></label></p>
<p><button name="answer" value="yes">Sign in</button>
<button name="answer" value="no" formnovalidate>Cancel</button></p></form>"""


class _Client:
    """The one client: the page, which can keep no secret (RFC 6749, 2.1: public)."""

    def __init__(self, client_id: str, redirect_uri: str) -> None:
        self.client_id = client_id
        self.redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in SCOPES.split())

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return not client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none" or endpoint != "token"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


class _User:
    """Whoever signs in."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_user_id(self) -> str:
        return "user-" + self.name.casefold().replace(" ", "-")


class _Grant:
    """An authorization code or a refresh token: what it was given for, and until when."""

    def __init__(self, user: _User, client: _Client, scope: str, seconds: float, **more: Any) -> None:
        self.user, self.client, self.scope = user, client, scope
        self.redirect_uri: str = more.get("redirect_uri", "")
        self.nonce: str = more.get("nonce", "")
        self.code_challenge: str = more.get("code_challenge", "")
        self.code_challenge_method: str = more.get("code_challenge_method", "")
        self.auth_time = int(time.time())
        self._until = time.monotonic() + seconds

    def is_expired(self) -> bool:
        return time.monotonic() > self._until

    def is_revoked(self) -> bool:
        return False

    def check_client(self, client: _Client) -> bool:
        return client is self.client

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class _Pkce(CodeChallenge):  # type: ignore[misc]  # Authlib has no types
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"


class LocalProvider:
    """The provider, on a free port of 127.0.0.1; a context manager.

    For tests: `access_seconds` is how long an access token is good, `ahead_seconds` how far its clock is ahead.
    """

    def __init__(self, client_id: str, audience: str, redirect_uri: str) -> None:
        self.client = _Client(client_id, redirect_uri)
        self.audience = audience
        self.access_seconds = 600
        self.ahead_seconds = 0
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"}, private=True)
        self.codes: dict[str, _Grant] = {}
        self.refreshes: dict[str, _Grant] = {}
        self._server = make_server("127.0.0.1", 0, _application(self), threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="provider", daemon=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.authorization_endpoint = f"{self.issuer}/authorize"
        self.token_endpoint = f"{self.issuer}/token"

    def __enter__(self) -> LocalProvider:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(10)
        self._server.server_close()

    def revoke(self) -> None:
        """Take back every refresh token, as an administrator does who ends an agent's sessions."""
        self.refreshes.clear()

    @property
    def keys(self) -> dict[str, Any]:
        """The public keys, as a JWK set (RFC 7517)."""
        return dict(KeySet([self.key]).as_dict(private=False))

    def now(self) -> int:
        """Return the time by the provider's clock, in seconds since 1970."""
        return int(time.time()) + self.ahead_seconds


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: the addresses of a sign-in have its codes."""


def _application(provider: LocalProvider) -> Flask:
    app = Flask("popdesk-provider")
    server = AuthorizationServer()

    def save_token(token: dict[str, Any], asked: Any) -> None:
        if token.get("refresh_token"):
            provider.refreshes[token["refresh_token"]] = _Grant(
                asked.user, provider.client, token.get("scope", ""), 8 * 3600
            )

    server.init_app(
        app,
        query_client=lambda name: provider.client if name == provider.client.client_id else None,
        save_token=save_token,
    )
    server.register_token_generator("default", _tokens(provider))
    server.register_grant(_code_grant(provider), [_id_tokens(provider), _Pkce(required=True)])
    server.register_grant(_refresh_grant(provider))

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        try:
            grant = server.get_consent_grant(end_user=None)
        except OAuth2Error as error:
            return (
                server.handle_error_response(None, error) if error.redirect_uri else Response(str(escape(error)), 400)
            )
        if request.method == "GET":
            return Response(_PAGE)
        user = _User(request.form["name"][:80] or "Agent") if request.form.get("answer") == "yes" else None
        return server.create_authorization_response(grant=grant, grant_user=user)

    @app.route("/token", methods=["POST", "OPTIONS"])
    def token() -> Any:
        answer = Response(status=204) if request.method == "OPTIONS" else server.create_token_response()
        # A public client in a browser is on another origin; it sends no cookies, so any origin may ask.
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.route("/.well-known/openid-configuration")
    def configuration() -> Any:
        return jsonify(
            issuer=provider.issuer,
            authorization_endpoint=provider.authorization_endpoint,
            token_endpoint=provider.token_endpoint,
            jwks_uri=f"{provider.issuer}/keys",
            response_types_supported=["code"],
            code_challenge_methods_supported=["S256"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
        )

    @app.route("/keys")
    def keys() -> Any:
        return jsonify(provider.keys)

    return app


def _code_grant(provider: LocalProvider) -> type[grants.AuthorizationCodeGrant]:
    class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

        def save_authorization_code(self, code: str, asked: Any) -> None:
            given = asked.payload.data
            provider.codes[code] = _Grant(
                asked.user,
                provider.client,
                asked.payload.scope or "",
                60,
                redirect_uri=asked.payload.redirect_uri or "",
                nonce=given.get("nonce", ""),
                code_challenge=given.get("code_challenge", ""),
                code_challenge_method=given.get("code_challenge_method", ""),
            )

        def query_authorization_code(self, code: str, client: _Client) -> _Grant | None:
            found = provider.codes.get(code)
            return found if found and found.client is client and not found.is_expired() else None

        def delete_authorization_code(self, authorization_code: _Grant) -> None:
            for code in [code for code, grant in provider.codes.items() if grant is authorization_code]:
                del provider.codes[code]

        def authenticate_user(self, authorization_code: _Grant) -> _User:
            return authorization_code.user

    return CodeGrant


def _refresh_grant(provider: LocalProvider) -> type[grants.RefreshTokenGrant]:
    class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]  # Authlib has no types
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
        INCLUDE_NEW_REFRESH_TOKEN = True  # each is good once (RFC 9700, 4.14.2)

        def authenticate_refresh_token(self, refresh_token: str) -> _Grant | None:
            found = provider.refreshes.get(refresh_token)
            return found if found and not found.is_expired() else None

        def authenticate_user(self, refresh_token: _Grant) -> _User:
            return refresh_token.user

        def revoke_old_credential(self, refresh_token: _Grant) -> None:
            for token in [token for token, grant in provider.refreshes.items() if grant is refresh_token]:
                del provider.refreshes[token]

    return RefreshGrant


def _id_tokens(provider: LocalProvider) -> OpenIDCode:
    class IdTokens(OpenIDCode):  # type: ignore[misc]  # Authlib has no types
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            del asked
            return any(grant.nonce == nonce for grant in provider.codes.values())

        def resolve_client_private_key(self, client: _Client) -> RSAKey:
            del client
            return provider.key

        def get_encode_header(self, client: _Client) -> dict[str, str]:
            del client
            return {"alg": "RS256", "kid": str(provider.key.kid)}

        def get_client_claims(self, client: _Client) -> dict[str, Any]:
            now = provider.now()
            claims = {"iss": provider.issuer, "aud": [client.client_id]}
            return {**claims, "iat": now, "exp": now + provider.access_seconds}

        def generate_user_info(self, user: _User, scope: str) -> UserInfo:
            del scope
            return UserInfo(sub=user.get_user_id(), name=user.name)

    return IdTokens(require_nonce=True)


def _tokens(provider: LocalProvider) -> JWTBearerTokenGenerator:
    class Tokens(JWTBearerTokenGenerator):  # type: ignore[misc]  # Authlib has no types
        def access_token_generator(self, client: _Client, grant_type: str, user: _User, scope: str) -> str:
            """Return a token with the key's id in its header, which Authlib's own has not and an authorizer looks for."""
            del grant_type
            now = provider.now()
            claims = {
                "iss": provider.issuer,
                "aud": provider.audience,
                "client_id": client.client_id,
                "sub": user.get_user_id(),
                "scope": scope,
                "iat": now,
                "exp": now + provider.access_seconds,
                "jti": secrets.token_urlsafe(12),
            }
            return str(jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": provider.key.kid}, claims, provider.key))

    return Tokens(
        issuer="",
        refresh_token_generator=lambda *_, **__: secrets.token_urlsafe(32),
        expires_generator=lambda *_, **__: provider.access_seconds,
    )
