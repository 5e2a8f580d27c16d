"""The local AWS of the tests beside moto: what the real template needs and moto lacks or does otherwise than AWS.

    application, cloudfront = extend(moto_application)      # in the server's process, before its first request

- CloudFormation makes CloudFront's, AppIntegrations' and Amazon Connect's types and Lambda's version and alias: with ids
  and attributes, with what the flows and commands ask for later, and with AWS's refusal to delete an application's
  association while a security profile grants it (seen for a sister type, so it is assumed).
- Change sets know of changed parameters; a bucket policy's conditions count; buckets have owners; stacks can be put into
  a state (`POST /popdesk/stack-status?name=...&status=...`) and be continued from UPDATE_ROLLBACK_FAILED.
- Amazon Connect (ops/rehearse/connect.py), drift (there is none) and IAM's simulator (all is allowed).
- CloudFront serves what the stack's distribution has as origin, over TLS on a loopback port, with the headers of the
  stack's response headers policy. Of the API it knows the refusal alone: requests get no further than to its door
  (tests/unit/api runs the function).

It checks no permissions, and takes properties as they come: cfn-lint looks at those (tests/unit/ops/test_template.py).
"""

from __future__ import annotations

import json
import re
import secrets
import ssl
import threading
import uuid
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from ops.rehearse.certificate import Certificate
from ops.rehearse.connect import Connect
from tests.aws.connect_backend import ACCOUNT, INSTANCE, make_connect
from tests.aws.connect_backend import answer as connect_answer

_connects = [make_connect()]  # the last one is the account's
_REGION = "us-east-1"
_distributions: dict[str, dict[str, Any]] = {}  # id -> DistributionConfig
_header_policies: dict[str, dict[str, Any]] = {}  # id -> ResponseHeadersPolicyConfig

Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, Start], Iterable[bytes]]
Properties = dict[str, Any]


def connect() -> Connect:
    """Return the account's Amazon Connect."""
    return _connects[-1]


class Site:
    """CloudFront: serves the distribution's origin over TLS. `address` is its host and port, `certificate` its file."""

    def __init__(self) -> None:
        self._made = Certificate()
        self.certificate = self._made.certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._made.certificate, self._made.key)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _SiteHandler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class _SiteHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        from moto.s3.models import s3_backends

        if not _distributions:
            return self._send(404, {}, b"no distribution")
        config = next(iter(_distributions.values()))
        origin = next(
            each for each in config["Origins"] if each["Id"] == config["DefaultCacheBehavior"]["TargetOriginId"]
        )
        bucket = origin["DomainName"].partition(".")[0]
        path = self.path.partition("?")[0].lstrip("/") or config["DefaultRootObject"]
        if any(f"/{path}".startswith(each["PathPattern"].rstrip("*")) for each in config.get("CacheBehaviors") or []):
            return self._send(
                401, {"Content-Type": "application/problem+json"}, b'{"status": 401, "title": "No token"}'
            )
        found = s3_backends[ACCOUNT]["aws"].get_object(bucket, f"{origin['OriginPath'].lstrip('/')}/{path}")
        policy = _header_policies[config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]]
        headers = _headers(policy)
        if found is None:
            return self._send(403, headers, b"<Error/>")
        metadata = {name.lower(): str(value) for name, value in found.metadata.items()}
        kept = ("content-type", "cache-control", "content-encoding")
        return self._send(200, {**{name: metadata[name] for name in kept if name in metadata}, **headers}, found.value)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _headers(policy: dict[str, Any]) -> dict[str, str]:
    """Return the headers that CloudFront adds for a response headers policy."""
    security = policy["SecurityHeadersConfig"]
    transport = security["StrictTransportSecurity"]
    subdomains = "; includeSubDomains" if _true(transport["IncludeSubdomains"]) else ""
    return {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Strict-Transport-Security": f"max-age={transport['AccessControlMaxAgeSec']}{subdomains}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{item["Header"]: item["Value"] for item in policy["CustomHeadersConfig"]["Items"]},
    }


def _true(value: object) -> bool:
    return str(value).lower() == "true"


# -- CloudFormation's types ----------------------------------------------------------------------------------------------


def _declare(
    kind: str,
    create: Callable[[str, Properties], tuple[str, dict[str, str]]],
    delete: Callable[[str], None] = lambda _: None,
) -> None:
    """Let CloudFormation make a type: `create(stack's name, properties)` returns its id (Ref) and its attributes."""
    from moto.core.common_models import CloudFormationModel

    class Made(CloudFormationModel):
        def __init__(self, identity: str, attributes: dict[str, str]) -> None:
            self.physical_resource_id, self._attributes = identity, attributes

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 (cfn-lint looks at that)
            return True

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
        ) -> Made:
            del account_id, region_name
            return cls(*create(resource_name.rpartition("-")[0], cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> Made:
            del account_id, region_name
            delete(original_resource.physical_resource_id)
            return cls(*create(new_resource_name.rpartition("-")[0], cloudformation_json["Properties"]))

        @classmethod
        def delete_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
        ) -> None:
            del cloudformation_json, account_id, region_name
            delete(resource_name)

        def get_cfn_attribute(self, name: str) -> str:
            return self._attributes[name]

    _KEPT.append(Made)


_KEPT: list[type] = []  # moto finds its types among the subclasses, which are remembered weakly


def _function_name(properties: Properties) -> str:
    return str(properties["FunctionName"]).rpartition(":")[2]


def _forget(kept: dict[str, Any]) -> Callable[[str], None]:
    """Return what removes an id, or the id at an ARN's end, from what is kept."""

    def forget(identity: str) -> None:
        kept.pop(identity.rpartition("/")[2], None)

    return forget


def _declare_types(site: Site) -> None:
    from moto.awslambda.utils import get_backend
    from moto.cloudfront.models import cloudfront_backends
    from moto.secretsmanager.models import secretsmanager_backends

    # Asked for at each call: a reset makes new ones.
    def functions() -> Any:
        return get_backend(ACCOUNT, _REGION)  # the one without Docker: tests/aws/moto_server.py asks for it

    def make_distribution(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        config = properties["DistributionConfig"]
        origin = {
            "Id": "site",
            "DomainName": config["Origins"][0]["DomainName"],
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        made, _, _ = cloudfront_backends[ACCOUNT]["aws"].create_distribution(
            {
                "CallerReference": uuid.uuid4().hex,
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "redirect-to-https"},
            },
            [],
        )
        _distributions[made.id] = config
        return str(made.id), {"DomainName": site.address}

    def make_headers(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        identity = uuid.uuid4().hex
        _header_policies[identity] = properties["ResponseHeadersPolicyConfig"]
        return identity, {}

    def make_version(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        made = functions().publish_version(_function_name(properties))
        return str(made.function_arn), {"Version": str(made.version)}

    def make_alias(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        name = _function_name(properties)
        made = functions().create_alias(properties["Name"], name, str(properties["FunctionVersion"]), "", "")
        return str(made.arn), {}

    def make_application(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        arn = f"arn:aws:app-integrations:{_REGION}:{ACCOUNT}:application/{uuid.uuid4()}"
        connect().apps.applications[arn] = {"Arn": arn, "Namespace": properties["Namespace"]}
        return arn, {"ApplicationArn": arn}

    def associate(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        arn, kind = properties["IntegrationArn"], properties["IntegrationType"]
        if kind == "LAMBDA_FUNCTION":
            connect().associate_lambda_function({"InstanceId": INSTANCE, "FunctionArn": arn})
            return arn, {}
        asked = {"InstanceId": INSTANCE, "IntegrationArn": arn, "IntegrationType": kind}
        return str(connect().create_integration_association(asked)["IntegrationAssociationId"]), {}

    def dissociate(identity: str) -> None:
        if identity.startswith("arn:"):
            connect().disassociate_lambda_function({"InstanceId": INSTANCE, "FunctionArn": identity})
        elif identity in connect().associations:
            connect().delete_integration_association({"InstanceId": INSTANCE, "IntegrationAssociationId": identity})

    def make_flow(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        identity = str(uuid.uuid4())
        json.loads(properties["Content"])
        connect().flows[identity] = {
            "Id": identity,
            "Arn": f"{INSTANCE}/contact-flow/{identity}",
            "Name": properties["Name"],
            "Type": properties["Type"],
            "State": properties["State"],
            "Status": "PUBLISHED",
        }
        return f"{INSTANCE}/contact-flow/{identity}", {}

    def make_secret(_: str, properties: Properties) -> tuple[str, dict[str, str]]:
        answer = secretsmanager_backends[ACCOUNT][_REGION].create_secret(
            name=properties["Name"],
            secret_string=secrets.token_hex(int(properties["GenerateSecretString"]["PasswordLength"]) // 2),
            secret_binary=None,
            description=properties["Description"],
            tags=None,
            kms_key_id=None,
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        arn = str(json.loads(answer)["ARN"])
        return arn, {"Id": arn}

    def delete_secret(arn: str) -> None:
        secretsmanager_backends[ACCOUNT][_REGION].delete_secret(
            secret_id=arn, recovery_window_in_days=None, force_delete_without_recovery=True
        )

    def named(prefix: str) -> Callable[[str, Properties], tuple[str, dict[str, str]]]:
        def make(_: str, __: Properties) -> tuple[str, dict[str, str]]:
            identity = f"{prefix}{uuid.uuid4()}"
            return identity, {"Id": identity}

        return make

    _declare("AWS::ApiGatewayV2::Api", named("api"))
    _declare("AWS::ApiGatewayV2::Authorizer", named(""))
    _declare("AWS::ApiGatewayV2::Integration", named(""))
    _declare("AWS::ApiGatewayV2::Route", named(""))
    _declare("AWS::ApiGatewayV2::Stage", named(""))
    _declare("AWS::CloudFront::OriginAccessControl", named(""))
    _declare("AWS::CloudFront::OriginRequestPolicy", named(""))
    _declare("AWS::CloudFront::ResponseHeadersPolicy", make_headers, _forget(_header_policies))
    _declare("AWS::CloudFront::Distribution", make_distribution, _forget(_distributions))
    _declare("AWS::S3::BucketPolicy", named(""))
    _declare("AWS::CloudWatch::Alarm", named(""))
    _declare("AWS::Lambda::Version", make_version)
    _declare("AWS::Lambda::Alias", make_alias)
    _declare("AWS::Lambda::Permission", named(""))
    _declare("AWS::SecretsManager::RotationSchedule", named(""))
    _declare("AWS::SecretsManager::Secret", make_secret, delete_secret)
    _declare("AWS::AppIntegrations::Application", make_application)
    _declare("AWS::Connect::IntegrationAssociation", associate, dissociate)
    _declare("AWS::Connect::View", named(f"{INSTANCE}/view/"))
    _declare("AWS::Connect::ContactFlow", make_flow, lambda arn: _forget(connect().flows)(arn))


# -- where moto does otherwise than AWS ----------------------------------------------------------------------------------


def _mend_cloudformation() -> None:
    from moto.cloudformation import models, parsing

    update: Any = parsing.parse_and_update_resource

    def update_or_keep(
        logical_id: str, resource_json: Any, resources_map: Any, account_id: str, region_name: str
    ) -> Any:
        """A type that moto cannot update stays, instead of being forgotten."""
        made = update(logical_id, resource_json, resources_map, account_id=account_id, region_name=region_name)
        return made if made is not None else resources_map[logical_id]

    def references(template: Any) -> list[str]:
        """Parameters in ${...} are references too."""
        if isinstance(template, str):
            return re.findall(r"\$\{(\w+)\}", template)
        if isinstance(template, dict):
            own = [template["Ref"]] if isinstance(template.get("Ref"), str) else []
            return own + [name for value in template.values() for name in references(value)]
        return [name for value in template for name in references(value)] if isinstance(template, list) else []

    def changes_of(self: Any) -> list[Any]:
        """A change set knows of parameters that changed."""
        resources = self.stack.resource_map
        found = resources.build_resource_diff(self.template_dict, self.parameters)
        kinds = {**resources._resource_json_map, **self.template_dict["Resources"]}
        return [
            models.Change(action=action, logical_resource_id=name, resource_type=kinds[name]["Type"])
            for action, names in found.items()
            for name in names
        ]

    create: Any = models.CloudFormationBackend.create_change_set

    def create_once(self: Any, stack_name: str, *arguments: Any, **options: Any) -> Any:
        """A stack that is only a name with change sets takes one more; moto makes another stack of that name."""
        for identity, stack in list(self.stacks.items()):
            if (stack.name, stack.status) == (stack_name, "REVIEW_IN_PROGRESS"):
                del self.stacks[identity]
        return create(self, stack_name, *arguments, **options)

    setattr(models.CloudFormationBackend, "create_change_set", create_once)  # noqa: B010 (mypy: a method)
    parsing.parse_and_update_resource = update_or_keep
    parsing.get_references_from_template = references
    setattr(models.ChangeSet, "diff", changes_of)  # noqa: B010 (mypy: a method)


def _mend_bucket_policies() -> None:
    """moto applies a Deny without looking at its condition: all of ours are on what no test does (no TLS)."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    setattr(FakeBucket, "get_permission", lambda _self, _action, _resource: PermissionResult.NEUTRAL)  # noqa: B010


_QUERY = """<{action}Response xmlns="{namespace}"><{action}Result>{content}</{action}Result></{action}Response>"""
_CLOUDFORMATION = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_IAM = "https://iam.amazonaws.com/doc/2010-05-08/"


def _answer_query(body: bytes) -> bytes | None:
    """Answer what moto does not know of CloudFormation and IAM; None for what it does."""
    asked = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    action, namespace, content = asked.get("Action", ""), _CLOUDFORMATION, ""
    if action == "DetectStackDrift":
        content = "<StackDriftDetectionId>detection</StackDriftDetectionId>"
    elif action == "DescribeStackDriftDetectionStatus":
        content = (
            "<StackId>stack</StackId><StackDriftDetectionId>detection</StackDriftDetectionId>"
            "<DetectionStatus>DETECTION_COMPLETE</DetectionStatus><Timestamp>2026-01-01T00:00:00Z</Timestamp>"
        )
    elif action == "DescribeStackResourceDrifts":
        content = "<StackResourceDrifts/>"
    elif action == "ContinueUpdateRollback":
        _set_status(asked["StackName"], "UPDATE_ROLLBACK_COMPLETE")
    elif action == "SimulatePrincipalPolicy":
        namespace = _IAM
        actions = [value for name, value in asked.items() if name.startswith("ActionNames.")]
        results = "".join(
            f"<member><EvalActionName>{name}</EvalActionName><EvalDecision>allowed</EvalDecision></member>"
            for name in actions
        )
        content = f"<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>"
    else:
        return None
    return _QUERY.format(action=action, namespace=namespace, content=content).encode()


def _set_status(name: str, status: str) -> None:
    """Put a stack into a state, with the events that lead there."""
    from moto.cloudformation.models import Event, cloudformation_backends

    (stack,) = cloudformation_backends[ACCOUNT][_REGION].describe_stacks(name)
    if status == "UPDATE_ROLLBACK_FAILED":
        stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", resource_status_reason="the test says so")
        failed = Event(
            stack.stack_id, name, "Lookup", "", "AWS::Lambda::Function", "UPDATE_FAILED", "the role is gone", None
        )
        stack.events.append(failed)
    stack._add_stack_event(status)
    stack.status = status


def extend(moto: Application) -> tuple[Application, Site]:
    """Return moto's application with the rest around it, and the running CloudFront."""
    site = Site()
    _declare_types(site)
    _mend_cloudformation()
    _mend_bucket_policies()

    def application(environ: Environ, start: Start) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path == "/moto-api/reset":
            _connects[:] = [make_connect()]
            _distributions.clear()
            _header_policies.clear()
        if path == "/popdesk/stack-status":
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            _set_status(asked["name"], asked["status"])
            return _respond(start, 200, {}, b"")
        service = re.search(r"/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
        name = service[1] if service else ""
        if name == "connect":
            return _respond(start, *connect_answer(connect(), environ))
        if name in ("cloudformation", "iam"):
            body = _body(environ)
            if (answer := _answer_query(body)) is not None:
                return _respond(start, 200, {"Content-Type": "text/xml"}, answer)
        if environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", ACCOUNT) != ACCOUNT:
            return _respond(start, 403, {}, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        return moto(environ, start)

    return application, site


def _body(environ: Environ) -> bytes:
    """Return the request's body, and leave it there for moto."""
    import io

    body = bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _respond(start: Start, status: int, headers: dict[str, str], body: bytes) -> Iterable[bytes]:
    start(f"{status} Answer", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
