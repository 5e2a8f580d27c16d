"""`deploy.py customers import`: good rows in, bad rows named by line, and an interrupted import goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from click.testing import CliRunner
from moto import mock_aws

from deploy import cli
from ops.cloud import customers as customers_module
from ops.cloud.aws import Aws
from ops.cloud.customers import customers_table_name, import_customers
from ops.cloud.customers_file import read_rows
from ops.cloud.stack import read_stack
from ops.errors import UserError
from ops.settings import ROOT

TABLE = "customers"


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        session.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield session


def _items(session: Any) -> dict[tuple[str, str], dict[str, str]]:
    pages = session.resource("dynamodb").Table(TABLE).scan()["Items"]
    return {(item["pk"], item["sk"]): item for item in pages}


def _file(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "customers.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def _import(file: Path, *options: str) -> Any:
    return CliRunner().invoke(cli, ["customers", "import", str(file), "--table", TABLE, *options])


def test_a_row_becomes_an_item_for_its_number_and_one_for_its_address(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "\ufeffEmail,Note,ID,Phone,Name\nAna@EXAMPLE.com,vip,C-1,(206) 555-0100,Ana Silva\n")
    result = _import(file)
    assert result.exit_code == 0, result.output
    values = {"sk": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "Ana@example.com"}
    assert _items(session) == {
        ("phone#+12065550100", "C-1"): {"pk": "phone#+12065550100", **values},
        # The key is folded; what is shown is as the file has it.
        ("email#ana@example.com", "C-1"): {"pk": "email#ana@example.com", **values},
    }


def test_bad_rows_are_named_by_line_and_the_rest_is_loaded(session: Any, tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "id,name,phone,email\n"
        "C-1,Ana,2065550100,\n"
        "C-2,Bad number,123,\n"
        ",No id,2065550101,\n"
        '"C-4","Two\nlines",,two@example.com\n'
        "C-5,Bad address,,nobody\n"
        "C-6,Nothing,,\n"
        "C-7,Short\n"
        "\n"
        f"{'x' * 600},Long id,2065550102,\n"
        "C-9,Zoë,,zoe@example.com\n",
    )
    result = _import(file, "--json")
    assert result.exit_code == 3
    done = json.loads(result.stdout)
    assert [row["line"] for row in done["bad"]] == [3, 4, 7, 8, 9, 11]
    assert (done["rows"], done["items"], done["leftOut"], done["cellsLeftOut"]) == (3, 3, 6, 0)
    assert {sk for _, sk in _items(session)} == {"C-1", "C-4", "C-9"}
    # The reasons are for logs of all kinds: they hold no value of the file.
    assert "nobody" not in result.output
    assert "Bad" not in result.output


def test_an_id_that_comes_again_is_left_out_with_both_lines(session: Any, tmp_path: Path) -> None:
    """It was counted as another customer, whose number found the first one's id."""
    text = (
        "id,name,phone,email\n"
        "C-1,Ana,2065550100,ana@example.com\n"
        "C-2,Bob,123,\n"
        "C-2,Bob,2065550101,\n"  # the row before it is left out, so this is the first
        ' ="C-1" ,Eve,2065550102,eve@example.com\n'
        "C-2,Bob,2065550101,\n"
    )
    file = _file(tmp_path, text)
    result = _import(file, "--dry-run")
    assert result.exit_code == 3
    assert "2 customers would be loaded (3 items), 3 rows left out" in result.stdout
    assert "line 5: its id is on line 2 already" in result.stderr
    assert "line 6: its id is on line 4 already" in result.stderr
    assert "C-1" not in result.output, "the reasons are for logs of all kinds"
    assert _import(file).exit_code == 3
    assert {(key, item["name"]) for (key, _), item in _items(session).items()} == {
        ("phone#+12065550100", "Ana"),
        ("email#ana@example.com", "Ana"),
        ("phone#+12065550101", "Bob"),
    }
    # Continued later, it is the same row still.
    assert "line 5: its id is on line 2 already" in _import(file, "--from-line", "5").stderr
    assert ("phone#+12065550102", "C-1") not in _items(session)


def test_a_number_that_is_none_is_named_and_the_rest_of_its_row_is_loaded(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "id,name,phone,email\nC-1,Ana,call her,ana@example.com\nC-2,Bob,N/A,bob@example.com\n")
    result = _import(file)
    assert result.exit_code == 3
    assert "line 2: its phone is no phone number" in result.stderr
    assert "line 3" not in result.stderr
    assert "2 customers loaded (2 items), 0 rows left out, and 1 numbers or addresses of other rows" in result.stdout
    assert "call her" not in result.output
    assert {sk for _, sk in _items(session)} == {"C-1", "C-2"}


def test_a_thousand_problems_are_named_and_more_are_counted(tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone\n" + "C-1,1\n" * 1_200)
    result = CliRunner().invoke(cli, ["customers", "import", str(file), "--dry-run", "--json"])
    done = json.loads(result.stdout)
    assert (done["leftOut"], len(done["bad"])) == (1_200, 1_000)
    assert "and 200 more" in result.stderr


def test_a_dry_run_writes_nothing_and_asks_aws_nothing(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone\nC-1,2065550100\nC-2,1\n")
    result = CliRunner().invoke(cli, ["customers", "import", str(file), "--dry-run", "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)["rows"] == 1
    assert _items(session) == {}


def _users(first: int, last: int) -> str:
    return "".join(f"C-{n},,user{n}@example.com\n" for n in range(first, last))


def test_what_the_file_no_longer_has_goes_only_when_asked(session: Any, tmp_path: Path) -> None:
    assert _import(_file(tmp_path, "id,phone,email\nC-0,2065550100,\n" + _users(1, 60))).exit_code == 0
    file = _file(tmp_path, "id,phone,email\nC-0,2065550101,user0@example.com\n" + _users(3, 60))
    assert _import(file).exit_code == 0
    assert ("phone#+12065550100", "C-0") in _items(session)
    result = _import(file, "--delete-others", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["deleted"] == 3
    assert set(_items(session)) == {
        ("phone#+12065550101", "C-0"),
        ("email#user0@example.com", "C-0"),
        *((f"email#user{n}@example.com", f"C-{n}") for n in range(3, 60)),
    }
    assert _import(file, "--delete-others", "--from-line", "3").exit_code == 2


@pytest.mark.parametrize(
    "bad",
    [
        "C-1,1,\n",  # a row that is left out
        "C-1,1,user1@example.com\n",  # a number that is left out of its row: the table may have the right one
        "C-1,2065550100\n",
    ],
)
def test_nothing_is_deleted_for_a_file_of_which_something_was_left_out(session: Any, tmp_path: Path, bad: str) -> None:
    assert _import(_file(tmp_path, "id,phone,email\n" + _users(0, 100))).exit_code == 0
    result = _import(_file(tmp_path, "id,phone,email\n" + _users(2, 100) + bad), "--delete-others", "--yes", "--json")
    assert result.exit_code == 3
    assert "nothing was deleted" in result.stderr
    assert json.loads(result.stdout)["deleted"] == 0
    assert {("email#user0@example.com", "C-0"), ("email#user1@example.com", "C-1")} <= set(_items(session))


def test_a_quote_that_is_not_closed_writes_nothing_and_deletes_nothing(session: Any, tmp_path: Path) -> None:
    """The issue's: two customers were loaded, none left out, and the other 998 deleted."""
    rows = [f"C-{n},Name {n},,user{n}@example.com\n" for n in range(1_000)]
    assert _import(_file(tmp_path, "id,name,phone,email\n" + "".join(rows))).exit_code == 0
    rows[1] = 'C-1,"Name 1,,new@example.com\n'
    file = _file(tmp_path, "id,name,phone,email\n" + "".join(rows))
    for options in ([], ["--delete-others", "--yes"], ["--dry-run"], ["--from-line", "500"]):
        result = _import(file, *options)
        assert result.exit_code == 2
        assert "customers.csv, line 3" in result.stderr.replace("\n", "")
        assert "a quote opens in this line and is not closed" in result.stderr
    items = _items(session)
    assert len(items) == 1_000
    assert items["email#user0@example.com", "C-0"]["name"] == "Name 0"


def test_deleting_more_than_a_tenth_of_the_table_is_asked_and_needs_a_yes(session: Any, tmp_path: Path) -> None:
    assert _import(_file(tmp_path, "id,phone,email\n" + _users(0, 100))).exit_code == 0
    file = _file(tmp_path, "id,phone,email\n" + _users(11, 100) + "C-100,2065550100,\n")
    command = ["customers", "import", str(file), "--table", TABLE, "--delete-others", "--json"]
    for answer in ("n\n", "\n", ""):  # the last one: there is nobody to ask
        result = CliRunner().invoke(cli, command, input=answer)
        assert result.exit_code == 1
        assert "Delete 11 of the table's 101 items" in result.stderr
        assert "the rows are loaded and nothing was deleted" in " ".join(result.stderr.split())
        done = json.loads(result.stdout)
        assert (done["rows"], done["deleted"]) == (90, 0)
        assert len(_items(session)) == 101
    assert CliRunner().invoke(cli, command, input="y\n").exit_code == 0
    assert len(_items(session)) == 90

    assert _import(_file(tmp_path, "id,phone,email\n" + _users(11, 12)), "--delete-others", "--yes").exit_code == 0
    assert len(_items(session)) == 1


def test_a_tenth_of_the_table_goes_without_a_question(session: Any, tmp_path: Path) -> None:
    assert _import(_file(tmp_path, "id,phone,email\n" + _users(0, 100))).exit_code == 0
    result = _import(_file(tmp_path, "id,phone,email\n" + _users(10, 100)), "--delete-others")
    assert result.exit_code == 0
    assert "10 items deleted" in result.stdout
    assert len(_items(session)) == 90


def test_keys_are_kept_only_where_something_shall_be_deleted(session: Any, tmp_path: Path) -> None:
    del session
    file = _file(tmp_path, "id,phone,email\n" + _users(0, 10))
    aws = Aws(Session(), "us-east-1")
    assert import_customers(aws, TABLE, read_rows(file, "US"), lambda _: None).keys is None
    result = import_customers(aws, TABLE, read_rows(file, "US"), lambda _: None, keep_keys=True)
    assert len(result.keys or ()) == 10


def test_loading_twice_is_loading_once_and_a_number_may_come_twice(session: Any, tmp_path: Path) -> None:
    rows = "".join(f"C-{n},Name {n},+1206555{100 + n % 100:04},\n" for n in range(200))
    for name in ("Name 1", "New name"):
        result = _import(_file(tmp_path, "id,name,phone,email\n" + rows.replace("Name 1,", f"{name},")))
        assert result.exit_code == 0, (result.output, result.exception)
        items = _items(session)
        assert len(items) == 200
        assert items["phone#+12065550101", "C-1"]["name"] == name


def test_an_import_that_failed_says_from_which_line_it_goes_on(session: Any, tmp_path: Path) -> None:
    rows = "".join(f"C-{n},,user{n}@example.com\n" for n in range(1_000))
    file = _file(tmp_path, "id,phone,email\n" + rows)
    aws = Aws(Session(), "us-east-1")
    calls: list[str] = []

    def throttle(service: str, operation: str, _: dict[str, Any]) -> None:
        calls.append(f"{service} {operation}")
        if len(calls) == 21:
            error = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}
            raise ClientError(error, operation)

    aws.before = throttle
    with pytest.raises(UserError) as raised:
        import_customers(aws, TABLE, read_rows(file, "US"), lambda _: None)
    assert "--from-line 502" in raised.value.hint  # 20 requests of 25 items: lines 2 to 501
    result = _import(file, "--from-line", "502")
    assert result.exit_code == 0, result.output
    assert len(_items(session)) == 1_000


def test_a_line_that_the_file_does_not_have_is_said(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone\nC-1,2065550100\n")
    result = _import(file, "--from-line", "99")
    assert (result.exit_code, result.stdout, result.stderr.splitlines()[:2]) == (
        2,
        "",
        ["--from-line 99", "  the file has 2 lines"],
    )
    assert _items(session) == {}
    result = _import(file, "--from-line", "3")
    assert (result.exit_code, result.stdout) == (0, "0 customers loaded (0 items), 0 rows left out\n")


def test_what_dynamodb_leaves_unprocessed_is_sent_again(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone,email\n" + "".join(f"C-{n},,user{n}@example.com\n" for n in range(30)))
    aws = Aws(Session(), "us-east-1")
    sent: list[int] = []

    class Busy(Aws):
        """Takes the first ten items of a batch, as a table does that is short of capacity."""

        def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
            (requests,) = parameters["RequestItems"].values()
            sent.append(len(requests))
            aws.call(service, operation, RequestItems={TABLE: requests[:10]})
            return {"UnprocessedItems": {TABLE: requests[10:]} if requests[10:] else {}}

    result = import_customers(Busy(Session(), "us-east-1"), TABLE, read_rows(file, "US"), lambda _: None)
    assert (sent, result.rows, len(_items(session))) == ([25, 15, 5, 5], 30, 30)


def test_a_table_that_takes_nothing_at_all_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers_module, "_LONGEST_WAIT", 0.3)
    monkeypatch.setattr(customers_module, "_REPORT_EVERY", 0.1)
    told: list[str] = []

    class Full(Aws):
        """Takes nothing, as a table does whose capacity is used up."""

        def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
            del service, operation
            return {"UnprocessedItems": parameters["RequestItems"]}

    rows = read_rows(_file(tmp_path, "id,phone,email\n" + _users(0, 30)), "US")
    with pytest.raises(UserError) as raised:
        import_customers(Full(Session(), "us-east-1"), TABLE, rows, lambda _: None, on_wait=told.append)
    assert "it took nothing for" in raised.value.reason
    assert "--from-line 2" in raised.value.hint
    assert len(told) >= 2
    assert all("its capacity is used up" in words for words in told)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,phone\nAna,1\n", "columns"),
        ("id,name\nC-1,Ana\n", "columns"),
        ("", "columns"),
        (b"id,phone\n" + b"C-1,2065550100\n" * 1_750 + b"C-2,\xff\xfe\n", "customers.csv, line 1752"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_said_and_nothing_is_written(
    session: Any, content: str | bytes, said: str, tmp_path: Path
) -> None:
    result = _import(_file(tmp_path, content))
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
    assert _items(session) == {}


def test_a_missing_file_and_a_missing_table_are_said(tmp_path: Path) -> None:
    result = _import(tmp_path / "customers.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[1] == "  there is no such file", (
        "and nothing stands before it, no bar and no line"
    )
    file = _file(tmp_path, "id,phone\nC-1,2065550100\n")
    result = CliRunner().invoke(cli, ["customers", "import", str(file), "--table", "elsewhere"])
    assert result.exit_code == 1
    assert "elsewhere" in result.output
    assert "does not exist" in result.output


def test_the_tables_name_is_the_stacks_output(session: Any) -> None:
    aws = Aws(Session(), "us-east-1")
    with pytest.raises(UserError, match="--table"):
        customers_table_name(read_stack(aws, "popdesk"))
    template = {
        "Resources": {"Logs": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"CustomersTable": {"Value": "popdesk-customers-1"}},
    }
    session.client("cloudformation").create_stack(StackName="popdesk", TemplateBody=json.dumps(template))
    assert customers_table_name(read_stack(aws, "popdesk")) == "popdesk-customers-1"


def test_the_command_runs_from_a_checkout_without_pytests_path(tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone\nC-1,2065550100\n")
    done = subprocess.run(
        [sys.executable, "deploy.py", "customers", "import", str(file), "--dry-run"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 customers would be loaded" in done.stdout
