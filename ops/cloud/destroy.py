"""Delete a stack with all that it has, its buckets' content too."""

from __future__ import annotations

from typing import Any

from ops.cloud.aws import Aws, AwsError
from ops.cloud.events import Events
from ops.cloud.names import artifacts_bucket, site_bucket
from ops.cloud.stack import Stack
from ops.cloud.stack_progress import last_event, wait_for_stack
from ops.errors import UserError


def destroy(aws: Aws, stack: Stack, account: str, events: Events) -> None:
    """Delete everything, in the order that AWS needs; after a failure, another run continues.

    The site's bucket is emptied, versions too; then the stack is deleted, in which CloudFormation deletes the associations
    before the application and the function that they refer to; then the bucket with the Lambda's zip.
    """
    if stack.status:
        empty_bucket(aws, site_bucket(stack.name, account, aws.region), account)
        last = last_event(aws, stack.arn)
        aws.call("cloudformation", "delete_stack", StackName=stack.name)
        wait_for_stack(aws, stack.arn, last, events)
    bucket = artifacts_bucket(stack.name, account, aws.region)
    if empty_bucket(aws, bucket, account):
        aws.call("s3", "delete_bucket", Bucket=bucket, ExpectedBucketOwner=account)


def empty_bucket(aws: Aws, bucket: str, account: str) -> bool:
    """Delete all versions of all objects of the account's own bucket; return whether the bucket exists."""
    try:
        for page in aws.pages("s3", "list_object_versions", Bucket=bucket, ExpectedBucketOwner=account):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                delete_objects(aws, bucket, [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found])
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return False
        raise
    return True


def delete_objects(aws: Aws, bucket: str, objects: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Delete up to 1,000 objects in one call and return what was deleted. Raises UserError where AWS refuses one of them."""
    answer = aws.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects})
    if answer.get("Errors"):
        first = answer["Errors"][0]
        raise UserError(
            f"s3://{bucket}/{first.get('Key')}",
            f"it was not deleted ({first.get('Code')}: {first.get('Message')})",
            "run the command again",
        )
    return list(answer.get("Deleted", []))
