"""Drift: what `status` says was changed by hand. moto detects none, so AWS's answers are made up (tests/aws/stubbed.py)."""

from __future__ import annotations

from typing import Any

from ops.cloud.drift import read_drift
from ops.cloud.events import POLL_SECONDS
from ops.cloud.stack import Stack
from tests.aws.stubbed import Stubbed

STACK = Stack("popdesk-prod", "UPDATE_COMPLETE")
_ARN = "arn:aws:cloudformation:us-east-1:123456789012:stack/popdesk-prod/1"
_WHEN = "2026-01-01T00:00:00Z"


def _status(stubbed: Stubbed, *states: str, reason: str = "") -> None:
    """Answer the detection: one status for each time it is asked."""
    detection = {"StackDriftDetectionId": "d-1"}
    stubbed["cloudformation"].add_response("detect_stack_drift", detection, {"StackName": STACK.name})
    for state in states:
        answer = {"StackId": _ARN, **detection, "DetectionStatus": state, "Timestamp": _WHEN}
        if reason:
            answer["DetectionStatusReason"] = reason
        stubbed["cloudformation"].add_response("describe_stack_drift_detection_status", answer, detection)


def _drifts(stubbed: Stubbed, *pages: list[dict[str, Any]]) -> None:
    asked: dict[str, Any] = {
        "StackName": STACK.name,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    for number, page in enumerate(pages, 1):
        answer: dict[str, Any] = {"StackResourceDrifts": page}
        if number < len(pages):
            answer["NextToken"] = f"page-{number + 1}"
        expected = asked | ({"NextToken": f"page-{number}"} if number > 1 else {})
        stubbed["cloudformation"].add_response("describe_stack_resource_drifts", answer, expected)


def _drift(resource: str, kind: str, status: str, *paths: str) -> dict[str, Any]:
    differences = [
        {"PropertyPath": path, "ExpectedValue": "1", "ActualValue": "2", "DifferenceType": "NOT_EQUAL"}
        for path in paths
    ]
    return {
        "StackId": _ARN,
        "LogicalResourceId": resource,
        "ResourceType": kind,
        "StackResourceDriftStatus": status,
        "PropertyDifferences": differences,
        "Timestamp": _WHEN,
    }


def _read(stubbed: Stubbed) -> tuple[list[str], list[float]]:
    """Return what was found and the pauses that were made."""
    pauses: list[float] = []
    found = read_drift(stubbed.aws, STACK, pauses.append)
    stubbed.done()
    return found, pauses


def test_no_drift_is_nothing_to_say_and_the_detection_is_waited_for() -> None:
    stubbed = Stubbed()
    _status(stubbed, "DETECTION_IN_PROGRESS", "DETECTION_IN_PROGRESS", "DETECTION_COMPLETE")
    _drifts(stubbed, [])
    assert _read(stubbed) == ([], [POLL_SECONDS] * 2)


def test_what_was_changed_by_hand_is_said_from_every_page() -> None:
    stubbed = Stubbed()
    _status(stubbed, "DETECTION_COMPLETE")
    lookup = _drift("Lookup", "AWS::Lambda::Function", "MODIFIED", "/Timeout", "/MemorySize")
    table = _drift("CustomersTable", "AWS::DynamoDB::Table", "DELETED")
    _drifts(stubbed, [lookup], [table])
    found, _ = _read(stubbed)
    assert found == [
        "Lookup (AWS::Lambda::Function) was modified: /Timeout, /MemorySize",
        "CustomersTable (AWS::DynamoDB::Table) was deleted",
    ]


def test_the_alias_that_releases_move_is_no_drift_but_its_end_is() -> None:
    for status, said in (("MODIFIED", []), ("DELETED", ["LookupLive (AWS::Lambda::Alias) was deleted"])):
        stubbed = Stubbed()
        _status(stubbed, "DETECTION_COMPLETE")
        _drifts(stubbed, [_drift("LookupLive", "AWS::Lambda::Alias", status)])
        assert _read(stubbed)[0] == said


def test_a_detection_that_failed_is_not_taken_for_no_drift() -> None:
    stubbed = Stubbed()
    _status(stubbed, "DETECTION_FAILED", reason="no permission to read View")
    _drifts(stubbed, [_drift("Lookup", "AWS::Lambda::Function", "MODIFIED", "/Timeout")])
    assert _read(stubbed)[0] == [
        "not everything could be looked at: no permission to read View",
        "Lookup (AWS::Lambda::Function) was modified: /Timeout",
    ]
