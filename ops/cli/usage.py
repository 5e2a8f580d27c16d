"""What click refuses in a command line, as a UserError with a remedy: click itself says what is wrong and no more.

as_user_error(error, context)   # -> UserError("--evn", "there is no such option", "write --env; see `deploy.py plan --help`", 2)
"""

from __future__ import annotations

import click

from ops.errors import WRONG_SETTINGS, UserError


def as_user_error(error: click.UsageError, context: click.Context) -> UserError:
    """Return what is wrong, why and what to do; `context` is that of the command line where the error names no command."""
    # Click's parser leaves the command out where an option has no value.
    command = _path(error.ctx) if error.ctx else [*_path(context), context.invoked_subcommand or ""]
    context = error.ctx or context
    see = f"see `deploy.py {' '.join([*command, '--help'])}`"
    subject, reason, remedy = " ".join(command) or "the command line", error.format_message(), ""
    if isinstance(error, click.NoSuchOption):
        subject, reason, remedy = error.option_name, "there is no such option", _write(error.possibilities or [])
        if not isinstance(context.command, click.Group):
            reason = f"{context.info_name} has no such option"  # without a command it is release that is asked
    elif isinstance(error, click.NoSuchCommand):
        import difflib  # a command that is right starts without it

        # Click's own suggestions know only the commands that are imported.
        known = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
        subject, reason = error.command_name, "there is no such command"
        remedy = _write(difflib.get_close_matches(error.command_name, known))
    elif isinstance(error, click.MissingParameter):
        kind = error.param.param_type_name if error.param else "value"
        subject, reason, remedy = _name(error, context) or subject, f"this {kind} is missing", "give it"
    elif isinstance(error, click.BadOptionUsage):
        subject = error.option_name
    elif isinstance(error, click.BadParameter):
        subject, reason, remedy = _name(error, context) or subject, error.message, "give another value"
    return UserError(subject, _without_stop(reason), f"{remedy}; {see}" if remedy else see, WRONG_SETTINGS)


def _path(context: click.Context) -> list[str]:
    """Return the names that lead to a command: ["customers", "import"]."""
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, context.info_name or "")
        context = context.parent
    return names


def _write(near: list[str]) -> str:
    return f"write {' or '.join(near)}" if near else ""


def _name(error: click.BadParameter, context: click.Context) -> str:
    """Return the option or argument that an error is about, as it is typed: --port, or FOLDER."""
    hint = error.param_hint or (error.param.get_error_hint(context) if error.param else "")
    return (hint if isinstance(hint, str) else " / ".join(hint)).replace("'", "")


def _without_stop(reason: str) -> str:
    """Return click's sentence without its full stop, and in one line, as reasons are."""
    return " ".join(reason.split()).removesuffix(".")
