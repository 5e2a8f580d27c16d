"""What the release tests stand on: a moto account with a site bucket, a distribution and a Lambda, and made-up builds.

world = World(server)
release = world.release("one", {"more.js": b"..."})     # a whole release, as deploy.py makes it
world.whole()                                           # -> the live release's id; fails where it is not whole
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import brotli
from botocore.session import Session

from ops.cloud.aws import Aws
from ops.cloud.bucket import ALIAS, Place, read_live
from ops.cloud.manifests import Release, read_manifest
from ops.cloud.releases import invalidate, make_live, new_release, sync_aliases, upload
from ops.cloud.rollback import plan_rollback, rollback
from ops.site.contents import Site
from tests.aws.account import REGION
from tests.aws.moto_server import MotoServer

FUNCTION = "popdesk-test-lookup"
BUCKET = "popdesk-test-site-123456789012-us-east-1"


@cache
def _session() -> Session:
    """Return the session of all clients: it keeps AWS's models, whose loading takes longer than what most tests do."""
    session = Session()
    session.set_credentials("testing", "testing")
    return session


def open_test_aws(url: str) -> Aws:
    """Return a client of the moto server, with connections of its own; the keys are made up."""
    return Aws(_session(), REGION, endpoint_url=url)


@cache
def looking_on(url: str) -> Aws:
    """Return the client by which tests look at the moto server and prepare it; to make its clients takes longer than to ask."""
    return open_test_aws(url)


def make_site(text: str, more: dict[str, bytes] | None = None) -> Site:
    """Return a small build whose content follows from `text`; `more` maps names in assets/ to content.

    As in a real one, the page names every asset.
    """
    contents = {f"app-{_digest(text.encode())[:12]}.js": b"", "shared-000.css": b"body{}"} | (more or {})
    script = f"// {text}\n".encode() * 200
    contents = {name: content or script for name, content in contents.items()}
    contents = {_named(name, content): content for name, content in contents.items()}
    links = "".join(f'<link href="./assets/{name}">' for name in contents)
    page = f"<!doctype html><title>{text}</title>{links}".encode()
    return Site({"index.html": page} | {f"assets/{name}": content for name, content in contents.items()})


def _named(name: str, content: bytes) -> str:
    """Return the name with the content's own hash where it has the place of one."""
    return re.sub(r"-[0-9a-f]{12}\.", f"-{_digest(content)[:12]}.", name)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class World:
    """One moto account, new."""

    def __init__(self, server: MotoServer, tmp: Path) -> None:
        server.reset()
        self.url = server.url
        self.tmp = tmp
        self.target = ""  # what a test wants to roll back to
        self.aws = open_test_aws(server.url)
        self.raw = looking_on(server.url)  # for looking at it, so that `aws` counts only what is tested
        self.calls: list[str] = []
        self.aws.before = lambda service, operation, _: self.calls.append(f"{service}.{operation}")
        s3 = self.raw.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.place = Place(BUCKET, self._distribution(), self._function())

    def _distribution(self) -> str:
        origin = {
            "Id": "site",
            "DomainName": f"{BUCKET}.s3.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        config = {
            "CallerReference": "test",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "https-only"},
        }
        asked = {"DistributionConfig": config, "Tags": {"Items": []}}
        made = self.raw.client("cloudfront").create_distribution_with_tags(DistributionConfigWithTags=asked)
        return str(made["Distribution"]["Id"])

    def _function(self) -> str:
        role = self.raw.client("iam").create_role(RoleName="lookup", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client = self.raw.client("lambda")
        client.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.13",
            Role=role,
            Handler="handler.handler",
            Code={"ZipFile": lambda_zip("first")},
            Publish=True,
        )
        client.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")
        return FUNCTION

    def publish_lambda(self, text: str) -> str:
        """Publish a version of the Lambda, as the stack and a release do, and give its number."""
        client = self.raw.client("lambda")
        client.update_function_code(FunctionName=FUNCTION, ZipFile=lambda_zip(text))
        return str(client.publish_version(FunctionName=FUNCTION)["Version"])

    def release(self, text: str, more: dict[str, bytes] | None = None, lambda_version: str = "1") -> Release:
        """Make a whole release of a made-up build."""
        return release_site(self.aws, self.place, make_site(text, more), lambda_version)

    def release_or_finish(self, aws: Aws, text: str, lambda_version: str) -> None:
        """Release a made-up build, or finish what an interrupted run of this left undone, as the release command does."""
        site = make_site(text)
        live = read_live(aws, self.place)
        if live.fingerprint == new_release(site, live, lambda_sha256=lambda_version).fingerprint:
            sync_aliases(aws, self.place)
            invalidate(aws, self.place)
        else:
            release_site(aws, self.place, site, lambda_version)

    def rollback(self, identity: str = "", aws: Aws | None = None) -> str:
        """Roll back as the command does, and return the id of the release that is live then."""
        aws = aws or self.aws
        return rollback(aws, self.place, plan_rollback(aws, self.place, identity)).release

    def object(self, key: str) -> dict[str, Any]:
        """Return an object as it is stored: its head and its `Content`."""
        answer: dict[str, Any] = self.raw.client("s3").get_object(Bucket=BUCKET, Key=key)
        return answer | {"Content": answer["Body"].read()}

    def keys(self, prefix: str = "") -> set[str]:
        """Return all keys below a prefix."""
        found = self.raw.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {item["Key"] for item in found}

    def forget(self, key: str) -> None:
        """Delete an object with all its versions: nothing can bring it back."""
        s3 = self.raw.client("s3")
        found = s3.list_object_versions(Bucket=BUCKET, Prefix=key)
        for item in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])

    def live_lambda(self) -> str:
        """Return the version that callers get."""
        return str(self.raw.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["FunctionVersion"])

    def invalidations(self) -> int:
        """Return how many invalidations there were."""
        found = self.raw.client("cloudfront").list_invalidations(DistributionId=self.place.distribution)
        return int(found["InvalidationList"]["Quantity"])

    def whole(self) -> str:
        """Return the live release's id, "" before the first; fail where anything of it is missing or different."""
        if not self.keys("site/index.html"):
            return ""
        page = self.object("site/index.html")
        identity = str(page["Metadata"]["release"])
        manifest = json.loads(self.object(f"releases/{identity}.json")["Content"])
        for path, digest in manifest["files"].items():
            stored = self.object(f"site/{path}")
            content = stored["Content"]
            if stored.get("ContentEncoding") == "br":
                content = brotli.decompress(content)
            assert _digest(content) == digest, f"{path} of the live release {identity} is not what it should be"
        return identity


def release_site(aws: Aws, place: Place, site: Site, lambda_version: str) -> Release:
    """Release a build: what the release command does with the bucket."""
    live = read_live(aws, place)
    kept = read_manifest(aws, place, live.release).release.assets if live.release else set()
    release = new_release(site, live, lambda_sha256=lambda_version, lambda_version=lambda_version)
    upload(aws, place, release, site, kept)
    make_live(aws, place, release, live, by="arn:aws:iam::123456789012:user/tester")
    return release


def lambda_zip(text: str) -> bytes:
    """Return a zip with a handler in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py"), f"# {text}\n")
    return out.getvalue()
