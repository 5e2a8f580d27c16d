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
        ('bucket = "b"\nretries = "3"', r"s3\.retries: it must be a whole number without quotes"),
        ('bucket = "b"\nretries = 6', r"s3\.retries: it must be at most 5"),
        ('bucket = "b"\nmode = "last"', r"s3\.mode: it must be 'all' or 'first'"),
        ('bucket = "b"\nheaders = { a = 1 }', r"s3\.headers\.a: .*string"),
        ("bucket = 7\nbukket = 1", r"s3\.bucket: .*string in quotes; s3\.bukket: there is no such setting"),
    ],
)
def test_a_wrong_table_is_refused_with_its_key(load: Load, table: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        load(table)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("declared", "given", "reason"),
    [
        ('Annotated[str, Field(pattern="^acc-[0-9]+$")]', '"x"', "it must match the pattern ^acc-[0-9]+$"),
        (
            'Annotated[str, Field(pattern="^acc-[0-9]+$", description="an account, such as acc-12")]',
            '"x"',
            "it has not the right form (an account, such as acc-12)",
        ),
        ('Annotated[int, Field(ge=1, description="a port")]', "0", "it must be at least 1 (a port)"),
        ("Annotated[str, Field(min_length=1)]", '""', "it must have at least 1 character"),
        ("Annotated[str, Field(max_length=3)]", '"four"', "it must have at most 3 characters"),
        ("Annotated[list[str], Field(min_length=2)]", '["a"]', "it must have at least 2 entries"),
        ("Annotated[list[str], Field(max_length=1)]", '["a", "b"]', "it must have at most 1 entry"),
        ("Annotated[float, Field(gt=0)]", "0.0", "it must be more than 0.0"),
        ("Annotated[int, Field(lt=5)]", "5", "it must be less than 5"),
        ("Annotated[int, Field(multiple_of=5)]", "7", "it must be a multiple of 5"),
        ("Annotated[float, Field(allow_inf_nan=False)]", "inf", "it must be a number that is neither inf nor nan"),
        ('Literal["one"]', '"two"', "it must be 'one'"),
        ("Literal[1, 2, 3]", "4", "it must be 1, 2 or 3"),
        ("bool", '"true"', "it must be true or false without quotes"),
        ("float", '"1.5"', "it must be a number without quotes"),
        ("str", "7", "it must be a string in quotes"),
        ("list[str]", '"a"', "it must be a list: [ ... ]"),
        ("dict[str, str]", '"a"', "it must be a table: { name = ... }"),
        ("tuple[str, ...]", '"a"', "it must be a list: [ ... ]"),
        (
            "tuple[str, ...]",
            '["a"]',
            "a list of pyproject.toml is a list: declare it so in the class Settings, list[str]",
        ),
        ("int | None", '"a"', "it must be a whole number without quotes"),
        ("int | str", "[]", "it must be a whole number without quotes or it must be a string in quotes"),
    ],
)
def test_a_wrong_value_is_refused_in_plain_words(load: Load, declared: str, given: str, reason: str) -> None:
    """Pydantic's own are those of a programmer: "String should match pattern", "Input should be a valid integer"."""
    source = f"class Settings:\n    key: {declared}\ndef create(lookup): ...\n"
    with pytest.raises(UserError) as raised:
        load(f"key = {given}", source)
    error = raised.value
    assert (error.subject, error.exit_code) == ("pyproject.toml", 2)
    assert error.reason == f"tool.popdesk.lookup: s3.key: {reason}"
    assert error.hint == "fix it in [tool.popdesk]"


@pytest.mark.parametrize(
    ("declared", "given", "reason"),
    [
        ("list[str | int]", '["a", []]', "s3.key.1: it must be a string in quotes or it must be a whole number"),
        ("dict[str, int | None]", '{ a = "x" }', "s3.key.a: it must be a whole number without quotes"),
        ("dict[Annotated[str, Field(min_length=2)], int]", "{ a = 1 }", "s3.key.a: it must have at least 2 characters"),
    ],
)
def test_the_place_in_a_wrong_value_is_named(load: Load, declared: str, given: str, reason: str) -> None:
    with pytest.raises(UserError) as raised:
        load(f"key = {given}", f"class Settings:\n    key: {declared}\ndef create(lookup): ...\n")
    assert f"tool.popdesk.lookup: {reason}" in raised.value.reason


@pytest.mark.parametrize(
    ("pattern", "words"), [("[", "unclosed character class"), ("(?=a)", "look-around, .* is not supported")]
)
def test_a_pattern_that_cannot_be_read_is_told(load: Load, pattern: str, words: str) -> None:
    """It was a traceback of pydantic's."""
    with pytest.raises(
        UserError, match=rf"a pattern in the class Settings of lambda/lookup/adapters/s3\.py .*: {words}"
    ):
        load(
            'key = "x"',
            f'class Settings:\n    key: Annotated[str, Field(pattern="{pattern}")]\ndef create(lookup): ...\n',
        )


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
