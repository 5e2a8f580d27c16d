"""Make a build the live release: upload, switch, let the Lambda follow. Nothing here knows CloudFormation.

    place = Place(bucket="popdesk-prod-site-...", distribution="E123", function="popdesk-prod-lookup")
    now = read_live(aws, place)                                   # what is live, and its ETag (ops/cloud/bucket.py)
    release = new_release(site, now, lambda_version="7", ...)
    written = upload(aws, place, release, site)                   # the assets that are missing, then the manifest
    make_live(aws, place, release, now)                           # ONE conditional write: the release is live, or nothing

Whatever fails before the switch, the live release is untouched; the switch is a PutObject with If-Match
(docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), so of two releases one wins.

Each function has one alias, `live`, which flows and the API call (and the API one more, `pilot`); it follows the page:
`sync_aliases` points it at the version
that the live release names, after the switch. Either page works with either look-up (the answer has every key, always).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlencode

from ops.cloud.assets import Written, upload_assets
from ops.cloud.aws import Aws, AwsError
from ops.cloud.bucket import ASSETS, PAGE, SITE, Live, Place, digest, marked_page, read_live
from ops.cloud.manifests import Release, keep_manifest, read_manifest, write_manifest
from ops.errors import CONFLICT, UserError
from ops.site.contents import Site
from ops.site.headers import NO_CACHE
from ops.site.media_types import media_type

_ATTEMPTS = 5  # of a write that AWS says to try again


class ReleaseConflict(UserError):
    """Another release was made live between planning and the switch."""

    def __init__(self, release: str, other: str) -> None:
        super().__init__(
            f"release {release}",
            f"{other or 'another page'} was made live meanwhile; nothing that is live was changed",
            "look at `deploy.py status`, then run the command again if yours should follow",
            CONFLICT,
        )


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
    api_version: str = "",
    infrastructure: str = "",
    made_by: str = "",
    commit: str = "",
    previous: str = "",
    pilot: bool = False,
    now: datetime | None = None,
) -> Release:
    """Return the manifest of a build to be released after `live`; `previous` is the release before it where `live` has none.

    `pilot`: `live` is the pilot's.

    The release's id is written at the end of its page, so that no two releases' pages have the same ETag, and that it
    can be seen which one a browser got.
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
        previous="" if pilot else live.release or previous,
        previous_pilot=live.release or previous if pilot else "",
        lambda_version=lambda_version,
        api_version=api_version,
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


def upload(
    aws: Aws,
    place: Place,
    release: Release,
    site: Site,
    kept: Collection[str] = (),
    on_file: Callable[[str], None] = lambda _: None,
) -> Written:
    """Do everything of a release but the switch, and return which assets were written.

    `kept` are the assets of the live release: they are checked but not written again, however old they are.
    """
    written = upload_assets(aws, place, release, site.contents, kept, on_file)
    write_manifest(aws, place, release)
    return written


def switch(aws: Aws, place: Place, release: Release, live: Live, by: str = "") -> Live:
    """Make `release` live, if `live` still is: one conditional write. Return what is live then.

    Raises ReleaseConflict where another release came first. A failure that leaves open whether the write arrived (a lost
    answer, a retry of it) is settled by reading: the token in the page's metadata says whose write it was. Who did it is
    a tag, not metadata: metadata goes out as response headers.
    """
    token = uuid.uuid4().hex
    condition = {"IfMatch": live.etag} if live.etag else {"IfNoneMatch": "*"}
    # S3 allows these characters in a tag's value (docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
    tag = {"by": re.sub(r"[^A-Za-z0-9 +\-=._:/@]", "_", by)[:256]}
    tagging = {"Tagging": urlencode(tag, quote_via=quote)} if by else {}
    for attempt in range(_ATTEMPTS):
        try:
            aws.call(
                "s3",
                "put_object",
                Bucket=place.bucket,
                Key=SITE + place.page,
                Body=release.page.encode(),
                ContentType=media_type(PAGE),
                CacheControl=NO_CACHE,
                Metadata={"release": release.id, "token": token},
                **condition,
                **tagging,
            )
            return read_live(aws, place)
        except AwsError as error:
            now = read_live(aws, place)
            if now.token == token:
                return now
            if now.etag != live.etag:
                raise ReleaseConflict(release.id, now.release) from error
            if error.code not in ("ConditionalRequestConflict", "409", "OperationAborted") or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def versions_of(release: Release, place: Place) -> list[tuple[str, str]]:
    """Return [(function's name, its version in this release)], for the functions that both have."""
    versions = [(place.function, release.lambda_version), (place.api, release.api_version)]
    return [(function, version) for function, version in versions if function and version]


class VersionGone(UserError):
    """A version of a function that a release needs is not there any more."""

    def __init__(self, release: str, function: str, version: str, otherwise: str) -> None:
        super().__init__(
            f"release {release}",
            f"version {version} of {function} is gone: it was pruned, or deleted by hand; {otherwise}",
            "`deploy.py rollback RELEASE` to another that `deploy.py releases` lists; or check this one's commit out and release",
        )


def check_versions(aws: Aws, place: Place, release: Release) -> None:
    """Raise VersionGone if a version of a function that the release needs is not there: a switch to it would be half one."""
    for function, version in versions_of(release, place):
        try:
            aws.call("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                raise VersionGone(release.id, function, version, "nothing was changed") from error
            raise


def sync_aliases(aws: Aws, place: Place, on_note: Callable[[str], None] = lambda _: None) -> bool:
    """Point the functions' aliases at the versions that the live release names; return whether one had to be moved.

    The API comes first: a page's own API is there before the look-up that signs what it asks for.
    Writes the live manifest back where that had to be recovered, and calls `on_note` with what was recovered.
    """
    moved = [_sync_alias(aws, place, function, on_note) for function in (place.api, place.function) if function]
    return any(moved)


def _sync_alias(aws: Aws, place: Place, function: str, on_note: Callable[[str], None]) -> bool:
    """Point one function's alias at its version; return whether it had to be moved.

    The page is read after the alias and the alias is written under its revision, so that with several releases at once
    the alias ends at the one that is live.
    """
    for _ in range(_ATTEMPTS):
        alias = aws.call("lambda", "get_alias", FunctionName=function, Name=place.alias)
        live = read_live(aws, place)
        if not live.release:
            return False
        manifest = read_manifest(aws, place, live.release, live)
        keep_manifest(aws, place, manifest)
        if manifest.recovered:
            on_note(manifest.recovered)
        version = dict(versions_of(manifest.release, place)).get(function, "")
        if not version or alias["FunctionVersion"] == version:
            return False
        try:
            aws.call(
                "lambda",
                "update_alias",
                FunctionName=function,
                Name=place.alias,
                FunctionVersion=version,
                RevisionId=alias["RevisionId"],
            )
            return True
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                raise VersionGone(live.release, function, version, "its page is live all the same") from error
            if error.code not in ("PreconditionFailedException", "ResourceConflictException"):
                raise
    raise UserError(f"function {function}'s alias", "somebody else keeps changing it", "run the command again")


def invalidate(aws: Aws, place: Place, changed: Iterable[str] = ()) -> None:
    """Have CloudFront fetch the page anew, and the assets `changed`, which it may have as they were when damaged.

    One invalidation, its reference never used before. Nothing waits for it.
    """
    if place.distribution:
        paths = ["/", f"/{place.page}", *(f"/{path}" for path in changed)]
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
        sync_aliases(aws, place)
        invalidate(aws, place, changed)
    except VersionGone:
        raise
    except UserError as error:
        raise UserError(
            f"release {release.id}",
            f"its page is live, but {error.subject} failed: {error.reason}",
            f"`deploy.py rollback {release.id}{' --pilot' if place.is_pilot else ''}` finishes it",
        ) from error
    return now
