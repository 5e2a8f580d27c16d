"""A write is done once where its answers are kept in DynamoDB: Powertools' own layer, on moto, with the template's table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from popdesk_api.once import TABLE_VARIABLE, once, open_writes

from ops.testing.api import Context
from tests.adapters.dynamodb import client_environment, moto_server
from tests.unit.api.requests import KEY

_TABLE = "writes"
REQUEST = {"method": "POST", "body": "{}"}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    url = moto_server()
    for name, value in {**client_environment(url), TABLE_VARIABLE: _TABLE}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=_TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName=_TABLE)
    client.close()


def _done(times: list[bool]) -> dict[str, Any]:
    times.append(True)
    return {"status": 201, "body": {"id": str(len(times))}}


@pytest.mark.usefixtures("table")
def test_twenty_containers_at_once_do_it_once() -> None:
    door, times = threading.Barrier(20), list[bool]()

    def ask(_number: int) -> dict[str, Any]:
        writes = open_writes()
        door.wait()
        while True:
            try:
                return once(writes, KEY, REQUEST, Context(), lambda: _done(times))
            except IdempotencyAlreadyInProgressError:
                continue  # the page asks again

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert times == [True]
    assert answers == [{"status": 201, "body": {"id": "1"}}] * 20


def test_its_record_is_in_the_tables_key_and_expires(table: Any) -> None:
    times: list[bool] = []
    for _ in range(3):
        once(open_writes(), KEY, REQUEST, Context(), lambda: _done(times))
    assert times == [True]
    [item] = table.scan(TableName=_TABLE)["Items"]
    assert KEY not in item["id"]["S"]  # hashed
    assert int(item["expiration"]["N"]) > 0
    with pytest.raises(IdempotencyValidationError):
        once(open_writes(), KEY, {**REQUEST, "body": '{"x": 1}'}, Context(), lambda: _done(times))


@pytest.mark.usefixtures("table")
def test_what_failed_may_be_tried_again() -> None:
    times: list[bool] = []

    def fails() -> dict[str, Any]:
        raise ValueError("a route's")

    with pytest.raises(ValueError, match="a route's"):
        once(open_writes(), KEY, REQUEST, Context(), fails)
    assert once(open_writes(), KEY, REQUEST, Context(), lambda: _done(times))["status"] == 201


def test_without_the_table_nothing_is_done(table: Any) -> None:
    table.delete_table(TableName=_TABLE)
    times: list[bool] = []
    try:
        with pytest.raises(IdempotencyPersistenceLayerError):
            once(open_writes(), KEY, REQUEST, Context(), lambda: _done(times))
    finally:
        table.create_table(
            TableName=_TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    assert times == []
