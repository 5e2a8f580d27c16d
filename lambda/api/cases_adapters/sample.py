"""The adapter "sample": keeps cases in an SQLite file of this machine, for preview and first trials.

The environment variable POPDESK_SAMPLE_CASES has the file's name; preview sets it, and its sample CRM reads the same file. A new
file begins with the made-up cases of sample.json. Several processes may read and write it at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

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
    Write,
)

FILE_VARIABLE = "POPDESK_SAMPLE_CASES"
BEGINNING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample.json")
_SECONDS = 5  # of waiting for another process that writes
_TABLES = """
create table if not exists cases (
    id integer primary key, customer text not null, subject text not null, status text not null, priority text not null,
    opened text not null, updated text not null
);
create table if not exists events (
    id integer primary key, customer text not null, case_id integer, time text not null, title text not null,
    note text not null, agent text not null
);
create table if not exists writes (key text primary key, case_id integer);
"""
_CASE = "select id, subject, status, priority, opened, updated from cases"


class SampleCases(Cases):
    """Keeps cases in the SQLite file `path`; where it is missing it is made, with the cases of the file `beginning`."""

    def __init__(self, path: str, beginning: str = "") -> None:
        self._path = path
        with self._changing() as database:
            if database.execute("select count(*) from sqlite_master").fetchone()[0]:
                return
            for statement in _TABLES.split(";"):
                database.execute(statement)
            with open(beginning or BEGINNING, encoding="utf-8") as file:
                _fill(database, json.load(file))

    def open_cases(self, customer: str) -> list[Case]:
        """Return the customer's open cases, the last updated first."""
        return self._cases("and status = 'open'", customer)

    def all_cases(self, customer: str) -> list[Case]:
        """Return the customer's cases, closed ones too, the last updated first; for the sample CRM."""
        return self._cases("", customer)

    def _cases(self, condition: str, customer: str) -> list[Case]:
        query = f"{_CASE} where customer = ? {condition} order by updated desc, id desc limit ?"
        with self._open() as database:
            return [_case(row) for row in database.execute(query, (customer, MOST_CASES))]

    def history(self, customer: str) -> list[Event]:
        """Return what happened lately, newest first."""
        query = "select time, title, note from events where customer = ? order by time desc, id desc limit ?"
        with self._open() as database:
            rows = database.execute(query, (customer, MOST_EVENTS)).fetchall()
        return [Event(time=time, title=title, note=note) for time, title, note in rows]

    def create_case(self, customer: str, new: NewCase, write: Write) -> Case:
        """Create an open case."""
        now = _time()
        with self._changing() as database:
            done = _done(database, write)
            if done is None:
                done = _insert_case(database, (customer, new.subject, "open", new.priority, now, now))
                _happened(database, customer, done, f"Case {done} opened: {new.subject}", new.note, write.agent)
                _remember(database, write, done)
            return _find(database, customer, str(done))

    def update_case(self, customer: str, case: str, change: CaseChange, write: Write) -> Case:
        """Change the case."""
        with self._changing() as database:
            before = _find(database, customer, case)
            changed = {name: value for name, value in change.changes() if getattr(before, name) != value}
            if changed and _done(database, write) is None:
                after = before.model_copy(update=changed)
                values = (after.subject, after.status, after.priority, _time(), int(case))
                database.execute(
                    "update cases set subject = ?, status = ?, priority = ?, updated = ? where id = ?", values
                )
                _happened(database, customer, int(case), change.title(case, before), "", write.agent)
                _remember(database, write, int(case))
            return _find(database, customer, case)

    def add_note(self, customer: str, case: str, text: str, write: Write) -> None:
        """Add a note to the case, or to the customer where `case` is ""."""
        with self._changing() as database:
            if case:
                _find(database, customer, case)
            if _done(database, write) is not None:
                return
            if case:
                database.execute("update cases set updated = ? where id = ?", (_time(), int(case)))
            title = f"Note on case {case}" if case else "Note"
            _happened(database, customer, int(case) if case else None, title, text, write.agent)
            _remember(database, write, int(case) if case else 0)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to the file. Raises CasesFailed."""
        try:
            # Without Python's own transactions: what changes the file begins one itself.
            with contextlib.closing(sqlite3.connect(self._path, timeout=_SECONDS, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            raise CasesFailed(f"the file of sample cases cannot be used: {type(error).__name__}") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that alone may write; nothing is written if something is raised."""
        with self._open() as database:
            database.execute("begin immediate")
            yield database
            database.execute("commit")


def _fill(database: sqlite3.Connection, records: list[dict[str, Any]]) -> None:
    """Insert the cases of sample.json, whose times are hours before now, so that they are never old."""
    for record in records:
        opened, updated = _time(record["opened_hours_ago"]), _time(record["updated_hours_ago"])
        case = (record["customer"], record["subject"], record["status"], record["priority"], opened, updated)
        number = _insert_case(database, case)
        events = [(opened, f"Case {number} opened: {record['subject']}", "")]
        events += [(_time(note["hours_ago"]), f"Note on case {number}", note["text"]) for note in record["notes"]]
        if record["status"] == "closed":
            events.append((updated, f"Case {number} closed", ""))
        for time, title, note in events:
            _happened(database, record["customer"], number, title, note, "", time)


def _insert_case(database: sqlite3.Connection, values: tuple[str, ...]) -> int:
    columns = "customer, subject, status, priority, opened, updated"
    number = database.execute("select coalesce(max(id), 1000) + 1 from cases").fetchone()[0]
    database.execute(f"insert into cases (id, {columns}) values (?, ?, ?, ?, ?, ?, ?)", (number, *values))
    return int(number)


def _find(database: sqlite3.Connection, customer: str, case: str) -> Case:
    row = database.execute(f"{_CASE} where cast(id as text) = ? and customer = ?", (case, customer)).fetchone()
    if row is None:
        raise NotFound
    return _case(row)


def _done(database: sqlite3.Connection, write: Write) -> int | None:
    """Return the case of a write that was done before, 0 for that of a customer's note, None where it was not."""
    row = database.execute("select case_id from writes where key = ?", (write.key,)).fetchone()
    return None if row is None else int(row[0])


def _remember(database: sqlite3.Connection, write: Write, case: int) -> None:
    database.execute("insert into writes (key, case_id) values (?, ?)", (write.key, case))


def _happened(
    database: sqlite3.Connection, customer: str, case: int | None, title: str, note: str, agent: str, time: str = ""
) -> None:
    columns = "customer, case_id, time, title, note, agent"
    values = (customer, case, time or _time(), title, note, agent)
    database.execute(f"insert into events ({columns}) values (?, ?, ?, ?, ?, ?)", values)


def _case(row: tuple[int, str, str, str, str, str]) -> Case:
    number, subject, status, priority, opened, updated = row
    return Case.model_validate(
        {
            "id": str(number),
            "subject": subject,
            "status": status,
            "priority": priority,
            "opened": opened,
            "updated": updated,
        }
    )


def _time(hours_ago: float = 0) -> str:
    time = datetime.now(UTC) - timedelta(hours=hours_ago)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def create(settings: dict[str, Any]) -> SampleCases:
    """Return the adapter for the file that the environment variable names."""
    path = os.environ.get(FILE_VARIABLE, "")
    if not path:
        raise CasesFailed(f"the environment variable {FILE_VARIABLE} is not set: these cases are for preview alone")
    return SampleCases(path)
