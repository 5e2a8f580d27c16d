"""The customers' CSV file: refused as a whole where it is not whole, read row by row where it is; no value is told."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.cloud.customers_file import Row, check_file, read_rows
from ops.errors import UserError

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and return its path."""

    def made(content: str | bytes) -> Path:
        file = tmp_path / "customers.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return made


def read(file: Path) -> list[Row]:
    return list(read_rows(file, "US"))


def refused(file: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        check_file(file)
    with pytest.raises(UserError):
        next(read_rows(file, "US"))  # whoever reads without a check is told before the first row
    return caught.value


def keys(row: Row) -> list[str]:
    return [item["pk"] for item in row.items]


def many(start: int, count: int) -> str:
    return "".join(f"C-{n},Name {n},{2065550000 + n},\n" for n in range(start, start + count))


# -- whole files -------------------------------------------------------------------------------------------------------

HEADER = "id,name,phone,email\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (HEADER + 'C-1,"Ana,2065550100,\n', 2),
        (HEADER + many(1, 2) + 'C-3,"Eve,2065550103,\n' + many(4, 996), 4),  # the issue's: 996 rows swallowed, exit 0
        (HEADER + many(1, 2) + 'C-3,"Eve,2065550103,\n' + many(4, 9_000), 4),  # longer than csv's longest value
        (HEADER + many(1, 2) + 'C-3,"Eve,2065550103,\n' + many(4, 5) + 'C-9,"Bob",2065550109,\n', 4),
        (HEADER + 'C-1,"Ana,2065550100,\nC-2,Bob,2065550101,"x@example.com"\n', 2),
        (HEADER + 'C-1,"Ana,2065550100,\nC-2,Bob,2065550101,""\n', 2),
        (HEADER + 'C-1,"Two\nlines",2065550100,\nC-2,Bob,2065550101,"bob@example.com\n', 4),
        (HEADER + 'C-1,"Ana ""the"" one",2065550100,"ana@example.com\nC-2,Bob,2065550101,\n', 2),
        (HEADER + many(1, 3) + '"', 5),
        (HEADER.replace("\n", "\r\n") + 'C-1,Ana,2065550100,\r\nC-2,"Bob,2065550101,\r\nC-3,Eve,2065550102,\r\n', 3),
        (HEADER.replace("\n", "\r") + 'C-1,Ana,2065550100,\rC-2,"Bob,2065550101,\rC-3,Eve,2065550102,\r', 3),
        ('sep=;\nid;name;phone\nC-1;Ana;2065550100\nC-2;"Bob;2065550101\nC-3;Eve;2065550102\n', 4),
    ],
)
def test_a_quote_that_is_not_closed_is_named_by_its_line_and_nothing_is_read(
    write: Write, content: str, line: int
) -> None:
    error = refused(write(content))
    assert error.subject.endswith(f"customers.csv, line {line}")
    assert error.reason.startswith("a quote opens in this line and is not closed")
    assert "nothing was written" in error.hint


def test_quotes_that_are_closed_are_values_of_many_lines_commas_and_quotes(write: Write) -> None:
    content = HEADER + 'C-1,"Two\nlines, and ""more""",2065550100,\nC-2,12" pipes,2065550101,\n'
    assert [(row.line, row.items[0]["name"]) for row in read(write(content))] == [
        (2, 'Two\nlines, and "more"'),
        (4, '12" pipes'),
    ]


def test_a_quote_in_the_middle_of_one_line_spoils_that_row_alone(write: Write) -> None:
    first, second = read(write(HEADER + 'C-1,"Ana" Silva,2065550100,\nC-2,Bob,2065550101,\n'))
    assert first.problem.startswith("it is not CSV")
    assert keys(second) == ["phone#+12065550101"]


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b"id,phone\nC-1,2065550100\nC-2,\xff\n", "line 3", "its byte 5 is 0xFF"),
        ("id,name,phone\nC-1,Ana,1\nC-2,Zoë,2\n".encode("cp1252"), "line 3", "its byte 7 is 0xEB"),
        (b"id,phone\r\nC-1,1\r\n\xe9,2\r\n", "line 3", "its byte 1 is 0xE9"),
        (b"id,phone\rC-1,1\rC-2,\xe9\r", "line 3", "its byte 5 is 0xE9"),
        ("id,name,phone\nC-1,Zoë,1\n".encode() + b"C-2,\xc3(,2\n", "line 3", "its byte 5 is 0xC3"),
        (b"\xef\xbb\xbfid,phone\nC-1,\xe9\n", "line 2", "its byte 5 is 0xE9"),
        (b"i\xe9d,phone\n", "line 1", "its byte 2 is 0xE9"),
        (HEADER.encode() + many(1, 50_000).encode() + b"C-\xe9,,,\n", "line 50002", "its byte 3 is 0xE9"),
        ("id,phone\nC-1,1\n".encode("utf-16"), "customers.csv", "it is UTF-16"),
        (b"PK\x03\x04\x14\x00\xff\xfe", "customers.csv", "it is an Excel workbook"),
        (b"PK\x03\x04\x14\x00", "customers.csv", "it is an Excel workbook"),
    ],
)
def test_what_is_not_utf8_is_named_by_line_and_byte(write: Write, content: bytes, where: str, why: str) -> None:
    error = refused(write(content))
    assert error.subject.endswith(where)
    assert why in error.reason
    assert "CSV UTF-8" in error.hint


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("name,phone\n", "it does not name the columns"),
        ("id,name\n", "it does not name the columns"),
        ("", "it does not name the columns"),
        ("id phone\n", "it does not name the columns"),
        ("id,name,phone,Phone\n", "it names the column phone 2 times"),
        ("ID,id,phone\n", "it names the column id 2 times"),
        ("id;email;phone;email\n", "it names the column email 2 times"),
        ("sep=,\nid;phone\n", "it does not name the columns"),
    ],
)
def test_a_first_line_that_cannot_be_right_is_refused(write: Write, header: str, said: str) -> None:
    error = refused(write(header + "C-1,Ana,2065550100\n"))
    assert said in error.reason
    assert f"line {header.count('sep') + 1}" in error.subject


def test_other_columns_may_have_one_name(write: Write) -> None:
    assert keys(read(write("note,id,phone,note,\nx,C-1,2065550100,y,\n"))[0]) == ["phone#+12065550100"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("named", [True, False])
def test_values_may_be_separated_by_other_signs_as_spreadsheets_do(write: Write, separator: str, named: bool) -> None:
    lines = [["\u200bID", "Name", "Phone"], ["C-1", '"Silva; Ana, the | one\t"', "2065550100"], ["C-2", "Bob", "x"]]
    content = (f"sep={separator}\n" if named else "") + "".join(separator.join(line) + "\n" for line in lines)
    first, second = read(write("\ufeff" + content))
    assert (first.line, first.items[0]["name"]) == (3 if named else 2, "Silva; Ana, the | one")
    assert (second.line, second.problem) == (first.line + 1, "its phone is no phone number")


def test_a_missing_file_a_folder_and_a_pipe_are_said(tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere.csv", tmp_path, Path("/dev/null")):
        assert "there is no such file" in refused(file).reason


def test_a_file_is_checked_without_being_kept(write: Write) -> None:
    file = write(HEADER + many(1, 100_000))
    tracemalloc.start()
    told: list[int] = []
    checked = check_file(file, told.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (checked.lines, told[-1]) == (100_001, 100_000)
    assert peak < 1_000_000 < file.stat().st_size


def test_ids_are_kept_in_some_hundred_bytes_a_row(write: Write) -> None:
    """So that a file of a million rows, whose ids may be long, is read in what a laptop has."""
    checked = check_file(write(HEADER + "".join(f"{n:0300},Name,{2065550000 + n},\n" for n in range(3_000))))
    tracemalloc.start()
    rows = sum(not row.problem for row in read_rows(checked, "US"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 3_000
    assert peak < 200 * rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet='aé",;\r\n\t ', max_size=12), max_size=6), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_text_is_read_or_refused_with_a_line_that_it_has(tmp_path: Path, lines: list[str], end: str) -> None:
    file = tmp_path / "any.csv"
    content = end.join(["id,name,phone,email", *lines])
    file.write_bytes(content.encode())
    last = 1 + content.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    try:
        rows = read(file)
    except UserError as error:
        line = int(error.subject.rpartition("line ")[2])
        assert 1 < line <= last
        assert '"' in content
    else:
        assert all(1 < row.line <= last for row in rows)


# -- rows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", ["N/A", "n/a", "#N/A", "NA", "-", "—", "none", "NULL", "unknown", "?", "", "  "])
def test_what_says_that_there_is_nothing_is_nothing(write: Write, nothing: str) -> None:
    content = HEADER + f"C-1,Ana,{nothing},ana@example.com\nC-2,Bob,2065550100,{nothing}\n{nothing},Eve,2065550101,\n"
    first, second, third = read(write(content))
    assert keys(first) == ["email#ana@example.com"]
    assert keys(second) == ["phone#+12065550100"]
    assert first.cells == second.cells == ()
    assert third.problem == "it has no id"


def test_a_name_is_whatever_it_is(write: Write) -> None:
    assert [row.items[0]["name"] for row in read(write(HEADER + "C-1,Null,2065550100,\nC-2,Na,2065550101,\n"))] == [
        "Null",
        "Na",
    ]


@pytest.mark.parametrize("wrong", ["call her mother", "1", "3.12555011E9", "#REF!", "ana(at)example.com", "@"])
def test_a_value_that_is_none_spoils_its_cell_and_not_the_row(write: Write, wrong: str) -> None:
    content = HEADER + f"C-1,Ana,{wrong},ana@example.com\nC-2,Bob,2065550100,{wrong}\nC-3,Eve,{wrong},{wrong}\n"
    first, second, third = read(write(content))
    assert (keys(first), first.cells) == (["email#ana@example.com"], ("its phone is no phone number",))
    assert (keys(second), second.cells) == (["phone#+12065550100"], ("its email is no e-mail address",))
    assert third.problem == "its phone is no phone number and its email is no e-mail address"
    for item in first.items + second.items:
        assert wrong not in item.values()


@pytest.mark.parametrize("hidden", ["\u200b", "\u200e", "\u2060", "\ufeff", "\xad", "\u202a", "\xa0"])
def test_characters_that_nobody_sees_are_in_no_key(write: Write, hidden: str) -> None:
    content = HEADER + f"{hidden}C-{hidden}1{hidden},Ana,{hidden}206{hidden}5550100,{hidden}ana@exam{hidden}ple.com\n"
    if hidden == "\xa0":  # a space, which is seen: it belongs to no address and to no id's inside
        content = content.replace("exam\xa0ple", "example").replace("C-\xa01", "C-1")
    (row,) = read(write(content))
    assert row.cells == ()
    assert keys(row) == ["phone#+12065550100", "email#ana@example.com"]
    assert {item["sk"] for item in row.items} == {"C-1"}


@pytest.mark.parametrize(
    ("identity", "problem"),
    [
        ("1.23457E+12", "its id is a number that a spreadsheet has shortened"),
        ("1,2e+05", "its id is a number that a spreadsheet has shortened"),
        ("#REF!", "its id is a spreadsheet's error"),
        ("C\t1", "its id has a line break or another control character in it"),
        ("C\n1", "its id has a line break or another control character in it"),
        ("C\x001", "its id has a line break or another control character in it"),
        ("x" * 513, "its id is longer than 512 bytes"),
        ("\u200b", "it has no id"),
        ("E12", ""),
        ("1E5", ""),
        ("C 1/2;x", ""),
        ('=""00012""', ""),
    ],
)
def test_an_id_that_cannot_be_right_is_left_out(write: Write, identity: str, problem: str) -> None:
    (row,) = read(write(HEADER + f'"{identity}",Ana,2065550100,\n'))
    assert row.problem == problem
    if not problem:
        assert row.items[0]["sk"] == identity.replace('=""', "").replace('""', "")


def test_no_problem_tells_a_value(write: Write) -> None:
    secret = "Sesame-4711"
    rows: list[Any] = read(
        write(
            HEADER
            + f'{secret},{secret},{secret},{secret}\n{secret}\n,{secret},2065550100,\n"{secret}" {secret},,,\n'
            + f"C-1,{secret * 200},2065550100,\n"
        )
    )
    assert len(rows) == 5
    assert all(row.problem and secret not in row.problem for row in rows)
    assert secret not in str(refused(write(f"{secret},{secret}\n")))
    assert secret not in str(refused(write(HEADER + f'{secret},"{secret},\n{secret}\n')))
