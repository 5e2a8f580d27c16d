"""Popdesk's command line: `python deploy.py --help`.

Thin on purpose: each command reads its options and calls the room of ops/ that does the job. Foreseeable trouble comes
as ops.errors.Trouble and is printed as thing, reason and remedy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ops.errors import Trouble
from ops.settings import load_settings

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


class _Commands(click.Group):
    """A group whose foreseeable errors are printed for people."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            errors.print(f"[bold red]{trouble.thing}[/]\n  {trouble.reason}\n  [bold]What to do:[/] {trouble.remedy}")
            sys.exit(trouble.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Popdesk: an Amazon Connect agent-workspace app, in Python from end to end."""


@cli.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("dist"), show_default=True)
@click.option("--env", "environment", default="", help="A table of [tool.popdesk.environments].")
def build(out: Path, environment: str) -> None:
    """Build the page into a folder that any static server can serve, and the Lambda's zip."""
    from ops.build import build_site

    result = build_site(load_settings(environment=environment), out)
    console.print(f"{out}: {len(result.files)} files, {result.total_bytes / 1000:.0f} kB")


if __name__ == "__main__":
    cli()
