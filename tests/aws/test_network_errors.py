"""Throttling and lost answers: each call of a release and a rollback meets one, as HTTP, and botocore tries again.

A real HTTP server stands between the release and moto. It refuses each call's first attempt as AWS does when it
throttles, or does it and keeps the answer back: then the second attempt finds its own work done. The waits are counted
and not slept.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from ops.cloud.aws import AwsError
from ops.cloud.iam_policy import CALLS
from tests.aws.moto_server import MotoServer
from tests.aws.relay import Relay
from tests.aws.world import World, make_site, open_test_aws, release_site

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_THROTTLED = b'{"__type": "TooManyRequestsException", "message": "Rate exceeded"}'


class Between(Relay):
    """The server on the way to moto; `met` names the calls whose first attempts met its fault."""

    def __init__(self, moto_url: str, error: str) -> None:
        self.met: list[str] = []
        self._error = error
        super().__init__(moto_url)

    def _is_first(self, handler: BaseHTTPRequestHandler) -> bool:
        return re.search(r"attempt=1\b", handler.headers.get("amz-sdk-request", "")) is not None

    def refuse(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        if not self._is_first(handler):
            return None
        self.met.append(f"{handler.command} {handler.path.partition('?')[0]}")
        if self._error != "throttled":
            return None
        return (503, _SLOW_DOWN) if "/s3/" in handler.headers.get("Authorization", "") else (429, _THROTTLED)

    def spoil(self, handler: BaseHTTPRequestHandler, _status: int, _content: bytes) -> str:
        return "lost" if self._is_first(handler) else ""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits before second attempts, in seconds; they are not slept."""
    found: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(time=time.time, sleep=found.append))
    return found


@pytest.fixture(params=["throttled", "lost"])
def between(request: pytest.FixtureRequest, moto_server: MotoServer) -> Iterator[Between]:
    with Between(moto_server.url, str(request.param)) as made:
        yield made


def test_a_release_and_a_rollback_get_through(
    between: Between, moto_server: MotoServer, tmp_path: Path, waits: list[float]
) -> None:
    world = World(moto_server, tmp_path)
    first = world.release("one", lambda_version="1")
    version = world.publish_lambda("second")
    aws = open_test_aws(between.url)
    second = release_site(aws, world.place, make_site("two"), version)
    assert world.whole() == second.id
    assert world.live_lambda() == version
    world.rollback(first.id, aws)
    assert world.whole() == first.id
    assert world.live_lambda() == "1"
    assert len(waits) >= len(between.met) > 10, "each call met its fault once and waited before its second attempt"
    assert world.invalidations() >= 3


# A call of each service.
_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "cloudformation": ("describe_stacks", {}),
    "cloudfront": (
        "create_invalidation",
        {
            "DistributionId": "E1",
            "InvalidationBatch": {"Paths": {"Quantity": 1, "Items": ["/"]}, "CallerReference": "1"},
        },
    ),
    "connect": ("describe_instance", {"InstanceId": "1"}),
    "dynamodb": ("scan", {"TableName": "table"}),
    "ec2": ("describe_subnets", {}),
    "iam": ("get_role", {"RoleName": "role"}),
    "lambda": ("get_alias", {"FunctionName": "function", "Name": "live"}),
    "s3": ("head_object", {"Bucket": "bucket", "Key": "key"}),
    "sts": ("get_caller_identity", {}),
}


def test_a_service_that_never_answers_is_asked_three_times_and_then_named(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every service, by a socket that takes connections and says nothing."""
    monkeypatch.setattr("ops.cloud.aws._ANSWER_SECONDS", 0.1)
    assert _CALLS.keys() == CALLS.keys() - {"app-integrations"}
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        aws = open_test_aws(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for service, (operation, parameters) in _CALLS.items():
            waits.clear()
            with pytest.raises(AwsError, match="Read timeout") as failed:
                aws.call(service, operation, **parameters)
            assert (failed.value.service, failed.value.code) == (service, "ReadTimeoutError")
            assert "check the network" in failed.value.hint
            assert len(waits) == 2, service
            assert aws.client(service).meta.config.connect_timeout <= 10
