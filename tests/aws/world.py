"""What the release tests stand on: a moto account with a site bucket, a distribution and a Lambda, and made-up builds.

world = World(server)
release = world.release("one", {"app.js": "..."})       # a whole release, as deploy.py makes it
world.whole()                                           # -> the live release's id; fails where it is not whole
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import brotli
from botocore.session import Session

from ops.cloud.aws import Aws
from ops.cloud.releases import ALIAS, Place, Release, make_live, new_release, read_live, upload
from ops.site.build import Built
from tests.aws.moto_server import MotoServer

REGION = "us-east-1"
FUNCTION = "popdesk-test-lookup"
BUCKET = "popdesk-test-site-123456789012-us-east-1"


@cache
def _session() -> Session:
    """Give the session of all clients: it keeps AWS's models, whose loading takes longer than what most tests do."""
    session = Session()
    session.set_credentials("testing", "testing")
    return session


def open_test_aws(url: str) -> Aws:
    """Give a client of the moto server, with connections of its own; the keys are made up."""
    return Aws(_session(), REGION, endpoint_url=url)


def make_build(folder: Path, text: str, more: dict[str, bytes] | None = None) -> Built:
    """Write a small build whose content follows from `text`; `more` maps names in assets/ to content."""
    contents = {f"app-{_digest(text.encode())[:12]}.js": f"// {text}\n".encode() * 200, "shared-000.css": b"body{}"}
    contents |= more or {}
    files = {f"assets/{name}": content for name, content in contents.items()}
    files["index.html"] = f"<!doctype html><title>{text}</title>".encode()
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return Built(folder, {path: _digest(content) for path, content in files.items()}, sum(map(len, files.values())))


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
        self.raw = open_test_aws(server.url)  # for looking at it, so that `aws` counts only what is tested
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
        made = self.raw.client("cloudfront").create_distribution(DistributionConfig=config)
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

    def build(self, text: str, more: dict[str, bytes] | None = None) -> Built:
        """Give a build in a folder of its own."""
        return make_build(self.tmp / text.replace(" ", "-"), text, more)

    def release(self, text: str, more: dict[str, bytes] | None = None, lambda_version: str = "1") -> Release:
        """Make a whole release of a made-up build."""
        return release_build(self.aws, self.place, self.build(text, more), lambda_version)

    def object(self, key: str) -> dict[str, Any]:
        """Give an object as it is stored: its head and its `Content`."""
        answer: dict[str, Any] = self.raw.client("s3").get_object(Bucket=BUCKET, Key=key)
        return answer | {"Content": answer["Body"].read()}

    def keys(self, prefix: str = "") -> set[str]:
        """Give all keys below a prefix."""
        found = self.raw.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {item["Key"] for item in found}

    def live_lambda(self) -> str:
        """Give the version that callers get."""
        return str(self.raw.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)["FunctionVersion"])

    def invalidations(self) -> int:
        """Give how many invalidations there were."""
        found = self.raw.client("cloudfront").list_invalidations(DistributionId=self.place.distribution)
        return int(found["InvalidationList"]["Quantity"])

    def whole(self) -> str:
        """Give the live release's id, "" before the first; fail where anything of it is missing or different."""
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


def release_build(aws: Aws, place: Place, built: Built, lambda_version: str) -> Release:
    """Release a build: what the release command does with the bucket."""
    live = read_live(aws, place)
    release = new_release(built, live, lambda_sha256=lambda_version, lambda_version=lambda_version)
    upload(aws, place, release, built)
    make_live(aws, place, release, live, by="arn:aws:iam::123456789012:user/tester")
    return release


def lambda_zip(text: str) -> bytes:
    """Give a zip with a handler in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py"), f"# {text}\n")
    return out.getvalue()
