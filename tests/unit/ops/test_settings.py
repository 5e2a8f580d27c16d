"""The settings: what is shipped is valid, an environment overrides, and a mistake is named by its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import Trouble
from ops.settings import PYPROJECT, lambda_settings, load_settings, page_settings


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
    assert load_settings(file).pop.window == "shared"
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
        ("request_timeout_ms = 5000", "", "tool.popdesk.request_timeout_ms: the key is missing"),
        ("request_timeout_ms = 5000", "request_timeout_ms = 5000\ntypo = 1", "tool.popdesk.typo: there is no such"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["https://crm.example.com"]', "allowed_hosts"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["other.example.com"]', "crm.home"),
        ('allowed_hosts = ["crm.example.com"]', 'allowed_hosts = ["*"]', "allowed_hosts"),
        ("customers/{id}", "customers/", "{id}"),
        ('name = "Name"', 'name = "contactUrlPath"', "attributes.name"),
        ('name = "Name"', 'name = "Näme"', "attributes.name"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(Trouble) as caught:
        load_settings(_changed(tmp_path, old, new))
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unknown_environment_is_told_which_exist() -> None:
    with pytest.raises(Trouble, match="prod"):
        load_settings(environment="staging")


def test_preview_stands_its_own_crm_in_and_allows_only_that_origin_more() -> None:
    shipped, local = load_settings(), load_settings().with_local_crm("http://127.0.0.1:8000")
    assert local.crm.customer == "http://127.0.0.1:8000/crm/customers/{id}"
    assert set(local.pop.allowed_hosts) - set(shipped.pop.allowed_hosts) == {"http://127.0.0.1:8000"}


def test_the_page_is_told_nothing_of_the_deployment() -> None:
    assert not {"aws", "lookup", "environment"} & set(page_settings(load_settings()))
    assert "aws" not in lambda_settings(load_settings())
