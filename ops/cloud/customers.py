"""Loads customers from a CSV file into the stack's DynamoDB table, for `lookup.adapter = "dynamodb"`.

    rows = read_rows(Path("customers.csv"), "GB")    # -> Row(line, items, problem), one for each row, as they are read
    result = import_customers(open_aws("", "us-east-1"), "popdesk-customers", rows, on_line=print)

The file's first line names the columns: id, and name, phone, email in any order; others are left alone. A row is one
customer: it becomes an item for its phone number and one for its e-mail address, with the keys that the Lambda's adapter
asks for (lambda/lookup/adapters/dynamodb.py) and normalised by the Lambda's own code. Writing a row twice is writing it once,
so an import that was interrupted is simply run again, from the line it got to.
"""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.dynamodb import partition_key
from identity import directory_key, email_address, phone_number

from ops.cloud.aws import Aws, AwsTrouble
from ops.errors import Trouble

BAD_ROWS_EXIT_CODE = 3
TABLE_OUTPUT = "CustomersTable"  # the stack's output that holds the table's name

_COLUMNS = ("id", "name", "phone", "email")
_CHUNK = 250  # rows between two reports of how far it got
_BATCH = 25  # items a request (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html)
_LONGEST_PAUSE = 5.0  # seconds
_LONGEST = {"id": 512, "name": 1024}  # bytes; a sort key may have 1,024

Item = dict[str, str]


@dataclass(frozen=True)
class Row:
    """One row of the file: its line (the first line is 1), its items, and what is wrong with it, "" for nothing."""

    line: int
    items: tuple[Item, ...] = ()
    problem: str = ""


@dataclass
class Result:
    """What an import did: rows loaded, items written and deleted, the bad rows, the last line safely in the table.

    `keys` are those of the items written: (pk, sk).
    """

    rows: int = 0
    items: int = 0
    bad: list[Row] = field(default_factory=list)
    deleted: int = 0
    last_line: int = 1
    keys: set[tuple[str, str]] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        """Give it for scripts. The reasons hold no value of the file."""
        return {
            "rows": self.rows,
            "items": self.items,
            "deleted": self.deleted,
            "bad": [{"line": row.line, "problem": row.problem} for row in self.bad],
        }


def count_lines(file: Path) -> int:
    """Give the file's number of lines, for the progress bar."""
    try:
        with file.open("rb") as lines:
            return sum(1 for _ in lines)
    except OSError as error:
        raise _unreadable(file, error) from None


def read_rows(file: Path, default_region: str, from_line: int = 2) -> Iterator[Row]:
    """Give the rows of a UTF-8 CSV file from `from_line` on, bad ones with what is wrong with them.

    Raises Trouble where the file as a whole cannot be read: not there, not UTF-8, no `id` column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text)
            columns = _columns(file, next(reader, []))
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(line, problem=f"it is not CSV: {error}")
                    continue
                if line >= from_line and any(cell.strip() for cell in cells):
                    yield _row(line, cells, columns, default_region)
    except UnicodeDecodeError as error:
        raise Trouble(str(file), f"it is not UTF-8 (near byte {error.start})", "save it as CSV UTF-8") from None
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: OSError) -> Trouble:
    return Trouble(str(file), f"it cannot be read: {error.strerror}", "name a CSV file that is there and readable")


def _columns(file: Path, header: list[str]) -> dict[str, int]:
    columns = {name.strip().lower(): index for index, name in enumerate(header)}
    if "id" not in columns or not {"phone", "email"} & columns.keys():
        raise Trouble(
            f"{file}, line 1",
            "it does not name the columns: id is needed, and phone or email or both",
            "make the first line id,name,phone,email",
        )
    return {name: columns[name] for name in _COLUMNS if name in columns} | {"": len(header)}


def _row(line: int, cells: list[str], columns: dict[str, int], default_region: str) -> Row:
    if len(cells) != columns[""]:
        return Row(line, problem=f"it has {len(cells)} values, the first line has {columns['']}")
    value = {name: cells[columns[name]].strip() if name in columns else "" for name in _COLUMNS}
    if not value["id"]:
        return Row(line, problem="it has no id")
    for name, longest in _LONGEST.items():
        if len(value[name].encode()) > longest:
            return Row(line, problem=f"its {name} is longer than {longest} bytes")
    identities = {
        "phone": phone_number(value["phone"], default_region),
        "email": email_address(value["email"]),
    }
    for kind, identity in identities.items():
        if value[kind] and not identity:
            what = "phone number" if kind == "phone" else "e-mail address"
            return Row(line, problem=f"its {kind} is no {what}")
    items = tuple(
        # One key, whichever way the number or the address is spelt; beside it the spelling of the file.
        {
            "pk": partition_key(kind, directory_key(kind, identity)),
            "sk": value["id"],
            "name": value["name"],
            **identities,
        }
        for kind, identity in identities.items()
        if identity
    )
    return Row(line, items) if items else Row(line, problem="it has neither a phone number nor an e-mail address")


def check_rows(rows: Iterable[Row], on_line: Callable[[int], None]) -> Result:
    """Do everything of an import but the writing (`--dry-run`)."""
    result = Result()
    for row in rows:
        _count(result, row)
        on_line(row.line)
    return result


def import_customers(aws: Aws, table: str, rows: Iterable[Row], on_line: Callable[[int], None]) -> Result:
    """Write the rows to the table `table` and give what was done; `on_line` is told the line that it got to.

    Raises Trouble that says from which line to go on.
    """
    result = Result()
    try:
        for chunk in _chunks(rows):
            _write(aws, table, [item for row in chunk for item in row.items])
            for row in chunk:
                _count(result, row)
            result.last_line = chunk[-1].line
            on_line(result.last_line)
    except AwsTrouble as trouble:
        if trouble.code == "ResourceNotFoundException":
            raise Trouble(
                f"the table {table}", "it does not exist in this account and region", "release the stack first"
            ) from trouble
        raise Trouble(f"the table {table}", f"it did not take the rows: {trouble.reason}", _go_on(result)) from trouble
    except KeyboardInterrupt:
        raise Trouble("the import", "it was interrupted", _go_on(result)) from None
    return result


def delete_others(aws: Aws, table: str, result: Result) -> None:
    """Delete every item that the import did not write: numbers and addresses that customers no longer have.

    Raises Trouble where the import was not of a whole, good file: what it lacks may be missing by mistake.
    """
    if result.bad or not result.rows:
        raise Trouble(
            "--delete-others", "rows were left out, so nothing was deleted", "mend the file and import it again", 3
        )
    for page in aws.pages("dynamodb", "scan", TableName=table, ProjectionExpression="pk, sk"):
        keys = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        others = [{"pk": pk, "sk": sk} for pk, sk in keys if (pk, sk) not in result.keys]
        _send(aws, table, [{"DeleteRequest": {"Key": _typed(key)}} for key in others])
        result.deleted += len(others)


def _write(aws: Aws, table: str, items: list[Item]) -> None:
    # A batch may not name a key twice: the later row counts.
    once = {(item["pk"], item["sk"]): item for item in items}.values()
    _send(aws, table, [{"PutRequest": {"Item": _typed(item)}} for item in once])


def _typed(item: Item) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in item.items()}


def _send(aws: Aws, table: str, requests: list[dict[str, Any]]) -> None:
    waiting, pause = requests, 0.05
    while waiting:
        answer = aws.call("dynamodb", "batch_write_item", RequestItems={table: waiting[:_BATCH]})
        # DynamoDB gives back what it had no capacity for, to be sent again after a while.
        unprocessed = answer.get("UnprocessedItems", {}).get(table, [])
        waiting = unprocessed + waiting[_BATCH:]
        if unprocessed:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk


def _count(result: Result, row: Row) -> None:
    if row.problem:
        result.bad.append(row)
    else:
        result.rows += 1
        result.items += len(row.items)
        result.keys.update((item["pk"], item["sk"]) for item in row.items)


def _go_on(result: Result) -> str:
    return f"run the same command again with --from-line {result.last_line + 1}; what is loaded stays loaded"


def customers_table_name(aws: Aws, stack: str, table: str = "") -> str:
    """Give the table's name: `table` where one is named (`--table`), else the output CustomersTable of the stack."""
    if table:
        return table
    remedy = "release the stack first, or name the table with --table"
    try:
        stacks = aws.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    except AwsTrouble as trouble:
        raise Trouble(f"the stack {stack}", trouble.reason, remedy) from trouble
    for output in stacks[0].get("Outputs", []):
        if output["OutputKey"] == TABLE_OUTPUT:
            return str(output["OutputValue"])
    raise Trouble(f"the stack {stack}", f"it has no output {TABLE_OUTPUT}", remedy)
