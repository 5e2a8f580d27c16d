"""`deploy.py customers import` into a table that is throttled: it says what it waits for, and how to go on.

The real command line in a process of its own, over HTTP, to a server that stands between it and moto and refuses as
DynamoDB does (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from ops.settings import ROOT
from tests.aws.moto_server import MotoServer
from tests.loopback import Loopback

TABLE = "customers"
_REFUSED = (
    b'{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b' "message": "The level of configured provisioned throughput for the table was exceeded."}'
)


class ShortOfCapacity(Loopback):
    """Refuses writes for as long as `refuses` is more than nothing, each of them once."""

    def __init__(self, moto: MotoServer) -> None:
        self.refuses = 0
        between = self
        host = urlsplit(moto.url).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if between.refuses and self.headers.get("X-Amz-Target", "").endswith("BatchWriteItem"):
                    between.refuses -= 1
                    self._answer(400, _REFUSED)
                    return
                connection = http.client.HTTPConnection(host)
                connection.request("POST", self.path, body, {**dict(self.headers), "Host": host})
                answer = connection.getresponse()
                self._answer(answer.status, answer.read())
                connection.close()

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.url = f"http://127.0.0.1:{self._server.server_port}"


@pytest.fixture
def table(moto_server: MotoServer) -> Iterator[ShortOfCapacity]:
    """A table behind a server that can refuse."""
    moto_server.reset()
    with ShortOfCapacity(moto_server) as between:
        client = boto3.client(
            "dynamodb",
            "us-east-1",
            endpoint_url=moto_server.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield between


def run(file: Path, url: str) -> subprocess.CompletedProcess[str]:
    made_up = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [sys.executable, "deploy.py", "customers", "import", str(file), "--table", TABLE],
        cwd=ROOT,
        env={**os.environ, **made_up, "AWS_ENDPOINT_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "customers.csv"
    made.write_text("id,phone,email\n" + "".join(f"C-{n},,user{n}@example.com\n" for n in range(60)), "utf-8")
    return made


def test_a_throttled_table_is_said_and_the_import_goes_on(table: ShortOfCapacity, file: Path) -> None:
    table.refuses = 2
    done = run(file, table.url)
    assert done.returncode == 0, done.stderr
    assert "the table takes no more for now (ProvisionedThroughputExceededException): waiting" in done.stderr
    assert "60 customers loaded" in done.stdout


def test_a_table_that_is_not_throttled_is_nothing_to_tell_of(table: ShortOfCapacity, file: Path) -> None:
    done = run(file, table.url)
    assert done.returncode == 0, done.stderr
    assert "waiting" not in done.stderr
