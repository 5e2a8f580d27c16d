"""The one exception for foreseeable trouble: it names the thing, the reason and the remedy.

    raise Trouble("web/package-lock.json", "the file is missing", "restore it from version control")

deploy.py prints it in three lines and exits with `exit_code`; any other exception is a defect and keeps its traceback.
"""

from __future__ import annotations


class Trouble(Exception):
    """Something a person can mend.

    `thing` is what is wrong (a file, a setting's key, a command), `reason` why, `remedy` what to do about it.
    `exit_code` is the process's exit code: 1 unless a command documents another.
    """

    def __init__(self, thing: str, reason: str, remedy: str, exit_code: int = 1) -> None:
        super().__init__(f"{thing}: {reason}. {remedy}")
        self.thing = thing
        self.reason = reason
        self.remedy = remedy
        self.exit_code = exit_code
