"""The site's bucket: the live page, the assets, and their earlier versions.

    live = read_live(aws, place)                        # what is live, and its ETag
    answer, content, wrong = read_intact(aws, place, key, check)

The keys: `site/index.html` and `site/assets/...` are what CloudFront serves (its origin path is /site), `releases/ID.json`
is a release's manifest (ops/cloud/manifests.py). Assets have their hash in their path.

The bucket is versioned and keeps earlier versions for 30 days (ops/cloud/template.yaml), so what was deleted or overwritten
by hand is read from there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import brotli

from ops.cloud.aws import Aws, AwsError
from ops.errors import WRONG_SETTINGS, UserError

PAGE = "index.html"
SITE = "site/"
ASSETS = "assets/"
ALIAS = "live"
# The pilot's: its page beside the live one, on the same assets (ops/cloud/template_pilot.yaml).
PILOT_PAGE = "pilot.html"
PILOT_ALIAS = "pilot"

RELEASE_ID = r"\d{8}-\d{6}-[0-9a-f]{12}"
_AT_ONCE = 1000  # objects that S3 deletes in one call (DeleteObjects)
# AWS's error codes for what is not there.
ABSENT = ("404", "NoSuchKey", "NotFound", "NoSuchVersion", "405", "MethodNotAllowed")
_REFUSED = ("403", "AccessDenied")
_PAGE_VERSIONS = 50  # how many earlier pages are looked at


@dataclass(frozen=True)
class Place:
    """Where releases go: the bucket, and the names of what follows its page.

    `function` is the look-up's, `api` the API's, empty where the API is not enabled. Empty `distribution` or `function`: there
    is none (tests of the bucket alone). `page` is the object that is the page, `alias` what follows it: the pilot has its own.
    The pilot's `function` is empty: callers are looked up before it is known which agent gets them.
    """

    bucket: str
    distribution: str = ""
    function: str = ""
    api: str = ""
    page: str = PAGE
    alias: str = ALIAS

    @property
    def is_pilot(self) -> bool:
        """Whether it is the pilot's."""
        return self.page == PILOT_PAGE


@dataclass(frozen=True)
class Live:
    """What is live: the page's ETag, its release, the token of the write that made it so. All empty before the first.

    `release` is what the page's metadata says. A page that was put there by hand has none: it has an ETag only.
    """

    etag: str = ""
    release: str = ""
    token: str = ""
    since: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The content part of the release's id."""
        return self.release.rpartition("-")[2]


class Lost(UserError):
    """What was stored is gone or damaged, and no earlier version of it is right."""


class Damaged(Exception):
    """What is stored is not what it should be; its text says how."""


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def mark(identity: str) -> str:
    """Return the last line of a release's page, which names the release."""
    return f"<!-- release {identity} -->\n"


def marked_page(page: bytes, identity: str) -> str:
    """Return a build's page as the release `identity` serves it.

    The mark makes each release's page, and so its ETag, differ from every other's.
    """
    return page.decode().rstrip("\n") + "\n" + mark(identity)


def check_id(identity: str) -> None:
    """Raise UserError (exit code 2) if `identity` is not of the form of a release's id."""
    if not re.fullmatch(RELEASE_ID, identity):
        raise UserError(
            f"release {identity!r}",
            "this is not the id of a release",
            "`deploy.py releases` lists them",
            exit_code=WRONG_SETTINGS,
        )


def read_live(aws: Aws, place: Place) -> Live:
    """Return what is live: one call."""
    try:
        return _live(aws.call("s3", "head_object", Bucket=place.bucket, Key=SITE + place.page))
    except AwsError as problem:
        if problem.code in ABSENT:
            return Live()
        raise


def _live(head: dict[str, Any]) -> Live:
    facts = head.get("Metadata", {})
    release = facts.get("release", "")
    return Live(
        head["ETag"], release if re.fullmatch(RELEASE_ID, release) else "", facts.get("token", ""), head["LastModified"]
    )


def page_is(aws: Aws, place: Place, live: Live, page: str) -> bool:
    """Return whether the page that is live has this text.

    Its ETag is the MD5 of its content, encrypted as it is; where that differs, the page is read
    (docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
    """
    content = page.encode()
    if live.etag.strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest():
        return True
    return bool(live.etag) and read_page(aws, place) == content


def read_page(aws: Aws, place: Place) -> bytes:
    """Return the content of the live page; nothing where there is none."""
    try:
        return aws.read("s3", "get_object", Bucket=place.bucket, Key=SITE + place.page)[1]
    except AwsError as problem:
        if problem.code in ABSENT:
            return b""
        raise


def earlier_releases(aws: Aws, place: Place) -> Iterator[str]:
    """Yield the ids of the releases that were live, the last one first, as the page's versions name them.

    For a page that was deleted or overwritten by hand, or a live release whose manifest is lost.
    """
    seen = set()
    for version in _versions(aws, place, SITE + place.page)[:_PAGE_VERSIONS]:
        try:
            head = aws.call("s3", "head_object", Bucket=place.bucket, Key=SITE + place.page, VersionId=version)
        except AwsError as problem:
            if problem.code in (*ABSENT, *_REFUSED):
                continue
            raise
        identity = _live(head).release
        if re.fullmatch(RELEASE_ID, identity) and identity not in seen:
            seen.add(identity)
            yield identity


def _versions(aws: Aws, place: Place, key: str) -> list[str]:
    """Return the ids of an object's versions, the newest first; without delete markers, which have no content."""
    found = []
    for answer in aws.pages("s3", "list_object_versions", Bucket=place.bucket, Prefix=key):
        found += [item for item in answer.get("Versions", []) if item["Key"] == key]
    return [item["VersionId"] for item in sorted(found, key=lambda item: item["LastModified"], reverse=True)]


def read_intact(
    aws: Aws, place: Place, key: str, check: Callable[[bytes], object]
) -> tuple[dict[str, Any], bytes, str]:
    """Return an object that `check` takes: S3's answer, its decoded content, and what is wrong with the newest ("": nothing).

    `check` raises Damaged for what is not right; then the earlier versions are tried, the newest first. Raises Lost where
    none is right.
    """
    wrong = ""
    tried = ""
    for version in _each_version(aws, place, key):
        if version and version == tried:
            continue
        try:
            answer, body = aws.read("s3", "get_object", Bucket=place.bucket, Key=key, **version_of(version))
            tried = answer.get("VersionId", "")
            content = decoded(answer, body)
            check(content)
            return answer, content, wrong
        except AwsError as problem:
            if problem.code not in ABSENT and not (version and problem.code in _REFUSED):
                raise
            wrong = wrong or "it is not there"
        except Damaged as damage:
            wrong = wrong or str(damage)
    raise Lost(f"s3://{place.bucket}/{key}", wrong, "`deploy.py releases` lists what is there")


def _each_version(aws: Aws, place: Place, key: str) -> Iterator[str]:
    yield ""  # whichever is the newest
    yield from _versions(aws, place, key)


def version_of(version: str) -> dict[str, str]:
    """Return the parameters that name a version of an object; none for the newest."""
    return {"VersionId": version} if version else {}


def decoded(answer: dict[str, Any], body: bytes) -> bytes:
    """Return an object's content without its Content-Encoding. Raises Damaged."""
    if answer.get("ContentEncoding") != "br":
        return body
    try:
        return bytes(brotli.decompress(body))
    except brotli.error:
        raise Damaged("its compressed content is damaged") from None


@dataclass(frozen=True)
class Stored:
    """The assets in the bucket: path -> when it was written; and S3's own time when it listed them."""

    written: dict[str, datetime]
    now: datetime


def stored_assets(aws: Aws, place: Place) -> Stored:
    """Return what is stored."""
    written: dict[str, datetime] = {}
    now = None
    for page in aws.pages("s3", "list_objects_v2", Bucket=place.bucket, Prefix=SITE + ASSETS):
        now = now or server_time(page)
        for item in page.get("Contents", []):
            written[item["Key"].removeprefix(SITE)] = item["LastModified"]
    assert now is not None  # a listing has a page
    return Stored(written, now)


def read_who(aws: Aws, place: Place) -> str:
    """Return who made the live release live."""
    tags = aws.call("s3", "get_object_tagging", Bucket=place.bucket, Key=SITE + place.page)["TagSet"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "by"), "")


def server_time(answer: dict[str, Any]) -> datetime:
    """Return AWS's time of an answer: this machine's clock may be wrong by days."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])


def delete_objects(aws: Aws, bucket: str, objects: list[dict[str, str]], account: str = "") -> list[dict[str, Any]]:
    """Delete objects, or versions of them, and return what was deleted. Raises UserError where AWS refuses one of them.

    With `account`, only from a bucket of that account.
    """
    owner = {"ExpectedBucketOwner": account} if account else {}
    deleted: list[dict[str, Any]] = []
    for start in range(0, len(objects), _AT_ONCE):
        some = {"Objects": objects[start : start + _AT_ONCE]}
        answer = aws.call("s3", "delete_objects", Bucket=bucket, Delete=some, **owner)
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise UserError(
                f"s3://{bucket}/{first.get('Key')}",
                f"it was not deleted ({first.get('Code')}: {first.get('Message')})",
                "run the command again",
            )
        deleted += answer.get("Deleted", [])
    return deleted
