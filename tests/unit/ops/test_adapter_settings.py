"""An adapter's own settings table, [tool.popdesk.lookup.NAME]: its class Settings says what may be there, ops checks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.errors import UserError
from ops.settings import PYPROJECT, Settings, lambda_settings, load_settings

S3 = """
from __future__ import annotations
import not_installed_anywhere
class Settings:
    \"\"\"Where the file is.\"\"\"
    bucket: str
    key: str = "customers.json"
    retries: Annotated[int, Field(ge=0, le=5)] = 2
    mode: Literal["all", "first"] = "all"
    headers: dict[str, str] = {}
    def ignored(self): ...
def create(lookup):
    raise NotImplementedError
"""
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that loads the settings with an adapter s3 of this source and these lines after its table's name."""
    adapters = tmp_path / "adapters"
    adapters.mkdir()
    monkeypatch.setattr("ops.settings.LOOKUP", tmp_path)

    def load(table: str | None, source: str = S3, adapter: str = "s3", more: str = "") -> Settings:
        (adapters / "s3.py").write_text(source, "utf-8")
        (adapters / "sample.py").write_text("\ndef create(lookup): ...\n", "utf-8")
        text = PYPROJECT.read_text("utf-8").replace('adapter = "sample"', f'{more}\nadapter = "{adapter}"', 1)
        if table is not None:
            text += f"\n[tool.popdesk.lookup.s3]\n{table}\n"
        (tmp_path / "pyproject.toml").write_text(text, "utf-8")
        return load_settings(tmp_path / "pyproject.toml")

    return load


def test_the_lambda_gets_the_table_with_its_defaults_and_the_adapter_is_not_imported(load: Load) -> None:
    lookup = lambda_settings(load('bucket = "directory"\nretries = 5'))["lookup"]
    assert lookup["s3"] == {
        "bucket": "directory",
        "key": "customers.json",
        "retries": 5,
        "mode": "all",
        "headers": {},
    }
    assert json.loads(json.dumps(lookup)) == lookup


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, r"lookup: s3\.bucket: the key is missing"),
        ("", r"s3\.bucket: the key is missing"),
        ('bucket = "b"\nbukket = "b"', r"s3\.bukket: there is no such setting"),
        ("bucket = 7", r"s3\.bucket: .*string"),
        ('bucket = "b"\nretries = "3"', r"s3\.retries: .*integer"),
        ('bucket = "b"\nretries = 6', r"s3\.retries: .*less than or equal to 5"),
        ('bucket = "b"\nmode = "last"', r"s3\.mode: .*'all' or 'first'"),
        ('bucket = "b"\nheaders = { a = 1 }', r"s3\.headers\.a: .*string"),
        ("bucket = 7\nbukket = 1", r"s3\.bucket: .*string; s3\.bukket: there is no such setting"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(load: Load, table: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        load(table)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    "head", ["@dataclass\nclass Settings:", "class Settings(NamedTuple):", "class Settings(Base):"]
)
def test_the_class_may_be_of_any_kind(load: Load, head: str) -> None:
    settings = load('bucket = "b"', S3.replace("class Settings:", head))
    assert lambda_settings(settings)["lookup"]["s3"]["key"] == "customers.json"


@pytest.mark.parametrize(
    "line",
    ["other: Unknown", "other: str = read()", "other: str = OTHER", "other: 7", "model_dump: str", "_x: (1"],
)
def test_a_declaration_that_cannot_be_read_is_told(load: Load, line: str) -> None:
    with pytest.raises(UserError, match=r"class Settings of lambda/lookup/adapters/s3\.py|adapters/s3\.py, line 7"):
        load('bucket = "b"', S3.replace("    bucket: str\n", f"    bucket: str\n    {line}\n"))


def test_the_table_of_an_adapter_that_is_not_chosen_is_checked_too(load: Load) -> None:
    assert "s3" in lambda_settings(load('bucket = "b"', adapter="sample"))["lookup"]
    with pytest.raises(UserError, match=r"s3\.bucket"):
        load("", adapter="sample")


def test_a_table_without_an_adapter_and_an_adapter_without_settings_are_told(load: Load) -> None:
    with pytest.raises(UserError, match=r"s3: there is no such setting, and no adapter .* with a class Settings"):
        load('bucket = "b"', "\ndef create(lookup): ...\n")
    with pytest.raises(UserError, match="bugdet_ms: there is no such setting"):
        load('bucket = "b"', more="bugdet_ms = 3")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('environment = { AWS_REGION = "x" }', "is set by Lambda or by Popdesk"),
        ('environment = { POPDESK_CUSTOMERS_TABLE = "x" }', "is set by Lambda or by Popdesk"),
        ('environment = { AWS_LAMBDA_X = "x" }', "is set by Lambda or by Popdesk"),
        ('environment = { 1A = "x" }', "not a variable's name"),
        ('environment = { "A-B" = "x" }', "not a variable's name"),
        ("environment = { TIMES = 7 }", "string"),
        (f'environment = {{ LONG = "{"x" * 4_000}" }}', "3,596 bytes"),
        ('allow = [{ actions = ["s3"], resources = ["*"] }]', r"lookup\.allow\.0\.actions"),
        ('allow = [{ actions = ["s3:GetObject"], resources = ["bucket"] }]', r"lookup\.allow\.0\.resources"),
        ('allow = [{ actions = [], resources = ["*"] }]', r"lookup\.allow\.0\.actions"),
        ('vpc = { subnets = ["subnet-0a1b2c3d"], security_groups = [] }', "security_groups"),
        ('vpc = { subnets = ["vpc-0a1b2c3d"], security_groups = ["sg-0a1b2c3d"] }', "subnets"),
        ('vpc = { subnets = ["subnet-0a1b2c3d"] }', "the key is missing"),
    ],
)
def test_what_lambda_or_iam_would_refuse_is_refused_by_the_settings(load: Load, more: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load('bucket = "b"', more=more)


def test_the_environment_the_packages_and_the_vpc_are_not_in_the_zip(load: Load) -> None:
    more = 'environment = { A_SECRET_NAME = "x" }\nallow = [{ actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/*"] }]'
    settings = load('bucket = "b"', more=more)
    assert settings.lookup.environment == {"A_SECRET_NAME": "x"}
    assert {"environment", "packages", "allow", "vpc"}.isdisjoint(lambda_settings(settings)["lookup"])


@pytest.mark.parametrize("name", ["environment", "packages", "fields", "vpc", "budget_ms"])
def test_an_adapter_cannot_be_called_as_a_key(load: Load, name: str, tmp_path: Path) -> None:
    (tmp_path / "adapters" / f"{name}.py").write_text("\ndef create(lookup): ...\n", "utf-8")
    with pytest.raises(UserError, match="is a key of"):
        load(None, adapter=name)
