"""AWS's answers that break inside their body: each is noticed, none is taken for a shorter or an empty one.

Real sockets that send half of an answer and end, reset, or hang on; and answers that are whole HTTP and no AWS. botocore
itself gives several of these on as if AWS had left things out: an alias without a version, a listing that is empty.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.endpoint
import pytest

from ops.cloud import aws as aws_module
from ops.cloud.aws import AwsError
from ops.cloud.smoke import page_headers
from ops.errors import UserError
from tests.aws.moto_server import MotoServer
from tests.aws.relay import Relay
from tests.aws.world import World, open_test_aws
from tests.loopback import Loopback

_LISTING = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
    b"<KeyCount>1</KeyCount><Contents><Key>a</Key></Contents></ListBucketResult>"
)
_STACKS = (
    b'<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>'
    b"<member><StackName>popdesk</StackName></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
)
_ALIAS = b'{"FunctionVersion": "1", "RevisionId": "x", "Name": "live", "AliasArn": "arn:aws:lambda:us-east-1:1:x"}'
_OBJECT = b"x" * 5000

_CALLS: dict[str, tuple[bytes, str, str, dict[str, str]]] = {
    "listing": (_LISTING, "s3", "list_objects_v2", {"Bucket": "b"}),
    "object": (_OBJECT, "s3", "get_object", {"Bucket": "b", "Key": "k"}),
    "alias": (_ALIAS, "lambda", "get_alias", {"FunctionName": "f", "Name": "live"}),
    "stacks": (_STACKS, "cloudformation", "describe_stacks", {}),
}
_HOWS = ("ends", "resets", "cut and said so", "cut without length", "cut chunk", "no body", "a proxy's page")


class Breaking:
    """A server on the loopback whose first `count` answers break as `how` says; the others are whole."""

    def __init__(self, body: bytes, how: str, count: int) -> None:
        self.asked = 0
        self._body, self._how, self._count = body, how, count
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                self.asked += 1
                self._answer(connection, self._how if self.asked <= self._count else "whole")

    def _answer(self, connection: socket.socket, how: str) -> None:
        half = self._body[: len(self._body) // 2]
        page = b"<html><body><p>Log in</p></body></html>"
        head, body = {
            "whole": (b"Content-Length: %d" % len(self._body), self._body),
            "ends": (b"Content-Length: %d" % len(self._body), half),
            "resets": (b"Content-Length: %d" % len(self._body), half),
            "cut and said so": (b"Content-Length: %d" % len(half), half),
            "cut without length": (b"X-Nothing: 1", half),
            "cut chunk": (b"Transfer-Encoding: chunked", b"%x\r\n" % len(self._body) + half),
            "no body": (b"Content-Length: 0", b""),
            "a proxy's page": (b"Content-Length: %d" % len(page), page),
        }[how]
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n\r\n" + body)
        if how == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits before further attempts, in seconds; they are not slept."""
    found: list[float] = []
    monkeypatch.setattr(botocore.endpoint.time, "sleep", found.append)
    monkeypatch.setattr(aws_module, "_pause", found.append)
    return found


def _broken(name: str, how: str) -> bool:
    # An object whose length says that it is whole is whole for HTTP: its content is checked where it is read.
    return not (name == "object" and how in ("cut and said so", "cut without length", "no body", "a proxy's page"))


@pytest.mark.parametrize("how", _HOWS)
@pytest.mark.parametrize("name", _CALLS)
def test_an_answer_that_breaks_is_an_error_and_never_a_shorter_answer(name: str, how: str) -> None:
    body, service, operation, parameters = _CALLS[name]
    server = Breaking(body, how, count=99)
    aws = open_test_aws(server.url)
    ask = aws.read if name == "object" else aws.call
    try:
        if _broken(name, how):
            with pytest.raises(AwsError) as caught:
                ask(service, operation, **parameters)
            assert caught.value.subject == f"AWS {service} {operation}"
            assert 4 <= server.asked <= 32, "tried again, but not for ever"
        else:
            ask(service, operation, **parameters)
    finally:
        server.close()


@pytest.mark.parametrize("how", _HOWS)
@pytest.mark.parametrize("name", _CALLS)
def test_an_answer_that_breaks_twice_is_asked_for_again(name: str, how: str) -> None:
    body, service, operation, parameters = _CALLS[name]
    server = Breaking(body, how, count=2)
    aws = open_test_aws(server.url)
    try:
        answer: Any = (aws.read if name == "object" else aws.call)(service, operation, **parameters)
    finally:
        server.close()
    if not _broken(name, how):
        return
    assert server.asked == 3
    match name:
        case "object":
            assert answer[1] == _OBJECT
        case "listing":
            assert [item["Key"] for item in answer["Contents"]] == ["a"]
        case "alias":
            assert answer["FunctionVersion"] == "1"
        case "stacks":
            assert answer["Stacks"][0]["StackName"] == "popdesk"


# -- a release and a rollback ------------------------------------------------------------------------------------------


class Odd(Relay):
    """Breaks every other answer to the same request inside its body."""

    def __init__(self, moto_url: str, how: str) -> None:
        self.how = how
        self.broken = 0
        self._asked: dict[str, int] = {}
        self._counting = threading.Lock()
        super().__init__(moto_url)

    def spoil(self, handler: BaseHTTPRequestHandler, status: int, content: bytes) -> str:
        with self._counting:
            number = self._asked[handler.requestline] = self._asked.get(handler.requestline, 0) + 1
            if len(content) < 2 or status != 200 or number % 2 == 0:
                return ""
            self.broken += 1
            return self.how


@pytest.mark.parametrize("how", ["ends", "resets"])
def test_a_release_and_a_rollback_get_through(moto_server: MotoServer, world: World, how: str) -> None:
    first = world.release("one", lambda_version="1")
    version = world.publish_lambda("second")
    with Odd(moto_server.url, how) as relay:
        aws = open_test_aws(relay.url)
        _until_done(world, lambda: world.release_or_finish(aws, "two", version))
        assert world.whole() != first.id
        assert world.live_lambda() == version
        _until_done(world, lambda: world.rollback(first.id, aws))
        assert world.whole() == first.id
        assert world.live_lambda() == "1"
        assert relay.broken > 10


def _until_done(world: World, job: Callable[[], object]) -> None:
    """Do the job again until it is done, as a person does: what writes is not done twice by itself."""
    for _ in range(5):
        try:
            job()
            return
        except UserError:
            assert world.whole(), "whatever breaks, the live page is a whole release"
    raise AssertionError("five runs were not enough")


# -- the smoke test ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*_HOWS, "not HTTP", "drips"])
def test_a_page_that_breaks_off_is_a_problem_with_words(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how in ("not HTTP", "drips"):
        server: Any = _Raw(how)
    else:
        server = Breaking(b"<!doctype html><title>Popdesk</title>" * 100, how, count=99)
    monkeypatch.setattr("ops.cloud.smoke._WHOLE_SECONDS", 0.5)
    try:
        problems = page_headers(server.url + "/")
    finally:
        server.close()
    assert problems
    if how in ("ends", "resets", "cut chunk", "not HTTP", "drips"):
        assert re.search(r"\(\w+: .+\)", problems[0])


class _Raw(Loopback):
    """A server that is none, or that sends a byte now and then without an end."""

    def __init__(self, how: str) -> None:
        stopping = self._stopping = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.wfile.write(b"\0\1\2\3\r\n\r\n" if how == "not HTTP" else b"HTTP/1.0 200 OK\r\n\r\n")
                while how == "drips" and not stopping.wait(0.05):
                    self.wfile.write(b".")
                    self.wfile.flush()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        super().__init__(server)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.__enter__()

    def close(self) -> None:
        self._stopping.set()
        self.__exit__(None, None, None)
