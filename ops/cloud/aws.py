"""The AWS client: every call that the project makes from this machine goes through `Aws.call`.

    aws = Aws(session, "us-east-1")
    aws.call("s3", "head_object", Bucket="...", Key="site/index.html")     # botocore's answer, a dict
    aws.read("s3", "get_object", Bucket="...", Key="site/index.html")      # the same with the object's content, bytes
    aws.pages("s3", "list_objects_v2", Bucket="...")                       # an iterator of such answers

A refusal is raised as AwsError, which has AWS's error code. Only operations that ops/cloud/iam_policy.py lists can be called,
so the policy that `deploy.py iam-policy` prints is never short of one. Throttling and network errors are tried again
with backoff by botocore's standard mode (docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). An answer
that breaks off inside its body is never taken for a shorter or an empty one: see `_check_body`.

The clients are botocore's, which are boto3's: boto3 itself adds resources and managed transfers, which nothing here uses
and which take a sixth of a command's start.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    PaginationError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.handlers import add_expect_header
from botocore.paginate import Paginator
from botocore.parsers import ResponseParserError
from botocore.session import Session

from ops.cloud.aws_errors import (
    CREDENTIAL_OPERATIONS,
    LOG_IN,
    THROTTLING,
    api_name,
    config_problem,
    credentials_refused,
    hint,
    machine_problem,
    no_answer_hint,
)
from ops.cloud.iam_policy import CALLS
from ops.errors import WRONG_SETTINGS, UserError

CONNECTIONS = 32  # how many requests are under way at once, and how many connections are kept for them
_ATTEMPTS = 8
# A service that does not answer at all: the command ends after some three minutes, not after the ten that eight attempts take.
_ANSWER_SECONDS = 60.0
_SILENT_ATTEMPTS = 3
# An operation that only reads is called again when its answer broke off; botocore itself does not do that.
_READ_ONLY = ("describe_", "get_", "head_", "list_", "scan", "simulate_")
_READ_ATTEMPTS = 4
BROKEN = "BrokenAnswer"
_BROKEN_HINT = "check the network (and HTTPS_PROXY, where there is a proxy), then run the command again"

# The one listing here for which botocore has no paginator.
_MORE_PAGINATION = {
    "describe_stack_resource_drifts": {
        "input_token": "NextToken",
        "output_token": "NextToken",
        "result_key": "StackResourceDrifts",
    }
}
_pause = time.sleep
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class AwsError(UserError):
    """AWS refused a call or could not be reached. `code` is AWS's error code, or the name of botocore's exception."""

    def __init__(self, service: str, operation: str, code: str, message: str, what_to_do: str = "") -> None:
        what_to_do = what_to_do or hint(service, operation, code, message)
        super().__init__(f"AWS {service} {operation}", f"{code}: {message}", what_to_do)
        self.service = service
        self.operation = operation
        self.code = code


class _BrokenAnswer(BotoCoreError):  # type: ignore[misc]
    """An answer whose body is incomplete."""

    fmt = "{reason}"


class Aws:
    """Clients of one session and region. Safe for use by many threads (clients are, sessions are not).

    `before` is called with (service, operation, parameters) before every call, and `after` once it has succeeded: tests
    count calls and inject faults with them. `on_retry` is called with the reason when a request was throttled or lost and
    is sent again after a wait.
    """

    def __init__(self, session: Session, region: str, endpoint_url: str = "", profile: str = "") -> None:
        self.region = region
        self.profile = profile
        self.before: Callable[[str, str, dict[str, Any]], None] | None = None
        self.after: Callable[[str, str, dict[str, Any]], None] | None = None
        self.on_retry: Callable[[str], None] | None = None
        self._session = session
        self._endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def requires_mfa(self) -> bool:
        """Whether the profile has an mfa_serial, so that a person must type a code before there are credentials."""
        profiles = self._session.full_config.get("profiles", {})
        name, seen = self._session.get_config_variable("profile") or "default", set[str]()
        while name and name not in seen:
            seen.add(name)
            profile = profiles.get(name, {})
            if "mfa_serial" in profile:
                return True
            name = profile.get("source_profile", "")
        return False

    def client(self, service: str) -> Any:
        """Return the client of a service, made once. Raises UserError where the machine's AWS configuration is wrong."""
        with self._lock:
            if service not in self._clients:
                client = self._create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self._endpoint_url or None,
                    config=Config(
                        max_pool_connections=CONNECTIONS,
                        # What CloudTrail shows; botocore's own takes a tenth of a small upload's time to put together.
                        user_agent="popdesk",
                        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                        connect_timeout=10,
                        read_timeout=_ANSWER_SECONDS,
                        # S3 checks each upload by its signed SHA-256 instead of a second checksum in a trailer.
                        request_checksum_calculation="when_required",
                        response_checksum_validation="when_required",
                        s3={"payload_signing_enabled": True},
                    ),
                )
                # For S3 botocore asks before each upload whether it may come (Expect: 100-continue): with files as small
                # as ours that is one more round trip for nothing.
                client.meta.events.unregister("before-call.s3", add_expect_header)
                client.meta.events.register("before-parse", _check_body)
                client.meta.events.register("needs-retry", self._notify_retry)
                self._clients[service] = client
            return self._clients[service]

    def _notify_retry(
        self, response: tuple[Any, dict[str, Any]] | None, caught_exception: Exception | None, attempts: int, **_: Any
    ) -> None:
        """Call `on_retry` for an attempt that failed. Returns None: what to do about it is botocore's decision.

        Raises what was caught where the service has been silent as often as that is waited for.
        """
        if isinstance(caught_exception, ReadTimeoutError) and attempts >= _SILENT_ATTEMPTS:
            raise caught_exception
        if self.on_retry is None or attempts >= _ATTEMPTS:
            return
        if caught_exception is not None:
            self.on_retry(type(caught_exception).__name__)
        elif response is not None:
            http, parsed = response
            code = str(parsed.get("Error", {}).get("Code", ""))
            if http.status_code >= 500 or code in THROTTLING:
                self.on_retry(code or str(http.status_code))

    def _create_client(self, service: str, **options: Any) -> Any:
        """Make a client, which reads the configuration and the credentials: files, programs and servers of this machine.

        Errors in them come as what Python raises: ValueError (an endpoint that is no URL, a program that prints no JSON),
        OSError (a program or a token file that is not there), or as whatever botocore trips over in JSON of another form.
        """
        try:
            client = self._session.create_client(service, **options)
            if (credentials := self._session.get_credentials()) is not None:
                credentials.get_frozen_credentials()
        except (ValueError, OSError, AttributeError, KeyError, TypeError) as error:
            if isinstance(error, BotoCoreError):
                raise
            raise UserError(
                "AWS configuration",
                f"{type(error).__name__}: {error}",
                "correct it in ~/.aws/config or in the environment (AWS_..., credential_process, endpoint_url)",
            ) from error
        return client

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call `operation` (its name in botocore and boto3) and return the answer.

        Raises AwsError; KeyError for an operation that ops/cloud/iam_policy.py does not list, which is a defect here.
        """
        answer, _ = self._ask(service, operation, parameters, with_body=False)
        return answer

    def read(self, service: str, operation: str, **parameters: Any) -> tuple[dict[str, Any], bytes]:
        """Call `operation`, whose answer has a stream `Body`, and return the answer and the body's bytes.

        Raises as `call` does, also for a connection that breaks inside the body.
        """
        return self._ask(service, operation, parameters, with_body=True)

    def _ask(
        self, service: str, operation: str, parameters: dict[str, Any], with_body: bool
    ) -> tuple[dict[str, Any], bytes]:
        CALLS[service][operation]
        attempts = _READ_ATTEMPTS if operation.startswith(_READ_ONLY) else 1
        for attempt in range(1, attempts + 1):
            try:
                return self._ask_once(service, operation, parameters, with_body)
            except AwsError as failure:
                if failure.code != BROKEN or attempt == attempts:
                    raise
                _pause(0.2 * 2**attempt)
        raise AssertionError("unreachable")

    def _ask_once(
        self, service: str, operation: str, parameters: dict[str, Any], with_body: bool
    ) -> tuple[dict[str, Any], bytes]:
        try:
            if self.before:
                self.before(service, operation, parameters)
            answer: dict[str, Any] = getattr(self.client(service), operation)(**parameters)
            body = b""
            if with_body:
                try:
                    body = answer["Body"].read()
                except BotoCoreError as error:
                    raise _BrokenAnswer(reason=str(error)) from error
            if self.after:
                self.after(service, operation, parameters)
            return answer, body
        except ClientError as error:
            raise self._refused(service, operation, error) from error
        except (_BrokenAnswer, ResponseParserError) as error:
            reason = f"the answer broke off or is not AWS's: {error}"
            raise AwsError(service, operation, BROKEN, reason, _BROKEN_HINT) from error
        except BotoCoreError as error:
            if (problem := machine_problem(error, self.profile)) is not None:
                raise UserError(*problem) from error
            what_to_do = no_answer_hint(error, self.region, _regions(self._session))
            raise AwsError(service, operation, type(error).__name__, str(error), what_to_do) from error

    def _refused(self, service: str, operation: str, error: ClientError) -> UserError:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "Unknown")), str(details.get("Message", "")) or "no reason given"
        if error.operation_name in CREDENTIAL_OPERATIONS:  # refused before the call itself could be made
            return UserError(*credentials_refused(error.operation_name, code, message, self.profile))
        return AwsError(service, operation, code, message)

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Return the answers of a listing, page by page. Each page is a `call` of its own, and raises as that does."""
        pagination = _MORE_PAGINATION.get(operation)
        if pagination is None:
            with self._lock:  # sessions are not safe for use by many threads
                pagination = self._session.get_paginator_model(service).get_paginator(api_name(operation))
        try:
            yield from Paginator(partial(self.call, service, operation), pagination, None).paginate(**parameters)
        except PaginationError as error:
            raise AwsError(service, operation, "PaginationError", str(error), _BROKEN_HINT) from error


def map_concurrently(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return the function's result for each item, CONNECTIONS at once. The first failure stops the rest and is raised."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(function, items))


def _regions(session: Session) -> frozenset[str]:
    """Return the regions of all partitions that botocore's data knows."""
    partitions = session.get_available_partitions()
    return frozenset(region for part in partitions for region in session.get_available_regions("sts", part))


def _check_body(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise _BrokenAnswer for an answer of success whose body is cut short or is not of the service's protocol.

    botocore returns such an answer as if AWS had left things out: a listing that is empty, an alias without a version.
    """
    body = response_dict["body"]
    if response_dict["status_code"] >= 300 or not isinstance(body, bytes) or operation_model.http["method"] == "HEAD":
        return
    said = response_dict["headers"].get("content-length")
    if said is not None and said != str(len(body)):
        raise _BrokenAnswer(reason=f"{len(body)} of {said} bytes came")
    shape = operation_model.output_shape
    if shape is None or all("location" in member.serialization for member in shape.members.values()):
        return
    if operation_model.service_model.resolved_protocol in ("json", "rest-json"):
        try:
            whole = isinstance(json.loads(body), dict)
        except ValueError:
            whole = False
    else:
        # XML that is cut is noticed by its parser; a proxy's page in HTML would be read as an answer with nothing in it.
        whole = bool(body.strip()) and not body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
    if not whole:
        raise _BrokenAnswer(reason=f"its {len(body)} bytes are no {operation_model.name} answer")


def open_aws(profile: str, region: str) -> Aws:
    """Return the client of a named profile (empty for the default one).

    Raises UserError where there is no such profile (exit code 2) or its file cannot be read.
    """
    session = Session(profile=profile or None)
    try:
        session.get_scoped_config()  # reads the profile
    except ProfileNotFound as error:
        known = Session().available_profiles
        raise UserError(
            f"profile {error.kwargs['profile']!r}",
            f"this machine does not know it (it knows: {', '.join(sorted(known)) or 'none'})",
            LOG_IN,
            exit_code=WRONG_SETTINGS,
        ) from None
    except ConfigParseError as error:
        raise UserError(*config_problem(error)) from None
    return Aws(session, region, profile=profile)
