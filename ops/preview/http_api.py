"""API Gateway's part on this machine: an HTTP request as the event of an HTTP API, and a function's answer as a response.

    event = http_api_event("GET", b"/api/customers/C-1001/cases", b"status=open", headers, body)
    response(answer)                # -> (status, headers, body)

The event has payload format 2.0 (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html):
names of headers in lower case, those that come twice joined by commas, as the values of a query; cookies apart; a body that is
no text in Base64. An HTTP API hands the path over decoded, and cuts it at a decoded "?"
(github.com/middleapi/standard-server/pull/93, with captures of live events).
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

from popdesk_api.contract import ROUTE

API_ID = "preview000"
ACCOUNT = "111122223333"
_DOMAIN = f"{API_ID}.execute-api.us-east-1.amazonaws.com"
# API Gateway answers these itself (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
LONGEST_REQUEST = 10 * 1024 * 1024  # bytes of a body
LONGEST_HEADERS = 10_240  # bytes of the request line and the headers
SECONDS = 30.0  # an integration's time-out
# What the browser adds for its own connection; CloudFront and API Gateway set their own.
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")


def http_api_event(
    method: str,
    path: bytes,
    query: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    client: str = "127.0.0.1",
) -> dict[str, Any]:
    """Return the event. `path` and `query` are as they were sent, percent-encoded; `headers` are ASGI's."""
    joined: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        elif name not in _HOP_BY_HOP:
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    joined["host"] = _DOMAIN
    raw_path = unquote(path.decode("latin-1")).partition("?")[0]
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": ROUTE,
        "rawPath": raw_path,
        "rawQueryString": query.decode("latin-1"),
        "headers": joined,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": _DOMAIN,
            "domainPrefix": API_ID,
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": client,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": ROUTE,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "pathParameters": {"proxy": raw_path.removeprefix("/api/")},
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    values: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    if values:
        event["queryStringParameters"] = values
    if body:
        event["body"], event["isBase64Encoded"] = _text(body)
    return event


def _text(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), True


def response(answer: Any) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a function's answer; a wrong one is API Gateway's 500.

    An answer that has no `statusCode` is the body of a 200, as JSON (format 2.0 infers it).
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return 200, {"content-type": "application/json"}, json.dumps(answer).encode()
    try:
        status, body = int(answer["statusCode"]), answer.get("body") or ""
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else str(body).encode()
        headers = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return failure(500)
    return status, {"content-type": "text/plain;charset=UTF-8", **headers}, content


def failure(status: int) -> tuple[int, dict[str, str], bytes]:
    """Return what API Gateway itself answers: its words are these, and no problem details."""
    words = {404: "Not Found", 413: "Request Entity Too Large", 431: "Request Header Fields Too Large"}
    words |= {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable", 504: "Gateway Timeout"}
    message = json.dumps({"message": words.get(status, "Internal Server Error")})
    return status, {"content-type": "application/json", "date": formatdate(usegmt=True)}, message.encode()
