"""The AWS that `deploy.py rehearse` releases to: one account, in this process, on a loopback port.

    aws = LocalAws(settings, policy)
    aws.url                                   # AWS_ENDPOINT_URL for a command
    aws.environment()                         # all that a command needs in its environment to reach it
    aws.calls                                 # what commands asked for, and what CloudFormation asked for in their name
    aws.reset()                               # a new account at the same address
    aws.close()

Amazon Connect, AppIntegrations (connect.py), CloudFront (cloudfront.py), CloudFormation (cloudformation.py), STS and IAM's
simulator (identity.py) are ours; the rest is moto. WHAT_IT_DOES_NOT says what both leave out.
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from moto.core.config import default_user_config
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from ops.rehearse import schemas
from ops.rehearse.cloudformation import CloudFormation
from ops.rehearse.cloudfront import CloudFront
from ops.rehearse.connect import AppIntegrations, Connect
from ops.rehearse.functions import Functions
from ops.rehearse.identity import Simulator, Sts
from ops.rehearse.moto_lambda import prepare_lambda
from ops.rehearse.policy import Access, Place, Policy, handler_needs, needed
from ops.rehearse.protocol import Backend, Call, Environ, Refusal, Response, answer, read_call, refuse, signed_by
from ops.rehearse.resources import Makers
from ops.settings import Settings

# Access keys, by which the server tells who calls.
CALLER, CLOUDFORMATION, FUNCTION = "AKIAREHEARSAL0000000", "AKIACLOUDFORMATION00", "AKIAFUNCTION00000000"
_HANGS = 3600.0

WHAT_IT_DOES_NOT = (
    (
        "time",
        "everything is there at once: no distribution takes minutes, no invalidation seconds, and nothing is cached",
    ),
    ("quotas, throttling", "none, but for --throttle"),
    ("permissions", "identity policies of the caller alone; those of the functions' roles are not evaluated"),
    ("CloudFormation", "finds no drift, keeps no stack policies, knows the functions and types of our template alone"),
    (
        "Amazon Connect",
        "one instance with one queue and three security profiles; a flow is checked by ops/flows, not by AWS",
    ),
    ("the look-up", "is called with the adapters sample and dynamodb alone: another would ask your own directory"),
    ("CloudFront", "no cache, no domain of your own, no geography; TLS with a self-made certificate"),
    ("HTTP API", "no throttling; where agents sign in, every request is refused, since there is no identity provider"),
    ("Lambda", "functions run in processes of this machine, with its Python, without VPC, memory limit or concurrency"),
    ("S3", "the conditions of a bucket's policy are CloudFront's alone; a wrong checksum is accepted (moto)"),
    ("Secrets Manager", "rotates nothing"),
)


@dataclass
class Faults:
    """What goes wrong on purpose. `kill_at`: the number of the call before which the command is killed."""

    deny: tuple[str, ...] = ()
    throttle: tuple[str, ...] = ()
    hang: tuple[str, ...] = ()
    fail: tuple[str, ...] = ()
    kill_at: int = 0


@dataclass(frozen=True)
class Made:
    """What was asked for: the call, or the handler of a type, and what it needs."""

    what: str
    needs: tuple[Access, ...]


@dataclass
class _Counts:
    calls: int = 0
    throttled: dict[str, int] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)  # that were called
    killed_before: str = ""  # the call before which the command was killed: "s3 PutObject"
    refused: int = 0  # how many of LocalAws.refused were there before


class LocalAws:
    """The account of the settings' instance. `document` is the policy of whoever releases.

    With `functions_wait` a function's process is started when it is first called, not when its version becomes live.
    """

    def __init__(
        self, settings: Settings, document: Mapping[str, Any], partition: str = "aws", functions_wait: bool = False
    ) -> None:
        instance = settings.aws.instance_arn
        self.place = Place(partition, settings.aws.region, settings.aws.instance_account, instance)
        self._queue, self._functions_wait = settings.aws.queue, functions_wait
        self._document, self._policy = document, Policy(document)
        self.calls: list[Made] = []
        self.refused: list[tuple[str, Access]] = []
        self.defects: list[str] = []
        self.victim: Callable[[], int | None] = lambda: None  # the process id of the command that runs
        self._vpcs = [vpc for vpc in (settings.lookup.vpc, settings.api.vpc) if vpc]
        self._moto_lock = threading.Lock()
        self._session = _session()
        self._clients: dict[str, Any] = {}
        _prepare_moto()
        self._moto = DomainDispatcherApplication(create_backend_app)
        _CLOCK[:] = [lambda: self.days]
        self._server = make_server("127.0.0.1", 0, self.application, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.cloudfront = CloudFront(self.place, self)
        self._simulator = Simulator(self.policy)
        self._open_account()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _open_account(self) -> None:
        self.faults, self._counts = Faults(), _Counts()
        self.days = 0.0  # how many days the clock is ahead: S3 writes that time to what it stores, and answers with it
        for seen in (self.calls, self.refused, self.defects):
            seen.clear()
        self.apps = AppIntegrations(self.place)
        self.connect = Connect(self.place, self._queue, self.apps)
        self.functions = Functions(self)
        self.cloudformation = CloudFormation(
            self.place, Makers(self.place, self.client), self._handler_may_not, self.defects.append
        )
        self._backends: dict[str, Backend] = {
            "connect": self.connect,
            "appintegrations": self.apps,
            "cloudfront": self.cloudfront,
            "cloudformation": self.cloudformation,
            "sts": Sts(self.place),
        }
        with self._moto_lock:
            moto_api_backend.reset()  # moto's state is the process's

    def reset(self) -> None:
        """Forget everything: a new account, with the right time and without faults. A stack's change is waited for."""
        self.cloudformation.wait()
        self.functions.close()
        self.cloudfront.forget()
        self._open_account()

    def close(self) -> None:
        """Stop serving, and end the functions' processes."""
        self._server.shutdown()
        self._server.server_close()
        self.cloudfront.close()
        self.functions.close()

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a command reaches this account and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": CALLER,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SSL_CERT_FILE": str(self.cloudfront.certificate),
            "NO_PROXY": "localhost,127.0.0.1",
        }

    def environment_of_functions(self) -> dict[str, str]:
        """Return what a function's process finds this account by."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": FUNCTION,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_REGION": self.place.region,
        }

    def set_faults(self, faults: Faults) -> None:
        """Let these things go wrong from now on; what was counted for the old ones is forgotten."""
        self.faults = faults
        self._counts = _Counts(refused=len(self.refused))
        self.cloudformation.failing, self.cloudformation.failed = set(faults.fail), set()

    @property
    def killed_before(self) -> str:
        """The call before which the command was killed, as "s3 PutObject"; "" where it was not."""
        return self._counts.killed_before

    def not_met(self) -> list[str]:
        """Return which of the faults nothing met, a sentence each: the rehearsal says nothing about them."""
        refused = [access.action.lower() for _, access in self.refused[self._counts.refused :]]
        found = [
            f"--deny {action}: nothing needed it"
            for action in self.faults.deny
            if not any(fnmatch.fnmatchcase(each, action.lower()) for each in refused)
        ]
        for option, services in (("--throttle", self.faults.throttle), ("--hang", self.faults.hang)):
            found += [
                f"{option} {service}: it was not called" for service in services if service not in self._counts.services
            ]
        found += [
            f"--fail {name}: no resource of that name was made"
            for name in self.faults.fail
            if name not in self.cloudformation.failed
        ]
        if self._counts.calls < self.faults.kill_at:
            found.append(f"--kill-at {self.faults.kill_at}: it made {self._counts.calls} calls and was not killed")
        return found

    def policy(self) -> Policy:
        """Return what the caller has now: the policy, without what --deny takes away."""
        denied = {"Statement": [{"Effect": "Deny", "Action": list(self.faults.deny), "Resource": "*"}]}
        return self._policy if not self.faults.deny else Policy(self._document, denied)

    def client(self, service: str, key: str = CLOUDFORMATION) -> Any:
        """Return a client of a service, for CloudFormation's own calls."""
        with self._moto_lock:
            name = f"{key} {service}"
            if name not in self._clients:
                self._clients[name] = self._session.create_client(
                    service,
                    region_name=self.place.region,
                    endpoint_url=self.url,
                    aws_access_key_id=key,
                    aws_secret_access_key="rehearsal",
                )
            return self._clients[name]

    # -- requests ------------------------------------------------------------------------------------------------------

    def application(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        try:
            return self._answer(environ, start)
        except Exception:
            self.defects.append(traceback.format_exc())
            return _send(start, (500, {"Content-Type": "text/plain"}, b"a defect of the rehearsal"))

    def _answer(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.place.account
        key, service = signed_by(environ)
        owner = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", self.place.account)
        ours = service in self._backends or service in _SOMETIMES_OURS
        if key != CALLER and not ours and owner == self.place.account:
            return self._from_moto(environ, start)
        call = read_call(environ)
        if call is None:
            return self._from_moto(environ, start)
        if key == CALLER and (refusal := self._of_the_caller(call)) is not None:
            return _send(start, refusal)
        if owner != self.place.account:
            return _send(start, refuse(call, Refusal("AccessDenied", "Access Denied")))
        if (backend := self._backend(call)) is not None:
            return _send(start, backend.answer(call))
        if call.service == "ec2":
            return _send(start, self._answer_ec2(call))
        if call.name in ("CreateAlias", "UpdateAlias") and not self._functions_wait:
            answered = self._from_moto(environ, start)
            name = str(call.parameters["FunctionName"]).rpartition(":")[2]
            arn = self.place.arn("lambda", f"function:{name}:{call.parameters['FunctionVersion']}")
            threading.Thread(target=self._start_function, args=(arn,), daemon=True).start()
            return answered
        return self._from_moto(environ, start)

    def _start_function(self, arn: str) -> None:
        with suppress(ClientError, BotoCoreError):  # it may be deleted meanwhile
            self.functions.start(arn)

    def _backend(self, call: Call) -> Backend | None:
        if call.service == "iam" and call.name == "SimulatePrincipalPolicy":
            return self._simulator
        return self._backends.get(call.service)

    def _from_moto(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        with self._moto_lock:  # moto checks If-Match and writes in two steps; S3 does both at once
            return list(self._moto(environ, start))

    def _of_the_caller(self, call: Call) -> Response | None:
        """Do to a command's call what the faults and the policy say; None where it goes through."""
        self._counts.calls += 1
        if self._counts.calls == self.faults.kill_at and (victim := self.victim()) is not None:
            self._counts.killed_before = f"{_NAMES.get(call.service, call.service)} {call.name}"
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            time.sleep(_HANGS)
        service = _NAMES.get(call.service, call.service)
        self._counts.services.add(service)
        if service in self.faults.hang:
            time.sleep(_HANGS)  # in a thread of its own, which ends with the process
        if service in self.faults.throttle:
            done = self._counts.throttled.setdefault(call.name, 0)
            if done < 2:
                self._counts.throttled[call.name] += 1
                return refuse(call, Refusal("SlowDown" if service == "s3" else "ThrottlingException", "Rate exceeded"))
        try:
            needs = tuple(needed(self.place, service, call.name, call.parameters))
        except KeyError:
            self.defects.append(
                f"a command called {call.service} {call.name}, which ops/rehearse/policy.py does not know"
            )
            return refuse(call, Refusal("NotImplemented", f"the rehearsal does not know {call.service} {call.name}"))
        self.calls.append(Made(f"{service} {call.name}", needs))
        if missing := self.policy().refused(needs):
            self.refused.append((f"{service} {call.name}", missing[0]))
            user = self.place.arn("iam", "user/rehearsal", "")
            reason = (
                f"User: {user} is not authorized to perform: {missing[0].action} on resource: {missing[0].resource}"
            )
            code = "AccessDenied" if call.protocol in ("rest-xml", "query") else "AccessDeniedException"
            return refuse(call, Refusal(code, f"{reason} because no identity-based policy allows it"))
        return None

    def _handler_may_not(self, kind: str, handler: str, properties: Mapping[str, Any], identity: str) -> list[Access]:
        needs = tuple(handler_needs(self.place, kind, handler, properties, identity))
        self.calls.append(Made(f"CloudFormation: {handler} {kind}", needs))
        missing = self.policy().refused(needs)
        self.refused += [(f"CloudFormation: {handler} {kind}", access) for access in missing]
        return missing

    def handlers_may_not(self) -> list[str]:
        """Return what CloudFormation would not be allowed with what is in the stacks now, changes and deletion too."""
        missing = []
        for made in self.cloudformation.everything():
            for handler in ("read", "update", "delete"):
                if handler == "update" and not schemas.permissions(made.kind, handler):
                    continue
                for access in self._handler_may_not(made.kind, handler, made.properties, made.identity):
                    missing.append(f"{made.name} ({made.kind}), {handler}: {access}")
        return missing

    def _answer_ec2(self, call: Call) -> Response:
        """Answer that the settings' subnets and security groups are there, in one VPC."""
        if call.name == "DescribeSubnets":
            zone = f"{self.place.region}a"
            found = [
                {"SubnetId": each, "VpcId": "vpc-rehearsal", "AvailabilityZone": zone}
                for each in call.parameters.get("SubnetIds", [])
            ]
            return answer(call, {"Subnets": found})
        groups = [{"GroupId": each, "VpcId": "vpc-rehearsal"} for each in call.parameters.get("GroupIds", [])]
        return answer(call, {"SecurityGroups": groups})

    # -- CloudFront's origins ------------------------------------------------------------------------------------------

    def object(self, bucket: str, key: str) -> tuple[dict[str, str], bytes] | None:
        """Return an object's headers and content."""
        s3 = self.client("s3")
        try:
            found = s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.ClientError:
            return None
        return dict(found["ResponseMetadata"]["HTTPHeaders"]), found["Body"].read()

    def bucket_policy(self, bucket: str) -> dict[str, Any]:
        """Return a bucket's policy."""
        s3 = self.client("s3")
        try:
            return dict(json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]))
        except s3.exceptions.ClientError:
            return {}

    def request(
        self, domain: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return what the HTTP API of a domain answers."""
        return self.functions.http_api(domain.partition(".")[0], method, target, headers, body)


_NAMES = {"appintegrations": "app-integrations"}
_SOMETIMES_OURS = ("iam", "ec2", "lambda")  # moto's services of which we answer some calls, or see them


@cache
def _session() -> Session:
    """Return the session of all clients: it keeps AWS's models, whose loading takes its time."""
    return Session()


_CLOCK: list[Callable[[], float]] = []


def _days() -> float:
    """Return how many days the clock of the account that is open is ahead."""
    return _CLOCK[-1]() if _CLOCK else 0.0


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + _days() * 86_400)

    def log(self, *_: object, **__: object) -> None:
        pass


def _send(start: Callable[..., Any], response: Response) -> list[bytes]:
    status, headers, body = response
    names = {name.lower() for name in headers}
    more = [] if "content-length" in names else [("Content-Length", str(len(body)))]
    start(f"{status} Answer", [*((name, str(value)) for name, value in headers.items()), *more])
    return [body]


_PREPARED = threading.Event()


def _prepare_moto() -> None:
    """Let moto do as AWS does where it does otherwise; once in a process."""
    if _PREPARED.is_set():
        return
    _PREPARED.set()
    from moto import backends
    from moto.iam.access_control import PermissionResult
    from moto.s3 import models as s3
    from moto.s3.models import FakeBucket

    default_user_config["lambda"] = {"use_docker": False}
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules  # it lists its folders for each request
    # It applies a Deny without looking at its condition; all of ours are on what is never done here (no TLS).
    setattr(FakeBucket, "get_permission", lambda _self, _action, _resource: PermissionResult.NEUTRAL)  # noqa: B010
    utcnow = getattr(s3, "utcnow")  # noqa: B009 (mypy: the module imports it only)
    setattr(s3, "utcnow", lambda: utcnow() + timedelta(days=_days()))  # noqa: B010 (mypy: a function)
    prepare_lambda(_days)
