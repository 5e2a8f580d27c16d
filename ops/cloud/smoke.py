"""Looks at the live page as a browser would: is it this release, whole, with the right headers and types?

    problems = smoke_test("https://d111111abcdef8.cloudfront.net/", release)     # [] when all is well

Every file is fetched over HTTP and its hash compared; a file that does not exist must be an error, not the page.
"""

from __future__ import annotations

import gzip
import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import brotli

from ops.cloud.releases import IMMUTABLE, NO_CACHE, PAGE, Release, media_type
from ops.site.headers import PRODUCTION_ANCESTORS, response_headers

_SECONDS = 20  # for one request
_AT_ONCE = 8
_MOST_TOLD = 10  # problems; one cause gives as many as there are files
PATIENCE = 30  # looks at a page that is still the old one: an invalidation takes some seconds
POLL_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `content` without its Content-Encoding, header names in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes


def smoke_test(
    url: str, release: Release, pause: Callable[[float], None] = time.sleep, patience: int = PATIENCE
) -> list[str]:
    """Give what is wrong with the page at `url` (ends in /), a sentence each."""
    mark = f"<!-- release {release.id} -->".encode()
    page = _fetch(url)
    for _ in range(patience):
        if mark in page.content:
            break
        pause(POLL_SECONDS)
        page = _fetch(url)
    if mark not in page.content:
        return [f"{url} answers {page.status} without release {release.id} in it"]
    found = _check(PAGE, page, release.files[PAGE], NO_CACHE)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        checks = pool.map(
            lambda path: _check(path, _fetch(url + path), release.files[path], IMMUTABLE), sorted(release.assets)
        )
        found += [problem for problems in checks for problem in problems]
    absent = _fetch(f"{url}assets/not-there-{release.fingerprint}.js")
    if absent.status < 400 or b"<!-- release" in absent.content:
        found.append(f"a file that is not there answers {absent.status}: it must be an error, never the page")
    return [*found[:_MOST_TOLD], f"and {len(found) - _MOST_TOLD} more"] if len(found) > _MOST_TOLD else found


def page_headers(url: str) -> list[str]:
    """Give what is wrong with the headers of whatever page is at `url` (doctor)."""
    page = _fetch(url)
    if page.status != 200:
        return [f"{url} answers {page.status}"]
    return _header_problems(PAGE, page)


def _check(path: str, answer: Answer, digest: str, cache_control: str) -> list[str]:
    if answer.status != 200:
        return [f"{path} answers {answer.status}"]
    found = _header_problems(path, answer)
    if hashlib.sha256(answer.content).hexdigest() != digest:
        found.append(f"{path} has other content than the release")
    for name, expected in (("Content-Type", media_type(path)), ("Cache-Control", cache_control)):
        got = answer.headers.get(name.lower(), "")
        if got != expected:
            found.append(f"{path}: {name} is {got!r}, it should be {expected!r}")
    return found


def _header_problems(path: str, answer: Answer) -> list[str]:
    expected = response_headers(PRODUCTION_ANCESTORS)
    return [
        f"{path}: {name} is {answer.headers.get(name.lower(), '')!r}, it should be {value!r}"
        for name, value in expected.items()
        if answer.headers.get(name.lower()) != value
    ]


def _fetch(url: str) -> Answer:
    request = urllib.request.Request(url, headers={"Accept-Encoding": "br, gzip"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            return _answer(response.status, dict(response.headers.items()), response.read())
    except urllib.error.HTTPError as error:
        return _answer(error.code, dict(error.headers.items()), error.read())
    except (OSError, ValueError) as error:
        return Answer(599, {}, str(error).encode())


def _answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        match lower.get("content-encoding", ""):
            case "br":
                body = brotli.decompress(body)
            case "gzip":
                body = gzip.decompress(body)
    except (brotli.error, OSError, EOFError):
        body = b""
    return Answer(status, lower, body)
