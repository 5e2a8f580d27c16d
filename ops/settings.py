"""Read and check `[tool.popdesk]` of pyproject.toml, the one place for settings.

    settings = load_settings()                   # the shipped settings
    settings = load_settings(environment="prod")  # with [tool.popdesk.environments.prod] laid over them
    settings.attributes.url                       # -> "contactUrlPath"

A key that the file leaves out has its default, which stands here; docs/settings.md lists all keys with theirs. An environment
may override any key: its tables are merged into the tables above, a list replaces a list.
`page_settings`, `lambda_settings` and `api_settings` return the parts that travel with the page and with the Lambdas' zips.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from popdesk_api import contract
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ops import LOOKUP
from ops import ROOT as ROOT
from ops.adapter_settings import check_adapter_settings, has_settings
from ops.api_settings import Api
from ops.crm_settings import check_entry, check_fields, check_lookup_url, check_page, check_path, encode_template
from ops.errors import UserError
from ops.function_settings import FunctionSettings, Milliseconds, Table, matching
from ops.own_fields import ATTRIBUTE_NAME, BASIC_FIELDS, check_own_fields
from ops.own_words import languages
from ops.plain_reasons import plain_reason
from ops.pyproject import PYPROJECT as PYPROJECT
from ops.pyproject import read_pyproject as read_pyproject

# The CRM's templates: the placeholder of each, and what is filled in to see whether its page would be opened.
_TEMPLATES = {
    "home": ("", ["-"]),
    "customer": ("id", ["C-1001"]),
    "search": ("query", ["+12065550100", "ana@example.com"]),
}

# What an application may ask Amazon Connect for: docs.aws.amazon.com/connect/latest/adminguide/3p-apps-events-requests.html;
# User.Configuration.Edit is on the developer guide's page of setAvailabilityState alone. `*` is everything.
PERMISSIONS = (
    "User.Details.View",
    "User.Configuration.View",
    "User.Configuration.Edit",
    "User.Status.View",
    "User.Status.Edit",
    "Contact.Details.View",
    "Contact.Details.Edit",
    "Contact.CustomerDetails.View",
    "Contact.Attributes.View",
    "*",
)
# What its iframe may be given: docs.aws.amazon.com/connect/latest/adminguide/3p-apps-iframe-permissions.html.
SANDBOX = (
    "allow-forms",
    "allow-popups",
    "allow-same-origin",
    "allow-scripts",
    "allow-downloads",
    "allow-modals",
    "allow-storage-access-by-user-activation",
    "allow-popups-to-escape-sandbox",
)
ALLOW = ("clipboard-read", "clipboard-write", "microphone", "camera")
# Of an application's name and namespace.
_LONGEST_NAMES = (255, 128)
# AWS registers exactly what is listed; without these two the page is blank.
_NEEDED_SANDBOX = ("allow-same-origin", "allow-scripts")
_API_ROLES = ("customer", "token")
# Part of the stack's name, and with it of a bucket's, a role's and a function's.
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")


def _known(*known: str) -> AfterValidator:
    """Return a validator that names the entries which Amazon Connect does not know, or which come twice."""

    def check(entries: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [repr(entry) for entry in entries if entry not in known]:
            raise ValueError(f"Amazon Connect does not know {' or '.join(unknown)}; it knows: {', '.join(known)}")
        if twice := {entry: "" for number, entry in enumerate(entries) if entry in entries[:number]}:
            raise ValueError("; ".join(f"{entry!r} is there twice" for entry in twice))
        return entries

    return AfterValidator(check)


def _check_needed_sandbox(entries: tuple[str, ...]) -> tuple[str, ...]:
    if missing := [needed for needed in _NEEDED_SANDBOX if needed not in entries]:
        raise ValueError("; ".join(f"{needed} is missing: without it the page cannot start" for needed in missing))
    return entries


def _check_interval(seconds: int) -> int:
    if 0 < seconds < 5:
        raise ValueError("it must be at least 5 seconds, or 0 for never")
    return seconds


def _check_language(language: str) -> str:
    if language not in (known := ("auto", *languages())):
        raise ValueError(
            f"{language!r} is not a language of the page's words (there are: {', '.join(known)}; docs/words.md)"
        )
    return language


def _check_queue(queue: str) -> str:
    if not queue.strip():
        raise ValueError("it is empty: name the queue that the main flow sends contacts to, or give its ARN")
    return queue


# How often something is asked again: never, or so seldom that no agent's browser or quota feels it.
Seconds = Annotated[int, Field(ge=0, le=3600), AfterValidator(_check_interval)]
Pixels = Annotated[int, Field(ge=100, le=10_000)]


class Iframe(Table):
    """How the workspace frames the page (AppIntegrations' ContactHandling.Scope and IframeConfig)."""

    scope: Literal["PER_CONTACT", "CROSS_CONTACTS"] = "PER_CONTACT"
    sandbox: Annotated[tuple[str, ...], AfterValidator(_check_needed_sandbox), _known(*SANDBOX)] = (
        "allow-forms",
        "allow-popups",
        "allow-popups-to-escape-sandbox",
        "allow-same-origin",
        "allow-scripts",
    )
    allow: Annotated[tuple[str, ...], _known(*ALLOW)] = ("clipboard-write",)


class Pop(Table):
    """The screen pop: when, into which window, how large (pixels), and to which hosts."""

    automatic: Literal["off", "connected"] = "off"
    window: Literal["shared", "per-contact", "tab"] = "per-contact"
    width: Pixels = 1000
    height: Pixels = 700
    allowed_hosts: tuple[Annotated[str, AfterValidator(check_entry)], ...] = ("crm.example.com",)


class Crm(Table):
    """The CRM's pages. `{id}` and `{query}` are replaced by percent-encoded values; an empty `search` offers none.

    `case` is a case's page, where `{customer}` may stand too; a case has the customer's page if it is empty.

    What a URL cannot hold as it is (a space, `^`, a letter beyond ASCII) is percent-encoded here already.
    """

    home: Annotated[str, AfterValidator(lambda url: url and encode_template(url))] = "https://crm.example.com/"
    customer: str = "https://crm.example.com/customers/{id}"
    search: str = "https://crm.example.com/search?q={query}"
    case: str = ""

    @field_validator("case")
    @classmethod
    def _case_template(cls, url: str) -> str:
        if url and "{id}" not in url:
            raise ValueError(f"{url!r} has no {{id}}")
        return url and encode_template(url, "customer", "id")

    @field_validator("customer", "search")
    @classmethod
    def _template(cls, url: str, info: ValidationInfo) -> str:
        placeholder, _ = _TEMPLATES[info.field_name or ""]
        if url and f"{{{placeholder}}}" not in url:
            raise ValueError(f"{url!r} has no {{{placeholder}}}")
        return url and encode_template(url, placeholder)


class HttpLookup(Table):
    """The adapter "http": what it requests and how the CRM's JSON maps to a customer's fields."""

    url: Annotated[str, AfterValidator(check_lookup_url)] = "https://crm.example.com/api/customers?{kind}={value}"
    timeout_ms: Milliseconds = 1500
    token_secret: str = ""
    list_path: Annotated[str, AfterValidator(check_path)] = "customers"
    fields: Annotated[dict[str, str], AfterValidator(check_fields)] = Field({name: name for name in BASIC_FIELDS})


class Lookup(FunctionSettings):
    """How the Lambda finds the customer. Tables beside `http` are the settings of adapters of the team's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str = "sample"
    budget_ms: Annotated[int, Field(ge=100, le=7500)] = 3000
    default_region: Annotated[
        str, matching("[A-Z]{2}", "not a country code, such as US or GB: two capital letters (ISO 3166-1)")
    ] = "US"
    http: HttpLookup = HttpLookup()

    @model_validator(mode="after")
    def _adapters_own(self) -> Lookup:
        tables = self.__pydantic_extra__ or {}
        adapters = LOOKUP / "adapters"
        if has_settings(adapters / f"{self.adapter}.py"):
            tables.setdefault(self.adapter, {})
        for name, table in tables.items():
            if not isinstance(table, dict) or not has_settings(adapters / f"{name}.py"):
                raise ValueError(
                    f"{name}: there is no such setting, and no adapter lambda/lookup/adapters/{name}.py with a class Settings"
                )
            tables[name] = check_adapter_settings(adapters / f"{name}.py", table)
        return self

    @field_validator("adapter")
    @classmethod
    def _has_a_module(cls, adapter: str) -> str:
        # Teams add adapters of their own (docs/lambda.md), so the modules are looked at rather than listed here.
        modules = (LOOKUP / "adapters").glob("*.py")
        known = sorted(module.stem for module in modules if "\ndef create(" in module.read_text("utf-8"))
        if adapter not in known:
            raise ValueError(
                f"{adapter!r} has no module lambda/lookup/adapters/{adapter}.py with a create() (there are: {', '.join(known)})"
            )
        if adapter in (*cls.model_fields, "fields") and adapter != "http":
            raise ValueError(f"{adapter!r} is a key of [tool.popdesk.lookup] already: give the module another name")
        return adapter


class Attributes(Table):
    """The names of the contact attributes, by what they mean: the Lambda's answer keys, the flow's, the page's."""

    url: str = "contactUrlPath"
    width: str = "contactUrlWidth"
    height: str = "contactUrlHeight"
    left: str = "contactUrlLeft"
    top: str = "contactUrlTop"
    search: str = "contactSearchUrl"
    name: str = "Name"
    phone: str = "CustomePhoneReturn"  # spelt so in the article
    identity: str = "ContactPhoneNumberOrEmail"
    matches: str = "contactMatches"
    status: str = "statusCode"
    customer: str = "customerId"  # this one and the next are set only where the API is enabled
    token: str = "popdeskToken"

    @model_validator(mode="after")
    def _names(self) -> Attributes:
        seen: dict[str, str] = {}
        for role, name in self.by_role().items():
            if not ATTRIBUTE_NAME.fullmatch(name):
                raise ValueError(f"attributes.{role} = {name!r}: only letters, digits, - and _ are allowed")
            if name in seen:
                raise ValueError(f"attributes.{role} and attributes.{seen[name]} are both {name!r}")
            seen[name] = role
        return self

    def by_role(self) -> dict[str, str]:
        """Return {role: attribute name} of every role; Settings.attribute_names has those that are in use."""
        return dict(self.model_dump())


class Aws(Table):
    """Where it is deployed."""

    region: Annotated[
        str, matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "not the name of an AWS region, such as us-east-1 or eu-central-1")
    ] = "us-east-1"
    stack: Annotated[
        str,
        matching(
            "([a-z][a-z0-9-]{0,38}[a-z0-9])?",
            "not the name of a stack: 2 to 40 lower-case letters, digits and hyphens; first a letter, last no hyphen",
        ),
    ] = ""
    instance_arn: Annotated[
        str,
        matching(
            r"(arn:aws[a-z-]*:connect:[a-z0-9-]+:[0-9]{12}:instance/[0-9a-f-]{36})?",
            "not the ARN of an instance, such as arn:aws:connect:us-east-1:123456789012:instance/"
            "11111111-2222-3333-4444-555555555555: the Amazon Connect console shows it in the instance's overview,"
            ' as "Instance ARN"',
        ),
    ] = ""
    queue: Annotated[str, AfterValidator(_check_queue)] = "BasicQueue"
    domain: str = ""
    certificate_arn: Annotated[
        str,
        matching(
            r"(arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]{36})?",
            "not the ARN of a certificate in us-east-1, the only region from which CloudFront takes one, such as "
            "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555: the console of"
            " AWS Certificate Manager shows it",
        ),
    ] = ""
    log_retention_days: Annotated[int, Field(ge=1)] = 30
    alarm_topic_arn: Annotated[
        str,
        matching(
            r"(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+)?",
            "not the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:alarms: the Amazon SNS console shows it",
        ),
    ] = ""

    @property
    def instance_region(self) -> str:
        """The region of the Amazon Connect instance, by its ARN."""
        return self.instance_arn.split(":")[3]

    @property
    def instance_account(self) -> str:
        """The number of the instance's account, by its ARN."""
        return self.instance_arn.split(":")[4]


class Settings(Table):
    """All of `[tool.popdesk]`, with one environment laid over it."""

    environment: str
    name: Annotated[
        str,
        matching(
            "[A-Za-z0-9/._ -]{1,255}",
            "not an application's name, such as Popdesk: 1 to 255 letters from A to Z, digits, spaces and . _ - /",
        ),
    ] = "Popdesk"
    namespace: Annotated[
        str,
        matching(
            "[A-Za-z0-9/._-]{1,128}",
            "not a namespace, such as acme-desk: 1 to 128 letters from A to Z, digits and . _ - /, without spaces",
        ),
    ] = "popdesk"
    opens: Literal["guide", "service"] = "guide"
    pilot: str = ""
    language: Annotated[str, AfterValidator(_check_language)] = "auto"
    request_timeout_ms: Milliseconds = 5000
    connection_timeout_ms: Annotated[int, Field(ge=1_000, le=60_000)] = 5000
    mask_personal_data: bool = False
    look_again_seconds: Seconds = 0
    permissions: Annotated[tuple[str, ...], _known(*PERMISSIONS)] = (
        "User.Details.View",
        "User.Configuration.View",
        "User.Status.View",
        "Contact.Details.View",
        "Contact.CustomerDetails.View",
        "Contact.Attributes.View",
    )
    iframe: Iframe = Iframe()
    pop: Pop = Pop()
    crm: Crm = Crm()
    lookup: Lookup = Field(default_factory=lambda: Lookup())
    api: Api = Field(default_factory=lambda: Api())
    attributes: Attributes = Attributes()
    fields: dict[str, str] = Field({})
    aws: Aws = Aws()

    def attribute_names(self) -> dict[str, str]:
        """Return {role: attribute name} of the roles that are in use, e.g. {"url": "contactUrlPath", ...}.

        The Lambda's answer, the flow and the page have these. The customer's id and the contact's token are for the API.
        """
        names = self.attributes.by_role()
        return names if self.api.enabled else {role: names[role] for role in names if role not in _API_ROLES}

    @property
    def service(self) -> tuple[str, str]:
        """The name and the namespace of the application that is registered as a service, where a service opens the page."""
        return f"{self.name} service", f"{self.namespace}-service"

    def connect_origins(self) -> tuple[str, ...]:
        """Return the origins that the page connects to beside its own: the identity provider's, where agents sign in."""
        return (self.api.oidc.token_origin,) if self.api.enabled and self.api.auth == "oidc" else ()

    def secret_attributes(self) -> list[str]:
        """Return the names of the attributes whose values neither the page nor a log may show."""
        return [name for role, name in self.attribute_names().items() if role == "token"]

    def with_local_crm(self, origin: str) -> Settings:
        """Return preview's settings: the sample CRM at `origin` (`http://127.0.0.1:8000`) stands in for the real one."""
        return self.model_copy(
            update={
                "crm": Crm(
                    home=f"{origin}/crm/",
                    customer=f"{origin}/crm/customers/{{id}}",
                    search=f"{origin}/crm/search?q={{query}}",
                    case=f"{origin}/crm/customers/{{customer}}#case-{{id}}",
                ),
                "pop": Pop(**{**self.pop.model_dump(), "allowed_hosts": (*self.pop.allowed_hosts, origin)}),
            }
        )

    @property
    def pilot_application(self) -> tuple[str, str]:
        """The name and the namespace of the pilot's application (ops/cloud/template_pilot.yaml)."""
        return f"{self.name} pilot", f"{self.namespace}-pilot"

    @property
    def pilot_service(self) -> tuple[str, str]:
        """The name and the namespace of the service that opens the pilot's page."""
        return f"{self.name} pilot service", f"{self.namespace}-pilot-service"

    @model_validator(mode="after")
    def _names_of_services(self) -> Settings:
        if self.pilot and self.opens != "service":
            raise ValueError(
                'pilot: it needs opens = "service": a guide is chosen before it is known which agent gets the contact,'
                " so it cannot open another page for the pilot's agents"
            )
        if self.opens == "service":
            longest = self.pilot_service if self.pilot else self.service
            for key, value, most in zip(("name", "namespace"), longest, _LONGEST_NAMES, strict=True):
                if len(value) > most:
                    why = "a pilot" if self.pilot else 'opens = "service"'
                    room = most - len(value) + len(str(getattr(self, key)))
                    raise ValueError(f"{key}: with {why} it has at most {room} characters")
        return self

    @model_validator(mode="after")
    def _own_fields(self) -> Settings:
        check_own_fields(self.fields, self.attribute_names())
        roles = {name.lower(): role for role, name in self.attribute_names().items()}
        for name in self.api.attributes:
            if name.lower() in roles:
                raise ValueError(
                    f"api.attributes: {name!r} is attributes.{roles[name.lower()]}, which the look-up sets"
                )
        for name in self.lookup.http.fields:
            if name not in (*BASIC_FIELDS, *self.fields):
                known = ", ".join((*BASIC_FIELDS, *self.fields))
                raise ValueError(
                    f"lookup.http.fields: {name!r} is not a customer field (there are: {known};"
                    " [tool.popdesk.fields] adds your own)"
                )
        return self

    @model_validator(mode="after")
    def _crm_is_allowed(self) -> Settings:
        for key, (placeholder, values) in _TEMPLATES.items():
            template = getattr(self.crm, key)
            try:
                if template:
                    check_page(template, placeholder, values, self.pop.allowed_hosts)
            except ValueError as error:
                raise ValueError(f"crm.{key}: {error}") from None
        try:
            if self.crm.case:
                check_page(self.crm.case.replace("{customer}", "C-1001"), "id", ["case-1"], self.pop.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"crm.case: {error}") from None
        return self


def load_settings(pyproject: Path | None = None, environment: str = "") -> Settings:
    """Read and check the settings; `environment` names a table of `[tool.popdesk.environments]`, empty for none.

    `pyproject` is the file, the checkout's where it is None.

    Raises UserError that names the file, the key and what is wrong with it.
    """
    pyproject = pyproject or PYPROJECT
    document = read_pyproject(pyproject)
    tree = _table(document.get("tool", {}), "popdesk", "tool.popdesk")
    if tree is None:
        raise UserError(str(pyproject), "it has no [tool.popdesk] table", "restore it from version control")
    tree = dict(tree)
    environments = _table(tree, "environments", "tool.popdesk.environments") or {}
    tree.pop("environments", None)
    over: dict[str, Any] = {}
    if environment:
        over = _environment(environments, environment)
        base, own = _table(tree, "aws", "tool.popdesk.aws") or {}, _table(over, "aws", "the environment's aws") or {}
        if base.get("stack") and "stack" not in own:
            raise UserError(
                "pyproject.toml",
                "tool.popdesk.aws.stack names one stack for all environments: each would change the others' one",
                f"move it to [tool.popdesk.environments.{environment}.aws]",
                exit_code=2,
            )
    tree = _merge(tree, over)
    try:
        return Settings(environment=environment, **tree)
    except ValidationError as error:
        raise _explain(error, environment) from None


def environment_names(pyproject: Path | None = None) -> tuple[str, ...]:
    """Return the names of `[tool.popdesk.environments]`, in the file's order. Raises UserError as `load_settings` does."""
    tree = _table(read_pyproject(pyproject or PYPROJECT).get("tool", {}), "popdesk", "tool.popdesk")
    return tuple(_table(tree, "environments", "tool.popdesk.environments") or ())


def _table(tree: Any, key: str, path: str) -> dict[str, Any] | None:
    """Return a table of the document, None where it is not there. Raises UserError where it is something else."""
    found = tree.get(key) if isinstance(tree, dict) else None
    if found is not None and not isinstance(found, dict):
        raise UserError("pyproject.toml", f"{path} is no table", f"write it as [{path}]", exit_code=2)
    return found


def _environment(environments: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the table of an environment. Raises UserError where there is none of that name, or where it can be no name."""
    found = _table(environments, name, f"tool.popdesk.environments.{name}")
    if found is None:
        known = ", ".join(sorted(environments)) or "none"
        raise UserError(
            f"environment {name!r}",
            f"pyproject.toml has no [tool.popdesk.environments.{name}] (it has: {known})",
            "add that table, or name one of those",
            exit_code=2,
        )
    if not _ENVIRONMENT.fullmatch(name):
        raise UserError(
            f"environment {name!r}",
            "an environment's name is at most 20 lower-case letters, digits and hyphens: the stack is named after it",
            f"rename [tool.popdesk.environments.{name}]",
            exit_code=2,
        )
    return found


def with_region(settings: Settings, region: str) -> Settings:
    """Return the settings with another AWS region (--region), unchanged where it is empty. Raises UserError (exit code 2)."""
    if not region:
        return settings
    try:
        aws = Aws(**{**settings.aws.model_dump(), "region": region})
    except ValidationError:
        raise UserError(
            f"--region {region!r}", "this is not the name of an AWS region", "name one such as us-east-1", exit_code=2
        ) from None
    return settings.model_copy(update={"aws": aws})


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _explain(error: ValidationError, environment: str) -> UserError:
    lines = []
    for problem in error.errors():
        key = ".".join(["tool", "popdesk", *(str(part) for part in problem["loc"])])
        lines.append(f"{key}: {plain_reason(problem)}")
    where = f" or [tool.popdesk.environments.{environment}]" if environment else ""
    return UserError("pyproject.toml", "; ".join(lines), f"fix it in [tool.popdesk]{where}", exit_code=2)


def page_settings(settings: Settings) -> dict[str, Any]:
    """Return what the page needs to know, as plain JSON values: the build writes it beside the page's Python."""
    api = {"api": _page_api(settings)} if settings.api.enabled else {}
    return {
        "name": settings.name,
        **({"opens": settings.opens, "pilot_name": settings.pilot_application[0]} if settings.opens != "guide" else {}),
        "language": settings.language,
        "request_timeout_ms": settings.request_timeout_ms,
        "connection_timeout_ms": settings.connection_timeout_ms,
        "mask_personal_data": settings.mask_personal_data,
        "look_again_seconds": settings.look_again_seconds,
        "permissions": list(settings.permissions),
        "scope": settings.iframe.scope,
        "pop": settings.pop.model_dump(mode="json"),
        "crm_home": settings.crm.home,
        "crm_search": settings.crm.search,
        "attributes": settings.attribute_names(),
        "fields": settings.fields,
        **api,
    }


def _page_api(settings: Settings) -> dict[str, Any]:
    return {
        "prefix": contract.PREFIX,
        "headers": {
            "contact": contract.CONTACT_HEADER,
            "agent": contract.AGENT_HEADER,
            "idempotency": contract.IDEMPOTENCY_HEADER,
        },
        "auth": settings.api.auth,
        "timeout_ms": settings.api.timeout_ms,
        "attributes": list(settings.api.attributes),
        **({"events": contract.EVENTS} if settings.api.events.enabled else {}),
        **({"oidc": settings.api.oidc.model_dump(mode="json")} if settings.api.auth == "oidc" else {}),
    }


def lambda_settings(settings: Settings) -> dict[str, Any]:
    """Return what the Lambda needs to know, as plain JSON values: it travels in the zip as settings.json."""
    lookup = settings.lookup.model_dump(mode="json", exclude={"environment", "packages", "allow", "vpc"})
    lookup["fields"] = list(settings.fields)
    # A field of the team's own has its own name in the CRM's record too, unless lookup.http.fields says where it is.
    lookup["http"]["fields"] = {name: name for name in settings.fields} | lookup["http"]["fields"]
    return {
        "crm": settings.crm.model_dump(exclude={"case"}),
        "lookup": lookup,
        "attributes": settings.attribute_names(),
        "fields": settings.fields,
        "allowed_hosts": list(settings.pop.allowed_hosts),
        "width": settings.pop.width,
        "height": settings.pop.height,
    }


def api_settings(settings: Settings) -> dict[str, Any]:
    """Return what the API needs to know, as plain JSON values: it travels in its zip as settings.json."""
    own = settings.api.model_dump(
        mode="json", exclude={"enabled", "timeout_ms", "environment", "packages", "allow", "vpc"}
    )
    return {
        **own,
        "events": {"enabled": settings.api.events.enabled},
        "crm": {"case": settings.crm.case, "customer": settings.crm.customer},
        "look_up": lambda_settings(settings),
        "allowed_hosts": list(settings.pop.allowed_hosts),
    }
