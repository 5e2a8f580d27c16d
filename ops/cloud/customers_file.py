"""Reads customers from a CSV file: checked as a whole first, then row by row.

    checked = check_file(Path("customers.csv"), lambda line: None)   # raises UserError where the file is not whole
    for row in read_rows(checked, "GB"):                             # -> Row(line, items, problem, cells)
        ...

The first line names the columns: id, and name, phone, email and the team's own fields ([tool.popdesk.fields]) in any order;
others are left alone. Values may be separated
by commas, semicolons, tabs or |, and Excel's `sep=;` may stand before the first line. A row is one customer: it becomes
an item for its phone number and one for its e-mail address, with the keys that the look-up asks for
(lambda/lookup/adapters/dynamodb.py), normalised by the look-up's own code (lambda/lookup/identity.py). A row whose id an
earlier row has is left out: nothing says which of the two is right, and the table would have a mixture of both.

A file is not whole where it is not UTF-8 or where a quote is not closed: that quote swallows rows, so nothing of the file
can be trusted, least of all that what it does not have may be deleted.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from adapters.dynamodb import partition_key
from identity import directory_key, email_address, phone_number

from ops.errors import WRONG_SETTINGS, UserError
from ops.own_fields import BASIC_FIELDS

Item = dict[str, str]

_DELIMITERS = ",;\t|"
_SEP = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # Excel's own line that names the separator
_LONGEST_ID, _LONGEST = 512, 1_024  # bytes; a sort key may have 1,024
# What people and spreadsheets write for an empty value, compared without case.
_NOTHING = frozenset(("n/a", "#n/a", "n.a.", "na", "-", "--", "–", "—", "none", "null", "nil", "unknown", "?"))
_GUARDED = re.compile(r'="(.*)"')  # what keeps a spreadsheet from reading an id as a number
# 1.23457E+12: several customers' ids that a spreadsheet has made one.
_SHORTENED = re.compile(r"\d[.,]?\d*E[+-]\d+", re.IGNORECASE)
_ERRORS = ("#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
_REPORT_EVERY = 1_000  # lines

_SAVE_AGAIN = "save it as CSV UTF-8 and import that; nothing was written"


@dataclass(frozen=True)
class CheckedFile:
    """A file that is whole: how its values are separated, where its columns are, and how many lines it has.

    `header` is the line that names the columns (the file's first line is 1), `columns` maps id, name, phone, email and the
    `fields` of the team's own, those that it names, to their places, `width` is how many columns there are.
    """

    path: Path
    delimiter: str
    header: int
    columns: dict[str, int]
    width: int
    lines: int
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One row: its line, its items, why it is left out ("" where it is not), and what of it alone is left out.

    Neither `problem` nor `cells` holds a value of the file: they go into logs of all kinds.
    """

    line: int
    items: tuple[Item, ...] = ()
    problem: str = ""
    cells: tuple[str, ...] = ()


def check_file(file: Path, on_line: Callable[[int], None] = lambda _: None, fields: Iterable[str] = ()) -> CheckedFile:
    """Read the whole file and return how it is to be read; `on_line` is called with the line number now and then.

    `fields` are the names of the team's own fields. A file need not have them.

    Raises UserError where the file is not there, not UTF-8 (with the line of the first wrong byte), does not name its
    columns, or has a quote that is not closed (with the line in which it opens): exit code 2, for nothing was written.
    """
    checked = check_header(file, fields)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            checked = _first_line(file, text, checked.fields)
            last = checked.header
            for start, end, cells, error in _records(text, checked):
                if error == _AT_THE_END or (end > start and (error or len(cells) != checked.width)):
                    raise _open_quote(checked, start, end)
                last = end
                if end % _REPORT_EVERY == 0:
                    on_line(end)
            return replace(checked, lines=last)
    except UnicodeDecodeError:
        raise _not_utf8(file) from None
    except OSError as error:
        raise _unreadable(file, error, WRONG_SETTINGS) from None


def check_header(file: Path, fields: Iterable[str] = ()) -> CheckedFile:
    """Read the line that names the columns alone, which takes no time. Raises UserError as `check_file` does."""
    if not file.is_file():
        raise UserError(str(file), "there is no such file", "give the path of a CSV file", exit_code=WRONG_SETTINGS)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return _first_line(file, text, tuple(fields))
    except UnicodeDecodeError:
        raise _not_utf8(file) from None
    except OSError as error:
        raise _unreadable(file, error, WRONG_SETTINGS) from None


def read_rows(checked: CheckedFile | Path, default_region: str, from_line: int = 2) -> Iterator[Row]:
    """Yield the rows from line `from_line` on, as they are read; a path is checked first.

    `default_region` (ISO 3166-1 alpha-2) is whose national numbers are meant. Rows before `from_line` are read too, for
    their ids: some hundred bytes a row are kept to find one that comes twice. Raises UserError as check_file does.
    """
    if isinstance(checked, Path):
        checked = check_file(checked)
    lines: dict[int, int] = {}  # the line of each id's first row, by the id's digest
    try:
        with checked.path.open(encoding="utf-8-sig", newline="") as text:
            _first_line(checked.path, text, checked.fields)
            for start, _, cells, error in _records(text, checked):
                if error:
                    row = Row(start, problem=f"it is not CSV: {error}")
                elif any(cell.strip() for cell in cells):
                    row = _row(start, cells, checked, default_region)
                else:
                    continue
                if row.items:
                    first = lines.setdefault(_digest(row.items[0]["sk"]), start)
                    if first != start:
                        row = Row(start, problem=f"its id is on line {first} already")
                if start >= from_line:
                    yield row
    except UnicodeDecodeError:
        raise _not_utf8(checked.path) from None
    except OSError as error:
        raise _unreadable(checked.path, error) from None


def _digest(identity: str) -> int:
    """Return 64 bits of an id's hash: of a million ids no two share them, with a probability of 0.99999997."""
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "big")


def _unreadable(file: Path, error: OSError, exit_code: int = 1) -> UserError:
    hint = "give the path of a CSV file and readable"
    return UserError(str(file), f"it cannot be read: {error.strerror}", hint, exit_code)


# -- the file ----------------------------------------------------------------------------------------------------------

_AT_THE_END = "unexpected end of data"  # csv's words for a quote that is still open


def _records(text: TextIO, checked: CheckedFile) -> Iterator[tuple[int, int, list[str], str]]:
    """Yield the records after the first line: (first line, last line, values, csv's error or "")."""
    reader = csv.reader(text, delimiter=checked.delimiter, strict=True)
    while True:
        start = checked.header + reader.line_num + 1
        cells, error = list[str](), ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            error = str(wrong)
        yield start, checked.header + reader.line_num, cells, error


def _first_line(file: Path, text: TextIO, fields: tuple[str, ...]) -> CheckedFile:
    """Read the line that names the columns, and one before it that names the separator."""
    line, number, delimiters = text.readline(), 1, _DELIMITERS
    if named := _SEP.fullmatch(line):
        line, number, delimiters = text.readline(), 2, named[1]
    for delimiter in delimiters:
        try:
            names = [_printed(name).strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error:
            continue
        if "id" in names and {"phone", "email"} & set(names):
            known = (*BASIC_FIELDS, *fields)
            for name in known:
                if names.count(name) > 1:
                    raise UserError(
                        f"{file}, line {number}",
                        f"it names the column {name} {names.count(name)} times",
                        "rename all but one of them",
                        exit_code=WRONG_SETTINGS,
                    )
            columns = {name: names.index(name) for name in known if name in names}
            return CheckedFile(file, delimiter, number, columns, len(names), number, fields)
    if line.startswith("PK\x03\x04"):
        raise UserError(str(file), "it is an Excel workbook, not a CSV file", _SAVE_AGAIN, WRONG_SETTINGS)
    raise UserError(
        f"{file}, line {number}",
        "it does not name the columns: id is needed, and phone or email or both",
        "make the first line id,name,phone,email",
        exit_code=WRONG_SETTINGS,
    )


def _open_quote(checked: CheckedFile, start: int, end: int) -> UserError:
    """Return what is wrong with a row that goes on from line `start` to line `end`: the line in which its quote opens."""
    with checked.path.open(encoding="utf-8-sig", newline="") as text:
        row = "".join(itertools.islice(text, start - 1, end))
    opens = start + len(_LINE_BREAK.findall(row, 0, _last_quote(row, checked.delimiter)))
    return UserError(
        f"{checked.path}, line {opens}",
        "a quote opens in this line and is not closed: it swallows the rows that follow"
        if opens < end
        else "a quote opens in this line and is not closed",
        'close it, or write it twice ("") where it is a part of the value; nothing was written',
        exit_code=WRONG_SETTINGS,
    )


_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def _last_quote(row: str, delimiter: str) -> int:
    """Return where the last quoted value of a row opens: the one that is not closed, or not where a value ends."""
    borders, place, opened = delimiter + "\r\n", 0, 0
    while (quote := row.find('"', place)) >= 0:
        place = quote + 1
        if quote and row[quote - 1] not in borders:
            continue  # inside of a value that is not quoted
        opened = quote
        while (closes := row.find('"', place)) >= 0 and row[closes + 1 : closes + 2] == '"':
            place = closes + 2
        place = closes + 1
        if closes < 0 or row[place : place + 1] not in borders:
            break
    return opened


def _not_utf8(file: Path) -> UserError:
    """Return an error that names the line and the first byte that is not UTF-8."""
    lines, rest, before = 1, b"", b""
    with file.open("rb") as raw:
        for block in raw:
            try:
                block.decode("utf-8")
            except UnicodeDecodeError as error:
                rest, before = block, block[: error.start]
                break
            lines += len(_LINE_BREAK.findall(block.decode("utf-8")))
    if not rest:
        return UserError(str(file), "it changed while it was read", "run the command again")
    if rest.startswith((b"\xff\xfe", b"\xfe\xff")) and lines == 1:
        return UserError(str(file), "it is UTF-16, not UTF-8", _SAVE_AGAIN, WRONG_SETTINGS)
    if rest.startswith(b"PK\x03\x04") and lines == 1:
        return UserError(str(file), "it is an Excel workbook, not a CSV file", _SAVE_AGAIN, WRONG_SETTINGS)
    text = before.decode("utf-8")
    lines += len(_LINE_BREAK.findall(text))
    return UserError(
        f"{file}, line {lines}",
        f"it is not UTF-8: its byte {len(before) - len(_LAST_LINE.sub('', text).encode()) + 1} is 0x{rest[len(before)]:02X}",
        _SAVE_AGAIN,
        exit_code=WRONG_SETTINGS,
    )


_LAST_LINE = re.compile(r"[^\r\n]*\Z")


# -- a row -------------------------------------------------------------------------------------------------------------


def _row(line: int, cells: list[str], checked: CheckedFile, default_region: str) -> Row:
    if len(cells) != checked.width:
        return Row(line, problem=f"it has {len(cells)} values, the first line has {checked.width}")
    value = {
        name: cells[checked.columns[name]].strip() if name in checked.columns else ""
        for name in (*BASIC_FIELDS, *checked.fields)
    }
    for name in ("id", "phone", "email"):
        if value[name].lower() in _NOTHING:
            value[name] = ""
    value["id"] = _id(value["id"])
    if problem := _wrong(value):
        return Row(line, problem=problem)
    identities = {"phone": phone_number(value["phone"], default_region), "email": email_address(value["email"])}
    wrong = tuple(
        f"its {kind} is no {'phone number' if kind == 'phone' else 'e-mail address'}"
        for kind, identity in identities.items()
        if value[kind] and not identity
    )
    items = tuple(
        # One key, whichever way the number or the address is spelt; beside it the spelling of the file.
        {
            "pk": partition_key(kind, directory_key(kind, identity)),
            "sk": value["id"],
            "name": value["name"],
            **identities,
            **{field: value[field] for field in checked.fields if field in checked.columns},
        }
        for kind, identity in identities.items()
        if identity
    )
    if items:
        return Row(line, items, cells=wrong)
    return Row(line, problem=" and ".join(wrong) or "it has neither a phone number nor an e-mail address")


def _id(text: str) -> str:
    if guarded := _GUARDED.fullmatch(text):
        text = guarded[1]
    return _printed(text).strip()


def _wrong(value: dict[str, str]) -> str:
    """Return why a row with these values is no customer, "" where it is one as far as they go."""
    identity = value["id"]
    if not identity:
        return "it has no id"
    if _SHORTENED.fullmatch(identity):
        return "its id is a number that a spreadsheet has shortened"
    if identity in _ERRORS:
        return "its id is a spreadsheet's error"
    if any(unicodedata.category(character) == "Cc" for character in identity):
        return "its id has a line break or another control character in it"
    for name in (name for name in value if name not in ("phone", "email")):
        longest = _LONGEST_ID if name == "id" else _LONGEST
        if len(value[name].encode()) > longest:
            return f"its {name} is longer than {longest} bytes"
    return ""


def _printed(text: str) -> str:
    """Return the text without invisible characters: zero-width spaces, marks of direction, byte order marks."""
    return text if text.isascii() else "".join(one for one in text if unicodedata.category(one) != "Cf")
