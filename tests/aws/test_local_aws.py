"""The rehearsal's AWS by itself, with a template of two resources: creation, changes, rollbacks, permissions, faults.

It is asked through the project's own client, so each answer is one that botocore understands.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.config import Config
from botocore.session import Session

from ops.cloud.aws import Aws, AwsError
from ops.cloud.iam_policy import policy
from ops.cloud.names import policy_names
from ops.rehearse.local_aws import CALLER, Faults, LocalAws
from tests.aws.account import deployable_settings

NAME = "popdesk-prod"
SETTINGS = deployable_settings()
ACCOUNT = SETTINGS.aws.instance_account


@pytest.fixture
def local() -> Iterator[LocalAws]:
    """Return a new account."""
    made = LocalAws(SETTINGS, policy(policy_names(SETTINGS, ACCOUNT), True))
    yield made
    made.close()
    assert made.defects == []


@cache
def _session() -> Session:
    session = Session()
    session.set_credentials(CALLER, "rehearsal")
    return session


@pytest.fixture
def aws(local: LocalAws) -> Aws:
    """Return the project's client of it."""
    return Aws(_session(), SETTINGS.aws.region, endpoint_url=local.url)


def _template(days: Any = 30, **more: Any) -> str:
    group = {"LogGroupName": {"Fn::Sub": "/aws/lambda/${AWS::StackName}-lookup"}, "RetentionInDays": days}
    alarm = {
        "AlarmName": {"Fn::Sub": "${AWS::StackName}-${Logs}x"[:18] + "a"},
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": {"Ref": "Least"},
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **more,
    }
    resources = {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "DependsOn": "Logs", "Properties": alarm},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": group},
    }
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Logs", "Arn"]}}}
    parameters = {"Least": {"Type": "Number"}}
    return json.dumps({"Parameters": parameters, "Resources": resources, "Outputs": outputs})


def _change(local: LocalAws, aws: Aws, template: str, kind: str = "UPDATE", least: str = "1") -> str:
    """Make and execute a change set; return the stack's status."""
    made = aws.call(
        "cloudformation",
        "create_change_set",
        StackName=NAME,
        ChangeSetName="one",
        ChangeSetType=kind,
        TemplateBody=template,
        Parameters=[{"ParameterKey": "Least", "ParameterValue": least}],
    )
    aws.call("cloudformation", "execute_change_set", StackName=NAME, ChangeSetName=made["Id"])
    local.cloudformation.wait()
    return str(aws.call("cloudformation", "describe_stacks", StackName=NAME)["Stacks"][0]["StackStatus"])


def _events(aws: Aws) -> list[tuple[str, str, str]]:
    pages = aws.pages("cloudformation", "describe_stack_events", StackName=NAME)
    found = [event for page in pages for event in page["StackEvents"]]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(found)
    ]


def _retention(local: LocalAws) -> list[int]:
    return [group["retentionInDays"] for group in local.client("logs").describe_log_groups()["logGroups"]]


def test_a_stack_is_made_changed_and_deleted_in_the_order_of_its_references(local: LocalAws, aws: Aws) -> None:
    assert _change(local, aws, _template(), "CREATE") == "CREATE_COMPLETE"
    done = [name for name, status, _ in _events(aws) if status == "CREATE_COMPLETE"]
    assert done == ["Logs", "Alarm", NAME]
    assert _retention(local) == [30]
    (stack,) = aws.call("cloudformation", "describe_stacks", StackName=NAME)["Stacks"]
    assert stack["Outputs"][0]["OutputValue"].endswith(f":log-group:/aws/lambda/{NAME}-lookup:*")
    assert _change(local, aws, _template("60")) == "UPDATE_COMPLETE"
    assert _retention(local) == [60]
    aws.call("cloudformation", "delete_stack", StackName=NAME)
    local.cloudformation.wait()
    assert _retention(local) == []
    assert [name for name, status, _ in _events_of(aws, stack["StackId"]) if status == "DELETE_COMPLETE"] == [
        "Alarm",
        "Logs",
        NAME,
    ]
    with pytest.raises(AwsError, match="does not exist"):
        aws.call("cloudformation", "describe_stacks", StackName=NAME)


def _events_of(aws: Aws, arn: str) -> list[tuple[str, str, str]]:
    found = [
        event
        for page in aws.pages("cloudformation", "describe_stack_events", StackName=arn)
        for event in page["StackEvents"]
    ]
    return [(event["LogicalResourceId"], event["ResourceStatus"], "") for event in reversed(found)]


def test_what_the_schema_refuses_is_named_and_what_was_made_is_taken_back(local: LocalAws, aws: Aws) -> None:
    assert _change(local, aws, _template(Statistic="Sums"), "CREATE") == "ROLLBACK_COMPLETE"
    (reason,) = [reason for name, status, reason in _events(aws) if status == "CREATE_FAILED" and name == "Alarm"]
    assert "Statistic" in reason
    assert "'Sums' is not one of" in reason
    assert _retention(local) == []
    (stack,) = aws.call("cloudformation", "describe_stacks", StackName=NAME)["Stacks"]
    assert stack["Parameters"] == [{"ParameterKey": "Least", "ParameterValue": "1"}], "by these it is known whose it is"


def test_a_change_that_fails_is_taken_back(local: LocalAws, aws: Aws) -> None:
    _change(local, aws, _template(), "CREATE")
    local.set_faults(Faults(fail=("Alarm",)))
    assert _change(local, aws, _template(90), least="2") == "UPDATE_ROLLBACK_COMPLETE"
    assert _retention(local) == [30]
    local.set_faults(Faults())
    assert _change(local, aws, _template(90), least="2") == "UPDATE_COMPLETE"
    assert _retention(local) == [90]


def test_a_rollback_that_fails_is_continued(local: LocalAws, aws: Aws) -> None:
    _change(local, aws, _template(), "CREATE")
    local.set_faults(Faults(fail=("Alarm",)))
    local.cloudformation.stuck = {"Logs"}
    assert _change(local, aws, _template(90), least="2") == "UPDATE_ROLLBACK_FAILED"
    assert _retention(local) == [90]
    aws.call("cloudformation", "continue_update_rollback", StackName=NAME)
    local.cloudformation.wait()
    (stack,) = aws.call("cloudformation", "describe_stacks", StackName=NAME)["Stacks"]
    assert (stack["StackStatus"], _retention(local)) == ("UPDATE_ROLLBACK_COMPLETE", [30])


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (_template().replace('"DependsOn": "Logs"', '"DependsOn": "Logs", "Metadata": {"Ref": "Nobody"}'), "Nobody"),
        (_template().replace('{"Type": "Number"}', '{"Type": "Number", "MaxValue": 0}'), "Least"),
        ("Resources: {}", "At least one Resources member"),
    ],
)
def test_a_wrong_template_or_parameter_is_refused_at_once(aws: Aws, template: str, reason: str) -> None:
    parameters = [{"ParameterKey": "Least", "ParameterValue": "1"}]
    with pytest.raises(AwsError, match=reason) as refused:
        aws.call(
            "cloudformation",
            "create_change_set",
            StackName=NAME,
            ChangeSetName="one",
            ChangeSetType="CREATE",
            TemplateBody=template,
            Parameters=parameters,
        )
    assert refused.value.code == "ValidationError"


def test_an_action_that_is_denied_fails_the_resource_that_needs_it(local: LocalAws, aws: Aws) -> None:
    local.set_faults(Faults(deny=("logs:PutRetentionPolicy",)))
    assert _change(local, aws, _template(), "CREATE") == "ROLLBACK_COMPLETE"
    (reason,) = [reason for name, status, reason in _events(aws) if name == "Logs" and status == "CREATE_FAILED"]
    assert "is not authorized to perform: logs:PutRetentionPolicy on resource: arn:aws:logs:" in reason


def test_a_call_that_is_denied_is_refused_as_aws_refuses_it(local: LocalAws, aws: Aws) -> None:
    local.set_faults(Faults(deny=("cloudformation:DescribeStacks",)))
    with pytest.raises(AwsError, match="not authorized to perform: cloudformation:DescribeStacks") as refused:
        aws.call("cloudformation", "describe_stacks", StackName=NAME)
    assert refused.value.code == "AccessDenied"
    with pytest.raises(AwsError, match="not authorized to perform: s3:GetObject"):
        aws.call("s3", "get_object", Bucket="somebody-elses", Key="k")


def test_a_throttled_service_answers_the_third_time(local: LocalAws, aws: Aws) -> None:
    local.set_faults(Faults(throttle=("connect",)))
    reasons: list[str] = []
    aws.on_retry = reasons.append
    aws.call("connect", "describe_instance", InstanceId=SETTINGS.aws.instance_arn)
    assert reasons == ["ThrottlingException"] * 2
    local.set_faults(Faults(throttle=("s3",)))
    with pytest.raises(AwsError, match="404"):  # it got through to S3: a HEAD shows its status alone
        aws.call("s3", "head_object", Bucket="popdesk-prod-site-123456789012-us-east-1", Key="site/index.html")
    assert reasons[2:] == ["503"] * 2


def test_a_service_that_hangs_is_given_up_in_words(local: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.cloud.aws._ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(time=time.time, sleep=lambda _: None))
    local.set_faults(Faults(hang=("sts",)))
    aws = Aws(_session(), SETTINGS.aws.region, endpoint_url=local.url)
    with pytest.raises(AwsError, match="Read timeout") as failed:
        aws.call("sts", "get_caller_identity")
    assert "check the network" in failed.value.hint
    assert local.not_met() == []


def test_a_command_is_killed_before_its_call_is_done(local: LocalAws, aws: Aws) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    local.victim = lambda: process.pid
    local.set_faults(Faults(kill_at=2))
    aws.call("sts", "get_caller_identity")
    client = Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=local.url,
        aws_access_key_id=CALLER,
        aws_secret_access_key="rehearsal",
        config=Config(read_timeout=1, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Exception, match="Read timeout"):
        client.create_bucket(Bucket="popdesk-prod-artifacts-123456789012-us-east-1")
    assert process.wait(10) == -9
    assert local.killed_before == "s3 CreateBucket"
    assert local.client("s3").list_buckets()["Buckets"] == []


def test_a_function_that_is_made_anew_with_the_same_code_has_its_own_environment(local: LocalAws) -> None:
    """As after a first release that failed: the secret that its environment names is another."""
    out, code = io.BytesIO(), "import os\ndef handler(event, context):\n    return os.environ['SECRET']\n"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("main.py", code)
    functions = local.client("lambda")
    role = local.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    answers = []
    for secret in ("first", "second"):
        arn = functions.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": out.getvalue()},
            Environment={"Variables": {"SECRET": secret}},
        )["FunctionArn"]
        answers.append(local.functions.invoke(arn, {}, 20).value)
        functions.delete_function(FunctionName="f")
    assert answers == ["first", "second"]


def test_a_new_account_has_nothing_of_the_old_one(local: LocalAws, aws: Aws) -> None:
    _change(local, aws, _template(), "CREATE")
    local.client("s3").create_bucket(Bucket="popdesk-prod-artifacts-123456789012-us-east-1")
    local.set_faults(Faults(deny=("s3:*",)))
    local.connect.functions.append("arn")
    local.days = 3.0
    local.reset()
    assert _retention(local) == []
    assert local.client("s3").list_buckets()["Buckets"] == []
    assert (local.calls, local.faults, local.connect.functions, local.days) == ([], Faults(), [], 0.0)
    with pytest.raises(AwsError, match="does not exist"):
        aws.call("cloudformation", "describe_stacks", StackName=NAME)
    assert _change(local, aws, _template(), "CREATE") == "CREATE_COMPLETE"


def test_a_parameter_that_the_model_does_not_have_is_refused(local: LocalAws) -> None:
    connect = local.client("connect")
    with pytest.raises(connect.exceptions.ClientError, match="NotImplemented"):
        connect.list_prompts(InstanceId=SETTINGS.aws.instance_arn.rpartition("/")[2])
    with pytest.raises(connect.exceptions.ClientError, match="the instance has no"):
        connect.create_contact_flow(
            InstanceId=SETTINGS.aws.instance_arn.rpartition("/")[2],
            Name="x",
            Type="CONTACT_FLOW",
            Content=json.dumps(
                {
                    "Version": "2019-10-30",
                    "StartAction": "a",
                    "Actions": [],
                    "f": f"{SETTINGS.aws.instance_arn}/queue/9",
                }
            ),
        )


def test_faults_that_nothing_met_are_named(local: LocalAws, aws: Aws) -> None:
    """Else a rehearsal would say that all went well where it has rehearsed nothing."""
    local.set_faults(Faults(("logs:CreateLogGrup",), ("s3",), ("connect",), ("Log", "Logs"), kill_at=999))
    assert _change(local, aws, _template(), "CREATE") == "ROLLBACK_COMPLETE"
    assert [each.partition(":")[0] for each in local.not_met()] == [
        "--deny logs",
        "--throttle s3",
        "--hang connect",
        "--fail Log",
        "--kill-at 999",
    ]


def test_faults_that_something_met_are_not(local: LocalAws, aws: Aws) -> None:
    local.set_faults(Faults(deny=("logs:create*",), throttle=("cloudformation",)))
    assert _change(local, aws, _template(), "CREATE") == "ROLLBACK_COMPLETE"
    assert local.not_met() == []
