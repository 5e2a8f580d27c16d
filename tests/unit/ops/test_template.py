"""The template: no findings of cfn-lint, and what it says about access, headers, the flows and the order of deletion.

moto takes every Connect and CloudFront resource on trust, so the template's proof is here: AWS's own schemas (cfn-lint
carries them) and assertions on the parsed document.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from call_log import NAMESPACE, write_call
from cfnlint import decode
from cfnlint.api import lint
from hypothesis import example, given
from hypothesis import strategies as st

from ops.cloud.names import artifacts_bucket, site_bucket, stack_name
from ops.cloud.settings_check import check_deployable
from ops.cloud.stack_template import TEMPLATE, define_stack, render_template
from ops.errors import UserError
from ops.flows.definitions import problems
from ops.function_settings import Allow, Vpc
from ops.settings import ROOT, Settings, load_settings
from ops.site.headers import PRODUCTION_ANCESTORS, response_headers

INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"
LONGEST_PARAMETER = 4096  # bytes
LONGEST_TEMPLATE = 51_200


def _settings(adapter: str = "sample", secret: str = "", **aws: Any) -> Settings:
    settings = load_settings(environment="prod")
    http = settings.lookup.http.model_copy(update={"token_secret": secret})
    lookup = settings.lookup.model_copy(update={"adapter": adapter, "http": http})
    place = settings.aws.model_copy(update={"instance_arn": INSTANCE, **aws})
    return settings.model_copy(update={"lookup": lookup, "aws": place})


def _parse(settings: Settings, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "template.yaml"
    file.write_text(render_template(settings), "utf-8")
    template, found = decode.decode(str(file))
    assert not found
    return dict(template)


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _parse(_settings(), tmp_path_factory.mktemp("template"))


ADAPTERS = [
    ("sample", ""),
    ("dynamodb", ""),
    ("http", ""),
    ("http", "crm-token"),
    ("http", "ssm:/popdesk/token"),
    ("http", "arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-token-AbCdEf"),
]


@pytest.mark.slow
def test_cfn_lint_finds_nothing_where_a_service_opens_the_page() -> None:
    assert lint(render_template(_settings().model_copy(update={"opens": "service"}))) == []


def test_a_service_opens_the_page_instead_of_a_guide(parsed: dict[str, Any], tmp_path: Path) -> None:
    settings = _settings().model_copy(update={"opens": "service"})
    template = _parse(settings, tmp_path)
    resources = template["Resources"]
    assert {*parsed["Resources"]} - {*resources} == {"View", "GuideFlow"}
    assert {*resources} - {*parsed["Resources"]} == {"Service", "ServiceAssociation"}
    service = resources["Service"]["Properties"]
    assert service["ApplicationType"] == "SERVICE"
    # AWS's schema: the one cannot be used for a service, the other is required.
    assert "ApplicationConfig" not in service
    assert service["InitializationTimeout"] >= settings.connection_timeout_ms
    assert service["Permissions"] == ["*"]
    url = service["ApplicationSourceConfig"]["ExternalUrlConfig"]["AccessUrl"]["Fn::Sub"][0]
    assert url == "https://${Host}/?service"
    main = json.loads(resources["MainFlow"]["Properties"]["Content"]["Fn::Sub"])
    assert problems(main) == []
    assert "UpdateContactEventHooks" not in {action["Type"] for action in main["Actions"]}
    parameters = define_stack(settings, account="1", keys={"LambdaKey": "k"}, queue_arn="q").parameters
    assert (parameters["ServiceName"], parameters["ServiceNamespace"]) == ("Popdesk service", "popdesk-service")
    assert {*parameters, "Fingerprint"} == {*template["Parameters"]}
    assert "ServiceArn" in template["Outputs"]
    assert "GuideFlowArn" not in template["Outputs"]


@pytest.mark.slow
@pytest.mark.parametrize(("adapter", "secret"), ADAPTERS)
def test_cfn_lint_finds_nothing(adapter: str, secret: str) -> None:
    text = render_template(_settings(adapter, secret))
    assert lint(text) == []
    assert len(text.encode()) < LONGEST_TEMPLATE


@pytest.mark.slow
def test_cfn_lint_would_find_something() -> None:
    """The lint above is a real one: a wrong value in each kind of resource is found."""
    text = render_template(_settings())
    mistakes = {
        "IntegrationType: APPLICATION": "IntegrationType: APP",
        "HttpVersion: http2and3": "HttpVersion: http4",
        "Type: CONTACT_FLOW\n": "Type: FLOW\n",
        "BillingMode: PAY_PER_REQUEST": "BillingMode: FREE",
        "Scope: !Ref AppScope": "Scopes: !Ref AppScope",
    }
    for right, wrong in mistakes.items():
        assert right in text
        text = text.replace(right, wrong)
    lines = text.splitlines()
    found = [lines[each.linenumber - 1] for each in lint(text)]
    assert [wrong for wrong in mistakes.values() if not any(wrong.strip() in line for line in found)] == []


def test_the_file_itself_is_valid_yaml_with_places_that_are_all_filled() -> None:
    template, found = decode.decode(str(TEMPLATE))
    assert not found
    assert template
    assert "@@" not in render_template(_settings())


def test_parameters_are_the_templates_own_and_short_enough(parsed: dict[str, Any]) -> None:
    wanted = define_stack(
        _settings(), account="123456789012", keys={"LambdaKey": "lambda/0.zip"}, queue_arn=f"{INSTANCE}/queue/1"
    )
    parameters = wanted.all_parameters()
    assert parameters.keys() == parsed["Parameters"].keys()
    assert all(len(value.encode()) <= LONGEST_PARAMETER for value in parameters.values())


def test_bucket_is_private_versioned_and_for_cloudfront_alone(parsed: dict[str, Any]) -> None:
    bucket = parsed["Resources"]["SiteBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    allow, deny = parsed["Resources"]["SiteBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allow["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allow["Action"] == "s3:GetObject"
    assert allow["Resource"] == {"Fn::Sub": "${SiteBucket.Arn}/site/*"}, "manifests name people: they are not served"
    assert "${Distribution}" in allow["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_distribution_serves_errors_as_errors_over_modern_http(parsed: dict[str, Any]) -> None:
    config = parsed["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert "CustomErrorResponses" not in config
    assert config["HttpVersion"] == "http2and3"
    assert config["DefaultCacheBehavior"]["Compress"] is True
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    assert config["ViewerCertificate"]["Fn::If"][1]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    origin, api = config["Origins"]
    assert api == {"Ref": "AWS::NoValue"}
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert "OriginAccessControlId" in origin


def test_headers_are_the_ones_that_preview_sends(parsed: dict[str, Any]) -> None:
    """Every header of ops/site/headers.py reaches the policy, with its very value: there is no second definition."""
    parameters = define_stack(_settings(), account="1", keys={"LambdaKey": "k"}, queue_arn="q").parameters
    config = parsed["Resources"]["ResponseHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]

    def value(node: Any) -> str:
        return parameters[node["Ref"]] if isinstance(node, dict) else str(node)

    hsts = security["StrictTransportSecurity"]
    sent = {
        "Content-Security-Policy": value(security["ContentSecurityPolicy"]["ContentSecurityPolicy"]),
        "Strict-Transport-Security": f"max-age={value(hsts['AccessControlMaxAgeSec'])}"
        + ("; includeSubDomains" if hsts["IncludeSubdomains"] else ""),
        "X-Content-Type-Options": "nosniff" if "ContentTypeOptions" in security else "",
        "Referrer-Policy": value(security["ReferrerPolicy"]["ReferrerPolicy"]),
    } | {item["Header"]: value(item["Value"]) for item in config["CustomHeadersConfig"]["Items"]}
    assert sent == response_headers(PRODUCTION_ANCESTORS)
    assert "frame-ancestors https://*.awsapps.com https://*.my.connect.aws" in sent["Content-Security-Policy"]


def test_application_is_registered_as_the_settings_say(parsed: dict[str, Any]) -> None:
    settings = _settings()
    application = parsed["Resources"]["Application"]["Properties"]
    parameters = define_stack(settings, account="1", keys={"LambdaKey": "k"}, queue_arn="q").parameters
    assert parameters["AppPermissions"].split(",") == list(settings.permissions)
    assert parameters["AppScope"] == "PER_CONTACT"
    assert "allow-popups-to-escape-sandbox" in parameters["AppSandbox"].split(",")
    assert application["Permissions"] == {"Ref": "AppPermissions"}
    assert application["IframeConfig"]["Sandbox"] == {"Ref": "AppSandbox"}
    url = application["ApplicationSourceConfig"]["ExternalUrlConfig"]["AccessUrl"]["Fn::Sub"][0]
    assert url == "https://${Host}/", "an AccessUrl below the root breaks a guide's Path"


@pytest.mark.parametrize("flow", ["MainFlow", "GuideFlow"])
def test_flows_in_the_template_are_whole_and_right(parsed: dict[str, Any], flow: str) -> None:
    content = parsed["Resources"][flow]["Properties"]["Content"]["Fn::Sub"]
    assert problems(json.loads(content)) == []
    names = {*parsed["Resources"], *parsed["Parameters"]}
    for part in content.split("${")[1:]:
        assert part.split("}")[0] in names


def test_flow_calls_the_alias_that_connect_may_call(parsed: dict[str, Any]) -> None:
    resources = parsed["Resources"]
    assert "${LookupLive}" in resources["MainFlow"]["Properties"]["Content"]["Fn::Sub"]
    permission = resources["LookupPermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "LookupLive"}
    assert permission["Principal"] == "connect.amazonaws.com"
    assert permission["SourceArn"] == {"Ref": "InstanceArn"}
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert resources["LookupAssociation"]["Properties"]["IntegrationArn"] == {"Ref": "LookupLive"}


def test_association_goes_before_the_application(parsed: dict[str, Any]) -> None:
    """CloudFormation deletes what refers before what is referred to; the view goes before the association too."""
    association = parsed["Resources"]["ApplicationAssociation"]["Properties"]
    assert association["IntegrationArn"] == {"Fn::GetAtt": ["Application", "ApplicationArn"]}
    assert association["IntegrationType"] == "APPLICATION"
    assert parsed["Resources"]["View"]["DependsOn"] == "ApplicationAssociation"


def test_customers_table_is_what_import_and_lambda_use(parsed: dict[str, Any]) -> None:
    table = parsed["Resources"]["CustomersTable"]["Properties"]
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    environment = parsed["Resources"]["Lookup"]["Properties"]["Environment"]["Variables"]
    assert environment == {"POPDESK_CUSTOMERS_TABLE": {"Ref": "CustomersTable"}}
    assert "CustomersTable" in parsed["Outputs"]


@pytest.mark.parametrize(
    ("adapter", "secret", "actions"),
    [
        ("sample", "crm-token", set()),
        ("dynamodb", "crm-token", {"dynamodb:Query"}),
        ("http", "", set()),
        ("http", "crm-token", {"secretsmanager:GetSecretValue"}),
        ("http", "ssm:/popdesk/token", {"ssm:GetParameter"}),
    ],
)
def test_lambda_may_do_only_what_its_adapter_needs(
    tmp_path: Path, adapter: str, secret: str, actions: set[str]
) -> None:
    role = _parse(_settings(adapter, secret), tmp_path)["Resources"]["LookupRole"]["Properties"]
    (policy,) = role["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    logging = {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert {action for statement in statements for action in statement["Action"]} == actions | logging
    assert all(statement["Resource"] != "*" for statement in statements)
    assert "ManagedPolicyArns" not in role


@pytest.mark.parametrize("adapter", ["sample", "dynamodb", "http"])
def test_alarms_watch_the_very_metric_that_a_failed_look_up_logs(tmp_path: Path, adapter: str) -> None:
    settings = _settings(adapter)
    parameters = define_stack(settings, account="1", keys={"LambdaKey": "k"}, queue_arn="q").parameters
    alarms = [
        resource["Properties"]
        for resource in _parse(settings, tmp_path)["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"]["Namespace"] == NAMESPACE
    ]
    watched = set()
    for alarm in alarms:
        values = {item["Name"]: item["Value"] for item in alarm["Dimensions"]}
        assert values.pop("FunctionName") == {"Ref": "Lookup"}
        assert values.pop("adapter") == {"Ref": "LookupAdapter"}
        outcome = values.pop("outcome")
        assert not values
        line = io.StringIO()
        logged_adapter = parameters["LookupAdapter"]
        write_call(line, contact_id="c", channel="VOICE", outcome=outcome, adapter=logged_adapter, milliseconds=1.0)
        logged = json.loads(line.getvalue())
        (metrics,) = logged["_aws"]["CloudWatchMetrics"]
        assert (metrics["Namespace"], logged[alarm["MetricName"]]) == (NAMESPACE, 1)
        assert ["FunctionName", "adapter", "outcome"] in metrics["Dimensions"]
        assert alarm["MetricName"] in [metric["Name"] for metric in metrics["Metrics"]]
        assert alarm["Statistic"] == "Sum"
        assert alarm["TreatMissingData"] == "notBreaching", "a metric without calls has no data"
        watched.add(outcome)
    # The outcomes that lambda/lookup/handler.py logs together with an error.
    handler = (ROOT / "lambda" / "lookup" / "handler.py").read_text("utf-8")
    assert watched == set(re.findall(r'outcome, error = "([a-z-]+)", (?!"")', handler)) == {"failed", "timeout"}


def test_fingerprint_moves_with_settings_and_code_the_infrastructure_only_with_settings() -> None:
    def wanted(settings: Settings, key: str) -> tuple[str, str]:
        made = define_stack(settings, account="1", keys={"LambdaKey": key}, queue_arn="q")
        return made.fingerprint, made.infrastructure

    same, code, days = (
        wanted(_settings(), "a"),
        wanted(_settings(), "b"),
        wanted(_settings(log_retention_days=7), "a"),
    )
    assert same == wanted(_settings(), "a")
    assert same[0] != code[0]
    assert same[1] == code[1]
    assert same[0] != days[0]
    assert same[1] != days[1]


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"instance_arn": ""}, "tool.popdesk.environments.prod.aws.instance_arn"),
        ({"region": "eu-west-2"}, "tool.popdesk.environments.prod.aws.region"),
        ({"domain": "desk.example.com"}, "tool.popdesk.environments.prod.aws.certificate_arn"),
        ({"domain": "https://desk.example.com/", "certificate_arn": "x"}, "tool.popdesk.environments.prod.aws.domain"),
        ({"log_retention_days": 31}, "tool.popdesk.environments.prod.aws.log_retention_days"),
    ],
)
def test_wrong_settings_name_their_key_before_any_call(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError, match=key) as caught:
        check_deployable(_settings(**wrong))
    assert caught.value.exit_code == 2


def test_right_settings_pass() -> None:
    check_deployable(_settings())
    assert stack_name(_settings()) == "popdesk-prod"


# -- names -------------------------------------------------------------------------------------------------------------

LONGEST_REGION = "ap-southeast-1"
ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("namespace", "environment", "name"),
    [
        ("popdesk", "", "popdesk"),
        ("popdesk", "prod", "popdesk-prod"),
        ("acme.support/Desk_2", "prod", "acme-support-desk-2-prod"),
        ("2desk", "", "app-2desk"),
        ("...", "", "app"),
    ],
)
def test_the_stack_is_named_after_namespace_and_environment(namespace: str, environment: str, name: str) -> None:
    settings = _settings().model_copy(update={"namespace": namespace, "environment": environment})
    assert stack_name(settings) == name


def test_a_stack_that_the_settings_name_is_that_one() -> None:
    assert stack_name(_settings(stack="popdesk-live")) == "popdesk-live"


@given(
    namespace=st.from_regex(r"[A-Za-z0-9/._-]{1,128}", fullmatch=True),
    environment=st.from_regex(r"([a-z0-9][a-z0-9-]{0,19})?", fullmatch=True),
)
@example(namespace="n" * 128, environment="e" * 20)
@example(namespace="-", environment="-")
def test_every_name_that_is_made_of_the_settings_is_one_that_aws_takes(namespace: str, environment: str) -> None:
    stack = stack_name(_settings().model_copy(update={"namespace": namespace, "environment": environment}))
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,127}", stack)
    for bucket in (site_bucket(stack, ACCOUNT, LONGEST_REGION), artifacts_bucket(stack, ACCOUNT, LONGEST_REGION)):
        # docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)
    assert len(f"{stack}-lookup-{LONGEST_REGION}") <= 64  # a role
    assert len(f"{stack}-lookup") <= 64  # a function
    assert len(f"{stack}-{LONGEST_REGION}") <= 64  # an origin access control


def test_long_names_stay_apart() -> None:
    def named(environment: str, namespace: str = "n" * 100) -> str:
        return stack_name(_settings().model_copy(update={"namespace": namespace, "environment": environment}))

    assert named("prod") != named("test") != named("prod", "n" * 101)
    assert named("prod").endswith("-prod")
    first, second = (artifacts_bucket(f"{'s' * 39}{end}", ACCOUNT, LONGEST_REGION) for end in "ab")
    assert first != second


def test_short_names_of_buckets_are_what_they_were() -> None:
    """A bucket of another name would take the place of the one that is there."""
    assert site_bucket("popdesk-prod", ACCOUNT, "us-east-1") == "popdesk-prod-site-123456789012-us-east-1"
    assert artifacts_bucket("popdesk-prod", ACCOUNT, "us-east-1") == "popdesk-prod-artifacts-123456789012-us-east-1"


def test_the_template_names_no_bucket_by_itself() -> None:
    settings = _settings()
    parameters = define_stack(settings, account=ACCOUNT, keys={"LambdaKey": "k"}, queue_arn="q").parameters
    assert parameters["SiteBucketName"] == site_bucket("popdesk-prod", ACCOUNT, "us-east-1")
    assert "BucketName: !Ref SiteBucketName" in render_template(settings)


def test_the_functions_environment_and_permissions_have_what_the_settings_add(tmp_path: Path) -> None:
    settings = _settings()
    allowed = Allow(actions=("s3:GetObject",), resources=("arn:aws:s3:::directory/*",))
    added = {"environment": {"CUSTOMERS_BUCKET": "directory"}, "allow": (allowed,)}
    lookup = settings.lookup.model_copy(update=added)
    resources = _parse(settings.model_copy(update={"lookup": lookup}), tmp_path)["Resources"]
    assert resources["Lookup"]["Properties"]["Environment"]["Variables"] == {
        "POPDESK_CUSTOMERS_TABLE": {"Ref": "CustomersTable"},
        "CUSTOMERS_BUCKET": "directory",
    }
    (policy,) = resources["LookupRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    assert {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::directory/*"]} in statements


def test_the_function_is_in_a_vpc_where_the_settings_name_one(tmp_path: Path, parsed: dict[str, Any]) -> None:
    assert parsed["Resources"]["Lookup"]["Properties"]["VpcConfig"] == {"Ref": "AWS::NoValue"}
    settings = _settings()
    vpc = Vpc(subnets=("subnet-0a1b2c3d", "subnet-0123456789abcdef0"), security_groups=("sg-0e3f4a5b",))
    settings = settings.model_copy(update={"lookup": settings.lookup.model_copy(update={"vpc": vpc})})
    template = _parse(settings, tmp_path)
    function = template["Resources"]["Lookup"]["Properties"]
    assert function["VpcConfig"] == {
        "SubnetIds": ["subnet-0a1b2c3d", "subnet-0123456789abcdef0"],
        "SecurityGroupIds": ["sg-0e3f4a5b"],
    }
    (policy,) = template["Resources"]["LookupRole"]["Properties"]["Policies"]
    actions = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]}
    # What AWS's managed policy AWSLambdaVPCAccessExecutionRole allows beside the log.
    assert {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"} <= actions
    assert lint(render_template(settings)) == []
