"""How CloudFormation makes each type of the template: by calls to the services of the local AWS.

    makers = Makers(place, client)                    # client("lambda") -> a botocore client of the local AWS
    made = makers.create("popdesk-prod", shell)       # `shell`: the resource with its properties, without an id
    made = makers.update(made, shell)
    makers.delete(made)

A type has a method for each of the three: `_create_lambda_function`, `_update_lambda_function`, `_delete_lambda_function`; a type
without one for updates has nothing that our template changes, and its update is refused.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from ops.rehearse.policy import Place
from ops.rehearse.protocol import operation_model, shaped

Properties = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A resource: its logical name and type, what it was made with, its physical id (Ref) and its attributes (Fn::GetAtt).

    `policies`: its DeletionPolicy and UpdateReplacePolicy. `needs`: the logical names of what it refers to.
    """

    name: str
    kind: str
    properties: Properties
    identity: str
    attributes: dict[str, str] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def with_(self, **changes: Any) -> Made:
        """Return it with other values."""
        return replace(self, **changes)


class Unknown(Exception):
    """A type, or a change of one, that the rehearsal does not know: it is to be added here."""


class Makers:
    """Makes, changes and deletes resources. `client(service)` returns a client that CloudFormation calls with."""

    def __init__(self, place: Place, client: Callable[[str], Any]) -> None:
        self._place, self._client = place, client

    def create(self, stack: str, shell: Made) -> Made:
        """Return the resource, made."""
        del stack
        identity, attributes = self._method("create", shell.kind)(shell.properties)
        return shell.with_(identity=identity, attributes=attributes)

    def exists(self, resource: Properties) -> bool:
        """Return whether a resource of a template is there already and can be taken over by a stack: a kept table.

        docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html: one that has a name
        without functions and a DeletionPolicy that keeps it.
        """
        name = resource.get("Properties", {}).get("TableName")
        if resource["Type"] != "AWS::DynamoDB::Table" or not isinstance(name, str):
            return False
        kept = resource.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
        return kept and name in self._client("dynamodb").list_tables()["TableNames"]

    def take_over(self, shell: Made) -> Made:
        """Return the table that is there as the stack's own."""
        name = shell.properties["TableName"]
        return shell.with_(identity=name, attributes={"Arn": self._place.arn("dynamodb", f"table/{name}")})

    def update(self, old: Made, wanted: Made) -> Made:
        """Return the resource as wanted: the same one, changed."""
        self._method("update", wanted.kind)(old.identity, old.properties, wanted.properties)
        return wanted.with_(identity=old.identity, attributes=old.attributes)

    def delete(self, made: Made) -> None:
        """Delete the resource; one that is gone already is no error."""
        try:
            self._method("delete", made.kind)(made.identity, made.properties)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if not (code.startswith("NoSuch") or "NotFound" in code or code in ("404", "ResourceNotFound")):
                raise

    def _method(self, doing: str, kind: str) -> Callable[..., Any]:
        name = "_".join(xform_name(word) for word in kind.split("::")[1:])
        found: Callable[..., Any] | None = getattr(self, f"_{doing}_{name}", None)
        if found is None:
            raise Unknown(f"ops/rehearse/resources.py cannot {doing} {kind} yet")
        return found

    def _call(self, service: str, operation: str, properties: Properties, **more: Any) -> dict[str, Any]:
        """Call an operation with CloudFormation's properties as its parameters."""
        shape = operation_model(service, operation).input_shape
        answer: dict[str, Any] = getattr(self._client(service), xform_name(operation))(
            **shaped(shape, properties), **more
        )
        return answer

    # -- S3 ------------------------------------------------------------------------------------------------------------

    def _create_s3_bucket(self, given: Properties) -> tuple[str, dict[str, str]]:
        bucket, region = given["BucketName"], self._place.region
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._client("s3").create_bucket(Bucket=bucket, **where)
        self._update_s3_bucket(bucket, {}, given)
        domain = f"{bucket}.s3.{region}.amazonaws.com"
        return bucket, {"Arn": f"arn:{self._place.partition}:s3:::{bucket}", "RegionalDomainName": domain}

    def _update_s3_bucket(self, bucket: str, _: Properties, given: Properties) -> None:
        s3 = self._client("s3")
        if each := given.get("VersioningConfiguration"):
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=each)
        if each := given.get("PublicAccessBlockConfiguration"):
            s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=each)
        if each := given.get("OwnershipControls"):
            s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=each)
        if each := given.get("BucketEncryption"):
            rules = [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                for rule in each["ServerSideEncryptionConfiguration"]
            ]
            s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
        if each := given.get("LifecycleConfiguration"):
            rules = [_lifecycle(rule) for rule in each["Rules"]]
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def _delete_s3_bucket(self, bucket: str, _: Properties) -> None:
        self._client("s3").delete_bucket(Bucket=bucket)

    def _create_s3_bucket_policy(self, given: Properties) -> tuple[str, dict[str, str]]:
        self._client("s3").put_bucket_policy(Bucket=given["Bucket"], Policy=json.dumps(given["PolicyDocument"]))
        return given["Bucket"], {}

    def _update_s3_bucket_policy(self, _: str, __: Properties, given: Properties) -> None:
        self._create_s3_bucket_policy(given)

    def _delete_s3_bucket_policy(self, bucket: str, _: Properties) -> None:
        self._client("s3").delete_bucket_policy(Bucket=bucket)

    # -- CloudFront ----------------------------------------------------------------------------------------------------

    def _create_cloud_front(self, kind: str, given: Properties) -> str:
        made = self._call("cloudfront", f"Create{kind}", given)
        return str(made[kind]["Id"])

    def _update_cloud_front(self, kind: str, identity: str, given: Properties) -> None:
        tag = getattr(self._client("cloudfront"), f"get_{xform_name(kind)}")(Id=identity)["ETag"]
        self._call("cloudfront", f"Update{kind}", given, Id=identity, IfMatch=tag)

    def _delete_cloud_front(self, kind: str, identity: str) -> None:
        client = self._client("cloudfront")
        tag = getattr(client, f"get_{xform_name(kind)}")(Id=identity)["ETag"]
        getattr(client, f"delete_{xform_name(kind)}")(Id=identity, IfMatch=tag)

    def _create_cloud_front_origin_access_control(self, given: Properties) -> tuple[str, dict[str, str]]:
        identity = self._create_cloud_front("OriginAccessControl", given)
        return identity, {"Id": identity}

    def _update_cloud_front_origin_access_control(self, identity: str, _: Properties, given: Properties) -> None:
        self._update_cloud_front("OriginAccessControl", identity, given)

    def _delete_cloud_front_origin_access_control(self, identity: str, _: Properties) -> None:
        self._delete_cloud_front("OriginAccessControl", identity)

    def _create_cloud_front_response_headers_policy(self, given: Properties) -> tuple[str, dict[str, str]]:
        identity = self._create_cloud_front("ResponseHeadersPolicy", given)
        return identity, {"Id": identity}

    def _update_cloud_front_response_headers_policy(self, identity: str, _: Properties, given: Properties) -> None:
        self._update_cloud_front("ResponseHeadersPolicy", identity, given)

    def _delete_cloud_front_response_headers_policy(self, identity: str, _: Properties) -> None:
        self._delete_cloud_front("ResponseHeadersPolicy", identity)

    def _create_cloud_front_origin_request_policy(self, given: Properties) -> tuple[str, dict[str, str]]:
        identity = self._create_cloud_front("OriginRequestPolicy", given)
        return identity, {"Id": identity}

    def _update_cloud_front_origin_request_policy(self, identity: str, _: Properties, given: Properties) -> None:
        self._update_cloud_front("OriginRequestPolicy", identity, given)

    def _delete_cloud_front_origin_request_policy(self, identity: str, _: Properties) -> None:
        self._delete_cloud_front("OriginRequestPolicy", identity)

    def _create_cloud_front_distribution(self, given: Properties) -> tuple[str, dict[str, str]]:
        config = _distribution(given["DistributionConfig"]) | {"CallerReference": uuid.uuid4().hex}
        shape = operation_model("cloudfront", "CreateDistributionWithTags").input_shape
        asked = {"DistributionConfigWithTags": {"DistributionConfig": config, "Tags": {"Items": []}}}
        made = self._client("cloudfront").create_distribution_with_tags(**shaped(shape, asked))["Distribution"]
        return str(made["Id"]), {"DomainName": str(made["DomainName"]), "Id": str(made["Id"])}

    def _update_cloud_front_distribution(self, identity: str, _: Properties, given: Properties) -> None:
        now = self._client("cloudfront").get_distribution(Id=identity)["Distribution"]["DistributionConfig"]
        config = _distribution(given["DistributionConfig"]) | {"CallerReference": now["CallerReference"]}
        self._update_cloud_front("Distribution", identity, {"DistributionConfig": config})

    def _delete_cloud_front_distribution(self, identity: str, given: Properties) -> None:
        off = {"DistributionConfig": {**given["DistributionConfig"], "Enabled": False}}
        self._update_cloud_front_distribution(identity, given, off)  # an enabled one is not deleted
        self._delete_cloud_front("Distribution", identity)

    # -- IAM, logs, alarms ---------------------------------------------------------------------------------------------

    def _create_iam_role(self, given: Properties) -> tuple[str, dict[str, str]]:
        name = given["RoleName"]
        trust = json.dumps(given["AssumeRolePolicyDocument"])
        made = self._client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        self._update_iam_role(name, {}, given)
        return name, {"Arn": str(made["Arn"]), "RoleId": str(made["RoleId"])}

    def _update_iam_role(self, name: str, old: Properties, given: Properties) -> None:
        iam = self._client("iam")
        trust = json.dumps(given["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        wanted = {each["PolicyName"]: each["PolicyDocument"] for each in given.get("Policies", [])}
        for policy, document in wanted.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        for each in old.get("Policies", []):
            if each["PolicyName"] not in wanted:
                iam.delete_role_policy(RoleName=name, PolicyName=each["PolicyName"])

    def _delete_iam_role(self, name: str, given: Properties) -> None:
        iam = self._client("iam")
        for each in given.get("Policies", []):
            iam.delete_role_policy(RoleName=name, PolicyName=each["PolicyName"])
        iam.delete_role(RoleName=name)

    def _create_logs_log_group(self, given: Properties) -> tuple[str, dict[str, str]]:
        name = given["LogGroupName"]
        self._client("logs").create_log_group(logGroupName=name)
        self._update_logs_log_group(name, {}, given)
        return name, {"Arn": self._place.arn("logs", f"log-group:{name}:*")}

    def _update_logs_log_group(self, name: str, _: Properties, given: Properties) -> None:
        if "RetentionInDays" in given:
            self._client("logs").put_retention_policy(logGroupName=name, retentionInDays=given["RetentionInDays"])

    def _delete_logs_log_group(self, name: str, _: Properties) -> None:
        self._client("logs").delete_log_group(logGroupName=name)

    def _create_cloud_watch_alarm(self, given: Properties) -> tuple[str, dict[str, str]]:
        self._call("cloudwatch", "PutMetricAlarm", given)
        return given["AlarmName"], {"Arn": self._place.arn("cloudwatch", f"alarm:{given['AlarmName']}")}

    def _update_cloud_watch_alarm(self, _: str, __: Properties, given: Properties) -> None:
        self._call("cloudwatch", "PutMetricAlarm", given)

    def _delete_cloud_watch_alarm(self, name: str, _: Properties) -> None:
        self._client("cloudwatch").delete_alarms(AlarmNames=[name])

    def _create_cloud_watch_dashboard(self, given: Properties) -> tuple[str, dict[str, str]]:
        self._call("cloudwatch", "PutDashboard", given)
        return given["DashboardName"], {}

    def _update_cloud_watch_dashboard(self, _: str, __: Properties, given: Properties) -> None:
        self._call("cloudwatch", "PutDashboard", given)

    def _delete_cloud_watch_dashboard(self, name: str, _: Properties) -> None:
        self._client("cloudwatch").delete_dashboards(DashboardNames=[name])

    # -- Lambda --------------------------------------------------------------------------------------------------------

    def _create_lambda_function(self, given: Properties) -> tuple[str, dict[str, str]]:
        # moto would look for the subnets, which are the settings' and not made here.
        made = self._call("lambda", "CreateFunction", _without(given, "VpcConfig"))
        return given["FunctionName"], {"Arn": str(made["FunctionArn"])}

    def _update_lambda_function(self, name: str, old: Properties, given: Properties) -> None:
        client = self._client("lambda")
        if old["Code"] != given["Code"]:
            client.update_function_code(FunctionName=name, **given["Code"])
        if _without(old, "Code") != _without(given, "Code"):
            self._call("lambda", "UpdateFunctionConfiguration", _without(given, "Code", "VpcConfig", "Architectures"))

    def _delete_lambda_function(self, name: str, _: Properties) -> None:
        self._client("lambda").delete_function(FunctionName=name)

    def _create_lambda_version(self, given: Properties) -> tuple[str, dict[str, str]]:
        made = self._call("lambda", "PublishVersion", given)
        arn = re.sub(r"(:function:[^:]+).*", rf"\1:{made['Version']}", str(made["FunctionArn"]))
        return arn, {"Version": str(made["Version"]), "FunctionArn": arn}

    def _delete_lambda_version(self, arn: str, _: Properties) -> None:
        """Leave it: a function's deletion takes its versions with it, and moto refuses the last one's."""

    def _create_lambda_alias(self, given: Properties) -> tuple[str, dict[str, str]]:
        made = self._call("lambda", "CreateAlias", given)
        return str(made["AliasArn"]), {"AliasArn": str(made["AliasArn"])}

    def _delete_lambda_alias(self, _: str, given: Properties) -> None:
        self._client("lambda").delete_alias(FunctionName=given["FunctionName"], Name=given["Name"])

    def _create_lambda_permission(self, given: Properties) -> tuple[str, dict[str, str]]:
        identity = f"rehearsal-{uuid.uuid4().hex[:12]}"
        name, qualifier = _function(given["FunctionName"])
        given = {**given, "FunctionName": name, "StatementId": identity}
        self._call("lambda", "AddPermission", given, **({"Qualifier": qualifier} if qualifier else {}))
        return identity, {"Id": identity}

    def _delete_lambda_permission(self, identity: str, given: Properties) -> None:
        name, _ = _function(given["FunctionName"])
        self._client("lambda").remove_permission(FunctionName=name, StatementId=identity)

    # -- DynamoDB ------------------------------------------------------------------------------------------------------

    def _create_dynamo_db_table(self, given: Properties) -> tuple[str, dict[str, str]]:
        apart = ("PointInTimeRecoverySpecification", "TimeToLiveSpecification", "SSESpecification")
        encrypted = given.get("SSESpecification", {}).get("SSEEnabled", False)
        self._call("dynamodb", "CreateTable", _without(given, *apart) | {"SSESpecification": {"Enabled": encrypted}})
        self._update_dynamo_db_table(given["TableName"], {}, given)
        name = given["TableName"]
        return name, {"Arn": self._place.arn("dynamodb", f"table/{name}")}

    def _update_dynamo_db_table(self, name: str, old: Properties, given: Properties) -> None:
        client = self._client("dynamodb")
        each = given.get("PointInTimeRecoverySpecification")
        if each and each != old.get("PointInTimeRecoverySpecification"):
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=each)
        each = given.get("TimeToLiveSpecification")
        if each and each != old.get("TimeToLiveSpecification"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=each)

    def _delete_dynamo_db_table(self, name: str, _: Properties) -> None:
        self._client("dynamodb").delete_table(TableName=name)

    # -- AppIntegrations and Amazon Connect ----------------------------------------------------------------------------

    def _create_app_integrations_application(self, given: Properties) -> tuple[str, dict[str, str]]:
        made = self._call("appintegrations", "CreateApplication", given)
        return str(made["Arn"]), {"ApplicationArn": str(made["Arn"]), "Id": str(made["Id"])}

    def _update_app_integrations_application(self, arn: str, _: Properties, given: Properties) -> None:
        self._call("appintegrations", "UpdateApplication", _without(given, "Namespace"), Arn=arn)

    def _delete_app_integrations_application(self, arn: str, _: Properties) -> None:
        self._client("appintegrations").delete_application(Arn=arn)

    def _create_connect_integration_association(self, given: Properties) -> tuple[str, dict[str, str]]:
        connect, instance = self._client("connect"), given["InstanceId"].rpartition("/")[2]
        if given["IntegrationType"] == "LAMBDA_FUNCTION":
            connect.associate_lambda_function(InstanceId=instance, FunctionArn=given["IntegrationArn"])
            return given["IntegrationArn"], {}
        made = self._call("connect", "CreateIntegrationAssociation", {**given, "InstanceId": instance})
        return str(made["IntegrationAssociationId"]), {
            "IntegrationAssociationId": str(made["IntegrationAssociationId"])
        }

    def _delete_connect_integration_association(self, identity: str, given: Properties) -> None:
        connect, instance = self._client("connect"), given["InstanceId"].rpartition("/")[2]
        if given["IntegrationType"] == "LAMBDA_FUNCTION":
            connect.disassociate_lambda_function(InstanceId=instance, FunctionArn=given["IntegrationArn"])
        else:
            connect.delete_integration_association(InstanceId=instance, IntegrationAssociationId=identity)

    def _create_connect_contact_flow(self, given: Properties) -> tuple[str, dict[str, str]]:
        asked = _without(given, "InstanceArn", "State") | {"InstanceId": _instance(given)}
        arn = str(self._call("connect", "CreateContactFlow", asked)["ContactFlowArn"])
        if given.get("State", "ACTIVE") != "ACTIVE":
            self._update_connect_contact_flow(arn, {}, given)
        return arn, {"ContactFlowArn": arn}

    def _update_connect_contact_flow(self, arn: str, old: Properties, given: Properties) -> None:
        connect, flow = self._client("connect"), arn.rpartition("/")[2]
        if old.get("Content") != given["Content"]:
            connect.update_contact_flow_content(
                InstanceId=_instance(given), ContactFlowId=flow, Content=given["Content"]
            )
        connect.update_contact_flow_metadata(
            InstanceId=_instance(given),
            ContactFlowId=flow,
            Name=given["Name"],
            Description=given.get("Description", ""),
            ContactFlowState=given.get("State", "ACTIVE"),
        )

    def _delete_connect_contact_flow(self, arn: str, given: Properties) -> None:
        self._client("connect").delete_contact_flow(InstanceId=_instance(given), ContactFlowId=arn.rpartition("/")[2])

    def _create_connect_view(self, given: Properties) -> tuple[str, dict[str, str]]:
        made = self._client("connect").create_view(
            InstanceId=_instance(given), Name=given["Name"], Status="PUBLISHED", Content=_view_content(given)
        )
        return str(made["View"]["Arn"]), {"ViewArn": str(made["View"]["Arn"])}

    def _update_connect_view(self, arn: str, _: Properties, given: Properties) -> None:
        self._client("connect").update_view_content(
            InstanceId=_instance(given), ViewId=arn.rpartition("/")[2], Status="PUBLISHED", Content=_view_content(given)
        )

    def _delete_connect_view(self, arn: str, given: Properties) -> None:
        self._client("connect").delete_view(InstanceId=_instance(given), ViewId=arn.rpartition("/")[2])

    # -- API Gateway ---------------------------------------------------------------------------------------------------

    def _create_api_gateway_v2_api(self, given: Properties) -> tuple[str, dict[str, str]]:
        made = self._call("apigatewayv2", "CreateApi", given)
        return str(made["ApiId"]), {"ApiId": str(made["ApiId"])}

    def _update_api_gateway_v2_api(self, identity: str, _: Properties, given: Properties) -> None:
        self._call("apigatewayv2", "UpdateApi", _without(given, "ProtocolType"), ApiId=identity)

    def _delete_api_gateway_v2_api(self, identity: str, _: Properties) -> None:
        self._client("apigatewayv2").delete_api(ApiId=identity)

    def _create_api_gateway_v2_integration(self, given: Properties) -> tuple[str, dict[str, str]]:
        return str(self._call("apigatewayv2", "CreateIntegration", given)["IntegrationId"]), {}

    def _update_api_gateway_v2_integration(self, identity: str, _: Properties, given: Properties) -> None:
        self._call("apigatewayv2", "UpdateIntegration", given, IntegrationId=identity)

    def _delete_api_gateway_v2_integration(self, identity: str, given: Properties) -> None:
        self._client("apigatewayv2").delete_integration(ApiId=given["ApiId"], IntegrationId=identity)

    def _create_api_gateway_v2_route(self, given: Properties) -> tuple[str, dict[str, str]]:
        return str(self._call("apigatewayv2", "CreateRoute", given)["RouteId"]), {}

    def _update_api_gateway_v2_route(self, identity: str, _: Properties, given: Properties) -> None:
        self._call("apigatewayv2", "UpdateRoute", given, RouteId=identity)

    def _delete_api_gateway_v2_route(self, identity: str, given: Properties) -> None:
        self._client("apigatewayv2").delete_route(ApiId=given["ApiId"], RouteId=identity)

    def _create_api_gateway_v2_authorizer(self, given: Properties) -> tuple[str, dict[str, str]]:
        return str(self._call("apigatewayv2", "CreateAuthorizer", given)["AuthorizerId"]), {}

    def _update_api_gateway_v2_authorizer(self, identity: str, _: Properties, given: Properties) -> None:
        self._call("apigatewayv2", "UpdateAuthorizer", given, AuthorizerId=identity)

    def _delete_api_gateway_v2_authorizer(self, identity: str, given: Properties) -> None:
        self._client("apigatewayv2").delete_authorizer(ApiId=given["ApiId"], AuthorizerId=identity)

    def _create_api_gateway_v2_stage(self, given: Properties) -> tuple[str, dict[str, str]]:
        self._call("apigatewayv2", "CreateStage", given)
        return str(given["StageName"]), {}

    def _update_api_gateway_v2_stage(self, _: str, __: Properties, ___: Properties) -> None:
        """Leave it: moto cannot change a stage, and ours has its throttling alone."""

    def _delete_api_gateway_v2_stage(self, name: str, given: Properties) -> None:
        self._client("apigatewayv2").delete_stage(ApiId=given["ApiId"], StageName=name)

    # -- Secrets Manager -----------------------------------------------------------------------------------------------

    def _create_secrets_manager_secret(self, given: Properties) -> tuple[str, dict[str, str]]:
        client = self._client("secretsmanager")
        wanted = given["GenerateSecretString"]
        text = client.get_random_password(
            **shaped(operation_model("secretsmanager", "GetRandomPassword").input_shape, wanted)
        )
        made = client.create_secret(
            Name=given["Name"], Description=given.get("Description", ""), SecretString=text["RandomPassword"]
        )
        return str(made["ARN"]), {"Id": str(made["ARN"])}

    def _update_secrets_manager_secret(self, arn: str, _: Properties, given: Properties) -> None:
        self._client("secretsmanager").update_secret(SecretId=arn, Description=given.get("Description", ""))

    def _delete_secrets_manager_secret(self, arn: str, _: Properties) -> None:
        self._client("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def _create_secrets_manager_rotation_schedule(self, given: Properties) -> tuple[str, dict[str, str]]:
        self._update_secrets_manager_rotation_schedule("", {}, given)
        return str(given["SecretId"]), {"Id": str(given["SecretId"])}

    def _update_secrets_manager_rotation_schedule(self, _: str, __: Properties, given: Properties) -> None:
        """Look that secret and function are there. moto would invoke the function, which it cannot."""
        self._client("secretsmanager").describe_secret(SecretId=given["SecretId"])
        self._client("lambda").get_function(FunctionName=given["RotationLambdaARN"])

    def _delete_secrets_manager_rotation_schedule(self, _: str, __: Properties) -> None:
        """Nothing was made."""


def _without(given: Properties, *names: str) -> Properties:
    return {name: value for name, value in given.items() if name not in names}


def _instance(given: Properties) -> str:
    return str(given["InstanceArn"]).rpartition("/")[2]


def _view_content(given: Properties) -> dict[str, Any]:
    return {"Template": json.dumps(given["Template"]), "Actions": given["Actions"]}


def _function(name: str) -> tuple[str, str]:
    """Return a function's name and qualifier, from a name or an ARN."""
    if not name.startswith("arn:"):
        return name, ""
    parts = name.split(":")
    return parts[6], parts[7] if len(parts) > 7 else ""


def _distribution(config: Properties) -> Properties:
    """Return a distribution's config as the API has it: names differ, and cached methods are inside."""
    found = {("IsIPV6Enabled" if name == "IPV6Enabled" else name): value for name, value in config.items()}
    found["DefaultCacheBehavior"] = _behavior(config["DefaultCacheBehavior"])
    if "CacheBehaviors" in config:
        found["CacheBehaviors"] = [_behavior(each) for each in config["CacheBehaviors"]]
    found["Origins"] = [_origin(each) for each in config["Origins"]]
    return found


def _behavior(behavior: Properties) -> Properties:
    found = _without(behavior, "CachedMethods")
    if "AllowedMethods" in behavior:
        cached = behavior.get("CachedMethods", ["GET", "HEAD"])
        found["AllowedMethods"] = {"Items": behavior["AllowedMethods"], "CachedMethods": cached}
    return found


def _origin(origin: Properties) -> Properties:
    if "CustomOriginConfig" not in origin:
        return origin
    custom = {"HTTPPort": 80, "HTTPSPort": 443, **origin["CustomOriginConfig"]}
    return {**origin, "CustomOriginConfig": custom}


def _lifecycle(rule: Properties) -> Properties:
    found = _without(rule, "Id", "ExpiredObjectDeleteMarker") | {"ID": rule["Id"], "Filter": {"Prefix": ""}}
    if rule.get("ExpiredObjectDeleteMarker"):
        found["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if "AbortIncompleteMultipartUpload" in rule:
        found["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return found
