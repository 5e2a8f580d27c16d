"""The adapter "dynamodb": keeps cases in the stack's DynamoDB table, one item collection for each customer.

Every item's partition key `pk` is `customer#ID`; the sort key `sk` says what it is:

    case#K7Q2M9XD                           a case. `open`, "UPDATED#ID", is there only while it is open: the local secondary
                                            index `open` (pk, open) then has it, the last updated last
    event#2026-01-31T12:00:00.000Z#UNIQUE   an entry of the history
    write#HASH                              a write that was done, for a day (`expiration`, the table's time to live): the same
                                            key again is the same write

A write is one transaction of these items, so it is done wholly or not at all, and once for its key. All reads are consistent: the
agent sees the case that was just made.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapters.aws_client import AwsClient
from customers import LookupFailed
from popdesk_api.cases import (
    MOST_CASES,
    MOST_EVENTS,
    Case,
    CaseChange,
    Cases,
    CasesFailed,
    Event,
    NewCase,
    NotFound,
    OutcomeUnknown,
    Write,
)

TABLE_VARIABLE = "POPDESK_CASES_TABLE"  # set by ops/cloud/stack_template.py
INDEX = "open"
_SECONDS = 4.0  # for a request of the page, with its second attempts
_TRIES = 4  # of a transaction that another one was in the way of
_MARKER_SECONDS = 86_400
_FIELDS = ("id", "subject", "status", "priority", "opened", "updated")
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks like another, and no vowels but A and E
_ID_LENGTH = 8

Item = dict[str, Any]


class DynamoDbCases(Cases):
    """Keeps cases in the DynamoDB table `table`."""

    def __init__(self, client: AwsClient, table: str) -> None:
        self._client = client
        self._table = table

    def open_cases(self, customer: str) -> list[Case]:
        """Return the customer's open cases, the last updated first."""
        query = {"IndexName": INDEX, "KeyConditionExpression": "pk = :pk"}
        return [_case(item) for item in self._query(customer, query, {}, MOST_CASES)]

    def history(self, customer: str) -> list[Event]:
        """Return what happened lately, newest first."""
        query = {"KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)"}
        items = self._query(customer, query, {":sk": {"S": "event#"}}, MOST_EVENTS)
        return [Event(time=_text(item, "time"), title=_text(item, "title"), note=_text(item, "note")) for item in items]

    def create_case(self, customer: str, new: NewCase, write: Write) -> Case:
        """Create an open case."""

        def items() -> tuple[str, list[Item]]:
            number, now = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH)), _now()
            case = Case(id=number, subject=new.subject, status="open", priority=new.priority, opened=now, updated=now)
            event = _event(customer, number, f"Case {number} opened: {new.subject}", new.note, write.agent)
            return number, [self._put(_case_item(customer, case)), self._put(event)]

        return self._find(customer, self._write(customer, write, items))

    def update_case(self, customer: str, case: str, change: CaseChange, write: Write) -> Case:
        """Change the case."""

        def items() -> tuple[str, list[Item]]:
            before = self._find(customer, case)
            changed = {name: value for name, value in change.changes() if getattr(before, name) != value}
            if not changed:
                return case, []
            after = before.model_copy(update={**changed, "updated": _now()})
            event = _event(customer, case, change.title(case, before), "", write.agent)
            return case, [self._replace(customer, before, after), self._put(event)]

        return self._find(customer, self._write(customer, write, items))

    def add_note(self, customer: str, case: str, text: str, write: Write) -> None:
        """Add a note to the case, or to the customer where `case` is ""."""

        def items() -> tuple[str, list[Item]]:
            title = f"Note on case {case}" if case else "Note"
            event = self._put(_event(customer, case, title, text, write.agent))
            if not case:
                return "", [event]
            before = self._find(customer, case)
            return case, [self._replace(customer, before, before.model_copy(update={"updated": _now()})), event]

        self._write(customer, write, items)

    # -- requests --------------------------------------------------------------------------------------------------------

    def _query(self, customer: str, query: Item, values: Item, most: int) -> list[Item]:
        parameters = {
            "TableName": self._table,
            **query,
            "ExpressionAttributeValues": {":pk": {"S": _pk(customer)}, **values},
            "ConsistentRead": True,
            "ScanIndexForward": False,
            "Limit": most,
        }
        items = self._call("Query", parameters).get("Items")
        if not isinstance(items, list) or any(_text(item, "pk") != _pk(customer) for item in items):
            # What should never happen: the answer to another request. Another customer's cases are worse than none.
            self._client.disconnect()
            raise CasesFailed("dynamodb's answer is not about this customer")
        return items

    def _find(self, customer: str, case: str) -> Case:
        item = self._get(customer, f"case#{case}")
        if item is None:
            raise NotFound
        return _case(item)

    def _get(self, customer: str, sk: str) -> Item | None:
        key = {"pk": {"S": _pk(customer)}, "sk": {"S": sk}}
        item = self._call("GetItem", {"TableName": self._table, "Key": key, "ConsistentRead": True}).get("Item")
        if item is not None and (_text(item, "pk"), _text(item, "sk")) != (_pk(customer), sk):
            self._client.disconnect()
            raise CasesFailed("dynamodb answered with another item")
        return item if isinstance(item, dict) else None

    def _write(self, customer: str, write: Write, items: Callable[[], tuple[str, list[Item]]]) -> str:
        """Write the items with the marker of the write, and return the case's id, of this time or of the first.

        `items` returns the case's id and the transaction's parts; it is called again where another transaction was in the way.
        """
        marker = f"write#{hashlib.sha256(write.key.encode()).hexdigest()}"
        if (done := self._get(customer, marker)) is not None:
            return _text(done, "case")
        for _ in range(_TRIES):
            case, parts = items()
            if not parts:
                return case
            expires = {"N": str(int(time.time()) + _MARKER_SECONDS)}
            marked = {"pk": {"S": _pk(customer)}, "sk": {"S": marker}, "case": {"S": case}, "expiration": expires}
            try:
                self._call("TransactWriteItems", {"TransactItems": [self._put(marked), *parts]})
            except _Cancelled:
                if (done := self._get(customer, marker)) is not None:
                    return _text(done, "case")
            else:
                return case
        raise CasesFailed("others write to the same case")

    def _call(self, operation: str, parameters: Item) -> Item:
        try:
            return self._client.call(operation, parameters, time.monotonic() + _SECONDS)
        except TimeoutError:
            error = "dynamodb did not answer in time"
        except LookupFailed as failed:
            error = str(failed)
            if "TransactionCanceledException" in error:
                raise _Cancelled(error) from failed
        if operation == "TransactWriteItems":
            raise OutcomeUnknown(error, repeatable=True)  # the marker tells the next try
        raise CasesFailed(error)

    def _put(self, item: Item) -> Item:
        """Return a part of a transaction that adds an item, where there is none of its key."""
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _replace(self, customer: str, before: Case, after: Case) -> Item:
        """Return a part of a transaction that replaces the case, where it still is as it was read."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": _case_item(customer, after),
                "ConditionExpression": "updated = :updated AND #status = :status",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {":updated": {"S": before.updated}, ":status": {"S": before.status}},
            }
        }


class _Cancelled(Exception):
    """A condition of the transaction did not hold, or another one was in its way: nothing was written."""


def _pk(customer: str) -> str:
    return f"customer#{customer}"


def _case_item(customer: str, case: Case) -> Item:
    values = {"pk": _pk(customer), "sk": f"case#{case.id}", **{name: getattr(case, name) for name in _FIELDS}}
    if case.status == "open":
        values["open"] = f"{case.updated}#{case.id}"
    return {name: {"S": value} for name, value in values.items()}


def _event(customer: str, case: str, title: str, note: str, agent: str) -> Item:
    now = _now()
    values = {"time": now, "title": title, "note": note, "case": case, "agent": agent}
    values |= {"pk": _pk(customer), "sk": f"event#{now}#{secrets.token_hex(6)}"}
    return {name: {"S": value} for name, value in values.items()}


def _case(item: Item) -> Case:
    return Case.model_validate({name: _text(item, name) for name in _FIELDS})


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    text = value.get("S") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def create(settings: dict[str, Any]) -> DynamoDbCases:
    """Return the adapter. The table's name comes from the environment, region and credentials from Lambda."""
    table = os.environ.get(TABLE_VARIABLE, "")
    if not table:
        raise CasesFailed(f"the environment variable {TABLE_VARIABLE} is not set")
    try:
        return DynamoDbCases(AwsClient("dynamodb", "DynamoDB_20120810", version="1.0"), table)
    except LookupFailed as error:
        raise CasesFailed(str(error)) from error
