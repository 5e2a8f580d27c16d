"""The stack that the settings ask for: template.yaml with the flows and the view in it, and its parameters.

    keys = {"LambdaKey": "lambda/0123.zip"}                    # of the functions' zips
    definition = define_stack(settings, account="123456789012", keys=keys, queue_arn="arn:...")
    definition.template, definition.parameters

What differs between environments goes in as parameters. The flows and the view are too long for parameters (4,096 bytes)
and are written into the template's "@@...@@" placeholders. What opens the page is in template_guide.yaml or
template_service.yaml, the API in template_api.yaml, the pilot in template_pilot.yaml, template_pilot_api.yaml and
template_pilot_events.yaml: their parameters, resources and outputs are added to template.yaml's.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from popdesk_api.contract import AGENT_HEADER, EVENTS_ROUTE, HEADERS, PREFIX, ROUTE

from ops.cloud.bucket import PILOT_PAGE
from ops.cloud.dashboard import dashboard_body
from ops.cloud.names import artifacts_bucket, cases_table, customers_table, site_bucket, stack_name
from ops.flows import definitions as flows
from ops.function_settings import Vpc
from ops.settings import ROOT, Settings
from ops.site.api_zip import API_HANDLER
from ops.site.headers import HSTS_SECONDS, PRODUCTION_ANCESTORS, response_headers
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE, LAMBDA_HANDLER, LAMBDA_RUNTIME

TEMPLATE = ROOT / "ops" / "cloud" / "template.yaml"
# What opens the page ([tool.popdesk] opens).
OPENING_TEMPLATES = {opens: ROOT / "ops" / "cloud" / f"template_{opens}.yaml" for opens in ("guide", "service")}
API_TEMPLATE = ROOT / "ops" / "cloud" / "template_api.yaml"
EVENTS_TEMPLATE = ROOT / "ops" / "cloud" / "template_events.yaml"
PILOT_TEMPLATE = ROOT / "ops" / "cloud" / "template_pilot.yaml"
PILOT_API_TEMPLATE = ROOT / "ops" / "cloud" / "template_pilot_api.yaml"
PILOT_EVENTS_TEMPLATE = ROOT / "ops" / "cloud" / "template_pilot_events.yaml"
CODE = ("LambdaKey", "ApiKey")  # the parameters that have the key of a zip
ROTATE_HANDLER = "rotate_token_key.handler"
# A page asks a few times for each contact: this is some 100 contacts a second, and keeps a runaway page from the account's
# other functions.
REQUESTS_PER_SECOND = 500
BURST = 1000
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


_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]
_NO_VALUE = {"Ref": "AWS::NoValue"}
# AWS's managed policy CachingDisabled (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/
# using-managed-cache-policies.html).
_CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
# Scopes of OpenID Connect itself ask for claims of the ID token; whether an access token names them is up to the provider.
_OIDC_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
# What the look-up signs the contact's token with, and the API checks it by.
_SIGNING = {"POPDESK_TOKEN_SECRET_ARN": {"Ref": "TokenSecret"}, "POPDESK_STACK": {"Ref": "AWS::StackName"}}


@dataclass(frozen=True)
class StackDefinition:
    """The stack as it should be."""

    name: str
    template: str
    parameters: dict[str, str]

    @property
    def infrastructure(self) -> str:
        """A hash of everything but the functions' code: releases with the same one can follow each other freely."""
        rest = {name: value for name, value in self.parameters.items() if name not in (*CODE, "Fingerprint")}
        return _digest(self.template + json.dumps(rest, sort_keys=True))

    @property
    def fingerprint(self) -> str:
        """A hash of everything."""
        return _digest(self.infrastructure + "".join(self.parameters.get(name, "") for name in CODE))

    def all_parameters(self) -> dict[str, str]:
        """Return the parameters as CloudFormation gets them."""
        return {**self.parameters, "Fingerprint": self.fingerprint}


def define_stack(settings: Settings, *, account: str, keys: dict[str, str], queue_arn: str) -> StackDefinition:
    """Return the stack that the settings ask for. `keys`: parameter -> key of a function's zip, of those in CODE."""
    name = stack_name(settings)
    headers = response_headers(PRODUCTION_ANCESTORS, settings.connect_origins())
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
            **keys,
            "LambdaRuntime": LAMBDA_RUNTIME,
            "LambdaHandler": LAMBDA_HANDLER,
            "LambdaSeconds": str(flows.lambda_seconds(settings)),
            "LambdaBudgetMs": str(settings.lookup.budget_ms),
            "LookupAdapter": settings.lookup.adapter,
            "LogRetentionDays": str(aws.log_retention_days),
            "AlarmTopicArn": aws.alarm_topic_arn,
            **(_service_parameters(settings) if settings.opens == "service" else {}),
            **(_api_parameters(settings) if settings.api.enabled else {}),
            **(_pilot_parameters(settings) if settings.pilot else {}),
        },
    )


def _service_parameters(settings: Settings) -> dict[str, str]:
    return dict(zip(("ServiceName", "ServiceNamespace"), settings.service, strict=True))


def _pilot_parameters(settings: Settings) -> dict[str, str]:
    names = ("PilotName", "PilotNamespace", "PilotServiceName", "PilotServiceNamespace")
    values = (*settings.pilot_application, *settings.pilot_service)
    return {**dict(zip(names, values, strict=True)), "PilotPage": PILOT_PAGE}


def _api_parameters(settings: Settings) -> dict[str, str]:
    """Return the values of template_api.yaml's parameters, but for the key of the zip."""
    sign_in = settings.api.auth == "oidc"
    oidc = settings.api.oidc
    return {
        "ApiSeconds": str(-(-settings.api.timeout_ms // 1000)),
        "SignInIssuer": oidc.issuer if sign_in else "",
        "SignInAudience": oidc.audience if sign_in else "",
        "SignInScopes": ",".join(scope for scope in oidc.scopes if scope not in _OIDC_SCOPES) if sign_in else "",
    }


def render_template(settings: Settings) -> str:
    """Return template.yaml with its "@@...@@" placeholders filled in. JSON is YAML, so each becomes JSON."""
    pilots, live = bool(settings.pilot), _distribution_arn("Distribution")
    main = flows.main_flow(settings, lambda_arn="${LookupLive}", guide_flow_arn="${GuideFlow}", queue_arn="${QueueArn}")
    values: dict[str, Any] = {
        "main_flow": json.dumps(main, separators=(",", ":")),
        "guide_flow": json.dumps(flows.guide_flow(settings, view_arn="${View}"), separators=(",", ":")),
        "view": flows.view(settings),
        "customers_table": customers_table(stack_name(settings)),
        "lookup_statements": lookup_statements(settings),
        "lookup_environment": {
            CUSTOMERS_TABLE_VARIABLE: {"Ref": "CustomersTable"},
            **(_SIGNING if settings.api.enabled else {}),
            **settings.lookup.environment,
        },
        "lookup_vpc": _vpc(settings.lookup.vpc),
        "api_origin": _NO_VALUE,
        "api_cache_behaviors": _NO_VALUE,
        "pilot_api_origin": _NO_VALUE,
        "distributions": [live, _distribution_arn("PilotDistribution")] if pilots else live,
    }
    text = add_sections(TEMPLATE.read_text("utf-8"), OPENING_TEMPLATES[settings.opens].read_text("utf-8"))
    if settings.api.enabled:
        text = add_sections(text, API_TEMPLATE.read_text("utf-8"))
        values |= _api_values(settings)
    if settings.api.enabled and settings.api.events.enabled:
        text = add_sections(text, EVENTS_TEMPLATE.read_text("utf-8"))
        values |= _events_values(settings)
    if pilots:
        text = add_sections(text, PILOT_TEMPLATE.read_text("utf-8"))
    if pilots and settings.api.enabled:
        text = add_sections(text, PILOT_API_TEMPLATE.read_text("utf-8"))
        if settings.api.events.enabled:
            text = add_sections(text, PILOT_EVENTS_TEMPLATE.read_text("utf-8"))
    return _PLACEHOLDER.sub(lambda match: json.dumps(values[match[1]]), text)


def add_sections(template: str, more: str) -> str:
    """Return the template with the content of each section of `more` ("Parameters", "Resources", ...) at its own's end."""
    for section in re.finditer(r"^(\w+):\n((?:[ #].*\n|\n)+)", more, re.MULTILINE):
        template, found = re.subn(
            rf"^({section[1]}:\n(?:[ #].*\n|\n)*?)(?=\n*(?:^\w|\Z))",
            lambda match, content=section[2]: match[1].rstrip("\n") + "\n\n" + content.strip("\n") + "\n",  # type: ignore[misc]
            template,
            count=1,
            flags=re.MULTILINE,
        )
        assert found, section[1]
    return template


def _api_values(settings: Settings) -> dict[str, Any]:
    """Return what stands in template_api.yaml's placeholders, and in those of template.yaml that are the API's."""
    behavior = {
        "PathPattern": f"{PREFIX}*",
        "TargetOriginId": "api",
        "ViewerProtocolPolicy": "https-only",
        "AllowedMethods": [
            "GET",
            "HEAD",
            "OPTIONS",
            "PUT",
            "PATCH",
            "POST",
            "DELETE",
        ],  # CloudFront knows no smaller set
        "Compress": True,
        "CachePolicyId": _CACHING_DISABLED,
        "OriginRequestPolicyId": {"Ref": "ApiRequests"},
        "ResponseHeadersPolicyId": {"Ref": "ResponseHeaders"},
    }
    environment = {
        CUSTOMERS_TABLE_VARIABLE: {"Ref": "CustomersTable"},
        "POPDESK_INSTANCE_ID": settings.aws.instance_arn.rpartition("/")[2],
        "POPDESK_CASES_TABLE": {"Ref": "CasesTable"},
        "POPDESK_API_WRITES_TABLE": {"Ref": "WritesTable"},
        **_SIGNING,
        **settings.lookup.environment,
        **settings.api.environment,
    }
    return {
        "cases_table": cases_table(stack_name(settings)),
        "api_origin": _api_origin("HttpApi"),
        "pilot_api_origin": _api_origin("PilotHttpApi"),
        "api_cache_behaviors": [behavior],
        "api_statements": api_statements(settings),
        "api_handler": API_HANDLER,
        "rotate_handler": ROTATE_HANDLER,
        "api_environment": environment,
        "api_vpc": _vpc(settings.api.vpc or settings.lookup.vpc),
        "api_agent_source": f"$request.header.{AGENT_HEADER}",
        "api_route": ROUTE,
        "api_headers": [*HEADERS, "Accept"],
        "api_requests_per_second": REQUESTS_PER_SECOND,
        "api_burst": BURST,
    }


def _events_values(settings: Settings) -> dict[str, Any]:
    """Return what stands in template_events.yaml's placeholders."""
    events = settings.api.events
    return {
        "events_route": EVENTS_ROUTE,
        # Of a handful of pages one is a large share.
        "events_share": f"IF(pages >= {events.least_pages}, 100 * failed / pages, 0)",
        "events_failed_percent": events.failed_percent,
        "events_first_values_ms": events.first_values_ms,
        "events_dashboard": dashboard_body(),
    }


def _api_origin(http_api: str) -> dict[str, Any]:
    return {
        "Id": "api",
        "DomainName": {"Fn::Sub": f"${{{http_api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"},
        "CustomOriginConfig": {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]},
    }


def _distribution_arn(name: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{name}}}"}


def api_statements(settings: Settings) -> list[dict[str, Any]]:
    """Return the statements of the API's role: what the look-up may, its own tables and log, and the contact at hand."""
    statements = _directory_statements(settings)
    statements.append(_allow(_LOG, {"Fn::GetAtt": ["ApiLogs", "Arn"]}))
    statements.append(_allow(["secretsmanager:GetSecretValue"], {"Ref": "TokenSecret"}))
    contacts = {"Fn::Sub": "${InstanceArn}/contact/*"}
    statements.append(_allow(["connect:DescribeContact", "connect:UpdateContactAttributes"], contacts))
    items = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    statements.append(_allow(items, {"Fn::GetAtt": ["WritesTable", "Arn"]}))
    if settings.api.cases == "dynamodb":
        cases = ["dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        statements.append(_allow(cases, {"Fn::GetAtt": ["CasesTable", "Arn"]}))
        queried = [{"Fn::GetAtt": ["CasesTable", "Arn"]}, {"Fn::Sub": "${CasesTable.Arn}/index/open"}]
        statements.append(_allow(["dynamodb:Query"], queried))
    if settings.api.cases == "http" and settings.api.http.token_secret:
        statements.append(_read_secret(settings.api.http.token_secret))
    statements += [_allow(list(own.actions), list(own.resources)) for own in settings.api.allow]
    if settings.api.vpc and not settings.lookup.vpc:
        statements.append(_allow(_NETWORK_INTERFACES, "*"))
    return statements


def lookup_statements(settings: Settings) -> list[dict[str, Any]]:
    """Return the statements of the Lambda's role, by its adapter: to log, to query the one table, to read the one secret.

    And what lookup.allow says.
    """
    statements = [_allow(_LOG, {"Fn::GetAtt": ["LookupLogs", "Arn"]}), *_directory_statements(settings)]
    if settings.api.enabled:
        statements.append(_allow(["secretsmanager:GetSecretValue"], {"Ref": "TokenSecret"}))
    return statements


def _directory_statements(settings: Settings) -> list[dict[str, Any]]:
    """Return what the look-up's adapter needs, in the look-up and in the API."""
    statements = []
    secret = settings.lookup.http.token_secret
    if settings.lookup.adapter == "dynamodb":
        statements.append(_allow(["dynamodb:Query"], {"Fn::GetAtt": ["CustomersTable", "Arn"]}))
    if settings.lookup.adapter == "http" and secret:
        statements.append(_read_secret(secret))
    statements += [_allow(list(own.actions), list(own.resources)) for own in settings.lookup.allow]
    if settings.lookup.vpc:
        statements.append(_allow(_NETWORK_INTERFACES, "*"))
    return statements


def _read_secret(secret: str) -> dict[str, Any]:
    """Return the statement for reading a CRM's token: `token_secret` of the settings."""
    account = "${AWS::Region}:${AWS::AccountId}"
    if secret.startswith("ssm:"):
        path = secret.removeprefix("ssm:").lstrip("/")
        return _allow(["ssm:GetParameter"], {"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{account}:parameter/{path}"})
    # A secret is named or given by its ARN; in an ARN, Secrets Manager adds six characters to the name.
    named = {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:{account}:secret:{secret}-??????"}
    return _allow(["secretsmanager:GetSecretValue"], secret if secret.startswith("arn:") else named)


def _vpc(vpc: Vpc | None) -> dict[str, Any]:
    """Return a function's VpcConfig, which is no value if it is in no VPC."""
    if vpc is None:
        return _NO_VALUE
    return {"SubnetIds": list(vpc.subnets), "SecurityGroupIds": list(vpc.security_groups)}


def _allow(actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
