"""What the settings must say before anything is deployed; ops/settings.py checks what holds everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ops.cloud.aws import AwsError
from ops.cloud.stack import StackMissing
from ops.errors import WRONG_SETTINGS, UserError
from ops.settings import Settings, environment_names

# What CloudWatch Logs allows (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html).
_RETENTION_DAYS = [
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
]


@contextmanager
def naming_environments(settings: Settings) -> Iterator[None]:
    """Let the remedy begin with --env, where there are environments and none was named.

    That of a stack that is not there, and of one that AWS does not let the caller see: the policy knows the environment's.
    """
    try:
        yield
    except UserError as error:
        denied = isinstance(error, AwsError) and error.code in ("AccessDenied", "AccessDeniedException")
        if denied or isinstance(error, StackMissing):
            error.hint = _environment_first(settings, error.hint)
        raise


def _environment_first(settings: Settings, hint: str) -> str:
    names = () if settings.environment else environment_names()
    options = " or ".join(f"--env {name}" for name in names)
    return f"name the environment that is meant: {options}. Otherwise {hint}" if names else hint


def check_region_option(settings: Settings, region: str) -> None:
    """Raise UserError (exit code 2) where --region, "" for none, is not the region of the settings' instance.

    It is said of the option: the settings, with which `check_deployable` compares, may well be right.
    """
    aws = settings.aws
    if region and aws.instance_arn and aws.instance_region != region:
        told = "leave --region out" if aws.region == aws.instance_region else f"give --region {aws.instance_region}"
        raise UserError(
            f"--region {region}",
            f"the instance of the settings is in {aws.instance_region} (aws.instance_arn), and everything is released there",
            f"{told}, or name the instance that is in {region} in pyproject.toml",
            exit_code=WRONG_SETTINGS,
        )


def check_deployable(settings: Settings) -> None:
    """Raise UserError (exit code 2) that names every wrong key, where the settings cannot be deployed. Makes no call."""
    table = f"tool.popdesk.environments.{settings.environment}" if settings.environment else "tool.popdesk"
    wrong = []
    aws = settings.aws
    if not aws.instance_arn:
        wrong.append(f"{table}.aws.instance_arn is empty: the ARN of the Amazon Connect instance")
    elif aws.instance_region != aws.region:
        wrong.append(f"{table}.aws.region is {aws.region}, the instance is in {aws.instance_region}")
    if bool(aws.domain) != bool(aws.certificate_arn):
        missing = "certificate_arn" if aws.domain else "domain"
        wrong.append(f"{table}.aws.{missing} is empty: domain and certificate_arn go together")
    if aws.domain and not re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", aws.domain):
        wrong.append(f"{table}.aws.domain is {aws.domain!r}: a host without https:// and path")
    if aws.log_retention_days not in _RETENTION_DAYS:
        wrong.append(f"{table}.aws.log_retention_days is {aws.log_retention_days}: one of {_RETENTION_DAYS}")
    if settings.api.enabled and settings.api.cases == "sample":
        wrong.append(
            f'{table}.api.cases is "sample", which keeps cases in a file on this machine: "dynamodb", "http" or one of your own'
        )
    if wrong:
        # What is wrong without an environment may be right in each of them, as "sample" is for this machine alone.
        hint = _environment_first(settings, "correct it there; AWS was not called yet")
        raise UserError("pyproject.toml", "; ".join(wrong), hint, exit_code=WRONG_SETTINGS)
