"""The settings of the API, `[tool.popdesk.api]`; ops/settings.py reads and checks them with the rest.

settings.api.enabled, settings.api.cases, settings.api.http.open_cases, ...
api_settings(settings)     # what the API's zip gets, in ops/settings.py
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from ops import API
from ops.adapter_settings import check_adapter_settings, has_settings
from ops.crm_settings import check_path, check_server_url
from ops.function_settings import FunctionSettings, Milliseconds, Table, matching
from ops.own_fields import ATTRIBUTE_NAME, says_who_is_calling

ADAPTERS = API / "cases_adapters"

CASE_FIELDS = ("id", "subject", "status", "priority", "opened", "updated", "url")
EVENT_FIELDS = ("time", "title", "note")
_MOST_ATTRIBUTES = 20
_ENDPOINT = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/%+-]*)?(\?[A-Za-z0-9._~/%+=&-]*)?")


def _check_mapping(known: tuple[str, ...], needed: tuple[str, ...]) -> AfterValidator:
    """Return a validator of {field: its path in the CRM's record}."""

    def check(fields: dict[str, str]) -> dict[str, str]:
        for name, path in fields.items():
            if name not in known:
                raise ValueError(f"{name!r} is not one of {', '.join(known)}")
            if not check_path(path):
                raise ValueError(f"{name!r} has no path in the CRM's record: write one, or leave the field out")
        for name in needed:
            if name not in fields:
                raise ValueError(f"{name!r} is missing")
        return fields

    return AfterValidator(check)


def _check_words(words: dict[str, str]) -> dict[str, str]:
    if set(words) != {"open", "closed"} or not all(words.values()):
        raise ValueError('it needs the CRM\'s words for "open" and "closed", and no others')
    if words["open"] == words["closed"]:
        raise ValueError(f"{words['open']!r} cannot mean both")
    return words


class HttpCases(Table):
    """The adapter "http" for cases: which URLs of the CRM it requests and how the CRM's JSON maps to a case's fields."""

    open_cases: str = "https://crm.example.com/api/customers/{customer}/cases?status=open"
    history: str = "https://crm.example.com/api/customers/{customer}/history"
    create_case: str = "https://crm.example.com/api/customers/{customer}/cases"
    update_case: str = "https://crm.example.com/api/customers/{customer}/cases/{case}"
    case_note: str = "https://crm.example.com/api/customers/{customer}/cases/{case}/notes"
    customer_note: str = "https://crm.example.com/api/customers/{customer}/notes"
    timeout_ms: Milliseconds = 3000
    token_secret: str = ""
    idempotent: bool = False
    update_method: Literal["PATCH", "PUT", "POST"] = "PATCH"
    cases_path: Annotated[str, AfterValidator(check_path)] = "cases"
    events_path: Annotated[str, AfterValidator(check_path)] = "events"
    case_path: Annotated[str, AfterValidator(check_path)] = ""
    case_fields: Annotated[dict[str, str], _check_mapping(CASE_FIELDS, ("id", "subject", "status"))] = Field(
        {name: name for name in CASE_FIELDS}
    )
    event_fields: Annotated[dict[str, str], _check_mapping(EVENT_FIELDS, ("time", "title"))] = Field(
        {name: name for name in EVENT_FIELDS}
    )
    note_field: Annotated[str, Field(min_length=1)] = "text"
    statuses: Annotated[dict[str, str], AfterValidator(_check_words)] = Field({"open": "open", "closed": "closed"})

    @field_validator("open_cases", "history", "create_case", "customer_note")
    @classmethod
    def _of_a_customer(cls, url: str) -> str:
        url = check_server_url(url, "customer")
        if "{customer}" not in url:
            raise ValueError(f"{url!r} has no {{customer}}: it would be about no customer in particular")
        return url

    @field_validator("update_case", "case_note")
    @classmethod
    def _of_a_case(cls, url: str) -> str:
        url = check_server_url(url, "customer", "case")
        # With the customer in the URL, the CRM itself refuses the case of another one.
        for name in ("customer", "case"):
            if f"{{{name}}}" not in url:
                raise ValueError(f"{url!r} has no {{{name}}}, by which the CRM refuses another customer's case")
        return url


_Scope = Annotated[
    str,
    matching(
        r"[\x21\x23-\x5b\x5d-\x7e]+", 'not a scope, such as openid: no spaces, ", \\ or letters beyond ASCII (RFC 6749)'
    ),
]


class Oidc(Table):
    """The agent's sign-in (OpenID Connect): the identity provider's application for this page."""

    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    client_id: str = ""
    audience: str = ""
    scopes: tuple[_Scope, ...] = ("openid",)

    @field_validator("issuer")
    @classmethod
    def _is_https(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if issuer and (parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment):
            raise ValueError(f"{issuer!r} is not an issuer: an https URL without ? and # (OpenID Connect Core, 2)")
        return issuer

    @field_validator("authorization_endpoint", "token_endpoint")
    @classmethod
    def _is_an_endpoint(cls, url: str) -> str:
        # The origin of the token's stands in the page's Content-Security-Policy, which a ; or a space would end.
        if url and not _ENDPOINT.fullmatch(url):
            raise ValueError(
                f"{url!r} is not an endpoint: an https URL without # (the issuer's /.well-known/openid-configuration has both)"
            )
        return url

    @property
    def token_origin(self) -> str:
        """The origin that the page asks for tokens, e.g. "https://login.example.com"."""
        parts = urlsplit(self.token_endpoint)
        return f"{parts.scheme}://{parts.netloc}"


class Events(Table):
    """What pages tell of themselves, once for each contact, and when that is an alarm (docs/monitoring.md)."""

    enabled: bool = True
    failed_percent: Annotated[float, Field(gt=0, le=100)] = 5
    first_values_ms: Milliseconds = 3000
    least_pages: Annotated[int, Field(ge=1, le=1_000_000)] = 20


class Api(FunctionSettings):
    """The team's own API. Tables beside `http` and `oidc` are the settings of adapters of the team's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    enabled: bool = False
    auth: Literal["contact", "oidc"] = "contact"
    cases: str = "sample"
    timeout_ms: Annotated[int, Field(ge=500, le=29_000)] = 8000
    attributes: Annotated[tuple[str, ...], Field(max_length=_MOST_ATTRIBUTES)] = ()
    http: HttpCases = HttpCases()
    oidc: Oidc = Oidc()
    events: Events = Events()

    @field_validator("cases")
    @classmethod
    def _has_a_module(cls, name: str) -> str:
        known = sorted(module.stem for module in ADAPTERS.glob("*.py") if "\ndef create(" in module.read_text("utf-8"))
        if name not in known:
            raise ValueError(
                f"{name!r} has no module lambda/api/cases_adapters/{name}.py with a create() (there are: {', '.join(known)})"
            )
        if name in cls.model_fields and name != "http":
            raise ValueError(f"{name!r} is a key of [tool.popdesk.api] already: give the module another name")
        return name

    @field_validator("attributes")
    @classmethod
    def _may_be_written(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        wrong = []
        for number, name in enumerate(names):
            if not re.fullmatch(ATTRIBUTE_NAME, name):
                wrong.append(f"{name!r}: only letters, digits, - and _ are allowed")
            if says_who_is_calling(name):
                wrong.append(f"{name!r}: a contact's attribute of that name says who is calling (docs/lambda.md)")
            if name in names[:number]:
                wrong.append(f"{name!r} is there twice")
        if wrong:
            raise ValueError("; ".join(wrong))
        return names

    @model_validator(mode="after")
    def _adapters_own(self) -> Api:
        tables = self.__pydantic_extra__ or {}
        if has_settings(ADAPTERS / f"{self.cases}.py"):
            tables.setdefault(self.cases, {})
        for name, table in tables.items():
            if not isinstance(table, dict) or not has_settings(ADAPTERS / f"{name}.py"):
                raise ValueError(
                    f"{name}: there is no such setting, and no adapter lambda/api/cases_adapters/{name}.py with a class Settings"
                )
            tables[name] = check_adapter_settings(ADAPTERS / f"{name}.py", table)
        return self

    @model_validator(mode="after")
    def _sign_in_is_complete(self) -> Api:
        if self.enabled and self.auth == "oidc":
            needed = ("issuer", "authorization_endpoint", "token_endpoint", "client_id", "audience")
            if missing := [f"oidc.{name}" for name in needed if not getattr(self.oidc, name)]:
                raise ValueError(f'{", ".join(missing)}: auth = "oidc" needs {"it" if len(missing) == 1 else "them"}')
        return self
