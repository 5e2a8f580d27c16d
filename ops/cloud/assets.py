"""A release's assets in the site's bucket: how each is stored, which are missing or damaged, and the writing of those.

    written = upload_assets(aws, place, release, site.contents, kept)     # what is missing, many at once
    missing, damaged = check_assets(aws, place, release)

Assets have their hash in their path and are never overwritten but by the same content. Every byte that goes up is checked
against the manifest, and what is in the bucket already is read and checked before a page that needs it goes live.

`deploy.py prune` at the same time is safe without a lock: it deletes only the exact versions of files that are older than
a day and that neither the live release nor the one before it names (ops/cloud/prune.py). So before a release goes live that
needs other old files, those are written again: the new versions are not among the ones that are deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import brotli

from ops.cloud.aws import Aws, AwsError, map_concurrently
from ops.cloud.bucket import ABSENT, SITE, Damaged, Lost, Place, decoded, digest, read_intact, stored_assets
from ops.cloud.manifests import Release
from ops.errors import UserError
from ops.site.headers import IMMUTABLE
from ops.site.media_types import media_type

# Files written less than this ago are never pruned: a day is the shortest grace period (ops/cloud/prune.py). The other
# half of the day is for a slow release.
FRESH = timedelta(hours=12)
_COMPRESSED_ALREADY = {".png", ".woff2"}
_WORTH_COMPRESSING = 1000  # bytes; CloudFront's own compression starts there too
_WORTH_TIME = 16_000  # bytes; from here on the best compression


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


def stored_form(path: str, content: bytes) -> dict[str, Any]:
    """Return PutObject's parameters for an asset: body, type, caching, and brotli where it is smaller (RFC 7932).

    CloudFront passes a stored Content-Encoding on as it is; every browser with WebAssembly reads brotli over https.
    """
    form: dict[str, Any] = {"Body": content, "ContentType": media_type(path), "CacheControl": IMMUTABLE}
    if len(content) >= _WORTH_COMPRESSING and PurePosixPath(path).suffix not in _COMPRESSED_ALREADY:
        # The best quality takes forty times as long: for a small file that is time for some hundred bytes.
        quality = {"quality": 9, "lgwin": 16} if len(content) < _WORTH_TIME else {"quality": 11}
        compressed = bytes(brotli.compress(content, **quality))
        if len(compressed) < len(content):
            form |= {"Body": compressed, "ContentEncoding": "br"}
    return form


def upload_assets(
    aws: Aws,
    place: Place,
    release: Release,
    contents: Mapping[str, bytes],
    kept: Collection[str] = (),
    on_file: Callable[[str], None] = lambda _: None,
) -> Written:
    """Put every asset of `release` into the bucket, with the right content and safe from a prune; return what was written.

    `contents` has those of a build; earlier versions of the others are looked for. `kept` are the paths that are never
    pruned: what the live release needs. `on_file` is called with each path that is written. The first failure stops the
    rest and is raised. Raises Lost, which names what cannot be had.
    """
    stored = stored_assets(aws, place)

    def settle(path: str) -> tuple[str, str]:
        exists = path in stored.written
        safe = exists and (path in kept or stored.now - stored.written[path] < FRESH)
        content = contents.get(path)
        problem = ""
        if content is None:
            try:
                answer, content, problem = read_intact(
                    aws, place, SITE + path, lambda content: _check_hash(content, release.files[path])
                )
                problem = problem or _header_problem(path, answer)
            except Lost:
                return "lost", path
        else:
            if digest(content) != release.files[path]:
                raise UserError(path, "it is not the file that the release's manifest names", "build again")
            problem = _problem(aws, place, path, release.files[path]) if safe else ""
        if safe and not problem:
            return "unchanged", path
        aws.call("s3", "put_object", Bucket=place.bucket, Key=SITE + path, **stored_form(path, content))
        on_file(path)
        return ("replaced" if problem else "refreshed") if exists else "added", path

    done: dict[str, list[str]] = {}
    for kind, path in map_concurrently(settle, sorted(release.assets)):
        done.setdefault(kind, []).append(path)
    if lost := done.get("lost"):
        raise Lost(
            f"release {release.id}",
            f"{len(lost)} of its files are gone or damaged ({lost[0]}{', ...' if len(lost) > 1 else ''})",
            f"release that commit again: git checkout {release.commit or 'COMMIT'}",
        )
    return Written(*(tuple(done.get(kind, ())) for kind in ("added", "refreshed", "replaced")))


def check_assets(aws: Aws, place: Place, release: Release) -> tuple[list[str], list[str]]:
    """Return the paths of a release's assets that are missing, and of those that are damaged."""
    stored = stored_assets(aws, place).written
    missing = sorted(release.assets - stored.keys())
    present = sorted(release.assets & stored.keys())
    problems = map_concurrently(lambda path: _problem(aws, place, path, release.files[path]), present)
    return missing, [path for path, problem in zip(present, problems, strict=True) if problem]


def _check_hash(content: bytes, sha256: str) -> None:
    if digest(content) != sha256:
        raise Damaged("it has other content than the release")


def _problem(aws: Aws, place: Place, path: str, sha256: str) -> str:
    """Return what is wrong with a stored asset; "" for nothing."""
    try:
        answer, body = aws.read("s3", "get_object", Bucket=place.bucket, Key=SITE + path)
        _check_hash(decoded(answer, body), sha256)
        return _header_problem(path, answer)
    except Damaged as damage:
        return str(damage)
    except AwsError as error:
        if error.code not in ABSENT:
            raise
        return "it is not there"  # any more: it was listed


def _header_problem(path: str, answer: dict[str, Any]) -> str:
    """Return which header of a stored asset is not as a release writes it; "" for none. CloudFront passes them on."""
    for name, expected in (("ContentType", media_type(path)), ("CacheControl", IMMUTABLE)):
        if answer.get(name) != expected:
            return f"its {name} is {answer.get(name)!r}"
    return ""
