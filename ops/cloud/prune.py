"""Delete old files of the site, and the functions' old versions and zips: none that a kept release needs, none that is young.

    pruned = prune(aws, place, keep=10, grace=timedelta(days=14), cap=1000, stack=stack)
    pruned.files, pruned.releases, pruned.left        # what was deleted; how many files the cap left
    pruned.versions, pruned.zips                      # of the functions (ops/cloud/old_code.py)

An iframe that was opened before a release still loads that release's files for as long as its contact lasts, so a file
is deleted only when it is older than the grace period and no release that is live, kept or young names it. Age is measured
by S3's times and clock: those of the machines that release or prune may be wrong.

A release or a rollback at the same time is safe, and so is one after a prune that was killed half way: of a file only
the versions are deleted that were seen to be old and not needed. Before a release goes live that needs such a file, the
file is written again (ops/cloud/assets.py), and that version stays. So files that were pruned
are gone for good, where what was deleted by hand can be brought back for 30 days. Manifests get a delete marker only.

A version of a function cannot be written again, so of a release the manifest goes first: whatever is killed behind that, the
releases that are listed are whole, and a rollback to another looks first whether its versions are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.cloud.aws import Aws
from ops.cloud.bucket import ASSETS, SITE, Live, Place, delete_objects, read_live, server_time
from ops.cloud.manifests import History, keep_manifest, manifest_key, read_history
from ops.cloud.old_code import Version, delete_versions, old_versions, read_code, read_old_zips
from ops.cloud.releases import versions_of
from ops.cloud.stack import Stack, account_of
from ops.errors import WRONG_SETTINGS, UserError

LEAST_GRACE = timedelta(days=1)  # what ops/cloud/assets.py relies on (FRESH)


@dataclass(frozen=True)
class Pruned:
    """What was (or would be) deleted: paths, release ids; `left`: how many more files there are than the cap allows.

    `versions`: of the functions, as FUNCTION:NUMBER. `zips`: the keys of the functions' zips.
    `brought_back`: ids of releases that were made live while their manifest was deleted, and whose manifest is restored. `notes`:
    what was found that is no release's or cannot be read; it is left alone.
    """

    files: tuple[str, ...]
    releases: tuple[str, ...]
    left: int = 0
    brought_back: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    zips: tuple[str, ...] = ()


def prune(
    aws: Aws,
    place: Place,
    *,
    keep: int,
    grace: timedelta,
    cap: int,
    pilot: Place | None = None,
    stack: Stack | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Pruned:
    """Delete what is no longer needed; `keep` counts releases, the newest first. With `dry_run`, only return it.

    `pilot` is the pilot's place, where there is one: what it has stays as what is live does. `stack` is the one whose zips are
    looked at, None for none (tests of the site's bucket alone).
    `now` is S3's own time by default. Raises UserError where it is not known what the live page needs.
    """
    if grace < LEAST_GRACE:
        raise UserError(
            "the grace period", f"{grace} is less than a day", "use at least one day", exit_code=WRONG_SETTINGS
        )
    live = read_live(aws, place)
    piloted = (pilot, read_live(aws, pilot)) if pilot else None
    history = read_history(aws, place, live, *([piloted] if piloted else []))
    _check_live(live, history)
    if piloted and (piloted[1].etag or piloted[1].release):
        _check_live(piloted[1], history, " --pilot")
    stored = _old_versions(aws, place)
    oldest = (now or stored.now) - grace
    kept = kept_releases(history, live.release, keep, oldest)
    if piloted:
        kept |= {piloted[1].release, *_before(history, *piloted)} & {each.release.id for each in history.manifests}
    dropped = [manifest.release.id for manifest in history.manifests if manifest.release.id not in kept]
    needed = _needed(history, kept)
    old = sorted(path for path, written in stored.written.items() if path not in needed and written < oldest)
    code = read_code(aws, (place.function, place.api))
    versions = old_versions(code, _needed_versions(history, kept, place), oldest)
    zips = read_old_zips(aws, stack, code.without(versions), oldest) if stack else []
    result = Pruned(
        tuple(old[:cap]),
        tuple(dropped),
        len(old[cap:]),
        notes=tuple(history.notes),
        versions=tuple(map(str, versions)),
        zips=tuple(zips),
    )
    if dry_run or not (result.files or dropped or versions or zips):
        return result
    for manifest in history.manifests:
        if manifest.release.id in kept:
            keep_manifest(aws, place, manifest)
    brought_back = _drop_manifests(aws, dropped, place, *([pilot] if pilot else []))
    if brought_back:
        needed |= _needed(history, set(brought_back))
        versions = old_versions(code, _needed_versions(history, {*kept, *brought_back}, place), oldest)
    deleted = delete_versions(aws, versions)
    files = [path for path in result.files if path not in needed]
    objects = [{"Key": SITE + path, "VersionId": version} for path in files for version in stored.versions[path]]
    delete_objects(aws, place.bucket, objects)
    zips = _delete_zips(aws, stack, code.without(deleted), oldest) if stack else []
    return Pruned(
        tuple(files),
        tuple(identity for identity in dropped if identity not in brought_back),
        result.left,
        tuple(brought_back),
        result.notes,
        tuple(map(str, deleted)),
        tuple(zips),
    )


def _before(history: History, place: Place, live: Live) -> list[str]:
    """Return the id of the release that was there before the one that is, in a list; none where there is none."""
    return [each.release.before(place) for each in history.manifests if each.release.id == live.release]


def _check_live(live: Live, history: History, option: str = "") -> None:
    """Raise UserError where it is not known which files the live page needs."""
    if live.release in history.lost:
        raise UserError(
            f"release {live.release}",
            f"it is live, and which files it needs is not known ({history.lost[live.release]}); nothing was deleted",
            f"release again, or `deploy.py rollback RELEASE{option}`; then prune",
        )
    if not live.release and (live.etag or history.manifests):
        raise UserError(
            "the page",
            f"it {'was overwritten' if live.etag else 'is gone'}, so which files are needed is not known; "
            "nothing was deleted",
            f"`deploy.py rollback{option}` brings back what was live; then prune",
        )


def kept_releases(history: History, live: str, keep: int, oldest: datetime) -> set[str]:
    """Return the ids of the releases that stay: the live one, the one before it, the newest `keep`, the young."""
    by_id = {manifest.release.id: manifest for manifest in history.manifests}
    kept = {manifest.release.id for manifest in history.manifests[:keep]} | {live}
    kept |= {identity for identity, manifest in by_id.items() if manifest.written >= oldest}
    if live in by_id:
        kept.add(by_id[live].release.previous)
    return kept & by_id.keys()


def _needed(history: History, kept: set[str]) -> set[str]:
    return {path for manifest in history.manifests if manifest.release.id in kept for path in manifest.release.assets}


def _needed_versions(history: History, kept: set[str], place: Place) -> set[str]:
    """Return the versions of functions that the kept releases name, as FUNCTION:NUMBER."""
    releases = [manifest.release for manifest in history.manifests if manifest.release.id in kept]
    return {f"{function}:{version}" for release in releases for function, version in versions_of(release, place)}


def _delete_zips(aws: Aws, stack: Stack, staying: Sequence[Version], oldest: datetime) -> list[str]:
    """Delete the functions' zips that can go, as they are found now, and return their keys."""
    zips = read_old_zips(aws, stack, staying, oldest)
    bucket, account = stack.parameters["ArtifactsBucket"], account_of(aws, stack)
    delete_objects(aws, bucket, [{"Key": key} for key in zips], account)
    return zips


@dataclass(frozen=True)
class _Versions:
    """The assets in the bucket: path -> when its newest version was written, and the ids of all its versions."""

    written: dict[str, datetime]
    versions: dict[str, list[str]]
    now: datetime


def _old_versions(aws: Aws, place: Place) -> _Versions:
    written: dict[str, datetime] = {}
    versions: dict[str, list[str]] = {}
    now = None
    for answer in aws.pages("s3", "list_object_versions", Bucket=place.bucket, Prefix=SITE + ASSETS):
        now = now or server_time(answer)
        for item in answer.get("Versions", []):
            path = item["Key"].removeprefix(SITE)
            versions.setdefault(path, []).append(item["VersionId"])
            if item["IsLatest"]:  # of what was deleted already a delete marker is the latest
                written[path] = item["LastModified"]
    assert now is not None  # a listing has a page
    return _Versions(written, versions, now)


def _drop_manifests(aws: Aws, dropped: list[str], place: Place, *others: Place) -> list[str]:
    """Delete manifests, restore that of a release that was made live meanwhile, and return the ids of those restored.

    If this is killed in between, the live release's manifest is found in its earlier version (ops/cloud/manifests.py).
    """
    manifests = [{"Key": manifest_key(identity)} for identity in dropped]
    deleted = delete_objects(aws, place.bucket, manifests)
    markers = {item["Key"]: item.get("DeleteMarkerVersionId", "") for item in deleted}
    brought_back = []
    for live in {read_live(aws, each).release for each in (place, *others)}:
        key = manifest_key(live)
        if live in dropped and markers.get(key):
            delete_objects(aws, place.bucket, [{"Key": key, "VersionId": markers[key]}])
            brought_back.append(live)
    return brought_back
