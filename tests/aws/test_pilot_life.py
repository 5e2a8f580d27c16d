"""A team's life with a pilot, on the real command line, against the rehearsal's AWS under the policy that `iam-policy` prints.

There each distribution is served at a domain of its own, so what the pilot's agents get and what all others get is fetched.
"""

from __future__ import annotations

import json
import os
import shlex
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy import cli
from ops import settings
from ops.cloud.iam_policy import policy
from ops.cloud.names import policy_names
from ops.rehearse.local_aws import CALLER, LocalAws
from ops.rehearse.rehearsal import instance_over
from ops.settings import load_settings

pytestmark = pytest.mark.thorough

_SHARED = ("--env", "prod", "--profile", "desk", "--region", "us-east-1")


class _Team:
    """Types commands, and fetches what agents get. `live` and `pilot` are the two pages, None where there is none."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws

    def types(self, line: str, says: str = "", exit_code: int = 0, answer: str = "") -> str:
        """Run a command, look at its exit code and for what it says; return all that it says."""
        result = CliRunner().invoke(cli, [*shlex.split(line), *_SHARED], input=answer, catch_exceptions=False)
        assert result.exit_code == exit_code, f"{line}:\n{result.output}"
        assert says in result.output, f"{line}:\n{result.output}"
        assert self.aws.defects == []
        return result.output

    def changes_the_settings(self, old: str, new: str) -> None:
        text = settings.PYPROJECT.read_text("utf-8")
        assert old in text
        settings.PYPROJECT.write_text(text.replace(old, new), "utf-8")

    @property
    def live(self) -> bytes:
        return self._page("Url")

    @property
    def pilot(self) -> bytes:
        return self._page("PilotUrl")

    def _page(self, output: str) -> bytes:
        stack = self.aws.cloudformation.stack("popdesk-prod")
        assert stack is not None
        trusted = ssl.create_default_context(cafile=str(self.aws.cloudfront.certificate))
        with urllib.request.urlopen(stack.outputs[output], timeout=30, context=trusted) as answer:
            return bytes(answer.read())

    def left_of_the_pilot(self) -> list[str]:
        """Return what there is of the pilot: outputs, applications, and its page."""
        stack = self.aws.cloudformation.stack("popdesk-prod")
        assert stack is not None
        bucket = self.aws.client("s3").list_objects_v2(Bucket=stack.outputs["SiteBucket"], Prefix="site/")["Contents"]
        applications = [application["Name"] for application in self.aws.apps.applications.values()]
        names = [*stack.outputs, *applications, *(each["Key"] for each in bucket)]
        return [name for name in names if "pilot" in name.lower()]

    def assets(self) -> dict[str, str]:
        """Return the ETag of each asset in the bucket, which is its content's."""
        stack = self.aws.cloudformation.stack("popdesk-prod")
        assert stack is not None
        listed = self.aws.client("s3").list_objects_v2(Bucket=stack.outputs["SiteBucket"], Prefix="site/assets/")
        return {each["Key"]: each["ETag"] for each in listed["Contents"]}

    @contextmanager
    def header_dropped(self) -> Iterator[None]:
        """Somebody's hand in CloudFront: answers lack X-Content-Type-Options until the end of `with`."""
        stack = self.aws.cloudformation.stack("popdesk-prod")
        assert stack is not None
        cloudfront = self.aws.client("cloudfront")
        distribution = cloudfront.get_distribution(Id=stack.outputs["DistributionId"])["Distribution"]
        identity = distribution["DistributionConfig"]["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
        dropped: dict[str, Any] = {}

        def change(how: Callable[[dict[str, Any]], object]) -> None:
            found = cloudfront.get_response_headers_policy(Id=identity)
            config = found["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
            how(config["SecurityHeadersConfig"])
            cloudfront.update_response_headers_policy(
                Id=identity, IfMatch=found["ETag"], ResponseHeadersPolicyConfig=config
            )

        change(lambda headers: dropped.update(ContentTypeOptions=headers.pop("ContentTypeOptions")))
        yield
        change(lambda headers: headers.update(dropped))

    def granted(self, profile: str) -> list[str]:
        """Return the namespaces that a security profile grants."""
        (found,) = [each for each in self.aws.connect.profiles.values() if each["name"] == profile]
        return [application["Namespace"] for application in found["applications"]]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Team]:
    """Return a team with a pilot in its settings; this process's environment and settings are theirs."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "UV"]:
        monkeypatch.delenv(name)
    arn = instance_over(load_settings(environment="prod"))["aws"]["instance_arn"]
    text = settings.PYPROJECT.read_text("utf-8").replace('instance_arn = ""', f'instance_arn = "{arn}"')
    pyproject, config = tmp_path / "pyproject.toml", tmp_path / "config"
    pyproject.write_text(text, "utf-8")
    config.write_text(f"[profile desk]\naws_access_key_id = {CALLER}\naws_secret_access_key = rehearsal\n", "utf-8")
    monkeypatch.setattr(settings, "PYPROJECT", pyproject)
    monkeypatch.setattr("ops.cloud.events.POLL_SECONDS", 0.01)
    given = load_settings(environment="prod")
    aws = LocalAws(given, policy(policy_names(given, given.aws.instance_account), given.api.enabled))
    for name, value in {**aws.environment(), "AWS_CONFIG_FILE": str(config)}.items():
        monkeypatch.setenv(name, value)
    try:
        yield _Team(aws)
    finally:
        aws.close()


@pytest.mark.timeout(600)
def test_a_life_with_a_pilot(team: _Team) -> None:
    team.types("release --pilot --yes", "the settings have no pilot", 2)
    team.changes_the_settings("[tool.popdesk]\n", '[tool.popdesk]\nopens = "service"\npilot = "Quality"\n')
    team.types("promote --yes", "release first", 1)
    team.types("release --yes", "Released")
    team.types("promote --yes", "the pilot has no release", 1)
    first = team.live

    team.changes_the_settings("request_timeout_ms = 5000", "request_timeout_ms = 4000")
    team.types("plan --pilot", "The pilot's site: ", 3)
    team.types("release --pilot --dry-run", "no resources change")
    team.types("release --pilot", "Release this to the pilot?", 1, answer="n\n")
    team.types("release --pilot --yes --json", '"released": true')
    assert team.live == first
    assert team.pilot != first
    team.types("release --pilot --yes", "is live in the pilot, at https://localhost:")
    team.types("doctor --grant Quality", "Quality now grants Popdesk pilot")
    team.types("doctor --grant Agent", "Agent now grants Popdesk")
    assert team.granted("Quality") == ["somebody-elses", "popdesk-pilot", "popdesk-pilot-service"]
    assert team.granted("Agent") == ["somebody-elses", "popdesk", "popdesk-service"]
    facts = json.loads(team.types("status --no-drift --json"))
    assert facts["pilot"]["release"] != facts["release"]
    assert facts["pilot"]["promoted"] is False

    tried, files = team.pilot, team.assets()
    team.types("promote", "nothing was changed", 1, answer="n\n")
    team.types("promote --dry-run --json", '"done": false')
    with team.header_dropped():  # what agents would get is not what was promoted
        team.types("promote --yes", "is live again", 5)
    assert (team.live, team.pilot) == (first, tried)
    team.types("promote --yes", "is live for everybody")
    assert team.live == team.pilot == tried
    assert team.assets() == files
    team.types("promote --yes --json", '"done": true')  # nothing is left to do, and that is no error
    assert team.live == tried

    team.changes_the_settings("log_retention_days = 30", "log_retention_days = 90")
    team.types("plan --pilot", "For all agents at once, not the pilot's alone (--shared): LookupLogs", 3)
    team.types("release --pilot --yes", "it would change for all agents at once: LookupLogs", 3)
    assert team.pilot == tried
    team.types("release --pilot --shared --yes", "Released")
    newer = team.pilot
    assert (team.live, newer == tried) == (tried, False)
    team.types("rollback --yes", "is live again")
    assert (team.live, team.pilot) == (first, newer)
    team.types("rollback --pilot --yes", "is live again in the pilot")
    assert (team.live, team.pilot) == (first, tried)
    team.types("release --yes", "Released")
    assert team.pilot == tried
    team.types("doctor", "pilot's page")
    team.types("prune", "deleted")

    team.changes_the_settings('pilot = "Quality"', 'pilot = ""')
    team.types("plan", "PilotDistribution", 3)
    team.types("release --yes", "it would end the pilot, which Quality still grants", 3)
    assert team.pilot == tried
    team.types("doctor --grant Quality", "Quality now grants Popdesk")
    team.types("release --yes", "resources changed")
    assert team.granted("Quality") == ["somebody-elses", "popdesk", "popdesk-service"]
    assert team.left_of_the_pilot() == []
    team.types("destroy --confirm popdesk-prod", "Agent, Quality no longer grants Popdesk")
    assert team.granted("Quality") == ["somebody-elses"]
