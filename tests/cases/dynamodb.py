"""The stage of the adapter "dynamodb": moto's DynamoDB behind a relay, with a table of the template's shape."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
from cases_adapters.dynamodb import INDEX, TABLE_VARIABLE
from moto.dynamodb.models import DynamoDBBackend

from tests.adapters.dynamodb import client_environment, moto_server
from tests.aws.relay import Relay
from tests.cases.stage import Stage

_TABLE = "cases"

# moto checks a transaction's conditions and writes it in two steps, between which another thread may write: DynamoDB makes
# each transaction in one (docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html).
_ONE_BY_ONE = threading.Lock()
_transact = DynamoDBBackend.transact_write_items


def _transact_alone(*arguments: Any, **named: Any) -> Any:
    with _ONE_BY_ONE:
        return _transact(*arguments, **named)


setattr(DynamoDBBackend, "transact_write_items", _transact_alone)  # noqa: B010 (mypy: a method)


class _Losing(Relay):
    """DynamoDB that fails, or answers with an error what it has done."""

    fails = False
    loses = False

    def refuse(self, _: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        return (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}') if self.fails else None

    def spoil(self, request: BaseHTTPRequestHandler, _status: int, _content: bytes) -> str:
        if not self.loses or not request.headers["X-Amz-Target"].endswith("TransactWriteItems"):
            return ""
        self.fails = True  # the client's second attempt too
        return "lost"


class Store(Stage):
    """A table of the template's shape."""

    def open(self) -> None:
        moto = moto_server()
        self._relay = _Losing(moto)
        self._relay.__enter__()
        for name, value in {**client_environment(self._relay.url), TABLE_VARIABLE: _TABLE}.items():
            self.environment.setenv(name, value)
        self._client = boto3.client("dynamodb", endpoint_url=moto)
        index = {
            "IndexName": INDEX,
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "open", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        self._client.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "open")],
            LocalSecondaryIndexes=[index],
            BillingMode="PAY_PER_REQUEST",
        )

    def close(self) -> None:
        self._client.delete_table(TableName=_TABLE)
        self._client.close()
        self._relay.__exit__(None, None, None)

    def fail(self) -> None:
        self._relay.fails = True

    def lose(self) -> None:
        self._relay.loses = True

    def recover(self) -> None:
        self._relay.fails = self._relay.loses = False
