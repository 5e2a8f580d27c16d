"""The command `deploy.py check`: examines any Amazon Connect third-party app in the local agent workspace."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.cli.options import as_given, environment_option
from ops.settings import SANDBOX, load_settings

if TYPE_CHECKING:
    from ops.check.examine import Result

FINDINGS_EXIT_CODE = 3
_SECONDS = click.FloatRange(min=1, max=600)
_MARKS = {"ok": "[green]ok[/]", "finding": "[red]finding[/]", "note": "[yellow]note[/]", "open": "[dim]open[/]"}

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def _attribute(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name or equals!r} is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _flags(_context: click.Context, _option: click.Parameter, given: str) -> str:
    for flag in given.split():
        if given != "registered" and flag not in SANDBOX:
            raise click.BadParameter(
                f'Amazon Connect has no flag {flag!r}; it has "registered" and {", ".join(SANDBOX)}'
            )
    return given


@click.command()
@click.argument("url", default="")
@click.option("--contact/--idle", default=True, help="Open it for a call (the default), or without a contact.")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    callback=_attribute,
    metavar="NAME=VALUE",
    help="A contact attribute that the app expects; may be given again.",
)
@click.option(
    "--timeout",
    type=_SECONDS,
    default=5.0,
    show_default=True,
    help="Seconds it may take to connect, as it is registered.",
)
@click.option(
    "--sandbox",
    default="",
    callback=_flags,
    metavar="FLAGS",
    help="The iframe's flags, between quotes, or \"registered\" for those of pyproject.toml; AWS's default if not given.",
)
@click.option("--headed", is_flag=True, help="Show the browser.")
@environment_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(
    url: str,
    contact: bool,
    attributes: dict[str, str],
    timeout: float,
    sandbox: str,
    headed: bool,
    environment: str,
    as_json: bool,
) -> None:
    """Examine an Amazon Connect app in the local workspace.

    The app at URL, made with any framework; no AWS account is needed. Without URL it is this project's page, framed as
    pyproject.toml registers it. Needs Chromium and the development packages. Exit codes: 0 if there are no findings, 3 if
    there are, 1 if it could not be examined.
    """
    from ops.check.examine import Options, check_url, examine
    from protocol.apps import SANDBOX as DEFAULT_SANDBOX

    if url:
        try:
            check_url(url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="URL") from None
    registered = load_settings(environment=environment).iframe.sandbox
    as_registered = sandbox == "registered" or (not url and not sandbox)
    options = Options(
        idle=not contact,
        timeout=timeout,
        sandbox=registered if as_registered else tuple(sandbox.split()) or DEFAULT_SANDBOX,
        attributes=attributes,
        headed=headed,
    )
    # What ends a service ends this as Ctrl-C does: browser and server are stopped, what was built is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with err.status("Starting") as status:
        result = examine(
            url, options, lambda: load_settings(environment=environment), lambda words: status.update(escape(words))
        )
    if as_json:
        print(json.dumps(result.as_json()))
    else:
        _show(result)
    if result.findings:
        sys.exit(FINDINGS_EXIT_CODE)


def _show(result: Result) -> None:
    table = Table(title=escape(result.url), title_justify="left", show_lines=False)
    for name in ("", "Examined", "Seen"):
        table.add_column(name, overflow="fold")
    for each in result.checks:
        hint = f"\n[bold]What to do:[/] {escape(as_given(each.hint))}" if each.hint and each.state != "ok" else ""
        table.add_row(_MARKS[each.state], escape(each.name), escape(each.detail) + hint)
    times = (f"{name.replace('_', ' ')} {ms:.0f} ms" for name, ms in result.times().items() if ms is not None)
    table.add_row("", "times", ", ".join(times) or "none")
    out.print(table)
    out.print(f"{result.findings} findings" if result.findings != 1 else "1 finding")


COMMANDS = (check,)
