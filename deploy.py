"""Popdesk's command line: `python deploy.py --help`.

Thin on purpose: each command reads its options and calls the module of ops/ that does the job. Foreseeable errors come
as ops.errors.UserError and is printed as subject, reason and hint.
"""

from __future__ import annotations

from ops.cli.interrupt import EXIT_CODE, cancel_what_is_uncaught, cancelling_quietly

with cancelling_quietly():
    import json
    import signal
    import sys
    import threading
    import webbrowser
    from pathlib import Path
    from typing import Any

    import click
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from ops.cli.options import as_given, environment_option, profile_option, region_option
    from ops.errors import UserError
    from ops.settings import ROOT, load_settings, version, with_region

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False)
_PORT = click.IntRange(0, 65535)
# The commands of ops/cli/cloud.py.
_CLOUD = (
    "release",
    "plan",
    "status",
    "releases",
    "rollback",
    "continue-rollback",
    "prune",
    "destroy",
    "doctor",
    "iam-policy",
)


# A question was asked where standard input has ended: in a pipeline, by cron.
_NOBODY_TO_ASK = UserError(
    "the question",
    "there is no terminal to answer it at; nothing was changed",
    "answer it by an option: --yes, or --confirm",
)


def _print_error(error: UserError, context: click.Context) -> None:
    # Escaped: a [table] of pyproject.toml is no markup. Not wrapped: commands are copied from it.
    subject, reason = escape(error.subject), escape(as_given(error.reason, context))
    hint = escape(as_given(error.hint, context))
    errors.print(f"[bold red]{subject}[/]\n  {reason}\n  [bold]What to do:[/] {hint}", soft_wrap=True)


class _Commands(click.Group):
    """A group whose foreseeable errors are printed for people."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            _print_error(error, ctx)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt) as abort:
            if isinstance(abort.__context__, EOFError):
                errors.print()  # ends the question's line
                _print_error(_NOBODY_TO_ASK, ctx)
                sys.exit(_NOBODY_TO_ASK.exit_code)
            errors.print("\nCancelled.")
            sys.exit(EXIT_CODE)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, those that talk to AWS too."""
        return sorted([*super().list_commands(ctx), *_CLOUD])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; those that talk to AWS are imported when one is asked for (boto3 takes its time)."""
        if cmd_name not in _CLOUD:
            return super().get_command(ctx, cmd_name)
        with cancelling_quietly():
            from ops.cli.cloud import COMMANDS

        return next(command for command in COMMANDS if command.name == cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `deploy.py`, and `deploy.py --env prod`, as `deploy.py release`."""
        if not args or (args[0].startswith("-") and args[0] not in (*ctx.help_option_names, "--version")):
            args = ["release", *args]
        return super().parse_args(ctx, args)


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    del param
    if wanted:
        click.echo(f"Popdesk {version()}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Popdesk: an Amazon Connect agent-workspace app, in Python from end to end.

    Without a command it releases: build, plan, ask, apply, upload, switch, check.
    """


@cli.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("dist"), show_default=True)
@environment_option
def build(out: Path, environment: str) -> None:
    """Build the page into a folder that any static server can serve, and the Lambda's zip."""
    from ops.site.build import make_site, write_site
    from ops.site.lambda_zip import LAMBDA_RUNTIME, LAMBDA_ZIP, compiles_for, make_lambda_zip

    settings = load_settings(environment=environment)
    package = make_lambda_zip(settings)
    # Together, so that of two builds at once the page and the zip that stay are of the same one.
    result = write_site(make_site(settings), out, beside={LAMBDA_ZIP: package})
    console.print(f"{out}: {len(result.files)} files, {result.total_bytes / 1000:.0f} kB")
    for note in result.notes:
        errors.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    console.print(f"{LAMBDA_ZIP.relative_to(ROOT)}: {len(package) / 1000:.0f} kB")
    if not compiles_for(LAMBDA_RUNTIME):
        console.print(f"(without compiled modules: build with {LAMBDA_RUNTIME} for cold starts that compile nothing)")


@cli.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The workspace's port; 0 for any free one.")
@click.option("--app-port", type=_PORT, default=8001, show_default=True, help="The app's port; 0 for any free one.")
@click.option("--browser/--no-browser", default=True, help="Open the workspace in the browser.")
@click.option("--scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A scenario to play.")
@click.option(
    "--adapter",
    default="",
    metavar="NAME",
    help="Look customers up with this adapter, where the settings say, not in the sample file.",
)
@environment_option
@profile_option
@click.option("--verbose", is_flag=True, help="Show what the Lambda logs, not its errors alone.")
def preview(
    port: int,
    app_port: int,
    browser: bool,
    scenario: Path | None,
    adapter: str,
    environment: str,
    aws_profile: str,
    verbose: bool,
) -> None:
    """Run everything on this machine: workspace, app, contact flow, Lambda, sample CRM. No AWS account needed.

    With --adapter the directory is a real one: "http" asks the CRM, "dynamodb" the environment's table with your AWS
    credentials, and the pages that open are the real CRM's.
    """
    from ops.preview.scenario import Desk, load_scenario, play_scenario
    from ops.preview.server import Preview

    play = load_scenario(scenario) if scenario else None
    # What ends a service ends this as Ctrl-C does: everything is stopped and removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def tell(text: str) -> None:
        print(text, flush=True)

    def log(line: str) -> None:
        if verbose or '"ERROR"' in line:
            tell(f"Lambda: {line}")

    try:
        tell("Building (the first time installs the npm packages) ...")
        directory = None
        if adapter not in ("", "sample"):
            from ops.preview.directory import Directory  # which imports botocore

            directory = Directory(adapter, aws_profile)
        running = Preview(
            lambda: load_settings(environment=environment),
            port=port,
            app_port=app_port,
            watch=True,
            tell=tell,
            log=log,
            directory=directory,
        )
        with running:
            tell(f"Agent workspace  {running.workspace_url}")
            tell(f"App              {running.app_url}")
            tell("Save a file and the page reloads. Ctrl-C ends it.")
            if browser and not webbrowser.open(running.workspace_url):
                tell("No browser could be opened: open the first address in one.")
            if scenario is not None and play is not None:
                running.wait_for_page()
                play_scenario(scenario, play, Desk(running.command))
                tell("The scenario is over; the workspace stays open.")
            threading.Event().wait()
    except KeyboardInterrupt:
        tell("Stopped.")


@cli.group()
def customers() -> None:
    """The customers that the Lambda finds with lookup.adapter = "dynamodb"."""


@customers.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@environment_option
@profile_option
@region_option
@click.option("--table", default="", help="The table's name, instead of the stack's output.")
@click.option("--from-line", default=2, show_default=True, type=click.IntRange(2), help="Go on from this line of FILE.")
@click.option("--delete-others", is_flag=True, help="Then delete what FILE, read whole, does not have.")
@click.option("--yes", is_flag=True, help="Do not ask before more than a tenth of the table is deleted.")
@click.option("--dry-run", is_flag=True, help="Check every row; write nothing and call nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def import_command(
    file: Path,
    environment: str,
    aws_profile: str,
    aws_region: str,
    table: str,
    from_line: int,
    delete_others: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load customers from FILE: CSV in UTF-8 whose first line names the columns id, name, phone and email.

    Columns that [tool.popdesk.fields] names are loaded too.
    FILE is checked as a whole before anything is written. Then bad rows are named by their line and left out, and so is
    a number or address that is none; the rest is loaded. Exit codes: 0 for all of it loaded, 3 for something left out, 1
    for an import that stopped (it says how to go on). A customer's former numbers and addresses stay in the table unless
    --delete-others is given, which asks before it deletes more than a tenth of the table.
    """
    from ops.cloud import customers as customers_table
    from ops.cloud.aws import open_aws
    from ops.cloud.customers_file import check_file, read_rows
    from ops.cloud.stack import read_own_stack, stack_name

    if delete_others and from_line > 2:
        raise click.UsageError("--delete-others needs the whole file: leave out --from-line")
    settings = load_settings(environment=environment)
    with Progress(console=errors) as progress:
        bar = progress.add_task(f"{file.name}: checking", total=None)

        def on_line(line: int) -> None:
            progress.update(bar, completed=line)

        def tell(words: str) -> None:
            progress.console.print(words, soft_wrap=True)

        checked = check_file(file, on_line, settings.fields)
        for field in settings.fields.keys() - checked.columns.keys():
            tell(f"{file.name} has no column {field}: that field of [tool.popdesk.fields] stays empty")
        progress.update(bar, description=f"{file.name}: loading", total=checked.lines, completed=0)
        rows = read_rows(checked, settings.lookup.default_region, from_line)
        if dry_run:
            result = customers_table.check_rows(rows, on_line)
        else:
            aws = open_aws(aws_profile, with_region(settings, aws_region).aws.region)
            if not table:
                read_own_stack(aws, settings)  # raises UserError where it is somebody else's
            name = customers_table.customers_table_name(aws, stack_name(settings), table)
            result = customers_table.import_customers(aws, name, rows, on_line, tell=tell, keep_keys=delete_others)
        progress.update(bar, completed=checked.lines)
    for line, problem in sorted([*result.bad, *result.cells]):
        errors.print(f"line {line}: {problem}", soft_wrap=True)
    if unnamed := result.left_out + result.cells_left_out - len(result.bad) - len(result.cells):
        errors.print(f"and {unnamed} more")
    done = "would be loaded" if dry_run else "loaded"
    loaded = f"{result.rows} customers {done} ({result.items} items), {result.left_out} rows left out"
    if result.cells_left_out:
        loaded += f", and {result.cells_left_out} numbers or addresses of other rows"
    if not as_json:
        console.print(loaded)
    deleted = 0
    try:
        if delete_others and not dry_run:
            others = customers_table.find_others(aws, name, result)
            if others.are_many and not yes:
                _ask_to_delete(len(others.keys), others.total)
            customers_table.delete_others(aws, name, others, tell=tell)
            deleted = len(others.keys)
    finally:  # what was loaded is told, whatever becomes of the deletion
        if as_json:
            print(json.dumps(result.as_json() | {"deleted": deleted}))
    if delete_others and not dry_run and not as_json:
        console.print(f"{deleted} items deleted that are not in the file")
    if result.left_out or result.cells_left_out:
        sys.exit(customers_table.BAD_ROWS_EXIT_CODE)


def _ask_to_delete(many: int, total: int) -> None:
    """Ask whether so many of the table's items shall go. Raises UserError where the answer is not yes."""
    try:
        question = f"Delete {many} of the table's {total} items, which the file does not have?"
        agreed = click.confirm(question, err=True)
    except click.Abort:  # Ctrl-C, or nobody to answer
        errors.print()
        agreed = False
    if not agreed:
        raise UserError(
            "--delete-others",
            f"it would delete {many} of the table's {total} items, and that was not answered with yes",
            "nothing was deleted, and the rows are loaded. Where the file has all customers, run it again with --yes",
        )


if __name__ == "__main__":
    cancel_what_is_uncaught()
    cli(prog_name="deploy.py")
