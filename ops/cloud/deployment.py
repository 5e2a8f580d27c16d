"""A release from beginning to end: build, plan, apply, upload, switch, check; what `python deploy.py` does.

    work = prepare(aws, settings, Events())           # builds; reads what is; makes the change set: nothing is changed yet
    work.difference                                   # what a person is asked about
    result = carry_out(aws, work, events)             # applies, uploads, switches, smoke-tests, rolls back if that fails

The build is in memory from its first byte to its upload: no other build, plan or release on this machine can get into it.
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
from dataclasses import dataclass, field, replace

from ops.cloud import stack as stacks
from ops.cloud.aws import Aws, AwsError
from ops.cloud.bucket import (
    PAGE,
    Live,
    Lost,
    Manifest,
    Place,
    Release,
    digest,
    earlier_releases,
    keep_manifest,
    marked_page,
    page_is,
    read_live,
    read_manifest,
)
from ops.cloud.releases import (
    Written,
    fingerprint,
    invalidate,
    make_live,
    make_whole,
    new_release,
    plan_rollback,
    rollback,
    settle_lambda,
    upload,
)
from ops.cloud.smoke import smoke_test
from ops.cloud.stack import Plan, Stack, Wanted
from ops.errors import UserError
from ops.settings import ROOT, Settings
from ops.site.build import make_site
from ops.site.contents import Site
from ops.site.lambda_zip import make_lambda_zip

SMOKE_EXIT_CODE = 5  # the live page was not right, and the release before it is live again


@dataclass
class Events:
    """What is told while a release goes on; each may be None."""

    on_step: Callable[[str], None] | None = None
    on_resource: Callable[[str, str, str], None] | None = None
    on_upload: Callable[[int, int], None] | None = None  # files written, files to write
    on_note: Callable[[str], None] | None = None  # what was found lost or damaged, and recovered; what the build says
    pause: Callable[[float], None] = time.sleep

    def step(self, text: str) -> None:
        """Tell that something begins."""
        if self.on_step:
            self.on_step(text)

    def note(self, text: str) -> None:
        """Tell what a person should know when it is over."""
        if self.on_note:
            self.on_note(text)


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
    """All that is known before anything is changed. `package` is the Lambda's zip.

    `manifest` is the live release's, None where there is none or it is lost; `released`: the live release is this build.
    """

    settings: Settings
    account: str
    site: Site
    package: bytes
    wanted: Wanted
    stack: Stack
    plan: Plan
    place: Place | None
    live: Live = field(default_factory=Live)
    manifest: Manifest | None = None
    released: bool = False
    difference: Difference = field(default_factory=Difference)

    @property
    def nothing_to_do(self) -> bool:
        """Whether neither the stack nor the site would change."""
        return not self.plan.change_set and self.stack.exists and self.released


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
    """Return where the stack's releases go. Raises UserError where there is no stack yet."""
    if not stack.exists or "SiteBucket" not in stack.outputs:
        raise UserError(f"stack {stack.name}", "it is not there", "release first: `deploy.py`")
    outputs = stack.outputs
    return Place(outputs["SiteBucket"], outputs["DistributionId"], outputs["Function"])


def prepare(aws: Aws, settings: Settings, events: Events) -> Work:
    """Build, read what is, and make the change set. Changes nothing; `stacks.forget_plan` drops the change set."""
    stacks.check_deployable(settings)
    events.step("Building")
    return prepare_built(aws, settings, make_site(settings), make_lambda_zip(settings), events)


def prepare_built(aws: Aws, settings: Settings, site: Site, package: bytes, events: Events) -> Work:
    """The part of `prepare` after the build."""
    for note in site.notes:
        events.note(note)
    events.step("Planning")
    stack = stacks.read_own_stack(aws, settings)
    account = stacks.account_of(aws, stack)
    if account not in settings.aws.instance_arn:
        raise UserError(
            "aws.instance_arn",
            f"the instance is in account {settings.aws.instance_arn.split(':')[4]}, the credentials are of {account}",
            "name another profile with --profile, or fix the setting",
            exit_code=2,
        )
    wanted = stacks.want(
        settings,
        account=account,
        lambda_key=stacks.lambda_key(package),
        queue_arn=stacks.find_queue(aws, settings, stack),
    )
    plan = stacks.make_plan(aws, wanted, stack, events.pause)
    if not stack.exists:
        files = tuple(sorted(path for path in site.files if path != PAGE))
        difference = Difference(files, page=True, function=True)
        return Work(settings, account, site, package, wanted, stack, plan, None, difference=difference)
    place = place_of(stack)
    live = read_live(aws, place)
    released = live.fingerprint == fingerprint(site, wanted.fingerprint)
    if released and not page_is(aws, place, live, marked_page(site.contents[PAGE], live.release)):
        events.note(f"the page of release {live.release} was changed by hand: it is released again")
        released = False
    if released:
        return Work(settings, account, site, package, wanted, stack, plan, place, live, released=True)
    manifest = _live_manifest(aws, place, live, events)
    old = manifest.release.assets if manifest else set()
    new = set(site.files) - {PAGE}
    changed = stack.parameters.get("LambdaKey") != wanted.parameters["LambdaKey"]
    difference = Difference(tuple(sorted(new - old)), tuple(sorted(old - new)), True, changed)
    return Work(settings, account, site, package, wanted, stack, plan, place, live, manifest, False, difference)


def _live_manifest(aws: Aws, place: Place, live: Live, events: Events) -> Manifest | None:
    """Return the live release's manifest; None, and a note, where that cannot be recovered: a release needs it not."""
    if not live.release:
        if live.etag:
            events.note("the page was overwritten by hand: it is no release's")
        return None
    try:
        manifest = read_manifest(aws, place, live.release, live)
    except Lost as lost:
        events.note(f"{lost.subject}: {lost.reason}")
        return None
    if manifest.recovered:
        events.note(manifest.recovered)
    return manifest


def carry_out(aws: Aws, work: Work, events: Events, smoke: bool = True, repair: bool = False) -> Result:
    """Do what was planned. Whatever fails before the switch leaves the live page as it is; running again goes on.

    `repair` is for a release that is live already: its files are read, and those that are gone or damaged are written
    again.

    Raises Overtaken (exit code 4) where another release came first, UserError with exit code 5 where the live page is
    not right and the release before it was made live again.
    """
    stack = _apply(aws, work, events)
    place = place_of(stack)
    url = stack.outputs["Url"]
    if work.released:
        return _finish(aws, work, place, url, repair, events)
    events.step("Uploading")
    version = _publish_lambda(aws, place, work.package)
    if work.manifest:
        keep_manifest(aws, place, work.manifest)
    release = new_release(
        work.site,
        work.live,
        lambda_sha256=work.wanted.fingerprint,
        lambda_version=version,
        infrastructure=work.wanted.infrastructure,
        made_by=(by := caller(aws)),
        commit=current_commit(),
        previous=_last_live(aws, work),
    )
    written = _upload(aws, place, release, work, events)
    events.step("Switching")
    make_live(aws, place, release, work.live, by, written.replaced)
    if smoke:
        events.step("Checking the live page")
        _check_live(aws, place, url, release, by, events, written)
    return Result(url, release.id, True, written.count, len(work.plan.changes), release.previous)


def _last_live(aws: Aws, work: Work) -> str:
    """Return the release that was live last, where the page that says so is gone or was overwritten."""
    if work.live.release or not work.place:
        return work.live.release
    return next(earlier_releases(aws, work.place), "")


def _apply(aws: Aws, work: Work, events: Events) -> Stack:
    if not work.plan.change_set:
        return work.stack
    events.step("Applying the change set")
    bucket = work.wanted.parameters["ArtifactsBucket"]
    if work.stack.parameters.get("LambdaKey") != work.wanted.parameters["LambdaKey"]:
        stacks.make_artifacts_bucket(aws, bucket, work.account)
        stacks.upload_lambda(aws, bucket, work.account, work.package)
    return stacks.apply_plan(aws, work.plan, events.on_resource, events.pause)


def _finish(aws: Aws, work: Work, place: Place, url: str, repair: bool, events: Events) -> Result:
    """Nothing is to be released; what an interrupted run left undone is done.

    Files are never among that: a page goes live after its last file. Only somebody's hand takes one away later.
    """
    written = _repair(aws, work, place) if repair else Written()
    changed = [*written.added, *written.replaced]
    if settle_lambda(aws, place, events.note) or changed:
        invalidate(aws, place, changed)
    return Result(url, work.live.release, False, written.count, len(work.plan.changes))


def _repair(aws: Aws, work: Work, place: Place) -> Written:
    """Write again what is gone or damaged of the live release, which is this build."""
    page = marked_page(work.site.contents[PAGE], work.live.release)
    manifest = read_manifest(aws, place, work.live.release, work.live)
    files = {**work.site.files, PAGE: digest(page.encode())}
    release = replace(manifest.release, page=page, files=files)
    return make_whole(aws, place, release, work.site.contents, release.assets)


def _publish_lambda(aws: Aws, place: Place, package: bytes) -> str:
    """Return the number of the version with this zip's code; publishing what is published already gives its number."""
    code = base64.b64encode(hashlib.sha256(package).digest()).decode()
    try:
        answer = aws.call("lambda", "publish_version", FunctionName=place.function, CodeSha256=code)
    except AwsError as error:
        if error.code == "InvalidParameterValueException":
            raise UserError(
                f"function {place.function}",
                f"its code is not the one that was just deployed ({error.reason}); nothing live was changed",
                "somebody else is releasing: run the command again after them",
                stacks.BUSY_EXIT_CODE,
            ) from error
        raise
    return str(answer["Version"])


def _upload(aws: Aws, place: Place, release: Release, work: Work, events: Events) -> Written:
    counter = itertools.count(1)  # its next() is one step for all threads

    def on_file(_: str) -> None:
        if events.on_upload:
            events.on_upload(next(counter), len(work.difference.added))

    kept = work.manifest.release.assets if work.manifest else set()
    return upload(aws, place, release, work.site, kept, on_file)


def _check_live(aws: Aws, place: Place, url: str, release: Release, by: str, events: Events, written: Written) -> None:
    problems = smoke_test(url, release, events.pause, changed=written.replaced)
    if not problems:
        return
    told = "; ".join(problems)
    if not release.previous:
        raise UserError(
            url,
            f"the first release is live and not right: {told}",
            "fix that and release again; there is nothing to go back to",
            SMOKE_EXIT_CODE,
        )
    if read_live(aws, place).release != release.id:
        raise UserError(url, f"another release was made live meanwhile: {told}", "look at `deploy.py status`", 4)
    try:
        rollback(aws, place, plan_rollback(aws, place, release.previous), by)
    except UserError as error:
        raise UserError(
            url,
            f"the live page is not right: {told}; and going back to {release.previous} failed: "
            f"{error.subject}: {error.reason}",
            f"`deploy.py rollback {release.previous}`, or fix what is wrong and release again",
            SMOKE_EXIT_CODE,
        ) from error
    raise UserError(
        url,
        f"the live page was not right: {told}",
        f"release {release.previous} is live again; fix that and release again",
        SMOKE_EXIT_CODE,
    )


def caller(aws: Aws) -> str:
    """Return the ARN of whoever runs this."""
    return str(aws.call("sts", "get_caller_identity")["Arn"])


def current_commit() -> str:
    """Return the checkout's commit, with -dirty where files differ from it; empty where there is no git."""
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
