"""Hints for AWS's refusals: what a person can do about them, by error code or by botocore's exception. Pure.

    hint("s3", "create_bucket", "BucketAlreadyExists", "...")    # -> what to do, for AwsError
    machine_problem(error, profile="prod")                         # -> (subject, reason, hint), or None
    no_answer_hint(error, "us-esat-1", regions)                    # -> what to do where no answer came

A hint says only what can work. "Run the command again" is said where a second run can end otherwise than the first:
a broken connection, throttling, a fault inside AWS. For an unknown code the hint says where AWS explains it.

Codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, the "Common Errors" page of each API reference, and
docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html; exceptions: botocore.exceptions.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from botocore import exceptions
from botocore.exceptions import BotoCoreError

LOG_IN = "log in (`aws sso login`, `aws configure`) or name another profile with --profile"
POLICY = "give the caller what `deploy.py iam-policy` prints"
_AGAIN_SOON = "wait a minute and run the command again"
_OTHER_REGION = (
    "the bucket is in another region than the settings say: compare aws.region and --region with the stack's region"
)
_QUOTA = "raise that quota (Service Quotas in the AWS console) or delete what is no longer needed, then run the command again"
_CLOCK = "this machine's clock and AWS's differ by more than AWS allows: set the clock, then run the command again"
_NETWORK = "check the network (and HTTPS_PROXY, where there is a proxy), then run the command again"

# A signature is refused for the clock, too, under the same codes as for a wrong secret key.
_SKEWED = re.compile(r"expired|not yet current|too (?:large|far)|skew", re.IGNORECASE)
# "... with an explicit deny in a service control policy": what we print cannot allow it.
_EXPLICIT = re.compile(
    r"explicit deny|permissions boundary|service control policy|resource control policy", re.IGNORECASE
)


def _table(*rows: tuple[str, str]) -> dict[str, str]:
    return {code: text for codes, text in rows for code in codes.split()}


# What AWS answers where it is asked too often, or has no capacity left: the same request passes later.
THROTTLING = (
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ProvisionedThroughputExceededException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
)

_REMEDIES = _table(
    ("AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError", POLICY),
    ("ExpiredToken ExpiredTokenException TokenRefreshRequired RequestExpired", LOG_IN),
    (
        "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId InvalidToken AuthFailure"
        " MissingAuthenticationToken MissingAuthenticationTokenException",
        "AWS does not know these keys: they were deleted or switched off, or they are of another AWS partition, or the region"
        " is not enabled for the account. Compare `aws configure list`, or name another profile with --profile",
    ),
    (
        "OptInRequired SubscriptionRequiredException",
        "the account is not signed up for that service or region: an administrator enables it in the AWS console",
    ),
    (
        "SignatureDoesNotMatch InvalidSignatureException IncompleteSignature IncompleteSignatureException",
        "the secret key does not belong to the access key: set both again (`aws configure`), or name another profile with"
        " --profile",
    ),
    ("RequestTimeTooSkewed RequestInTheFuture", _CLOCK),
    (" ".join(THROTTLING), _AGAIN_SOON),
    (
        "LimitExceeded LimitExceededException ServiceQuotaExceededException TooManyBuckets CodeStorageExceededException",
        _QUOTA,
    ),
    (
        "InternalError InternalFailure InternalServerError InternalServerException InternalServiceError"
        " InternalServiceException ServiceException ServiceFailure ServiceUnavailable ServiceUnavailableException 500 502 503"
        " 504",
        "that is a fault inside AWS (health.aws.amazon.com shows it): run the command again in some minutes",
    ),
    (
        "ConflictException ResourceConflictException ResourceInUseException ConcurrentModificationException OperationAborted"
        " OperationInProgressException TokenAlreadyExistsException",
        "something else is being done to it at the same time: look at `deploy.py status`, then run the command again",
    ),
    (
        "BucketAlreadyExists",
        "another AWS account has a bucket of that name, and a name exists once in all of AWS: set stack in [tool.popdesk.aws]"
        " to another name",
    ),
    (
        "NoSuchBucket",
        "somebody deleted the bucket, or it was never made: `deploy.py status` says what the stack has",
    ),
    ("PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301", _OTHER_REGION),
    (
        "ResourceNotFoundException NoSuchEntity NoSuchResource",
        "it was deleted, or it is in another account or region than the settings say: compare aws.instance_arn, aws.region"
        " and --profile; `deploy.py doctor` names what is missing",
    ),
)
# An answer to a HEAD has no body, so AWS can say no more than the status.
_HEAD_REMEDIES = {
    "400": "a HEAD is refused without a reason; mostly the credentials have expired or are of another region: "
    + LOG_IN,
    "403": "a HEAD is refused without a reason: the caller may not read it (" + POLICY + "), or the bucket is another"
    " account's",
}

_SERVICE_NAMES = {"app-integrations": "AppIntegrations", "sts": "AWS STS", "iam": "IAM", "s3": "Amazon S3"}


def hint(service: str, operation: str, code: str, message: str = "") -> str:
    """Return what a person can do about AWS's refusal `code` of `operation` (its name in boto3)."""
    if operation.startswith("head_") and code in _HEAD_REMEDIES:
        return _HEAD_REMEDIES[code]
    known = _REMEDIES.get(code)
    if known is POLICY and _EXPLICIT.search(message):
        return "a policy of the account's administrators forbids it (the reason names which): only they can change that"
    if code in ("SignatureDoesNotMatch", "InvalidSignatureException") and _SKEWED.search(message):
        return _CLOCK
    if known:
        return known
    name = f"{_SERVICE_NAMES.get(service, service)} {api_name(operation)}"
    return f"nothing more is known here; AWS's documentation of {name} explains {code}"


def api_name(operation: str) -> str:
    """Return AWS's name of an operation of boto3: ListObjectsV2 for list_objects_v2."""
    return "".join(part.capitalize() for part in operation.split("_"))


# -- botocore's own exceptions -----------------------------------------------------------------------------------------

_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.NoAuthTokenError,
    exceptions.UnknownCredentialError,
    exceptions.RefreshWithMFAUnsupportedError,
    exceptions.MetadataRetrievalError,
)
_SSO = (exceptions.SSOError, exceptions.TokenRetrievalError)
_UNREACHABLE = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ChecksumError,
    exceptions.FlexibleChecksumError,
)
_CONFIGURATION = (
    exceptions.BaseEndpointResolverError,
    exceptions.EndpointProviderError,
    exceptions.InvalidChecksumConfigError,
    exceptions.InvalidDefaultsMode,
    exceptions.InvalidEndpointConfigurationError,
    exceptions.InvalidEndpointDiscoveryConfigurationError,
    exceptions.InvalidIMDSEndpointError,
    exceptions.InvalidIMDSEndpointModeError,
    exceptions.InvalidProxiesConfigError,
    exceptions.InvalidRetryConfigurationError,
    exceptions.InvalidS3AddressingStyleError,
    exceptions.InvalidS3UsEast1RegionalEndpointConfigError,
    exceptions.InvalidSTSRegionalEndpointsConfigError,
    exceptions.MissingDependencyException,
    exceptions.UnknownTokenProviderError,
    exceptions.UnsupportedS3ConfigurationError,
)


def machine_problem(error: BotoCoreError, profile: str) -> tuple[str, str, str] | None:
    """Return (subject, reason, hint) where this machine's configuration or credentials are wrong, None for all else.

    `profile` is the one that was named, empty for the default.
    """
    of_profile = f" --profile {profile}" if profile else ""
    if isinstance(error, exceptions.ConfigParseError):
        return config_problem(error)
    if isinstance(error, _SSO):
        return "AWS credentials", str(error), f"log in again: `aws sso login{of_profile}`"
    if isinstance(error, exceptions.LoginError):
        return "AWS credentials", str(error), f"log in again: `aws login{of_profile}`"
    if isinstance(error, exceptions.CredentialRetrievalError):
        return (
            "AWS credentials",
            str(error),
            "make that work by itself first (credential_process or the role in ~/.aws/config), or name another profile with"
            " --profile",
        )
    if isinstance(error, _NO_CREDENTIALS):
        return "AWS credentials", str(error), LOG_IN
    if isinstance(error, exceptions.NoRegionError | exceptions.InvalidRegionError | exceptions.UnknownRegionError):
        return "the AWS region", str(error), "set aws.region in [tool.popdesk] or pass --region"
    if isinstance(error, exceptions.InvalidConfigError):
        return (
            "AWS configuration",
            str(error),
            "correct that profile in ~/.aws/config (`aws configure sso` writes a whole one)",
        )
    if isinstance(error, exceptions.ProfileNotFound):
        return (
            "AWS configuration",
            str(error),
            "correct source_profile in ~/.aws/config, or name another with --profile",
        )
    if isinstance(error, _CONFIGURATION):
        return (
            "AWS configuration",
            f"{type(error).__name__}: {error}",
            "it comes from this machine (~/.aws/config, AWS_... in the environment), not from AWS: correct it there",
        )
    return None


def no_answer_hint(error: BotoCoreError, region: str, regions: Iterable[str] = ()) -> str:
    """Return what a person can do about a call that AWS did not answer; `regions` are those that AWS is known to have."""
    if isinstance(error, exceptions.ProxyConnectionError):
        return "check HTTPS_PROXY and that the proxy runs, then run the command again"
    if isinstance(error, exceptions.SSLError):
        return (
            "where a proxy opens encrypted connections, let AWS_CA_BUNDLE name a file with its certificate; else check this"
            " machine's clock and certificates"
        )
    if isinstance(error, exceptions.EndpointConnectionError) and regions and region not in regions:
        return f"AWS has no region {region!r}{_like(region, regions)}: correct aws.region or --region"
    if isinstance(error, exceptions.ParamValidationError):
        return "that value comes from the settings or an option, and AWS takes none of that form: correct it"
    if isinstance(error, _UNREACHABLE):
        return _NETWORK
    return f"nothing more is known here; botocore's {type(error).__name__} says it"


def _like(region: str, regions: Iterable[str]) -> str:
    """Return the regions of nearly that name, in parentheses; "" for none."""
    found = difflib.get_close_matches(region, list(regions), n=3, cutoff=0.8)
    return f" (there are {', '.join(found)})" if found else ""


def config_problem(error: BotoCoreError) -> tuple[str, str, str]:
    """Return (subject, reason, hint) for a file of ~/.aws that cannot be read as one."""
    path, cause = str(error.kwargs.get("path", "~/.aws/config")), error.kwargs.get("error")
    text = " ".join(str(cause or error).replace(path, "the file").split())
    if "\\ufeff" in text or "\ufeff" in text:
        return path, "it begins with a byte order mark, which AWS's tools cannot read", "save it as UTF-8 without one"
    return path, text, "correct that line: a file of [sections] with key = value, each once"


# The operations by which botocore itself gets credentials; the project calls none of them.
CREDENTIAL_OPERATIONS = (
    "AssumeRole",
    "AssumeRoleWithWebIdentity",
    "AssumeRoleWithSAML",
    "GetRoleCredentials",
    "CreateToken",
    "CreateOAuth2Token",
)


def credentials_refused(operation: str, code: str, message: str, profile: str) -> tuple[str, str, str]:
    """Return (subject, reason, hint) where AWS refused to give credentials: AssumeRole, GetRoleCredentials and the like."""
    of = f"profile {profile!r}" if profile else "the default profile"
    if operation == "GetRoleCredentials":
        what_to_do = "compare sso_account_id and sso_role_name in ~/.aws/config with what you were given"
    elif code in ("AccessDenied", "AccessDeniedException"):
        what_to_do = "the role's trust policy must let you assume it; or name another profile with --profile"
    else:
        what_to_do = hint("sts", operation, code, message)
    return "AWS credentials", f"AWS refuses {operation} for {of}: {code}: {message}", what_to_do
