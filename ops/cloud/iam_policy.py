"""The permissions of the deploying user: the AWS calls that this project makes, and the policy made from them.

    CALLS["s3"]["put_object"]            # -> the IAM actions and the resource that one call needs
    policy(names, api=False)             # -> the least-privilege policy, as a dict for json.dumps
    parts(policy(names, api=False))      # -> the same in policies that are small enough for IAM

ops/cloud/aws.py refuses an operation that is not in CALLS, so the policy and the code cannot drift apart. CloudFormation acts
with the caller's permissions: what it needs for ops/cloud/template.yaml is in THROUGH_CLOUDFORMATION, and what it needs
besides for template_api.yaml, where the API is enabled, in THE_APIS. Actions and resource
types: docs.aws.amazon.com/service-authorization/latest/reference/; checked against documentation, not against an account.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# Names for resources; `policy` fills in the `{...}`. API_RESOURCES has what a name stands for besides, with the API.
RESOURCES = {
    "any": "*",
    "stack": "arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/*",
    "site": "arn:{partition}:s3:::{site_bucket}",
    "site objects": "arn:{partition}:s3:::{site_bucket}/*",
    "artifacts": "arn:{partition}:s3:::{artifacts_bucket}",
    "artifact objects": "arn:{partition}:s3:::{artifacts_bucket}/*",
    "function": "arn:{partition}:lambda:{region}:{account}:function:{stack}-lookup",
    "function versions": "arn:{partition}:lambda:{region}:{account}:function:{stack}-lookup:*",
    "role": "arn:{partition}:iam::{account}:role/{stack}-lookup-{region}",
    "roles": "arn:{partition}:iam::{account}:role/*",
    "distribution": "arn:{partition}:cloudfront::{account}:distribution/*",
    "access control": "arn:{partition}:cloudfront::{account}:origin-access-control/*",
    "headers policy": "arn:{partition}:cloudfront::{account}:response-headers-policy/*",
    "table": "arn:{partition}:dynamodb:{region}:{account}:table/{stack}-customers",
    "table backups": "arn:{partition}:dynamodb:{region}:{account}:table/{stack}-customers/backup/*",
    "logs": "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{stack}-lookup*",
    "dashboards": "arn:{partition}:cloudwatch::{account}:dashboard/{stack}-*",
    "alarms": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{stack}-*",
    "instance": "{instance}",
    "in instance": "{instance}/*",
    "application": "arn:{partition}:app-integrations:{region}:{account}:application/*",
    "application association": "arn:{partition}:app-integrations:{region}:{account}:application-association/*",
    "connect role": (
        "arn:{partition}:iam::{account}:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_*"
    ),
}


_FUNCTIONS = "arn:{partition}:lambda:{region}:{account}:function:{stack}"
_ROLES = "arn:{partition}:iam::{account}:role/{stack}"
_LOGS = "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{stack}"
_TABLES = "arn:{partition}:dynamodb:{region}:{account}:table/{stack}"
API_RESOURCES: dict[str, tuple[str, ...]] = {
    "function": (f"{_FUNCTIONS}-api", f"{_FUNCTIONS}-rotate-token-key"),
    "function versions": (f"{_FUNCTIONS}-api:*",),
    "role": (f"{_ROLES}-api-{{region}}", f"{_ROLES}-rotate-{{region}}"),
    "table": (f"{_TABLES}-cases", f"{_TABLES}-api-writes"),
    "table backups": (f"{_TABLES}-cases/backup/*", f"{_TABLES}-api-writes/backup/*"),
    "logs": (f"{_LOGS}-api*", f"{_LOGS}-rotate-token-key*"),
    "origin request policy": ("arn:{partition}:cloudfront::{account}:origin-request-policy/*",),
    "http api": (
        "arn:{partition}:apigateway:{region}::/apis",
        "arn:{partition}:apigateway:{region}::/apis/*",
        "arn:{partition}:apigateway:{region}::/tags/*",
    ),
    # Secrets Manager adds six characters to the name.
    "secret": ("arn:{partition}:secretsmanager:{region}:{account}:secret:{stack}-token-key-??????",),
}


@dataclass(frozen=True)
class Need:
    """IAM actions, and the names in RESOURCES that they are needed on."""

    actions: tuple[str, ...]
    on: tuple[str, ...]


def _need(actions: str, *on: str) -> Need:
    return Need(tuple(actions.split()), on)


_BUCKETS = ("site", "artifacts")
_OBJECTS = ("site objects", "artifact objects")

CALLS: dict[str, dict[str, Need]] = {
    # "No permissions are required to perform this operation": docs.aws.amazon.com/STS/latest/APIReference/
    # API_GetCallerIdentity.html.
    "sts": {"get_caller_identity": _need("", "any")},
    # `doctor`, where lookup.vpc or api.vpc is set. EC2 knows no permission for some of them only.
    "ec2": {
        "describe_subnets": _need("ec2:DescribeSubnets", "any"),
        "describe_security_groups": _need("ec2:DescribeSecurityGroups", "any"),
    },
    "iam": {
        "get_role": _need("iam:GetRole", "roles"),
        "simulate_principal_policy": _need("iam:SimulatePrincipalPolicy", "any"),
    },
    "s3": {
        "create_bucket": _need("s3:CreateBucket", "artifacts"),
        "put_public_access_block": _need("s3:PutBucketPublicAccessBlock", "artifacts"),
        "put_bucket_policy": _need("s3:PutBucketPolicy", "artifacts"),
        "delete_bucket": _need("s3:DeleteBucket", "artifacts"),
        "list_objects_v2": _need("s3:ListBucket", *_BUCKETS),
        "list_object_versions": _need("s3:ListBucketVersions", *_BUCKETS),
        # Earlier versions too: what was deleted or overwritten by hand is brought back from them.
        "head_object": _need("s3:GetObject s3:GetObjectVersion", *_OBJECTS),
        "get_object": _need("s3:GetObject s3:GetObjectVersion", *_OBJECTS),
        "get_object_tagging": _need("s3:GetObjectTagging", "site objects"),
        "put_object": _need("s3:PutObject s3:PutObjectTagging", *_OBJECTS),
        "delete_objects": _need("s3:DeleteObject s3:DeleteObjectVersion", *_OBJECTS),
    },
    "cloudfront": {"create_invalidation": _need("cloudfront:CreateInvalidation", "distribution")},
    "lambda": {
        "get_alias": _need("lambda:GetAlias", "function", "function versions"),
        "update_alias": _need("lambda:UpdateAlias", "function", "function versions"),
        "publish_version": _need("lambda:PublishVersion", "function"),
        "get_function_configuration": _need("lambda:GetFunctionConfiguration", "function versions"),
        "list_versions_by_function": _need("lambda:ListVersionsByFunction", "function"),
        "list_aliases": _need("lambda:ListAliases", "function"),
        "delete_function": _need("lambda:DeleteFunction", "function versions"),  # versions only
    },
    "dynamodb": {
        "batch_write_item": _need("dynamodb:BatchWriteItem", "table"),
        "scan": _need("dynamodb:Scan", "table"),
        "describe_table": _need("dynamodb:DescribeTable", "table"),
        "delete_table": _need("dynamodb:DeleteTable", "table"),
        "create_backup": _need("dynamodb:CreateBackup", "table"),
        "describe_backup": _need("dynamodb:DescribeBackup", "table backups"),
    },
    "cloudformation": {
        "describe_stacks": _need("cloudformation:DescribeStacks", "stack"),
        "create_change_set": _need("cloudformation:CreateChangeSet cloudformation:TagResource", "stack"),
        "describe_change_set": _need("cloudformation:DescribeChangeSet", "stack"),
        "delete_change_set": _need("cloudformation:DeleteChangeSet", "stack"),
        "continue_update_rollback": _need("cloudformation:ContinueUpdateRollback", "stack"),
        "execute_change_set": _need("cloudformation:ExecuteChangeSet", "stack"),
        "describe_stack_events": _need("cloudformation:DescribeStackEvents", "stack"),
        "detect_stack_drift": _need("cloudformation:DetectStackDrift cloudformation:DetectStackResourceDrift", "stack"),
        "describe_stack_drift_detection_status": _need("cloudformation:DescribeStackDriftDetectionStatus", "any"),
        "describe_stack_resource_drifts": _need("cloudformation:DescribeStackResourceDrifts", "stack"),
        "delete_stack": _need("cloudformation:DeleteStack", "stack"),
    },
    "connect": {
        "describe_instance": _need("connect:DescribeInstance", "instance"),  # and ds:DescribeDirectories, below
        "list_queues": _need("connect:ListQueues", "instance", "in instance"),
        "list_integration_associations": _need("connect:ListIntegrationAssociations", "instance"),
        "list_lambda_functions": _need("connect:ListLambdaFunctions", "instance"),
        "list_security_profiles": _need("connect:ListSecurityProfiles", "instance", "in instance"),
        "list_security_profile_applications": _need(
            "connect:ListSecurityProfileApplications", "instance", "in instance"
        ),
        "list_security_profile_permissions": _need("connect:ListSecurityProfilePermissions", "instance", "in instance"),
        "update_security_profile": _need("connect:UpdateSecurityProfile", "instance", "in instance"),
        "describe_contact_flow": _need("connect:DescribeContactFlow", "instance", "in instance"),
        "create_test_case": _need("connect:CreateTestCase", "instance", "in instance"),
    },
}

# What CloudFormation does with the caller's permissions for the types of ops/cloud/template.yaml: what each type's schema says
# its handlers call, for the properties that the template sets, and tags (a stack's own go to all it makes).
# tests/aws/test_iam_policy.py holds this against the schemas that cfn-lint ships.
THROUGH_CLOUDFORMATION: dict[str, tuple[Need, ...]] = {
    "AWS::S3::Bucket": (
        _need(
            "s3:CreateBucket s3:DeleteBucket s3:ListBucket s3:PutBucketVersioning s3:PutBucketPublicAccessBlock"
            " s3:PutBucketOwnershipControls s3:PutEncryptionConfiguration s3:PutLifecycleConfiguration s3:PutBucketTagging"
            " s3:TagResource s3:UntagResource s3:ListTagsForResource s3:GetBucketTagging"
            " s3:GetAccelerateConfiguration s3:GetAnalyticsConfiguration s3:GetBucketAbac s3:GetBucketCORS"
            " s3:GetBucketLogging s3:GetBucketMetadataTableConfiguration s3:GetBucketNotification"
            " s3:GetBucketObjectLockConfiguration s3:GetBucketOwnershipControls s3:GetBucketPublicAccessBlock"
            " s3:GetBucketVersioning s3:GetBucketWebsite s3:GetEncryptionConfiguration"
            " s3:GetIntelligentTieringConfiguration s3:GetInventoryConfiguration s3:GetLifecycleConfiguration"
            " s3:GetMetricsConfiguration s3:GetReplicationConfiguration",
            "site",
        ),
    ),
    "AWS::S3::BucketPolicy": (_need("s3:PutBucketPolicy s3:GetBucketPolicy s3:DeleteBucketPolicy", "site"),),
    "AWS::CloudFront::OriginAccessControl": (
        _need("cloudfront:CreateOriginAccessControl", "any"),
        _need(
            "cloudfront:GetOriginAccessControl cloudfront:UpdateOriginAccessControl"
            " cloudfront:DeleteOriginAccessControl",
            "access control",
        ),
    ),
    "AWS::CloudFront::ResponseHeadersPolicy": (
        _need("cloudfront:CreateResponseHeadersPolicy", "any"),
        _need(
            "cloudfront:GetResponseHeadersPolicy cloudfront:UpdateResponseHeadersPolicy"
            " cloudfront:DeleteResponseHeadersPolicy",
            "headers policy",
        ),
    ),
    "AWS::CloudFront::Distribution": (
        _need("cloudfront:CreateDistribution", "any"),
        _need(
            "cloudfront:GetDistribution cloudfront:GetDistributionConfig cloudfront:UpdateDistribution"
            " cloudfront:DeleteDistribution cloudfront:TagResource cloudfront:UntagResource"
            " cloudfront:ListTagsForResource",
            "distribution",
        ),
    ),
    "AWS::IAM::Role": (
        _need(
            "iam:CreateRole iam:GetRole iam:DeleteRole iam:UpdateRole iam:UpdateAssumeRolePolicy iam:PutRolePolicy"
            " iam:GetRolePolicy iam:DeleteRolePolicy iam:ListRolePolicies iam:ListAttachedRolePolicies iam:TagRole"
            " iam:UntagRole iam:ListRoleTags",
            "role",
        ),
    ),
    "AWS::Lambda::Function": (
        _need(
            "lambda:CreateFunction lambda:GetFunction lambda:GetFunctionConfiguration lambda:UpdateFunctionCode"
            " lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:TagResource lambda:UntagResource"
            " lambda:ListTags lambda:GetFunctionCodeSigningConfig lambda:GetRuntimeManagementConfig"
            " lambda:GetFunctionRecursionConfig lambda:GetFunctionScalingConfig",
            "function",
        ),
        _need("s3:GetObject s3:GetObjectVersion", "artifact objects"),
        # Where lookup.vpc is set.
        _need("ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs", "any"),
    ),
    "AWS::Lambda::Version": (
        _need(
            "lambda:PublishVersion lambda:ListVersionsByFunction lambda:GetFunctionConfiguration lambda:DeleteFunction"
            " lambda:GetProvisionedConcurrencyConfig lambda:GetRuntimeManagementConfig lambda:GetFunctionScalingConfig",
            "function",
            "function versions",
        ),
    ),
    "AWS::Lambda::Alias": (
        _need(
            "lambda:CreateAlias lambda:GetAlias lambda:UpdateAlias lambda:DeleteAlias lambda:GetProvisionedConcurrencyConfig",
            "function",
            "function versions",
        ),
    ),
    "AWS::Lambda::Permission": (
        _need("lambda:AddPermission lambda:RemovePermission lambda:GetPolicy", "function", "function versions"),
    ),
    "AWS::Logs::LogGroup": (
        _need("logs:DescribeLogGroups logs:DescribeIndexPolicies logs:DescribeResourcePolicies", "any"),
        _need(
            "logs:CreateLogGroup logs:DeleteLogGroup logs:PutRetentionPolicy logs:DeleteRetentionPolicy"
            " logs:TagResource logs:UntagResource logs:ListTagsForResource logs:GetDataProtectionPolicy",
            "logs",
        ),
    ),
    "AWS::CloudWatch::Alarm": (
        _need("cloudwatch:DescribeAlarms", "any"),
        _need(
            "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:TagResource cloudwatch:UntagResource"
            " cloudwatch:ListTagsForResource",
            "alarms",
        ),
    ),
    "AWS::DynamoDB::Table": (
        _need(
            "dynamodb:CreateTable dynamodb:DescribeTable dynamodb:UpdateTable dynamodb:DeleteTable"
            " dynamodb:DescribeContinuousBackups dynamodb:UpdateContinuousBackups dynamodb:DescribeTimeToLive"
            " dynamodb:UpdateTimeToLive"
            " dynamodb:DescribeContributorInsights dynamodb:DescribeKinesisStreamingDestination"
            " dynamodb:GetResourcePolicy dynamodb:TagResource dynamodb:UntagResource dynamodb:ListTagsOfResource",
            "table",
        ),
    ),
    "AWS::AppIntegrations::Application": (
        _need("app-integrations:CreateApplication", "any"),
        _need(
            "app-integrations:GetApplication app-integrations:UpdateApplication app-integrations:DeleteApplication"
            " app-integrations:TagResource app-integrations:UntagResource",
            "application",
        ),
    ),
    "AWS::Connect::IntegrationAssociation": (
        _need("ds:DescribeDirectories", "any"),
        _need(
            "connect:DescribeInstance connect:CreateIntegrationAssociation connect:DeleteIntegrationAssociation"
            " connect:ListIntegrationAssociations connect:AssociateLambdaFunction connect:DisassociateLambdaFunction"
            " connect:ListLambdaFunctions connect:ListBots connect:TagResource connect:UntagResource"
            " connect:ListTagsForResource",
            "instance",
            "in instance",
        ),
        _need("app-integrations:GetApplication app-integrations:CreateApplicationAssociation", "application"),
        _need(
            "app-integrations:DeleteApplicationAssociation",
            "application",
            "application association",
        ),
        _need("lambda:AddPermission lambda:RemovePermission", "function", "function versions"),
        # The instance's own role is let into the application.
        _need(
            "iam:CreateServiceLinkedRole iam:AttachRolePolicy iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy",
            "connect role",
        ),
    ),
    "AWS::Connect::View": (
        _need(
            "connect:CreateView connect:DescribeView connect:UpdateViewContent connect:UpdateViewMetadata"
            " connect:DeleteView connect:TagResource connect:UntagResource",
            "instance",
            "in instance",
        ),
    ),
    "AWS::Connect::ContactFlow": (
        _need(
            "connect:CreateContactFlow connect:DescribeContactFlow connect:UpdateContactFlowContent"
            " connect:UpdateContactFlowMetadata connect:DeleteContactFlow connect:TagResource connect:UntagResource"
            " connect:ListTagsForResource",
            "instance",
            "in instance",
        ),
    ),
}


_HTTP_API = _need("apigateway:POST apigateway:GET apigateway:PUT apigateway:PATCH apigateway:DELETE", "http api")

# The same for the types that only template_api.yaml has, and what its properties need of a type that both have.
THE_APIS: dict[str, tuple[Need, ...]] = {
    "AWS::ApiGatewayV2::Api": (_HTTP_API,),
    "AWS::ApiGatewayV2::Authorizer": (_HTTP_API,),
    "AWS::ApiGatewayV2::Integration": (_HTTP_API,),
    "AWS::ApiGatewayV2::Route": (_HTTP_API,),
    "AWS::ApiGatewayV2::Stage": (_HTTP_API,),
    "AWS::CloudFront::OriginRequestPolicy": (
        _need("cloudfront:CreateOriginRequestPolicy", "any"),
        _need(
            "cloudfront:GetOriginRequestPolicy cloudfront:UpdateOriginRequestPolicy cloudfront:DeleteOriginRequestPolicy",
            "origin request policy",
        ),
    ),
    "AWS::CloudWatch::Dashboard": (
        _need(
            "cloudwatch:GetDashboard cloudwatch:PutDashboard cloudwatch:DeleteDashboards cloudwatch:TagResource"
            " cloudwatch:UntagResource cloudwatch:ListTagsForResource",
            "dashboards",
        ),
    ),
    "AWS::SecretsManager::Secret": (
        _need("secretsmanager:GetRandomPassword", "any"),
        _need(
            "secretsmanager:CreateSecret secretsmanager:DescribeSecret secretsmanager:GetSecretValue"
            " secretsmanager:UpdateSecret secretsmanager:DeleteSecret secretsmanager:TagResource"
            " secretsmanager:UntagResource",
            "secret",
        ),
    ),
    "AWS::SecretsManager::RotationSchedule": (
        _need(
            "secretsmanager:RotateSecret secretsmanager:CancelRotateSecret secretsmanager:DescribeSecret",
            "secret",
        ),
        _need("lambda:InvokeFunction", "function"),
    ),
}


def policy(names: dict[str, str], api: bool) -> dict[str, Any]:
    """Return the policy for the deploying user, one statement for each set of resources; `api`: for a stack with the API.

    `names` fills the RESOURCES: partition, region, account, stack, site_bucket, artifacts_bucket, instance.
    """

    def resources(*words: str) -> list[str]:
        arns = [RESOURCES[word] for word in words if word in RESOURCES]
        if api:
            arns += [arn for word in words for arn in API_RESOURCES.get(word, ())]
        return sorted({arn.format(**names) for arn in arns})

    # Each action stands in one statement, so none is spare (tests/aws/test_rehearsal.py takes each away).
    by_action: dict[str, set[str]] = {}
    for need in _all_needs(api):
        for action in need.actions:
            by_action.setdefault(action, set()).update(need.on)
    by_resource: dict[tuple[str, ...], set[str]] = {}
    for action, on in by_action.items():
        by_resource.setdefault(tuple(sorted(on)), set()).add(action)
    statements: list[dict[str, Any]] = [
        {
            "Sid": _sid(on),
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": resources(*on),
        }
        for on, actions in sorted(by_resource.items())
    ]
    statements.append(
        {
            "Sid": "PassTheFunctionsRoles",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": resources("role"),
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        }
    )
    return {"Version": "2012-10-17", "Statement": statements}


# The most characters of a managed policy and of those inside a role, white space not counted; inside a user, 2,048.
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MANAGED_SIZE = 6_144
ROLE_SIZE = 10_240


def size(document: dict[str, Any]) -> int:
    """Return a policy's characters as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return `document` as policies that each fit a managed one: attached together they allow the same."""
    made: list[dict[str, Any]] = []
    for statement in document["Statement"]:
        if made:
            grown = {**document, "Statement": [*made[-1]["Statement"], statement]}
            if size(grown) <= MANAGED_SIZE:
                made[-1] = grown
                continue
        made.append({**document, "Statement": [statement]})
    return made


def granted_actions(names: dict[str, str], api: bool) -> list[tuple[list[str], list[str]]]:
    """Return the policy's (resources, actions), for asking IAM's simulator about them."""
    return [
        (list(statement["Resource"]), list(statement["Action"]))
        for statement in policy(names, api)["Statement"]
        if isinstance(statement["Action"], list)
    ]


def _all_needs(api: bool) -> Iterable[Need]:
    for operations in CALLS.values():
        yield from operations.values()
    for needs in [*THROUGH_CLOUDFORMATION.values(), *(THE_APIS.values() if api else ())]:
        yield from needs


def _sid(on: tuple[str, ...]) -> str:
    return "On" + "And".join("".join(part.capitalize() for part in word.split()) for word in on)
