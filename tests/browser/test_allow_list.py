"""The allow-list: what the Lambda answers is what the browser opens (a smaller tests/attack/crm_hosts.py)."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.attack.crm_hosts import attack


def test_no_url_that_the_lambda_answers_is_refused_by_the_browser_or_the_page(page: Page) -> None:
    passed, faults = attack(page, urls=6_000, seed=2)
    assert passed > 50
    assert faults == []
