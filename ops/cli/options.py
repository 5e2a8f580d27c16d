"""The options that every command shares, and our own command lines in messages, written so that they can be copied.

    @environment_option
    @profile_option
    @region_option
    def command(environment, profile, region): ...

    as_given("`deploy.py status`", context)     # -> "`uv run python deploy.py status --env prod`"

Messages name a command of ours in backticks: `deploy.py status`. Before one is printed, `as_given` writes the command as
the user would type it: started the same way, for the same environment, profile and region. Otherwise a hint that is copied
would act on another environment.
"""

from __future__ import annotations

import os
import re
import shlex

import click

_GIVEN = "popdesk.given"  # the key in click's meta, which all contexts of one command line share
_COMMAND = re.compile(r"`deploy\.py((?: [^`]*)?)`")


def _remember(context: click.Context, option: click.Parameter, value: str) -> str:
    """Remember an option that was given, for `as_given`; return the value."""
    if value:
        context.meta.setdefault(_GIVEN, {})[option.opts[0]] = value
    return value


environment_option = click.option(
    "--env",
    "environment",
    default="",
    metavar="NAME",
    callback=_remember,
    help="The environment: a table of [tool.popdesk.environments].",
)
# Named so that no command's own option can take their place: doctor's --grant once was `profile` too.
profile_option = click.option(
    "--profile",
    "aws_profile",
    default="",
    metavar="NAME",
    callback=_remember,
    help="The AWS profile; the default one if not given.",
)
region_option = click.option(
    "--region",
    "aws_region",
    default="",
    metavar="REGION",
    callback=_remember,
    help="The AWS region; that of the settings if not given.",
)


def as_given(text: str, context: click.Context | None = None) -> str:
    """Return `text` with each `deploy.py COMMAND` in it completed by the options that this command line was given.

    A command gets those of the options that it takes. It begins with `uv run python` where uv started this process
    (it sets UV), else with `python`.
    """
    context = context or click.get_current_context(silent=True)
    given: dict[str, str] = context.meta.get(_GIVEN, {}) if context else {}
    start = "uv run python deploy.py" if os.environ.get("UV") else "python deploy.py"

    def complete(found: re.Match[str]) -> str:
        words = found[1].split()
        # Help is the same with and without them.
        taken = _options(context, words) if context and "--help" not in words else frozenset[str]()
        more = [f"{name} {shlex.quote(value)}" for name, value in given.items() if name in taken and name not in words]
        return f"`{' '.join([start, *words, *more])}`"

    return _COMMAND.sub(complete, text)


def _options(context: click.Context, words: list[str]) -> frozenset[str]:
    """Return the options of the command that `words` begin with; of `release` where they name none."""
    root = context.find_root()
    command: click.Command | None = None
    while words and isinstance(group := command or root.command, click.Group):
        if (found := group.get_command(root, words[0])) is None:
            break
        command, words = found, words[1:]
    if command is None and isinstance(root.command, click.Group):
        command = root.command.get_command(root, "release")
    return frozenset(name for parameter in command.params for name in parameter.opts) if command else frozenset()
