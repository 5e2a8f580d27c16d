"""The adapter "http": finds customers in a CRM that answers a GET request with JSON.

    customers = HttpCustomers(settings, "US")      # [tool.popdesk.lookup.http] as a dict; docs/crm.md explains its keys
    customers.find(Identity("phone", "+12065550100"), seconds=3.0)   # -> [<Customer>]

There is no customer: 404, 204, an empty 200; an empty list, null or {} at `list_path`; records without an id. The look-up
has failed: any other status, a response over 1 MB or that is not JSON, an `error` in it, no list at `list_path`. Redirects
are not followed, so that the token is sent to the configured host only.

A caller must never get the previous caller's customer, even if the CRM or a proxy sends a response twice or late:
- A connection is closed if anything has arrived on it since the last response.
- A response that arrives just after the next request was sent is not noticed that way. So on a reused connection a response
  counts only if it contains the number or address of the request; otherwise the request is repeated on a new connection.
- On a new connection, a customer with a different number or address is a failure.
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
from adapters.rest import MISSING, parse_answer, pluck, read_token, text_of

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from identity import Identity

    Record = dict[str, Any]

# Seconds for reading the token at a cold start. The flow waits two seconds longer than the budget (lambda_seconds in
# ops/flows/definitions.py), so the first call is still answered within its time.
_TOKEN_SECONDS = 2
_LOOPBACK = ("127.0.0.1", "localhost")
_BASIC = ("id", "name", "phone", "email")  # what every customer has; the others are the team's own
# However a number is written, its last digits are in the text: the text is parsed only if it has this many of them.
_DIGITS_TO_FIND = 6
_LONGEST_TEXT = 1_000


class HttpCustomers(Customers):
    """Finds customers over HTTP; `settings` is [tool.popdesk.lookup.http] as a dict.

    `default_region` (ISO 3166-1 alpha-2) is the country of the CRM's numbers that have no +.
    """

    def __init__(self, settings: dict[str, Any], default_region: str) -> None:
        parts = urlsplit(settings["url"])
        loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if not loopback and (parts.scheme != "https" or not parts.hostname):
            raise LookupFailed("lookup.http.url is not an https URL")
        self._settings = settings
        self._default_region = default_region
        self._closed = False
        self._token = ""
        if settings["token_secret"]:
            self._token = read_token(settings["token_secret"], time.monotonic() + _TOKEN_SECONDS)
        self._tls = None if loopback else ssl.create_default_context()
        self._connection: Connection | None = None

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with this number or address. Raises LookupFailed or TimeoutError."""
        deadline = time.monotonic() + min(seconds, self._settings["timeout_ms"] / 1000)
        try:
            return self._find(identity, deadline)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise LookupFailed(f"the CRM could not be reached: {type(error).__name__}") from error

    def _find(self, identity: Identity, deadline: float) -> list[Customer]:
        reused = self._connection is not None and self._connection.is_reusable()
        if not reused:
            self._disconnect()
        try:
            customers, confirmed = self._request(identity, deadline)
            if confirmed or not reused:
                return customers
        except (ConnectionError, http.client.HTTPException):
            if self._closed:
                raise
        except LookupFailed:
            if self._closed or not reused:
                raise
        # Once more, on a new connection. The server had closed the reused one, or its response was to no request (a 408
        # before closing) or may have been to an earlier one. A new connection that broke gets its second attempt here too.
        return self._request(identity, deadline)[0]

    def _request(self, identity: Identity, deadline: float) -> tuple[list[Customer], bool]:
        """Return the customers and whether the response is certainly about `identity`; only then is the connection kept."""
        confirmed = False
        try:
            target, headers = _target(self._settings["url"], identity), self._headers(deadline)
            if self._connection is None:
                self._connection = Connection(self._settings["url"], self._tls, deadline)
            status, body = self._connection.get(target, headers, deadline)
            found = self._read(status, body)
            matches = [self._matches(record, identity) for record, _ in found]
            confirmed = True in matches
            if False in matches and not confirmed:
                raise LookupFailed(f"the CRM answered with a customer who has a different {identity.kind}")
            return [customer for _, customer in found], confirmed
        finally:
            if not confirmed:
                self._disconnect()

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _headers(self, deadline: float) -> dict[str, str]:
        if self._settings["token_secret"] and not self._token:
            self._token = read_token(self._settings["token_secret"], deadline)
        headers = {"Accept": "application/json", "User-Agent": "popdesk"}
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers

    def _read(self, status: int, body: bytes) -> list[tuple[Record, Customer]]:
        """Return a response's customers, each with the CRM's record of them. Raises LookupFailed."""
        if status in (401, 403) and self._settings["token_secret"]:
            # The token may have been rotated: the next request reads it again, within its own deadline.
            self._token = ""
        if status in (204, 404) or (status == 200 and not body.strip()):
            return []
        if status != 200:
            raise LookupFailed(f"the CRM answered {status}")
        return read_customers(body, self._settings["list_path"], self._settings["fields"])

    def _matches(self, record: Record, identity: Identity) -> bool | None:
        """Return whether the record contains the number or address of `identity`, None if there is none to compare.

        The mapped field is compared first, then every other value, since a customer may have several numbers.
        """
        wanted = directory_key(identity.kind, identity.value)
        path = self._settings["fields"].get(identity.kind)
        mapped = self._keys(text_of(pluck(record, path)), identity) if path else []
        if wanted in mapped or any(wanted in self._keys(text, identity) for text in _texts(record, identity)):
            return True
        return False if any(mapped) else None

    def _keys(self, text: str, identity: Identity) -> list[str]:
        """Return the directory keys that `text` may have; "" is not one. CRMs format numbers in many ways."""
        if identity.kind == "email":
            return [directory_key("email", email_address(text))]
        # A number without a + may also belong to the country of the requested number.
        country = region_code_for_country_code(parse(identity.value).country_code or 0)
        regions = {self._default_region, country}
        return [directory_key("phone", phone_number(text, region)) for region in regions]

    def close(self) -> None:
        """Shut the connection down, which wakes a thread that waits for a response."""
        self._closed = True
        if self._connection:
            self._connection.interrupt()


def read_customers(body: bytes, list_path: str, fields: dict[str, str]) -> list[tuple[Record, Customer]]:
    """Return the customers in the CRM's JSON, each with their record.

    Raises LookupFailed if the JSON has no customers where `list_path` and `fields` say they are.
    """
    answer = parse_answer(body)
    records = pluck(answer, list_path)
    if records is MISSING:
        raise LookupFailed("the CRM's answer has nothing at lookup.http.list_path")
    if isinstance(records, dict):
        records = [records]
    if records is None:
        records = []
    if not isinstance(records, list) or not all(record is None or isinstance(record, dict) for record in records):
        raise LookupFailed("the CRM's answer has no customers at lookup.http.list_path")
    records = [record for record in records if record]
    basic = [path for name, path in fields.items() if name in _BASIC]
    if records and all(pluck(record, path) is MISSING for record in records for path in basic):
        raise LookupFailed("the CRM's answer has none of lookup.http.fields in its customers")
    found = []
    for record in records:
        customer = Customer(**{name: _field(name, pluck(record, path)) for name, path in fields.items()})
        if customer.id.strip():
            found.append((record, customer))
        elif pluck(record, fields["id"]) not in ("", None, MISSING) and not customer.id:
            raise LookupFailed("a customer's id in the CRM's answer is neither a string nor an integer")
    return found


def _target(url: str, identity: Identity) -> str:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target.replace("{kind}", identity.kind).replace("{value}", quote(identity.value, safe=""))


def _field(name: str, value: object) -> str:
    """Return a field's value as text. One of the team's own may also be a float or a bool, written as in JSON."""
    if name not in _BASIC and isinstance(value, (bool, float)):
        return json.dumps(value)
    return text_of(value)


def _texts(record: Record, identity: Identity) -> Iterator[str]:
    """Yield the record's values, at any depth, that may contain the number or address, to parse only those."""
    values: list[object] = [record]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            values += value.values()
        elif isinstance(value, list):
            values += value
        text = text_of(value)
        if len(text) > _LONGEST_TEXT:
            continue
        if identity.kind == "email":
            if "@" in text:
                yield text
        elif identity.value[-_DIGITS_TO_FIND:] in "".join(character for character in text if character.isdecimal()):
            yield text


def create(lookup: dict[str, Any]) -> HttpCustomers:
    """Return the adapter. It reads the token now, before the first call. Raises LookupFailed."""
    return HttpCustomers(lookup["http"], lookup["default_region"])
