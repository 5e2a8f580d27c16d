"""The one exception for foreseeable errors: it names the subject, the reason and what to do.

    raise UserError("web/package-lock.json", "the file is missing", "restore it from version control")

deploy.py prints it in three lines and exits with `exit_code`; any other exception is a defect and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

# The exit codes that have a meaning of their own; 1 is every other failure.
WRONG_SETTINGS = 2  # or wrong options
DIFFERENT = 3  # `plan` would change something, `status` or `doctor` found something, an import left rows out
CONFLICT = 4  # somebody else was first; nothing was changed
ROLLED_BACK = 5  # the live page failed its check; where there was one, the release before it is live again


class UserError(Exception):
    """Something that the user can fix.

    `subject` is what is wrong (a file, a setting's key, a command), `reason` why, `hint` what to do about it.
    `exit_code` is the process's exit code: 1 unless a command documents another.
    """

    def __init__(self, subject: str, reason: str, hint: str, exit_code: int = 1) -> None:
        super().__init__(f"{subject}: {reason}. {hint}")
        self.subject = subject
        self.reason = reason
        self.hint = hint
        self.exit_code = exit_code


def in_one_line(subject: str, reason: str, hint: str) -> str:
    """Return what is wrong, why and what to do as one line of text: the hint is a sentence of its own."""
    return f"{subject}: {reason}. {hint[:1].upper()}{hint[1:]}"


def all_of(errors: Sequence[UserError]) -> UserError:
    """Return one error that says each of `errors`, which are one at least: found at once, they are shown at once."""
    if len(errors) == 1:
        return errors[0]
    lines = [in_one_line(error.subject, error.reason, error.hint) for error in errors]
    return UserError(
        f"{len(errors)} mistakes", "\n  ".join(lines), "correct each of them", max(error.exit_code for error in errors)
    )
