"""Promotion: what the pilot has becomes live for everybody, the very files, without a build.

planned = plan_promotion(aws, live_place, pilot_place)     # a rollback's plan, to the release that the pilot has
promote(aws, live_place, planned)                          # one conditional write, as for a release
"""

from __future__ import annotations

from dataclasses import replace

from ops.cloud.aws import Aws
from ops.cloud.bucket import Place, read_live
from ops.cloud.manifests import Release, read_manifest, write_manifest
from ops.cloud.rollback import RollbackPlan, plan_rollback, rollback
from ops.errors import UserError


def plan_promotion(aws: Aws, place: Place, pilot: Place) -> RollbackPlan:
    """Return what a promotion would do: make the release that the pilot has live at `place`. Changes nothing.

    Raises UserError where the pilot has no release.
    """
    live = read_live(aws, pilot)
    if not live.release:
        raise UserError(
            "promote",
            "the pilot's page was overwritten by hand: it is no release's" if live.etag else "the pilot has no release",
            "`deploy.py release --pilot`, or `deploy.py rollback --pilot RELEASE`; then promote",
        )
    read_manifest(aws, pilot, live.release, live)  # one that is lost can be recovered from the pilot's page alone
    return plan_rollback(aws, place, live.release)


def promote(aws: Aws, place: Place, plan: RollbackPlan, by: str = "") -> Release:
    """Make the planned release live, page and functions, and return it; from now on what was live is the one before it.

    The manifest says so before the switch: a promotion that is ended in between has changed nothing that is live. Raises
    ReleaseConflict where another release was made live since the plan; after an interruption, another run continues.
    """
    release = plan.then.release
    if not plan.finishes:
        release = replace(release, previous=plan.live.release or release.previous)
        write_manifest(aws, place, release)
    rollback(aws, place, replace(plan, then=replace(plan.then, release=release)), by)
    return release
