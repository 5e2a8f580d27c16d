"""URLs by the thousand: none that the Lambda answers may be one that the browser or the page's allow-list refuses.

    uv run python -m tests.attack.crm_hosts [--urls 40000] [--seed 1]

Each URL is put together from pieces that parsers are known to read differently (RFC 3986 and the WHATWG URL Standard
against each other): percent-encoding, Punycode, numbers that are addresses, ports, user names, empty labels, slashes.
The browser is Chromium's own `URL.parse`. Exits with 1 and the URLs where there is a difference.
"""

from __future__ import annotations

import random

import click
from page_urls import RefusedUrl
from page_urls import check_url as lambda_check
from playwright.sync_api import Page, sync_playwright
from popdesk.screenpop import check_url as page_check

from tests.chromium import launch_arguments
from tests.unit.pyapp.shared_allowed_hosts import ENTRIES

_AT_ONCE = 2_000
_PARSE = """urls => urls.map(url => {
    const read = URL.parse(url);
    return read && Object.fromEntries(
        ["protocol", "host", "origin", "username", "password", "href"].map(key => [key, read[key]]));
})"""
_SCHEMES = ["https://"] * 20 + ["http://"] * 6 + ["HTTPS://", "https:/", "https:", "//", "ftp://", "javascript:", ""]
_HOSTS = [entry.removeprefix("http://") for entry in ENTRIES if not entry.startswith("*.")]
_SUFFIXES = [entry[2:] for entry in ENTRIES if entry.startswith("*.")]
_HOSTS += [f"a.{suffix}" for suffix in _SUFFIXES] + _SUFFIXES + ["127.0.0.1", "evil.example"]
_LABELS = ["a", "B", "1", "0x7f", "08", "256", "ab--cd", "a" * 63, "a" * 64, "a_b", "-a", "a-", ""]
_LABELS += ["xn--", "xn--a", "xn--bcher-kva", "xn--0", "xn--a-ecp.ru", "xn--9999999999"]
_LABELS += ["%61", "%2e", "%2f", "%00", "%", *"*~!$'(+,"]
_PORTS = [""] * 6 + [
    ":",
    ":443",
    ":80",
    ":8443",
    ":8000",
    ":0443",
    ":65535",
    ":65536",
    ":99999",
    ":1e3",
    ":-1",
    ":8 ",
    ":%38",
]
_REST = ["", "/", "/a", "?a", "#a", "/@a", "?@a", "#@a", "\\a", ";a", "&a", "/%zz", "/[", "/a:b"]
_NOISE = ["@", ":@", "a@", *"\t \n\\/?#[]%.:。ßé", "\u00ad", "\u200d", "\ufeff"]


def make_url(random_: random.Random) -> str:
    """Return a URL that is nearly one of an allowed host."""
    host = random_.choice(_HOSTS if random_.random() < 0.4 else _SUFFIXES)
    for _ in range(random_.choice([0, 0, 1, 1, 2])):
        host = f"{random_.choice(_LABELS)}.{host}"
    if random_.random() < 0.05:
        host += "." + random_.choice(_LABELS)
    url = random_.choice(_SCHEMES) + host + random_.choice(_PORTS) + random_.choice(_REST)
    if random_.random() < 0.2:
        place = random_.randrange(len(url) + 1)
        url = url[:place] + random_.choice(_NOISE) + url[place:]
    return url


def parse_in(page: Page, urls: list[str]) -> list[dict[str, str] | None]:
    """Return what the page's browser says of each URL, as pyapp/connect.py gives it to the allow-list."""
    read: list[dict[str, str] | None] = page.evaluate(_PARSE, urls)
    return read


def attack(page: Page, urls: int, seed: int) -> tuple[int, list[str]]:
    """Return how many of the URLs the Lambda lets pass, and which of them the browser or the page's allow-list refuses."""
    random_ = random.Random(seed)
    passed, faults = 0, []
    while urls > 0:
        made = [make_url(random_) for _ in range(min(urls, _AT_ONCE))]
        urls -= len(made)
        for url, parts in zip(made, parse_in(page, made), strict=True):
            if _lambda_allows(url):
                passed += 1
                if not _page_allows(url, parts):
                    faults.append(url)
    return passed, faults


def _lambda_allows(url: str) -> bool:
    try:
        lambda_check(url, ENTRIES)
    except RefusedUrl:
        return False
    return True


def _page_allows(url: str, parts: dict[str, str] | None) -> bool:
    return not page_check(url, ENTRIES, lambda _: parts)[1]


@click.command(help=__doc__)
@click.option("--urls", default=40_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(urls: int, seed: int) -> None:
    """Attack, and say what came of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments(playwright))
        passed, faults = attack(browser.new_page(), urls, seed)
        browser.close()
    for url in faults:
        click.echo(f"the Lambda answers it, the browser does not open it: {url!r}")
    click.echo(f"{urls} URLs, {passed} answered by the Lambda, {len(faults)} of them not opened")
    raise SystemExit(1 if faults or not passed else 0)


if __name__ == "__main__":
    main()
