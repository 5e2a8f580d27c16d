"""Preview's OpenID provider and authorizer, over real sockets: PKCE, everything once, tokens that an HTTP API takes."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ops.preview.jwt_authorizer import JwtAuthorizer, Unauthorized
from ops.preview.local_provider import LocalProvider

PAGE = "http://localhost:8001/"
VERIFIER = secrets.token_urlsafe(32)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "popdesk",
    "redirect_uri": PAGE,
    "scope": "openid offline_access",
    "state": "a-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[LocalProvider]:
    with LocalProvider("popdesk", "popdesk-api", PAGE) as made:
        yield made


def _post(provider: LocalProvider, path: str, form: dict[str, str]) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(provider.issuer).netloc, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": PAGE.rstrip("/")}
    connection.request("POST", path, urlencode(form), headers)
    answer = connection.getresponse()
    result = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return result


def _sign_in(provider: LocalProvider, answer: str = "yes", **changed: str) -> tuple[int, dict[str, str]]:
    asked = {name: text for name, text in {**ASKED, "nonce": secrets.token_hex(8), **changed}.items() if text}
    status, headers, _ = _post(provider, f"/authorize?{urlencode(asked)}", {"name": "Alex", "answer": answer})
    query = parse_qs(urlsplit(headers.get("Location", "")).query)
    return status, {name: values[0] for name, values in query.items()}


def _exchange(provider: LocalProvider, **form: str) -> tuple[int, dict[str, Any]]:
    status, headers, body = _post(provider, "/token", {"client_id": "popdesk", **form})
    assert headers["Access-Control-Allow-Origin"] == "*"
    return status, json.loads(body)


def _tokens(provider: LocalProvider) -> dict[str, Any]:
    code = _sign_in(provider)[1]["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": PAGE, "code_verifier": VERIFIER}
    status, tokens = _exchange(provider, **form)
    assert status == 200
    return tokens


def _authorizer(provider: LocalProvider, *scopes: str) -> JwtAuthorizer:
    return JwtAuthorizer(provider.issuer, "popdesk-api", scopes, provider.keys)


def test_a_sign_in_gives_tokens_that_the_authorizer_takes(provider: LocalProvider) -> None:
    tokens = _tokens(provider)
    given = _authorizer(provider, "openid").authorize(f"Bearer {tokens['access_token']}")
    assert given["claims"]["sub"] == "user-alex"
    assert given["scopes"] == ["openid"]
    assert all(type(text) is str for text in given["claims"].values())


def test_a_code_is_good_once_and_with_its_verifier_alone(provider: LocalProvider) -> None:
    _, back = _sign_in(provider)
    assert back["state"] == "a-state"
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": PAGE}
    assert _exchange(provider, **form)[1]["error"] == "invalid_request"
    assert _exchange(provider, **form, code_verifier="x" * 43)[1]["error"] == "invalid_grant"
    assert _exchange(provider, **form, code_verifier=VERIFIER)[0] == 200
    assert _exchange(provider, **form, code_verifier=VERIFIER)[1]["error"] == "invalid_grant"


def test_a_refresh_token_is_good_once_and_can_be_revoked(provider: LocalProvider) -> None:
    first = _tokens(provider)["refresh_token"]
    status, second = _exchange(provider, grant_type="refresh_token", refresh_token=first)
    assert status == 200
    assert _exchange(provider, grant_type="refresh_token", refresh_token=first)[1]["error"] == "invalid_grant"
    provider.revoke()
    again = _exchange(provider, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert again[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_is_no_sign_in_of_a_page_is_refused(provider: LocalProvider, changed: dict[str, str], error: str) -> None:
    status, back = _sign_in(provider, **changed)
    assert "code" not in back
    assert status == 400 or back["error"] == error


def test_who_cancels_is_sent_back_without_a_code(provider: LocalProvider) -> None:
    assert _sign_in(provider, "no")[1] == {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request",
        "state": "a-state",
    }


@pytest.mark.parametrize("uri", ["https://attacker.example/", PAGE + "x", "http://localhost:8001"])
def test_no_code_is_sent_to_another_address(provider: LocalProvider, uri: str) -> None:
    assert _sign_in(provider, redirect_uri=uri) == (400, {})


def test_expired_foreign_and_forged_tokens_are_refused(provider: LocalProvider) -> None:
    good = _tokens(provider)["access_token"]
    authorizer = _authorizer(provider)
    claims = jwt.decode(good, options={"verify_signature": False})
    pem = provider.key.as_pem(private=True)
    now = int(time.time())

    def signed(key: Any = pem, algorithm: str = "RS256", kid: str = str(provider.key.kid), **changed: Any) -> str:
        kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return jwt.encode(kept, key, algorithm, {"kid": kid})

    assert authorizer.authorize(f"Bearer {signed()}")["claims"]["sub"] == "user-alex"
    other = rsa.generate_private_key(65537, 2048)
    bad = [
        "",
        "a.b.c",
        good[:-8] + "AAAAAAAA",
        signed(exp=now - 1),
        signed(exp=None),
        signed(nbf=now + 600),
        signed(iss="https://attacker.example"),
        signed(aud="another-api"),
        signed(aud=None, client_id="another"),
        signed(kid="another"),
        signed(key=other),
        signed(key=None, algorithm="none"),
        signed(key="k" * 64, algorithm="HS256"),
    ]
    for token in bad:
        with pytest.raises(Unauthorized) as refused:
            authorizer.authorize(f"Bearer {token}")
        assert refused.value.status == 401
    with pytest.raises(Unauthorized) as refused:
        _authorizer(provider, "admin").authorize(f"Bearer {good}")
    assert refused.value.status == 403
