"""Follow a stack while AWS changes it, until it is done; and continue a rollback that failed.

    last = last_event(aws, name)                   # before the call that changes the stack
    stack = wait_for_stack(aws, name, last, events)

Not botocore's waiters: those say neither which resource AWS is at nor why one failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops.cloud.aws import Aws
from ops.cloud.events import Events, poll
from ops.cloud.stack import Stack, read_stack
from ops.errors import UserError

ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
_PATIENCE = 15  # polls of a stack that shows no event of the change yet
_RELEASE_AGAIN = "correct that and release again; the live page was not touched"
_DESTROY_FIRST = "correct that, run `deploy.py destroy` (nothing was live yet), then release again"
# What to do about a stack that did not end well, by the status that it ended with.
_AFTER_FAILURE = {
    "ROLLBACK_COMPLETE": _DESTROY_FIRST,
    "ROLLBACK_FAILED": _DESTROY_FIRST,
    "CREATE_FAILED": _DESTROY_FIRST,
    "DELETE_FAILED": "correct that, then run `deploy.py destroy` again: it continues with what is left",
}


class RollbackFailed(UserError):
    """A change failed and AWS could not roll it back: until that is continued, AWS refuses every other change."""

    def __init__(self, stack: str, reasons: list[str]) -> None:
        why = "; ".join(reasons) or "AWS gives no reason"
        super().__init__(
            f"stack {stack}",
            f"a change failed, and so did rolling it back ({ROLLBACK_FAILED}): {why}",
            "correct what that names, then run `deploy.py continue-rollback`; where it cannot be corrected, --skip RESOURCE"
            " leaves that resource as it is",
        )


def wait_for_stack(aws: Aws, name: str, last: str, events: Events, good: str = "") -> Stack:
    """Wait until AWS has done what it was asked for after the event `last`, and return the stack.

    `good` is the status that the stack should end with, where it is a certain one. A deleted stack is found by its ARN
    only, so there `name` is that. Raises UserError with AWS's reasons where the stack ends with another status.
    """
    seen = {last}
    reasons: list[str] = []
    polls = 0

    def look() -> Stack | None:
        nonlocal polls
        stack = read_stack(aws, name)
        for event in _new_events(aws, name, seen):
            status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
            events.on_resource(resource, event.get("ResourceType", ""), status)
            reason = event.get("ResourceStatusReason", "")
            if status.endswith("FAILED") and "cancelled" not in reason:
                reasons.append(f"{resource}: {reason}")
        polls += 1
        if not stack.status:
            return stack
        # For a moment AWS may still give the old status: it counts when there are events (or none come at all).
        if len(seen) == 1 and polls <= _PATIENCE:
            return None
        if stack.status == good:
            return stack
        if not good and stack.status.endswith("_COMPLETE") and "ROLLBACK" not in stack.status:
            return stack
        if stack.status == ROLLBACK_FAILED:
            raise RollbackFailed(name, reasons)
        if not stack.status.endswith("_IN_PROGRESS"):
            raise UserError(
                f"stack {name}",
                f"AWS ended with {stack.status}: {'; '.join(reasons) or 'it gives no reason'}",
                _AFTER_FAILURE.get(stack.status, _RELEASE_AGAIN),
            )
        return None

    return poll(f"stack {name}", look, events.pause)


def continue_rollback(aws: Aws, name: str, skip: Sequence[str], events: Events) -> Stack:
    """Continue a rollback that failed (UPDATE_ROLLBACK_FAILED), wait until AWS is done, and return the stack.

    `skip` names resources (logical ids) that stay as they are. Raises RollbackFailed where it fails again.
    """
    last = last_event(aws, name)
    skipped = {"ResourcesToSkip": list(skip)} if skip else {}
    aws.call("cloudformation", "continue_update_rollback", StackName=name, **skipped)
    return wait_for_stack(aws, name, last, events, good="UPDATE_ROLLBACK_COMPLETE")


def failed_resources(aws: Aws, name: str) -> list[str]:
    """Return what failed in the stack's last rollback, "RESOURCE: reason" each."""
    found: list[str] = []
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=name):
        for event in page["StackEvents"]:
            status, resource = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
            if resource == name and status == "UPDATE_ROLLBACK_IN_PROGRESS":
                return found[::-1]
            if status.endswith("FAILED") and resource != name:
                found.append(f"{resource}: {event.get('ResourceStatusReason', 'AWS gives no reason')}")
    return found[::-1]


def last_event(aws: Aws, name: str) -> str:
    """Return the id of a stack's newest event."""
    events = aws.call("cloudformation", "describe_stack_events", StackName=name)["StackEvents"]
    return str(events[0]["EventId"]) if events else ""


def _new_events(aws: Aws, name: str, seen: set[str]) -> list[dict[str, Any]]:
    """Return the events that are not in `seen`, oldest first, and add them to it. AWS lists the newest first."""
    found: list[dict[str, Any]] = []
    for page in aws.pages("cloudformation", "describe_stack_events", StackName=name):
        fresh = [event for event in page["StackEvents"] if event["EventId"] not in seen]
        found += fresh
        if len(fresh) < len(page["StackEvents"]):
            break
    seen.update(event["EventId"] for event in found)
    return found[::-1]
