"""The CRM's hosts and templates in the settings: what could never work is refused by name, the rest is encoded."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from page_urls import page_url
from pydantic import ValidationError

from ops.settings import ROOT, Settings, lambda_settings, load_settings, page_settings
from tests.unit.pyapp.shared_allowed_hosts import ENTRIES, VECTORS

CRM = "https://crm.example.com"


def _settings(hosts: list[str] | None = None, http: dict[str, Any] | None = None, **crm: str) -> Settings:
    """Return the shipped settings with other allowed hosts, templates and an HTTP CRM of the test's."""
    tree = load_settings().model_dump()
    tree["pop"]["allowed_hosts"] = hosts or ["crm.example.com"]
    tree["crm"] = {"home": f"{CRM}/", "customer": f"{CRM}/{{id}}", "search": "", **crm}
    tree["lookup"]["http"].update(http or {})
    return Settings.model_validate(tree)


def _refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        _settings(**changes)
    return str(caught.value)


@pytest.mark.parametrize(("url", "allowed"), [(url, allowed) for url, allowed, _ in VECTORS])
def test_the_allow_lists_rule_is_the_lambdas_and_the_pages(url: str, allowed: bool) -> None:
    if allowed:
        assert _settings(hosts=["crm.example.com", *ENTRIES], home=url).crm.home == url
    else:
        assert "crm" in _refusal(hosts=["crm.example.com", *ENTRIES], home=url)


@pytest.mark.parametrize(
    ("entry", "compared"),
    [
        ("crm.example.com", "crm.example.com"),
        ("crm.example.com:443", "crm.example.com"),
        ("crm.example.com:8443", "crm.example.com:8443"),
        ("*.example.com", "*.example.com"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("*.example.co.uk", "*.example.co.uk"),
        ("acme.github.io", "acme.github.io"),
        ("*.acme.github.io", "*.acme.github.io"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_an_entry_is_kept_as_it_is_compared(entry: str, compared: str) -> None:
    settings = _settings(hosts=["crm.example.com", entry])
    assert settings.pop.allowed_hosts[1] == compared
    assert (
        page_settings(settings)["pop"]["allowed_hosts"][1] == lambda_settings(settings)["allowed_hosts"][1] == compared
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("*.co.uk", "anybody can have a host below co.uk"),
        ("*.github.io", "anybody can have a host below github.io"),
        ("*.github.io:8443", "anybody can have a host below github.io"),
        ("*.kawasaki.jp", "anybody can have a host below kawasaki.jp"),
        ("*.foo.ck", "anybody can have a host below foo.ck"),  # the list's *.ck
        ("*.amazonaws.com", "amazonaws.com (publicsuffix.org)"),  # buckets: a public suffix lies below it
        ("*", "is neither a host"),
        ("*.com", "is neither a host"),
        ("crm", "is neither a host"),
        ("10.0.0.1", "is neither a host"),
        ("crm.example.com.", "write 'crm.example.com'"),
        ("CRM.example.com", "write 'crm.example.com'"),
        (".example.com", "write '*.example.com'"),
        ("https://crm.example.com", "write 'crm.example.com'"),
        ("https://crm.example.com/customers", "write 'crm.example.com'"),
        ("bücher.example", "write 'xn--bcher-kva.example'"),
        ("xn--a.example", "is not a valid internationalised host name"),
        ("*example.com", "is neither a host"),
        ("a.*.example.com", "is neither a host"),
        ("crm.example.com:0", "an invalid port"),
        ("crm.example.com:65536", "an invalid port"),
        ("http://crm.example.com", "write 'crm.example.com'"),
        ("http://127.0.0.1:99999", "an invalid port"),
        ("a_b.example.com", "is neither a host"),
        ("-a.example.com", "is neither a host"),
        ("a" * 64 + ".example.com", "is neither a host"),
        ("a." * 126 + "example.com", "is neither a host"),
        ("", "is neither a host"),
    ],
)
def test_an_invalid_entry_is_refused_with_what_to_write(entry: str, said: str) -> None:
    message = _refusal(hosts=["crm.example.com", entry])
    assert "pop.allowed_hosts" in message
    assert said in message


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        # ServiceNow's encoded queries
        (
            "/nav_to.do?sysparm_query=phone={query}^ORmobile={query}",
            "/nav_to.do?sysparm_query=phone=%2B12065550100%5EORmobile=%2B12065550100",
        ),
        ('/search?q="{query}"', "/search?q=%22%2B12065550100%22"),
        ("/search?q='{query}'", "/search?q='%2B12065550100'"),
        ("/a b?q=phone or {query}", "/a%20b?q=phone%20or%20%2B12065550100"),
        ("/search?q={query}|mobile", "/search?q=%2B12065550100%7Cmobile"),
        ("/search?q=<{query}>`", "/search?q=%3C%2B12065550100%3E%60"),
        ("/kunden/möller?q={query}", "/kunden/m%C3%B6ller?q=%2B12065550100"),
        ("/#/search?q={query}", "/#/search?q=%2B12065550100"),
        ("/search?f[phone]={query}", "/search?f[phone]=%2B12065550100"),
        ("/search%3F?q=%5E{query}", "/search%3F?q=%5E%2B12065550100"),
        ("?q={query}", "?q=%2B12065550100"),
    ],
)
def test_what_a_url_cannot_contain_is_encoded_and_the_lambda_answers_it(template: str, filled: str) -> None:
    settings = lambda_settings(_settings(search=CRM + template))
    search = settings["crm"]["search"]
    assert page_url(search, "query", "+12065550100", settings["allowed_hosts"]) == CRM + filled
    assert page_url(search, "query", "ana@example.com", settings["allowed_hosts"])
    # What is encoded once stays as it is: preview makes the settings anew from themselves.
    assert _settings(search=search).crm.search == search


@pytest.mark.parametrize(
    ("key", "template", "said"),
    [
        ("customer", CRM + "/{{id}}", "contains {{id}}, but only {id} can be used"),
        ("customer", CRM + "/{id}?q={query}", "contains {query}"),
        ("customer", CRM + "/{id}/{name}", "contains {name}"),
        ("customer", CRM + "/{ID}/{id}", "contains {ID}"),
        ("customer", CRM + "/{id}/}", "contains }"),
        ("customer", CRM + "/${id}/{", "contains {,"),
        ("customer", CRM + "/", "has no {id}"),
        ("search", CRM + "/{id}", "has no {query}"),
        ("home", CRM + "/{id}", "it takes no placeholders"),
        ("customer", CRM + "/a\\{id}", "browsers read as a /"),
        ("customer", CRM + "/50%/{id}", "write %25"),
        ("customer", CRM + "/%{id}", "write %25"),
        ("customer", CRM + "/{id}\n", "invisible character U+000A"),
        ("customer", CRM + "/\u200b{id}", "invisible character U+200B"),
        ("customer", " " + CRM + "/{id}", "begins or ends with a space"),
        ("customer", CRM + "/{id} ", "begins or ends with a space"),
        ("customer", "https://{id}.crm.example.com/", "a placeholder in its host"),
        ("customer", CRM + "{id}", "a placeholder in its host"),
        ("customer", "https://bücher.example/{id}", "write 'xn--bcher-kva.example'"),
        ("customer", "crm.example.com/{id}", "is not an https URL"),
        ("customer", "javascript:alert({id})", "is not an https URL"),
        ("customer", "http://crm.example.com/{id}", "it is not https"),
        ("customer", "https://other.example.com/{id}", "pop.allowed_hosts allows crm.example.com"),
        ("customer", "https://crm.example.com:8443/{id}", "its host is not allowed"),
        ("customer", "https://ana@crm.example.com/{id}", "it contains a user name or password"),
        ("customer", CRM + "/a/../{id}", "a dot segment"),
        ("customer", CRM + "/{id}" + "a" * 4_096, "it is too long"),
    ],
)
def test_a_template_that_can_never_work_is_refused_by_name(key: str, template: str, said: str) -> None:
    message = _refusal(**{key: template})
    assert f"crm.{key}" in message
    assert said in message


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (CRM + "/a?q=phone={value}^OR", CRM + "/a?q=phone={value}%5EOR"),
        (CRM + '/a?q="{value}" {kind}', CRM + "/a?q=%22{value}%22%20{kind}"),
        (CRM + "/größe/{value}", CRM + "/gr%C3%B6%C3%9Fe/{value}"),
        ("https://crm:8443/{value}", "https://crm:8443/{value}"),
        ("https://10.0.0.1/{value}", "https://10.0.0.1/{value}"),
        ("https://CRM.example.com/{value}", "https://CRM.example.com/{value}"),
        ("https://[fd00::1]:8443/{value}", "https://[fd00::1]:8443/{value}"),
        ("http://127.0.0.1:8000/{value}", "http://127.0.0.1:8000/{value}"),
    ],
)
def test_the_crms_api_is_asked_with_an_encoded_url(url: str, asked: str) -> None:
    assert _settings(http={"url": url}).lookup.http.url == asked


@pytest.mark.parametrize(
    ("http", "said"),
    [
        ({"url": CRM + "/{{value}}"}, "contains {{value}}"),
        ({"url": CRM + "/{id}/{value}"}, "contains {id}"),
        ({"url": CRM + "/{kind}"}, "it would ask for every customer"),
        ({"url": CRM + "/a#{value}"}, "write %23"),
        ({"url": "https://{value}.example.com/"}, "a placeholder in its host"),
        ({"url": "https://ana:secret@crm.example.com/{value}"}, "use token_secret"),
        ({"url": "https://crm.example.com:port/{value}"}, "an invalid port"),
        ({"url": "https://crm.example.com:70000/{value}"}, "an invalid port"),
        ({"url": "https://crm.example.com:0/{value}"}, "an invalid port"),
        ({"url": "https://crm example.com/{value}"}, "has no valid host"),
        ({"url": "https://[::1/{value}"}, "Invalid IPv6 URL"),
        ({"url": "https://crm..example.com/{value}"}, "has no valid host"),
        ({"url": "https:///{value}"}, "has no valid host"),
        ({"url": "http://crm.example.com/{value}"}, "is not an https URL"),
        ({"url": "http://127.0.0.1.example.com/{value}"}, "is not an https URL"),
        ({"url": CRM + "/\\{value}"}, "contains a \\, which browsers read as a /"),
        ({"list_path": "data..items"}, "is not a path"),
        ({"list_path": "data."}, "is not a path"),
        ({"fields": {"id": "id", "nmae": "name"}}, "'nmae' is not a customer field"),
        ({"fields": {"name": "name"}}, "there is no 'id'"),
        ({"fields": {"id": ""}}, "'id' has no path"),
        ({"fields": {"id": "a..b"}}, "is not a path"),
    ],
)
def test_an_http_crm_that_can_never_answer_is_refused_by_name(http: dict[str, Any], said: str) -> None:
    message = _refusal(http=http)
    assert f"lookup.http.{next(iter(http))}" in message
    assert said in message


def test_the_settings_of_the_documentation_are_settings() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "crm.md").read_text("utf-8"), re.DOTALL)
    tree = load_settings().model_dump()
    for block in blocks:
        for name, table in tomllib.loads(block)["tool"]["popdesk"].items():
            http = {**tree[name].get("http", {}), **table.get("http", {})}
            tree[name] |= {**table, "http": http} if http else table
    settings = Settings.model_validate(tree)
    assert settings.lookup.http.list_path == "data.0.items"
    assert settings.pop.allowed_hosts[2].endswith(":8443")
