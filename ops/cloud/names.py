"""The names of an environment's stack, and of the resources that are named after it.

stack_name(settings)                               # -> "popdesk-prod"
site_bucket("popdesk-prod", account, region)       # -> "popdesk-prod-site-123456789012-us-east-1"
policy_names(settings, account)                    # -> what fills in the resources of ops/cloud/iam_policy.py
"""

from __future__ import annotations

import hashlib
import re

from ops.settings import Settings

# A role's name is STACK-lookup-REGION and has at most 64 characters (docs.aws.amazon.com/IAM/latest/APIReference/
# API_CreateRole.html); the longest region's name has 14.
LONGEST_STACK_NAME = 40
_LONGEST_BUCKET_NAME = 63  # docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html


def stack_name(settings: Settings) -> str:
    """Return the name of the environment's stack: aws.stack, or NAMESPACE-ENVIRONMENT in characters that AWS allows.

    Two teams in one account have two namespaces (Amazon Connect wants that too), and so two stacks.
    """
    if settings.aws.stack:
        return settings.aws.stack
    ending = f"-{settings.environment}" if settings.environment else ""
    start = re.sub(r"[^a-z0-9]+", "-", settings.namespace.lower()).strip("-")
    if not start[:1].isalpha():
        start = f"app-{start}".rstrip("-")
    return _shorten(start, LONGEST_STACK_NAME - len(ending)) + ending


def older_stack_name(settings: Settings) -> str:
    """Return the name that versions before 0.2 gave the stack, whatever the namespace."""
    return f"popdesk-{settings.environment}" if settings.environment else "popdesk"


def site_bucket(stack: str, account: str, region: str) -> str:
    """Return the name of the bucket that CloudFront serves."""
    return _bucket(stack, f"-site-{account}-{region}")


def customers_table(stack: str) -> str:
    """Return the name of the table of customers."""
    return f"{stack}-customers"


def cases_table(stack: str) -> str:
    """Return the name of the API's table of cases."""
    return f"{stack}-cases"


def artifacts_bucket(stack: str, account: str, region: str) -> str:
    """Return the name of the bucket that holds the Lambda's zip."""
    return _bucket(stack, f"-artifacts-{account}-{region}")


def _bucket(stack: str, ending: str) -> str:
    return _shorten(stack, _LONGEST_BUCKET_NAME - len(ending)) + ending


def _shorten(text: str, longest: int) -> str:
    """Return the text, or its beginning and part of its hash where it is longer, so that it stays unique."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 7].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def partition(region: str) -> str:
    """Return the AWS partition of a region."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def policy_names(settings: Settings, account: str) -> dict[str, str]:
    """Return the values for the placeholders in the resources of ops/cloud/iam_policy.py."""
    stack, region = stack_name(settings), settings.aws.region
    return {
        "partition": partition(region),
        "region": region,
        "account": account,
        "stack": stack,
        "site_bucket": site_bucket(stack, account, region),
        "artifacts_bucket": artifacts_bucket(stack, account, region),
        "instance": settings.aws.instance_arn,
    }
