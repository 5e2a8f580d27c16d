"""The callbacks of a release that is under way, and polling: how it waits for AWS."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ops.errors import UserError

POLL_SECONDS = 2.0
_MOST_POLLS = 3600  # two hours; CloudFront's changes take minutes, a stack's some ten minutes
Pause = Callable[[float], None]
Result = TypeVar("Result")


def _ignore(*_: object) -> None:
    """Do nothing with an event."""


@dataclass
class Events:
    """Callbacks of a release.

    `on_step` is called with what begins, `on_resource` with a resource of the stack that changes (logical id, type,
    status), `on_upload` with how many files are written and how many there are to write, `on_note` with what the user
    should know in the end: what was found lost or damaged and recovered, and what the build says.
    """

    on_step: Callable[[str], None] = _ignore
    on_resource: Callable[[str, str, str], None] = _ignore
    on_upload: Callable[[int, int], None] = _ignore
    on_note: Callable[[str], None] = _ignore
    pause: Pause = time.sleep


def poll(subject: str, look: Callable[[], Result | None], pause: Pause = time.sleep) -> Result:
    """Return the first result of `look` that is not None, calling it every POLL_SECONDS.

    Raises UserError about `subject` after two hours.
    """
    for _ in range(_MOST_POLLS):
        if (result := look()) is not None:
            return result
        pause(POLL_SECONDS)
    raise UserError(
        subject,
        f"AWS has not finished after {_MOST_POLLS * POLL_SECONDS / 3600:.0f} hours",
        "look at the stack in the CloudFormation console, then run the command again",
    )
