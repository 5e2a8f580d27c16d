"""Delete a stack with all that it has, its buckets' content too.

names = data_tables(settings, stack)               # what `destroy` keeps: customers and cases
destroy(aws, stack, account, events)               # with tables=names, those too
existing_tables(aws, names)                        # -> those that are there
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.cloud.bucket import PAGE, PILOT_PAGE, SITE, delete_objects
from ops.cloud.events import Events
from ops.cloud.names import artifacts_bucket, cases_table, customers_table, site_bucket
from ops.cloud.stack import Stack
from ops.cloud.stack_progress import last_event, wait_for_stack
from ops.errors import UserError
from ops.settings import Settings


def data_tables(settings: Settings, stack: Stack) -> tuple[str, ...]:
    """Return the names of the tables with a team's data: customers, and with the API cases. They may be there or not."""
    with_cases = settings.api.enabled or "CasesTable" in stack.outputs
    return (customers_table(stack.name), *((cases_table(stack.name),) if with_cases else ()))


def existing_tables(aws: Aws, names: Sequence[str]) -> list[str]:
    """Return those of the tables that are there."""
    return [name for name in names if _exists(aws, name)]


def check_keeps_tables(stack: Stack) -> None:
    """Raise UserError if the stack's template is of a version whose tables are deleted with the stack."""
    if stack.outputs and "KeepsTables" not in stack.outputs:
        raise UserError(
            f"stack {stack.name}",
            "an older version released it: its tables would be deleted with it; nothing was deleted",
            "to keep them, release once with this version, then run the command again; else give --with-data",
        )


def destroy(aws: Aws, stack: Stack, account: str, events: Events, tables: Sequence[str] = ()) -> None:
    """Delete everything, in the order that AWS needs; after a failure, another run continues.

    CloudFormation keeps the tables of customers and cases; those named in `tables` are deleted after the stack.

    The site's bucket is emptied, versions too, the page first: no agent gets one whose files are gone. Then the stack is
    deleted, in which CloudFormation deletes the associations before the application and the function that they refer to;
    then the bucket with the Lambda's zip.
    """
    if stack.status:
        pages = (SITE + PAGE, SITE + PILOT_PAGE)
        empty_bucket(aws, site_bucket(stack.name, account, aws.region), account, first=pages)
        last = last_event(aws, stack.arn)
        aws.call("cloudformation", "delete_stack", StackName=stack.name)
        wait_for_stack(aws, stack.arn, last, events)
    bucket = artifacts_bucket(stack.name, account, aws.region)
    if empty_bucket(aws, bucket, account):
        aws.call("s3", "delete_bucket", Bucket=bucket, ExpectedBucketOwner=account)
    for table in tables:
        _delete_table(aws, table)


def _exists(aws: Aws, table: str) -> bool:
    try:
        aws.call("dynamodb", "describe_table", TableName=table)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return False
        raise
    return True


def _delete_table(aws: Aws, table: str) -> None:
    """Delete a table; one that is gone already is no error."""
    try:
        aws.call("dynamodb", "delete_table", TableName=table)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise


def empty_bucket(aws: Aws, bucket: str, account: str, first: Sequence[str] = ()) -> bool:
    """Delete all versions of all objects of the account's own bucket; return whether the bucket exists.

    The objects `first` are not there from the first call on. Delete markers go last: without its marker, an object whose
    versions are not all deleted would be there again, as it was before.
    """
    markers: list[dict[str, str]] = []
    try:
        delete_objects(aws, bucket, [{"Key": key} for key in first], account)
        for page in aws.pages("s3", "list_object_versions", Bucket=bucket, ExpectedBucketOwner=account):
            markers += _versions(page.get("DeleteMarkers", []))
            delete_objects(aws, bucket, _versions(page.get("Versions", [])), account)
        delete_objects(aws, bucket, markers, account)
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return False
        raise
    return True


def _versions(found: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
