"""The one AWS client: every call the project makes from this machine goes through `Aws.call`.

    aws = Aws(session, "us-east-1")
    aws.call("s3", "head_object", Bucket="...", Key="site/index.html")     # botocore's answer, a dict
    aws.pages("s3", "list_objects_v2", Bucket="...")                       # an iterator of such answers

A refusal comes as AwsTrouble, which knows AWS's error code. Only operations of ops/cloud/iam_policy.py's list can be called,
so the policy that `deploy.py iam-policy` prints is never short of one. Throttling and network trouble are tried again
with backoff by botocore's standard mode (docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).

The clients are botocore's, which are boto3's: boto3 itself adds resources and managed transfers, which nothing here uses
and which take a sixth of a command's start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConfigParseError, ProfileNotFound
from botocore.handlers import add_expect_header
from botocore.session import Session

from ops.cloud.aws_errors import (
    GIVES_CREDENTIALS,
    LOG_IN,
    config_problem,
    credentials_refused,
    machine_problem,
    remedy,
    unanswered,
)
from ops.cloud.iam_policy import CALLS
from ops.errors import Trouble

CONNECTIONS = 32  # how many requests are under way at once, and how many connections are kept for them
_ATTEMPTS = 8

# How these ask for the next page, and what they are given for it; every other listing here has NextToken both ways.
_TOKENS = {
    "list_objects_v2": (("ContinuationToken",), ("NextContinuationToken",)),
    "scan": (("ExclusiveStartKey",), ("LastEvaluatedKey",)),
    "simulate_principal_policy": (("Marker",), ("Marker",)),
    "list_object_versions": (("KeyMarker", "VersionIdMarker"), ("NextKeyMarker", "NextVersionIdMarker")),
}


class AwsTrouble(Trouble):
    """AWS refused a call or could not be reached. `code` is AWS's error code, or the name of botocore's exception."""

    def __init__(self, service: str, operation: str, code: str, message: str, what_to_do: str = "") -> None:
        what_to_do = what_to_do or remedy(service, operation, code, message)
        super().__init__(f"AWS {service} {operation}", f"{code}: {message}", what_to_do)
        self.service = service
        self.operation = operation
        self.code = code


class Aws:
    """Clients of one session and region. Safe for use by many threads (clients are, sessions are not).

    `before` is told (service, operation, parameters) of every call and `after` the same once it has succeeded: tests
    count calls and inject faults with them.
    """

    def __init__(self, session: Session, region: str, endpoint_url: str = "", profile: str = "") -> None:
        self.region = region
        self.profile = profile
        self.before: Callable[[str, str, dict[str, Any]], None] | None = None
        self.after: Callable[[str, str, dict[str, Any]], None] | None = None
        self._session = session
        self._endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def asks_for_a_code(self) -> bool:
        """Whether a person is asked for a code (mfa_serial) before there are credentials."""
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
        """Return the client of a service, made once. Raises Trouble where the machine's AWS configuration is wrong."""
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
                        read_timeout=60,
                        # S3 checks each upload by its signed SHA-256 instead of a second checksum in a trailer.
                        request_checksum_calculation="when_required",
                        response_checksum_validation="when_required",
                        s3={"payload_signing_enabled": True},
                    ),
                )
                # For S3 botocore asks before each upload whether it may come (Expect: 100-continue): with files as small
                # as ours that is one more round trip for nothing.
                client.meta.events.unregister("before-call.s3", add_expect_header)
                self._clients[service] = client
            return self._clients[service]

    def _create_client(self, service: str, **options: Any) -> Any:
        """Make a client, which reads the configuration and the credentials: files, programs and servers of this machine.

        Their mistakes come as ValueError (an endpoint that is no URL, a program that prints no JSON) and OSError (a
        program or a token file that is not there), without botocore's own exceptions.
        """
        try:
            client = self._session.create_client(service, **options)
            if (credentials := self._session.get_credentials()) is not None:
                credentials.get_frozen_credentials()
        except (ValueError, OSError) as error:
            if isinstance(error, BotoCoreError):
                raise
            raise Trouble(
                "AWS configuration",
                f"{type(error).__name__}: {error}",
                "correct it in ~/.aws/config or in the environment (AWS_..., credential_process, endpoint_url)",
            ) from error
        return client

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call `operation` (its name in botocore and boto3) and give the answer.

        Raises AwsTrouble; KeyError for an operation that ops/cloud/iam_policy.py does not list, which is a defect here.
        """
        CALLS[service][operation]
        try:
            if self.before:
                self.before(service, operation, parameters)
            answer: dict[str, Any] = getattr(self.client(service), operation)(**parameters)
            if self.after:
                self.after(service, operation, parameters)
            return answer
        except ClientError as error:
            raise self._refused(service, operation, error) from error
        except BotoCoreError as error:
            if (problem := machine_problem(error, self.profile)) is not None:
                raise Trouble(*problem) from error
            what_to_do = unanswered(error, self.region, _regions(self._session))
            raise AwsTrouble(service, operation, type(error).__name__, str(error), what_to_do) from error

    def _refused(self, service: str, operation: str, error: ClientError) -> Trouble:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "Unknown")), str(details.get("Message", "")) or "no reason given"
        if error.operation_name in GIVES_CREDENTIALS:  # refused before the call itself could be made
            return Trouble(*credentials_refused(error.operation_name, code, message, self.profile))
        return AwsTrouble(service, operation, code, message)

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Give the answers of a listing, page by page, each page a call of its own."""
        asks, gives = _TOKENS.get(operation, (("NextToken",), ("NextToken",)))
        while True:
            answer = self.call(service, operation, **parameters)
            yield answer
            if not any(answer.get(name) for name in gives):
                return
            parameters |= {ask: answer[name] for ask, name in zip(asks, gives, strict=True) if answer.get(name)}


def _regions(session: Session) -> frozenset[str]:
    """Return the regions of all partitions that botocore's data knows."""
    partitions = session.get_available_partitions()
    return frozenset(region for part in partitions for region in session.get_available_regions("sts", part))


def open_aws(profile: str, region: str) -> Aws:
    """Return the client of a named profile (empty for the default one).

    Raises Trouble where there is no such profile or its file cannot be read.
    """
    session = Session(profile=profile or None)
    try:
        session.get_scoped_config()  # reads the profile
    except ProfileNotFound as error:
        known = Session().available_profiles
        raise Trouble(
            f"profile {error.kwargs['profile']!r}",
            f"this machine does not know it (it knows: {', '.join(sorted(known)) or 'none'})",
            LOG_IN,
        ) from None
    except ConfigParseError as error:
        raise Trouble(*config_problem(error)) from None
    return Aws(session, region, profile=profile)
