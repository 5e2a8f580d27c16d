"""A release from beginning to end without the types that moto does not know.

moto reports CREATE_COMPLETE for every CloudFront, Connect and AppIntegrations type without making anything. So here the
template is the real one cut down to what moto really makes (bucket, logs, role, function, table), the distribution is
made beside it, and the alias is made when the first version is published. What is cut away is proved by
tests/unit/ops/test_template.py. The page is served from moto's bucket by a server that sends production's headers.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cfnlint import decode

from ops.cloud import stack_template
from ops.cloud.aws import Aws
from ops.cloud.bucket import ALIAS
from ops.cloud.names import artifacts_bucket
from ops.cloud.stack_template import StackDefinition, define_stack
from ops.settings import Settings, load_settings
from ops.site.headers import PRODUCTION_ANCESTORS, response_headers
from tests.aws.world import REGION, open_test_aws
from tests.loopback import Loopback

INSTANCE = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"
MADE_BY_MOTO = {"SiteBucket", "LookupLogs", "LookupRole", "Lookup", "CustomersTable"}
STACK = "popdesk-prod"
SITE = f"{STACK}-site-123456789012-us-east-1"


def deployable_settings(**aws: Any) -> Settings:
    """Return production's settings with an instance and a queue."""
    settings = load_settings(environment="prod")
    place = {"instance_arn": INSTANCE, "queue": f"{INSTANCE}/queue/99999999-2222-3333-4444-555555555555", **aws}
    return settings.model_copy(update={"aws": settings.aws.model_copy(update=place)})


def small_template(tmp: Path, wanted: StackDefinition, url: str, distribution: str) -> str:
    """Return the real template cut down to what moto makes, as JSON.

    The parameters' values are written into it, because moto's change sets compare templates only.
    """
    file = tmp / "full.yaml"
    file.write_text(wanted.template, "utf-8")
    template = json.loads(json.dumps(decode.decode(str(file))[0], default=dict))
    template["Resources"] = {name: template["Resources"][name] for name in MADE_BY_MOTO}
    outputs = template["Outputs"]
    template["Outputs"] = {
        "Url": {"Value": url},
        "DistributionId": {"Value": distribution},
        **{
            name: outputs[name]
            for name in ("SiteBucket", "Function", "CustomersTable", "KeepsTables", "Queue", "Fingerprint")
        },
    }
    template["Conditions"] = {}
    text = json.dumps(template)
    for name, value in wanted.parameters.items():
        text = text.replace(json.dumps({"Ref": name}), json.dumps(value))
    return text


def make_alias(aws: Aws) -> None:
    """Make the alias that moto's CloudFormation only claims to make, before the first version is published.

    And have the site's bucket keep versions, which it leaves out too; and drop the TLS-only policy before the zip is put:
    moto applies a Deny without looking at its condition.
    """
    versioned = False

    def on_call(service: str, operation: str, parameters: dict[str, Any]) -> None:
        nonlocal versioned
        if (service, operation) == ("s3", "put_object") and parameters["Bucket"] == SITE and not versioned:
            versioned = True
            aws.client("s3").put_bucket_versioning(Bucket=SITE, VersioningConfiguration={"Status": "Enabled"})
        if (service, operation) == ("s3", "put_object") and "-artifacts-" in parameters["Bucket"]:
            allow_upload(aws)
        if (service, operation) == ("lambda", "publish_version"):
            client = aws.client("lambda")
            if not client.list_aliases(FunctionName=parameters["FunctionName"])["Aliases"]:
                client.publish_version(FunctionName=parameters["FunctionName"])
                client.create_alias(FunctionName=parameters["FunctionName"], Name=ALIAS, FunctionVersion="1")

    aws.before = on_call


def allow_upload(aws: Aws) -> None:
    """Drop the TLS-only policy of the zip's bucket."""
    aws.client("s3").delete_bucket_policy(Bucket=artifacts_bucket(STACK, "123456789012", REGION))


class SiteServer(Loopback):
    """CloudFront's part: serves moto's bucket on a loopback port with production's headers. `spoil` breaks it."""

    def __init__(self, moto_url: str) -> None:
        s3 = open_test_aws(moto_url).client("s3")
        headers = response_headers(PRODUCTION_ANCESTORS)
        spoil = self.spoil = set[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/") or "index.html"
                if path in spoil:
                    return self._send(404, {}, b"spoilt by the test")
                try:
                    found = s3.get_object(Bucket=SITE, Key=f"site/{path}")
                except s3.exceptions.ClientError:
                    return self._send(403, {}, b"<Error/>")
                stored = {
                    "Content-Type": found["ContentType"],
                    "Cache-Control": found["CacheControl"],
                    "Content-Encoding": found.get("ContentEncoding", ""),
                }
                sent = {name: value for name, value in headers.items() if name not in spoil}
                return self._send(200, {**stored, **sent}, found["Body"].read())

            def _send(self, status: int, sent: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in sent.items():
                    if value:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"


def cut_down(monkeypatch: Any, tmp: Path, url: str, distribution: str) -> None:
    """Let a release define the stack with the small template."""

    def define_small(settings: Settings, **names: Any) -> StackDefinition:
        definition = define_stack(settings, **names)
        return replace(definition, template=small_template(tmp, definition, url, distribution))

    monkeypatch.setattr(stack_template, "define_stack", define_small)
