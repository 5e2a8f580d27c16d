"""A pilot beside the live page: each is released and rolled back on its own; promotion makes the pilot's very files live."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.cloud.bucket import PILOT_ALIAS, PILOT_PAGE, Place, marked_page, read_live
from ops.cloud.manifests import Release, read_manifest
from ops.cloud.promote import plan_promotion, promote
from ops.cloud.prune import prune
from ops.cloud.releases import ReleaseConflict, make_live, new_release, upload
from ops.cloud.rollback import plan_rollback, rollback
from ops.errors import UserError
from tests.aws.moto_server import MotoServer
from tests.aws.world import FUNCTION, World, make_site


def _pilot(world: World) -> Place:
    return replace(world.place, function="", page=PILOT_PAGE, alias=PILOT_ALIAS)


def _release(world: World, text: str, lambda_version: str) -> Release:
    """Release a build to the pilot alone."""
    place, site = _pilot(world), make_site(text)
    live = read_live(world.aws, place)
    release = new_release(site, live, lambda_sha256=text, lambda_version=lambda_version, pilot=True)
    upload(world.aws, place, release, site)
    make_live(world.aws, place, release, live)
    return release


def _page(world: World, key: str) -> bytes:
    return world.raw.read("s3", "get_object", Bucket=world.place.bucket, Key=key)[1]


def test_a_pilot_release_leaves_what_is_live(world: World) -> None:
    old = world.release("old")
    version = world.publish_lambda("new")
    new = _release(world, "new", version)
    assert world.whole() == old.id
    assert read_live(world.raw, _pilot(world)).release == new.id
    assert world.live_lambda() == "1"  # callers are looked up before it is known which agent gets them


def test_promotion_makes_the_very_files_live_and_each_goes_back_on_its_own(world: World) -> None:
    old = world.release("old")
    first = _release(world, "first", "1")
    version = world.publish_lambda("new")
    new = _release(world, "new", version)
    before = world.keys("site/assets/")
    promote(world.aws, world.place, plan_promotion(world.aws, world.place, _pilot(world)))
    assert world.whole() == new.id
    assert _page(world, "site/index.html") == _page(world, f"site/{PILOT_PAGE}")
    assert _page(world, "site/index.html") == marked_page(make_site("new").contents["index.html"], new.id).encode()
    assert world.keys("site/assets/") == before
    assert world.live_lambda() == version
    rollback(world.aws, world.place, plan_rollback(world.aws, world.place))
    assert world.whole() == old.id
    assert world.live_lambda() == "1"
    assert read_live(world.raw, _pilot(world)).release == new.id
    rollback(world.aws, _pilot(world), plan_rollback(world.aws, _pilot(world)))
    assert read_live(world.raw, _pilot(world)).release == first.id
    assert world.whole() == old.id


def test_a_promotion_after_somebody_elses_release_changes_nothing(world: World) -> None:
    world.release("old")
    _release(world, "new", "1")
    plan = plan_promotion(world.aws, world.place, _pilot(world))
    other = world.release("other")
    with pytest.raises(ReleaseConflict):
        promote(world.aws, world.place, plan)
    assert world.whole() == other.id


def test_there_is_something_to_promote_or_it_is_said(world: World) -> None:
    world.release("old")
    with pytest.raises(UserError, match="the pilot has no release"):
        plan_promotion(world.aws, world.place, _pilot(world))


def test_prune_keeps_what_either_has(world: World, moto_server: MotoServer) -> None:
    """The releases are an hour apart by S3's clock, and all of them are old."""
    moto_server.set_clock(-100)
    piloted = _release(world, "piloted", world.publish_lambda("piloted"))
    for hours, text in enumerate(("a", "b", "c"), start=1):
        moto_server.set_clock(-100 + hours / 24)
        last = world.release(text, lambda_version=world.publish_lambda(text))
    moto_server.set_clock(0)
    pruned = prune(world.aws, world.place, keep=1, grace=timedelta(days=14), cap=1000, pilot=_pilot(world))
    assert len(pruned.releases) == 1
    assert piloted.id not in pruned.releases
    assert pruned.versions == (f"{FUNCTION}:3",)  # that of "a": 2 is the pilot's
    release = read_manifest(world.raw, _pilot(world), piloted.id).release
    assert {f"site/{path}" for path in release.assets} <= world.keys("site/assets/")
    assert world.whole() == last.id
