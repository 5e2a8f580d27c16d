"""The adapter "http": customers in a CRM that answers JSON to a GET.

[tool.popdesk.lookup.http] says where it asks (`url`, with {kind} and {value}), with which bearer token (`token_secret`),
for how long at most (`timeout_ms`, which is all the time there is for one look-up), where in the answer the list stands
(`list_path`) and what our fields are called in it (`fields`; a dot goes one level down, a number is a place in a list:
`name = "profile.names.0"`).

    customers = HttpCustomers(settings, "US")
    customers.find(Identity("phone", "+12065550100"), seconds=3.0)   # -> [<Customer>]

Nobody: 404, 204, an empty 200, an empty list, null or {} in its place, records without an id. A failure: another status, an
answer over 1 MB, anything but JSON, an `error` in it, no list where one should be. Redirects are not followed: the token
goes to the configured host and nowhere else.

Nobody gets the customer of the caller before, whatever a CRM or a proxy sends. A connection is thrown away where anything
has come over it since its last answer. An answer that comes twice, or too late, may still cross with the next question: over
a connection that is used again an answer counts only if the number or address that was asked for is in it; any other is no
answer, and is asked for again over a new one. Over a new one, a customer with another number or address is a failure.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from urllib.parse import quote, urlsplit

from customers import Customer, Customers, LookupFailed
from identity import directory_key, email_address, phone_number
from phonenumbers.phonenumberutil import parse, region_code_for_country_code

from adapters.http_connection import Connection

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from identity import Identity

    Record = dict[str, Any]

# Seconds for one answer of Secrets Manager or SSM. At worst two tries, each of connecting and reading: a cold start that
# waits for them leaves the budget its place in the flow's 8 seconds.
_SECRET_TIMEOUT = 1
_LOOPBACK = ("127.0.0.1", "localhost")
_MISSING = object()
# A text without these last digits of a number cannot be that number, in whatever way it is written.
_DIGITS_TO_FIND = 6
_LONGEST_TEXT = 1_000


class HttpCustomers(Customers):
    """Finds customers over HTTP; `settings` is [tool.popdesk.lookup.http] as a dict.

    `default_region` (ISO 3166-1 alpha-2) is whose national numbers the CRM's are where they have no +.
    """

    def __init__(self, settings: dict[str, Any], default_region: str) -> None:
        parts = urlsplit(settings["url"])
        loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not loopback and (parts.scheme != "https" or not parts.hostname):
            raise LookupFailed("lookup.http.url is no https: URL")
        self._settings = settings
        self._default_region = default_region
        self._closed = False
        self._token = read_token(settings["token_secret"]) if settings["token_secret"] else ""
        self._tls = None if loopback else ssl.create_default_context()
        self._connection: Connection | None = None

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with that number or address. Raises LookupFailed, or TimeoutError."""
        deadline = time.monotonic() + min(seconds, self._settings["timeout_ms"] / 1000)
        try:
            return self._find(identity, deadline)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise LookupFailed(f"the CRM was not reached: {type(error).__name__}") from error

    def _find(self, identity: Identity, deadline: float) -> list[Customer]:
        kept = self._connection is not None and self._connection.is_quiet()
        if not kept:
            self._hang_up()
        try:
            customers, proven = self._ask(identity, deadline)
            if proven or not kept:
                return customers
        except (ConnectionError, http.client.HTTPException):
            if self._closed:
                raise
        except LookupFailed:
            if self._closed or not kept:
                raise
        # Once more, on a new connection: the kept one had been closed meanwhile, mostly, or brought what answers no question
        # (a server's 408 before it hangs up) or may answer another one.
        return self._ask(identity, deadline)[0]

    def _ask(self, identity: Identity, deadline: float) -> tuple[list[Customer], bool]:
        """Return the customers, and whether the answer proves that it is about `identity`: only then the connection is kept."""
        proven = False
        try:
            target, headers = _target(self._settings["url"], identity), self._headers()
            if self._connection is None:
                self._connection = Connection(self._settings["url"], self._tls, deadline)
            status, body = self._connection.get(target, headers, deadline)
            found = self._read(status, body)
            owners = [self._is_about(record, identity) for record, _ in found]
            proven = True in owners
            if False in owners and not proven:
                raise LookupFailed(f"the CRM's customer has another {identity.kind} than the one that was asked for")
            return [customer for _, customer in found], proven
        finally:
            if not proven:
                self._hang_up()

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _headers(self) -> dict[str, str]:
        if self._settings["token_secret"] and not self._token:
            self._token = read_token(self._settings["token_secret"])
        headers = {"Accept": "application/json", "User-Agent": "popdesk"}
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers

    def _read(self, status: int, body: bytes) -> list[tuple[Record, Customer]]:
        """Return the customers of an answer, each with the CRM's record of it. Raises LookupFailed."""
        if status in (401, 403) and self._settings["token_secret"]:
            # Rotated, maybe: the next request reads it again, as a part of its call's time.
            self._token = ""
        if status in (204, 404) or (status == 200 and not body.strip()):
            return []
        if status != 200:
            raise LookupFailed(f"the CRM answered {status}")
        return read_customers(body, self._settings["list_path"], self._settings["fields"])

    def _is_about(self, record: Record, identity: Identity) -> bool | None:
        """Return whether the record has the number or address that was asked for; None where it has none to compare.

        What our field is mapped to is compared, and then every other value, since a customer may have more than one number.
        """
        wanted = directory_key(identity.kind, identity.value)
        path = self._settings["fields"].get(identity.kind)
        mapped = self._keys(_text(_pluck(record, path)), identity) if path else []
        if wanted in mapped or any(wanted in self._keys(text, identity) for text in _texts(record, identity)):
            return True
        return False if any(mapped) else None

    def _keys(self, text: str, identity: Identity) -> list[str]:
        """Return the directory's keys of what `text` may be, "" for none: the CRM writes numbers and addresses in its way."""
        if identity.kind == "email":
            return [directory_key("email", email_address(text))]
        # A number without a + may also be meant in the country of the one that was asked for.
        country = region_code_for_country_code(parse(identity.value).country_code or 0)
        regions = {self._default_region, country}
        return [directory_key("phone", phone_number(text, region)) for region in regions]

    def close(self) -> None:
        """Hang up, and so wake the thread that waits for an answer."""
        self._closed = True
        if self._connection:
            self._connection.interrupt()


def read_customers(body: bytes, list_path: str, fields: dict[str, str]) -> list[tuple[Record, Customer]]:
    """Return the customers in the CRM's JSON, each with its record. Raises LookupFailed where it is not what was agreed."""
    try:
        answer = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise LookupFailed("the CRM's answer is not JSON") from None
    if isinstance(answer, dict) and any(value for key, value in answer.items() if key.lower() in ("error", "errors")):
        raise LookupFailed("the CRM's answer has an error in it")
    records = _pluck(answer, list_path)
    if records is _MISSING:
        raise LookupFailed("the CRM's answer has nothing at lookup.http.list_path")
    if isinstance(records, dict):
        records = [records]
    if records is None:
        records = []
    if not isinstance(records, list) or not all(record is None or isinstance(record, dict) for record in records):
        raise LookupFailed("the CRM's answer has no customers at lookup.http.list_path")
    records = [record for record in records if record]
    ours = {name: path for name, path in fields.items() if name in Customer.__slots__}
    if records and all(_pluck(record, path) is _MISSING for record in records for path in ours.values()):
        raise LookupFailed("the CRM's answer has none of lookup.http.fields in its customers")
    found = []
    for record in records:
        customer = Customer(**{name: _text(_pluck(record, path)) for name, path in ours.items()})
        if customer.id.strip():
            found.append((record, customer))
        elif _pluck(record, ours["id"]) not in ("", None, _MISSING) and not customer.id:
            raise LookupFailed("a customer's id in the CRM's answer is neither a text nor a whole number")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON (RFC 8259, 6)")


def _target(url: str, identity: Identity) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target.replace("{kind}", identity.kind).replace("{value}", quote(identity.value, safe=""))


def _pluck(value: Any, path: str) -> Any:
    """Return what stands at `path`, keys and places in lists separated by dots ("" for `value` itself).

    None where null or an empty list on the way says that there is nothing, _MISSING where nobody says so.
    """
    for key in path.split(".") if path else ():
        if value is None or value == []:
            return None
        if isinstance(value, dict):
            value = value.get(key, _MISSING)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value


def _text(value: object) -> str:
    """Return a text or a whole number as text, "" for anything else: a number with a point is no id and no phone number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _texts(record: Record, identity: Identity) -> Iterator[str]:
    """Yield the record's values, however deep, that may be the number or address: the others are not worth parsing."""
    values: list[object] = [record]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            values += value.values()
        elif isinstance(value, list):
            values += value
        text = _text(value)
        if len(text) > _LONGEST_TEXT:
            continue
        if identity.kind == "email":
            if "@" in text:
                yield text
        elif identity.value[-_DIGITS_TO_FIND:] in "".join(character for character in text if character.isdecimal()):
            yield text


def read_token(name: str) -> str:
    """Return the bearer token: `ssm:/path` from the SSM Parameter Store, anything else from Secrets Manager.

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
    return HttpCustomers(lookup["http"], lookup["default_region"])
