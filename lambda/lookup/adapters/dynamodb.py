"""The adapter "dynamodb": finds customers in the stack's DynamoDB table, with one query per call.

The partition key `pk` is the identity (`phone#+12065550100`, `email#ana@example.com`) and the sort key `sk` the customer's
id, so that one query finds everyone who shares a number. The other attributes are name, phone and email, all strings.
`uv run python deploy.py customers import FILE.csv` fills the table (ops/cloud/customers.py).
"""

from __future__ import annotations

import os

from customers import Customer, Customers, LookupFailed

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from identity import Identity

TABLE_VARIABLE = "POPDESK_CUSTOMERS_TABLE"  # set by ops/cloud/template.yaml
_LIMIT = 100  # customers with one number or address: an agent could not choose among more


def partition_key(kind: str, value: str) -> str:
    """Return the `pk` of an identity, e.g. `phone#+12065550100`."""
    return f"{kind}#{value}"


class DynamoDbCustomers(Customers):
    """Finds customers in the DynamoDB table `table` with boto3's client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, identity: Identity, seconds: float) -> list[Customer]:
        """Return the customers with this number or address. Raises LookupFailed or TimeoutError."""
        from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

        try:
            found = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition_key(identity.kind, identity.value)}},
                Limit=_LIMIT,
            )
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise TimeoutError from error
        except ClientError as error:
            raise LookupFailed(f"DynamoDB answered {error.response.get('Error', {}).get('Code', '')}") from error
        except BotoCoreError as error:
            raise LookupFailed(f"DynamoDB could not be reached: {type(error).__name__}") from error
        return [_customer(item) for item in found["Items"]]

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()


def _customer(item: dict[str, dict[str, str]]) -> Customer:
    def text(name: str) -> str:
        return item.get(name, {}).get("S", "")

    return Customer(id=text("sk"), name=text("name"), phone=text("phone"), email=text("email"))


def create(lookup: dict[str, Any]) -> DynamoDbCustomers:
    """Return the adapter. The table's name comes from the environment, region and credentials from Lambda."""
    table = os.environ.get(TABLE_VARIABLE, "")
    if not table:
        raise LookupFailed(f"the environment variable {TABLE_VARIABLE} is not set")
    import boto3
    from botocore.config import Config

    # Two attempts fit into the budget. DynamoDB answers in milliseconds, so after a time-out a second attempt pays.
    seconds = max(lookup["budget_ms"] / 1000 / 2 - 0.1, 0.1)
    config = Config(
        connect_timeout=min(seconds, 1.0),
        read_timeout=seconds,
        retries={"total_max_attempts": 2, "mode": "standard"},
        tcp_keepalive=True,
    )
    return DynamoDbCustomers(boto3.client("dynamodb", config=config), table)
