"""The stage of the adapter "dynamodb": moto's DynamoDB behind a relay, with what `customers import` writes into the table."""

from __future__ import annotations

import atexit
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler

import boto3
from adapters.dynamodb import TABLE_VARIABLE, partition_key
from identity import directory_key
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.adapters.stage import Stage
from tests.aws.relay import Relay

_TABLE = "customers"


class _Breakable(Relay):
    """DynamoDB that fails, or waits until it is to answer again."""

    fails = hangs = False

    def __init__(self, moto_url: str) -> None:
        super().__init__(moto_url)
        self.recovered = threading.Event()

    def refuse(self, _: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        if self.hangs:
            self.recovered.wait(60)
        return (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}') if self.fails else None


@cache
def moto_server() -> str:
    """Return the address of a moto server, which is the same for all tests.

    It answers one request after the other: a conditional write of DynamoDB's is atomic, and moto's is not between threads.
    """
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    atexit.register(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


def client_environment(url: str) -> dict[str, str]:
    """Return the variables with which a client asks the server at `url`; its keys are made up."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": url,
    }


class Directory(Stage):
    """A table of the template's shape."""

    def open(self) -> None:
        moto = moto_server()
        self._relay = _Breakable(moto)
        self._relay.__enter__()
        for name, value in {**client_environment(self._relay.url), TABLE_VARIABLE: _TABLE}.items():
            self.environment.setenv(name, value)
        self._client = boto3.client("dynamodb", endpoint_url=moto)
        self._client.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )

    def close(self) -> None:
        self.recover()
        self._client.delete_table(TableName=_TABLE)
        self._client.close()
        self._relay.__exit__(None, None, None)

    def fill(self, customers: list[dict[str, str]]) -> None:
        for customer in customers:
            values = {"sk": customer["id"], **{name: value for name, value in customer.items() if name != "id"}}
            for kind in ("phone", "email"):
                if customer.get(kind):
                    item = {"pk": partition_key(kind, directory_key(kind, customer[kind])), **values}
                    self._client.put_item(TableName=_TABLE, Item={name: {"S": text} for name, text in item.items()})

    def fail(self) -> None:
        self._relay.fails = True

    def hang(self) -> None:
        self._relay.hangs = True

    def recover(self) -> None:
        self._relay.fails = self._relay.hangs = False
        self._relay.recovered.set()
