"""Prune against moto's S3: what goes, what never goes, and a release or a rollback at the same time.

What is old is so by S3's clock, which the tests set: see MotoServer.set_clock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.cloud.artifacts import lambda_key
from ops.cloud.aws import Aws
from ops.cloud.bucket import Live, read_live
from ops.cloud.change_set import apply_plan, make_plan
from ops.cloud.events import Events
from ops.cloud.manifests import History, Manifest, Release, keep_manifest, read_manifest
from ops.cloud.prune import Pruned, prune
from ops.cloud.releases import make_live, new_release, upload
from ops.cloud.stack import read_stack
from ops.cloud.stack_template import StackDefinition
from ops.errors import UserError
from tests.aws.moto_server import MotoServer
from tests.aws.world import FUNCTION, World, lambda_zip, make_site, open_test_aws

GRACE = timedelta(days=14)
LONG_AGO = -100  # days: S3's clock when what is to be pruned was written


def _prune(world: World, keep: int = 1, cap: int = 1000, dry_run: bool = False, aws: Aws | None = None) -> Pruned:
    return prune(aws or world.aws, world.place, keep=keep, grace=GRACE, cap=cap, dry_run=dry_run)


def _release_long_ago(world: World, server: MotoServer, *texts: str, **more: Any) -> list[Release]:
    """Make releases a hundred days ago, an hour apart; `more` is for the first."""
    made = []
    for hours, text in enumerate(texts):
        server.set_clock(LONG_AGO + hours / 24)
        made.append(world.release(text, **({} if hours else more)))
    server.set_clock(0)
    return made


class Past:
    """Three releases of a hundred days ago; `first` is the one that nobody needs any more."""

    def __init__(self, world: World, server: MotoServer) -> None:
        releases = _release_long_ago(world, server, "one", "two", "three")
        self.first = releases[0]
        self.only_first = sorted(releases[0].assets - releases[1].assets)


@pytest.fixture
def past(world: World, moto_server: MotoServer) -> Past:
    return Past(world, moto_server)


def test_old_files_go_and_kept_releases_stay_whole(world: World, past: Past) -> None:
    pruned = _prune(world)
    assert list(pruned.files) == past.only_first
    assert pruned.releases == (past.first.id,)
    assert not {f"site/{path}" for path in past.only_first} & world.keys()
    assert world.whole()
    world.rollback()
    assert world.whole(), "the release before the live one is kept too"


def test_nothing_young_goes(world: World, past: Past, moto_server: MotoServer) -> None:
    moto_server.set_clock(LONG_AGO + 13)
    assert _prune(world) == Pruned((), ())
    assert past.first.id in {key[9:-5] for key in world.keys("releases/")}


def test_live_release_stays_however_old(world: World, moto_server: MotoServer) -> None:
    first = _release_long_ago(world, moto_server, "one", "two", "three", "four")[0]
    moto_server.set_clock(LONG_AGO)
    world.rollback(first.id)
    moto_server.set_clock(0)
    _prune(world)
    assert world.whole() == first.id


def test_cap_holds_and_says_what_is_left(world: World, moto_server: MotoServer) -> None:
    more = {f"many/{number}.txt": b"x" for number in range(5)}
    _release_long_ago(world, moto_server, "one", "two", "three", more=more)
    pruned = _prune(world, cap=2)
    assert len(pruned.files) == 2
    assert pruned.left == 4
    assert len(_prune(world).files) == 4


def test_dry_run_says_the_same_and_deletes_nothing(world: World, past: Past) -> None:
    before = world.keys()
    told = _prune(world, dry_run=True)
    assert list(told.files) == past.only_first
    assert world.keys() == before
    assert _prune(world).files == told.files


@pytest.mark.parametrize("days", [-30, 30])
def test_the_order_of_releases_is_by_s3s_times_not_by_the_releasers_clocks(
    world: World, moto_server: MotoServer, days: int
) -> None:
    """From a machine whose clock is wrong by 30 days: its release is minutes old, the others a hundred days."""
    _release_long_ago(world, moto_server, "one", "two")
    live = read_live(world.raw, world.place)
    site = make_site("from the slow machine")
    release = new_release(site, live, lambda_version="1", now=datetime.now(UTC) + timedelta(days=LONG_AGO + days))
    upload(world.raw, world.place, release, site)
    make_live(world.raw, world.place, release, live)
    world.release("after it")
    world.release("after that")
    _prune(world)
    assert world.rollback(release.id) == release.id == world.whole()


def test_a_pruning_machine_whose_clock_is_wrong_takes_nothing_young(world: World, monkeypatch: Any) -> None:
    """Its own clock is not asked at all."""
    for text in ("one", "two", "three"):
        world.release(text)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=365)

    for module in ("bucket", "manifests", "prune"):
        monkeypatch.setattr(f"ops.cloud.{module}.datetime", Wrong)
    assert _prune(world) == Pruned((), ())


def test_a_day_is_the_least_grace(world: World, past: Past) -> None:
    with pytest.raises(UserError, match="less than a day") as caught:
        prune(world.aws, world.place, keep=1, grace=timedelta(hours=1), cap=10)
    assert caught.value.exit_code == 2
    assert past.first.id


# -- at the same time --------------------------------------------------------------------------------------------------


def _release_one_again(world: World) -> Callable[[], str]:
    """A release that found old files there, and switches after they were deleted."""
    site = make_site("one")
    live = read_live(world.raw, world.place)
    release = new_release(site, live, lambda_version="1", now=datetime.now(UTC) + timedelta(seconds=90))
    upload(world.raw, world.place, release, site)
    return lambda: make_live(world.raw, world.place, release, live).release


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.usefixtures("past")
def test_release_that_uses_old_files_at_the_same_time_stays_whole(world: World, moment: str, number: int) -> None:
    seen = 0

    def other_releases(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        nonlocal seen
        if operation == "delete_objects":
            seen += 1
            if seen == number:
                setattr(world.aws, moment, None)
                world.target = _release_one_again(world)()

    setattr(world.aws, moment, other_releases)
    _prune(world)
    assert world.whole() == world.target


@pytest.mark.usefixtures("past")
def test_release_that_switches_only_after_the_prune_stays_whole(world: World) -> None:
    switch = _release_one_again(world)
    _prune(world)
    assert switch() == world.whole()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_rollback_to_a_release_that_is_being_pruned_stays_whole(
    world: World, past: Past, moment: str, number: int
) -> None:
    """Or it refuses: where the files are gone before it began."""
    seen = 0

    def other_rolls_back(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        nonlocal seen
        if operation == "delete_objects":
            seen += 1
            if seen == number:
                setattr(world.aws, moment, None)
                world.rollback(past.first.id, world.raw)

    before = world.whole()
    setattr(world.aws, moment, other_rolls_back)
    if (moment, number) == ("after", 2):
        with pytest.raises(UserError, match=r"gone or damaged|lost"):
            _prune(world)
        assert world.whole() == before
    else:
        _prune(world)
        assert world.whole() == past.first.id


class _Planned:
    """A rollback of which everything is done but the switch: its files are looked at, it hangs, it goes on."""

    def __init__(self, world: World, identity: str, while_it_hangs: Callable[[], None]) -> None:
        aws = open_test_aws(world.url)

        def hang(_: str, operation: str, parameters: dict[str, Any]) -> None:
            if operation == "put_object" and parameters["Key"] == "site/index.html":
                aws.before = None
                while_it_hangs()

        aws.before = hang
        self.live = world.rollback(identity, aws)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_prune_that_is_killed_leaves_what_is_made_live_meanwhile_whole(world: World, past: Past, number: int) -> None:
    """The prune is a real process that ends itself right after its deletion number `number`; nothing brings anything back."""

    def prune_and_die() -> None:
        child = os.fork()
        if child == 0:
            try:
                aws = open_test_aws(world.url)
                seen = 0

                def die(_: str, operation: str, _parameters: dict[str, Any]) -> None:
                    nonlocal seen
                    seen += operation == "delete_objects"
                    if seen == number:
                        os._exit(0)

                aws.after = die
                _prune(world, aws=aws)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    assert _Planned(world, past.first.id, prune_and_die).live == past.first.id
    status = read_manifest(world.raw, world.place, past.first.id)
    assert status.release == past.first
    keep_manifest(world.raw, world.place, status)
    assert world.whole() == past.first.id


# -- the functions' versions and zips --------------------------------------------------------------------------------------


class Published:
    """Three releases of a hundred days ago, each with a version of the look-up: 2, 3 and 4 (1 is the stack's own)."""

    def __init__(self, world: World, server: MotoServer) -> None:
        self.versions = {}
        for hours, text in enumerate(("one", "two", "three")):
            server.set_clock(LONG_AGO + hours / 24)
            version = world.publish_lambda(text)
            self.versions[world.release(text, lambda_version=version).id] = version
        server.set_clock(0)
        self.first = next(iter(self.versions))


@pytest.fixture
def published(world: World, moto_server: MotoServer) -> Published:
    return Published(world, moto_server)


def _numbers(world: World) -> list[str]:
    pages = world.raw.pages("lambda", "list_versions_by_function", FunctionName=FUNCTION)
    return [item["Version"] for page in pages for item in page["Versions"]]


def test_a_version_goes_with_its_release(world: World, published: Published) -> None:
    assert _prune(world, dry_run=True).versions == (f"{FUNCTION}:2",)
    assert _numbers(world) == ["$LATEST", "1", "2", "3", "4"]
    pruned = _prune(world)
    assert (pruned.releases, pruned.versions) == ((published.first,), (f"{FUNCTION}:2",))
    assert _numbers(world) == ["$LATEST", "1", "3", "4"]
    assert _prune(world) == Pruned((), ())
    world.rollback()
    assert world.live_lambda() == published.versions[world.whole()] == "3"


@pytest.mark.usefixtures("published")
def test_a_version_that_an_alias_gets_meanwhile_stays(world: World) -> None:
    def alias_it(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "delete_function":
            world.aws.before = None
            world.raw.client("lambda").create_alias(FunctionName=FUNCTION, Name="tried", FunctionVersion="2")

    world.aws.before = alias_it
    assert _prune(world).versions == ()
    assert _numbers(world) == ["$LATEST", "1", "2", "3", "4"]
    assert _prune(world) == Pruned((), ()), "it is seen to be in use the next time"


def test_two_prunes_at_once_are_as_one(world: World, published: Published) -> None:
    def other_prunes(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "delete_function":
            world.aws.before = None
            assert _prune(world, aws=open_test_aws(world.url)).versions == (f"{FUNCTION}:2",)

    world.aws.before = other_prunes
    assert _prune(world).versions == ()
    assert published.versions[world.whole()] == world.live_lambda()


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_killed_prune_leaves_each_release_that_is_listed_whole(
    world: World, published: Published, number: int
) -> None:
    seen = 0

    def die(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        nonlocal seen
        seen += operation in ("delete_objects", "delete_function")
        if seen == number:
            raise _Killed

    world.aws.after = die
    with pytest.raises(_Killed):
        _prune(world)
    world.aws.after = None
    listed = {key[9:-5] for key in world.keys("releases/")}
    assert listed == set(published.versions) - {published.first}
    for identity in listed:
        assert world.rollback(identity) == world.whole() == identity
        assert world.live_lambda() == published.versions[identity]
    _prune(world)
    assert _numbers(world) == ["$LATEST", "1", "3", "4"]


def test_a_rollback_to_a_release_whose_version_is_gone_changes_nothing(world: World, published: Published) -> None:
    """Its manifest and files can be brought back from earlier versions, a function's version cannot."""
    world.raw.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="2")
    before = world.whole()
    with pytest.raises(UserError, match=rf"version 2 of {FUNCTION} is gone.*nothing was changed"):
        world.rollback(published.first)
    assert world.whole() == before
    assert world.live_lambda() == "4"


def test_a_rollback_that_comes_just_before_the_version_is_deleted_says_what_helps(
    world: World, published: Published
) -> None:
    """The page is switched, then the prune deletes the version, then the alias should follow."""
    before = world.whole()
    other = open_test_aws(world.url)

    def delete_version(_: str, operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "update_alias":
            other.before = None
            world.raw.client("lambda").delete_function(FunctionName=FUNCTION, Qualifier="2")

    other.before = delete_version
    with pytest.raises(UserError, match=r"is gone.*its page is live all the same") as caught:
        world.rollback(published.first, other)
    assert "rollback RELEASE" in caught.value.hint
    assert world.rollback(before) == world.whole() == before
    assert world.live_lambda() == "4"


def test_zips_go_but_for_the_stacks_own_and_those_of_versions_that_stay(
    world: World, published: Published, moto_server: MotoServer
) -> None:
    zips = {text: lambda_key(lambda_zip(text)) for text in ("stack", "one", "two", "three", "young")}
    names = {"ArtifactsBucket": "zips", "LambdaKey": zips["stack"]}
    template = {
        "Parameters": {name: {"Type": "String"} for name in (*names, "Fingerprint")},
        "Resources": {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/popdesk-prod-lookup"}}
        },
    }
    definition = StackDefinition("popdesk-prod", json.dumps(template), names)
    plan = make_plan(world.raw, definition, read_stack(world.raw, definition.name), moto_server.wait)
    stack = apply_plan(world.raw, plan, Events(pause=moto_server.wait))
    s3 = world.raw.client("s3")
    s3.create_bucket(Bucket="zips")
    for text, key in zips.items():
        moto_server.set_clock(0 if text == "young" else LONG_AGO)
        s3.put_object(Bucket="zips", Key=key, Body=b"")
    s3.put_object(Bucket="zips", Key="notes.txt", Body=b"")
    moto_server.set_clock(0)

    def run(dry_run: bool) -> tuple[str, ...]:
        pruned = prune(world.aws, world.place, keep=1, grace=GRACE, cap=9, stack=stack, dry_run=dry_run)
        assert pruned.versions == (f"{FUNCTION}:{published.versions[published.first]}",)
        return pruned.zips

    assert run(dry_run=True) == run(dry_run=False) == (zips["one"],)
    left = {item["Key"] for item in s3.list_objects_v2(Bucket="zips")["Contents"]}
    assert left == {*zips.values(), "notes.txt"} - {zips["one"]}


def test_versions_are_read_to_the_last_page_and_no_number_is_used_twice(world: World, moto_server: MotoServer) -> None:
    """Lambda lists 50 at once."""
    moto_server.set_clock(LONG_AGO)
    for number in range(52):
        version = world.publish_lambda(f"code {number}")
    world.release("one", lambda_version=version)
    moto_server.set_clock(0)
    assert len(_prune(world).versions) == 51
    assert _numbers(world) == ["$LATEST", "1", "53"]
    assert world.publish_lambda("more") == "54"


# -- what is not known -------------------------------------------------------------------------------------------------


def test_nothing_goes_where_it_is_not_known_what_the_live_page_needs(
    world: World, past: Past, moto_server: MotoServer
) -> None:
    moto_server.set_clock(LONG_AGO)
    world.raw.client("s3").put_object(Bucket=world.place.bucket, Key="site/index.html", Body=b"<h1>Down</h1>")
    moto_server.set_clock(0)
    before = world.keys()
    with pytest.raises(UserError, match="overwritten"):
        _prune(world)
    world.raw.client("s3").delete_object(Bucket=world.place.bucket, Key="site/index.html")
    with pytest.raises(UserError, match="is gone"):
        _prune(world)
    assert world.keys() == before - {"site/index.html"}
    assert past.first.id


def test_a_live_release_without_its_manifest_keeps_its_files(world: World, past: Past) -> None:
    live = world.whole()
    world.forget(f"releases/{live}.json")
    _prune(world)
    assert world.whole() == live, "and its manifest is there again"
    assert past.first.id != live


def test_damaged_and_stray_keys_are_named_and_left_alone(world: World, past: Past) -> None:
    s3 = world.raw.client("s3")
    second = sorted(world.keys("releases/"))[1][9:-5]
    strays = {"releases/", "releases/notes.txt", "releases/old/20260101-000000-000000000000.json"}
    world.forget(f"releases/{second}.json")
    for key in {*strays, f"releases/{second}.json"}:
        s3.put_object(Bucket=world.place.bucket, Key=key, Body=b"{}")
    pruned = _prune(world)
    assert len(pruned.notes) == 4
    assert all(any(key in note for note in pruned.notes) for key in strays)
    assert any(second in note for note in pruned.notes)
    assert {*strays, f"releases/{second}.json"} <= world.keys()
    assert world.whole()
    assert past.first.id


def test_releases_are_kept_by_when_s3_has_them() -> None:
    def manifest(number: int, age: int) -> Manifest:
        release = Release(f"2026010{number}-000000-{number:012}", "", "", "", "", "", "", "", {})
        return Manifest(release, datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=age))

    manifests = tuple(manifest(number, age) for number, age in ((1, 1), (3, 2), (2, 3)))
    assert replace(Live(), release="x").fingerprint == "x"
    history = History(manifests, {}, ())
    from ops.cloud.prune import kept_releases

    assert kept_releases(history, "", 2, datetime(2027, 1, 1, tzinfo=UTC)) == {
        manifests[0].release.id,
        manifests[1].release.id,
    }
