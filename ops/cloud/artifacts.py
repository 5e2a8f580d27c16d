"""The bucket that holds the Lambda's zip. It is made before the stack, which needs the zip, and deleted after it.

    make_artifacts_bucket(aws, bucket, account)
    upload_lambda(aws, bucket, account, package)       # under lambda_key(package)

Every call names the account that must own the bucket: somebody else may have made one of that name, and the Lambda's code
would come from there.
"""

from __future__ import annotations

import hashlib
import json

from ops.cloud.aws import Aws, AwsError
from ops.cloud.names import partition
from ops.errors import UserError

ZIPS = "lambda/"


def lambda_key(package: bytes) -> str:
    """Return the key of the Lambda's zip, which has the hash of its content."""
    return zip_key(hashlib.sha256(package).digest())


def zip_key(sha256: bytes) -> str:
    """Return the key of the zip whose content has this SHA-256."""
    return f"{ZIPS}{sha256.hex()[:32]}.zip"


def make_artifacts_bucket(aws: Aws, bucket: str, account: str) -> None:
    """Make the bucket, if it is not there, and make it private, which an interrupted run may have left undone."""
    try:
        # Not a HEAD, which AWS refuses without a reason.
        aws.call("s3", "list_objects_v2", Bucket=bucket, MaxKeys=1, ExpectedBucketOwner=account)
    except AwsError as error:
        if error.code in ("AccessDenied", "AllAccessDisabled"):
            raise UserError(
                f"bucket {bucket}",
                f"AWS does not let it be listed as the account's own ({error.reason})",
                "give the caller what `deploy.py iam-policy` prints; if it has that, another account has a bucket of this name:"
                " set stack in [tool.popdesk.aws] to another name",
            ) from error
        if error.code != "NoSuchBucket":
            raise
        location = (
            {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
        )
        try:
            aws.call("s3", "create_bucket", Bucket=bucket, **location)
        except AwsError as error:
            if error.code != "BucketAlreadyOwnedByYou":  # a release at the same time made it
                raise
    blocked = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    aws.call(
        "s3",
        "put_public_access_block",
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(blocked, True),
        ExpectedBucketOwner=account,
    )
    tls_only = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:{partition(aws.region)}:s3:::{bucket}{suffix}" for suffix in ("", "/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [tls_only]})
    aws.call("s3", "put_bucket_policy", Bucket=bucket, Policy=policy, ExpectedBucketOwner=account)


def upload_lambda(aws: Aws, bucket: str, account: str, package: bytes) -> None:
    """Put the Lambda's zip where the stack expects it."""
    aws.call("s3", "put_object", Bucket=bucket, Key=lambda_key(package), Body=package, ExpectedBucketOwner=account)
