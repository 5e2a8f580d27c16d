"""The Lambda's calls to AWS: DynamoDB, Secrets Manager and SSM, on a moto server over real sockets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adapters
import boto3
import pytest
from adapters.aws_client import AwsClient
from adapters.rest import read_token
from botocore.session import Session
from customers import Customer, LookupFailed, open_customers
from handler import create_handler
from identity import Identity
from moto.server import ThreadedMotoServer

from ops.cloud.aws import Aws
from ops.cloud.customers import import_customers
from ops.cloud.customers_file import check_file, read_rows
from ops.settings import ROOT, lambda_settings, load_settings
from tests.unit.lambda_.crm import MisbehavingCrm
from tests.unit.lambda_.events import contact_event

TABLE = "customers"
ANA = Customer("C-1", "Ana Silva", "+12065550100", "ana@example.com")
BOB = Customer("C-2", "Bob Silva", "+12065550100", "")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def aws(moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point boto3 to the moto server, as Lambda's environment points it to AWS."""
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "POPDESK_CUSTOMERS_TABLE": TABLE,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Any]:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    file = tmp_path / "customers.csv"
    file.write_text("id,name,phone,email\nC-1,Ana Silva,(206) 555-0100,ana@EXAMPLE.com\nC-2,Bob Silva,2065550100,\n")
    import_customers(Aws(Session(), "us-east-1"), TABLE, read_rows(file, "US"), lambda _: None)
    yield client
    client.delete_table(TableName=TABLE)


def _settings(**lookup: Any) -> dict[str, Any]:
    settings = lambda_settings(load_settings())
    return {**settings, "lookup": {**settings["lookup"], "adapter": "dynamodb", **lookup}}


def _token(name: str) -> str:
    return read_token(name, time.monotonic() + 30)


@pytest.mark.usefixtures("table")
def test_dynamodb_finds_by_number_and_by_address_what_the_import_wrote() -> None:
    customers = open_customers(_settings()["lookup"])
    assert customers.find(Identity("phone", "+12065550100"), 2) == [ANA, BOB]
    assert customers.find(Identity("email", "ana@example.com"), 2) == [ANA]
    assert customers.find(Identity("phone", "+12065550199"), 2) == []


@pytest.mark.usefixtures("table")
def test_the_handler_answers_from_dynamodb() -> None:
    handle = create_handler(_settings())
    answer = handle(contact_event("CHAT", attributes={"email": "ana@Example.com"}), None)
    assert (answer["Name"], answer["contactUrlPath"]) == ("Ana Silva", "https://crm.example.com/customers/C-1")
    assert handle(contact_event(address="+12065550100"), None)["contactMatches"] == "2"


def test_a_field_of_the_teams_own_travels_from_the_file_to_the_answer(table: Any, tmp_path: Path) -> None:
    file = tmp_path / "fields.csv"
    file.write_text("id,phone,tier\nC-3,+442079460018,gold\nC-4,+442079460019,\n")
    import_customers(
        Aws(Session(), "us-east-1"), TABLE, read_rows(check_file(file, fields=["tier"]), "US"), lambda _: None
    )
    settings = {**_settings(fields=["tier"]), "fields": {"tier": "loyaltyTier"}}
    handle = create_handler(settings)
    assert [handle(contact_event(address=f"+44207946{last}"), None)["loyaltyTier"] for last in ("0018", "0019")] == [
        "gold",
        "-",
    ]
    # An item that was there before the field, and one whose value is no text.
    for key, item in {"0100": {}, "0101": {"tier": {"N": "7"}}}.items():
        identity = {"pk": {"S": f"phone#+1206555{key}"}, "sk": {"S": "C-9"}}
        table.put_item(TableName=TABLE, Item={**identity, **item})
    assert handle(contact_event(address="+12065550101"), None)["loyaltyTier"] == "-"


def test_either_spelling_finds_what_the_import_wrote_under_one_key(table: Any, tmp_path: Path) -> None:
    file = tmp_path / "spellings.csv"
    file.write_text(
        "id,phone,email\nC-3,+5215512345678,Bea@Example.com\nC-4,011 15 1234-5678,\nC-5,+551187654321,\n"
        # The same customer, spelt the other way in another row.
        "C-3,+525512345678,bea@example.com\n"
    )
    for region in ("AR", "US"):
        import_customers(Aws(Session(), "us-east-1"), TABLE, read_rows(file, region), lambda _: None)
    keys = [item["pk"]["S"] for item in table.scan(TableName=TABLE)["Items"] if item["sk"]["S"] not in ("C-1", "C-2")]
    assert sorted(keys) == [
        "email#bea@example.com",
        "phone#+525512345678",
        "phone#+541112345678",
        "phone#+5511987654321",
    ]
    handle = create_handler(_settings())
    for address, customer in {
        "+525512345678": "C-3",
        "+5215512345678": "C-3",
        "+541112345678": "C-4",
        "+5491112345678": "C-4",
        "+551187654321": "C-5",
        "+5511987654321": "C-5",
    }.items():
        assert handle(contact_event("CHAT", address), None)["contactUrlPath"].endswith(f"/{customer}"), address
    for email in ("bea@example.com", "BEA@example.com"):
        answer = handle(contact_event("CHAT", attributes={"email": email}), None)
        assert (answer["contactUrlPath"][-3:], answer["ContactPhoneNumberOrEmail"]) == ("C-3", email)


def test_an_item_under_the_very_spelling_that_came_is_found_first(table: Any) -> None:
    # As a table has them that was filled before there was one key, or by something else than the import.
    for key, customer in {
        "phone#+5491112345678": "C-3",
        "phone#+541112345678": "C-4",
        "email#Bea@example.com": "C-5",
        "email#bea@example.com": "C-6",
    }.items():
        table.put_item(TableName=TABLE, Item={"pk": {"S": key}, "sk": {"S": customer}})
    handle = create_handler(_settings())
    for address, customer in {"+5491112345678": "C-3", "+541112345678": "C-4"}.items():
        assert handle(contact_event(address=address), None)["contactUrlPath"].endswith(f"/{customer}")
    for email, customer in {"Bea@example.com": "C-5", "bea@example.com": "C-6", "BEA@example.com": "C-6"}.items():
        answer = handle(contact_event("CHAT", attributes={"email": email}), None)
        assert answer["contactUrlPath"].endswith(f"/{customer}")


@pytest.mark.usefixtures("table")
def test_one_call_is_one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = open_customers(_settings()["lookup"])
    calls: list[str] = []
    call = AwsClient.call

    def counted(client: AwsClient, operation: str, *rest: Any) -> dict[str, Any]:
        calls.append(operation)
        return call(client, operation, *rest)

    monkeypatch.setattr(AwsClient, "call", counted)
    customers.find(Identity("phone", "+5491112345678"), 2)
    assert calls == ["Query"]


def test_a_table_that_is_not_there_or_not_named_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = open_customers(_settings()["lookup"])
    with pytest.raises(LookupFailed, match="ResourceNotFoundException"):
        customers.find(Identity("phone", "+12065550100"), 2)
    monkeypatch.delenv("POPDESK_CUSTOMERS_TABLE")
    with pytest.raises(LookupFailed, match="POPDESK_CUSTOMERS_TABLE"):
        open_customers(_settings()["lookup"])


@pytest.mark.parametrize("misdeed", ["hang", "drip body", "500", "html", "5 MB", "drop"])
def test_a_dynamodb_that_misbehaves_costs_the_budget_at_most(misdeed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The server speaks plain HTTP at the address where boto3 looks for DynamoDB: what it says is not DynamoDB's.
    with MisbehavingCrm() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.origin)
        server.behave(misdeed)
        handle = create_handler(_settings(budget_ms=500))
        started = time.monotonic()
        answer = handle(contact_event(address="+12065550100"), None)
        assert time.monotonic() - started < 5
        assert server.requests
        assert answer["statusCode"] in ("502", "504")
        assert answer["contactUrlPath"] == "-"


def test_the_token_is_read_from_secrets_manager_once_and_sent() -> None:
    boto3.client("secretsmanager").create_secret(Name="crm-token", SecretString="opened-sesame\n")
    with MisbehavingCrm() as crm:
        crm.customers = [{"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}]
        http = {**_settings()["lookup"]["http"], "url": crm.url, "token_secret": "crm-token"}
        customers = open_customers({**_settings()["lookup"], "adapter": "http", "http": http})
        boto3.client("secretsmanager").delete_secret(SecretId="crm-token", ForceDeleteWithoutRecovery=True)
        assert customers.find(Identity("phone", "+12065550100"), 2) == [ANA]
        assert customers.find(Identity("phone", "+12065550100"), 2) == [ANA]
        assert [headers["Authorization"] for _, headers in crm.requests] == ["Bearer opened-sesame"] * 2


def test_a_refused_token_is_read_again_for_the_next_call() -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="rotated", SecretString="old")
    with MisbehavingCrm() as crm:
        http = {**_settings()["lookup"]["http"], "url": crm.url, "token_secret": "rotated"}
        customers = open_customers({**_settings()["lookup"], "adapter": "http", "http": http})
        client.put_secret_value(SecretId="rotated", SecretString="new")
        crm.behave("401", times=1)
        with pytest.raises(LookupFailed, match="401"):
            customers.find(Identity("phone", "+12065550100"), 2)
        customers.find(Identity("phone", "+12065550100"), 2)
        assert [headers["Authorization"] for _, headers in crm.requests] == ["Bearer old", "Bearer new"]


def test_tokens_come_from_ssm_and_from_json_secrets_too() -> None:
    boto3.client("ssm").put_parameter(Name="/crm/token", Value="from-ssm", Type="SecureString")
    assert _token("ssm:/crm/token") == "from-ssm"
    boto3.client("secretsmanager").create_secret(Name="console-made", SecretString=json.dumps({"token": "from-json"}))
    assert _token("console-made") == "from-json"


@pytest.mark.parametrize("secret", ['{"password": "x"}', "{", "two\nlines", "схема", " "])
def test_a_secret_that_is_no_token_is_said_without_it(secret: str) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="odd", SecretString=secret)
    with pytest.raises(LookupFailed, match="token") as raised:
        _token("odd")
    client.delete_secret(SecretId="odd", ForceDeleteWithoutRecovery=True)
    assert secret not in str(raised.value).replace("token", "") or secret == " "


def test_a_token_that_cannot_be_read_fails_the_call_and_not_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    with MisbehavingCrm() as crm:
        http = {**_settings()["lookup"]["http"], "url": crm.url, "token_secret": "nowhere"}
        handle = create_handler(_settings(adapter="http", http=http))
        assert handle(contact_event(address="+12065550100"), None)["statusCode"] == "502"
        assert not crm.requests  # nothing is asked without the token
    assert "ResourceNotFoundException" in capsys.readouterr().out


def test_the_fourth_adapter_of_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "lambda.md").read_text("utf-8")
    code, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    (tmp_path / "s3.py").write_text(code, "utf-8")
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path)])
    client = boto3.client("s3")
    client.create_bucket(Bucket="directory")
    record = {"id": "C-1", "name": "Ana Silva", "phone": "+12065550100", "email": "ana@example.com"}
    client.put_object(Bucket="directory", Key="customers.json", Body=json.dumps([record]).encode())
    own = {"bucket": "directory", "key": "customers.json"}
    assert (
        create_handler(_settings(adapter="s3", s3=own))(contact_event(address="+12065550100"), None)["Name"]
        == "Ana Silva"
    )
