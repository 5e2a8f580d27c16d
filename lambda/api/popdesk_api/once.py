"""Do a write once: the same idempotency key again gets the first answer. Powertools' idempotency, kept in DynamoDB or SQLite.

    writes = open_writes()            # by the environment: a DynamoDB table in the stack, an SQLite file in preview
    once(writes, "contact-1#2f6c...", {"method": "POST", ...}, context, do)      # -> what do() answers, now or before

An answer is kept for an hour. While the first request is under way the second raises IdempotencyAlreadyInProgressError; the
same key with another request raises IdempotencyValidationError. What `do` raises is not kept: the key may be tried again.
Powertools: docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
    IdempotencyPersistenceLayerError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS, DataRecord

from popdesk_api.contract import WRITES_FILE_VARIABLE

TABLE_VARIABLE = "POPDESK_API_WRITES_TABLE"  # set by ops/cloud/stack_template.py
KEPT_SECONDS = 3600
_SECONDS = 2  # of waiting for the store, at each of two attempts
_IN_PROGRESS = STATUS_CONSTANTS["INPROGRESS"]


def once(
    writes: BasePersistenceLayer, key: str, request: dict[str, str], context: Any, do: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Return what `do` returns, or has returned when it was called with this key; `context` is Lambda's.

    Raises what `do` raises, and Powertools' errors: IdempotencyPersistenceLayerError where the store does not answer, before
    anything was done.
    """
    done: list[dict[str, Any]] = []

    def call(asked: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  # Powertools reads the argument
        done.append(do())
        return done[0]

    config = IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="request",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=KEPT_SECONDS,
        hash_function="sha256",
        lambda_context=context,
    )
    wrapped = idempotent_function(
        call, data_keyword_argument="asked", persistence_store=writes, config=config, key_prefix="popdesk"
    )
    try:
        answer: dict[str, Any] = wrapped(asked={"key": key, "request": request})
    except IdempotencyPersistenceLayerError:
        if not done:
            raise
        return done[0]  # it was done, and only that could not be kept: the adapter knows the key too
    return answer


def open_writes() -> BasePersistenceLayer:
    """Return the store that the environment names. Raises KeyError if it names none."""
    if file := os.environ.get(WRITES_FILE_VARIABLE):
        return SqliteWrites(file)
    table = os.environ[TABLE_VARIABLE]
    # Only a container that writes needs these.
    from aws_lambda_powertools.utilities.idempotency.persistence.dynamodb import DynamoDBPersistenceLayer
    from botocore.config import Config

    limits = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return DynamoDBPersistenceLayer(table, boto_config=limits)


class SqliteWrites(BasePersistenceLayer):
    """Keeps the records in an SQLite file that several processes share, with the conditions of Powertools' DynamoDB layer."""

    def __init__(self, path: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Powertools' own
        self._path = path
        with self._open() as database:
            database.execute(
                "create table if not exists writes (id text primary key, status text not null, expiration integer not null,"
                " in_progress_expiration integer, data text not null, validation text not null)"
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=_SECONDS, isolation_level=None)) as database:
            yield database

    def _get_record(self, idempotency_key: str) -> DataRecord:
        with self._open() as database:
            record = _read(database, idempotency_key)
        if record is None:
            raise IdempotencyItemNotFoundError
        return record

    def _put_record(self, data_record: DataRecord) -> None:
        now = time.time()
        with self._open() as database:
            database.execute("begin immediate")  # between looking and writing no other process may write
            old = _read(database, data_record.idempotency_key)
            if old is not None and not _is_over(old, now):
                self._validate_payload(data_record, old)
                raise IdempotencyItemAlreadyExistsError(old_data_record=old)
            _write(database, data_record)
            database.execute("commit")

    def _update_record(self, data_record: DataRecord) -> None:
        with self._open() as database:
            _write(database, data_record)

    def _delete_record(self, data_record: DataRecord) -> None:
        with self._open() as database:
            database.execute("delete from writes where id = ?", (data_record.idempotency_key,))


def _is_over(record: DataRecord, now: float) -> bool:
    """Return whether the record no longer counts: it has expired, or the function ended while it was under way."""
    if int(record.expiry_timestamp or 0) < now:
        return True
    in_progress = record.in_progress_expiry_timestamp
    return record.status == _IN_PROGRESS and in_progress is not None and in_progress < now * 1000


def _read(database: sqlite3.Connection, key: str) -> DataRecord | None:
    columns = "status, expiration, in_progress_expiration, data, validation"
    row = database.execute(f"select {columns} from writes where id = ?", (key,)).fetchone()
    return None if row is None else DataRecord(key, row[0], row[1], row[2], response_data=row[3], payload_hash=row[4])


def _write(database: sqlite3.Connection, record: DataRecord) -> None:
    values = (
        record.idempotency_key,
        record.status,
        record.expiry_timestamp,
        record.in_progress_expiry_timestamp,
        record.response_data,
        record.payload_hash,
    )
    database.execute("insert or replace into writes values (?, ?, ?, ?, ?, ?)", values)
