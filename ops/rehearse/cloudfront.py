"""CloudFront on this machine: distributions and their policies, and the pages that they serve, over TLS on loopback.

    cloudfront = CloudFront(place, origins)
    cloudfront.certificate            # trust this file (SSL_CERT_FILE)

Each distribution has a port of its own, so a domain and an origin of its own: "localhost:PORT". A request goes to the behavior
whose path pattern it matches, and gets the headers of that behavior's response headers policy. An S3 origin is read only where
the bucket's policy lets this distribution in. `Origins` is where they are: the bucket's objects, the HTTP API's function.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import secrets
import ssl
import string
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from ops.rehearse.certificate import Certificate
from ops.rehearse.policy import Access, Place, Policy
from ops.rehearse.protocol import Backend, Parameters, Refusal

_KEPT = ("content-type", "cache-control", "content-encoding", "etag")


class Origins(Protocol):
    """What stands behind a distribution."""

    def object(self, bucket: str, key: str) -> tuple[dict[str, str], bytes] | None:
        """Return an object's headers and content."""

    def bucket_policy(self, bucket: str) -> dict[str, Any]:
        """Return a bucket's policy, without statements where it has none."""

    def request(
        self, domain: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the answer of a custom origin."""


class CloudFront(Backend):
    """Distributions, origin access controls, policies, invalidations; and the server."""

    def __init__(self, place: Place, origins: Origins) -> None:
        self._place, self._origins = place, origins
        self._things: dict[str, dict[str, Parameters]] = {
            kind: {} for kind in ("Distribution", "OriginAccessControl", "OriginRequestPolicy", "ResponseHeadersPolicy")
        }
        self.invalidations: dict[str, Parameters] = {}  # by id, the newest last
        self._made = Certificate()
        self.certificate, self.spki = self._made.certificate, self._made.spki
        self._servers: dict[str, _Server] = {}  # by the distribution's id

    def forget(self) -> None:
        """Forget everything that was made, as in a new account."""
        self.close()
        for things in (*self._things.values(), self.invalidations):
            things.clear()

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()

    # -- the API -------------------------------------------------------------------------------------------------------

    def _create(self, kind: str, config: Parameters, more: Callable[[str], Parameters] = lambda _: {}) -> Parameters:
        name = config.get("Name")
        if name and any(each["config"].get("Name") == name for each in self._things[kind].values()):
            raise Refusal(f"{kind}AlreadyExists", f"there is one of the name {name}")
        identity = "E" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(13))
        thing = {"config": config, "etag": uuid.uuid4().hex, "made": {"Id": identity, **more(identity)}}
        self._things[kind][identity] = thing
        return self._answer(kind, thing)

    def _answer(self, kind: str, thing: Parameters) -> Parameters:
        return {kind: {**thing["made"], f"{kind}Config": thing["config"]}, "ETag": thing["etag"]}

    def _find(self, kind: str, asked: Parameters, matching: bool = False) -> Parameters:
        thing = self._things[kind].get(asked["Id"])
        if thing is None:
            raise Refusal(f"NoSuch{kind}", f"there is no {kind} {asked['Id']}")
        if matching and asked.get("IfMatch") != thing["etag"]:
            raise Refusal("PreconditionFailed", "If-Match is not the current ETag")
        return thing

    def _update(self, kind: str, asked: Parameters) -> Parameters:
        thing = self._find(kind, asked, matching=True)
        thing |= {"config": asked[f"{kind}Config"], "etag": uuid.uuid4().hex}
        return self._answer(kind, thing)

    def _delete(self, kind: str, asked: Parameters) -> None:
        self._find(kind, asked, matching=True)
        for distribution in self._things["Distribution"].values():
            if kind != "Distribution" and asked["Id"] in json.dumps(distribution["config"]):
                raise Refusal(f"{kind}InUse", "a distribution uses it")
        del self._things[kind][asked["Id"]]

    def create_distribution_with_tags(self, asked: Parameters) -> Parameters:
        config = asked["DistributionConfigWithTags"]["DistributionConfig"]
        self._check_distribution(config)
        return self._create("Distribution", config, self._distribution)

    def _distribution(self, identity: str) -> Parameters:
        self._servers[identity] = server = _Server(self._made.tls(), partial(self._serve, identity))
        return {
            "ARN": self._place.arn("cloudfront", f"distribution/{identity}", ""),
            "Status": "Deployed",
            "LastModifiedTime": _now(),
            "InProgressInvalidationBatches": 0,
            "DomainName": server.domain,
        }

    def _check_distribution(self, config: Parameters) -> None:
        """Refuse what refers to nothing: an origin, a policy, an origin access control."""
        origins = {origin["Id"] for origin in config["Origins"]["Items"]}
        for behavior in _behaviors(config):
            if behavior["TargetOriginId"] not in origins:
                raise Refusal("NoSuchOrigin", f"there is no origin {behavior['TargetOriginId']}")
            for key, kind in (
                ("ResponseHeadersPolicyId", "ResponseHeadersPolicy"),
                ("OriginRequestPolicyId", "OriginRequestPolicy"),
            ):
                if behavior.get(key) and behavior[key] not in self._things[kind]:
                    raise Refusal(f"NoSuch{kind}", f"there is no {kind} {behavior[key]}")
        for origin in config["Origins"]["Items"]:
            control = origin.get("OriginAccessControlId")
            if control and control not in self._things["OriginAccessControl"]:
                raise Refusal("NoSuchOriginAccessControl", f"there is no origin access control {control}")

    def get_distribution(self, asked: Parameters) -> Parameters:
        return self._answer("Distribution", self._find("Distribution", asked))

    def update_distribution(self, asked: Parameters) -> Parameters:
        self._check_distribution(asked["DistributionConfig"])
        return self._update("Distribution", asked)

    def delete_distribution(self, asked: Parameters) -> None:
        if self._find("Distribution", asked)["config"]["Enabled"]:
            raise Refusal("DistributionNotDisabled", "the distribution is enabled")
        self._delete("Distribution", asked)
        self._servers.pop(asked["Id"]).stop()

    def create_origin_access_control(self, asked: Parameters) -> Parameters:
        return self._create("OriginAccessControl", asked["OriginAccessControlConfig"])

    def get_origin_access_control(self, asked: Parameters) -> Parameters:
        return self._answer("OriginAccessControl", self._find("OriginAccessControl", asked))

    def update_origin_access_control(self, asked: Parameters) -> Parameters:
        return self._update("OriginAccessControl", asked)

    def delete_origin_access_control(self, asked: Parameters) -> None:
        self._delete("OriginAccessControl", asked)

    def create_response_headers_policy(self, asked: Parameters) -> Parameters:
        return self._create("ResponseHeadersPolicy", asked["ResponseHeadersPolicyConfig"], _dated)

    def get_response_headers_policy(self, asked: Parameters) -> Parameters:
        return self._answer("ResponseHeadersPolicy", self._find("ResponseHeadersPolicy", asked))

    def update_response_headers_policy(self, asked: Parameters) -> Parameters:
        return self._update("ResponseHeadersPolicy", asked)

    def delete_response_headers_policy(self, asked: Parameters) -> None:
        self._delete("ResponseHeadersPolicy", asked)

    def create_origin_request_policy(self, asked: Parameters) -> Parameters:
        return self._create("OriginRequestPolicy", asked["OriginRequestPolicyConfig"], _dated)

    def get_origin_request_policy(self, asked: Parameters) -> Parameters:
        return self._answer("OriginRequestPolicy", self._find("OriginRequestPolicy", asked))

    def update_origin_request_policy(self, asked: Parameters) -> Parameters:
        return self._update("OriginRequestPolicy", asked)

    def delete_origin_request_policy(self, asked: Parameters) -> None:
        self._delete("OriginRequestPolicy", asked)

    def create_invalidation(self, asked: Parameters) -> Parameters:
        self._find("Distribution", {"Id": asked["DistributionId"]})
        batch = asked["InvalidationBatch"]
        if batch["Paths"]["Quantity"] != len(batch["Paths"].get("Items", [])):
            raise Refusal("InconsistentQuantities", "Quantity is not how many Items there are")
        identity = f"I{uuid.uuid4().hex[:13].upper()}"
        made = {"Id": identity, "Status": "InProgress", "CreateTime": _now(), "InvalidationBatch": batch}
        self.invalidations[identity] = {"DistributionId": asked["DistributionId"], "Invalidation": made}
        location = f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{asked['DistributionId']}/invalidation/{identity}"
        return {"Location": location, "Invalidation": made}

    def list_invalidations(self, asked: Parameters) -> Parameters:
        self._find("Distribution", {"Id": asked["DistributionId"]})
        items = [
            {name: each["Invalidation"][name] for name in ("Id", "Status", "CreateTime")}
            for each in reversed(self.invalidations.values())
            if each["DistributionId"] == asked["DistributionId"]
        ]
        listed = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items), "Items": items}
        return {"InvalidationList": listed}

    def get_invalidation(self, asked: Parameters) -> Parameters:
        found = self.invalidations.get(asked["Id"])
        if found is None or found["DistributionId"] != asked["DistributionId"]:
            raise Refusal("NoSuchInvalidation", f"there is no invalidation {asked['Id']}")
        return {"Invalidation": found["Invalidation"]}

    # -- what viewers get ----------------------------------------------------------------------------------------------

    def _serve(
        self, identity: str, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return what a distribution answers a viewer."""
        distribution = self._things["Distribution"].get(identity)
        if distribution is None or not distribution["config"]["Enabled"]:
            return 403, {}, b"the distribution is not enabled"
        config = distribution["config"]
        path = target.partition("?")[0]
        behavior = next(each for each in _behaviors(config) if fnmatch.fnmatchcase(path, each.get("PathPattern", "*")))
        if method not in behavior.get("AllowedMethods", {}).get("Items", ["GET", "HEAD"]):
            return 403, {}, b"this method is not allowed"
        origin = next(each for each in config["Origins"]["Items"] if each["Id"] == behavior["TargetOriginId"])
        if "S3OriginConfig" in origin:
            status, sent, content = self._from_bucket(identity, config, origin, path)
        else:
            status, sent, content = self._origins.request(
                origin["DomainName"], method, target, self._forwarded(behavior, headers), body
            )
        if policy := behavior.get("ResponseHeadersPolicyId"):
            added = response_headers(self._things["ResponseHeadersPolicy"][policy]["config"])
            names = {name.lower() for name in added}
            sent = {**{name: value for name, value in sent.items() if name.lower() not in names}, **added}
        return status, sent, content

    def _from_bucket(
        self, identity: str, config: Parameters, origin: Parameters, path: str
    ) -> tuple[int, dict[str, str], bytes]:
        bucket = origin["DomainName"].partition(".")[0]
        key = f"{origin.get('OriginPath', '')}/{path.lstrip('/') or config['DefaultRootObject']}".lstrip("/")
        arn = self._place.arn("cloudfront", f"distribution/{identity}", "")
        resource = f"arn:{self._place.partition}:s3:::{bucket}/{key}"
        found = self._origins.object(bucket, key)
        if found is None or not reads(self._origins.bucket_policy(bucket), resource, arn):
            return 403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
        headers, content = found
        return 200, {name.title(): value for name, value in headers.items() if name.lower() in _KEPT}, content

    def _forwarded(self, behavior: Parameters, headers: dict[str, str]) -> dict[str, str]:
        policy = behavior.get("OriginRequestPolicyId")
        if not policy:
            return {}
        wanted = self._things["OriginRequestPolicy"][policy]["config"]["HeadersConfig"]
        names = {name.lower() for name in wanted.get("Headers", {}).get("Items", [])} | {
            "content-type",
            "content-length",
        }
        return {name: value for name, value in headers.items() if name.lower() in names}


def reads(policy: dict[str, Any], resource: str, distribution: str) -> bool:
    """Return whether a bucket's policy lets CloudFront read an object for a distribution, over TLS."""
    theirs = []
    for statement in policy.get("Statement", []):
        principal = statement["Principal"]
        if principal == "*" or principal.get("Service") == "cloudfront.amazonaws.com":
            condition = statement.get("Condition", {})
            if condition == {"Bool": {"aws:SecureTransport": "false"}}:
                continue  # it is over TLS
            theirs.append({name: value for name, value in statement.items() if name != "Principal"})
    access = Access("s3:GetObject", resource, (("AWS:SourceArn", distribution),))
    return Policy({"Statement": theirs}).allows(access)


def response_headers(config: Parameters) -> dict[str, str]:
    """Return the headers that CloudFront sends for a response headers policy."""
    found = {}
    security = config.get("SecurityHeadersConfig", {})
    if each := security.get("ContentSecurityPolicy"):
        found["Content-Security-Policy"] = each["ContentSecurityPolicy"]
    if each := security.get("StrictTransportSecurity"):
        subdomains = "; includeSubDomains" if each.get("IncludeSubdomains") else ""
        preload = "; preload" if each.get("Preload") else ""
        found["Strict-Transport-Security"] = f"max-age={each['AccessControlMaxAgeSec']}{subdomains}{preload}"
    if "ContentTypeOptions" in security:
        found["X-Content-Type-Options"] = "nosniff"
    if each := security.get("ReferrerPolicy"):
        found["Referrer-Policy"] = each["ReferrerPolicy"]
    for item in config.get("CustomHeadersConfig", {}).get("Items", []):
        found[item["Header"]] = item["Value"]
    return found


def _behaviors(config: Parameters) -> list[Parameters]:
    return [*config.get("CacheBehaviors", {}).get("Items", []), config["DefaultCacheBehavior"]]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _dated(_: str) -> Parameters:
    return {"LastModifiedTime": _now()}


class _Server(ThreadingHTTPServer):
    """Serves a distribution over TLS, from now on until `stop`; `serve` answers each request."""

    request_queue_size = 64
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext, serve: Callable[..., tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Viewer)
        self.serve = serve
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.domain = f"localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _Viewer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self.server.serve(self.command, self.path, dict(self.headers.items()), body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _do

    def log_message(self, *_: object) -> None:
        pass
