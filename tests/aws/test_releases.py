"""Releases against moto's S3, Lambda and CloudFront invalidations: what is written, in which order, and how it is undone."""

from __future__ import annotations

from typing import Any

import brotli
import pytest
from botocore.exceptions import ClientError

from ops.cloud.bucket import ALIAS, PAGE, SITE, read_live, read_who, stored_assets
from ops.cloud.destroy import empty_bucket
from ops.cloud.manifests import read_history
from ops.cloud.releases import ReleaseConflict, new_release, switch, sync_aliases, upload
from ops.errors import UserError
from ops.site.contents import Site
from ops.site.media_types import media_type
from tests.aws.world import BUCKET, FUNCTION, World, make_site


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("assets/micropython-0/micropython.wasm", "application/wasm"),
        ("assets/micropython-0/micropython.mjs", "text/javascript; charset=utf-8"),
        ("assets/app-0.pack", "application/octet-stream"),
        ("assets/app-0.css", "text/css; charset=utf-8"),
        ("assets/no-suffix", "application/octet-stream"),
    ],
)
def test_every_kind_of_file_has_its_media_type(path: str, expected: str) -> None:
    assert media_type(path) == expected


def test_first_release_is_whole_and_cached_right(world: World) -> None:
    more = {"micropython-00/m.wasm": b"\0asm" * 1000, "app-00.pack": bytes(range(256)), "x-00.png": bytes(5000)}
    release = world.release("one", more)
    assert world.whole() == release.id
    page = world.object("site/index.html")
    assert page["CacheControl"] == "no-cache"
    assert page["ContentType"] == "text/html; charset=utf-8"
    wasm = world.object("site/assets/micropython-00/m.wasm")
    assert wasm["ContentType"] == "application/wasm"
    assert wasm["CacheControl"] == "public, max-age=31536000, immutable"
    assert wasm["ContentEncoding"] == "br"
    assert brotli.decompress(wasm["Content"]) == b"\0asm" * 1000
    assert "ContentEncoding" not in world.object("site/assets/app-00.pack"), "too small to be worth it"
    assert "ContentEncoding" not in world.object("site/assets/x-00.png"), "compressed already"
    assert world.invalidations() == 1


def test_page_is_written_after_everything_else(world: World) -> None:
    keys: list[str] = []
    world.aws.before = lambda _, operation, parameters: (
        keys.append(parameters["Key"]) if operation == "put_object" else None
    )
    release = world.release("one")
    assert keys[-2:] == [f"releases/{release.id}.json", "site/index.html"]


def test_only_what_is_missing_is_written(world: World) -> None:
    world.release("one")
    world.calls.clear()
    release = world.release("two")
    assert world.whole() == release.id
    assert world.calls.count("s3.put_object") == 3, "app.js, the manifest, the page; the shared sheet is there"


def test_old_files_stay_for_open_pages(world: World) -> None:
    first = world.release("one")
    world.release("two")
    assert {f"site/{path}" for path in first.assets} <= world.keys("site/")


def test_metadata_that_goes_out_as_headers_names_nobody(world: World) -> None:
    world.release("one")
    assert set(world.object("site/index.html")["Metadata"]) == {"release", "token"}
    assert read_who(world.aws, world.place) == "arn:aws:iam::123456789012:user/tester"


def test_rollback_is_one_write_and_one_invalidation(world: World) -> None:
    first = world.release("one")
    world.release("two")
    before = world.invalidations()
    world.calls.clear()
    assert world.rollback() == first.id == world.whole()
    assert world.calls.count("s3.put_object") == 1
    assert world.invalidations() == before + 1
    assert not {"s3.delete_objects", "lambda.update_alias"} & set(world.calls)


def test_rollback_takes_the_lambda_along(world: World) -> None:
    world.release("one", lambda_version="1")
    world.release("two", lambda_version=world.publish_lambda("second"))
    assert world.live_lambda() == "2"
    world.rollback()
    assert world.live_lambda() == "1"


def test_rollbacks_go_further_back_and_forward_by_name(world: World) -> None:
    one, two, three = (world.release(text) for text in ("one", "two", "three"))
    assert world.rollback() == two.id
    assert world.rollback() == one.id
    with pytest.raises(UserError, match="first release"):
        world.rollback()
    assert world.rollback(three.id) == three.id == world.whole()


def test_rollback_without_its_files_changes_nothing(world: World) -> None:
    first, second = world.release("one"), world.release("two")
    gone = next(iter(first.assets - second.assets))
    world.forget(f"site/{gone}")
    with pytest.raises(UserError, match="gone or damaged"):
        world.rollback()
    assert world.whole() == second.id


@pytest.mark.parametrize("identity", ["nonsense", "../index", "20260101-000000-000000000000"])
def test_rollback_to_what_is_not_there_says_so(world: World, identity: str) -> None:
    world.release("one")
    with pytest.raises(UserError, match=r"not the id of a release|not there"):
        world.rollback(identity)


def test_of_two_releases_over_the_same_one_wins(world: World) -> None:
    world.release("zero")
    live = read_live(world.aws, world.place)
    first, second = (new_release(make_site(text), live) for text in ("one", "two"))
    upload(world.aws, world.place, first, make_site("one"))
    upload(world.aws, world.place, second, make_site("two"))
    switch(world.aws, world.place, second, live)
    with pytest.raises(ReleaseConflict, match=second.id):
        switch(world.aws, world.place, first, live)
    assert world.whole() == second.id


def test_two_first_releases_one_wins(world: World) -> None:
    live = read_live(world.aws, world.place)
    first, second = (new_release(make_site(text), live) for text in ("one", "two"))
    for release, text in ((first, "one"), (second, "two")):
        upload(world.aws, world.place, release, make_site(text))
    switch(world.aws, world.place, first, live)
    with pytest.raises(ReleaseConflict):
        switch(world.aws, world.place, second, live)
    assert world.whole() == first.id


def test_what_is_not_in_the_manifest_is_not_uploaded(world: World) -> None:
    before = world.release("one")
    site = make_site("two")
    tampered = Site({path: content + b"!" for path, content in site.contents.items()})
    live = read_live(world.aws, world.place)
    with pytest.raises(UserError, match="not the file that the release's manifest names"):
        upload(world.aws, world.place, new_release(site, live), tampered)
    assert world.whole() == before.id


def test_a_thousand_files_are_listed_and_written(world: World) -> None:
    """A listing's page has a thousand keys."""
    more = {f"many/{number}.txt": str(number).encode() for number in range(1010)}
    release = world.release("one", more)
    assert world.whole() == release.id
    assert stored_assets(world.aws, world.place).written.keys() == release.assets


def test_history_is_newest_first(world: World) -> None:
    releases = [world.release(text) for text in ("one", "two", "three")]
    history = read_history(world.aws, world.place, read_live(world.aws, world.place))
    found = [manifest.release.id for manifest in history.manifests]
    assert sorted(found) == sorted(release.id for release in releases)
    # An id begins with its second; within one, S3 (whose times have no fraction) does not say which came first.
    seconds = [identity[:15] for identity in found]
    assert seconds == sorted(seconds, reverse=True)
    assert history.notes == []


def test_alias_moved_meanwhile_is_looked_at_again(world: World) -> None:
    """moto takes any RevisionId and never changes it: that AWS refuses an old one is made up, by the code of its model."""
    world.release("one", lambda_version="1")
    version = world.publish_lambda("second")
    site = make_site("two")
    live = read_live(world.aws, world.place)
    release = new_release(site, live, lambda_sha256="2", lambda_version=version)
    upload(world.aws, world.place, release, site)
    switch(world.aws, world.place, release, live)
    revisions: list[str] = []

    def refuse_once(_: str, operation: str, parameters: dict[str, Any]) -> None:
        if operation == "update_alias":
            revisions.append(parameters["RevisionId"])
            if len(revisions) == 1:
                raise ClientError({"Error": {"Code": "PreconditionFailedException"}}, "UpdateAlias")

    model = world.raw.client("lambda").meta.service_model.operation_model("UpdateAlias")
    assert "PreconditionFailedException" in {shape.name for shape in model.error_shapes}
    world.aws.before = refuse_once
    assert sync_aliases(world.aws, world.place)
    assert world.live_lambda() == version
    alias = world.raw.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
    assert revisions == [alias["RevisionId"]] * 2


def test_a_bucket_is_emptied_page_first_and_its_delete_markers_last(world: World) -> None:
    """S3 lists at most 1,000 versions, so this may end after each call: the page is not there then, nor an older one."""
    for text in ("one", "two", "three"):
        world.release(text)
    s3 = world.raw.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=(asset := min(world.keys("site/assets/"))))
    calls: list[set[tuple[str, bool]]] = []

    def note(_: str, operation: str, parameters: dict[str, Any]) -> None:
        if operation == "delete_objects":
            calls.append(
                {(each["Key"], each.get("VersionId") in markers()) for each in parameters["Delete"]["Objects"]}
            )

    def markers() -> set[str]:
        return {each["VersionId"] for each in s3.list_object_versions(Bucket=BUCKET).get("DeleteMarkers", [])}

    world.aws.before, page = note, SITE + PAGE
    assert empty_bucket(world.aws, BUCKET, "123456789012", first=(page,))
    versions, last = set().union(*calls[1:-1]), calls[-1]
    assert calls[0] == {(page, False)}
    assert versions >= {(page, False), (asset, False)}
    assert not any(is_marker for _, is_marker in versions)
    assert last == {(page, True), (asset, True)}
    assert not {"Versions", "DeleteMarkers"} & set(s3.list_object_versions(Bucket=BUCKET))
