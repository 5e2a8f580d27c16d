"""The template with the API: what [tool.popdesk.api] adds to the stack, and that a stack without it has nothing of it."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from cases_adapters.dynamodb import INDEX
from cases_adapters.dynamodb import TABLE_VARIABLE as CASES_TABLE_VARIABLE
from cfnlint import decode
from cfnlint.api import lint
from popdesk_api.contract import AGENT_HEADER, CONTACT_HEADER, HEADERS, IDEMPOTENCY_HEADER, PREFIX
from popdesk_api.handler import INSTANCE_VARIABLE
from popdesk_api.once import TABLE_VARIABLE as WRITES_TABLE_VARIABLE
from popdesk_api.page_events import PageRecord, write_page
from token_signing import SECRET_VARIABLE, STACK_VARIABLE

from ops.api_settings import Api
from ops.cloud.settings_check import check_deployable
from ops.cloud.stack_template import API_TEMPLATE, TEMPLATE, add_sections, define_stack, render_template
from ops.errors import WRONG_SETTINGS, UserError
from ops.function_settings import Vpc
from ops.settings import Settings, load_settings
from ops.site.lambda_zip import CUSTOMERS_TABLE_VARIABLE

INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"
LONGEST_TEMPLATE = 51_200  # bytes; docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
OIDC = {
    "issuer": "https://id.example.com/",
    "authorization_endpoint": "https://id.example.com/authorize",
    "token_endpoint": "https://id.example.com/token",
    "client_id": "desk",
    "audience": "desk-api",
    "scopes": ["openid", "cases"],
}
LAMBDA = "AWS::Lambda::Function"


def with_api(adapter: str = "dynamodb", cases: str = "dynamodb", **api: Any) -> Settings:
    settings = load_settings(environment="prod")
    return settings.model_copy(
        update={
            "api": Api.model_validate({"enabled": True, **api}).model_copy(update={"cases": cases}),
            "lookup": settings.lookup.model_copy(update={"adapter": adapter}),
            "aws": settings.aws.model_copy(update={"instance_arn": INSTANCE}),
        }
    )


def without_api() -> Settings:
    settings = with_api()
    return settings.model_copy(update={"api": Api()})


def parse(settings: Settings) -> dict[str, Any]:
    template, found = decode.decode_str(render_template(settings))
    assert not found
    return dict(template)


def resources(settings: Settings) -> dict[str, Any]:
    return dict(parse(settings)["Resources"])


def parameters(settings: Settings) -> dict[str, str]:
    keys = {"LambdaKey": "lambda/0.zip", "ApiKey": "lambda/1.zip"}
    return define_stack(settings, account="123456789012", keys=keys, queue_arn=f"{INSTANCE}/queue/1").all_parameters()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        with_api("sample", cases="sample"),
        with_api(),
        with_api("http", cases="http", http={"token_secret": "crm-token"}),
        with_api(auth="oidc", oidc=OIDC, environment={"LIMIT": "7"}),
    ],
    ids=["sample", "dynamodb", "http", "oidc"],
)
def test_cfn_lint_finds_nothing_and_the_template_is_small_enough(settings: Settings) -> None:
    text = render_template(settings)
    assert lint(text) == []
    assert len(text.encode()) < LONGEST_TEMPLATE
    assert "@@" not in text


def test_parameters_are_the_templates_own() -> None:
    assert parameters(with_api()).keys() == parse(with_api())["Parameters"].keys()


def test_cases_in_a_file_are_not_released() -> None:
    check_deployable(with_api())
    check_deployable(without_api().model_copy(update={"api": Api(cases="sample")}))
    with pytest.raises(UserError, match=r"environments\.prod\.api\.cases.*dynamodb") as caught:
        check_deployable(with_api(cases="sample"))
    assert caught.value.exit_code == WRONG_SETTINGS


def test_a_stack_without_the_api_has_nothing_of_it() -> None:
    added = parse(with_api())["Resources"].keys() - resources(without_api()).keys()
    assert {"Api", "HttpApi", "TokenSecret", "CasesTable", "WritesTable", "TokenKeyRotation"} <= added
    config = resources(without_api())["Distribution"]["Properties"]["DistributionConfig"]
    nothing = {"Ref": "AWS::NoValue"}
    assert config["CacheBehaviors"] == nothing
    assert [origin for origin in config["Origins"] if origin != nothing] == config["Origins"][:1]
    assert "TokenSecret" not in json.dumps(resources(without_api()), default=dict)


def test_the_page_and_its_api_have_one_origin_and_nothing_of_the_api_is_cached() -> None:
    config = resources(with_api())["Distribution"]["Properties"]["DistributionConfig"]
    (behavior,) = config["CacheBehaviors"]
    assert behavior["PathPattern"] == f"{PREFIX}*"
    # AWS's managed policy CachingDisabled.
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert behavior["ViewerProtocolPolicy"] == "https-only", "a redirected POST would have sent its token in the clear"
    assert behavior["ResponseHeadersPolicyId"] == config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    origins = {origin["Id"]: origin for origin in config["Origins"]}
    assert origins[behavior["TargetOriginId"]]["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert config["DefaultCacheBehavior"]["TargetOriginId"] == "site"


def test_the_api_gets_the_headers_that_it_reads_and_no_cookie() -> None:
    made = resources(with_api())["ApiRequests"]["Properties"]["OriginRequestPolicyConfig"]
    assert {CONTACT_HEADER, AGENT_HEADER, IDEMPOTENCY_HEADER} <= set(HEADERS) < set(made["HeadersConfig"]["Headers"])
    assert "Host" not in made["HeadersConfig"]["Headers"], "API Gateway answers its own name only"
    assert "Authorization" not in made["HeadersConfig"]["Headers"], "CloudFront refuses a policy that has it"
    assert len(made["HeadersConfig"]["Headers"]) <= 10
    assert made["CookiesConfig"] == {"CookieBehavior": "none"}


def test_requests_are_throttled_and_end_before_api_gateway_does() -> None:
    made = resources(with_api())
    stage = made["HttpApiStage"]["Properties"]["DefaultRouteSettings"]
    assert 0 < stage["ThrottlingRateLimit"] <= stage["ThrottlingBurstLimit"]
    assert int(parameters(with_api(timeout_ms=8000))["ApiSeconds"]) == 8
    assert int(parameters(with_api(timeout_ms=500))["ApiSeconds"]) == 1
    assert made["HttpApiIntegration"]["Properties"]["TimeoutInMillis"] == 30_000
    assert made["HttpApiRoute"]["Properties"]["RouteKey"] == "ANY /api/{proxy+}"


def test_what_pages_tell_has_a_route_without_sign_in_two_alarms_and_a_dashboard_or_nothing() -> None:
    added = ("HttpApiEventsRoute", "FailedCardsAlarm", "FirstValuesAlarm", "Dashboard")
    off = resources(with_api(events={"enabled": False}))
    assert not off.keys() & {*added}
    assert not resources(without_api()).keys() & {*added}
    made = resources(
        with_api(auth="oidc", oidc=OIDC, events={"failed_percent": 2.5, "first_values_ms": 1500, "least_pages": 7})
    )
    assert made.keys() - off.keys() == {*added}
    route, share, values, dashboard = (made[name]["Properties"] for name in added)
    assert (route["RouteKey"], route["AuthorizationType"]) == ("POST /api/events", "NONE")
    metrics = {each["Id"]: each for each in share["Metrics"]}
    assert share["Threshold"] == 2.5
    assert metrics["share"]["Expression"] == "IF(pages >= 7, 100 * failed / pages, 0)"
    assert (values["Threshold"], values["ExtendedStatistic"]) == (1500, "p95")
    # What is alarmed about and drawn is what the function writes.
    out = io.StringIO()
    write_page(
        out, PageRecord(release="", hello=1, first_values=1, pop=1, popped="", failed={}), proven=True, alias="live"
    )
    write_page(
        out, PageRecord(release="", hello=1, first_values=1, pop=1, popped="", failed={}), proven=False, alias="live"
    )
    written = {name for line in out.getvalue().splitlines() for name in json.loads(line)}
    named = {metrics[name]["MetricStat"]["Metric"]["MetricName"] for name in ("pages", "failed")} | {
        values["MetricName"]
    }
    assert named <= written
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    expressions = [str(each["properties"].get("metrics")) for each in body["widgets"]]
    drawn = {name for each in expressions for name in re.findall(r'MetricName="(\w+)"', each)}
    assert "FirstValues" in drawn
    assert drawn <= written
    assert set(re.findall(r"\$\{([^}]+)\}", dashboard["DashboardBody"]["Fn::Sub"])) <= {"AWS::Region", "Api", "ApiLogs"}


def test_sign_in_is_checked_where_it_is_enabled() -> None:
    signed = parameters(with_api(auth="oidc", oidc=OIDC))
    assert (signed["SignInIssuer"], signed["SignInAudience"]) == (OIDC["issuer"], OIDC["audience"])
    assert signed["SignInScopes"] == "cases", "OpenID Connect's own scopes need not be in an access token"
    plain = parameters(with_api(oidc=OIDC))
    assert {plain[name] for name in ("SignInIssuer", "SignInAudience", "SignInScopes")} == {""}
    made = resources(with_api(auth="oidc", oidc=OIDC))
    authorizer = made["HttpApiAuthorizer"]
    assert authorizer["Condition"] == "HasSignIn"
    assert authorizer["Properties"]["IdentitySource"] == [f"$request.header.{AGENT_HEADER}"]


def _statements(role: Any) -> list[dict[str, Any]]:
    (policy,) = role["Properties"]["Policies"]
    return list(policy["PolicyDocument"]["Statement"])


@pytest.mark.parametrize("cases", ["sample", "dynamodb", "http"])
def test_the_api_may_do_what_it_does_on_what_it_does_it_with(cases: str) -> None:
    made = resources(with_api("sample", cases=cases))
    allowed: dict[str, Any] = {}
    for statement in _statements(made["ApiRole"]):
        assert statement["Resource"] != "*", statement
        for action in statement["Action"]:
            allowed.setdefault(action, []).append(statement["Resource"])
    assert allowed["connect:DescribeContact"] == allowed["connect:UpdateContactAttributes"]
    assert allowed["connect:DescribeContact"] == [{"Fn::Sub": "${InstanceArn}/contact/*"}]
    assert allowed["secretsmanager:GetSecretValue"] == [{"Ref": "TokenSecret"}]
    tables = [resource["Fn::GetAtt"][0] for resource in allowed["dynamodb:PutItem"]]
    assert tables == (["WritesTable", "CasesTable"] if cases == "dynamodb" else ["WritesTable"])
    assert not [action for action in allowed if action.endswith("*")]


def test_the_look_up_may_read_the_key_and_nothing_else_of_the_api() -> None:
    def actions(settings: Settings) -> list[str]:
        return [action for each in _statements(resources(settings)["LookupRole"]) for action in each["Action"]]

    assert set(actions(with_api())) - set(actions(without_api())) == {"secretsmanager:GetSecretValue"}


def test_what_signs_is_made_by_secrets_manager_and_renewed() -> None:
    made = resources(with_api())
    assert made["TokenSecret"]["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32, "RFC 7518, 3.2: 256 bits"
    assert "SecretString" not in made["TokenSecret"]["Properties"]
    assert made["TokenKeyRotation"]["Properties"]["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}
    for name in ("Lookup", "Api"):
        variables = made[name]["Properties"]["Environment"]["Variables"]
        assert variables[SECRET_VARIABLE] == {"Ref": "TokenSecret"}
        assert variables[STACK_VARIABLE] == {"Ref": "AWS::StackName"}


def test_the_function_is_told_where_everything_is() -> None:
    variables = resources(with_api())["Api"]["Properties"]["Environment"]["Variables"]
    assert variables[INSTANCE_VARIABLE] == INSTANCE.rpartition("/")[2]
    assert variables[WRITES_TABLE_VARIABLE] == {"Ref": "WritesTable"}
    assert variables[CASES_TABLE_VARIABLE] == {"Ref": "CasesTable"}
    assert variables[CUSTOMERS_TABLE_VARIABLE] == {"Ref": "CustomersTable"}


# Resource -> its DeletionPolicy and its UpdateReplacePolicy. What a team cannot make anew is kept: where the stack goes (but for
# the bucket, which `destroy` empties first), and where it is replaced. The rest of what keeps something goes.
DATA = {
    "SiteBucket": ("Delete", "Retain"),
    "CustomersTable": ("Retain", "Retain"),
    "CasesTable": ("Retain", "Retain"),
    "WritesTable": ("Delete", "Delete"),
    "TokenSecret": ("Delete", "Delete"),
}


def test_what_becomes_of_data_is_said_for_each_resource_that_has_some() -> None:
    found = {
        name: (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        for name, resource in resources(with_api()).items()
        if resource["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret")
    }
    assert found == DATA


def test_the_table_of_cases_has_the_index_that_the_adapter_asks() -> None:
    made = resources(with_api())
    (index,) = made["CasesTable"]["Properties"]["LocalSecondaryIndexes"]
    assert index["IndexName"] == INDEX
    queried = [each["Resource"] for each in _statements(made["ApiRole"]) if each["Action"] == ["dynamodb:Query"]]
    assert {"Fn::Sub": f"${{CasesTable.Arn}}/index/{INDEX}"} in queried[-1]


def test_a_teams_variables_and_vpc_are_the_functions() -> None:
    vpc = {"subnets": ["subnet-12345678"], "security_groups": ["sg-12345678"]}
    api = resources(with_api(environment={"LIMIT": "7"}, vpc=vpc))["Api"]["Properties"]
    assert api["Environment"]["Variables"]["LIMIT"] == "7"
    in_vpc = {"SubnetIds": ["subnet-12345678"], "SecurityGroupIds": ["sg-12345678"]}
    assert api["VpcConfig"] == in_vpc
    settings = with_api()
    lookup = settings.lookup.model_copy(update={"vpc": Vpc.model_validate(vpc)})
    both = resources(settings.model_copy(update={"lookup": lookup}))
    assert both["Api"]["Properties"]["VpcConfig"] == both["Lookup"]["Properties"]["VpcConfig"] == in_vpc


def test_every_function_has_a_log_group_that_ends() -> None:
    made = resources(with_api())
    for each in made.values():
        if each["Type"] == LAMBDA:
            group = made[each["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
            assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
            name = each["Properties"]["FunctionName"]["Fn::Sub"]
            assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{name}"}


def test_releases_of_equal_infrastructure_differ_in_the_functions_code_alone() -> None:
    def define(api_key: str) -> tuple[str, str]:
        keys = {"LambdaKey": "a", "ApiKey": api_key}
        made = define_stack(with_api(), account="1", keys=keys, queue_arn="q")
        return made.fingerprint, made.infrastructure

    one, two = define("x"), define("y")
    assert one[0] != two[0]
    assert one[1] == two[1]


def test_sections_are_added_to_their_own() -> None:
    one = "A:\n  x: 1\n\nB:\n  # first\n  y: 2\n"
    assert add_sections(one, "# more\n\nB:\n  z: 3\nA:\n  w: 4\n") == (
        "A:\n  x: 1\n\n  w: 4\n\nB:\n  # first\n  y: 2\n\n  z: 3\n"
    )
    with pytest.raises(AssertionError, match="C"):
        add_sections(one, "C:\n  v: 5\n")
    whole = add_sections(TEMPLATE.read_text("utf-8"), API_TEMPLATE.read_text("utf-8"))
    assert all(line in whole for line in API_TEMPLATE.read_text("utf-8").splitlines() if line.startswith("  "))
