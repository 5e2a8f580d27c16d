"""Check the live page as a browser gets it: is it this release, whole, with the right headers and types?

    problems = smoke_test("https://d111111abcdef8.cloudfront.net/", release)     # [] when all is well

Every file is fetched over HTTP, its hash compared and its form checked: a release whose own manifest is of a cut module or
an empty script is not right either. A file that does not exist must be an error, not the page.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import brotli
from popdesk_api.contract import PREFIX, PROBLEM

from ops.cloud.bucket import PAGE
from ops.cloud.manifests import Release
from ops.site.forms import form_problem
from ops.site.headers import IMMUTABLE, NO_CACHE, PRODUCTION_ANCESTORS, response_headers
from ops.site.media_types import media_type

_SECONDS = 20.0  # for each wait of a request
_WHOLE_SECONDS = 60.0  # for a request from beginning to end
_MOST_BYTES = 50_000_000  # of a file, as it is sent
_AT_ONCE = 8
_MOST_REPORTED = 10  # problems; one cause gives as many as there are files
PATIENCE = 30  # fetches of a page that is still the old one: an invalidation takes some seconds
POLL_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `content` without its Content-Encoding, header names in lower case.

    `failure` is why it did not come whole, in brackets; "" where it did.
    """

    status: int
    headers: dict[str, str]
    content: bytes
    failure: str = ""


def smoke_test(
    url: str,
    release: Release,
    pause: Callable[[float], None] = time.sleep,
    patience: int = PATIENCE,
    changed: Collection[str] = (),
    connect: tuple[str, ...] = (),
) -> list[str]:
    """Return what is wrong with the page at `url` (ends in /), a sentence each.

    The page, and the paths `changed`, may be the old ones for `patience` fetches, POLL_SECONDS apart. `connect` are the origins
    that it may connect to beside its own (Settings.connect_origins).
    """
    mark = f"<!-- release {release.id} -->".encode()
    page = _fetch(url)
    for _ in range(patience):
        if mark in page.content:
            break
        pause(POLL_SECONDS)
        page = _fetch(url)
    if mark not in page.content:
        return [f"{url} answers {page.status} without release {release.id} in it{page.failure}"]
    found = _check(PAGE, page, release.files[PAGE], NO_CACHE, connect)

    def check(path: str) -> list[str]:
        left = patience if path in changed else 0
        while True:
            wrong = _check(path, _fetch(url + path), release.files[path], IMMUTABLE, connect)
            if not wrong or not left:
                return wrong
            left -= 1
            pause(POLL_SECONDS)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found += [problem for problems in pool.map(check, sorted(release.assets)) for problem in problems]
    if release.api_version:
        found += api_problems(url)
    absent = _fetch(f"{url}assets/not-there-{release.fingerprint}.js")
    if absent.status < 400 or b"<!-- release" in absent.content:
        found.append(f"a file that is not there answers {absent.status}: it must be an error, never the page")
    return (
        [*found[:_MOST_REPORTED], f"and {len(found) - _MOST_REPORTED} more"] if len(found) > _MOST_REPORTED else found
    )


def api_problems(url: str) -> list[str]:
    """Return what is wrong with the API behind the page: asked without a token, it refuses in its own words."""
    answer = _fetch(url + PREFIX.lstrip("/"))
    got = answer.headers.get("content-type", "")
    if answer.status != 401:
        return [f"the API answers {answer.status} to a request without a token, not 401{answer.failure}"]
    if got not in (PROBLEM, "application/json"):  # the second is the authorizer's, where agents sign in
        return [f"the API's refusal has the type {got!r}, not {PROBLEM!r}: it is not the API that answers"]
    return []


def page_headers(url: str, connect: tuple[str, ...] = ()) -> list[str]:
    """Return what is wrong with the headers of whatever page is at `url` (doctor); `connect` as for `smoke_test`."""
    page = _fetch(url)
    if page.status != 200:
        return [f"{url} answers {page.status}{page.failure}"]
    return _header_problems(PAGE, page, connect)


def _check(path: str, answer: Answer, digest: str, cache_control: str, connect: tuple[str, ...]) -> list[str]:
    if answer.status != 200:
        return [f"{path} answers {answer.status}{answer.failure}"]
    found = _header_problems(path, answer, connect)
    if answer.failure:
        found.append(f"{path} did not come whole{answer.failure}")
    elif hashlib.sha256(answer.content).hexdigest() != digest:
        found.append(f"{path} has other content than the release")
    elif malformed := form_problem(path, answer.content):
        found.append(f"{path} is not right: {malformed}")
    for name, expected in (("Content-Type", media_type(path)), ("Cache-Control", cache_control)):
        got = answer.headers.get(name.lower(), "")
        if got != expected:
            found.append(f"{path}: {name} is {got!r}, it should be {expected!r}")
    return found


def _header_problems(path: str, answer: Answer, connect: tuple[str, ...]) -> list[str]:
    expected = response_headers(PRODUCTION_ANCESTORS, connect)
    return [
        f"{path}: {name} is {answer.headers.get(name.lower(), '')!r}, it should be {value!r}"
        for name, value in expected.items()
        if answer.headers.get(name.lower()) != value
    ]


def _fetch(url: str) -> Answer:
    """Return the answer to a GET; one that does not come, or not whole, has a `failure` that says why."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "br, gzip"})
    try:
        try:
            response = urllib.request.urlopen(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return _answer(response.status, dict(response.headers.items()), _read(response))
    except (OSError, ValueError, http.client.HTTPException) as error:
        said = "".join(character if character.isprintable() else "?" for character in str(error))
        return Answer(599, {}, b"", f" ({type(error).__name__}: {said})")


def _read(response: http.client.HTTPResponse | urllib.error.HTTPError) -> bytes:
    """Return the body; raise OSError for one that has no end in time or size."""
    ends = time.monotonic() + _WHOLE_SECONDS
    parts = []
    size = 0
    while part := response.read1(65536):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise OSError(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
        if time.monotonic() > ends:
            raise OSError(f"it was not all there after {_WHOLE_SECONDS:.0f} seconds")
    said = response.headers.get("Content-Length")
    if said is not None and said != str(size):
        raise OSError(f"{size} of {said} bytes came")
    return b"".join(parts)


def _answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        match lower.get("content-encoding", ""):
            case "br":
                body = brotli.decompress(body)
            case "gzip":
                body = gzip.decompress(body)
    except (brotli.error, OSError, EOFError, zlib.error):
        return Answer(status, lower, b"", " (its compressed content is damaged)")
    return Answer(status, lower, body)
