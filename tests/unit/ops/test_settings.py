"""The settings: what is shipped is valid, an environment overrides, and a mistake is named by its key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy import cli
from model import permissions
from ops import settings as settings_module
from ops.errors import UserError
from ops.settings import (
    ALLOW,
    PERMISSIONS,
    PYPROJECT,
    SANDBOX,
    lambda_settings,
    load_settings,
    page_settings,
    with_region,
)


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    text = PYPROJECT.read_text("utf-8")
    assert old in text, f"pyproject.toml no longer has {old!r}"
    changed = tmp_path / "pyproject.toml"
    changed.write_text(text.replace(old, new), "utf-8")
    return changed


def test_the_shipped_settings_are_valid_in_every_environment() -> None:
    assert load_settings().environment == ""
    assert load_settings(environment="prod").environment == "prod"


def test_an_environment_overrides_one_key_and_leaves_its_neighbours(tmp_path: Path) -> None:
    file = _changed(
        tmp_path, "[tool.popdesk.environments.prod]", '[tool.popdesk.environments.prod]\npop.window = "tab"'
    )
    assert load_settings(file).pop.window == "per-contact"  # a second chat leads nobody's half filled form away
    prod = load_settings(file, "prod")
    assert prod.pop.window == "tab"
    assert prod.pop.allowed_hosts == ("crm.example.com",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("customers?{kind}={value}", "customers", "tool.popdesk.lookup.http.url"),
        ('url = "https://crm', 'url = "http://crm', "tool.popdesk.lookup.http.url"),
        ('adapter = "sample"', 'adapter = "ldap"', "tool.popdesk.lookup.adapter"),
        ('language = "auto"', 'language = "tlh"', "tool.popdesk.language"),
        ("request_timeout_ms = 5000", "request_timeout_ms = 0", "tool.popdesk.request_timeout_ms"),
        ("request_timeout_ms = 5000", "request_timeout_ms = 5000\ntypo = 1", "tool.popdesk.typo: there is no such"),
        (
            "look_again_seconds = 0",
            "look_again_seconds = 4",
            "tool.popdesk.look_again_seconds: it must be at least 5 seconds",
        ),
        ("look_again_seconds = 0", "look_again_seconds = 1.5", "tool.popdesk.look_again_seconds"),
        ("look_again_seconds = 0", "look_again_seconds = -1", "tool.popdesk.look_again_seconds"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["https://crm.example.com"]', "allowed_hosts"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["other.example.com"]', "crm.home"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["*"]', "allowed_hosts"),
        ("customers/{id}", "customers/", "{id}"),
        ('name = "Name"', 'name = "contactUrlPath"', "attributes.name"),
        ('name = "Name"', 'name = "Näme"', "attributes.name"),
        (
            '"User.Details.View"',
            '"User.Detail.View"',
            "tool.popdesk.permissions: Amazon Connect does not know 'User.Detail.View'",
        ),
        ('"User.Details.View"', '"User.Status.View"', "'User.Status.View' is there twice"),
        ('"allow-forms"', '"allow-form"', "tool.popdesk.iframe.sandbox: Amazon Connect does not know 'allow-form'"),
        ('"allow-forms"', '"allow-top-navigation"', "does not know 'allow-top-navigation'"),
        ('"allow-same-origin", ', "", "allow-same-origin is missing"),
        (
            'allow = ["clipboard-write"]',
            'allow = ["clipboard"]',
            "tool.popdesk.iframe.allow: Amazon Connect does not know 'clipboard'",
        ),
        ('queue = "BasicQueue"', 'queue = ""', "tool.popdesk.aws.queue: it is empty"),
        ('queue = "BasicQueue"', 'queue = " "', "tool.popdesk.aws.queue: it is empty"),
        ('stack = ""', 'stack = "Popdesk_prod"', "tool.popdesk.aws.stack"),
        ('region = "us-east-1"', 'region = "us east"', "tool.popdesk.aws.region"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_settings(_changed(tmp_path, old, new))
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_entry_that_amazon_connect_does_not_know_is_refused_with_those_that_it_knows(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_settings(_changed(tmp_path, '"User.Details.View"', '"User.*"'))
    assert all(permission in caught.value.reason for permission in PERMISSIONS)


def test_the_permissions_are_those_of_the_local_workspace_and_the_one_that_aws_names_elsewhere() -> None:
    assert set(PERMISSIONS) == {*permissions.NAMES, permissions.EVERYTHING, "User.Configuration.Edit"}


def test_what_amazon_connect_knows_is_taken(tmp_path: Path) -> None:
    file = _changed(tmp_path, '["clipboard-write"]', str(list(ALLOW)))
    text = file.read_text("utf-8").replace(
        '["allow-forms", "allow-popups", "allow-popups-to-escape-sandbox", "allow-same-origin", "allow-scripts"]',
        str(list(SANDBOX)),
    )
    start, _, rest = text.partition("permissions = [")
    file.write_text(f"{start}permissions = {list(PERMISSIONS)}{rest.partition(']')[2]}", "utf-8")
    settings = load_settings(file)
    assert (settings.iframe.sandbox, settings.iframe.allow, settings.permissions) == (SANDBOX, ALLOW, PERMISSIONS)


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        ("[tool.popdesk.environments.Prod]", "Prod", "at most 20 lower-case letters"),
        (f"[tool.popdesk.environments.{'x' * 21}]", "x" * 21, "at most 20 lower-case letters"),
        ('[tool.popdesk.environments]\nprod = "us-east-1"', "prod", "tool.popdesk.environments.prod is no table"),
        ("[tool.popdesk.environments.prod]\naws = 1", "prod", "aws is no table"),
    ],
)
def test_an_environment_that_can_be_none_is_refused(tmp_path: Path, table: str, name: str, said: str) -> None:
    file = _changed(tmp_path, "[tool.popdesk.environments.prod]", table)
    with pytest.raises(UserError, match=said) as caught:
        load_settings(file, name)
    assert caught.value.exit_code == 2


def test_one_stack_for_all_environments_is_refused(tmp_path: Path) -> None:
    file = _changed(tmp_path, 'stack = ""', 'stack = "desk"')
    assert load_settings(file).aws.stack == "desk"
    with pytest.raises(UserError, match=r"move it to \[tool.popdesk.environments.prod.aws\]"):
        load_settings(file, "prod")


def test_a_file_that_is_no_text_is_said(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(b"[tool.popdesk]\nname = '\xff'\n")
    with pytest.raises(UserError, match="not UTF-8"):
        load_settings(file)


def test_a_region_of_the_command_line_is_checked_as_that_of_the_settings() -> None:
    settings = load_settings()
    assert with_region(settings, "") is settings
    assert with_region(settings, "eu-west-2").aws.region == "eu-west-2"
    with pytest.raises(UserError, match="us_east") as caught:
        with_region(settings, "us_east")
    assert caught.value.exit_code == 2


def test_looking_again_is_off_as_shipped_and_where_the_key_is_left_out(tmp_path: Path) -> None:
    assert page_settings(load_settings())["look_again_seconds"] == 0
    (line,) = [line for line in PYPROJECT.read_text("utf-8").splitlines() if line.startswith("look_again_seconds")]
    assert load_settings(_changed(tmp_path, line, "")).look_again_seconds == 0
    assert load_settings(_changed(tmp_path, line, "look_again_seconds = 30")).look_again_seconds == 30


def test_an_unknown_environment_is_told_which_exist() -> None:
    with pytest.raises(UserError, match="prod"):
        load_settings(environment="staging")


def test_preview_stands_its_own_crm_in_and_allows_only_that_origin_more() -> None:
    shipped, local = load_settings(), load_settings().with_local_crm("http://127.0.0.1:8000")
    assert local.crm.customer == "http://127.0.0.1:8000/crm/customers/{id}"
    assert set(local.pop.allowed_hosts) - set(shipped.pop.allowed_hosts) == {"http://127.0.0.1:8000"}


def test_the_page_is_told_nothing_of_the_deployment() -> None:
    assert not {"aws", "lookup", "environment"} & set(page_settings(load_settings()))
    assert "aws" not in lambda_settings(load_settings())


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("name", "Näme", "not an application's name, such as Popdesk"),
        ("namespace", "my desk", "not a namespace, such as acme-desk"),
        ("lookup.default_region", "gb", "not a country code, such as US or GB"),
        ("lookup.vpc.subnets", ["subnet-1"], "no subnet's id, such as subnet-0123456789abcdef0"),
        ("lookup.vpc.security_groups", ["default"], "no security group's id, such as sg-0123456789abcdef0"),
        ("api.allow", [{"actions": ["GetItem"]}], "no IAM action, such as secretsmanager:GetSecretValue"),
        ("api.allow", [{"resources": ["bucket"]}], "neither an ARN, such as arn:aws:s3:::bucket/*, nor *"),
        ("api.oidc.scopes", ["open id"], "not a scope, such as openid"),
        ("aws.region", "us_east_1", "not the name of an AWS region, such as us-east-1"),
        ("aws.region", "us-east-1\n", "not the name of an AWS region, such as us-east-1"),
        ("aws.stack", "Desk", "not the name of a stack: 2 to 40 lower-case letters"),
        (
            "aws.instance_arn",
            "arn:aws:connect:us-east-1:123456789012:instances/xyz",
            'the Amazon Connect console shows it in the instance\'s overview, as "Instance ARN"',
        ),
        (
            "aws.certificate_arn",
            "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
            "not the ARN of a certificate in us-east-1, the only region from which CloudFront takes one",
        ),
        (
            "aws.alarm_topic_arn",
            "alarms",
            "not the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:alarms",
        ),
    ],
)
def test_a_text_of_another_form_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: Any, wanted: str
) -> None:
    """On the command line: the value, what is wanted, an example; never a regular expression."""
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[tool.popdesk]\n{key} = {_toml(value)}\n", "utf-8")
    monkeypatch.setattr(settings_module, "PYPROJECT", file)
    result = CliRunner().invoke(cli, ["build", "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 2
    assert f"tool.popdesk.{key}" in result.stderr
    assert wanted in result.stderr
    assert "pattern" not in result.stderr


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "pop.allowed_hosts",
            ["https://a.example.com", "crm.example.com", "*"],
            ["allowed_hosts.0: 'https://a.example.com'", "allowed_hosts.2: '*'"],
        ),
        ("permissions", ["User.Detail.View", "Contact.View"], ["does not know 'User.Detail.View' or 'Contact.View'"]),
        ("iframe.sandbox", ["allow-popups"], ["allow-same-origin is missing", "allow-scripts is missing"]),
        ("lookup.packages", ["requests", "httpx"], ["'requests' is not a package", "'httpx' is not a package"]),
        ("lookup.environment", {"A": "", "AWS_REGION": ""}, ["'A' is not a variable's name", "AWS_REGION is set"]),
        (
            "api.attributes",
            ["a b", "phoneNumber", "a b"],
            ["'a b': only", "'phoneNumber': a", "'a b' is there twice"],
        ),
    ],
)
def test_all_mistakes_of_one_list_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: Any, said: list[str]
) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[tool.popdesk]\n{key} = {_toml(value)}\n", "utf-8")
    monkeypatch.setattr(settings_module, "PYPROJECT", file)
    result = CliRunner().invoke(cli, ["build", "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert result.exit_code == 2
    assert [words for words in said if words not in result.stderr] == []


def _toml(value: Any) -> str:
    """Return a value as TOML has it: JSON but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value)


def test_no_setting_is_refused_with_a_regular_expression() -> None:
    """Pydantic's `pattern=` is; `matching` of ops/function_settings.py is not."""
    for file in sorted((settings_module.ROOT / "ops").glob("*.py")):
        assert not re.search(r"[(, ]pattern=r?[\"']", file.read_text("utf-8")), file.name
