"""What is in the site's bucket: the live page, the releases' manifests, the assets. This module reads and repairs it.

    live = read_live(aws, place)                        # what is live, and its ETag
    manifest = read_manifest(aws, place, live.release)  # its manifest; where that was lost, recovered: see `Manifest`
    history = read_history(aws, place)                  # all manifests by the time that S3 has for them, newest first
    keep_manifest(aws, place, manifest)                 # writes back one that was recovered

The keys: `site/index.html` and `site/assets/...` are what CloudFront serves (its origin path is /site), `releases/ID.json`
is a release's manifest: its page and the hash of every file. Assets have their hash in their path.

Whatever was deleted or overwritten by hand has a way back. The bucket is versioned and keeps earlier versions for 30 days
(ops/cloud/template.yaml), so what was there is looked for there first. Without that, a live release is described anew from
its page, which names its id and its files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import brotli

from ops.cloud.aws import CONNECTIONS, Aws, AwsError
from ops.errors import UserError

PAGE = "index.html"
SITE = "site/"
ASSETS = "assets/"
MANIFESTS = "releases/"
ALIAS = "live"

_ID = r"\d{8}-\d{6}-[0-9a-f]{12}"
_MANIFEST_KEY = re.compile(rf"^{MANIFESTS}({_ID})\.json$")
_MARK = re.compile(rf"<!-- release ({_ID}) -->\n?$")
_NAMED_ASSET = re.compile(rf"{ASSETS}[\w./-]*\w")
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{12})\.\w+$")
_FOLDER_WITH_HASH = re.compile(rf"^{ASSETS}[\w.-]*-[0-9a-f]{{12}}/")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# AWS's error codes for what is not there.
ABSENT = ("404", "NoSuchKey", "NotFound", "NoSuchVersion", "405", "MethodNotAllowed")
_REFUSED = ("403", "AccessDenied")
_PAGE_VERSIONS = 50  # how many earlier pages are looked at


@dataclass(frozen=True)
class Place:
    """Where releases go. Empty `distribution` or `function`: there is none (tests of the bucket alone)."""

    bucket: str
    distribution: str = ""
    function: str = ""


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


@dataclass(frozen=True)
class Release:
    """A release's manifest. `files` maps paths to the SHA-256 of their content in hex, the page's among them.

    A hash is empty where the manifest had to be recovered and the file is gone.
    """

    id: str
    made_at: str
    made_by: str
    commit: str
    previous: str
    lambda_version: str
    infrastructure: str
    page: str
    files: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """The content part of the id: equal for equal content."""
        return self.id.rpartition("-")[2]

    @property
    def assets(self) -> set[str]:
        """All paths but the page's."""
        return set(self.files) - {PAGE}


@dataclass(frozen=True)
class Manifest:
    """A release's manifest as it was found: `recovered` says from what and what was lost; empty where it was as written.

    `written` is S3's own time for it, which orders the releases: the clocks of those who release may differ.
    """

    release: Release
    written: datetime
    recovered: str = ""


@dataclass(frozen=True)
class History:
    """The manifests, newest first; `lost`: id -> what is wrong with one that cannot be read; `stray`: other keys."""

    manifests: tuple[Manifest, ...]
    lost: dict[str, str]
    stray: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What a person should know of it, a sentence each."""
        return [
            *(manifest.recovered for manifest in self.manifests if manifest.recovered),
            *(f"release {identity} cannot be read and is left out: {why}" for identity, why in self.lost.items()),
            *(f"{key} is no release's manifest and is left alone" for key in self.stray),
        ]


class Lost(UserError):
    """What was stored is gone or damaged, and no earlier version of it is right."""


class Damaged(Exception):
    """What is stored is not what it should be; its text says how."""


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def mark(identity: str) -> str:
    """Return the last line of a release's page, which says whose page it is."""
    return f"<!-- release {identity} -->\n"


def marked_page(page: bytes, identity: str) -> str:
    """Return a build's page as the release `identity` serves it.

    The mark makes each release's page, and so its ETag, differ from every other's.
    """
    return page.decode().rstrip("\n") + "\n" + mark(identity)


def check_id(identity: str) -> None:
    """Raise UserError (exit code 2) if `identity` is not of the form of a release's id."""
    if not re.fullmatch(_ID, identity):
        raise UserError(
            f"release {identity!r}", "that is no release's id", "`deploy.py releases` lists them", exit_code=2
        )


# -- the live page -----------------------------------------------------------------------------------------------------


def read_live(aws: Aws, place: Place) -> Live:
    """Return what is live: one call."""
    try:
        return _live(aws.call("s3", "head_object", Bucket=place.bucket, Key=SITE + PAGE))
    except AwsError as problem:
        if problem.code in ABSENT:
            return Live()
        raise


def _live(head: dict[str, Any]) -> Live:
    facts = head.get("Metadata", {})
    release = facts.get("release", "")
    return Live(
        head["ETag"], release if re.fullmatch(_ID, release) else "", facts.get("token", ""), head["LastModified"]
    )


def page_is(aws: Aws, place: Place, live: Live, page: str) -> bool:
    """Return whether the page that is live has this text.

    Its ETag is the MD5 of its content, encrypted as it is; where that differs, the page is read
    (docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
    """
    content = page.encode()
    if live.etag.strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest():
        return True
    return bool(live.etag) and _read_page(aws, place) == content


def _read_page(aws: Aws, place: Place) -> bytes:
    try:
        return aws.read("s3", "get_object", Bucket=place.bucket, Key=SITE + PAGE)[1]
    except AwsError as problem:
        if problem.code in ABSENT:
            return b""
        raise


def earlier_releases(aws: Aws, place: Place) -> Iterator[str]:
    """Yield the ids of the releases that were live, the last one first, as the page's versions name them.

    For a page that was deleted or overwritten by hand, or a live release whose manifest is lost.
    """
    seen = set()
    for version in _versions(aws, place, SITE + PAGE)[:_PAGE_VERSIONS]:
        try:
            head = aws.call("s3", "head_object", Bucket=place.bucket, Key=SITE + PAGE, VersionId=version)
        except AwsError as problem:
            if problem.code in (*ABSENT, *_REFUSED):
                continue
            raise
        identity = _live(head).release
        if re.fullmatch(_ID, identity) and identity not in seen:
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


# -- the manifests -----------------------------------------------------------------------------------------------------


def manifest_key(identity: str) -> str:
    """Return the key of a release's manifest."""
    return f"{MANIFESTS}{identity}.json"


def manifest_body(release: Release) -> bytes:
    """Return a manifest as it is stored: JSON."""
    return json.dumps(asdict(release), indent=1).encode()


def parse_manifest(content: bytes, identity: str) -> Release:
    """Return the release that a stored manifest describes. Raises Damaged where it is not a whole manifest of `identity`."""
    from pydantic import TypeAdapter, ValidationError  # a release with nothing changed reads no manifest

    try:
        release = TypeAdapter(Release).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(f"it is damaged ({where}{': ' if where else ''}{first['msg']})") from None
    if release.id != identity:
        raise Damaged(f"it is damaged (it is the manifest of {release.id!r})")
    if release.files.get(PAGE) != digest(release.page.encode()) or not release.page.endswith(mark(identity)):
        raise Damaged("it is damaged (its page is not the release's)")
    for path, sha256 in release.files.items():
        if not (path == PAGE or _is_asset(path)) or not _SHA256.fullmatch(sha256):
            raise Damaged(f"it is damaged (its file {path!r})")
    return release


def _is_asset(path: str) -> bool:
    return path.startswith(ASSETS) and ".." not in path.split("/")


def read_manifest(aws: Aws, place: Place, identity: str, live: Live | None = None) -> Manifest:
    """Return a release's manifest, recovered where it was deleted or damaged.

    Where no earlier version is right, that of the live release is made from its page and its files. Raises Lost
    where that is not possible either, UserError (exit code 2) for what is no release's id.
    """
    check_id(identity)
    try:
        answer, content, wrong = read_intact(
            aws, place, manifest_key(identity), lambda content: parse_manifest(content, identity)
        )
    except Lost as lost:
        live = live or read_live(aws, place)
        if identity == live.release:
            return _from_page(aws, place, live, lost.reason)
        raise Lost(
            f"the manifest of release {identity}", f"{lost.reason}, nor is an earlier version of it", lost.hint
        ) from None
    note = f"the manifest of release {identity} was lost ({wrong}); its earlier version has all of it" if wrong else ""
    return Manifest(parse_manifest(content, identity), answer["LastModified"], note)


def _from_page(aws: Aws, place: Place, live: Live, why: str) -> Manifest:
    """Describe the live release anew. Its page names it and its files; the files' names begin with their hashes."""
    page = _read_page(aws, place).decode("utf-8", "replace")
    found = _MARK.search(page)
    if not found or found[1] != live.release:
        raise Lost(
            f"the manifest of release {live.release}",
            f"it is lost ({why}), and the page was changed by hand, so it cannot be made from that",
            "release again, or go back to one that `deploy.py releases` lists: `deploy.py rollback RELEASE`",
        )
    stored = stored_assets(aws, place).written
    named = _named_assets(page, stored)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        files = dict(zip(named, pool.map(lambda path: _hash_of(aws, place, path), named), strict=True))
    gone = sorted(path for path, sha256 in files.items() if not sha256)
    note = (
        f"the manifest of release {live.release} was lost ({why}); it is described anew from its page and "
        f"{len(files) - len(gone)} files. Its commit and the infrastructure it was made with are not known any more"
    )
    if gone:
        note += f"; gone or damaged: {', '.join(gone)}"
    release = Release(
        id=live.release,
        made_at=live.since.isoformat(timespec="seconds") if live.since else "",
        made_by=read_who(aws, place),
        commit="",
        previous=next((each for each in earlier_releases(aws, place) if each != live.release), ""),
        lambda_version=_alias_version(aws, place),
        infrastructure="",
        page=page,
        files={**files, PAGE: digest(page.encode())},
    )
    return Manifest(release, live.since or datetime.now(UTC), note)


def _named_assets(page: str, stored: Collection[str]) -> list[str]:
    """Return the paths of the assets that a page needs: those it names, and all in a folder with a hash that it names."""
    named = set(_NAMED_ASSET.findall(page))
    folders = tuple(found[0] for path in named if (found := _FOLDER_WITH_HASH.match(path)))
    files = {path for path in named if path in stored or _HASH_IN_NAME.search(path)}
    return sorted(files | {path for path in stored if path.startswith(folders)})


def _hash_of(aws: Aws, place: Place, path: str) -> str:
    """Return the hash of a stored asset; "" where it is gone, or not what the hash in its name says."""

    def check(content: bytes) -> None:
        begin = _HASH_IN_NAME.search(path)
        if begin and not digest(content).startswith(begin[1]):
            raise Damaged("it has other content than its name says")

    try:
        return digest(read_intact(aws, place, SITE + path, check)[1])
    except Lost:
        return ""


def _alias_version(aws: Aws, place: Place) -> str:
    """Return the version of the Lambda that callers get: the alias follows the live page."""
    if not place.function:
        return ""
    return str(aws.call("lambda", "get_alias", FunctionName=place.function, Name=ALIAS)["FunctionVersion"])


def keep_manifest(aws: Aws, place: Place, manifest: Manifest) -> None:
    """Write a manifest back that was recovered, if it is whole."""
    if manifest.recovered and all(manifest.release.files.values()):
        write_manifest(aws, place, manifest.release)


def write_manifest(aws: Aws, place: Place, release: Release) -> None:
    """Write a release's manifest."""
    aws.call(
        "s3",
        "put_object",
        Bucket=place.bucket,
        Key=manifest_key(release.id),
        Body=manifest_body(release),
        ContentType="application/json",
    )


def read_history(aws: Aws, place: Place, live: Live) -> History:
    """Return all releases, by the time that S3 has for their manifests, the newest first; that of `live` is among them.

    A manifest that is lost or damaged stops nothing: it is recovered or named. So are keys that are no manifest's.
    """
    written: dict[str, datetime] = {}
    stray = []
    for answer in aws.pages("s3", "list_objects_v2", Bucket=place.bucket, Prefix=MANIFESTS):
        for item in answer.get("Contents", []):
            if found := _MANIFEST_KEY.match(item["Key"]):
                written[found[1]] = item["LastModified"]
            else:
                stray.append(item["Key"])
    identities = sorted(written.keys() | ({live.release} if live.release else set()))
    lost: dict[str, str] = {}
    manifests = []

    def read(identity: str) -> Manifest | Lost:
        try:
            return read_manifest(aws, place, identity, live)
        except Lost as error:
            return error

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for identity, result in zip(identities, pool.map(read, identities), strict=True):
            if isinstance(result, Lost):
                lost[identity] = result.reason
            else:
                manifests.append(result)
    manifests.sort(key=lambda manifest: (manifest.written, manifest.release.id), reverse=True)
    return History(tuple(manifests), lost, tuple(stray))


# -- the assets and the rest -------------------------------------------------------------------------------------------


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


def missing_assets(aws: Aws, place: Place, files: Iterable[str]) -> list[str]:
    """Return the paths of `files` (without the page) that are not stored."""
    return sorted(set(files) - {PAGE} - stored_assets(aws, place).written.keys())


def read_who(aws: Aws, place: Place) -> str:
    """Return who made the live release live."""
    tags = aws.call("s3", "get_object_tagging", Bucket=place.bucket, Key=SITE + PAGE)["TagSet"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "by"), "")


def server_time(answer: dict[str, Any]) -> datetime:
    """Return AWS's time of an answer: this machine's clock may be wrong by days."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
