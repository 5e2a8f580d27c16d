"""The allow-list: what the Lambda answers is what the browsers open (a smaller tests/attack/crm_hosts.py)."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.attack.crm_hosts import attack, parse_in
from tests.conftest import IN_FIREFOX_NIGHTLY
from tests.unit.pyapp.shared_allowed_hosts import VECTORS, parse


@IN_FIREFOX_NIGHTLY
def test_no_url_that_the_lambda_answers_is_refused_by_the_browser_or_the_page(any_browser: Browser) -> None:
    page = any_browser.new_page()
    passed, faults = attack(page, urls=6_000, seed=2)
    page.close()
    assert passed > 50
    assert faults == []


def test_the_lists_urls_are_read_as_its_tests_say_in_every_browser(any_browser: Browser) -> None:
    page = any_browser.new_page()
    urls = [url for url, _, _ in VECTORS]
    for url, read in zip(urls, parse_in(page, urls), strict=True):
        assert read == parse(url), url
    page.close()
