"""What a hand deleted or overwrote in the bucket has a way back: the commands themselves, against the local AWS's S3.

The live release's manifest, an older one, keys that are no manifest's, the page, the assets. Deleted with its versions
still there, as by the console, and deleted for good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops.cloud.bucket import Damaged, Live
from ops.cloud.manifests import Release, manifest_body, parse_manifest, read_manifest
from ops.cloud.releases import new_release
from ops.cloud.stack import read_stack
from tests.aws import test_commands
from tests.aws.account import SITE, STACK
from tests.aws.moto_server import MotoServer
from tests.aws.test_commands import _json, _run
from tests.aws.test_deployment import Account
from tests.aws.world import make_site

_COMMAND_TEXT = "from-the-command"  # the build that the commands release (tests/aws/test_commands.py)


@pytest.fixture(scope="module")
def stack(moto_server: MotoServer) -> Iterator[Account]:
    """Return an account with a stack, whose bucket each test finds empty: making one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        account = Account(moto_server, monkeypatch)
        account.release("zero")
        yield account


@pytest.fixture
def account(stack: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return the account, with no release in it; the commands go there."""
    found = stack.raw.list_object_versions(Bucket=SITE)
    there = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in there]
    assert not found["IsTruncated"]
    if keys:
        stack.raw.delete_objects(Bucket=SITE, Delete={"Objects": keys})
    test_commands.let_commands_go_to(stack, monkeypatch)
    return stack


class Hand:
    """Somebody with the console: two releases are there, `first` and `live`, and the hand breaks something.

    `old` and `new` are the versions of their look-ups.
    """

    def __init__(self, account: Account, second: str = "two") -> None:
        self.account, self.s3 = account, account.raw
        self.first = account.release("one", code="old").release
        self.old = account.live_lambda()
        self.live = account.release(second).release
        self.new = account.live_lambda()
        assert self.old != self.new

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=SITE, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=SITE, Key=key)

    def forget(self, key: str) -> None:
        """Delete an object with all its versions."""
        found = self.s3.list_object_versions(Bucket=SITE, Prefix=key)
        for item in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
            self.s3.delete_object(Bucket=SITE, Key=item["Key"], VersionId=item["VersionId"])

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=SITE, Key=key)["Body"].read())

    def manifest(self, identity: str) -> dict[str, Any]:
        """Return a manifest as it is stored."""
        found: dict[str, Any] = json.loads(self.body(f"releases/{identity}.json"))
        return found

    def live_release(self) -> str:
        return str(self.s3.head_object(Bucket=SITE, Key="site/index.html")["Metadata"]["release"])


def _damage(hand: Hand, how: str) -> None:
    """Delete or damage the live manifest."""
    key = f"releases/{hand.live}.json"
    whole = hand.body(key)
    (hand.forget if "for good" in how else hand.delete)(key)
    if "cut" in how:
        hand.put(key, whole[: len(whole) // 2])


_DAMAGES = ["deleted", "deleted for good", "cut for good"]


def _manifest() -> Release:
    return new_release(make_site("one"), Live(), previous="20260101-000000-000000000000")


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole + whole,
        lambda _: b"\xff\xfe\x00",
        lambda _: b"null",
        lambda _: b'{"hello": 1}',
        lambda whole: _changed(whole, id="20260101-000000-000000000000"),
        lambda whole: _changed(whole, page="<h1>hello</h1>"),
        lambda whole: _changed(whole, previous=None),
        lambda whole: _changed(whole, files={}),
        lambda whole: _changed(whole, files={**json.loads(whole)["files"], "assets/../../x": "0" * 64}),
        lambda whole: _changed(whole, files={**json.loads(whole)["files"], "elsewhere/x": "0" * 64}),
        lambda whole: _changed(whole, files={**json.loads(whole)["files"], "assets/x": ""}),
        lambda whole: _changed(whole, files=list(json.loads(whole)["files"])),
    ],
)
def test_a_damaged_manifest_is_never_taken_for_one(damage: Callable[[bytes], bytes]) -> None:
    release = _manifest()
    whole = manifest_body(release)
    assert parse_manifest(whole, release.id) == release
    with pytest.raises(Damaged):
        parse_manifest(damage(whole), release.id)


def _changed(whole: bytes, **facts: Any) -> bytes:
    return json.dumps(json.loads(whole) | facts).encode()


@pytest.mark.parametrize("how", _DAMAGES)
def test_live_manifest_that_was_lost_stops_no_command(account: Account, how: str) -> None:
    hand = Hand(account, _COMMAND_TEXT)
    was = hand.manifest(hand.live)
    _damage(hand, how)

    status = _run("status", "--json", "--no-drift")
    assert status.exit_code == 3
    facts = _json(status)
    assert (facts["release"], facts["missing"], facts["damaged"]) == (hand.live, [], [])
    assert facts["previous"] == hand.first, "the page's versions say it where the manifest cannot"
    assert facts["lambda_version"] == hand.new, "the alias says it"
    assert "lost" in facts["notes"][0]
    assert hand.live in facts["notes"][0]

    rows = _json(_run("releases", "--json"))
    assert {row["id"] for row in rows} == {hand.first, hand.live}
    assert [row["problem"] != "" for row in rows] == [row["id"] == hand.live for row in rows]
    assert _run("prune", "--dry-run", "--json").exit_code == 0

    assert _run("rollback", "--dry-run").exit_code == 0
    again = _run("rollback", hand.live, "--yes", "--json")
    assert again.exit_code == 0, again.output
    assert "lost" in _json(again)["notes"][0]
    recovered = hand.manifest(hand.live)
    assert (recovered["page"], recovered["files"]) == (was["page"], was["files"]), "the manifest is written again"
    assert recovered["commit"] == ("" if "for good" in how else was["commit"])
    assert _run("status", "--no-drift").exit_code == 0


@pytest.mark.parametrize("how", ["deleted", "cut for good"])
@pytest.mark.parametrize("what", ["a new release", "the same release", "rollback", "rollback by name"])
def test_every_command_that_writes_goes_on_and_puts_the_manifest_back(
    account: Account,
    how: str,
    what: str,
) -> None:
    hand = Hand(account, _COMMAND_TEXT if what == "the same release" else "two")
    _damage(hand, how)
    result = {
        "a new release": lambda: _run("--yes", "--json"),
        "the same release": lambda: _run("--yes", "--json"),
        "rollback": lambda: _run("rollback", "--yes", "--json"),
        "rollback by name": lambda: _run("rollback", hand.first, "--yes", "--json"),
        "prune": lambda: _run("prune", "--json", "--keep", "1"),
    }[what]()
    assert result.exit_code == 0, result.output
    answer = _json(result)
    assert any(hand.live in note for note in answer["notes"])
    assert hand.manifest(hand.live)["id"] == hand.live
    if what == "the same release":
        assert answer["released"] is False
    if what.startswith("rollback"):
        assert hand.live_release() == hand.first
        assert account.live_lambda() == hand.old
        assert _run("rollback", hand.live, "--yes").exit_code == 0, "and forward again"
        assert account.live_lambda() == hand.new
    if what == "a new release":
        assert _run("rollback", "--yes").exit_code == 0
        assert hand.live_release() == hand.live


def test_a_lost_manifest_of_a_page_that_was_changed_too_is_no_end(account: Account) -> None:
    hand = Hand(account)
    hand.forget(f"releases/{hand.live}.json")
    head = hand.s3.head_object(Bucket=SITE, Key="site/index.html")
    hand.s3.put_object(Bucket=SITE, Key="site/index.html", Body=b"<h1>Back soon</h1>", Metadata=head["Metadata"])
    status = _run("status", "--json", "--no-drift")
    assert status.exit_code == 3
    assert "changed by hand" in _json(status)["notes"][0]
    assert _run("prune").exit_code == 1
    assert _run("rollback", "--yes").exit_code == 0
    assert hand.live_release() == hand.first
    assert "<title>one</title>" in account.live()
    assert _run("--yes").exit_code == 0


def test_a_damaged_old_manifest_and_stray_keys_are_named_and_skipped(account: Account) -> None:
    hand = Hand(account)
    hand.forget(f"releases/{hand.first}.json")
    strays = ["releases/", "releases/readme.txt", "releases/20260101-000000-000000000000.json.bak", "releases/x/"]
    for key in [*strays, f"releases/{hand.first}.json"]:
        hand.put(key, b"?")
    listed = _run("releases", "--json")
    assert listed.exit_code == 0
    rows = {row["id"]: row for row in json.loads(listed.stdout)}
    assert rows.keys() == {hand.first, hand.live}
    assert "damaged" in rows[hand.first]["problem"]
    assert rows[hand.live]["problem"] == ""
    assert all(key in listed.stderr for key in strays)
    pruned = _run("prune", "--json")
    assert pruned.exit_code == 0
    assert len(_json(pruned)["notes"]) == 5
    refused = _run("rollback", hand.first, "--yes")
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    assert hand.live_release() == hand.live


@pytest.mark.parametrize("how", ["deleted", "overwritten", "overwritten with its metadata"])
@pytest.mark.parametrize("name", ["live", "first", ""])
def test_a_page_that_a_hand_broke_comes_back_by_rollback(account: Account, how: str, name: str) -> None:
    hand = Hand(account)
    whole = account.live()
    head = hand.s3.head_object(Bucket=SITE, Key="site/index.html")
    hand.delete("site/index.html")
    if how != "deleted":
        kept = {"Metadata": head["Metadata"]} if "metadata" in how else {}
        body = whole.replace("<title>", "<title>My ").encode()
        hand.s3.put_object(Bucket=SITE, Key="site/index.html", Body=body, **kept)
    status = _run("status", "--json", "--no-drift")
    assert status.exit_code == 3
    if "metadata" in how:
        assert _json(status)["damaged"] == ["index.html"]
    else:
        assert "rollback" in _json(status)["notes"][0]
    identity = {"live": hand.live, "first": hand.first, "": ""}[name]
    result = _run("rollback", *([identity] if identity else []), "--yes", "--json")
    assert result.exit_code == 0, result.output
    # Without a name: what was live last; but a page that says which release it is has one before it.
    wanted = identity or (hand.first if "metadata" in how else hand.live)
    assert _json(result)["to"] == hand.live_release() == wanted
    assert account.live() == (whole if wanted == hand.live else hand.manifest(hand.first)["page"])
    assert account.live_lambda() == (hand.new if wanted == hand.live else hand.old)


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
def test_a_release_over_a_page_that_a_hand_broke_knows_what_was_before_it(
    account: Account,
    how: str,
) -> None:
    hand = Hand(account)
    hand.delete("site/index.html")
    if how == "overwritten":
        hand.put("site/index.html", b"<h1>Back soon</h1>")
    assert _run("--yes").exit_code == 0
    assert f"<title>{_COMMAND_TEXT}</title>" in account.live()
    assert _run("rollback", "--yes").exit_code == 0
    assert hand.live_release() == hand.live


def test_the_same_release_over_its_own_page_that_was_changed_is_released(account: Account) -> None:
    hand = Hand(account, _COMMAND_TEXT)
    head = hand.s3.head_object(Bucket=SITE, Key="site/index.html")
    hand.s3.put_object(Bucket=SITE, Key="site/index.html", Body=b"<h1>Mine</h1>", Metadata=head["Metadata"])
    assert _run("plan").exit_code == 3
    result = _run("--yes", "--json")
    assert _json(result)["released"] is True
    assert "changed by hand" in _json(result)["notes"][0]
    assert f"<title>{_COMMAND_TEXT}</title>" in account.live()


def _an_asset(text: str) -> str:
    """Return the path of an asset that is that build's alone."""
    return next(path for path in make_site(text).contents if path.startswith("assets/app-"))


@pytest.mark.parametrize(
    ("how", "for_good"),
    [("deleted", False), ("deleted", True), ("cut", True), ("uncompressed", True), ("emptied", False)],
)
def test_assets_of_the_live_release_come_back(account: Account, how: str, for_good: bool) -> None:
    hand = Hand(account, _COMMAND_TEXT)
    path, before = _an_asset(_COMMAND_TEXT), _invalidations(account)
    whole = hand.body(f"site/{path}")
    (hand.forget if for_good else hand.delete)(f"site/{path}")
    if how != "deleted":
        hand.put(f"site/{path}", {"cut": whole[:9], "uncompressed": whole, "emptied": b""}[how])
    status = _run("status", "--json", "--no-drift")
    assert status.exit_code == 3
    assert _json(status)["missing" if how == "deleted" else "damaged"] == [path]

    # From its earlier version, where there is one; from the build always.
    assert _run("rollback", hand.live, "--yes").exit_code == (1 if for_good else 0)
    result = _run("release", "--repair", "--json")
    assert result.exit_code == 0, result.output
    assert _json(result)["written"] == (1 if for_good else 0)
    assert hand.body(f"site/{path}") == whole
    assert _run("status", "--no-drift").exit_code == 0
    if how != "deleted":
        new = [_paths(account, identity) for identity in _invalidations(account) - before]
        assert any(f"/{path}" in paths for paths in new), "CloudFront would serve the damaged one for a year"


def _invalidations(account: Account) -> set[str]:
    listed = account.aws.client("cloudfront").list_invalidations(DistributionId=_distribution(account))
    return {item["Id"] for item in listed["InvalidationList"]["Items"]}


def _paths(account: Account, identity: str) -> list[str]:
    found = account.aws.client("cloudfront").get_invalidation(DistributionId=_distribution(account), Id=identity)
    paths: list[str] = found["Invalidation"]["InvalidationBatch"]["Paths"]["Items"]
    return paths


def _distribution(account: Account) -> str:
    return read_stack(account.aws, STACK).outputs["DistributionId"]


def test_a_new_release_writes_again_what_it_needs_and_is_damaged(account: Account) -> None:
    """Its smoke test would find it, but the release before it needs the same file: there is no way back from that."""
    hand = Hand(account)
    hand.put("site/assets/shared-000.css", b"")
    result = _run("--yes", "--json")
    assert result.exit_code == 0, result.output
    assert hand.body("site/assets/shared-000.css") == b"body{}"


def test_read_again_what_was_recovered_is_what_was_there(account: Account) -> None:
    """With every version at hand nothing at all is lost."""
    hand = Hand(account)
    place = account.prepare("three").place
    assert place is not None
    before = read_manifest(account.aws, place, hand.live)
    hand.delete(f"releases/{hand.live}.json")
    after = read_manifest(account.aws, place, hand.live)
    assert (after.release, after.written) == (before.release, before.written)
    assert after.recovered
