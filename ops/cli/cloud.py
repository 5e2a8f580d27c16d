"""The commands of deploy.py that talk to AWS: release, plan, status, rollback, releases, prune, destroy, doctor and so on.

Each reads its options, calls the module that does the job and shows what it did. deploy.py imports this module when one
of them is asked for. The exit codes are in ops/errors.py.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ops.cli.options import as_given, environment_option, profile_option, region_option
from ops.cloud.assets import Written, check_assets
from ops.cloud.aws import Aws, open_aws
from ops.cloud.bucket import PAGE, Lost, Place, earlier_releases, page_is, read_live, read_who
from ops.cloud.change_set import Change, discard_plan
from ops.cloud.deployment import (
    Difference,
    PreparedRelease,
    caller,
    check_live,
    execute,
    has_pilot,
    place_of,
    prepare,
    url_of,
)
from ops.cloud.destroy import check_keeps_tables, data_tables, destroy, existing_tables
from ops.cloud.doctor import Finding, examine
from ops.cloud.drift import read_drift
from ops.cloud.events import Events
from ops.cloud.first_day import walk
from ops.cloud.github_role import repository, role_template
from ops.cloud.grants import grant, granting_pilot, withdraw
from ops.cloud.iam_policy import MANAGED_SIZE, ROLE_SIZE, parts, policy, size
from ops.cloud.manifests import Release, read_history, read_manifest
from ops.cloud.names import partition, policy_names, stack_name
from ops.cloud.promote import plan_promotion, promote
from ops.cloud.prune import prune
from ops.cloud.rollback import RollbackPlan, plan_rollback, rollback
from ops.cloud.settings_check import check_deployable, check_region_option, naming_environments
from ops.cloud.stack import Stack, account_of, read_own_stack
from ops.cloud.stack_progress import ROLLBACK_FAILED, RollbackFailed, continue_rollback, failed_resources
from ops.errors import DIFFERENT, WRONG_SETTINGS, UserError, in_one_line
from ops.settings import Settings, load_settings, with_region

_MOST_SHOWN = 12  # paths in a list on the screen; --json has them all

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)  # progress and questions: --json leaves stdout to the answer


def cloud(command: Callable[..., None]) -> Callable[..., None]:
    """Add --env, --profile and --region to a command, which is called with (aws, settings, ...) instead of them."""

    @wraps(command)
    def with_aws(environment: str, aws_profile: str, aws_region: str, **options: Any) -> None:
        settings = load_settings(environment=environment)
        check_region_option(settings, aws_region)
        settings = with_region(settings, aws_region)
        with naming_environments(settings):
            command(open_aws(aws_profile, settings.aws.region), settings, **options)

    return environment_option(profile_option(region_option(with_aws)))


_dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
_pilot = click.option(
    "--pilot", is_flag=True, help="Act on the pilot's page ([tool.popdesk] pilot), not on the live one."
)
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


def _confirm(question: str, yes: bool, command: str) -> None:
    """Ask, unless --yes was given. Raises UserError where the answer is no."""
    if not yes and not click.confirm(question, err=True):
        raise UserError(command, "it was not confirmed", "nothing was changed")


class _Shown:
    """Shows the events of a release on the screen: what is being done, and a bar for what takes long."""

    def __init__(self) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        # In a log a bar says nothing, and an empty line would come after it.
        self._progress = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._progress.add_task("", total=None)
        self.notes: list[str] = []
        self.events = Events(
            on_step=self._step, on_resource=self._resource, on_upload=self._upload, on_note=self.notes.append
        )
        self._resources: set[str] = set()
        self.expected = 0

    def __enter__(self) -> Events:
        self._progress.start()
        return self.events

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _step(self, text: str) -> None:
        self._progress.reset(self._task, total=None, description=text)

    def _resource(self, resource: str, _kind: str, status: str) -> None:
        if status.endswith("_COMPLETE"):
            self._resources.add(resource)
        total = self.expected or None
        self._progress.update(
            self._task, completed=len(self._resources), total=total, description=f"{resource} {status}"
        )

    def _upload(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=max(done, total))


# -- release and plan --------------------------------------------------------------------------------------------------


@click.command()
@cloud
@click.option(
    "--repair", is_flag=True, help="If this release is live already, restore files that are missing or damaged."
)
@_pilot
@click.option("--shared", is_flag=True, help="With --pilot: also change resources that all agents share.")
@_dry_run
@_json
@_yes
def release(
    aws: Aws, settings: Settings, repair: bool, pilot: bool, shared: bool, dry_run: bool, as_json: bool, yes: bool
) -> None:
    """Build the page and make it live; the default command.

    It builds, plans, asks, applies the stack's changes, uploads, switches, and checks the live page. With --pilot only the
    pilot's agents get the release; `deploy.py promote` gives it to all.
    """
    shown = _Shown()
    try:
        with shown as events:
            prepared = prepare(aws, settings, events, pilot)
    except RollbackFailed as failure:
        if dry_run:
            raise
        err.print(f"[bold red]{escape(failure.subject)}[/]\n  {escape(failure.reason)}", soft_wrap=True)
        if not yes and not click.confirm("Continue the rollback, then release?", err=True):
            raise
        with shown as events:
            events.on_step("Rolling the failed change back")
            continue_rollback(aws, stack_name(settings), (), events)
            prepared = prepare(aws, settings, events, pilot)
    planned = list(shown.notes)
    _show_notes(planned)
    shown.expected = len(prepared.plan.changes)
    if dry_run:
        discard_plan(aws, prepared.plan)
        _show_plan(prepared, as_json, planned)
        return
    if prepared.shared_changes and not shared:
        discard_plan(aws, prepared.plan)
        raise UserError(
            "release --pilot",
            "it would change for all agents at once: "
            + ", ".join(change.resource for change in prepared.shared_changes),
            "`deploy.py plan --pilot` shows how; with --shared it is changed anyway",
            exit_code=DIFFERENT,
        )
    if prepared.ends_pilot and (names := granting_pilot(aws, settings)):
        discard_plan(aws, prepared.plan)
        raise UserError(
            "release",
            f"it would end the pilot, which {' and '.join(names)} still grants: its agents would be left without a page",
            "give them the live one first: "
            + ", ".join(f"`deploy.py doctor --grant {shlex.quote(name)}`" for name in names),
            exit_code=DIFFERENT,
        )
    if not prepared.nothing_to_do:
        if not as_json:
            _show_plan(prepared, as_json=False, notes=planned)
        try:
            _confirm(f"Release this{' to the pilot' if pilot else ''}?", yes, "release")
        except (click.Abort, UserError):
            discard_plan(aws, prepared.plan)
            raise
    try:
        with shown as events:
            result = execute(aws, prepared, events, repair=repair)
    except KeyboardInterrupt:
        err.print(as_given("AWS goes on with what it was told; `deploy.py status` shows what is live."), soft_wrap=True)
        raise
    finally:  # also where it failed: a backup that was made is named
        _show_notes(shown.notes[len(planned) :])
    if as_json:
        print(json.dumps({**asdict(result), "notes": shown.notes}))
    elif result.released:
        out.print(
            f"Released [bold]{result.release}[/]: {result.changes} resources changed, {result.written} files written, "
            f"{len(prepared.site.files) - 1 - result.written} were there. {result.url}"
        )
    else:
        again = f"; {result.written} files were gone or damaged and are right again" if result.written else ""
        where = "in the pilot, at" if pilot else "at"
        out.print(f"Nothing to release: {result.release} is live {where} {result.url}{again}")


@click.command()
@cloud
@_pilot
@_json
def plan(aws: Aws, settings: Settings, pilot: bool, as_json: bool) -> None:
    """Show what a release would change.

    Nothing is changed. Exit code 3 if a release would change something.
    """
    shown = _Shown()
    with shown as events:
        prepared = prepare(aws, settings, events, pilot)
    discard_plan(aws, prepared.plan)
    _show_notes(shown.notes)
    _show_plan(prepared, as_json, shown.notes)
    if not prepared.nothing_to_do:
        sys.exit(DIFFERENT)


def _show_notes(notes: Sequence[str]) -> None:
    """Show on stderr what was found lost or damaged."""
    for note in notes:
        err.print(f"[yellow]{escape(as_given(note))}[/]", soft_wrap=True)


def _show_plan(prepared: PreparedRelease, as_json: bool, notes: Sequence[str]) -> None:
    difference = prepared.difference
    if as_json:
        facts = {
            "stack": prepared.definition.name,
            "resources": [{**asdict(change), "backup": change.backup} for change in prepared.plan.changes],
            "site": asdict(difference),
            "live": prepared.live.release,
            "pilot": prepared.pilot,
            "shared": [change.resource for change in prepared.shared_changes],
            "notes": notes,
        }
        print(json.dumps(facts))
        return
    if prepared.nothing_to_do:
        out.print("Nothing would change.")
        return
    out.print(f"[bold]Stack {prepared.definition.name}[/]: {len(prepared.plan.changes) or 'no'} resources change")
    marks = {"Add": "[green]+[/]", "Import": "[green]+[/]", "Remove": "[red]-[/]", "Modify": "[yellow]~[/]"}
    for change in prepared.plan.changes:
        notes = [*change.properties, *_replacement(change)]
        line = f"  {marks.get(change.action, change.action)} {change.resource}  {change.kind}  {', '.join(notes)}"
        out.print(line.rstrip())
    if prepared.shared_changes:
        names = ", ".join(change.resource for change in prepared.shared_changes)
        out.print(f"[bold]For all agents at once[/], not the pilot's alone (--shared): {names}")
    out.print(_site_line(difference, prepared.pilot))
    for mark, paths in (("[green]+[/]", difference.added), ("[red]-[/]", difference.removed)):
        _show_paths(mark, paths)


def _replacement(change: Change) -> list[str]:
    """Return what the plan says of a resource that is or may be replaced; nothing of another."""
    if not (change.replaced or change.conditional):
        return []
    backup = ["a backup is made before"] if change.backup else []
    return [f"[bold red]{'is' if change.replaced else 'may be'} replaced[/]", *backup]


def _show_paths(mark: str, paths: Sequence[str]) -> None:
    for path in paths[:_MOST_SHOWN]:
        out.print(f"  {mark} {path}")
    if len(paths) > _MOST_SHOWN:
        out.print(f"    and {len(paths) - _MOST_SHOWN} more")


def _site_line(difference: Difference, pilot: bool) -> str:
    site = "[bold]The pilot's site[/]" if pilot else "[bold]Site[/]"
    if difference.empty:
        return f"{site}: nothing changes"
    code = ", the Lambda's code" if difference.function else ""
    return f"{site}: {len(difference.added)} files added, {len(difference.removed)} no longer used, the page{code}"


# -- what is live ------------------------------------------------------------------------------------------------------


@click.command()
@cloud
@_json
@click.option("--drift/--no-drift", default=True, help="Ask AWS what was changed by hand (takes some seconds).")
def status(aws: Aws, settings: Settings, as_json: bool, drift: bool) -> None:
    """Show what is live, whether it is complete, and drift.

    Also since when it is live, who released it, and from which commit. Exit code 3 if the live release is not complete.
    """
    stack = read_own_stack(aws, settings)
    notes: list[str] = []
    facts, whole = _what_is_there(aws, stack, place_of(stack), notes)
    pilot: dict[str, Any] = {}
    if has_pilot(stack):
        pilot, pilot_whole = _what_is_there(aws, stack, place_of(stack, pilot=True), notes)
        whole = whole and pilot_whole
        if pilot["release"]:
            pilot["promoted"] = pilot["release"] == facts["release"]
    if drift:
        with err.status("Looking for drift"):
            facts["drift"] = read_drift(aws, stack)
    facts["notes"] = notes
    if as_json:
        print(json.dumps({**facts, **({"pilot": pilot} if pilot else {})}))
    else:
        for name, value in facts.items():
            out.print(f"{name.replace('_', ' '):15} {escape(_as_text(value))}", soft_wrap=True)
            if name in pilot and name != "stack":
                out.print(f"{'  pilot':15} {escape(_as_text(pilot[name]))}", soft_wrap=True)
    if not whole:
        sys.exit(DIFFERENT)


def _as_text(value: Any) -> str:
    return "\n".join(value) or "none" if isinstance(value, list) else str(value or "-")


def _what_is_there(aws: Aws, stack: Stack, place: Place, notes: list[str]) -> tuple[dict[str, Any], bool]:
    """Return what `status` says of the live page or the pilot's, and whether it is whole; `notes` gets what is wrong."""
    live = read_live(aws, place)
    facts: dict[str, Any] = {"url": url_of(stack, place), "stack": stack.status, "release": live.release}
    whole = True
    option, whose = (" --pilot", "the pilot's") if place.is_pilot else ("", "the")
    if live.release:
        try:
            manifest = read_manifest(aws, place, live.release, live)
        except Lost as lost:
            whole = False
            notes.append(in_one_line(lost.subject, lost.reason, lost.hint))
        else:
            made = manifest.release
            missing, damaged = check_assets(aws, place, made)
            if not page_is(aws, place, live, made.page):
                damaged.insert(0, PAGE)
            facts |= {
                "since": live.since.isoformat() if live.since else "",
                "by": read_who(aws, place),
                "commit": made.commit,
                "lambda_version": made.lambda_version,
                "api_version": made.api_version,
                "previous": made.before(place),
                "missing": missing,
                "damaged": damaged,
            }
            whole = not (missing or damaged or manifest.recovered)
            notes += [manifest.recovered] if manifest.recovered else []
    elif live.etag:
        whole = False
        notes.append(
            f"{whose} page was overwritten by hand: it is no release's. `deploy.py rollback{option}` brings back what was live"
        )
    elif last := next(earlier_releases(aws, place), ""):
        whole = False
        notes.append(f"{whose} page was deleted; {last} was live last: `deploy.py rollback{option}` brings it back")
    return facts, whole


@click.command()
@cloud
@_json
def releases(aws: Aws, settings: Settings, as_json: bool) -> None:
    """List the releases, newest first.

    Releases that cannot be read come last, with the reason.
    """
    place = place_of(read_own_stack(aws, settings))
    live = read_live(aws, place)
    history = read_history(aws, place, live)
    if as_json:
        rows = [_row(manifest.release, manifest.written, manifest.recovered) for manifest in history.manifests]
        rows += [_row(_unknown(identity), None, why) for identity, why in history.lost.items()]
        print(json.dumps([{**row, "live": row["id"] == live.release} for row in rows]))
    else:
        for manifest in history.manifests:
            item = manifest.release
            mark = "[green]live[/]" if item.id == live.release else "    "
            when = manifest.written.isoformat(timespec="seconds")
            line = f"{mark} {item.id}  {when}  {item.commit[:12] or '-':12}  {escape(item.made_by)}"
            out.print(line.rstrip(), soft_wrap=True)
    _show_notes(history.notes)


def _row(item: Release, written: datetime | None, problem: str) -> dict[str, Any]:
    """Return what `releases --json` says of a release. `written` is S3's time, `made_at` that of the machine that released."""
    facts = {key: value for key, value in asdict(item).items() if key not in ("page", "files")}
    return {
        **facts,
        "written": written.isoformat() if written else "",
        "files": len(item.files),
        "problem": problem,
    }


def _unknown(identity: str) -> Release:
    """Return a release of which no more than the id is known."""
    return Release(identity, "", "", "", "", "", "", "", {})


@click.command("rollback")
@click.argument("identity", metavar="[RELEASE]", default="")
@cloud
@_pilot
@_dry_run
@_json
@_yes
def rollback_command(
    aws: Aws, settings: Settings, identity: str, pilot: bool, dry_run: bool, as_json: bool, yes: bool
) -> None:
    """Make an earlier release live again.

    RELEASE, or the one before the live one: the page and its functions together. The stack stays as it is. If the page was
    deleted or overwritten by hand, it is the release that was live last.
    """
    place = place_of(read_own_stack(aws, settings), pilot)
    planned = plan_rollback(aws, place, identity)
    then = planned.then.release
    _show_switch(planned, say=yes and not dry_run)
    facts = {"from": planned.live.release, "to": then.id, "done": not dry_run, "notes": planned.notes}
    instead = f" instead of {planned.live.release}" if planned.live.release and not planned.finishes else ""
    if dry_run:
        _answer(facts, f"{planned.live.release or 'nothing'} -> {then.id}", as_json)
        return
    _confirm(f"Make {then.id} live{' in the pilot' if pilot else ''}{instead}?", yes, "rollback")
    rollback(aws, place, planned, caller(aws))
    _answer(facts, f"{then.id} is live again{' in the pilot' if pilot else ''}", as_json)


@click.command("promote")
@cloud
@_dry_run
@_json
@_yes
def promote_command(aws: Aws, settings: Settings, dry_run: bool, as_json: bool, yes: bool) -> None:
    """Make the pilot's release live for all agents.

    The same files, without a new build; the page and its functions together.
    """
    stack = read_own_stack(aws, settings)
    place = place_of(stack)
    planned = plan_promotion(aws, place, place_of(stack, pilot=True))
    then = planned.then.release
    _show_switch(planned, say=yes and not dry_run)
    facts = {"from": planned.live.release, "to": then.id, "done": not dry_run, "notes": planned.notes}
    if dry_run:
        _answer(facts, f"{planned.live.release or 'nothing'} -> {then.id}", as_json)
        return
    _confirm(f"Make {then.id}, which the pilot has, live for everybody?", yes, "promote")
    made = promote(aws, place, planned, by := caller(aws))
    with _Shown() as events:
        events.on_step("Checking the live page")
        check_live(aws, place, url_of(stack, place), made, by, events, Written(), settings.connect_origins())
    _answer(facts, f"{then.id} is live for everybody", as_json)


def _show_switch(planned: RollbackPlan, say: bool) -> None:
    """Show what was found lost, and whether the release to be made live was made with other infrastructure.

    `say`: also the release itself, for nobody is asked. Whoever ends the command before its end can name it the second time.
    """
    then = planned.then.release
    if say:
        err.print(f"{planned.live.release or 'nothing'} -> {then.id}")
    _show_notes(planned.notes)
    if planned.now and planned.now.release.infrastructure != then.infrastructure:
        commit = then.commit.removesuffix("-dirty") or "COMMIT"
        err.print(
            f"[yellow]{then.id} was made with {'other' if then.infrastructure else 'unknown'} infrastructure (flows, "
            "permissions, headers), which stays as it is now.[/] To bring that back too: "
            + escape(as_given(f"`git checkout {commit}`, then `deploy.py`")),
            soft_wrap=True,
        )


def _answer(facts: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
    else:
        out.print(words)


@click.command("continue-rollback")
@cloud
@click.option("--skip", multiple=True, metavar="RESOURCE", help="Skip this resource; may be given again.")
@_dry_run
@_json
@_yes
def continue_rollback_command(
    aws: Aws, settings: Settings, skip: tuple[str, ...], dry_run: bool, as_json: bool, yes: bool
) -> None:
    """Continue a rollback of the stack that failed.

    For a stack in UPDATE_ROLLBACK_FAILED. The live page is not touched.
    """
    check_deployable(settings)
    stack = read_own_stack(aws, settings)
    place_of(stack)
    if stack.status != ROLLBACK_FAILED:
        facts = {"stack": stack.name, "status": stack.status, "done": False}
        _answer(facts, f"{stack.name} is {stack.status}: there is nothing to go on with.", as_json)
        return
    failed = failed_resources(aws, stack.name)
    for line in failed:
        err.print(f"  {escape(line)}", soft_wrap=True)
    if dry_run:
        _answer(
            {"stack": stack.name, "status": stack.status, "failed": failed, "done": False},
            f"AWS would continue the rollback of {stack.name}.",
            as_json,
        )
        return
    left = f", leaving {', '.join(skip)} as it is" if skip else ""
    _confirm(f"Continue the rollback of {stack.name}{left}?", yes, "continue-rollback")
    with _Shown() as events:
        events.on_step("Rolling the failed change back")
        stack = continue_rollback(aws, stack.name, skip, events)
    facts = {"stack": stack.name, "status": stack.status, "failed": failed, "done": True}
    _answer(facts, f"{stack.name} is {stack.status}: release again.", as_json)


# -- the end of things -------------------------------------------------------------------------------------------------


@click.command("prune")
@cloud
@click.option("--keep", default=10, show_default=True, type=click.IntRange(1), help="Releases to keep, the newest.")
@click.option(
    "--grace", default=14, show_default=True, type=click.IntRange(1), help="Days that a file is kept in any case."
)
@click.option(
    "--cap", default=1000, show_default=True, type=click.IntRange(1), help="Files to delete in one run, at most."
)
@_dry_run
@_json
def prune_command(aws: Aws, settings: Settings, keep: int, grace: int, cap: int, dry_run: bool, as_json: bool) -> None:
    """Delete what no kept release needs.

    Old files of the page, and versions and zips of its functions.
    """
    stack = read_own_stack(aws, settings)
    place, pilot = place_of(stack), place_of(stack, pilot=True) if has_pilot(stack) else None
    days = timedelta(days=grace)
    pruned = prune(aws, place, keep=keep, grace=days, cap=cap, pilot=pilot, stack=stack, dry_run=dry_run)
    _show_notes(pruned.notes)
    would = "would go" if dry_run else "deleted"
    words = (
        f"{len(pruned.files)} files, {len(pruned.releases)} releases, {len(pruned.versions)} Lambda versions and "
        f"{len(pruned.zips)} zips {would}, {pruned.left} files left for the next time"
    )
    _answer(asdict(pruned), words, as_json)
    if dry_run and not as_json:
        _show_paths("[red]-[/]", [*pruned.releases, *pruned.versions, *pruned.zips, *pruned.files])


@click.command("destroy")
@cloud
@click.option(
    "--confirm", "typed", default="", metavar="STACK", help="The stack's name, instead of typing it when asked."
)
@click.option("--with-data", is_flag=True, help="Delete the tables of customers and cases too.")
@_dry_run
@_json
def destroy_command(aws: Aws, settings: Settings, typed: str, with_data: bool, dry_run: bool, as_json: bool) -> None:
    """Delete this environment from AWS.

    The page and its releases, the functions, the application and the flows. The tables of customers and cases are kept
    unless --with-data is given.
    """
    check_deployable(settings)
    stack = read_own_stack(aws, settings)
    account = account_of(aws, stack)
    if not with_data:
        check_keeps_tables(stack)
    tables = data_tables(settings, stack)
    data = existing_tables(aws, tables)
    err.print(
        f"This deletes the stack [bold]{stack.name}[/] in {settings.aws.region}, account {account}: the page and all its "
        f"releases, the Lambda, {'the API, ' if 'CasesTable' in stack.outputs else ''}the application and the flows. "
        "Phone numbers that point at the main flow lose it, security profiles the application. "
        + _fate(data, with_data),
        soft_wrap=True,
    )
    facts = {"stack": stack.name, "region": settings.aws.region, "account": account, "done": not dry_run}
    facts |= {"kept_tables": [] if with_data else data, "deleted_tables": data if with_data else []}
    if dry_run:
        profiles = withdraw(aws, settings, dry_run=True)
        granted = f" {', '.join(profiles)} would no longer grant {settings.name}." if profiles else ""
        _answer({**facts, "profiles": profiles}, f"{stack.name} would go.{granted}", as_json)
        return
    if (typed or click.prompt("Type the stack's name to delete it", err=True)) != stack.name:
        raise UserError("destroy", "that is not the stack's name", "nothing was deleted")
    with _Shown() as events:
        # First: Amazon Connect may refuse to delete the association of an application that is still granted.
        events.on_step("Taking it away from security profiles")
        profiles = withdraw(aws, settings)
        events.on_step("Deleting")
        destroy(aws, stack, account, events, tables if with_data else ())
    facts["kept_tables"] = kept = [] if with_data else existing_tables(aws, tables)
    granted = f" {', '.join(profiles)} no longer grants {settings.name}." if profiles else ""
    _answer({**facts, "profiles": profiles}, f"{stack.name} is gone.{granted}{_remedy(kept)}", as_json)


def _fate(tables: Sequence[str], with_data: bool) -> str:
    """Return what a `destroy` does to the tables that are there, as a sentence."""
    if not tables:
        return ""
    names = " and ".join(tables)
    return f"[bold]Deletes {names} with all their data.[/]" if with_data else f"Keeps {names} with their data."


def _remedy(kept: Sequence[str]) -> str:
    """Return what can be done with the tables that a `destroy` kept, as sentences."""
    if not kept:
        return ""
    command = as_given("`deploy.py destroy --with-data`")
    return f" {' and '.join(kept)} stay: the next release takes them over, {command} deletes them."


# -- help for the deploying user ---------------------------------------------------------------------------------------


@click.command()
@cloud
@click.option(
    "--grant", "grantee", default="", metavar="PROFILE", help="Grant the application to this security profile."
)
@click.option("--live", is_flag=True, help="Check the ten steps of docs/first-day.md on the live instance.")
@_dry_run
@_json
def doctor(aws: Aws, settings: Settings, grantee: str, live: bool, dry_run: bool, as_json: bool) -> None:
    """Check what a screen pop needs, and say how to fix it.

    Exit code 3 if anything is wrong.
    """
    if grantee:
        check_deployable(settings)
        changed = grant(aws, settings, grantee, dry_run)
        would = "would now grant" if dry_run else "now grants"
        name = settings.pilot_application[0] if grantee == settings.pilot else settings.name
        words = f"{grantee} {would if changed else 'grants already'} {name}"
        _answer({"profile": grantee, "changed": changed and not dry_run}, words, as_json)
        return
    if live:
        _first_day(aws, settings, as_json)
        return
    findings = []
    for finding in examine(aws, settings):
        findings.append(finding)
        if not as_json:
            _show_finding(finding)
    if as_json:
        print(json.dumps([_finding_facts(finding) for finding in findings]))
    if any(finding.state != "ok" for finding in findings):
        sys.exit(DIFFERENT)


def _show_finding(finding: Finding) -> None:
    mark = {"ok": "[green]ok   [/]", "wrong": "[red]wrong[/]", "open": "[yellow]open [/]"}[finding.state]
    detail = f"  [dim]{escape(finding.detail)}[/]" if finding.detail else ""
    out.print(f"{mark} {escape(finding.what)}{detail}")
    if finding.hint:
        out.print(f"      {escape(as_given(finding.hint))}")


def _finding_facts(finding: Finding) -> dict[str, str]:
    return {**finding.as_json(), "hint": as_given(finding.hint)}


def _first_day(aws: Aws, settings: Settings, as_json: bool) -> None:
    steps = list(walk(examine(aws, settings), aws, settings))
    if as_json:
        facts = [
            {
                "step": step.title,
                "saw": [_finding_facts(finding) for finding in findings],
                "look": as_given(step.look),
                "otherwise": as_given(step.otherwise),
            }
            for step, findings in steps
        ]
        print(json.dumps(facts))
    else:
        for number, (step, findings) in enumerate(steps, start=1):
            out.print(f"[bold]{number}. {escape(step.title)}[/]")
            for finding in findings:
                _show_finding(finding)
            if not findings:
                out.print("[dim]not seen from here[/]")
            out.print(f"      check: {escape(as_given(step.look))}")
            out.print(f"      if it differs: {escape(as_given(step.otherwise))}")
    if any(finding.state != "ok" for _, findings in steps for finding in findings):
        sys.exit(DIFFERENT)


@click.command("iam-policy")
@cloud
@click.option("--account", default="", metavar="NUMBER", help="The AWS account; that of the instance if not given.")
@click.option("--part", type=click.IntRange(min=1), help="Print only this one of the managed policies.")
@click.option(
    "--trust",
    default="",
    metavar="REPOSITORY",
    help="Print a role for the workflows of a repository: github:OWNER/REPO.",
)
@click.option(
    "--github-environment",
    "github_environments",
    multiple=True,
    metavar="NAME",
    help="A GitHub environment whose jobs the role trusts; that of --env if not given; may be given again.",
)
def iam_policy(
    aws: Aws,  # noqa: ARG001 (makes no call)
    settings: Settings,
    account: str,
    part: int | None,
    trust: str,
    github_environments: tuple[str, ...],
) -> None:
    """Print the least-privilege policy for releasing.

    For the user or role that runs these commands; with --trust, the role itself, for a repository's workflows.

    The policy is longer than one managed policy may be: --part 1, --part 2 print it in pieces that fit. The role, a
    CloudFormation template, has them all.
    """
    name = repository(trust) if trust else ""
    _check_trust_options(trust, part, github_environments, settings)
    check_deployable(settings)
    number = settings.aws.instance_account
    _check_account(account or number, number)
    whole = policy(policy_names(settings, number), settings.api.enabled)
    made = parts(whole)
    if trust:
        trusted = github_environments or (settings.environment,)
        template = role_template(made, number, partition(settings.aws.region), name, trusted)
        print(json.dumps(template, indent=1))
        return
    if part is not None:
        if part > len(made):
            raise UserError(
                f"--part {part}", f"the policy has {len(made)} parts", "name one of them", exit_code=WRONG_SETTINGS
            )
        print(json.dumps(made[part - 1], indent=2))
        return
    print(json.dumps(whole, indent=2))
    if len(made) > 1:
        fits = "this fits" if size(whole) <= ROLE_SIZE else "this fits neither"
        nor = "not" if size(whole) <= ROLE_SIZE else "nor"
        err.print(
            f"{size(whole):,} characters: {fits} inside a role ({ROLE_SIZE:,}), "
            f"{nor} in a managed policy ({MANAGED_SIZE:,}). As {len(made)} managed policies, all to be attached: "
            + ", ".join(f"--part {n + 1}" for n in range(len(made))),
            soft_wrap=True,
        )


def _check_account(given: str, number: str) -> None:
    """Raise UserError (exit code 2) unless --account is the number of the instance's account, as the settings have it."""
    if given == number:
        return
    if re.fullmatch("[0-9]{12}", given):
        why = f"the instance of the settings is in the account {number} (aws.instance_arn), and all is released to it"
        hint = "leave --account out, or correct aws.instance_arn in pyproject.toml"
    else:
        why = "that is no account's number: twelve digits, without hyphens or spaces"
        hint = f"leave --account out: the number is the instance's, {number}"
    raise UserError(f"--account {given}", why, hint, exit_code=WRONG_SETTINGS)


def _check_trust_options(trust: str, part: int | None, github_environments: Sequence[str], settings: Settings) -> None:
    """Raise UserError (exit code 2) where an option has no meaning beside --trust, or without it."""
    if not trust and github_environments:
        raise UserError(
            "--github-environment",
            "it is only for the role of --trust",
            "give --trust github:OWNER/REPO",
            exit_code=WRONG_SETTINGS,
        )
    if trust and part is not None:
        raise UserError(
            "--part", "the role has all the policy's parts", "leave --part or --trust out", exit_code=WRONG_SETTINGS
        )
    if trust and not github_environments and not settings.environment:
        raise UserError(
            "--trust",
            "there is no environment whose jobs the role should trust",
            "give --env NAME, or --github-environment NAME",
            exit_code=WRONG_SETTINGS,
        )


COMMANDS = (
    release,
    plan,
    status,
    releases,
    rollback_command,
    promote_command,
    continue_rollback_command,
    prune_command,
    destroy_command,
    doctor,
    iam_policy,
)
