"""Drift: what was changed in AWS by hand, as CloudFormation detects it."""

from __future__ import annotations

import time
from typing import Any

from ops.cloud.aws import Aws
from ops.cloud.events import Pause, poll
from ops.cloud.stack import Stack

_MOVED_BY_RELEASES = ("LookupLive", "ApiLive", "PilotApiLive")  # the aliases: no drift


def read_drift(aws: Aws, stack: Stack, pause: Pause = time.sleep) -> list[str]:
    """Return what was changed in AWS by hand, a sentence each."""
    detection = aws.call("cloudformation", "detect_stack_drift", StackName=stack.name)["StackDriftDetectionId"]

    def look() -> dict[str, Any] | None:
        state = aws.call("cloudformation", "describe_stack_drift_detection_status", StackDriftDetectionId=detection)
        return None if state["DetectionStatus"] == "DETECTION_IN_PROGRESS" else state

    state = poll(f"stack {stack.name}", look, pause)
    found = []
    if state["DetectionStatus"] == "DETECTION_FAILED":
        # What could be looked at is listed all the same.
        found.append(f"not everything could be looked at: {state.get('DetectionStatusReason', 'AWS gives no reason')}")
    for page in aws.pages(
        "cloudformation",
        "describe_stack_resource_drifts",
        StackName=stack.name,
        StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
    ):
        for drift in page["StackResourceDrifts"]:
            name, status = drift["LogicalResourceId"], drift["StackResourceDriftStatus"].lower()
            if name in _MOVED_BY_RELEASES and status == "modified":
                continue
            paths = ", ".join(difference["PropertyPath"] for difference in drift.get("PropertyDifferences", []))
            found.append(f"{name} ({drift['ResourceType']}) was {status}" + (f": {paths}" if paths else ""))
    return found
