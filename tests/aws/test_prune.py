"""Prune against moto's S3: what goes, what never goes, and a release or a rollback at the same time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.cloud.prune import Pruned, prune
from ops.cloud.releases import make_live, new_release, read_live, rollback, upload
from tests.aws.world import World

LATER = datetime.now(UTC) + timedelta(days=100)
GRACE = timedelta(days=14)


def _prune(world: World, keep: int = 1, cap: int = 1000, now: datetime = LATER, dry_run: bool = False) -> Pruned:
    return prune(world.aws, world.place, keep=keep, grace=GRACE, cap=cap, now=now, dry_run=dry_run)


def _three(world: World) -> list[str]:
    """Make three releases; give what only the first has."""
    releases = [world.release(text) for text in ("one", "two", "three")]
    return sorted(releases[0].assets - releases[1].assets)


def test_old_files_go_and_kept_releases_stay_whole(world: World) -> None:
    old = _three(world)
    pruned = _prune(world)
    assert list(pruned.files) == old
    assert len(pruned.releases) == 1
    assert not {f"site/{path}" for path in old} & world.keys()
    assert world.whole()
    rollback(world.aws, world.place)
    assert world.whole(), "the release before the live one is kept too"


def test_nothing_young_goes(world: World) -> None:
    _three(world)
    assert _prune(world, now=datetime.now(UTC) + timedelta(days=13)) == Pruned((), ())


def test_live_release_stays_however_old(world: World) -> None:
    first = world.release("one")
    for text in ("two", "three", "four"):
        world.release(text)
    rollback(world.aws, world.place, first.id)
    _prune(world)
    assert world.whole() == first.id


def test_cap_holds_and_says_what_is_left(world: World) -> None:
    world.release("one", {f"many/{number}.txt": b"x" for number in range(5)})
    world.release("two")
    world.release("three")
    pruned = _prune(world, cap=2)
    assert len(pruned.files) == 2
    assert pruned.left == 4
    assert len(_prune(world).files) == 4


def test_dry_run_says_the_same_and_deletes_nothing(world: World) -> None:
    _three(world)
    before = world.keys()
    told = _prune(world, dry_run=True)
    assert told.files
    assert world.keys() == before
    assert _prune(world).files == told.files


def _release_one_again(world: World) -> Callable[[], str]:
    """A release that found old files there, and switches after they were deleted."""
    built = world.build("one")
    live = read_live(world.raw, world.place)
    release = new_release(built, live, lambda_version="1", now=datetime.now(UTC) + timedelta(seconds=90))
    upload(world.raw, world.place, release, built)
    return lambda: make_live(world.raw, world.place, release, live).release


@pytest.mark.parametrize("moment", ["before", "after"])
def test_release_that_uses_old_files_at_the_same_time_stays_whole(world: World, moment: str) -> None:
    _three(world)

    def other_releases(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "delete_objects":
            setattr(world.aws, moment, None)
            world.target = _release_one_again(world)()

    setattr(world.aws, moment, other_releases)
    _prune(world)
    assert world.whole() == world.target


def test_rollback_to_a_release_that_is_being_pruned_stays_whole(world: World) -> None:
    first = world.release("one")
    for text in ("two", "three"):
        world.release(text)

    def other_rolls_back(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "delete_objects":
            world.aws.before = None
            rollback(world.raw, world.place, first.id)

    world.aws.before = other_rolls_back
    pruned = _prune(world)
    assert pruned.brought_back
    assert world.whole() == first.id
