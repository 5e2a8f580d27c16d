"""Old files of the site go: never what a kept release needs, never what is young, never more than a cap at once.

    pruned = prune(aws, place, keep=10, grace=timedelta(days=14), cap=1000)
    pruned.files, pruned.releases, pruned.left        # what went; how many files the cap left for the next time

An iframe that was opened before a release still loads that release's files for as long as its contact lasts, so a file
goes only when it is older than the grace period and no release that is live, kept or young names it. A release or a
rollback at the same time is safe: after deleting, the manifests and the live page are read again and what they need is
brought back (the bucket is versioned: a delete is a marker, and markers can be removed).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.cloud.aws import Aws
from ops.cloud.releases import MANIFESTS, SITE, Place, Release, read_history, read_live, stored_assets
from ops.cloud.stack import delete_objects

_AT_ONCE = 1000  # keys that DeleteObjects takes


@dataclass(frozen=True)
class Pruned:
    """What went (or would go): paths, release ids; `left`: how many more there are than the cap allows."""

    files: tuple[str, ...]
    releases: tuple[str, ...]
    left: int = 0
    brought_back: tuple[str, ...] = ()


def prune(
    aws: Aws,
    place: Place,
    *,
    keep: int,
    grace: timedelta,
    cap: int,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Pruned:
    """Delete what nobody needs any more; `keep` counts releases, the newest first. `dry_run` only says what."""
    oldest = (now or datetime.now(UTC)) - grace
    history = read_history(aws, place)
    live = read_live(aws, place).release
    kept = kept_releases(history, live, keep, oldest)
    dropped = [release.id for release in history if release.id not in kept]
    needed = {path for release in history if release.id in kept for path in release.assets}
    stored = stored_assets(aws, place)
    old = sorted(path for path, written in stored.items() if path not in needed and written < oldest)
    files = old[:cap]
    result = Pruned(tuple(files), tuple(dropped), len(old) - len(files))
    if dry_run or not (files or dropped):
        return result
    keys = [f"{MANIFESTS}{identity}.json" for identity in dropped] + [SITE + path for path in files]
    markers: dict[str, str] = {}
    for start in range(0, len(keys), _AT_ONCE):
        for item in delete_objects(aws, place.bucket, [{"Key": key} for key in keys[start : start + _AT_ONCE]]):
            markers[item["Key"]] = item.get("DeleteMarkerVersionId", "")
    back = _bring_back(aws, place, {release.id: release for release in history}, markers)
    return Pruned(result.files, result.releases, result.left, tuple(back))


def kept_releases(history: list[Release], live: str, keep: int, oldest: datetime) -> set[str]:
    """Give the ids of the releases that stay: the live one, the one before it, the newest `keep`, the young."""
    by_id = {release.id: release for release in history}
    kept = {release.id for release in history[:keep]} | {live}
    kept |= {release.id for release in history if datetime.fromisoformat(release.made_at) >= oldest}
    if live in by_id:
        kept.add(by_id[live].previous)
    return kept & by_id.keys()


def _bring_back(aws: Aws, place: Place, before: dict[str, Release], markers: dict[str, str]) -> list[str]:
    """Undo the deletion of what a release needs that was made, or made live, since `before` was read."""
    live = read_live(aws, place).release
    needing = [release for release in read_history(aws, place) if release.id not in before]
    wanted: set[str] = set()
    if f"{MANIFESTS}{live}.json" in markers:
        wanted.add(f"{MANIFESTS}{live}.json")
        needing.append(before[live])
    wanted |= {SITE + path for release in needing for path in release.assets}
    back = sorted(wanted & {key for key, marker in markers.items() if marker})
    if back:
        delete_objects(aws, place.bucket, [{"Key": key, "VersionId": markers[key]} for key in back])
    return back
