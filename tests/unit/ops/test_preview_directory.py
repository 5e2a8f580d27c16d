"""`deploy.py preview --adapter NAME`: customers are looked up where the settings say, with what AWS would give the Lambda."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ops.api_settings import HttpCases
from ops.errors import UserError
from ops.preview.directory import Directory, RealCases
from ops.preview.server import Preview
from ops.settings import PYPROJECT, Settings, load_settings
from tests.cases.http import http_settings
from tests.cases.rest_crm import RestCrm
from tests.preview_process import Running
from tests.project import copy_project
from tests.unit.lambda_.crm import MisbehavingCrm
from tests.unit.ops.test_preview import ask, offer
from tests.unit.ops.test_preview_api import Asking

pytestmark = pytest.mark.slow
ZOE = {"id": "Z-9", "name": "Zoe Real", "phone": "+12065550199", "email": "zoe@example.com", "tier": "gold"}
Load = Callable[[str], Settings]


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no AWS configuration of this machine's."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads the tests' settings with more tables, with the environment "team"."""

    def load(tables: str) -> Settings:
        text = f"{PYPROJECT.read_text('utf-8')}\n[tool.popdesk.environments.team]\n{tables}\n"
        (tmp_path / "pyproject.toml").write_text(text, "utf-8")
        return load_settings(tmp_path / "pyproject.toml", "team")

    return load


def _tables(crm: MisbehavingCrm) -> str:
    return (
        f'[tool.popdesk.environments.team.lookup.http]\nurl = "{crm.url}"\ntimeout_ms = 20000\n'
        '[tool.popdesk.environments.team.fields]\ntier = "loyaltyTier"\n'
    )


@pytest.fixture
def crm() -> Iterator[MisbehavingCrm]:
    with MisbehavingCrm() as server:
        server.customers = [ZOE]
        yield server


def test_http_asks_the_crm_of_the_settings_and_opens_its_pages(load: Load, crm: MisbehavingCrm) -> None:
    settings = load(_tables(crm))
    with Preview(lambda: settings, directory=Directory("http")) as preview:
        attributes = offer(preview, ZOE["phone"])["attributes"]
        assert (attributes["Name"], attributes["loyaltyTier"]) == ("Zoe Real", "gold")
        assert attributes["contactUrlPath"] == "https://crm.example.com/customers/Z-9"
        assert offer(preview, "+12065550100")["attributes"]["contactMatches"] == "0"  # the sample file's Ana
        assert json.loads(ask(preview.workspace_url, "/api/config")[2])["customers"] == []  # who is in it is not known
    assert {headers["User-Agent"] for _, headers in crm.requests} == {"popdesk"}


def test_without_the_option_nothing_real_is_asked(load: Load, crm: MisbehavingCrm) -> None:
    settings = load(_tables(crm) + '[tool.popdesk.environments.team.lookup]\nadapter = "http"\n')
    said: list[str] = []
    with Preview(lambda: settings, tell=said.append) as preview:
        assert offer(preview, "+12065550100")["attributes"]["Name"] == "Ana Carolina Silva"
    assert crm.requests == []
    assert any("--adapter http asks the real directory" in line for line in said)


def test_dynamodb_asks_the_environments_table_with_the_developers_credentials(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDDEVELOPER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("dynamodb", region_name="us-east-1")
    client.create_table(
        TableName="popdesk-team-customers",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"pk": f"phone#{ZOE['phone']}", "sk": "Z-9", "name": "Zoe Real"}
    client.put_item(TableName="popdesk-team-customers", Item={name: {"S": value} for name, value in item.items()})
    settings = load("")
    with Preview(lambda: settings, directory=Directory("dynamodb")) as preview:
        assert offer(preview, ZOE["phone"])["attributes"]["Name"] == "Zoe Real"
    moto.stop()


def test_dynamodb_without_credentials_is_refused_with_a_remedy(load: Load) -> None:
    settings = load("")
    with (
        pytest.raises(UserError, match=r'the adapter "dynamodb" needs them') as raised,
        Preview(lambda: settings, directory=Directory("dynamodb")),
    ):
        pass
    assert "--profile" in raised.value.hint


def test_a_profile_or_an_adapter_that_is_not_there_is_told(load: Load) -> None:
    settings = load("")
    with pytest.raises(UserError, match="nobody"):
        Directory("dynamodb", "nobody").environment(settings)
    with pytest.raises(UserError, match=r"--adapter ldap: .*there are: dynamodb, http, sample"):
        Directory("ldap").settings(settings)


def test_an_adapters_own_file_of_customers_is_offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    monkeypatch.setattr("ops.preview.directory.LOOKUP", tmp_path)
    file = tmp_path / "adapters" / "acme.json"
    for content in ("{", '{"customers": []}', '[7, {"id": "Z-9"}]'):
        file.write_text(content, "utf-8")
        assert Directory("acme").customers() == []
    file.write_text(json.dumps([ZOE, {"id": 7}]), "utf-8")
    assert Directory("acme").customers() == [ZOE]
    assert Directory("other").customers() == []


def test_cases_are_kept_where_the_settings_say(tmp_path: Path) -> None:
    with RestCrm(tmp_path) as crm:
        given = load_settings()
        http = HttpCases.model_construct(**http_settings(crm.url))  # not validated: it is on loopback, without TLS
        api = given.api.model_copy(update={"enabled": True, "http": http})
        settings = given.model_copy(update={"api": api})
        with Preview(lambda: settings, cases=Unchecked("http")) as preview:
            asking = Asking(preview)
            status, made = asking("POST", "customers/C-1001/cases", {"subject": "Late parcel"}, "1" * 32)
            assert status == 201
            assert offer(preview, "+12065550100")["attributes"]["Name"] == "Ana Carolina Silva"  # still the sample's
        assert [case.subject for case in crm.cases.open_cases("C-1001")] == ["Late parcel"]
        assert made["id"]


class Unchecked(RealCases):
    """The option, with settings that name a CRM of this machine: those of a team are https."""

    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"api": settings.api.model_copy(update={"cases": self._adapter})})


def test_cases_that_cannot_be_asked_are_told(load: Load) -> None:
    with pytest.raises(UserError, match=r"--cases http: \[tool\.popdesk\.api\] is not enabled"):
        RealCases("http").settings(load("api.enabled = false"))
    enabled = load("api.enabled = true")
    assert RealCases("dynamodb").settings(enabled).api.cases == "dynamodb"
    with pytest.raises(UserError, match=r"--cases ldap: .*there are: dynamodb, http, sample"):
        RealCases("ldap").settings(enabled)
    with pytest.raises(UserError, match='the adapter "dynamodb" needs them'):
        RealCases("dynamodb").environment(enabled)
    assert RealCases("http").environment(enabled)["POPDESK_CASES_TABLE"] == "popdesk-team-cases"


def test_the_lambda_gets_its_variables_and_nothing_else_of_the_developers(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOME_SECRET", "x")
    settings = load('lookup.environment = { CUSTOMERS_BUCKET = "directory" }\naws.region = "eu-west-1"')
    assert Directory("sample").environment(settings) == {
        "AWS_REGION": "eu-west-1",
        "CUSTOMERS_BUCKET": "directory",
        "POPDESK_CUSTOMERS_TABLE": "popdesk-team-customers",
    }


def test_the_command_line_takes_the_adapter_and_the_environment(tmp_path: Path, crm: MisbehavingCrm) -> None:
    project = copy_project(tmp_path / "project")
    pyproject = project / "pyproject.toml"
    pyproject.write_text(
        pyproject.read_text("utf-8") + "\n" + _tables(crm).replace("environments.team", "environments.real"), "utf-8"
    )
    running = Running(project, options=("--no-browser", "--adapter", "http", "--env", "real"))
    try:
        address = running.workspace
        contact: dict[str, Any] = {"contactId": "c-1", "channel": "VOICE", "attributes": {}}
        contact["customerEndpoint"] = {"address": ZOE["phone"], "type": "TELEPHONE_NUMBER"}
        found = json.loads(ask(address, "/api/offer", {"contact": contact})[2])["attributes"]
        assert (found["Name"], found["loyaltyTier"]) == ("Zoe Real", "gold")
        crm.behave("500")
        failed = json.loads(ask(address, "/api/offer", {"contact": contact})[2])["attributes"]
        assert failed["statusCode"] == "502"
        # What is wrong with the directory is told without --verbose, and without the caller's number.
        assert "5550199" not in running.printed(r"^Lambda: .*answered 500.*")
        assert "Stopped." in running.end(signal.SIGINT)
    finally:
        running.close()
