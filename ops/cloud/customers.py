"""Loads customers from a CSV file into the stack's DynamoDB table, for `lookup.adapter = "dynamodb"`.

    rows = read_rows(check_file(Path("customers.csv")), "GB")       # ops/cloud/customers_file.py
    result = import_customers(open_aws("", "us-east-1"), "popdesk-customers", rows, on_line=print)
    others = find_others(aws, "popdesk-customers", result)          # what the file does not have; needs keep_keys=True
    delete_others(aws, "popdesk-customers", others)

Writing a row twice is writing it once, so an import that was interrupted is simply run again, from the line it got to.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.cloud.customers_file import Item, Row
from ops.cloud.stack import Stack, StackMissing
from ops.errors import DIFFERENT, UserError

_TABLE_OUTPUT = "CustomersTable"  # the stack's output that holds the table's name
MOST_DELETED = 0.1  # of the table, without asking

_BATCH = 25  # items a request (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html)
_LONGEST_PAUSE = 5.0  # seconds
_LONGEST_WAIT = 300.0  # seconds in which the table takes nothing at all
_REPORT_EVERY = 5.0  # seconds
_MOST_NAMED = 1_000  # rows that are named one by one

Key = tuple[str, str]


@dataclass
class Result:
    """What an import did: rows loaded, items written, the last line safely in the table, and what was left out.

    `bad` are the rows that were left out and `cells` those of which a number or an address was, the first thousand of
    each: (line, problem). `left_out` and `cells_left_out` count all of them. `keys` are digests of the keys of all items
    written, where they were asked for; see `find_others`.
    """

    rows: int = 0
    items: int = 0
    left_out: int = 0
    cells_left_out: int = 0
    last_line: int = 1
    bad: list[tuple[int, str]] = field(default_factory=list)
    cells: list[tuple[int, str]] = field(default_factory=list)
    keys: set[int] | None = None

    def count(self, row: Row) -> None:
        """Count a row that was written, or left out."""
        self.last_line = row.line
        if row.problem:
            self.left_out += 1
            self.bad += [(row.line, row.problem)] if len(self.bad) < _MOST_NAMED else []
            return
        self.rows += 1
        self.items += len(row.items)
        self.cells_left_out += len(row.cells)
        if len(self.cells) < _MOST_NAMED:
            self.cells += [(row.line, cell) for cell in row.cells]
        if self.keys is not None:
            self.keys.update(_digest((item["pk"], item["sk"])) for item in row.items)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, for scripts. The problems hold no value of the file."""
        return {
            "rows": self.rows,
            "items": self.items,
            "leftOut": self.left_out,
            "bad": [{"line": line, "problem": problem} for line, problem in self.bad],
            "cellsLeftOut": self.cells_left_out,
            "cells": [{"line": line, "problem": problem} for line, problem in self.cells],
        }


@dataclass(frozen=True)
class Others:
    """What the table has and the file has not: the items' keys, and how many items the table has in all."""

    keys: list[Key]
    total: int

    @property
    def are_many(self) -> bool:
        """Whether they are more of the table than is deleted without asking."""
        return len(self.keys) > MOST_DELETED * self.total


class _Patience:
    """Reports a wait every few seconds, and ends one in which nothing happens at all."""

    def __init__(self, on_wait: Callable[[str], None]) -> None:
        self._on_wait = on_wait
        self._since = self._reported = 0.0

    def refused(self, why: str) -> None:
        """The table took nothing, because of `why`. Raises TimeoutError after some minutes of that."""
        now = time.monotonic()
        self._since = self._since or now
        if now - self._reported >= _REPORT_EVERY:
            self._reported = now
            self._on_wait(f"the table takes no more for now ({why}): waiting, for {now - self._since:.0f} s so far")
        if now - self._since > _LONGEST_WAIT:
            raise TimeoutError(f"it took nothing for {_LONGEST_WAIT:.0f} s ({why})")

    def taken(self) -> None:
        """The table took something."""
        self._since = 0.0


def check_rows(rows: Iterable[Row], on_line: Callable[[int], None]) -> Result:
    """Do everything of an import but the writing (`--dry-run`)."""
    result = Result()
    for row in rows:
        result.count(row)
        on_line(row.line)
    return result


def import_customers(
    aws: Aws,
    table: str,
    rows: Iterable[Row],
    on_line: Callable[[int], None],
    *,
    on_wait: Callable[[str], None] = lambda _: None,
    keep_keys: bool = False,
) -> Result:
    """Write the rows to the table `table` and return what was done.

    `on_line` is called with the last line that was written, `on_wait` with a sentence about what is waited for.
    `keep_keys` keeps what `find_others` needs, some hundred bytes an item. Raises UserError that says from which line to
    continue.
    """
    result = Result(keys=set() if keep_keys else None)
    patience = _Patience(on_wait)
    # Inside of the client, throttled requests are tried again for a minute and more.
    aws.on_retry = patience.refused
    try:
        for batch in _batches(rows):
            # No key comes twice, which a batch may not have: read_rows leaves out an id that comes again.
            puts = [{"PutRequest": {"Item": _typed(item)}} for row in batch for item in row.items]
            _send(aws, table, puts, patience)
            for row in batch:
                result.count(row)
            on_line(result.last_line)
    except AwsError as failure:
        if failure.code == "ResourceNotFoundException":
            raise UserError(
                f"the table {table}", "it does not exist in this account and region", "release the stack first"
            ) from failure
        raise UserError(
            f"the table {table}", f"the rows could not be written: {failure.reason}", _how_to_continue(result)
        ) from failure
    except TimeoutError as error:
        raise UserError(
            f"the table {table}", str(error), f"give it more capacity, then {_how_to_continue(result)}"
        ) from None
    except KeyboardInterrupt:
        raise UserError("the import", "it was interrupted", _how_to_continue(result)) from None
    finally:
        aws.on_retry = None
    return result


def find_others(aws: Aws, table: str, result: Result) -> Others:
    """Return what the import did not write: numbers and addresses that customers no longer have.

    Raises UserError where the import was not of a whole, good file: what it lacks may be missing by mistake.
    """
    if result.left_out or result.cells_left_out or not result.rows or result.keys is None:
        raise UserError(
            "--delete-others",
            "a part of the file was skipped, so nothing was deleted",
            "correct the file and import it again",
            DIFFERENT,
        )
    total, keys = 0, list[Key]()
    for page in aws.pages("dynamodb", "scan", TableName=table, ProjectionExpression="pk, sk"):
        found = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        total += len(found)
        keys += [key for key in found if _digest(key) not in result.keys]
    return Others(keys, total)


def delete_others(aws: Aws, table: str, others: Others, *, on_wait: Callable[[str], None] = lambda _: None) -> None:
    """Delete these items. Raises UserError that says how many were deleted, where not all could be."""
    patience = _Patience(on_wait)
    aws.on_retry = patience.refused
    gone = 0
    try:
        for start in range(0, len(others.keys), _BATCH):
            keys = others.keys[start : start + _BATCH]
            _send(aws, table, [{"DeleteRequest": {"Key": _typed({"pk": pk, "sk": sk})}} for pk, sk in keys], patience)
            gone += len(keys)
    except (AwsError, TimeoutError, KeyboardInterrupt) as error:
        why = error.reason if isinstance(error, AwsError) else str(error) or "it was interrupted"
        raise UserError(
            "--delete-others",
            f"{gone} of {len(others.keys)} items are deleted, all rows are loaded: {why}",
            "run the same command again: it deletes the rest",
        ) from error
    finally:
        aws.on_retry = None


def _digest(key: Key) -> int:
    """Return 64 bits of a key's hash: a tenth of what its texts take. Two keys that share them are both kept."""
    return int.from_bytes(hashlib.blake2b("\0".join(key).encode(), digest_size=8).digest(), "big")


def _typed(item: Item) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in item.items()}


def _send(aws: Aws, table: str, waiting: list[dict[str, Any]], patience: _Patience) -> None:
    pause = 0.05
    while waiting:
        answer = aws.call("dynamodb", "batch_write_item", RequestItems={table: waiting})
        # DynamoDB gives back what it had no capacity for, to be sent again after a while.
        unprocessed = answer.get("UnprocessedItems", {}).get(table, [])
        if len(unprocessed) < len(waiting):
            patience.taken()
        if unprocessed:
            patience.refused("its capacity is used up")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        waiting = unprocessed


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows in groups whose items fit into one request each."""
    batch, items = list[Row](), 0
    for row in rows:
        if items + len(row.items) > _BATCH or len(batch) == _BATCH:
            yield batch
            batch, items = [], 0
        batch.append(row)
        items += len(row.items)
    if batch:
        yield batch


def _how_to_continue(result: Result) -> str:
    return f"run the same command again with --from-line {result.last_line + 1}; what is loaded stays loaded"


def customers_table_name(stack: Stack) -> str:
    """Return the name of the stack's table. Raises UserError where there is none."""
    if not stack.exists or _TABLE_OUTPUT not in stack.outputs:
        reason = f"it has no output {_TABLE_OUTPUT}" if stack.exists else "it does not exist"
        raise StackMissing(f"the stack {stack.name}", reason, "release the stack first, or name the table with --table")
    return stack.outputs[_TABLE_OUTPUT]
