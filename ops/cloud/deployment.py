"""A release from beginning to end: build, plan, apply, upload, switch, check; what `python deploy.py` does.

    prepared = prepare(aws, settings, events)       # builds, reads what is live, makes the change set: changes nothing yet
    prepared.plan, prepared.difference              # what a person is asked about
    result = execute(aws, prepared, events)         # applies, uploads, switches, smoke-tests, rolls back if that fails

The build is in memory from its first byte to its upload: no other build, plan or release on this machine can get into it.
Nothing here talks to a person: the callbacks of `Events` do (ops/cli/cloud.py).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import subprocess
from dataclasses import dataclass, field, replace

from ops.cloud import stack_template
from ops.cloud.artifacts import lambda_key, make_artifacts_bucket, upload_lambda
from ops.cloud.assets import Written, upload_assets
from ops.cloud.aws import Aws, AwsError
from ops.cloud.backups import back_up_tables
from ops.cloud.bucket import (
    PAGE,
    PILOT_ALIAS,
    PILOT_PAGE,
    SITE,
    Live,
    Lost,
    Place,
    delete_objects,
    digest,
    earlier_releases,
    marked_page,
    page_is,
    read_live,
)
from ops.cloud.change_set import Change, Plan, apply_plan, discard_plan, make_plan
from ops.cloud.events import Events
from ops.cloud.manifests import Manifest, Release, keep_manifest, read_manifest
from ops.cloud.releases import fingerprint, invalidate, make_live, new_release, sync_aliases, upload
from ops.cloud.rollback import plan_rollback, rollback
from ops.cloud.settings_check import check_deployable
from ops.cloud.smoke import smoke_test
from ops.cloud.stack import Stack, StackMissing, account_of, find_queue, read_own_stack
from ops.cloud.stack_template import StackDefinition
from ops.errors import CONFLICT, ROLLED_BACK, WRONG_SETTINGS, UserError
from ops.settings import ROOT, Settings
from ops.site.api_zip import make_api_zip
from ops.site.build import make_site
from ops.site.contents import Site
from ops.site.lambda_zip import make_lambda_zip


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
class Packages:
    """The functions' zips: the look-up's, and the API's, which is None where the API is not enabled."""

    lookup: bytes
    api: bytes | None = None

    def by_parameter(self) -> dict[str, bytes]:
        """Return the zips by the template's parameter that has their key."""
        return {"LambdaKey": self.lookup, **({"ApiKey": self.api} if self.api is not None else {})}

    def keys(self) -> dict[str, str]:
        """Return the template's parameters: each zip's key in the bucket."""
        return {parameter: lambda_key(package) for parameter, package in self.by_parameter().items()}


@dataclass(frozen=True)
class PreparedRelease:
    """All that is known before anything is changed. `packages` are the functions' zips.

    `pilot`: it goes to the pilot, and "live" is what the pilot has. `place` is None where there is no stack (or pilot) yet.
    `manifest` is the live release's, None where there is none or it is lost;
    `released`: the live release is this build.
    """

    settings: Settings
    account: str
    site: Site
    packages: Packages
    definition: StackDefinition
    stack: Stack
    plan: Plan
    difference: Difference = field(default_factory=Difference)
    place: Place | None = None
    live: Live = field(default_factory=Live)
    manifest: Manifest | None = None
    released: bool = False
    pilot: bool = False

    @property
    def nothing_to_do(self) -> bool:
        """Whether neither the stack nor the site would change."""
        return not self.plan.change_set and self.stack.exists and self.released

    @property
    def ends_pilot(self) -> bool:
        """Whether the stack would lose its pilot, as the settings have none any more."""
        return any(change.action == "Remove" and change.resource == "PilotDistribution" for change in self.plan.changes)

    @property
    def shared_changes(self) -> tuple[Change, ...]:
        """What a pilot release would change in the stack for all agents at once: all but the pilot's own and functions' code."""
        if not self.pilot or not self.stack.exists:
            return ()
        return tuple(change for change in self.plan.changes if not _is_the_pilots(change))


@dataclass(frozen=True)
class Result:
    """What a release did."""

    url: str
    release: str
    released: bool
    written: int = 0
    changes: int = 0
    previous: str = ""


def _is_the_pilots(change: Change) -> bool:
    # New code is not live before an alias is moved to it; the bucket's policy lets the pilot's distribution in.
    code = change.kind == "AWS::Lambda::Function" and change.properties == ("Code",)
    return change.resource.startswith("Pilot") or change.resource == "SiteBucketPolicy" or code


def place_of(stack: Stack, pilot: bool = False) -> Place:
    """Return where the stack's releases go, or its pilot's. Raises UserError where there is no stack yet, or no pilot."""
    if not stack.exists or "SiteBucket" not in stack.outputs:
        raise StackMissing(f"stack {stack.name}", "it is not there", "release first: `deploy.py`")
    outputs = stack.outputs
    if pilot:
        if not has_pilot(stack):
            raise UserError(
                f"stack {stack.name}",
                "it has no pilot",
                "name its security profile in [tool.popdesk] pilot, then `deploy.py release --pilot`",
            )
        return Place(
            outputs["SiteBucket"],
            outputs["PilotDistributionId"],
            api=outputs.get("Api", ""),
            page=PILOT_PAGE,
            alias=PILOT_ALIAS,
        )
    return Place(outputs["SiteBucket"], outputs["DistributionId"], outputs["Function"], outputs.get("Api", ""))


def has_pilot(stack: Stack) -> bool:
    """Return whether the stack has a pilot."""
    return "PilotDistributionId" in stack.outputs


def url_of(stack: Stack, place: Place) -> str:
    """Return the address of the page: the live one, or the pilot's."""
    return stack.outputs["PilotUrl" if place.is_pilot else "Url"]


def prepare(aws: Aws, settings: Settings, events: Events, pilot: bool = False) -> PreparedRelease:
    """Build, read what is live, and make the change set. Changes nothing; `discard_plan` deletes the change set.

    With `pilot`, what the pilot has is meant wherever it says "live".
    """
    check_deployable(settings)
    if pilot and not settings.pilot:
        raise UserError(
            "--pilot",
            "the settings have no pilot",
            'name the security profile of its agents: pilot = "..." in [tool.popdesk]',
            exit_code=WRONG_SETTINGS,
        )
    events.on_step("Building")
    return prepare_built(aws, settings, make_site(settings), make_packages(settings), events, pilot)


def make_packages(settings: Settings) -> Packages:
    """Return the functions' zips."""
    return Packages(make_lambda_zip(settings), make_api_zip(settings) if settings.api.enabled else None)


def prepare_built(
    aws: Aws, settings: Settings, site: Site, packages: Packages, events: Events, pilot: bool = False
) -> PreparedRelease:
    """Do what `prepare` does after the build."""
    for note in site.notes:
        events.on_note(note)
    events.on_step("Planning")
    stack = read_own_stack(aws, settings)
    account = account_of(aws, stack)
    if account != settings.aws.instance_account:
        raise UserError(
            "aws.instance_arn",
            f"the instance is in account {settings.aws.instance_account}, the credentials are of {account}",
            "name another profile with --profile, or correct the setting",
            exit_code=WRONG_SETTINGS,
        )
    queue = find_queue(aws, settings, stack)
    definition = stack_template.define_stack(settings, account=account, keys=packages.keys(), queue_arn=queue)
    plan = make_plan(aws, definition, stack, events.pause)
    prepared = PreparedRelease(settings, account, site, packages, definition, stack, plan, pilot=pilot)
    new = set(site.files) - {PAGE}
    if not stack.exists or (pilot and not has_pilot(stack)):
        return replace(prepared, difference=Difference(tuple(sorted(new)), page=True, function=True))
    place = place_of(stack, pilot)
    live = read_live(aws, place)
    prepared = replace(prepared, place=place, live=live)
    if live.fingerprint == fingerprint(site, definition.fingerprint):
        if page_is(aws, place, live, marked_page(site.contents[PAGE], live.release)):
            return replace(prepared, released=True)
        events.on_note(f"the page of release {live.release} was changed by hand: it is released again")
    manifest = _live_manifest(aws, place, live, events)
    old = manifest.release.assets if manifest else set()
    difference = Difference(
        added=tuple(sorted(new - old)),
        removed=tuple(sorted(old - new)),
        page=True,
        function=bool(_new_packages(stack, definition, packages)),
    )
    return replace(prepared, manifest=manifest, difference=difference)


def _live_manifest(aws: Aws, place: Place, live: Live, events: Events) -> Manifest | None:
    """Return the live release's manifest; None, and a note, where it cannot be recovered: a release can do without."""
    if not live.release:
        if live.etag:
            events.on_note("the page was overwritten by hand: it is no release's")
        return None
    try:
        manifest = read_manifest(aws, place, live.release, live)
    except Lost as lost:
        events.on_note(f"{lost.subject}: {lost.reason}")
        return None
    if manifest.recovered:
        events.on_note(manifest.recovered)
    return manifest


def execute(aws: Aws, prepared: PreparedRelease, events: Events, smoke: bool = True, repair: bool = False) -> Result:
    """Do what was planned. Whatever fails before the switch leaves the live page as it is, and another run continues.

    `repair` is for a release that is live already: its files are read, and those that are gone or damaged are written
    again.

    Raises ReleaseConflict (exit code 4) where another release came first, UserError with exit code 5 where the live page is
    not right and the release before it was made live again.
    """
    stack = _apply(aws, prepared, events)
    place = place_of(stack, prepared.pilot)
    if prepared.ends_pilot:  # or a later pilot would begin with it, when its files may be gone
        delete_objects(aws, place.bucket, [{"Key": SITE + PILOT_PAGE}])
    url = url_of(stack, place)
    if prepared.released:
        return _finish(aws, prepared, place, url, repair, events)
    events.on_step("Uploading")
    version = _publish(aws, stack.outputs["Function"], prepared.packages.lookup)
    api = prepared.packages.api
    api_version = _publish(aws, place.api, api) if api is not None else ""
    if prepared.manifest:
        keep_manifest(aws, place, prepared.manifest)
    release = new_release(
        prepared.site,
        prepared.live,
        lambda_sha256=prepared.definition.fingerprint,
        lambda_version=version,
        api_version=api_version,
        infrastructure=prepared.definition.infrastructure,
        made_by=(by := caller(aws)),
        commit=current_commit(),
        previous=_last_live(aws, prepared),
        pilot=prepared.pilot,
    )
    written = _upload(aws, place, release, prepared, events)
    events.on_step("Switching")
    make_live(aws, place, release, prepared.live, by, written.replaced)
    if smoke:
        events.on_step("Checking the live page")
        check_live(aws, place, url, release, by, events, written, prepared.settings.connect_origins())
    return Result(url, release.id, True, written.count, len(prepared.plan.changes), release.before(place))


def _last_live(aws: Aws, prepared: PreparedRelease) -> str:
    """Return the release that was live last, where the page that says so is gone or was overwritten."""
    if prepared.live.release or not prepared.place:
        return prepared.live.release
    return next(earlier_releases(aws, prepared.place), "")


def _apply(aws: Aws, prepared: PreparedRelease, events: Events) -> Stack:
    if not prepared.plan.change_set:
        return prepared.stack
    events.on_step("Applying the change set")
    bucket = prepared.definition.parameters["ArtifactsBucket"]
    if new := _new_packages(prepared.stack, prepared.definition, prepared.packages):
        make_artifacts_bucket(aws, bucket, prepared.account)
        for package in new:
            upload_lambda(aws, bucket, prepared.account, package)
    try:
        back_up_tables(aws, prepared.plan, events)
    except UserError:
        discard_plan(aws, prepared.plan)
        raise
    return apply_plan(aws, prepared.plan, events)


def _new_packages(stack: Stack, definition: StackDefinition, packages: Packages) -> list[bytes]:
    """Return the zips that the stack does not have yet."""
    return [
        package
        for parameter, package in packages.by_parameter().items()
        if stack.parameters.get(parameter) != definition.parameters[parameter]
    ]


def _finish(aws: Aws, prepared: PreparedRelease, place: Place, url: str, repair: bool, events: Events) -> Result:
    """Finish what an interrupted run left undone, where nothing is to be released.

    Files are never among that: a page goes live after its last file. Only by hand can one be deleted later.
    """
    written = _repair(aws, prepared, place) if repair else Written()
    changed = [*written.added, *written.replaced]
    if sync_aliases(aws, place, events.on_note) or changed:
        invalidate(aws, place, changed)
    return Result(url, prepared.live.release, False, written.count, len(prepared.plan.changes))


def _repair(aws: Aws, prepared: PreparedRelease, place: Place) -> Written:
    """Write again what is gone or damaged of the live release, which is this build."""
    page = marked_page(prepared.site.contents[PAGE], prepared.live.release)
    manifest = read_manifest(aws, place, prepared.live.release, prepared.live)
    files = {**prepared.site.files, PAGE: digest(page.encode())}
    release = replace(manifest.release, page=page, files=files)
    return upload_assets(aws, place, release, prepared.site.contents, release.assets)


def _publish(aws: Aws, function: str, package: bytes) -> str:
    """Return the number of the function's version with this zip's code; publishing it again returns the same."""
    code = base64.b64encode(hashlib.sha256(package).digest()).decode()
    try:
        answer = aws.call("lambda", "publish_version", FunctionName=function, CodeSha256=code)
    except AwsError as error:
        if error.code == "InvalidParameterValueException":
            raise UserError(
                f"function {function}",
                f"its code is not the one that was just deployed ({error.reason}); nothing live was changed",
                "somebody else is releasing: run the command again when they are done",
                CONFLICT,
            ) from error
        raise
    return str(answer["Version"])


def _upload(aws: Aws, place: Place, release: Release, prepared: PreparedRelease, events: Events) -> Written:
    counter = itertools.count(1)  # its next() is one step for all threads

    def on_file(_: str) -> None:
        events.on_upload(next(counter), len(prepared.difference.added))

    kept = prepared.manifest.release.assets if prepared.manifest else set()
    return upload(aws, place, release, prepared.site, kept, on_file)


def check_live(
    aws: Aws,
    place: Place,
    url: str,
    release: Release,
    by: str,
    events: Events,
    written: Written,
    connect: tuple[str, ...],
) -> None:
    """Fetch the live page and compare it; where it is not right, make the release before it live again and raise UserError."""
    problems = smoke_test(url, release, events.pause, changed=written.replaced, connect=connect)
    if not problems:
        return
    reasons = "; ".join(problems)
    where = " --pilot" if place.is_pilot else ""
    before = release.before(place)
    if not before:
        raise UserError(
            url,
            f"the first release is live and failed its check: {reasons}",
            "fix that and release again; there is nothing to go back to",
            ROLLED_BACK,
        )
    if read_live(aws, place).release != release.id:
        raise UserError(
            url, f"another release was made live meanwhile: {reasons}", "look at `deploy.py status`", CONFLICT
        )
    try:
        rollback(aws, place, plan_rollback(aws, place, before), by)
    except UserError as error:
        raise UserError(
            url,
            f"the live page failed its check: {reasons}; and rolling back to {before} failed: "
            f"{error.subject}: {error.reason}",
            f"`deploy.py rollback {before}{where}`, or fix what is wrong and release again",
            ROLLED_BACK,
        ) from error
    raise UserError(
        url,
        f"the live page failed its check: {reasons}",
        f"release {before} is live again; fix that and release again",
        ROLLED_BACK,
    )


def caller(aws: Aws) -> str:
    """Return the ARN of the user or role that the credentials are of."""
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
