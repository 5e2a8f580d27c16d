"""Which versions and zips of the functions can go: decisions without AWS."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from ops.cloud.artifacts import lambda_key
from ops.cloud.old_code import Code, Version, old_versions, old_zips, read_code
from ops.cloud.stack import Stack

NOW = datetime(2026, 11, 27, tzinfo=UTC)
OLDEST = NOW - timedelta(days=14)


def _versions(*ages: int, function: str = "lookup", first: int = 1) -> tuple[Version, ...]:
    """Return versions of a function, numbered on from `first`, that were published so many days ago."""
    return tuple(
        Version(function, first + place, NOW - timedelta(days=age), f"lambda/{first + place}.zip")
        for place, age in enumerate(ages)
    )


def _gone(code: Code, *needed: str) -> list[str]:
    return [str(version) for version in old_versions(code, needed, OLDEST)]


def test_what_no_release_needs_goes_but_for_the_stacks_own_and_the_newest_of_the_old() -> None:
    assert _gone(Code(_versions(100, 90, 80, 70, 60), frozenset())) == ["lookup:2", "lookup:3", "lookup:4"]


@pytest.mark.parametrize("kept", ["needed", "aliased"])
def test_what_a_release_or_an_alias_has_stays(kept: str) -> None:
    versions = _versions(100, 90, 80, 70, 60)
    if kept == "needed":
        assert _gone(Code(versions, frozenset()), "lookup:3") == ["lookup:2", "lookup:4"]
    else:
        assert _gone(Code(versions, frozenset({"lookup:3"}))) == ["lookup:2", "lookup:4"]


def test_the_young_stay_and_so_does_the_last_that_was_published_before_them() -> None:
    """A release that is under way has either one of the young or, where its code had not changed, that one."""
    assert _gone(Code(_versions(100, 90, 80, 3, 1), frozenset())) == ["lookup:2"]
    assert _gone(Code(_versions(100, 90, 2), frozenset())) == []


def test_the_stacks_own_is_the_lowest_whatever_its_number() -> None:
    assert _gone(Code(_versions(100, 90, 80, first=8), frozenset())) == ["lookup:9"]


def test_each_function_is_looked_at_by_itself() -> None:
    both = (*_versions(100, 90, 80, function="api"), *_versions(100, 90, 80))
    assert _gone(Code(both, frozenset({"api:2"})), "api:1") == ["lookup:2"]
    assert _gone(Code((), frozenset())) == []


def test_zips_stay_that_the_stack_or_a_staying_version_has_or_that_are_young() -> None:
    stored = dict.fromkeys([f"lambda/{name}.zip" for name in ("a", "b", "1", "c")], NOW - timedelta(days=90))
    stored["lambda/young.zip"] = NOW
    stack = Stack("popdesk-prod", "UPDATE_COMPLETE", parameters={"LambdaKey": "lambda/a.zip", "ApiKey": "lambda/b.zip"})
    assert old_zips(stored, stack, _versions(100), OLDEST) == ["lambda/c.zip"]


@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", ""]
)
def test_no_zip_goes_of_a_stack_that_cloudformation_may_take_back(status: str) -> None:
    assert old_zips({"lambda/c.zip": NOW - timedelta(days=90)}, Stack("popdesk-prod", status), (), OLDEST) == []


class _Lambda:
    """Lambda's two listings, in pages."""

    def pages(self, _service: str, operation: str, **asked: Any) -> list[dict[str, Any]]:
        assert asked == {"FunctionName": "lookup"}
        if operation == "list_aliases":
            weighted = {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.1}}}
            return [{"Aliases": [{"FunctionVersion": "4", "RoutingConfig": None}]}, {"Aliases": [weighted]}]
        item = {
            "LastModified": "2026-01-02T03:04:05.678+0000",
            "CodeSha256": b64encode(sha256(b"zip").digest()).decode(),
        }
        return [{"Versions": [{"Version": "$LATEST", **item}]}, {"Versions": [{"Version": "12", **item}]}]


def test_lambdas_listings_are_read_to_their_end_with_weighted_aliases() -> None:
    code = read_code(_Lambda(), ("lookup", ""))  # type: ignore[arg-type]
    published = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert code.versions == (Version("lookup", 12, published, lambda_key(b"zip")),)
    assert code.aliased == {"lookup:2", "lookup:3", "lookup:4"}
