"""The adapter "http": customers in a CRM that answers JSON to a GET.

[tool.popdesk.lookup.http] says where it asks (`url`, with {kind} and {value}), with which bearer token (`token_secret`),
for how long at most (`timeout_ms`), where in the answer the list stands (`list_path`) and what our fields are called in
it (`fields`; a dot goes one level down: `name = "profile.full_name"`).

The connection is kept open between calls; a connection that fails is tried once more on a new one; 404 means no customer;
an answer over 1 MB, another status or anything but JSON fails the look-up. Redirects are not followed: the token goes to
the configured host and nowhere else.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from urllib.parse import quote, urlsplit

from customers import Customer, Customers, LookupFailed

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from identity import Identity

LONGEST_ANSWER = 1_000_000  # bytes
_CHUNK = 65_536
# Seconds for one answer of Secrets Manager or SSM. At worst two tries, each of connecting and reading: a cold start that
# waits for them leaves the budget its place in the flow's 8 seconds.
_SECRET_TIMEOUT = 1
_LOOPBACK = ("127.0.0.1", "localhost")


class HttpCustomers(Customers):
    """Finds customers over HTTP; `settings` is [tool.popdesk.lookup.http] as a dict."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._closed = False
        self._token = read_token(settings["token_secret"]) if settings["token_secret"] else ""
        self._connection = _connect(settings["url"])

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Give the customers with that number or address. Raises LookupFailed, or TimeoutError."""
        deadline = time.monotonic() + min(seconds, self._settings["timeout_ms"] / 1000)
        target = _target(self._settings["url"], identity)
        try:
            try:
                status, body = self._get(target, deadline)
            except (ConnectionError, http.client.HTTPException):
                # A kept connection that the CRM has closed meanwhile, mostly: once more, on a new one.
                self._connection.close()
                if self._closed:
                    raise
                status, body = self._get(target, deadline)
        except TimeoutError:
            self._connection.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise LookupFailed(f"the CRM was not reached: {type(error).__name__}") from error
        if status in (401, 403) and self._settings["token_secret"]:
            # Rotated, maybe: the next call reads it again, as a part of that call's time.
            self._token = ""
        if status == 404:
            return []
        if status != 200:
            raise LookupFailed(f"the CRM answered {status}")
        return self._customers(body)

    def _get(self, target: str, deadline: float) -> tuple[int, bytes]:
        if self._settings["token_secret"] and not self._token:
            self._token = read_token(self._settings["token_secret"])
        headers = {"Accept": "application/json", "User-Agent": "popdesk"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._wait_until(deadline)
        self._connection.request("GET", target, headers=headers)
        self._wait_until(deadline)
        response = self._connection.getresponse()
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > LONGEST_ANSWER:
                self._connection.close()
                raise LookupFailed("the CRM's answer is over 1 MB")
            self._wait_until(deadline)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # done with it: the connection is free for the next call
        return response.status, bytes(body)

    def _wait_until(self, deadline: float) -> None:
        """Let the socket's next operation take no longer than to `deadline`."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.timeout = left  # for a connection not made yet
        if self._connection.sock:
            self._connection.sock.settimeout(left)

    def _customers(self, body: bytes) -> list[Customer]:
        try:
            records = _pluck(json.loads(body), self._settings["list_path"])
        except (ValueError, RecursionError):
            raise LookupFailed("the CRM's answer is not JSON") from None
        if records is None:
            return []
        if isinstance(records, dict):
            records = [records]
        if not isinstance(records, list):
            raise LookupFailed("the CRM's answer has no list at lookup.http.list_path")
        fields = {ours: theirs for ours, theirs in self._settings["fields"].items() if ours in Customer.__slots__}
        return [
            Customer(**{"id": "", **{ours: _text(_pluck(record, theirs)) for ours, theirs in fields.items()}})
            for record in records
            if isinstance(record, dict)
        ]

    def close(self) -> None:
        """Hang up, and so wake the thread that waits for an answer."""
        self._closed = True
        sock = self._connection.sock
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has hung up already, which is what was wanted


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and host in _LOOPBACK:
        return http.client.HTTPConnection(host, parts.port)
    if parts.scheme != "https" or not host:
        raise LookupFailed("lookup.http.url is no https: URL")
    import ssl

    return http.client.HTTPSConnection(host, parts.port, context=ssl.create_default_context())


def _target(url: str, identity: Identity) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target.replace("{kind}", identity.kind).replace("{value}", quote(identity.value, safe=""))


def _pluck(value: Any, path: str) -> Any:
    """Give what stands at `path` (keys separated by dots; "" for `value` itself), None where there is nothing."""
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def read_token(name: str) -> str:
    """Give the bearer token: `ssm:/path` from the SSM Parameter Store, anything else from Secrets Manager.

    A secret that is a JSON object, as Secrets Manager's console makes them, has it under `token`. Raises LookupFailed.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(
        connect_timeout=_SECRET_TIMEOUT,
        read_timeout=_SECRET_TIMEOUT,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    try:
        if name.startswith("ssm:"):
            parameter = boto3.client("ssm", config=config).get_parameter(
                Name=name.removeprefix("ssm:"), WithDecryption=True
            )
            token: str = parameter["Parameter"]["Value"]
        else:
            secret = boto3.client("secretsmanager", config=config).get_secret_value(SecretId=name)
            token = secret.get("SecretString", "")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise LookupFailed(f"the CRM's token was not read: {code}") from error
    except BotoCoreError as error:
        raise LookupFailed(f"the CRM's token was not read: {type(error).__name__}") from error
    if token.lstrip().startswith("{"):
        try:
            token = _text(json.loads(token).get("token"))
        except ValueError:
            raise LookupFailed("the CRM's token is neither text nor a JSON object") from None
    token = token.strip()
    if not token.isascii() or not token.isprintable() or not token:
        raise LookupFailed("the CRM's token is empty, or not what a header may hold")
    return token


def create(lookup: dict[str, Any]) -> HttpCustomers:
    """Make the adapter; reads the token, so that the first call need not. Raises LookupFailed."""
    return HttpCustomers(lookup["http"])
