"""Going back to an earlier release.

plan = plan_rollback(aws, place)               # to the release before, or to the one that is named
rollback(aws, place, plan)                     # one conditional write, as for a release
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ops.cloud.assets import upload_assets
from ops.cloud.aws import Aws
from ops.cloud.bucket import Live, Lost, Place, earlier_releases, page_is, read_live
from ops.cloud.manifests import Manifest, Release, alias_version, keep_manifest, read_manifest
from ops.cloud.releases import check_versions, invalidate, make_live, sync_aliases, versions_of
from ops.errors import UserError


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback would do: make `then` live instead of `live`, whose manifest is `now` (None where that is lost).

    `notes` says what was found lost or damaged, a sentence each.
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
    if now and _is_unfinished(aws, place, now.release):
        return live.release
    if now and now.release.before(place):
        return now.release.before(place)
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


def _is_unfinished(aws: Aws, place: Place, release: Release) -> bool:
    """Return whether a function's alias points at another version than the live release's."""
    return any(
        alias_version(aws, function, place.alias) != version for function, version in versions_of(release, place)
    )


def rollback(aws: Aws, place: Place, plan: RollbackPlan, by: str = "") -> Live:
    """Make an older release live again, page and Lambda. One conditional write, one invalidation.

    Its files are read and checked first; what is gone or damaged is brought back from earlier versions. Raises Lost where
    that is not possible, VersionGone where a function's version was pruned, ReleaseConflict where another release was made
    live since the plan. After an interruption, another run continues.
    """
    release = plan.then.release
    check_versions(aws, place, release)
    written = upload_assets(aws, place, release, {}, _kept(aws, place, plan.now))
    for manifest in (plan.now, plan.then):
        if manifest:
            keep_manifest(aws, place, manifest)
    if plan.finishes and page_is(aws, place, plan.live, release.page):
        sync_aliases(aws, place)
        invalidate(aws, place, written.replaced)
        return plan.live
    return make_live(aws, place, release, plan.live, by, written.replaced)


def _kept(aws: Aws, place: Place, now: Manifest | None) -> set[str]:
    """Return the assets that are never pruned: those of the live release and of the one before it."""
    if now is None:
        return set()
    kept = set(now.release.assets)
    if before := now.release.before(place):
        with contextlib.suppress(UserError):  # what is not known is not counted on
            kept |= read_manifest(aws, place, before).release.assets
    return kept
