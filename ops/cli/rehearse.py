"""The command `deploy.py rehearse`: a release and what comes after it, against an AWS on this machine."""

from __future__ import annotations

import json
import signal
import sys
import textwrap
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from ops.cli.options import environment_option
from ops.errors import UserError

if TYPE_CHECKING:
    from ops.rehearse.rehearsal import Report, Step

# Of the services that a command may call, by the names that IAM has for them.
_SERVICES = ("app-integrations", "cloudformation", "cloudfront", "connect", "dynamodb", "iam", "lambda", "s3", "sts")
_LONGEST = 24  # lines of what a command said

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


@click.command()
@environment_option
@click.option("--first", is_flag=True, help="Rehearse only a first release, not what follows it.")
@click.option(
    "--deny",
    multiple=True,
    metavar="ACTION",
    help="Deny an IAM action, e.g. lambda:CreateFunction; may be given again.",
)
@click.option(
    "--throttle",
    multiple=True,
    type=click.Choice(_SERVICES),
    metavar="SERVICE",
    help=f"Throttle each call of a service twice; may be given again. One of {', '.join(_SERVICES)}.",
)
@click.option(
    "--hang",
    multiple=True,
    type=click.Choice(_SERVICES),
    metavar="SERVICE",
    help="Never answer the calls of a service, one of the same; may be given again.",
)
@click.option(
    "--fail",
    multiple=True,
    metavar="RESOURCE",
    help="Make a resource of the template fail, e.g. MainFlow; may be given again.",
)
@click.option("--kill-at", metavar="N", type=click.IntRange(1), help="Kill the release before its Nth call.")
@click.option("--limits", is_flag=True, help="List what the simulated AWS does not do, and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print the report, or the limits, as JSON.")
def rehearse(
    environment: str,
    first: bool,
    deny: tuple[str, ...],
    throttle: tuple[str, ...],
    hang: tuple[str, ...],
    fail: tuple[str, ...],
    kill_at: int | None,
    limits: bool,
    as_json: bool,
) -> None:
    """Rehearse a release on a simulated AWS, on this machine.

    It runs the real commands with the real template and settings, and needs no account. Without --env it takes the first
    environment of pyproject.toml. With a fault (--deny, --throttle, --hang, --fail, --kill-at) it shows what the team
    would read, and then releases again without it. Exit code 1 if anything went wrong. Needs the development packages.
    """
    try:
        import cfnlint  # noqa: F401
        import moto  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            "rehearse", f"{error.name} is not installed", "install the development packages: `uv sync`"
        ) from None
    from ops.rehearse.local_aws import WHAT_IT_DOES_NOT, Faults
    from ops.rehearse.rehearsal import rehearse as run
    from ops.rehearse.rehearsal import rehearsed_environment

    if limits and as_json:
        print(json.dumps([{"what": what, "left_out": left_out} for what, left_out in WHAT_IT_DOES_NOT]))
        return
    if limits:
        for what, left_out in WHAT_IT_DOES_NOT:
            out.print(f"[bold]{what}[/]: {escape(left_out)}")
        return
    faults = Faults(deny, throttle, hang, fail, kill_at or 0)
    # What ends a service ends this as Ctrl-C does: the command that runs is ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with err.status("Starting") as status:

        def tell(step: str) -> None:
            if err.is_terminal:
                status.update(escape(step))
            else:  # a spinner says nothing in a log
                err.print(escape(step), soft_wrap=True)

        report = run(rehearsed_environment(environment), faults, tell, first)
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _show(report, faults != Faults())
    if report.problems:
        sys.exit(1)


def _show(report: Report, everything: bool) -> None:
    for step in report.steps:
        mark = "[red]wrong[/]" if step.problem else "[green]ok   [/]"
        took = f"  [dim]{step.seconds:.1f} s[/]" if step.seconds else ""
        line = f"  [dim]{escape(' '.join(step.words))}[/]" if step.words else ""
        out.print(f"{mark} {escape(step.what)}{line}{took}")
        if step.problem:
            out.print(f"      {escape(step.problem)}")
        if step.words and (everything or step.problem):
            out.print(escape(textwrap.indent(_said(step), "      | ")))
    for by, access in report.refused:
        out.print(f"[yellow]refused[/] {escape(f'{by}: {access}')}")
    wrong = len(report.problems)
    out.print(
        f"{report.stack}: {wrong} of {len(report.steps)} steps were not right"
        if wrong
        else f"{report.stack}: all went well"
    )


def _said(step: Step) -> str:
    lines = [line for line in step.said.splitlines() if line.strip()] or ["(nothing)"]
    if len(lines) > _LONGEST:
        lines = [*lines[: _LONGEST // 2], f"({len(lines) - _LONGEST} lines more)", *lines[-(_LONGEST // 2) :]]
    return "\n".join(lines)


COMMANDS = (rehearse,)
