"""The releases' manifests: a release's page and the hash of each of its files, in the site's bucket under `releases/ID.json`.

    manifest = read_manifest(aws, place, live.release)  # recovered where it was lost: see `Manifest`
    history = read_history(aws, place, live)            # all manifests by the time that S3 has for them, newest first
    keep_manifest(aws, place, manifest)                 # writes back one that was recovered

A manifest that was deleted or overwritten by hand is read from its earlier versions. Without one, that of the live release is
made again from its page, which names its id and its files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ops.cloud.aws import Aws, map_concurrently
from ops.cloud.bucket import (
    ASSETS,
    PAGE,
    RELEASE_ID,
    SITE,
    Damaged,
    Live,
    Lost,
    Place,
    check_id,
    digest,
    earlier_releases,
    mark,
    read_intact,
    read_live,
    read_page,
    read_who,
    stored_assets,
)

MANIFESTS = "releases/"
_MANIFEST_KEY = re.compile(rf"^{MANIFESTS}({RELEASE_ID})\.json$")
_MARK = re.compile(rf"<!-- release ({RELEASE_ID}) -->\n?$")
_NAMED_ASSET = re.compile(rf"{ASSETS}[\w./-]*\w")
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{12})\.\w+$")
_FOLDER_WITH_HASH = re.compile(rf"^{ASSETS}[\w.-]*-[0-9a-f]{{12}}/")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Release:
    """A release's manifest. `files` maps paths to the SHA-256 of their content in hex, the page's among them.

    A hash is empty where the manifest had to be recovered and the file is gone. `api_version` is empty where the API was not
    enabled. `previous` is what was live before it, `previous_pilot` what the pilot had before it; empty where it was
    never there, or first.
    """

    id: str
    made_at: str
    made_by: str
    commit: str
    previous: str
    lambda_version: str
    infrastructure: str
    page: str
    files: dict[str, str]
    api_version: str = ""
    previous_pilot: str = ""

    @property
    def fingerprint(self) -> str:
        """The content part of the id: equal for equal content."""
        return self.id.rpartition("-")[2]

    @property
    def assets(self) -> set[str]:
        """All paths but the page's."""
        return set(self.files) - {PAGE}

    def before(self, place: Place) -> str:
        """Return the id of the release that was there before this one: live, or the pilot's."""
        return self.previous_pilot if place.is_pilot else self.previous


@dataclass(frozen=True)
class Manifest:
    """A release's manifest as it was found: `recovered` says from what and what was lost; empty where it was as written.

    `written` is S3's own time for it, which orders the releases: the clocks of those who release may differ.
    """

    release: Release
    written: datetime
    recovered: str = ""


@dataclass(frozen=True)
class History:
    """The manifests, newest first; `lost`: id -> what is wrong with one that cannot be read; `stray`: other keys."""

    manifests: tuple[Manifest, ...]
    lost: dict[str, str]
    stray: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What the user should know about it, a sentence each."""
        return [
            *(manifest.recovered for manifest in self.manifests if manifest.recovered),
            *(f"release {identity} cannot be read and is left out: {why}" for identity, why in self.lost.items()),
            *(f"{key} is no release's manifest and is left alone" for key in self.stray),
        ]


def manifest_key(identity: str) -> str:
    """Return the key of a release's manifest."""
    return f"{MANIFESTS}{identity}.json"


def manifest_body(release: Release) -> bytes:
    """Return a manifest as it is stored: JSON."""
    return json.dumps(asdict(release), indent=1).encode()


def parse_manifest(content: bytes, identity: str) -> Release:
    """Return the release that a stored manifest describes. Raises Damaged where it is not a whole manifest of `identity`."""
    from pydantic import TypeAdapter, ValidationError  # a release of which nothing changed reads no manifest

    try:
        release = TypeAdapter(Release).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(f"it is damaged ({where}{': ' if where else ''}{first['msg']})") from None
    if release.id != identity:
        raise Damaged(f"it is damaged (it is the manifest of {release.id!r})")
    if release.files.get(PAGE) != digest(release.page.encode()) or not release.page.endswith(mark(identity)):
        raise Damaged("it is damaged (its page is not the release's)")
    for path, sha256 in release.files.items():
        if not (path == PAGE or _is_asset(path)) or not _SHA256.fullmatch(sha256):
            raise Damaged(f"it is damaged (its file {path!r})")
    return release


def _is_asset(path: str) -> bool:
    return path.startswith(ASSETS) and ".." not in path.split("/")


def read_manifest(aws: Aws, place: Place, identity: str, live: Live | None = None) -> Manifest:
    """Return a release's manifest, recovered where it was deleted or damaged.

    Where no earlier version is right, that of the live release is made from its page and its files. Raises Lost
    where that is not possible either, UserError (exit code 2) for what is no release's id.
    """
    check_id(identity)
    try:
        answer, content, wrong = read_intact(
            aws, place, manifest_key(identity), lambda content: parse_manifest(content, identity)
        )
    except Lost as lost:
        live = live or read_live(aws, place)
        if identity == live.release:
            return _from_page(aws, place, live, lost.reason)
        raise Lost(
            f"the manifest of release {identity}", f"{lost.reason}, nor is an earlier version of it", lost.hint
        ) from None
    note = f"the manifest of release {identity} was lost ({wrong}); its earlier version has all of it" if wrong else ""
    return Manifest(parse_manifest(content, identity), answer["LastModified"], note)


def _from_page(aws: Aws, place: Place, live: Live, why: str) -> Manifest:
    """Describe the live release anew. Its page names it and its files; the files' names begin with their hashes."""
    page = read_page(aws, place).decode("utf-8", "replace")
    found = _MARK.search(page)
    if not found or found[1] != live.release:
        raise Lost(
            f"the manifest of release {live.release}",
            f"it is lost ({why}), and the page was changed by hand, so it cannot be made from that",
            "release again, or go back to one that `deploy.py releases` lists: `deploy.py rollback RELEASE`",
        )
    stored = stored_assets(aws, place).written
    named = _named_assets(page, stored)
    files = dict(zip(named, map_concurrently(lambda path: _hash_of(aws, place, path), named), strict=True))
    gone = sorted(path for path, sha256 in files.items() if not sha256)
    note = (
        f"the manifest of release {live.release} was lost ({why}); it is described anew from its page and "
        f"{len(files) - len(gone)} files. Its commit and the infrastructure it was made with are not known any more"
    )
    if gone:
        note += f"; gone or damaged: {', '.join(gone)}"
    before = next((each for each in earlier_releases(aws, place) if each != live.release), "")
    release = Release(
        id=live.release,
        made_at=live.since.isoformat(timespec="seconds") if live.since else "",
        made_by=read_who(aws, place),
        commit="",
        previous="" if place.is_pilot else before,
        previous_pilot=before if place.is_pilot else "",
        lambda_version=alias_version(aws, place.function, place.alias),
        api_version=alias_version(aws, place.api, place.alias),
        infrastructure="",
        page=page,
        files={**files, PAGE: digest(page.encode())},
    )
    return Manifest(release, live.since or datetime.now(UTC), note)


def _named_assets(page: str, stored: Collection[str]) -> list[str]:
    """Return the paths of the assets that a page needs: those it names, and all in a folder with a hash that it names."""
    named = set(_NAMED_ASSET.findall(page))
    folders = tuple(found[0] for path in named if (found := _FOLDER_WITH_HASH.match(path)))
    files = {path for path in named if path in stored or _HASH_IN_NAME.search(path)}
    return sorted(files | {path for path in stored if path.startswith(folders)})


def _hash_of(aws: Aws, place: Place, path: str) -> str:
    """Return the hash of a stored asset; "" where it is gone, or not what the hash in its name says."""

    def check(content: bytes) -> None:
        begin = _HASH_IN_NAME.search(path)
        if begin and not digest(content).startswith(begin[1]):
            raise Damaged("it has other content than its name says")

    try:
        return digest(read_intact(aws, place, SITE + path, check)[1])
    except Lost:
        return ""


def alias_version(aws: Aws, function: str, alias: str) -> str:
    """Return the version of a function that callers get, "" for no function: the alias follows the live page."""
    return (
        str(aws.call("lambda", "get_alias", FunctionName=function, Name=alias)["FunctionVersion"]) if function else ""
    )


def keep_manifest(aws: Aws, place: Place, manifest: Manifest) -> None:
    """Write a manifest back that was recovered, if it is whole."""
    if manifest.recovered and all(manifest.release.files.values()):
        write_manifest(aws, place, manifest.release)


def write_manifest(aws: Aws, place: Place, release: Release) -> None:
    """Write a release's manifest."""
    aws.call(
        "s3",
        "put_object",
        Bucket=place.bucket,
        Key=manifest_key(release.id),
        Body=manifest_body(release),
        ContentType="application/json",
    )


def read_history(aws: Aws, place: Place, live: Live, *others: tuple[Place, Live]) -> History:
    """Return all releases, by the time that S3 has for their manifests, the newest first; that of `live` is among them.

    `others`: the pilot's place and what is live there, where there is a pilot; that is among them too.

    A manifest that is lost or damaged stops nothing: it is recovered or named. So are keys that are no manifest's.
    """
    written: dict[str, datetime] = {}
    stray = []
    for answer in aws.pages("s3", "list_objects_v2", Bucket=place.bucket, Prefix=MANIFESTS):
        for item in answer.get("Contents", []):
            if found := _MANIFEST_KEY.match(item["Key"]):
                written[found[1]] = item["LastModified"]
            else:
                stray.append(item["Key"])
    shown = {each.release: (where, each) for where, each in (*others, (place, live)) if each.release}
    identities = sorted(written.keys() | shown.keys())
    lost: dict[str, str] = {}
    manifests = []

    def read(identity: str) -> Manifest | Lost:
        try:
            where, there = shown.get(identity, (place, live))
            return read_manifest(aws, where, identity, there)
        except Lost as error:
            return error

    for identity, result in zip(identities, map_concurrently(read, identities), strict=True):
        if isinstance(result, Lost):
            lost[identity] = result.reason
        else:
            manifests.append(result)
    manifests.sort(key=lambda manifest: (manifest.written, manifest.release.id), reverse=True)
    return History(tuple(manifests), lost, tuple(stray))
