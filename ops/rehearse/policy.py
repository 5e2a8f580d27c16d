"""What IAM says to a call: a small evaluator of policies, and the actions that a call needs.

    decision = Policy(document).allows(Access("s3:PutObject", "arn:aws:s3:::bucket/key"))
    needed(place, "lambda", "GetAlias", {"FunctionName": "popdesk-lookup", "Name": "live"})     # -> [Access(...)]
    handler_needs(place, "AWS::Lambda::Alias", "create", properties, "arn:...")

The evaluator knows identity policies of one account: Allow and Deny, actions and resources with * and ?, StringEquals. What it
does not know raises ValueError; it knows no boundaries, session policies or policies of resources.

`needed` says what AWS documents for each call that the commands make, apart from ops/cloud/iam_policy.py, which it is to prove:
docs.aws.amazon.com/service-authorization/latest/reference/. `handler_needs` says what CloudFormation calls in the caller's name:
the actions that the type's schema names, on the resources that AWS's service reference has for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.rehearse import schemas
from ops.rehearse.not_needed import NOT_NEEDED

# The instance's own role, as the account's service-linked role is called.
SERVICE_ROLE = "role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_AbCdEf"


@dataclass(frozen=True)
class Access:
    """An action on a resource, as IAM is asked for it. `context`: condition keys and their values."""

    action: str
    resource: str = "*"
    context: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True)
class Place:
    """The account and what is called how in it."""

    partition: str
    region: str
    account: str
    instance: str

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return the ARN of a resource of the account."""
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{self.account}:{resource}"


class Policy:
    """Policy documents of one identity."""

    def __init__(self, *documents: Mapping[str, Any]) -> None:
        self._statements = [_Statement(each) for document in documents for each in document["Statement"]]
        self._decided: dict[Access, bool] = {}

    def allows(self, access: Access) -> bool:
        """Return whether a statement allows it and none denies it."""
        if access not in self._decided:
            fitting = [each for each in self._statements if each.fits(access)]
            self._decided[access] = any(each.allow for each in fitting) and all(each.allow for each in fitting)
        return self._decided[access]

    def refused(self, accesses: Iterable[Access]) -> list[Access]:
        """Return those that are not allowed."""
        return [access for access in accesses if not self.allows(access)]


class _Statement:
    def __init__(self, statement: Mapping[str, Any]) -> None:
        if unknown := statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}:
            raise ValueError(f"the evaluator does not know {', '.join(sorted(unknown))}")
        self.allow = {"Allow": True, "Deny": False}[statement["Effect"]]
        self._actions = [_pattern(each.lower()) for each in _listed(statement["Action"])]
        self._resources = [_pattern(each) for each in _listed(statement["Resource"])]
        self._conditions = dict(statement.get("Condition", {}))
        if unknown := self._conditions.keys() - {"StringEquals"}:
            raise ValueError(f"the evaluator does not know the condition {', '.join(sorted(unknown))}")

    def fits(self, access: Access) -> bool:
        """Return whether the statement is about this."""
        context = dict(access.context)
        return (
            any(pattern.fullmatch(access.action.lower()) for pattern in self._actions)
            and any(pattern.fullmatch(access.resource) for pattern in self._resources)
            and all(
                context.get(key) in _listed(values) for key, values in self._conditions.get("StringEquals", {}).items()
            )
        )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


# -- the calls of the commands ------------------------------------------------------------------------------------------

# S3's actions are not called as its operations are
# (docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html).
_S3 = {
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "GetObject": "GetObject",
    "GetObjectTagging": "GetObjectTagging",
    "PutObject": "PutObject",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "PutBucketPolicy": "PutBucketPolicy",
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
}


def needed(place: Place, service: str, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    """Return what a caller needs for a call; `asked` are its parameters. Raises KeyError for a call that no command makes."""
    if service == "sts" and operation == "GetCallerIdentity":
        return []  # "No permissions are required" (API_GetCallerIdentity)
    return _READERS[service](place, operation, asked)


def _s3(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    bucket = f"arn:{place.partition}:s3:::{asked['Bucket']}"
    if operation == "DeleteObjects":
        return [
            Access("s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject", f"{bucket}/{item['Key']}")
            for item in asked["Delete"]["Objects"]
        ]
    action = _S3[operation]
    if not operation.endswith(("Object", "Tagging")):
        return [Access(f"s3:{action}", bucket)]
    item = f"{bucket}/{asked['Key']}"
    if operation in ("GetObject", "HeadObject") and asked.get("VersionId"):
        action = "GetObjectVersion"
    tagging = [Access("s3:PutObjectTagging", item)] if operation == "PutObject" and asked.get("Tagging") else []
    # Without ListBucket, S3 answers 403 for what is not there: the commands ask for what may not be there.
    return [Access(f"s3:{action}", item), *tagging]


def _cloudformation(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    if operation == "DescribeStackDriftDetectionStatus":
        return [Access("cloudformation:DescribeStackDriftDetectionStatus")]
    name = asked["StackName"]
    stack = name if name.startswith("arn:") else place.arn("cloudformation", f"stack/{name}/id")
    actions = [operation]
    if operation == "CreateChangeSet" and asked.get("Tags"):
        actions.append("TagResource")
    if operation == "DetectStackDrift":
        actions.append("DetectStackResourceDrift")
    return [Access(f"cloudformation:{action}", stack) for action in actions]


def _lambda(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    name = asked["FunctionName"]
    function = name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")
    # A version is a resource of its own; of an alias (`Name`) the function is.
    qualifier = f":{asked['Qualifier']}" if asked.get("Qualifier") else ""
    return [Access(f"lambda:{operation}", function + qualifier)]


def _connect(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    identity = str(asked["InstanceId"]).rpartition("/")[2]
    instance = place.arn("connect", f"instance/{identity}")
    resource = instance
    if "SecurityProfileId" in asked:
        resource = f"{instance}/security-profile/{asked['SecurityProfileId']}"
    elif "ContactFlowId" in asked:
        resource = f"{instance}/contact-flow/{asked['ContactFlowId']}"
    elif operation == "ListQueues":
        resource = f"{instance}/queue/*"
    found = [Access(f"connect:{operation}", resource)]
    if operation in ("DescribeInstance", "ListIntegrationAssociations"):
        found.append(Access("ds:DescribeDirectories"))  # "dependent action" of both, in Amazon Connect's reference
    return found


def _cloudfront(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    return [Access(f"cloudfront:{operation}", place.arn("cloudfront", f"distribution/{asked['DistributionId']}", ""))]


def _dynamodb(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    if operation == "DescribeBackup":
        return [Access("dynamodb:DescribeBackup", asked["BackupArn"])]
    tables = asked["RequestItems"] if operation == "BatchWriteItem" else [asked["TableName"]]
    return [Access(f"dynamodb:{operation}", place.arn("dynamodb", f"table/{table}")) for table in tables]


def _iam(place: Place, operation: str, asked: Mapping[str, Any]) -> list[Access]:
    if operation == "SimulatePrincipalPolicy":
        return [Access("iam:SimulatePrincipalPolicy", asked["PolicySourceArn"])]
    return [Access(f"iam:{operation}", place.arn("iam", f"role/{asked['RoleName']}", ""))]


def _ec2(_: Place, operation: str, __: Mapping[str, Any]) -> list[Access]:
    return [Access(f"ec2:{operation}")]


_READERS: dict[str, Callable[[Place, str, Mapping[str, Any]], list[Access]]] = {
    "s3": _s3,
    "cloudformation": _cloudformation,
    "lambda": _lambda,
    "connect": _connect,
    "cloudfront": _cloudfront,
    "dynamodb": _dynamodb,
    "iam": _iam,
    "ec2": _ec2,
}


# -- what CloudFormation calls in the caller's name -------------------------------------------------------------------------


def handler_needs(
    place: Place, kind: str, handler: str, properties: Mapping[str, Any], identity: str = ""
) -> list[Access]:
    """Return what a type's handler (create, read, update, delete) calls for a resource with these properties.

    `identity` is its physical id, empty before it has one. What the schema names and none of its properties needs is left
    out, for the reasons in not_needed.py.
    """
    spared = {action.lower() for actions in NOT_NEEDED.get(kind, {}).values() for action in actions.split()}
    arns = _arns(place, kind, properties, identity)
    found = [
        Access(action, _resource(action, arns))
        for action in schemas.permissions(kind, handler)
        if action.lower() not in spared and not _of_other_integration(action, properties)
    ]
    if kind == "AWS::Lambda::Function" and handler in ("create", "update"):
        found.append(Access("iam:PassRole", properties["Role"], (("iam:PassedToService", "lambda.amazonaws.com"),)))
    return found


def _of_other_integration(action: str, properties: Mapping[str, Any]) -> bool:
    """Return whether an action is for the other type of an IntegrationAssociation: one schema names those of all types."""
    kind = properties.get("IntegrationType")
    service = action.partition(":")[0]
    return (kind == "APPLICATION" and service == "lambda") or (
        kind == "LAMBDA_FUNCTION" and service == "app-integrations"
    )


def _resource(action: str, arns: Mapping[str, str]) -> str:
    """Return the resource on which an action is needed, by the kinds that it can be allowed on; "*" where there are none."""
    for kind in schemas.resource_kinds(action):
        if found := arns.get(f"{action.partition(':')[0].lower()} {kind}"):
            return found
    return "*"


def _arns(place: Place, kind: str, properties: Mapping[str, Any], identity: str) -> dict[str, str]:
    """Return {"SERVICE KIND": ARN} of what a resource is and refers to; kinds are those of AWS's service reference."""
    some = identity or "new"
    instance = str(properties.get("InstanceArn") or properties.get("InstanceId") or "")
    if kind == "AWS::S3::Bucket":
        return {"s3 bucket": f"arn:{place.partition}:s3:::{properties['BucketName']}"}
    if kind == "AWS::S3::BucketPolicy":
        return {"s3 bucket": f"arn:{place.partition}:s3:::{properties['Bucket']}"}
    if kind.startswith("AWS::CloudFront::"):
        word = {
            "Distribution": "distribution",
            "OriginAccessControl": "origin-access-control",
            "OriginRequestPolicy": "origin-request-policy",
            "ResponseHeadersPolicy": "response-headers-policy",
        }[kind.rpartition(":")[2]]
        # What is to be made has no ARN yet: the reference knows no resource for it either.
        return {f"cloudfront {word}": place.arn("cloudfront", f"{word}/{some}", "")}
    if kind == "AWS::IAM::Role":
        return {"iam role": place.arn("iam", f"role/{properties['RoleName']}", "")}
    if kind.startswith("AWS::Lambda::"):
        name = str(properties["FunctionName"])
        function = name if name.startswith("arn:") else place.arn("lambda", f"function:{name}")
        bare = ":".join(function.split(":")[:7])
        found = {
            "lambda function": function,
            "lambda function alias": identity if identity.startswith("arn:") else f"{bare}:live",
        }
        if kind == "AWS::Lambda::Version":
            found["lambda function version"] = found["lambda function alias"]
        if "Code" in properties:
            code = properties["Code"]
            found["s3 object"] = f"arn:{place.partition}:s3:::{code['S3Bucket']}/{code['S3Key']}"
        return found
    if kind == "AWS::Logs::LogGroup":
        return {"logs log-group": place.arn("logs", f"log-group:{properties['LogGroupName']}")}
    if kind == "AWS::CloudWatch::Alarm":
        return {"cloudwatch alarm": place.arn("cloudwatch", f"alarm:{properties['AlarmName']}")}
    if kind == "AWS::CloudWatch::Dashboard":
        name = properties["DashboardName"]
        return {"cloudwatch dashboard": f"arn:{place.partition}:cloudwatch::{place.account}:dashboard/{name}"}
    if kind == "AWS::DynamoDB::Table":
        return {"dynamodb table": place.arn("dynamodb", f"table/{properties['TableName']}")}
    if kind == "AWS::AppIntegrations::Application":
        return {"app-integrations application": identity or place.arn("app-integrations", "application/new")}
    if kind == "AWS::Connect::IntegrationAssociation":
        arn = str(properties["IntegrationArn"])
        return {
            "connect instance": instance,
            "connect integration-association": f"{instance}/integration-association/{some.rpartition('/')[2]}",
            "app-integrations application": arn,
            "app-integrations application-association": place.arn("app-integrations", "application-association/x"),
            "lambda function": arn,
            "iam role": place.arn("iam", SERVICE_ROLE, ""),
        }
    if kind == "AWS::Connect::View":
        return {"connect customer-managed-view": identity or f"{instance}/view/new", "connect instance": instance}
    if kind == "AWS::Connect::ContactFlow":
        return {"connect contact-flow": identity or f"{instance}/contact-flow/new", "connect instance": instance}
    if kind.startswith("AWS::ApiGatewayV2::"):
        path = "/apis" if kind.endswith("::Api") and not identity else f"/apis/{properties.get('ApiId', some)}"
        arn = f"arn:{place.partition}:apigateway:{place.region}::{path}"
        tags = f"arn:{place.partition}:apigateway:{place.region}::/tags/{some}"
        return {"apigateway api": arn, "apigateway apis": arn, "apigateway tags": tags}
    if kind.startswith("AWS::SecretsManager::"):
        secret = identity or str(
            properties.get("SecretId") or place.arn("secretsmanager", f"secret:{properties['Name']}-AbCdEf")
        )
        found = {"secretsmanager secret": secret}
        if rotates := properties.get("RotationLambdaARN"):
            found["lambda function"] = str(rotates)
        return found
    raise ValueError(f"the rehearsal does not know {kind}")
