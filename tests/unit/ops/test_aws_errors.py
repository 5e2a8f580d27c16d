"""Remedies: what is said about a refusal is what can work, by kind; and nothing is promised where nothing is known."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError

from ops.cloud import aws_errors
from ops.cloud.aws_errors import config_problem, credentials_refused, hint, machine_problem, no_answer_hint
from ops.cloud.iam_policy import CALLS

REGIONS = ("us-east-1", "us-east-2", "eu-west-1")


@pytest.mark.parametrize(
    ("operation", "code", "message", "said"),
    [
        ("put_object", "AccessDenied", "no identity-based policy allows it", "`deploy.py iam-policy`"),
        (
            "put_object",
            "AccessDenied",
            "with an explicit deny in a service control policy",
            "only they can change that",
        ),
        ("put_object", "ExpiredToken", "The provided token has expired", "aws sso login"),
        ("put_object", "InvalidAccessKeyId", "does not exist in our records", "they were deleted or switched off"),
        (
            "describe_stacks",
            "UnrecognizedClientException",
            "The security token is invalid",
            "is not enabled for the account",
        ),
        ("describe_stacks", "InvalidClientTokenId", "The security token is invalid", "is not enabled for the account"),
        ("put_object", "RequestTimeTooSkewed", "The difference is too large", "set the clock"),
        (
            "describe_stacks",
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T000000Z is now earlier",
            "set the clock",
        ),
        ("describe_stacks", "InvalidSignatureException", "Signature not yet current", "set the clock"),
        ("put_object", "SignatureDoesNotMatch", "the signature we calculated does not match", "set both again"),
        ("create_bucket", "BucketAlreadyExists", "not available", "to another name"),
        ("put_object", "PermanentRedirect", "use the specified endpoint", "another region"),
        ("put_object", "NoSuchBucket", "does not exist", "`deploy.py status`"),
        ("head_object", "403", "Forbidden", "without a reason"),
        ("head_object", "400", "Bad Request", "credentials have expired"),
        ("head_object", "301", "Moved Permanently", "another region"),
        ("put_object", "SlowDown", "", "run the command again"),
        ("list_queues", "TooManyRequestsException", "", "run the command again"),
        ("put_object", "InternalError", "", "a fault inside AWS"),
        ("head_object", "503", "Service Unavailable", "a fault inside AWS"),
        ("create_bucket", "TooManyBuckets", "", "raise that quota"),
        ("describe_instance", "ResourceNotFoundException", "", "compare aws.instance_arn"),
    ],
)
def test_a_refusal_has_the_remedy_of_its_kind(operation: str, code: str, message: str, said: str) -> None:
    assert said in hint("s3", operation, code, message)


def test_an_unknown_refusal_is_promised_nothing() -> None:
    text = hint("cloudformation", "create_change_set", "ValidationError", "Stack is in a state")
    assert (
        text
        == "nothing more is known here; AWS's documentation of cloudformation CreateChangeSet explains ValidationError"
    )


def test_running_again_is_said_only_where_it_can_end_otherwise() -> None:
    """A changed clock, quota, proxy or network; throttling; a fault of AWS; somebody else at the same time."""
    again = {code for code, text in aws_errors._REMEDIES.items() if "again" in text and "set both again" not in text}
    assert (
        again & {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "BucketAlreadyExists", "NoSuchBucket", "301"}
        == set()
    )
    assert {"SlowDown", "Throttling", "InternalError", "ConflictException", "RequestTimeTooSkewed"} <= again


def test_every_call_of_the_project_has_words_for_every_kind() -> None:
    for service, operations in CALLS.items():
        for operation in operations:
            assert hint(service, operation, "AccessDenied")
            assert hint(service, operation, "SomethingNew").endswith("explains SomethingNew")


@pytest.mark.parametrize(
    ("error", "subject", "said"),
    [
        (exceptions.NoCredentialsError(), "AWS credentials", "aws sso login"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            "AWS credentials",
            "log in",
        ),
        (exceptions.UnauthorizedSSOTokenError(), "AWS credentials", "`aws sso login --profile desk`"),
        (exceptions.SSOTokenLoadError(error_msg="no token"), "AWS credentials", "`aws sso login --profile desk`"),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="expired"),
            "AWS credentials",
            "`aws sso login --profile desk`",
        ),
        (exceptions.LoginRefreshRequired(), "AWS credentials", "`aws login --profile desk`"),
        (
            exceptions.CredentialRetrievalError(provider="custom-process", error_msg="no"),
            "AWS credentials",
            "credential_process",
        ),
        (exceptions.InvalidConfigError(error_msg="no sso_region"), "AWS configuration", "aws configure sso"),
        (
            exceptions.InfiniteLoopConfigError(source_profile="a", visited_profiles=["a"]),
            "AWS configuration",
            "that profile",
        ),
        (exceptions.ProfileNotFound(profile="gone"), "AWS configuration", "source_profile"),
        (exceptions.NoRegionError(), "the AWS region", "--region"),
        (exceptions.InvalidRegionError(region_name="us east"), "the AWS region", "--region"),
        (
            exceptions.InvalidRetryModeError(provided_retry_mode="x", valid_modes=["standard"]),
            "AWS configuration",
            "this machine",
        ),
    ],
)
def test_what_is_wrong_on_this_machine_is_said_to_be_here(error: BotoCoreError, subject: str, said: str) -> None:
    found = machine_problem(error, "desk")
    assert found is not None
    assert found[0] == subject
    assert said in found[2]
    assert "run the command again" not in found[2]


@pytest.mark.parametrize(
    ("error", "region", "said"),
    [
        (
            exceptions.EndpointConnectionError(endpoint_url="https://sts.us-esat-1"),
            "us-esat-1",
            "AWS has no region 'us-esat-1'",
        ),
        (exceptions.EndpointConnectionError(endpoint_url="https://sts.us-east-1"), "us-east-1", "check the network"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://sts"), "us-east-1", "check the network"),
        (exceptions.ReadTimeoutError(endpoint_url="https://sts"), "us-east-1", "check the network"),
        (exceptions.ConnectionClosedError(endpoint_url="https://sts"), "us-east-1", "check the network"),
        (exceptions.ResponseStreamingError(error="broken"), "us-east-1", "check the network"),
        (exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), "us-east-1", "check the network"),
        (exceptions.ProxyConnectionError(proxy_url="http://proxy"), "us-east-1", "check HTTPS_PROXY"),
        (exceptions.SSLError(endpoint_url="https://sts", error="self-signed"), "us-east-1", "AWS_CA_BUNDLE"),
        (exceptions.ParamValidationError(report="too short"), "us-east-1", "correct it"),
    ],
)
def test_a_call_without_an_answer_has_the_remedy_of_its_kind(error: BotoCoreError, region: str, said: str) -> None:
    assert machine_problem(error, "") is None
    assert said in no_answer_hint(error, region, REGIONS)


def test_a_region_that_is_mistyped_is_told_the_right_one() -> None:
    error = exceptions.EndpointConnectionError(endpoint_url="https://sts.us-esat-1.amazonaws.com/")
    assert "(there are us-east-1" in no_answer_hint(error, "us-esat-1", REGIONS)


def test_every_exception_of_botocore_has_words() -> None:
    """So that none that comes with a new version is taken for another one."""
    for kind in vars(exceptions).values():
        others = (exceptions.ConfigParseError, exceptions.WaiterError)  # tested below; of what nobody here uses
        if inspect.isclass(kind) and issubclass(kind, BotoCoreError) and kind not in others:
            made: Any = kind
            error = made(**dict.fromkeys(re.findall(r"{(\w+)}", made.fmt), "x"))
            found = machine_problem(error, "")
            assert all(found) if found else no_answer_hint(error, "us-east-1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ufeff[default]\n", "byte order mark"),
        ("[default]\nregion = a\nregion = b\n", "option 'region' in section 'default' already exists"),
        ("region = us-east-1\n", "no section headers"),
    ],
)
def test_a_file_that_is_no_configuration_is_named_with_what_is_wrong(text: str, said: str, tmp_path: object) -> None:
    from pathlib import Path

    from botocore.configloader import raw_config_parse

    file = Path(str(tmp_path)) / "config"
    file.write_text(text, "utf-8")
    with pytest.raises(exceptions.ConfigParseError) as caught:
        raw_config_parse(str(file))
    subject, reason, what_to_do = config_problem(caught.value)
    assert subject == str(file)
    assert said in reason
    assert what_to_do


def test_who_gives_credentials_is_named_where_it_refuses() -> None:
    assert "sso_role_name" in credentials_refused("GetRoleCredentials", "ForbiddenException", "No access", "desk")[2]
    refused = credentials_refused("AssumeRole", "AccessDenied", "not authorized", "desk")
    assert "trust policy" in refused[2]
    assert "AssumeRole for profile 'desk'" in refused[1]
    assert "set the clock" in credentials_refused("AssumeRole", "SignatureDoesNotMatch", "Signature expired", "")[2]
