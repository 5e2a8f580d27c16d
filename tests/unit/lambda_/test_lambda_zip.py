"""The zip: the same input gives the same bytes, it contains only what the handler needs, and it runs by itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from popdesk_api.contact_token import verify
from pydantic import ValidationError

from ops import LOOKUP
from ops.errors import UserError
from ops.settings import Lookup, Settings, lambda_settings, load_settings
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE, LAMBDA_HANDLER, build_lambda_zip
from tests.lambda_runtime import AVAILABLE, LambdaRuntime
from tests.unit.lambda_.events import contact_event
from tests.unit.lambda_.tokens import AUDIENCE, KEYS, with_api

pytestmark = pytest.mark.slow

HERE = f"python3.{sys.version_info.minor}"
TOKEN_ENVIRONMENT = {
    "POPDESK_STACK": AUDIENCE,
    "POPDESK_TOKEN_KEYS": json.dumps({kid: key.decode() for kid, key in KEYS.items()}),
}
ELSEWHERE = f"python3.{sys.version_info.minor + 1}"

# Lambda's own way, without anything of this project on the path.
_RUN = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module, _, name = sys.argv[2].rpartition(".")
handle = getattr(importlib.import_module(module), name)
print(json.dumps([handle(event, None) for event in json.load(sys.stdin)]), file=sys.stderr)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def _with_adapter(adapter: str) -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"adapter": adapter})})


def _names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def _run(
    package: Path, folder: Path, events: list[dict[str, object]], environment: dict[str, str] | None = None
) -> tuple[list[dict[str, str]], list[str]]:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUN, str(folder), LAMBDA_HANDLER],
        env={**os.environ, **(environment or {})},
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=True,
    )
    answers, modules = done.stderr.splitlines()
    return json.loads(answers), json.loads(modules)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = build_lambda_zip(load_settings(), tmp_path / "1" / "a.zip", HERE)
    second = build_lambda_zip(load_settings(), tmp_path / "2" / "b.zip", HERE)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("runtime", [HERE, ELSEWHERE])
@pytest.mark.parametrize("adapter", ["sample", "dynamodb", "http"])
def test_it_is_under_a_megabyte_and_has_the_configured_adapter_only(tmp_path: Path, adapter: str, runtime: str) -> None:
    package = build_lambda_zip(_with_adapter(adapter), tmp_path / "lambda.zip", runtime)
    assert package.stat().st_size < 1_000_000
    names = _names(package)
    carried = {name for name in names if name.startswith("adapters/") and not name.endswith(".pyc")}
    requests = {"adapters/http_connection.py", "adapters/aws_client.py"}
    rest = {"adapters/rest.py"}
    beside = {"sample": {"adapters/sample.json"}, "http": requests | rest, "dynamodb": requests}[adapter]
    assert carried == {"adapters/__init__.py", f"adapters/{adapter}.py"} | beside
    assert {"handler.py", "settings.json", "phonenumbers/LICENSE"} <= set(names)
    assert not [name for name in names if "geo" in name or "carrier" in name or name.endswith(".pyi")]
    # Libraries that only check the settings are not in it.
    assert not [name for name in names if "publicsuffix" in name or "idna" in name]


def test_modules_arecompiled_where_this_python_is_the_runtimes_and_only_there(tmp_path: Path) -> None:
    compiled = build_lambda_zip(load_settings(), tmp_path / "here.zip", HERE)
    modules = [name for name in _names(compiled) if name.endswith(".py")]
    with zipfile.ZipFile(compiled) as archive:
        for module in modules:
            folder, _, name = module.rpartition("/")
            cache = f"{folder}/__pycache__" if folder else "__pycache__"
            pyc = archive.read(f"{cache}/{name[:-3]}.{sys.implementation.cache_tag}.pyc")
            assert pyc[4:8] == b"\x01\x00\x00\x00"  # PEP 552: hash-based, unchecked
    assert not [
        name for name in _names(build_lambda_zip(load_settings(), compiled, ELSEWHERE)) if name.endswith(".pyc")
    ]


def test_it_runs_by_itself_and_finds_the_sample_customers(tmp_path: Path) -> None:
    package = build_lambda_zip(load_settings(), tmp_path / "lambda.zip", HERE)
    events = [
        contact_event(address="+12065550100"),
        contact_event(address="+12125550150"),
        contact_event(address="+12065550199"),
        contact_event("CHAT", attributes={"email": "ana.silva@example.com"}),
    ]
    answers, modules = _run(package, tmp_path / "task", events)
    assert [answer["contactMatches"] for answer in answers] == ["1", "2", "0", "1"]
    assert answers[0]["contactUrlPath"] == "https://crm.example.com/customers/C-1001"
    # Importing them would slow the cold start down.
    assert not {"boto3", "urllib.request", "http.client", "dataclasses", "typing", "logging", "pathlib"} & set(modules)


def test_the_token_is_signed_by_the_part_of_pyjwt_that_does_so_and_only_where_the_api_is_enabled(
    tmp_path: Path,
) -> None:
    without = _names(build_lambda_zip(load_settings(), tmp_path / "without.zip", HERE))
    assert not [name for name in without if "jwt" in name or "token" in name or "aws_client" in name]
    package = build_lambda_zip(with_api(load_settings()), tmp_path / "with.zip", HERE)
    assert package.stat().st_size < 1_000_000
    added = {name for name in set(_names(package)) - set(without) if not name.endswith(".pyc")}
    signing = {"token_signing.py", "adapters/aws_client.py", "adapters/http_connection.py"}
    assert signing == {name for name in added if not name.startswith("jwt/")}
    assert {"jwt/__init__.py", "jwt/api_jws.py", "jwt/LICENSE"} < added
    answers, modules = _run(package, tmp_path / "task", [contact_event(address="+12065550100")], TOKEN_ENVIRONMENT)
    proof = verify(answers[0]["popdeskToken"], KEYS, AUDIENCE, time.time())
    assert proof.customers == (answers[0]["customerId"],) == ("C-1001",)
    # What PyJWT's own __init__ would import, or cryptography where it is installed.
    slow = {"urllib.request", "ssl", "http.client", "tempfile", "dataclasses", "inspect", "cryptography"}
    assert not slow & set(modules)


def test_the_settings_travel_in_it(tmp_path: Path) -> None:
    settings = load_settings().with_local_crm("http://127.0.0.1:8000")
    package = build_lambda_zip(settings, tmp_path / "lambda.zip", HERE)
    with zipfile.ZipFile(package) as archive:
        assert json.loads(archive.read("settings.json")) == json.loads(json.dumps(lambda_settings(settings)))
    answers, _ = _run(package, tmp_path / "task", [contact_event(address="+12065550100")])
    assert answers[0]["contactUrlPath"] == "http://127.0.0.1:8000/crm/customers/C-1001"


def test_an_adapter_without_a_module_is_refused_by_name(tmp_path: Path) -> None:
    lookup = load_settings().lookup.model_dump()
    with pytest.raises(ValidationError, match=r"lambda/lookup/adapters/ldap\.py.*dynamodb, http, sample"):
        Lookup.model_validate({**lookup, "adapter": "ldap"})
    with pytest.raises(UserError, match="ldap"):
        build_lambda_zip(_with_adapter("ldap"), tmp_path / "lambda.zip")


def _add_adapter(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Settings:
    """Return settings for the adapter "acme" with this code, in a copy of lambda/lookup/ that is packed from now on."""
    shutil.copytree(LOOKUP, folder / "lookup", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "lookup" / "adapters" / "acme.py").write_text(code, "utf-8")
    monkeypatch.setattr("ops.site.lambda_zip.LOOKUP", folder / "lookup")
    return _with_adapter("acme")


def test_an_adapter_may_import_another_ones_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
from customers import Customer, Customers

class Acme(Customers):
    def find(self, identity, seconds):
        from adapters.http import HttpCustomers
        return [Customer("C-7", HttpCustomers.__name__)]

def create(lookup):
    return Acme()
"""
    package = build_lambda_zip(_add_adapter(tmp_path, monkeypatch, code), tmp_path / "lambda.zip", HERE)
    (answer,), _ = _run(package, tmp_path / "task", [contact_event(address="+12065550100")])
    assert answer["Name"] == "HttpCustomers"
    assert not [name for name in _names(package) if "sample" in name or "dynamodb" in name]


@pytest.mark.parametrize("where", ["import pydantic", "def f():\n    from pydantic import Field"])
def test_an_adapter_that_imports_what_the_lambda_has_not_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """It is there on this machine, so that preview and the contract would find nothing wrong."""
    settings = _add_adapter(tmp_path, monkeypatch, f"{where}\ndef create(lookup):\n    return None\n")
    with pytest.raises(UserError, match=r"adapters/acme\.py:[12].*imports pydantic.*lookup\.packages.*TYPE_CHECKING"):
        build_lambda_zip(settings, tmp_path / "lambda.zip", ELSEWHERE)


def test_a_name_that_the_look_up_has_not_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from customers import Customre\n\n\ndef create(lookup):\n    return None\n"
    settings = _add_adapter(tmp_path, monkeypatch, code)
    with pytest.raises(UserError, match=r"adapters/acme\.py:1: customers has no Customre.*customers\.py"):
        build_lambda_zip(settings, tmp_path / "lambda.zip", ELSEWHERE)


def test_a_name_of_an_adapter_that_is_not_defined_is_refused_with_its_line_and_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "def create(lookup):\n    return [Customer, tier]\n"
    settings = _add_adapter(tmp_path, monkeypatch, code)
    with pytest.raises(UserError) as caught:
        build_lambda_zip(settings, tmp_path / "lambda.zip", ELSEWHERE)
    assert "adapters/acme.py:2: the name Customer is not defined. Import it: `from customers import Customer`" in str(
        caught.value
    )
    assert "adapters/acme.py:2: the name tier is not defined" in str(caught.value)


def test_the_annotations_of_an_adapters_settings_need_no_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from __future__ import annotations\n\n\nclass Settings:\n    retries: Annotated[int, Field(ge=0)] = 2\n\n\n"
        "def create(lookup: dict[str, Any]) -> None:\n    return None\n"
    )
    assert build_lambda_zip(_add_adapter(tmp_path, monkeypatch, code), tmp_path / "lambda.zip", ELSEWHERE).is_file()


def test_what_an_adapter_may_lack_and_what_the_runtime_brings_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
from typing import TYPE_CHECKING
import boto3, json, customers
from adapters import aws_client
if TYPE_CHECKING:
    from pydantic import Field
try:
    import orjson
except ImportError:
    orjson = None
def create(lookup):
    return None
"""
    assert build_lambda_zip(_add_adapter(tmp_path, monkeypatch, code), tmp_path / "lambda.zip", ELSEWHERE).is_file()


def test_an_adapter_that_is_not_python_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _add_adapter(tmp_path, monkeypatch, "def create(lookup):\n    return )\n")
    with pytest.raises(UserError, match=r"adapters/acme\.py: line 2: "):
        build_lambda_zip(settings, tmp_path / "lambda.zip", ELSEWHERE)
    assert not (tmp_path / "lambda.zip").exists()


def test_the_tables_variable_is_the_one_that_the_adapter_reads() -> None:
    from adapters.dynamodb import TABLE_VARIABLE

    assert TABLE_VARIABLE == CUSTOMERS_TABLE_VARIABLE


def test_the_sample_customers_are_fiction() -> None:
    records = json.loads((LOOKUP / "adapters" / "sample.json").read_text("utf-8"))
    # US: 555-0100 to 0199. UK: Ofcom's numbers for TV and radio drama.
    uk = ("+442079460", "+441134960", "+442920180", "+441314960", "+447700900")
    for record in records:
        phone, email = record["phone"], record["email"]
        assert not phone or phone.startswith(uk) or (phone[5:].startswith("55501") and len(phone) == 12)
        assert email.rpartition("@")[2] in ("example.com", "example.org", "example.net")
    assert len(records) >= 30


@pytest.mark.skipif(not AVAILABLE, reason="Lambda's runtime client is built for Linux")
def test_it_answers_in_lambdas_own_runtime(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_lambda_zip(_with_adapter("sample"), tmp_path / "a.zip", HERE)) as archive:
        archive.extractall(tmp_path / "task")
    with LambdaRuntime() as runtime:
        start = runtime.start([str(tmp_path / "task")], {}, contact_event(address="+12065550100"))
    assert (start.error, start.answer["statusCode"], start.answer["contactMatches"]) == ("", "200", "1"), start.printed
    assert json.loads(start.printed.splitlines()[0])["adapter"] == "sample", (
        "the call's line, as the runtime passes it on"
    )
