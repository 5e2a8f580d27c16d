"""The adapter "dynamodb": finds customers in the stack's DynamoDB table, with one query per call.

The partition key `pk` is the identity (`phone#+12065550100`, `email#ana@example.com`) and the sort key `sk` the customer's
id, so that one query finds everyone who shares a number. The other attributes are name, phone and email and the team's own
fields, all strings.
`uv run python deploy.py customers import FILE.csv` fills the table (ops/cloud/customers.py).
"""

from __future__ import annotations

import os
import time

from customers import Customer, Customers, LookupFailed

from adapters.aws_client import AwsClient

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from identity import Identity

TABLE_VARIABLE = "POPDESK_CUSTOMERS_TABLE"  # set by ops/cloud/template.yaml
_LIMIT = 100  # customers with one number or address: an agent could not choose among more


def partition_key(kind: str, value: str) -> str:
    """Return the `pk` of an identity, e.g. `phone#+12065550100`."""
    return f"{kind}#{value}"


class DynamoDbCustomers(Customers):
    """Finds customers in the DynamoDB table `table`; `fields` are the team's own fields."""

    def __init__(self, client: AwsClient, table: str, fields: Iterable[str] = ()) -> None:
        self._client = client
        self._table = table
        self._fields = ("name", "phone", "email", *fields)

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with this number or address. Raises LookupFailed or TimeoutError."""
        key = partition_key(identity.kind, identity.value)
        parameters = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key}},
            "Limit": _LIMIT,
        }
        items = self._client.call("Query", parameters, time.monotonic() + seconds).get("Items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self._client.disconnect()
            raise LookupFailed("dynamodb's answer has no items")
        if any(_text(item, "pk") != key for item in items):
            # What should never happen: the answer to another request. A wrong customer is worse than none.
            self._client.disconnect()
            raise LookupFailed("dynamodb answered with an item of another key")
        return [Customer(_text(item, "sk"), **{name: _text(item, name) for name in self._fields}) for item in items]

    def close(self) -> None:
        """Shut the client's connection down, which wakes a thread that waits for an answer."""
        self._client.close()


def _text(item: dict[str, Any], name: str) -> str:
    """Return an attribute of type string, "" if the item has none of that name: {"name": {"S": "Ana"}} -> "Ana"."""
    value = item.get(name)
    text = value.get("S") if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def create(lookup: dict[str, Any]) -> DynamoDbCustomers:
    """Return the adapter. The table's name comes from the environment, region and credentials from Lambda."""
    table = os.environ.get(TABLE_VARIABLE, "")
    if not table:
        raise LookupFailed(f"the environment variable {TABLE_VARIABLE} is not set")
    return DynamoDbCustomers(AwsClient("dynamodb", "DynamoDB_20120810", version="1.0"), table, lookup["fields"])
