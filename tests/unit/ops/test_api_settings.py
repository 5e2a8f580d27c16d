"""[tool.popdesk.api]: what is off leaves nothing behind, and a mistake is named by its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import build_answer
from customers import Customer

from ops.errors import UserError
from ops.settings import PYPROJECT, ROOT, Settings, api_settings, lambda_settings, load_settings, page_settings


def _load(folder: Path, more: str, environment: str = "") -> Settings:
    file = folder / "pyproject.toml"
    file.write_text(f"{PYPROJECT.read_text('utf-8')}\n{more}\n", "utf-8")
    return load_settings(file, environment)


def test_without_it_neither_the_page_nor_the_lookup_knows_of_it(tmp_path: Path) -> None:
    settings = _load(tmp_path, "[tool.popdesk.api]\nenabled = false")
    assert "api" not in page_settings(settings)
    assert not {"customer", "token"} & set(page_settings(settings)["attributes"])
    assert not {"customer", "token"} & set(lambda_settings(settings)["attributes"])


def test_enabled_it_gives_the_page_its_names_and_the_lookup_two_more_roles(tmp_path: Path) -> None:
    settings = _load(tmp_path, '[tool.popdesk.api]\nenabled = true\nattributes = ["wrapUp"]')
    assert page_settings(settings)["api"] == {
        "prefix": "/api/",
        "headers": {"contact": "X-Popdesk-Contact", "agent": "X-Popdesk-Agent", "idempotency": "Idempotency-Key"},
        "auth": "contact",
        "timeout_ms": 8000,
        "attributes": ["wrapUp"],
        "events": "/api/events",
    }
    for where in (page_settings(settings), lambda_settings(settings)):
        assert (where["attributes"]["customer"], where["attributes"]["token"]) == ("customerId", "popdeskToken")
    assert api_settings(settings)["cases"] == "sample"
    assert "enabled" not in api_settings(settings)


@pytest.mark.parametrize(("id", "answered"), [("C-1", "C-1"), ("C\n1", "-"), ("C" * 300, "-")])
def test_the_answer_has_the_whole_id_of_the_one_customer_or_none(tmp_path: Path, id: str, answered: str) -> None:
    settings = lambda_settings(_load(tmp_path, "[tool.popdesk.api]\nenabled = true"))
    one, other = Customer(id, "Ana"), Customer("C-2", "Ben")
    for found, expected in (([one], answered), ([one, other], "-"), ([], "-"), (None, "-")):
        assert build_answer(settings, None, found).values["customerId"] == expected


def test_an_environment_switches_it_on(tmp_path: Path) -> None:
    more = "[tool.popdesk.environments.qa.api]\nenabled = true"
    assert not _load(tmp_path, more).api.enabled
    assert _load(tmp_path, more, "qa").api.enabled


def test_the_sign_in_of_the_docs_is_whole(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    settings = _load(tmp_path, example)
    assert settings.connect_origins() == ("https://login.example.com",)
    assert page_settings(settings)["api"]["oidc"]["client_id"] == "popdesk"
    assert _load(tmp_path, example.replace('auth = "oidc"', 'auth = "contact"')).connect_origins() == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('cases = "siebel"', "tool.popdesk.api.cases: 'siebel' has no module lambda/api/cases_adapters/siebel.py"),
        ('auth = "basic"', "tool.popdesk.api.auth"),
        (
            "enabled = true\nauth = 'oidc'\noidc.issuer = 'https://login.example.com'",
            'api: oidc.authorization_endpoint, oidc.token_endpoint, oidc.client_id, oidc.audience: auth = "oidc" needs them',
        ),
        ("timeout_ms = 30_000", "tool.popdesk.api.timeout_ms"),
        ("typo = 1", "typo: there is no such setting"),
        ('attributes = ["wrap up"]', "'wrap up': only letters"),
        ('attributes = ["phoneNumber"]', "says who is calling"),
        ('attributes = ["a", "a"]', "twice"),
        ('attributes = ["contactUrlPath"]', "is attributes.url, which the look-up sets"),
        ('enabled = true\nattributes = ["popdesktoken"]', "is attributes.token, which the look-up sets"),
        ('packages = ["requests"]', "not a package at one version"),
        ('environment = {POPDESK_X = "1"}', "set by Lambda or by Popdesk"),
        ('http.open_cases = "https://crm.example.com/cases"', "has no {customer}"),
        ('http.open_cases = "http://crm.example.com/{customer}"', "is not an https URL"),
        ('http.update_case = "https://crm.example.com/cases/{case}"', "has no {customer}, by which the CRM refuses"),
        ('http.create_case = "https://{customer}.example.com/"', "placeholder in its host"),
        ('http.case_fields = {id = "id", subject = "title"}', "'status' is missing"),
        ('http.case_fields = {id = "id", subject = "title", status = "s", colour = "c"}', "'colour' is not one of"),
        ('http.statuses = {open = "1", closed = "1"}', "cannot mean both"),
        ('http.statuses = {open = "1"}', "needs the CRM's words"),
        ('oidc.issuer = "http://login.example.com"', "is not an issuer"),
        ('oidc.scopes = ["open id"]', "oidc.scopes"),
        ('oidc.token_endpoint = "http://login.example.com/token"', "is not an endpoint"),
        ('oidc.token_endpoint = "https://login.example.com; script-src *"', "is not an endpoint"),
        ('oidc.token_endpoint = "https://login.example.com /token"', "is not an endpoint"),
        ('oidc.authorization_endpoint = "https://login.example.com/a#b"', "is not an endpoint"),
        ('oidc.authorization_endpoint = "https://user@login.example.com/a"', "is not an endpoint"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, lines: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        _load(tmp_path, f"[tool.popdesk.api]\n{lines}")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_role_of_the_api_is_no_name_of_a_field(tmp_path: Path) -> None:
    fields = '[tool.popdesk.fields]\nreference = "customerId"'
    _load(tmp_path, fields)  # the API is off: the name is free
    with pytest.raises(UserError, match="already"):
        _load(tmp_path, f"{fields}\n[tool.popdesk.api]\nenabled = true")


def test_a_cases_page_is_checked_as_the_customers_is(tmp_path: Path) -> None:
    text = PYPROJECT.read_text("utf-8")
    table = "[tool.popdesk.crm]"

    def load(url: str) -> Settings:
        (tmp_path / "pyproject.toml").write_text(text.replace(table, f'{table}\ncase = "{url}"'), "utf-8")
        return load_settings(tmp_path / "pyproject.toml")

    assert load("https://crm.example.com/{customer}/{id}").crm.case == "https://crm.example.com/{customer}/{id}"
    for wrong in ("https://elsewhere.example/{id}", "https://crm.example.com/", "https://crm.example.com/{name}/{id}"):
        with pytest.raises(UserError, match=r"crm\.case"):
            load(wrong)
