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
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.handlers import add_expect_header
from botocore.session import Session

from ops.cloud.iam_policy import CALLS
from ops.errors import Trouble

CONNECTIONS = 32  # how many requests are under way at once, and how many connections are kept for them
_ATTEMPTS = 8
_CREDENTIALS = "log in (aws sso login, aws configure) or name another profile with --profile"

# What a person can do about a refusal, by AWS's error code.
_REMEDIES = {
    "AccessDenied": "give the caller what `deploy.py iam-policy` prints",
    "AccessDeniedException": "give the caller what `deploy.py iam-policy` prints",
    "UnauthorizedOperation": "give the caller what `deploy.py iam-policy` prints",
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "SignatureDoesNotMatch": "check the secret key and this machine's clock",
    "NoRegionError": "set aws.region in [tool.popdesk] or pass --region",
    "NoSuchBucket": "run the command again; if it stays, `deploy.py status` says what the stack has",
    "SlowDown": "wait a minute and run the command again",
    "Throttling": "wait a minute and run the command again",
    "ThrottlingException": "wait a minute and run the command again",
    "TooManyRequestsException": "wait a minute and run the command again",
}
# How these ask for the next page, and what they are given for it; every other listing here has NextToken both ways.
_TOKENS = {
    "list_objects_v2": (("ContinuationToken",), ("NextContinuationToken",)),
    "scan": (("ExclusiveStartKey",), ("LastEvaluatedKey",)),
    "simulate_principal_policy": (("Marker",), ("Marker",)),
    "list_object_versions": (("KeyMarker", "VersionIdMarker"), ("NextKeyMarker", "NextVersionIdMarker")),
}
_AGAIN = "run the command again: it goes on where it stopped"


class AwsTrouble(Trouble):
    """AWS refused a call or could not be reached. `code` is AWS's error code, or the name of botocore's exception."""

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        super().__init__(f"AWS {service} {operation}", f"{code}: {message}", _REMEDIES.get(code, _AGAIN))
        self.service = service
        self.operation = operation
        self.code = code


class Aws:
    """Clients of one session and region. Safe for use by many threads (clients are, sessions are not).

    `before` is told (service, operation, parameters) of every call and `after` the same once it has succeeded: tests
    count calls and inject faults with them.
    """

    def __init__(self, session: Session, region: str, endpoint_url: str = "") -> None:
        self.region = region
        self.before: Callable[[str, str, dict[str, Any]], None] | None = None
        self.after: Callable[[str, str, dict[str, Any]], None] | None = None
        self._session = session
        self._endpoint_url = endpoint_url
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """Give the client of a service, made once."""
        with self._lock:
            if service not in self._clients:
                client = self._session.create_client(
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
            details = error.response.get("Error", {})
            code, message = str(details.get("Code", "Unknown")), str(details.get("Message", ""))
            raise AwsTrouble(service, operation, code, message or "no reason given") from error
        except (NoCredentialsError, PartialCredentialsError, TokenRetrievalError, SSOError) as error:
            raise Trouble("AWS credentials", str(error), _CREDENTIALS) from error
        except BotoCoreError as error:
            raise AwsTrouble(service, operation, type(error).__name__, str(error)) from error

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Give the answers of a listing, page by page, each page a call of its own."""
        asks, gives = _TOKENS.get(operation, (("NextToken",), ("NextToken",)))
        while True:
            answer = self.call(service, operation, **parameters)
            yield answer
            if not any(answer.get(name) for name in gives):
                return
            parameters |= {ask: answer[name] for ask, name in zip(asks, gives, strict=True) if answer.get(name)}


def open_aws(profile: str, region: str) -> Aws:
    """Give the client of a named profile (empty for the default one). Raises Trouble where there is no such profile."""
    session = Session(profile=profile or None)
    try:
        session.get_scoped_config()  # reads the profile
    except ProfileNotFound as error:
        known = ", ".join(sorted(Session().available_profiles)) or "none"
        raise Trouble(
            f"profile {error.kwargs['profile']!r}", f"this machine does not know it (it knows: {known})", _CREDENTIALS
        ) from None
    return Aws(session, region)
