"""Calls AWS services that speak JSON over POST (DynamoDB, Secrets Manager, SSM), without boto3.

    dynamodb = AwsClient("dynamodb", "DynamoDB_20120810", version="1.0")
    dynamodb.call("Query", {"TableName": "customers", ...}, deadline)    # -> the answer, a dict

A deadline is a time of time.monotonic(), in seconds. Region, credentials and endpoint come from the environment, where Lambda
puts them (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). AWS_ENDPOINT_URL and, for one service,
AWS_ENDPOINT_URL_DYNAMODB are the SDKs' own (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).

boto3 would take five times as long to start as everything else in the Lambda, and botocore's signer alone three times as long:
it imports urllib3 and dateutil. tests/aws/test_aws_client.py compares each signature and endpoint with botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import random
import re
import ssl
import time

from customers import LookupFailed

from adapters.http_connection import Connection

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

# Errors that a second attempt may cure, as in botocore's standard mode
# (docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), and every status from 500 on.
_RETRIED = re.compile(
    "Throttl|SlowDown|LimitExceeded|ThroughputExceeded|TooManyRequests|TransactionInProgress|PriorRequestNotComplete"
    "|RequestTimeout"
)
_PAUSE = 0.05  # seconds before the second attempt, at most
_CODE = re.compile(r"[A-Za-z0-9]{1,64}")
# The domain of each partition's endpoints, by the beginning of its regions' names.
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}


class AwsClient:
    """Calls `service` over one connection that is kept open; serves one call at a time.

    `api` stands before the operation in the header X-Amz-Target, `version` is that of the JSON protocol; both are in the
    service's model in botocore. Raises LookupFailed if the environment has no region or endpoint.
    """

    def __init__(self, service: str, api: str, version: str = "1.1") -> None:
        self._service = service
        self._api = api
        self._version = version
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        if not self._region:
            raise LookupFailed("the environment variable AWS_REGION is not set")
        self._url = endpoint(service, self._region)
        https = self._url.startswith("https://")
        self._tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None) if https else None
        self._connection: Connection | None = None
        self._closed = False

    def call(self, operation: str, parameters: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Return the service's answer, after one more attempt if the first fails for a reason that may pass.

        The first attempt has half of the time. Raises TimeoutError, or LookupFailed with the service's error code.
        """
        body = json.dumps(parameters).encode()
        now = time.monotonic()
        try:
            return self._attempt(operation, body, now + (deadline - now) / 2)
        except (OSError, http.client.HTTPException, _Retried):
            if self._closed:
                raise LookupFailed("the call was abandoned") from None
        time.sleep(max(min(random.uniform(0, _PAUSE), deadline - time.monotonic()), 0))
        try:
            return self._attempt(operation, body, deadline)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise LookupFailed(f"{self._service} could not be reached: {type(error).__name__}") from error

    def _attempt(self, operation: str, body: bytes, deadline: float) -> dict[str, Any]:
        if self._connection is not None and not self._connection.is_reusable():
            self.disconnect()
        complete = False
        try:
            if self._connection is None:
                self._connection = Connection(self._url, self._tls, deadline)
            headers = {
                "Content-Type": f"application/x-amz-json-{self._version}",
                "X-Amz-Target": f"{self._api}.{operation}",
            }
            signed = sign(self._url, self._service, self._region, headers, body, time.time())
            status, answer = self._connection.request("POST", "/", signed, body, deadline)
            complete = True
        finally:
            if not complete:
                self.disconnect()
        return self._read(status, answer)

    def _read(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        self.disconnect()
        if status == 200:
            raise LookupFailed(f"{self._service}'s answer is not a JSON object")
        # {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", ...}. The message is not shown: it may
        # contain what was asked for.
        code = str(answer.get("__type", "")).rpartition("#")[2] if isinstance(answer, dict) else ""
        text = f"{self._service} answered {code if _CODE.fullmatch(code) else status}"
        raise _Retried(text) if status >= 500 or status == 429 or _RETRIED.search(code) else LookupFailed(text)

    def disconnect(self) -> None:
        """Close the connection, if there is one: the next call makes a new one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Shut the connection down, which wakes a thread that waits for an answer; that call fails. May be called twice."""
        self._closed = True
        if self._connection:
            self._connection.interrupt()


class _Retried(LookupFailed):
    """The service answered with an error that a second attempt may cure."""


def endpoint(service: str, region: str) -> str:
    """Return the origin of a service, e.g. `https://dynamodb.eu-west-1.amazonaws.com`. Raises LookupFailed."""
    url = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    if url:
        url = url.rstrip("/")
        if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?", url):
            raise LookupFailed("AWS_ENDPOINT_URL is not a URL of a host without a path")
        return url
    domain = next((name for start, name in _DOMAINS.items() if region.startswith(start)), "amazonaws.com")
    return f"https://{service}.{region}.{domain}"


def sign(url: str, service: str, region: str, headers: dict[str, str], body: bytes, now: float) -> dict[str, str]:
    """Return `headers` with those that sign the request POST / of `body` to `url`, with the environment's credentials.

    `now` is the time in seconds since 1970. Raises LookupFailed if there are no credentials. The algorithm is Signature
    Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
    """
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise LookupFailed("the environment has no AWS credentials (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)")
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {**headers, "X-Amz-Date": moment}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["X-Amz-Security-Token"] = token
    host = url.partition("://")[2]
    signed = sorted((name.lower(), value) for name, value in [*headers.items(), ("Host", host)])
    names = ";".join(name for name, _ in signed)
    lines = [*(f"{name}:{value}" for name, value in signed), "", names, hashlib.sha256(body).hexdigest()]
    request = "\n".join(["POST", "/", "", *lines])
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    derived = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        derived = hmac.digest(derived, part.encode(), "sha256")
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={derived.hex()}"
    return {**headers, "Authorization": authorization}
