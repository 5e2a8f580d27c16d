"""The stack that the settings ask for: template.yaml with the flows and the view in it, and its parameters.

    definition = define_stack(settings, account="123456789012", lambda_key="lambda/0123.zip", queue_arn="arn:...")
    definition.template, definition.parameters

What differs between environments goes in as parameters. The flows and the view are too long for parameters (4,096 bytes)
and are written into the template's "@@...@@" placeholders.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from ops.cloud.names import artifacts_bucket, site_bucket, stack_name
from ops.flows import definitions as flows
from ops.settings import ROOT, Settings
from ops.site.headers import HSTS_SECONDS, PRODUCTION_ANCESTORS, response_headers
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE, LAMBDA_HANDLER, LAMBDA_RUNTIME

TEMPLATE = ROOT / "ops" / "cloud" / "template.yaml"
_PLACEHOLDER = re.compile(r'"@@(\w+)@@"')
# What a function in a VPC needs, which cannot be limited to resources
# (docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html).
_NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


@dataclass(frozen=True)
class StackDefinition:
    """The stack as it should be."""

    name: str
    template: str
    parameters: dict[str, str]

    @property
    def infrastructure(self) -> str:
        """A hash of everything but the Lambda's code: releases with the same one can follow each other freely."""
        rest = {name: value for name, value in self.parameters.items() if name not in ("LambdaKey", "Fingerprint")}
        return _digest(self.template + json.dumps(rest, sort_keys=True))

    @property
    def fingerprint(self) -> str:
        """A hash of everything."""
        return _digest(self.infrastructure + self.parameters["LambdaKey"])

    def all_parameters(self) -> dict[str, str]:
        """Return the parameters as CloudFormation gets them."""
        return {**self.parameters, "Fingerprint": self.fingerprint}


def define_stack(settings: Settings, *, account: str, lambda_key: str, queue_arn: str) -> StackDefinition:
    """Return the stack that the settings ask for."""
    name = stack_name(settings)
    headers = response_headers(PRODUCTION_ANCESTORS)
    aws = settings.aws
    return StackDefinition(
        name,
        render_template(settings),
        {
            "AppName": settings.name,
            "AppNamespace": settings.namespace,
            "AppPermissions": ",".join(settings.permissions),
            "AppScope": settings.iframe.scope,
            "AppSandbox": ",".join(settings.iframe.sandbox),
            "AppAllow": ",".join(settings.iframe.allow),
            "InstanceArn": aws.instance_arn,
            "Queue": aws.queue,
            "QueueArn": queue_arn,
            "Domain": aws.domain,
            "CertificateArn": aws.certificate_arn,
            "ContentSecurityPolicy": headers["Content-Security-Policy"],
            "HstsSeconds": str(HSTS_SECONDS),
            "ReferrerPolicy": headers["Referrer-Policy"],
            "PermissionsPolicy": headers["Permissions-Policy"],
            "SiteBucketName": site_bucket(name, account, aws.region),
            "ArtifactsBucket": artifacts_bucket(name, account, aws.region),
            "LambdaKey": lambda_key,
            "LambdaRuntime": LAMBDA_RUNTIME,
            "LambdaHandler": LAMBDA_HANDLER,
            "LambdaSeconds": str(flows.lambda_seconds(settings)),
            "LambdaBudgetMs": str(settings.lookup.budget_ms),
            "LookupAdapter": settings.lookup.adapter,
            "LogRetentionDays": str(aws.log_retention_days),
            "AlarmTopicArn": aws.alarm_topic_arn,
        },
    )


def render_template(settings: Settings) -> str:
    """Return template.yaml with its "@@...@@" placeholders filled in. JSON is YAML, so each becomes JSON."""
    main = flows.main_flow(settings, lambda_arn="${LookupLive}", guide_flow_arn="${GuideFlow}", queue_arn="${QueueArn}")
    values: dict[str, Any] = {
        "main_flow": json.dumps(main, separators=(",", ":")),
        "guide_flow": json.dumps(flows.guide_flow(settings, view_arn="${View}"), separators=(",", ":")),
        "view": flows.view(settings),
        "lookup_statements": lookup_statements(settings),
        "lookup_environment": {CUSTOMERS_TABLE_VARIABLE: {"Ref": "CustomersTable"}, **settings.lookup.environment},
        "lookup_vpc": _vpc(settings),
    }
    return _PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]]), TEMPLATE.read_text("utf-8"))


def lookup_statements(settings: Settings) -> list[dict[str, Any]]:
    """Return the statements of the Lambda's role, by its adapter: to log, to query the one table, to read the one secret.

    And what lookup.allow says.
    """
    statements = [_allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["LookupLogs", "Arn"]})]
    secret = settings.lookup.http.token_secret
    if settings.lookup.adapter == "dynamodb":
        statements.append(_allow(["dynamodb:Query"], {"Fn::GetAtt": ["CustomersTable", "Arn"]}))
    if settings.lookup.adapter == "http" and secret:
        account = "${AWS::Region}:${AWS::AccountId}"
        if secret.startswith("ssm:"):
            path = secret.removeprefix("ssm:").lstrip("/")
            arn: Any = {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{account}:parameter/{path}"}
            statements.append(_allow(["ssm:GetParameter"], arn))
        else:
            # A secret is named or given by its ARN; in an ARN, Secrets Manager adds six characters to the name.
            named = {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:{account}:secret:{secret}-??????"}
            arn = secret if secret.startswith("arn:") else named
            statements.append(_allow(["secretsmanager:GetSecretValue"], arn))
    statements += [_allow(list(own.actions), list(own.resources)) for own in settings.lookup.allow]
    if settings.lookup.vpc:
        statements.append(_allow(_NETWORK_INTERFACES, "*"))
    return statements


def _vpc(settings: Settings) -> dict[str, Any]:
    """Return the function's VpcConfig, which is no value if it is in no VPC."""
    vpc = settings.lookup.vpc
    if vpc is None:
        return {"Ref": "AWS::NoValue"}
    return {"SubnetIds": list(vpc.subnets), "SecurityGroupIds": list(vpc.security_groups)}


def _allow(actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
