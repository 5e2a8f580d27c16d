"""Popdesk's command line: `python deploy.py --help`.

Thin on purpose: each command reads its options and calls the module of ops/ that does the job; those that talk to AWS are in
ops/cli/. A foreseeable error comes as ops.errors.UserError and is printed as subject, reason and hint.
"""

from __future__ import annotations

from ops.cli.interrupt import EXIT_CODE, cancel_uncaught_interrupts, cancelling_quietly, interrupted_by_signals

with cancelling_quietly():
    import sys
    import webbrowser
    from importlib import import_module
    from itertools import chain
    from pathlib import Path
    from typing import Any

    import click
    from rich.console import Console
    from rich.markup import escape

    from ops import ROOT
    from ops.cli.options import as_given, environment_option, profile_option
    from ops.cli.usage import as_user_error
    from ops.errors import UserError
    from ops.pyproject import version

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False)
_PORT = click.IntRange(0, 65535)
# Commands that are imported when one is asked for, by their module: the others start without botocore.
_IMPORTED = {
    "ops.cli.check": ("check",),
    "ops.cli.cloud": (
        *("release", "plan", "status", "releases", "rollback", "promote", "continue-rollback"),
        *("prune", "destroy", "doctor", "iam-policy"),
    ),
    "ops.cli.customers": ("customers",),
    "ops.cli.native_test_cases": ("test-cases",),
    "ops.cli.rehearse": ("rehearse",),
}
# A question was asked where standard input has ended: in a pipeline, by cron.
_NO_TERMINAL = UserError(
    "the question",
    "there is no terminal to answer it on; nothing was changed",
    "answer it with an option: --yes, or --confirm",
)


def _print_error(error: UserError, context: click.Context) -> None:
    # Escaped: a [table] of pyproject.toml is no markup. Not wrapped: commands are copied from it.
    subject, reason = escape(error.subject), escape(as_given(error.reason, context))
    hint = escape(as_given(error.hint, context))
    errors.print(f"[bold red]{subject}[/]\n  {reason}\n  [bold]What to do:[/] {hint}", soft_wrap=True)


class _Commands(click.Group):
    """A group that prints a UserError as subject, reason and hint, and what click refuses in the same way."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            _print_error(error, ctx)
            sys.exit(error.exit_code)
        except click.exceptions.NoArgsIsHelpError:  # shows the help of a group, of which no command was named
            raise
        except click.UsageError as refused:
            wrong = as_user_error(refused, ctx)
            _print_error(wrong, ctx)
            sys.exit(wrong.exit_code)
        except (click.Abort, KeyboardInterrupt) as abort:
            if isinstance(abort.__context__, EOFError):
                errors.print()  # ends the question's line
                _print_error(_NO_TERMINAL, ctx)
                sys.exit(_NO_TERMINAL.exit_code)
            errors.print("\nCancelled.")
            sys.exit(EXIT_CODE)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, also of those that are not imported yet."""
        return sorted([*super().list_commands(ctx), *chain(*_IMPORTED.values())])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported where it is not yet."""
        for module, names in _IMPORTED.items():
            if cmd_name in names:
                with cancelling_quietly():
                    commands: tuple[click.Command, ...] = import_module(module).COMMANDS
                return next(command for command in commands if command.name == cmd_name)
        return super().get_command(ctx, cmd_name)

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

    Without a command it runs `release`.
    """


@cli.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dist"),
    show_default=True,
    help="Where the page is put.",
)
@environment_option
def build(out: Path, environment: str) -> None:
    """Build the page and the zips of its Lambda functions.

    The page is a folder that any static server can serve.
    """
    from ops.settings import load_settings
    from ops.site.api_zip import API_ZIP, make_api_zip
    from ops.site.build import make_site, write_site
    from ops.site.lambda_zip import LAMBDA_RUNTIME, LAMBDA_ZIP, compiles_for, make_lambda_zip

    settings = load_settings(environment=environment)
    packages = {LAMBDA_ZIP: make_lambda_zip(settings)}
    if settings.api.enabled:
        packages[API_ZIP] = make_api_zip(settings)
    # Together, so that of two builds at once the page and the zips that stay are of the same one.
    result = write_site(make_site(settings), out, beside=packages)
    console.print(f"{out}: {len(result.files)} files, {result.total_bytes / 1000:.0f} kB")
    for note in result.notes:
        errors.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    for path, package in packages.items():
        console.print(f"{path.relative_to(ROOT)}: {len(package) / 1000:.0f} kB")
    if not compiles_for(LAMBDA_RUNTIME):
        console.print(f"(without compiled modules: build with {LAMBDA_RUNTIME} for cold starts that compile nothing)")


@cli.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The workspace's port; 0 for any free one.")
@click.option("--app-port", type=_PORT, default=8001, show_default=True, help="The app's port; 0 for any free one.")
@click.option("--browser/--no-browser", default=True, help="Open the workspace in the browser.")
@click.option("--scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Play this scenario.")
@click.option(
    "--adapter",
    default="",
    metavar="NAME",
    help="Look customers up with this adapter and its settings, not in the sample file.",
)
@click.option(
    "--cases",
    default="",
    metavar="NAME",
    help="Keep cases with this adapter and its settings, not in a file of this preview.",
)
@environment_option
@profile_option
@click.option("--verbose", is_flag=True, help="Show all that the Lambda functions log, not only errors.")
def preview(
    port: int,
    app_port: int,
    browser: bool,
    scenario: Path | None,
    adapter: str,
    cases: str,
    environment: str,
    aws_profile: str,
    verbose: bool,
) -> None:
    """Run everything on this machine, without an AWS account.

    The agent workspace, the app, the contact flow, the Lambda functions and a sample CRM. With --adapter customers are
    looked up in the real directory ("http" asks the CRM, "dynamodb" the environment's table with your AWS credentials), and
    the real CRM's pages open. With --cases, what you try here is written to the real store of cases.
    """
    from ops.preview.scenario import Desk, load_scenario, play_scenario
    from ops.preview.server import Preview
    from ops.settings import load_settings

    play = load_scenario(scenario) if scenario else None
    ended = interrupted_by_signals()

    def show(text: str) -> None:
        print(text, flush=True)

    def log(line: str) -> None:
        if verbose or '"ERROR"' in line:
            show(f"Lambda: {line}")

    try:
        directory = real_cases = None
        if {adapter, cases} - {"", "sample"}:
            from ops.preview.directory import Directory, RealCases  # which import botocore

            directory = Directory(adapter, aws_profile) if adapter not in ("", "sample") else None
            real_cases = RealCases(cases, aws_profile) if cases not in ("", "sample") else None
        running = Preview(
            lambda: load_settings(environment=environment),
            port=port,
            app_port=app_port,
            watch=True,
            tell=show,
            log=log,
            directory=directory,
            cases=real_cases,
        )
        show("Building (the first time installs the npm packages) ...")
        with running:
            show(f"Agent workspace  {running.workspace_url}")
            show(f"App              {running.app_url}")
            if real_cases:
                show(f'Cases are those of the adapter "{cases}": what is done in the page is done there.')
            show("Save a file and the page reloads. Ctrl-C ends it.")
            if browser and not webbrowser.open(running.workspace_url):
                show("No browser could be opened: open the first address in one.")
            if scenario is not None and play is not None:
                running.wait_for_page()
                play_scenario(scenario, play, Desk(running.command))
                show("The scenario is over; the workspace stays open.")
            ended.wait()
    except KeyboardInterrupt:
        pass
    show("Stopped.")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--name", default="", metavar="NAME", help="The application's name in Amazon Connect; asked for if not given."
)
@click.option(
    "--namespace", default="", metavar="TEXT", help="Unique in the AWS account; made from the name if not given."
)
def new(folder: Path, name: str, namespace: str) -> None:
    """Create a repository of your own in FOLDER.

    It has all of Popdesk, with small files of your own to edit, and takes later versions by git merge.
    """
    from ops.new_repository import make_repository, namespace_of

    if not name:
        if not sys.stdin.isatty():
            raise UserError("the application's name", "there is no terminal to ask for it on", "give it with --name", 2)
        name = click.prompt("The application's name")
    for note in make_repository(folder, name, namespace or namespace_of(name)):
        console.print(escape(note))
    console.print(
        f"{escape(str(folder))}: {escape(name)}, committed on top of Popdesk. Its README.md says what comes next."
    )


if __name__ == "__main__":
    cancel_uncaught_interrupts()
    cli(prog_name="deploy.py")
