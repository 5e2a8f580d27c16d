"""A build -> S3: upload, switch, roll back. Nothing here knows CloudFormation.

    place = Place(bucket="popdesk-prod-site-...", distribution="E123", function="popdesk-prod-lookup")
    now = read_live(aws, place)                                   # what is live, and its ETag
    release = new_release(built, lambda_version="7", ..., live=now)
    upload(aws, place, release, built)                            # what is missing, many at once; then the manifest
    switch(aws, place, release, now)                              # ONE conditional write: the release is live, or nothing

The bucket: `site/index.html` and `site/assets/...` are what CloudFront serves (its origin path is /site),
`releases/ID.json` is a release's manifest: its page and the hash of every file. Assets have their hash in their path and
are never overwritten, so whatever fails before the switch, the live release is untouched; the switch is a PutObject with
If-Match (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), so of two releases one wins.

The Lambda has one alias, `live`, which flows call; it follows the page: `settle_lambda` points it at the version that the
live release names, after the switch. Either page works with either Lambda (the answer has every key, always).
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import brotli

from ops.cloud.aws import CONNECTIONS, Aws, AwsTrouble
from ops.errors import Trouble

if TYPE_CHECKING:  # the build's own imports take longer than a release with nothing changed
    from ops.site.build import Built

PAGE = "index.html"
SITE = "site/"
MANIFESTS = "releases/"
ALIAS = "live"
IMMUTABLE = "public, max-age=31536000, immutable"
NO_CACHE = "no-cache"
OVERTAKEN_EXIT_CODE = 4  # another release was made live meanwhile; nothing was changed

# What each kind of file is served as (IANA media types; application/wasm is what streaming compilation asks for).
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".pack": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_PACKED = {".png", ".woff2"}  # compressed already
_WORTH_COMPRESSING = 1000  # bytes; CloudFront's own compression starts there too
_WORTH_TIME = 16_000  # bytes; from here on the best compression
_TRIES = 5  # of a write that AWS says to try again
_TOKEN = re.compile(r"^\d{8}-\d{6}-[0-9a-f]{12}$")


class Overtaken(Trouble):
    """Another release became live between planning and the switch."""

    def __init__(self, release: str, other: str) -> None:
        super().__init__(
            f"release {release}",
            f"{other or 'another release'} was made live meanwhile; nothing that is live was changed",
            "look at `deploy.py status`, then run the command again if yours should follow",
            OVERTAKEN_EXIT_CODE,
        )


@dataclass(frozen=True)
class Place:
    """Where releases go. Empty `distribution` or `function`: there is none (tests of the bucket alone)."""

    bucket: str
    distribution: str = ""
    function: str = ""


@dataclass(frozen=True)
class Live:
    """What is live: the page's ETag, its release, the token of the write that made it so. All empty before the first."""

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
    """A release's manifest. `files` maps paths to the SHA-256 of their content in hex, the page's among them."""

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


def media_type(path: str) -> str:
    """Give the Content-Type of a path."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")


def fingerprint(built: Built, lambda_sha256: str) -> str:
    """Give 12 hex digits that stand for a build and a Lambda zip: equal for equal content."""
    whole = hashlib.sha256(lambda_sha256.encode())
    for path, digest in sorted(built.files.items()):
        whole.update(f"\n{path}\0{digest}".encode())
    return whole.hexdigest()[:12]


def new_release(
    built: Built,
    live: Live,
    *,
    lambda_sha256: str = "",
    lambda_version: str = "",
    infrastructure: str = "",
    made_by: str = "",
    commit: str = "",
    now: datetime | None = None,
) -> Release:
    """Give the manifest of a build to be released after `live`.

    The release's id is written at the end of its page, so that no two releases' pages have the same ETag and anybody
    can see which one a browser got.
    """
    now = now or datetime.now(UTC)
    _check_paths(built.files)
    identity = f"{now:%Y%m%d-%H%M%S}-{fingerprint(built, lambda_sha256)}"
    page = (built.folder / PAGE).read_text("utf-8").rstrip("\n") + f"\n<!-- release {identity} -->\n"
    return Release(
        id=identity,
        made_at=now.isoformat(timespec="seconds"),
        made_by=made_by,
        commit=commit,
        previous=live.release,
        lambda_version=lambda_version,
        infrastructure=infrastructure,
        page=page,
        files={**built.files, PAGE: hashlib.sha256(page.encode()).hexdigest()},
    )


def _check_paths(files: Iterable[str]) -> None:
    if PAGE not in files:
        raise Trouble("the build", f"it has no {PAGE}", "run `deploy.py build`")
    for path in files:
        if path != PAGE and not path.startswith("assets/"):
            raise Trouble(f"the build's {path}", "only files below assets/ have their hash in their path", "move it")


# -- reading -----------------------------------------------------------------------------------------------------------


def read_live(aws: Aws, place: Place) -> Live:
    """Give what is live: one call."""
    try:
        head = aws.call("s3", "head_object", Bucket=place.bucket, Key=SITE + PAGE)
    except AwsTrouble as trouble:
        if trouble.code in ("404", "NoSuchKey", "NotFound"):
            return Live()
        raise
    facts = head.get("Metadata", {})
    return Live(head["ETag"], facts.get("release", ""), facts.get("token", ""), head["LastModified"])


def read_release(aws: Aws, place: Place, identity: str) -> Release:
    """Give a release's manifest. Raises Trouble where there is none of that id."""
    if not _TOKEN.match(identity):
        raise Trouble(
            f"release {identity!r}", "that is no release's id", "`deploy.py releases` lists them", exit_code=2
        )
    try:
        answer = aws.call("s3", "get_object", Bucket=place.bucket, Key=f"{MANIFESTS}{identity}.json")
        return Release(**json.loads(answer["Body"].read()))
    except AwsTrouble as trouble:
        if trouble.code in ("404", "NoSuchKey"):
            raise Trouble(f"release {identity}", "it is not there", "`deploy.py releases` lists them") from None
        raise


def read_history(aws: Aws, place: Place) -> list[Release]:
    """Give all manifests, the newest first."""
    names = []
    for page in aws.pages("s3", "list_objects_v2", Bucket=place.bucket, Prefix=MANIFESTS):
        names += [PurePosixPath(item["Key"]).stem for item in page.get("Contents", [])]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(lambda name: read_release(aws, place, name), sorted(names, reverse=True)))


def stored_assets(aws: Aws, place: Place) -> dict[str, datetime]:
    """Give what is stored: path -> when it was written."""
    found: dict[str, datetime] = {}
    for page in aws.pages("s3", "list_objects_v2", Bucket=place.bucket, Prefix=f"{SITE}assets/"):
        for item in page.get("Contents", []):
            found[item["Key"].removeprefix(SITE)] = item["LastModified"]
    return found


# -- writing -----------------------------------------------------------------------------------------------------------


def stored_form(path: str, content: bytes) -> dict[str, Any]:
    """Give PutObject's parameters for an asset: body, type, caching, and brotli where it is smaller (RFC 7932).

    CloudFront passes a stored Content-Encoding on as it is; every browser with WebAssembly reads brotli over https.
    """
    form: dict[str, Any] = {"Body": content, "ContentType": media_type(path), "CacheControl": IMMUTABLE}
    if len(content) >= _WORTH_COMPRESSING and PurePosixPath(path).suffix not in _PACKED:
        packed = _brotli(content)
        if len(packed) < len(content):
            form |= {"Body": packed, "ContentEncoding": "br"}
    return form


def _brotli(content: bytes) -> bytes:
    # The best quality takes forty times as long: for a small file that is time for some hundred bytes.
    quality = {"quality": 9, "lgwin": 16} if len(content) < _WORTH_TIME else {"quality": 11}
    return bytes(brotli.compress(content, **quality))


def put_missing(
    aws: Aws, place: Place, built: Built, paths: Iterable[str], on_file: Callable[[str], None] | None = None
) -> None:
    """Write those assets of the build, CONNECTIONS at once. The first failure stops the rest and is raised."""

    def put(path: str) -> None:
        content = (built.folder / path).read_bytes()
        if hashlib.sha256(content).hexdigest() != built.files[path]:
            raise Trouble(str(built.folder / path), "it changed since the build", "build again")
        aws.call("s3", "put_object", Bucket=place.bucket, Key=SITE + path, **stored_form(path, content))
        if on_file:
            on_file(path)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        waiting = [pool.submit(put, path) for path in paths]
        done, rest = wait(waiting, return_when=FIRST_EXCEPTION)
        for future in rest:
            future.cancel()
    for future in done:
        future.result()


def missing_assets(aws: Aws, place: Place, files: Iterable[str]) -> list[str]:
    """Give the paths of `files` (without the page) that are not stored."""
    stored = stored_assets(aws, place)
    return sorted(set(files) - {PAGE} - stored.keys())


def upload(
    aws: Aws, place: Place, release: Release, built: Built, on_file: Callable[[str], None] | None = None
) -> list[str]:
    """Make everything of a release be there but the switch, and give the paths that were written.

    The last look is for a prune at the same time: it deletes, then reads the manifests again and brings back what a new
    one needs. So either it sees our manifest, or we see that a file is gone. Files that were written just now are too
    young for any prune: where nothing else is in the release, nothing can be gone.
    """
    written = missing_assets(aws, place, release.files)
    put_missing(aws, place, built, written, on_file)
    aws.call(
        "s3",
        "put_object",
        Bucket=place.bucket,
        Key=f"{MANIFESTS}{release.id}.json",
        Body=json.dumps(asdict(release), indent=1).encode(),
        ContentType="application/json",
    )
    if release.assets - set(written):
        put_missing(aws, place, built, missing_assets(aws, place, release.files))
    return written


def switch(aws: Aws, place: Place, release: Release, live: Live, by: str = "") -> Live:
    """Make `release` live, if `live` still is: one conditional write. Give what is live then.

    Raises Overtaken where another release came first. A failure that leaves open whether the write arrived (a lost
    answer, a retry of it) is settled by reading: the token in the page's metadata says whose write it was. Who did it is
    a tag, not metadata: metadata goes out as response headers.
    """
    token = uuid.uuid4().hex
    condition = {"IfMatch": live.etag} if live.etag else {"IfNoneMatch": "*"}
    tag = {"Tagging": f"by={_tag_value(by)}"} if by else {}
    for attempt in range(_TRIES):
        try:
            aws.call(
                "s3",
                "put_object",
                Bucket=place.bucket,
                Key=SITE + PAGE,
                Body=release.page.encode(),
                ContentType=media_type(PAGE),
                CacheControl=NO_CACHE,
                Metadata={"release": release.id, "token": token},
                **condition,
                **tag,
            )
            return read_live(aws, place)
        except AwsTrouble as trouble:
            now = read_live(aws, place)
            if now.token == token:
                return now
            if now.etag != live.etag:
                raise Overtaken(release.id, now.release) from trouble
            if trouble.code not in ("ConditionalRequestConflict", "409", "OperationAborted") or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _tag_value(text: str) -> str:
    """Give what S3 allows in a tag, URL-encoded where the header needs it."""
    allowed = re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", text)[:256]
    return allowed.replace("%", "%25").replace("+", "%2B").replace("=", "%3D").replace(" ", "%20")


def read_who(aws: Aws, place: Place) -> str:
    """Give who made the live release live."""
    tags = aws.call("s3", "get_object_tagging", Bucket=place.bucket, Key=SITE + PAGE)["TagSet"]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "by"), "")


def settle_lambda(aws: Aws, place: Place) -> bool:
    """Point the Lambda's alias at the version that the live release names; say whether it had to be moved.

    The page is read after the alias and the alias is written under its revision, so that with several releases at once
    the alias ends at the one that is live.
    """
    if not place.function:
        return False
    for _ in range(_TRIES):
        alias = aws.call("lambda", "get_alias", FunctionName=place.function, Name=ALIAS)
        live = read_live(aws, place)
        if not live.release:
            return False
        version = read_release(aws, place, live.release).lambda_version
        if not version or alias["FunctionVersion"] == version:
            return False
        try:
            aws.call(
                "lambda",
                "update_alias",
                FunctionName=place.function,
                Name=ALIAS,
                FunctionVersion=version,
                RevisionId=alias["RevisionId"],
            )
            return True
        except AwsTrouble as trouble:
            if trouble.code not in ("PreconditionFailedException", "ResourceConflictException"):
                raise
    raise Trouble("the Lambda's alias", "it was moved by somebody else again and again", "run the command again")


def invalidate(aws: Aws, place: Place) -> None:
    """Have CloudFront fetch the page anew: one invalidation, its reference never used before. Nothing waits for it."""
    if place.distribution:
        paths = ["/", f"/{PAGE}"]
        aws.call(
            "cloudfront",
            "create_invalidation",
            DistributionId=place.distribution,
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": paths},
                "CallerReference": uuid.uuid4().hex,
            },
        )


def make_live(aws: Aws, place: Place, release: Release, live: Live, by: str = "") -> Live:
    """Switch to a complete release, let the Lambda follow, invalidate."""
    now = switch(aws, place, release, live, by)
    try:
        settle_lambda(aws, place)
        invalidate(aws, place)
    except Trouble as trouble:
        raise Trouble(
            f"release {release.id}",
            f"its page is live, but {trouble.thing} failed: {trouble.reason}",
            f"`deploy.py rollback {release.id}` finishes it",
        ) from trouble
    return now


def rollback(aws: Aws, place: Place, identity: str = "", by: str = "") -> tuple[Release, Live]:
    """Make an older release live again, page and Lambda: the one before, or the one named. One write, one invalidation.

    Raises Trouble where there is nothing to go back to or files of it are gone. Run again after it was interrupted, it
    goes on: a Lambda that does not belong to the live page says that the last switch was not finished, so it is.
    """
    live = read_live(aws, place)
    if not live.release:
        raise Trouble("rollback", "nothing is live", "release first: `deploy.py`")
    if not identity and settle_lambda(aws, place):
        identity = live.release
    target = identity or read_release(aws, place, live.release).previous
    if not target:
        raise Trouble("rollback", f"{live.release} is the first release", "there is none before it")
    release = read_release(aws, place, target)
    if target == live.release:
        settle_lambda(aws, place)
        invalidate(aws, place)
        return release, live
    gone = missing_assets(aws, place, release.files)
    if gone:
        raise Trouble(
            f"release {target}",
            f"{len(gone)} of its files were pruned ({gone[0]}, ...)",
            f"release that commit again: git checkout {release.commit or 'COMMIT'}",
        )
    return release, make_live(aws, place, release, live, by)
