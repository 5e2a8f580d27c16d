"""A build -> S3: upload, switch, roll back. Nothing here knows CloudFormation.

    place = Place(bucket="popdesk-prod-site-...", distribution="E123", function="popdesk-prod-lookup")
    now = read_live(aws, place)                                   # what is live, and its ETag (ops/cloud/bucket.py)
    release = new_release(site, now, lambda_version="7", ...)
    written = upload(aws, place, release, site)                   # what is missing, many at once; then the manifest
    make_live(aws, place, release, now)                           # ONE conditional write: the release is live, or nothing

    plan = plan_rollback(aws, place)                              # to the release before, or to one that is named
    rollback(aws, place, plan)

Assets have their hash in their path and are never overwritten, so whatever fails before the switch, the live release is
untouched; the switch is a PutObject with If-Match (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html),
so of two releases one wins. Every byte that goes up is checked against the manifest, and what is in the bucket already is
read and checked before a page that needs it goes live.

The Lambda has one alias, `live`, which flows call; it follows the page: `settle_lambda` points it at the version that the
live release names, after the switch. Either page works with either Lambda (the answer has every key, always).

`deploy.py prune` at the same time is safe without a lock: it deletes only the exact versions of files that are older than
a day and that neither the live release nor the one before it names (ops/cloud/prune.py). So whoever makes a release live
that needs other old files writes those again first (`make_whole`): the new version is not one of those.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, TypeVar

import brotli

from ops.cloud.aws import CONNECTIONS, Aws, AwsError
from ops.cloud.bucket import (
    ABSENT,
    ALIAS,
    ASSETS,
    PAGE,
    SITE,
    Damaged,
    Live,
    Lost,
    Manifest,
    Place,
    Release,
    decoded,
    digest,
    earlier_releases,
    keep_manifest,
    marked_page,
    page_is,
    read_intact,
    read_live,
    read_manifest,
    stored_assets,
    write_manifest,
)
from ops.errors import UserError
from ops.site.contents import Site
from ops.site.headers import IMMUTABLE, NO_CACHE
from ops.site.media_types import media_type

OVERTAKEN_EXIT_CODE = 4  # another release was made live meanwhile; nothing was changed
# Files that were written less than this ago are no prune's: the least it takes is a day (ops/cloud/prune.py). The other
# half of the day is for a slow release.
FRESH = timedelta(hours=12)

_PACKED = {".png", ".woff2"}  # compressed already
_WORTH_COMPRESSING = 1000  # bytes; CloudFront's own compression starts there too
_WORTH_TIME = 16_000  # bytes; from here on the best compression
_TRIES = 5  # of a write that AWS says to try again


class Overtaken(UserError):
    """Another release became live between planning and the switch."""

    def __init__(self, release: str, other: str) -> None:
        super().__init__(
            f"release {release}",
            f"{other or 'another page'} was made live meanwhile; nothing that is live was changed",
            "look at `deploy.py status`, then run the command again if yours should follow",
            OVERTAKEN_EXIT_CODE,
        )


@dataclass(frozen=True)
class Written:
    """The paths of the assets that were written: `added` were not there, `refreshed` were old, `replaced` were damaged."""

    added: tuple[str, ...] = ()
    refreshed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.added) + len(self.refreshed) + len(self.replaced)


def fingerprint(site: Site, lambda_sha256: str) -> str:
    """Return 12 hex digits that stand for a build and a Lambda zip: equal for equal content."""
    whole = sha256(lambda_sha256.encode())
    for path, content_hash in sorted(site.files.items()):
        whole.update(f"\n{path}\0{content_hash}".encode())
    return whole.hexdigest()[:12]


def new_release(
    site: Site,
    live: Live,
    *,
    lambda_sha256: str = "",
    lambda_version: str = "",
    infrastructure: str = "",
    made_by: str = "",
    commit: str = "",
    previous: str = "",
    now: datetime | None = None,
) -> Release:
    """Return the manifest of a build to be released after `live`; `previous` is the release before it where `live` has none.

    The release's id is written at the end of its page, so that no two releases' pages have the same ETag and anybody
    can see which one a browser got.
    """
    now = now or datetime.now(UTC)
    _check_paths(site.files)
    identity = f"{now:%Y%m%d-%H%M%S}-{fingerprint(site, lambda_sha256)}"
    page = marked_page(site.contents[PAGE], identity)
    return Release(
        id=identity,
        made_at=now.isoformat(timespec="seconds"),
        made_by=made_by,
        commit=commit,
        previous=live.release or previous,
        lambda_version=lambda_version,
        infrastructure=infrastructure,
        page=page,
        files={**site.files, PAGE: digest(page.encode())},
    )


def _check_paths(files: Iterable[str]) -> None:
    if PAGE not in files:
        raise UserError("the build", f"it has no {PAGE}", "run `deploy.py build`")
    for path in files:
        if path != PAGE and not path.startswith(ASSETS):
            raise UserError(f"the build's {path}", "only files below assets/ have their hash in their path", "move it")


# -- writing -----------------------------------------------------------------------------------------------------------


def stored_form(path: str, content: bytes) -> dict[str, Any]:
    """Return PutObject's parameters for an asset: body, type, caching, and brotli where it is smaller (RFC 7932).

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


def make_whole(
    aws: Aws,
    place: Place,
    release: Release,
    contents: Mapping[str, bytes],
    kept: Collection[str] = (),
    on_file: Callable[[str], None] | None = None,
) -> Written:
    """Make every asset of `release` be in the bucket, with the right content and safe from a prune; return what was written.

    `contents` has those that can be written (a build's); of others an earlier version is looked for. `kept` are the paths
    that no prune takes: what the live release needs. `on_file` is told each path that is written. CONNECTIONS at once; the
    first failure stops the rest and is raised. Raises Lost, which names what cannot be had.
    """
    stored = stored_assets(aws, place)

    def settle(path: str) -> tuple[str, str]:
        there = path in stored.written
        young = there and (path in kept or stored.now - stored.written[path] < FRESH)
        content = contents.get(path)
        wrong = ""
        if content is None:
            try:
                answer, content, wrong = read_intact(
                    aws, place, SITE + path, lambda content: _check_hash(content, release.files[path])
                )
                wrong = wrong or _wrong_headers(path, answer)
            except Lost:
                return "lost", path
        else:
            _check_build(path, content, release.files[path])
            wrong = _wrong_with(aws, place, path, release.files[path]) if young else ""
        if young and not wrong:
            return "there", path
        aws.call("s3", "put_object", Bucket=place.bucket, Key=SITE + path, **stored_form(path, content))
        if on_file:
            on_file(path)
        return ("replaced" if wrong else "refreshed") if there else "added", path

    done: dict[str, list[str]] = {}
    for kind, path in _at_once(settle, sorted(release.assets)):
        done.setdefault(kind, []).append(path)
    if lost := done.get("lost"):
        raise Lost(
            f"release {release.id}",
            f"{len(lost)} of its files are gone or damaged ({lost[0]}{', ...' if len(lost) > 1 else ''})",
            f"release that commit again: git checkout {release.commit or 'COMMIT'}",
        )
    return Written(*(tuple(done.get(kind, ())) for kind in ("added", "refreshed", "replaced")))


def look_over(aws: Aws, place: Place, release: Release) -> tuple[list[str], list[str]]:
    """Return the paths of a release's assets that are missing, and of those that have other content than they should."""
    stored = stored_assets(aws, place).written
    missing = sorted(release.assets - stored.keys())
    there = sorted(release.assets & stored.keys())
    wrong = _at_once(lambda path: _wrong_with(aws, place, path, release.files[path]), there)
    return missing, [path for path, problem in zip(there, wrong, strict=True) if problem]


def _check_hash(content: bytes, sha256_hex: str) -> None:
    if digest(content) != sha256_hex:
        raise Damaged("it has other content than the release")


def _check_build(path: str, content: bytes, sha256_hex: str) -> None:
    if digest(content) != sha256_hex:
        raise UserError(path, "it is not the file that the release's manifest names", "build again")


def _wrong_with(aws: Aws, place: Place, path: str, sha256_hex: str) -> str:
    """Return what is wrong with a stored asset; "" for nothing."""
    try:
        answer, body = aws.read("s3", "get_object", Bucket=place.bucket, Key=SITE + path)
        _check_hash(decoded(answer, body), sha256_hex)
        return _wrong_headers(path, answer)
    except Damaged as damage:
        return str(damage)
    except AwsError as error:
        if error.code not in ABSENT:
            raise
        return "it is not there"  # any more: it was listed


def _wrong_headers(path: str, answer: dict[str, Any]) -> str:
    """Return which header of a stored asset is not as a release writes it; "" for none. CloudFront passes them on."""
    for name, wanted in (("ContentType", media_type(path)), ("CacheControl", IMMUTABLE)):
        if answer.get(name) != wanted:
            return f"its {name} is {answer.get(name)!r}"
    return ""


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _at_once(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return the function's result for each item, CONNECTIONS at once. The first failure stops the rest and is raised."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        waiting = [pool.submit(function, item) for item in items]
        done, rest = wait(waiting, return_when=FIRST_EXCEPTION)
        for future in rest:
            future.cancel()
    for future in done:
        future.result()
    return [future.result() for future in waiting]


def upload(
    aws: Aws,
    place: Place,
    release: Release,
    site: Site,
    kept: Collection[str] = (),
    on_file: Callable[[str], None] | None = None,
) -> Written:
    """Make everything of a release be there but the switch, and return what was written.

    `kept` are the assets of the live release: they are looked at but not written again, however old they are.
    """
    written = make_whole(aws, place, release, site.contents, kept, on_file)
    write_manifest(aws, place, release)
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
        except AwsError as error:
            now = read_live(aws, place)
            if now.token == token:
                return now
            if now.etag != live.etag:
                raise Overtaken(release.id, now.release) from error
            if error.code not in ("ConditionalRequestConflict", "409", "OperationAborted") or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _tag_value(text: str) -> str:
    """Return what S3 allows in a tag, URL-encoded where the header needs it."""
    allowed = re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", text)[:256]
    return allowed.replace("%", "%25").replace("+", "%2B").replace("=", "%3D").replace(" ", "%20")


def settle_lambda(aws: Aws, place: Place, on_note: Callable[[str], None] | None = None) -> bool:
    """Point the Lambda's alias at the version that the live release names; return whether it had to be moved.

    The page is read after the alias and the alias is written under its revision, so that with several releases at once
    the alias ends at the one that is live. Writes the live manifest back where that had to be recovered, and tells
    `on_note` so.
    """
    if not place.function:
        return False
    for _ in range(_TRIES):
        alias = aws.call("lambda", "get_alias", FunctionName=place.function, Name=ALIAS)
        live = read_live(aws, place)
        if not live.release:
            return False
        manifest = read_manifest(aws, place, live.release, live)
        keep_manifest(aws, place, manifest)
        if on_note and manifest.recovered:
            on_note(manifest.recovered)
        version = manifest.release.lambda_version
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
        except AwsError as error:
            if error.code not in ("PreconditionFailedException", "ResourceConflictException"):
                raise
    raise UserError("the Lambda's alias", "it was moved by somebody else again and again", "run the command again")


def invalidate(aws: Aws, place: Place, changed: Iterable[str] = ()) -> None:
    """Have CloudFront fetch the page anew, and the assets `changed`, which it may have as they were when damaged.

    One invalidation, its reference never used before. Nothing waits for it.
    """
    if place.distribution:
        paths = ["/", f"/{PAGE}", *(f"/{path}" for path in changed)]
        aws.call(
            "cloudfront",
            "create_invalidation",
            DistributionId=place.distribution,
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": paths},
                "CallerReference": uuid.uuid4().hex,
            },
        )


def make_live(aws: Aws, place: Place, release: Release, live: Live, by: str = "", changed: Iterable[str] = ()) -> Live:
    """Switch to a complete release, let the Lambda follow, invalidate. `changed` is for `invalidate`."""
    now = switch(aws, place, release, live, by)
    try:
        settle_lambda(aws, place)
        invalidate(aws, place, changed)
    except UserError as error:
        raise UserError(
            f"release {release.id}",
            f"its page is live, but {error.subject} failed: {error.reason}",
            f"`deploy.py rollback {release.id}` finishes it",
        ) from error
    return now


# -- going back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback would do: make `then` live instead of `live`, whose manifest is `now` (None where that is lost).

    `notes` says what was found lost on the way, a sentence each.
    """

    live: Live
    now: Manifest | None
    then: Manifest
    notes: tuple[str, ...] = ()

    @property
    def finishes(self) -> bool:
        """Whether it only finishes the switch to the release that is live."""
        return self.live.release == self.then.release.id


def plan_rollback(aws: Aws, place: Place, identity: str = "") -> RollbackPlan:
    """Return what a rollback would do: to the release before, or to the one named. Changes nothing.

    Without a name: where the page is gone or was overwritten by hand, to the release that was live last; where the Lambda
    does not belong to the live page, the last switch was not finished, so to that. Raises UserError where there is nothing to
    go back to.
    """
    live = read_live(aws, place)
    notes = []
    now = None
    if live.release:
        try:
            now = read_manifest(aws, place, live.release, live)
            notes.append(now.recovered)
        except Lost as lost:
            notes.append(f"{lost.subject}: {lost.reason}")
    elif live.etag:
        notes.append("the page was overwritten by hand: it is no release's")
    target = identity or _before(aws, place, live, now)
    then = now if now and target == live.release else read_manifest(aws, place, target, live)
    if then is not now:
        notes.append(then.recovered)
    return RollbackPlan(live, now, then, tuple(note for note in notes if note))


def _before(aws: Aws, place: Place, live: Live, now: Manifest | None) -> str:
    """Return the id of the release that a rollback without a name goes to."""
    if now and _is_unsettled(aws, place, now.release):
        return live.release
    if now and now.release.previous:
        return now.release.previous
    if now and not now.recovered:
        raise UserError("rollback", f"{live.release} is the first release", "there is none before it")
    for identity in earlier_releases(aws, place):
        if identity != live.release:
            return identity
    raise UserError(
        "rollback",
        f"it is not known what was live before {live.release}" if live.release else "nothing is live",
        "name a release that `deploy.py releases` lists, or release",
    )


def _is_unsettled(aws: Aws, place: Place, release: Release) -> bool:
    """Return whether the Lambda that callers get is another than the live release's."""
    if not place.function or not release.lambda_version:
        return False
    alias = aws.call("lambda", "get_alias", FunctionName=place.function, Name=ALIAS)
    return bool(alias["FunctionVersion"] != release.lambda_version)


def rollback(aws: Aws, place: Place, plan: RollbackPlan, by: str = "") -> Live:
    """Make an older release live again, page and Lambda. One conditional write, one invalidation.

    Its files are read and checked first; what is gone or damaged is brought back from earlier versions. Raises Lost where
    that is not possible, Overtaken where another release was made live since the plan. Run again after it was
    interrupted, it goes on.
    """
    release = plan.then.release
    written = make_whole(aws, place, release, {}, _kept(aws, place, plan.now))
    for manifest in (plan.now, plan.then):
        if manifest:
            keep_manifest(aws, place, manifest)
    if plan.finishes and page_is(aws, place, plan.live, release.page):
        settle_lambda(aws, place)
        invalidate(aws, place, written.replaced)
        return plan.live
    return make_live(aws, place, release, plan.live, by, written.replaced)


def _kept(aws: Aws, place: Place, now: Manifest | None) -> set[str]:
    """Return the assets that no prune takes: those of the live release and of the one before it."""
    if now is None:
        return set()
    kept = set(now.release.assets)
    if now.release.previous:
        with contextlib.suppress(UserError):  # what is not known is not counted on
            kept |= read_manifest(aws, place, now.release.previous).release.assets
    return kept
