"""A release from beginning to end: build, plan, apply, upload, switch, check; what `python deploy.py` does.

    work = prepare(aws, settings, on_step=print)      # builds; reads what is; makes the change set: nothing is changed yet
    work.difference                                   # what a person is asked about
    result = carry_out(aws, work, events)             # applies, uploads, switches, smoke-tests, rolls back if that fails

Nothing here talks to a person: `Events` are told what goes on, deploy.py shows it.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.cloud import stack as stacks
from ops.cloud.aws import Aws, AwsTrouble
from ops.cloud.releases import (
    PAGE,
    Live,
    Place,
    Release,
    fingerprint,
    invalidate,
    make_live,
    missing_assets,
    new_release,
    put_missing,
    read_live,
    read_release,
    rollback,
    settle_lambda,
    upload,
)
from ops.cloud.smoke import smoke_test
from ops.cloud.stack import Plan, Stack, Wanted
from ops.errors import Trouble
from ops.settings import ROOT, Settings
from ops.site.build import Built, build_site
from ops.site.lambda_zip import LAMBDA_ZIP, build_lambda_zip

SITE_FOLDER = ROOT / "build" / "site"
SMOKE_EXIT_CODE = 5  # the live page was not right, and the release before it is live again


@dataclass
class Events:
    """What is told while a release goes on; each may be None."""

    on_step: Callable[[str], None] | None = None
    on_resource: Callable[[str, str, str], None] | None = None
    on_upload: Callable[[int, int], None] | None = None  # files written, files to write
    pause: Callable[[float], None] = time.sleep

    def step(self, text: str) -> None:
        """Tell that something begins."""
        if self.on_step:
            self.on_step(text)


@dataclass(frozen=True)
class Difference:
    """What a release would do to the site: paths that are new, paths the live release has and this one has not."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    page: bool = False
    function: bool = False

    @property
    def empty(self) -> bool:
        """Whether the live release is this very one."""
        return not (self.added or self.removed or self.page or self.function)


@dataclass(frozen=True)
class Work:
    """All that is known before anything is changed."""

    settings: Settings
    account: str
    built: Built
    zip_file: Path
    wanted: Wanted
    stack: Stack
    plan: Plan
    place: Place | None
    live: Live = field(default_factory=Live)
    fingerprint: str = ""
    difference: Difference = field(default_factory=Difference)

    @property
    def nothing_to_do(self) -> bool:
        """Whether neither the stack nor the site would change."""
        return not self.plan.change_set and self.stack.exists and self.live.fingerprint == self.fingerprint


@dataclass(frozen=True)
class Result:
    """What a release did."""

    url: str
    release: str
    released: bool
    written: int = 0
    changes: int = 0
    previous: str = ""


def place_of(stack: Stack) -> Place:
    """Give where the stack's releases go. Raises Trouble where there is no stack yet."""
    if not stack.exists or "SiteBucket" not in stack.outputs:
        raise Trouble(f"stack {stack.name}", "it is not there", "release first: `deploy.py`")
    outputs = stack.outputs
    return Place(outputs["SiteBucket"], outputs["DistributionId"], outputs["Function"])


def prepare(aws: Aws, settings: Settings, events: Events, folder: Path = SITE_FOLDER) -> Work:
    """Build, read what is, and make the change set. Changes nothing; `stacks.forget_plan` drops the change set."""
    stacks.check_deployable(settings)
    events.step("Building")
    built = build_site(settings, folder)
    return prepare_built(aws, settings, built, build_lambda_zip(settings, LAMBDA_ZIP), events)


def prepare_built(aws: Aws, settings: Settings, built: Built, zip_file: Path, events: Events) -> Work:
    """The part of `prepare` after the build."""
    events.step("Planning")
    stack = stacks.read_own_stack(aws, settings)
    account = stacks.account_of(aws, stack)
    if account not in settings.aws.instance_arn:
        raise Trouble(
            "aws.instance_arn",
            f"the instance is in account {settings.aws.instance_arn.split(':')[4]}, the credentials are of {account}",
            "name another profile with --profile, or mend the setting",
            exit_code=2,
        )
    wanted = stacks.want(
        settings,
        account=account,
        lambda_key=stacks.lambda_key(zip_file),
        queue_arn=stacks.find_queue(aws, settings, stack),
    )
    plan = stacks.make_plan(aws, wanted, stack, events.pause)
    code = fingerprint(built, wanted.fingerprint)
    if not stack.exists:
        files = tuple(sorted(path for path in built.files if path != PAGE))
        difference = Difference(files, page=True, function=True)
        return Work(settings, account, built, zip_file, wanted, stack, plan, None, Live(), code, difference)
    place = place_of(stack)
    live = read_live(aws, place)
    difference = _difference(aws, place, live, built, code, wanted, stack)
    return Work(settings, account, built, zip_file, wanted, stack, plan, place, live, code, difference)


def _difference(
    aws: Aws, place: Place, live: Live, built: Built, code: str, wanted: Wanted, stack: Stack
) -> Difference:
    if live.release and live.fingerprint == code:
        return Difference()
    old = read_release(aws, place, live.release).assets if live.release else set()
    new = set(built.files) - {PAGE}
    changed = stack.parameters.get("LambdaKey") != wanted.parameters["LambdaKey"]
    return Difference(tuple(sorted(new - old)), tuple(sorted(old - new)), True, changed)


def carry_out(aws: Aws, work: Work, events: Events, smoke: bool = True, repair: bool = False) -> Result:
    """Do what was planned. Whatever fails before the switch leaves the live page as it is; running again goes on.

    `repair` is for a release that is live already: its files are looked for, and those that are gone are written again.

    Raises Overtaken (exit code 4) where another release came first, Trouble with exit code 5 where the live page is
    not right and the release before it was made live again.
    """
    stack = _apply(aws, work, events)
    place = place_of(stack)
    url = stack.outputs["Url"]
    if work.place and work.live.release and work.live.fingerprint == work.fingerprint:
        return _finish(aws, work, place, url, repair)
    events.step("Uploading")
    version = _publish_lambda(aws, place, work.zip_file)
    release = new_release(
        work.built,
        work.live,
        lambda_sha256=work.wanted.fingerprint,
        lambda_version=version,
        infrastructure=work.wanted.infrastructure,
        made_by=(by := caller(aws)),
        commit=current_commit(),
    )
    written = _upload(aws, place, release, work, events)
    events.step("Switching")
    make_live(aws, place, release, work.live, by)
    if smoke:
        events.step("Checking the live page")
        _check_live(aws, place, url, release, by, events)
    return Result(url, release.id, True, written, len(work.plan.changes), work.live.release)


def _apply(aws: Aws, work: Work, events: Events) -> Stack:
    if not work.plan.change_set:
        return work.stack
    events.step("Applying the change set")
    bucket = work.wanted.parameters["ArtifactsBucket"]
    if work.stack.parameters.get("LambdaKey") != work.wanted.parameters["LambdaKey"]:
        stacks.make_artifacts_bucket(aws, bucket, work.account)
        stacks.upload_lambda(aws, bucket, work.account, work.zip_file)
    return stacks.apply_plan(aws, work.plan, events.on_resource, events.pause)


def _finish(aws: Aws, work: Work, place: Place, url: str, repair: bool) -> Result:
    """Nothing is to be released; what an interrupted run left undone is done.

    Files are never among that: a page goes live after its last file. Only somebody's hand takes one away later.
    """
    missing = missing_assets(aws, place, work.built.files) if repair else []
    put_missing(aws, place, work.built, missing)
    if settle_lambda(aws, place) or missing:
        invalidate(aws, place)
    return Result(url, work.live.release, False, len(missing), len(work.plan.changes))


def _publish_lambda(aws: Aws, place: Place, zip_file: Path) -> str:
    """Give the number of the version with this zip's code; publishing what is published already gives its number."""
    digest = base64.b64encode(hashlib.sha256(zip_file.read_bytes()).digest()).decode()
    try:
        answer = aws.call("lambda", "publish_version", FunctionName=place.function, CodeSha256=digest)
    except AwsTrouble as trouble:
        if trouble.code == "InvalidParameterValueException":
            raise Trouble(
                f"function {place.function}",
                f"its code is not the one that was just deployed ({trouble.reason}); nothing live was changed",
                "somebody else is releasing: run the command again after them",
                stacks.BUSY_EXIT_CODE,
            ) from trouble
        raise
    return str(answer["Version"])


def _upload(aws: Aws, place: Place, release: Release, work: Work, events: Events) -> int:
    counter = itertools.count(1)  # its next() is one step for all threads

    def on_file(_: str) -> None:
        if events.on_upload:
            events.on_upload(next(counter), len(work.difference.added))

    return len(upload(aws, place, release, work.built, on_file))


def _check_live(aws: Aws, place: Place, url: str, release: Release, by: str, events: Events) -> None:
    problems = smoke_test(url, release, events.pause)
    if not problems:
        return
    told = "; ".join(problems)
    if not release.previous:
        raise Trouble(
            url,
            f"the first release is live and not right: {told}",
            "mend that and release again; there is nothing to go back to",
            SMOKE_EXIT_CODE,
        )
    if read_live(aws, place).release != release.id:
        raise Trouble(url, f"another release was made live meanwhile: {told}", "look at `deploy.py status`", 4)
    rollback(aws, place, release.previous, by)
    raise Trouble(
        url,
        f"the live page was not right: {told}",
        f"release {release.previous} is live again; mend that and release again",
        SMOKE_EXIT_CODE,
    )


def caller(aws: Aws) -> str:
    """Give the ARN of whoever runs this."""
    return str(aws.call("sts", "get_caller_identity")["Arn"])


def current_commit() -> str:
    """Give the checkout's commit, with -dirty where files differ from it; empty where there is no git."""
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()
