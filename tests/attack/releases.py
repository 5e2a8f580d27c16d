"""Releases at once in one checkout: the live page is one whole release, and each loser is told.

    uv run python -m tests.attack.releases [--at-once 27]

The real `deploy.py release` in processes of their own, in a copy of the checkout, against the local AWS
(tests/aws/moto_server.py). Meanwhile the settings change, as in a checkout where somebody works. Each release ends with 0, or
with 4 where another came first. Exits with 1 and the reason where the live page is not whole, a file of it is not what its
manifest says, or a process ends in another way. Releases that are killed: tests/attack/kills.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import brotli
import click
from botocore.exceptions import ClientError

from tests.aws.account import INSTANCE
from tests.aws.moto_server import MotoServer
from tests.aws.world import open_test_aws
from tests.project import copy_project

_BUCKET = "popdesk-prod-site-123456789012-us-east-1"
_RELEASE = [sys.executable, "deploy.py", "release", "--yes", "--env", "prod", "--region", "us-east-1"]
_MOST = 300.0  # seconds that one release may take on a busy machine


class Failed(Exception):
    """What an attack has found."""


class Team:
    """A checkout of a team, and its AWS account in the moto server."""

    def __init__(self, server: MotoServer, folder: Path) -> None:
        server.reset()
        self._aws = open_test_aws(server.url)
        self.project = copy_project(folder)
        self._settings = self.project / "pyproject.toml"
        self._text = self._settings.read_text("utf-8").replace('instance_arn = ""', f'instance_arn = "{INSTANCE}"')
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment = kept | {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": server.url,
            "SSL_CERT_FILE": server.certificate,
        }
        self.edit(0)

    def edit(self, number: int) -> None:
        """Change a setting that travels with the page, so that the next release is another one."""
        others = re.sub(r"^request_timeout_ms = .*\n", "", self._text, flags=re.MULTILINE)  # a team may leave it out
        changed = others.replace("[tool.popdesk]\n", f"[tool.popdesk]\nrequest_timeout_ms = {4000 + number}\n", 1)
        beside = self._settings.with_name("pyproject.toml.new")
        beside.write_text(changed, "utf-8")
        beside.replace(self._settings)

    def start(self) -> subprocess.Popen[str]:
        """Start a release in a process group of its own."""
        return subprocess.Popen(
            _RELEASE,
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def release(self) -> None:
        """Release to the end. Raise Failed where it does not end with 0."""
        self.ended(self.start(), {0})

    def ended(self, process: subprocess.Popen[str], codes: set[int]) -> int:
        """Return the exit code of a release. Raise Failed where it is not one of `codes`, or there is a traceback."""
        said, _ = process.communicate(timeout=_MOST)
        if process.returncode not in codes or "Traceback" in said:
            raise Failed(f"a release ended with {process.returncode}:\n{said}")
        return process.returncode

    def live(self) -> str:
        """Return the id of the live release, "" before the first. Raise Failed where it is not whole."""
        try:
            page = self._object("site/index.html")
        except ClientError:
            return ""
        identity = str(page["Metadata"]["release"])
        manifest = json.loads(self._object(f"releases/{identity}.json")["Content"])
        for path, digest in manifest["files"].items():
            try:
                stored = self._object(f"site/{path}")
            except ClientError:
                raise Failed(f"{path} of the live release {identity} is missing") from None
            content = stored["Content"]
            if stored.get("ContentEncoding") == "br":
                content = brotli.decompress(content)
            if hashlib.sha256(content).hexdigest() != digest:
                raise Failed(f"{path} of the live release {identity} is not what its manifest says")
        return identity

    def _object(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._aws.client("s3").get_object(Bucket=_BUCKET, Key=key)
        return answer | {"Content": answer["Body"].read()}


def release_at_once(team: Team, processes: int) -> tuple[int, int]:
    """Start that many releases in one checkout, the settings changing meanwhile; return how many won and how many lost."""
    team.release()
    running = []
    for number in range(processes):
        team.edit(1000 + number)
        running.append(team.start())
        time.sleep(0.05)  # so that they read different settings: not all would, and need not
    codes = [team.ended(process, {0, 4}) for process in running]
    if not team.live():
        raise Failed("nothing is live")
    team.edit(2000)
    team.release()
    team.live()
    return codes.count(0), codes.count(4)


@click.command()
@click.option("--at-once", default=27, show_default=True, help="Releases at once.")
def main(at_once: int) -> None:
    """Start many releases at once."""
    with MotoServer() as server, tempfile.TemporaryDirectory() as folder:
        try:
            won, lost = release_at_once(Team(server, Path(folder) / "at-once"), at_once)
        except Failed as failed:
            print(failed, file=sys.stderr)
            sys.exit(1)
    print(f"{at_once} releases at once: {won} done, {lost} told that another came first; the live page is whole")


if __name__ == "__main__":
    main()
