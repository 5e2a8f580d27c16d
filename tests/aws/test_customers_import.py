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
from ops.cloud.aws import Aws
from ops.cloud.customers import customers_table_name, import_customers, read_rows
from ops.errors import Trouble
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
    assert (done["rows"], done["items"]) == (3, 3)
    assert {sk for _, sk in _items(session)} == {"C-1", "C-4", "C-9"}
    # The reasons are for logs of all kinds: they hold no value of the file.
    assert "nobody" not in result.output
    assert "Bad" not in result.output


@pytest.mark.parametrize(
    "phone",
    [
        "3.12555011E9",
        "2065550100.0",
        "+49 30 901820 mobil",
        "0301234 / 0305678",
        "5550100",
        "01011980",
        "+266696687",
        "1-800-FLOWERS",
    ],
)
def test_what_is_not_one_whole_number_is_left_out_and_its_line_named(session: Any, tmp_path: Path, phone: str) -> None:
    result = _import(_file(tmp_path, f'id,phone\nC-1,2065550100\nC-2,"{phone}"\nC-3,2065550101\n'), "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["bad"] == [{"line": 3, "problem": "its phone is no phone number"}]
    assert set(_items(session)) == {("phone#+12065550100", "C-1"), ("phone#+12065550101", "C-3")}


@pytest.mark.parametrize(
    "phone",
    ["+1 206 555 0100 ext. 7", "tel:+1-206-555-0100", "'+12065550100", '=""+12065550100""', "+1206\u200b5550100\u200e"],
)
def test_what_stands_around_a_number_does_no_harm(session: Any, tmp_path: Path, phone: str) -> None:
    assert _import(_file(tmp_path, f'id,phone\nC-1,"{phone}"\n')).exit_code == 0
    assert set(_items(session)) == {("phone#+12065550100", "C-1")}


def test_a_dry_run_writes_nothing_and_asks_aws_nothing(session: Any, tmp_path: Path) -> None:
    file = _file(tmp_path, "id,phone\nC-1,2065550100\nC-2,1\n")
    result = CliRunner().invoke(cli, ["customers", "import", str(file), "--dry-run", "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)["rows"] == 1
    assert _items(session) == {}


def test_what_the_file_no_longer_has_goes_only_when_asked_and_only_for_a_whole_good_file(
    session: Any, tmp_path: Path
) -> None:
    many = "".join(f"C-{n},,user{n}@example.com\n" for n in range(60))
    assert _import(_file(tmp_path, "id,phone,email\nC-0,2065550100,\n" + many)).exit_code == 0
    file = _file(tmp_path, "id,phone,email\nC-0,2065550101,user0@example.com\n")
    assert _import(file).exit_code == 0
    assert ("phone#+12065550100", "C-0") in _items(session)
    bad = _file(tmp_path, "id,phone,email\nC-0,2065550101,user0@example.com\nC-1,1,\n")
    assert _import(bad, "--delete-others").exit_code == 3
    assert len(_items(session)) == 62
    assert _import(file, "--delete-others", "--from-line", "3").exit_code == 2
    file = _file(tmp_path, "id,phone,email\nC-0,2065550101,user0@example.com\n")
    result = _import(file, "--delete-others", "--json")
    assert json.loads(result.stdout)["deleted"] == 60
    assert set(_items(session)) == {("phone#+12065550101", "C-0"), ("email#user0@example.com", "C-0")}


def test_loading_twice_is_loading_once_and_a_key_may_come_twice(session: Any, tmp_path: Path) -> None:
    rows = "".join(f"C-{n},Name {n},+1206555{100 + n % 100:04},\n" for n in range(1_000))
    file = _file(tmp_path, "id,name,phone,email\n" + rows + "C-1,New name,+12065550101,\n")
    for _ in range(2):
        result = _import(file)
        assert result.exit_code == 0, (result.output, result.exception)
        items = _items(session)
        assert len(items) == 1_000
        assert items["phone#+12065550101", "C-1"]["name"] == "New name"


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
    with pytest.raises(Trouble) as raised:
        import_customers(aws, TABLE, read_rows(file, "US"), lambda _: None)
    assert "--from-line 502" in raised.value.remedy  # 20 requests of 25 items: lines 2 to 501
    result = _import(file, "--from-line", "502")
    assert result.exit_code == 0, result.output
    assert len(_items(session)) == 1_000


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
    assert (sent, result.rows, len(_items(session))) == ([25, 20, 10], 30, 30)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,phone\nAna,1\n", "columns"),
        ("id,name\nC-1,Ana\n", "columns"),
        ("", "columns"),
        (b"id,phone\nC-1,\xff\xfe\n", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_said(content: str | bytes, said: str, tmp_path: Path) -> None:
    result = _import(_file(tmp_path, content))
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_missing_file_and_a_missing_table_are_said(tmp_path: Path) -> None:
    assert "customers.csv" in _import(tmp_path / "customers.csv").output
    file = _file(tmp_path, "id,phone\nC-1,2065550100\n")
    result = CliRunner().invoke(cli, ["customers", "import", str(file), "--table", "elsewhere"])
    assert result.exit_code == 1
    assert "elsewhere" in result.output
    assert "does not exist" in result.output


def test_the_tables_name_is_the_stacks_output(session: Any) -> None:
    with pytest.raises(Trouble, match="--table"):
        customers_table_name(Aws(Session(), "us-east-1"), "popdesk")
    template = {
        "Resources": {"Logs": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"CustomersTable": {"Value": "popdesk-customers-1"}},
    }
    session.client("cloudformation").create_stack(StackName="popdesk", TemplateBody=json.dumps(template))
    assert customers_table_name(Aws(Session(), "us-east-1"), "popdesk") == "popdesk-customers-1"
    assert customers_table_name(Aws(Session(), "us-east-1"), "popdesk", "mine") == "mine"


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
