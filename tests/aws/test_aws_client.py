"""The Lambda's own AWS client: it signs as botocore does, is accepted by a server that checks signatures, and retries in time."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from adapters.aws_client import _RETRIED, AwsClient, endpoint, sign
from adapters.dynamodb import DynamoDbCustomers
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from customers import Customer, LookupFailed
from hypothesis import given
from hypothesis import strategies as st
from identity import Identity

from ops import LOOKUP
from ops.rehearse.certificate import Certificate
from tests.aws.moto_server import MotoServer
from tests.loopback import Loopback

SERVICES = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "ssm": ("AmazonSSM", "1.1"),
}
PHONE = Identity("phone", "+12065550100")
ITEM = {"pk": {"S": "phone#+12065550100"}, "sk": {"S": "C-1"}, "name": {"S": "Ana Silva"}}
ANA = Customer("C-1", "Ana Silva")
WELL = (200, json.dumps({"Items": [ITEM], "Count": 1}).encode())


def _error(status: int, code: str) -> tuple[int, bytes]:
    return status, json.dumps(
        {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "+12065550100"}
    ).encode()


def _half(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + WELL[1])
    handler.connection.shutdown(2)


class ScriptedService(Loopback):
    """A service on a real socket: `script` has an answer (status, body) for each request, or a function that sends it.

    The last one is repeated. `targets` has the operation of each request, `connections` counts the connections.
    """

    def __init__(self, *script: tuple[int, bytes] | Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.targets: list[str] = []
        self.connections = 0
        self.headers: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                service.connections += 1
                super().setup()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                answer = script[min(len(service.targets), len(script) - 1)]
                service.targets.append(self.headers["X-Amz-Target"])
                service.headers.append(dict(self.headers))
                if callable(answer):
                    answer(self)
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.block_on_close = False
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        super().__init__(server)
        self.url = f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what Lambda sets, and nothing else of AWS's."""
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def _directory(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> DynamoDbCustomers:
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    return DynamoDbCustomers(AwsClient("dynamodb", *SERVICES["dynamodb"]), "customers")


@given(
    body=st.binary(max_size=200),
    token=st.sampled_from(["", "FwoGZXIvYXdzE+/=="]),
    now=st.floats(1e9, 4e9),
    url=st.sampled_from(["https://dynamodb.eu-west-1.amazonaws.com", "http://127.0.0.1:5000"]),
    service=st.sampled_from(sorted(SERVICES)),
)
def test_each_request_is_signed_as_botocore_signs_it(
    body: bytes, token: str, now: float, url: str, service: str
) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"{SERVICES[service][0]}.Query"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        patch.setenv("AWS_SESSION_TOKEN", token)
        ours = sign(url, service, "eu-west-1", headers, body, now)
        request = AWSRequest("POST", url + "/", {**headers, "X-Amz-Date": ours["X-Amz-Date"]}, body)
        signer = SigV4Auth(
            Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token), service, "eu-west-1"
        )
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        patch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(int(now), UTC))
        signer.add_auth(request)
    assert ours == dict(request.headers)
    assert ours["X-Amz-Date"] == moment


@pytest.mark.parametrize(
    "region",
    [
        "us-east-1",
        "eu-central-1",
        "cn-north-1",
        "us-gov-west-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "mx-central-1",
    ],
)
@pytest.mark.parametrize("service", SERVICES)
def test_the_endpoints_and_the_protocols_are_botocores(service: str, region: str) -> None:
    session = boto3.Session("a", "b", region_name=region)
    client = session.client(service)
    assert endpoint(service, region) == client.meta.endpoint_url
    metadata = client.meta.service_model.metadata
    assert SERVICES[service] == (metadata["targetPrefix"], metadata["jsonVersion"])


def test_an_endpoint_of_the_environment_goes_first_and_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com")
    assert endpoint("dynamodb", "eu-west-1") == "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com"
    assert endpoint("ssm", "eu-west-1") == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/path")
    with pytest.raises(LookupFailed, match="AWS_ENDPOINT_URL"):
        endpoint("ssm", "eu-west-1")


def test_every_error_that_botocore_retries_is_retried() -> None:
    codes = [*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, *TransientRetryableChecker._TRANSIENT_ERROR_CODES]
    assert len(codes) > 10
    assert [code for code in codes if not _RETRIED.search(code)] == []


@pytest.mark.parametrize(
    "first",
    [
        _error(400, "ProvisionedThroughputExceededException"),
        _error(400, "ThrottlingException"),
        _error(400, "RequestLimitExceeded"),
        _error(500, "InternalServerError"),
        (503, b"<html>Service Unavailable</html>"),
        (429, b""),
        lambda handler: handler.connection.shutdown(2),
        _half,
    ],
    ids=["capacity", "throttled", "limit", "500", "503 html", "429", "hang up", "half an answer"],
)
def test_what_may_pass_is_tried_once_more(first: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService(first, WELL) as service:
        assert _directory(service, monkeypatch).find(PHONE, 30) == [ANA]
        assert service.targets == ["DynamoDB_20120810.Query"] * 2
    with ScriptedService(first) as service:
        with pytest.raises(LookupFailed) as raised:
            _directory(service, monkeypatch).find(PHONE, 30)
        assert len(service.targets) == 2
        assert "5550100" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_error(400, "ExpiredTokenException"), "ExpiredTokenException"),
        (_error(400, "UnrecognizedClientException"), "UnrecognizedClientException"),
        (_error(400, "AccessDeniedException"), "AccessDeniedException"),
        (_error(400, "ResourceNotFoundException"), "ResourceNotFoundException"),
        (_error(400, "+12065550100"), "answered 400"),
        ((403, b"no"), "answered 403"),
        ((200, b"[" * 200_000), "not a JSON object"),
        ((200, b"[]"), "not a JSON object"),
        ((200, b"\xff"), "not a JSON object"),
        ((200, b"{}"), "no items"),
        ((200, b'{"Items": {"pk": 1}}'), "no items"),
        ((200, b'{"Items": [7]}'), "no items"),
        ((200, b'{"Items": [{"pk": {"S": "phone#+12065550199"}, "sk": {"S": "C-2"}}]}'), "another key"),
        ((200, b'{"Items": [{"pk": "phone#+12065550100", "sk": {"S": "C-2"}}]}'), "another key"),
        ((200, b" " * 1_100_000), "over 1 MB"),
    ],
)
def test_what_will_not_pass_fails_at_once_and_the_next_call_is_answered(
    answer: tuple[int, bytes], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedService(answer, WELL) as service:
        customers = _directory(service, monkeypatch)
        with pytest.raises(LookupFailed, match=words) as raised:
            customers.find(PHONE, 30)
        assert "5550100" not in str(raised.value)
        assert customers.find(PHONE, 30) == [ANA]
        assert (len(service.targets), service.connections) == (2, 2)


def test_a_first_attempt_that_hangs_has_half_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService(lambda _: time.sleep(5), WELL) as service:
        started = time.monotonic()
        assert _directory(service, monkeypatch).find(PHONE, 4) == [ANA]
        assert 2 <= time.monotonic() - started < 4


def test_a_service_that_hangs_costs_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService(lambda _: time.sleep(60)) as service:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            _directory(service, monkeypatch).find(PHONE, 0.5)
        assert time.monotonic() - started < 20


def test_one_connection_serves_all_calls_and_a_closed_one_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def close(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(WELL[1]), WELL[1]))
        handler.close_connection = True

    with ScriptedService(WELL, WELL, close, WELL) as service:
        customers = _directory(service, monkeypatch)
        for _ in range(5):
            assert customers.find(PHONE, 30) == [ANA]
        assert (len(service.targets), service.connections) == (5, 2)


def test_values_that_are_no_strings_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {**ITEM, "name": {"N": "7"}, "phone": {"S": 7}, "email": None}
    with ScriptedService((200, json.dumps({"Items": [odd]}).encode())) as service:
        assert _directory(service, monkeypatch).find(PHONE, 30) == [Customer("C-1")]


@pytest.mark.parametrize("missing", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_an_environment_that_lacks_something_is_told_by_its_name(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService(WELL) as service:
        monkeypatch.delenv(missing)
        with pytest.raises(LookupFailed, match=missing):
            _directory(service, monkeypatch).find(PHONE, 30)
        assert service.targets == []


def test_credentials_that_lambda_renews_are_used_from_the_next_call_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedService(WELL) as service:
        customers = _directory(service, monkeypatch)
        customers.find(PHONE, 30)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDRENEWED")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "renewed")
        customers.find(PHONE, 30)
    assert ["AKIDRENEWED" in headers["Authorization"] for headers in service.headers] == [False, True]
    assert service.headers[1]["X-Amz-Security-Token"] == "renewed"


def test_an_untrusted_certificate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = Certificate()
    with ScriptedService(WELL) as service:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        service._server.socket = context.wrap_socket(
            service._server.socket, server_side=True, do_handshake_on_connect=False
        )
        service.url = service.url.replace("http:", "https:")
        with pytest.raises(LookupFailed, match="SSLCertVerificationError"):
            _directory(service, monkeypatch).find(PHONE, 30)
        assert service.targets == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate.certificate))
        assert _directory(service, monkeypatch).find(PHONE, 30) == [ANA]


@pytest.fixture(scope="module")
def strict_moto() -> Iterator[SimpleNamespace]:
    """Run a moto server that checks signatures and IAM policies, with a user who may query the table and nothing else."""
    with MotoServer() as server:
        session = boto3.Session("testing", "testing", region_name="eu-west-1")
        iam = session.client("iam", endpoint_url=server.url)
        iam.create_user(UserName="lookup")
        statement = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="lookup", PolicyName="query", PolicyDocument=policy)
        key = iam.create_access_key(UserName="lookup")["AccessKey"]
        dynamodb = session.client("dynamodb", endpoint_url=server.url)
        dynamodb.create_table(
            TableName="customers",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName="customers", Item=ITEM)
        urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        ).close()
        yield SimpleNamespace(url=server.url, key=key["AccessKeyId"], secret=key["SecretAccessKey"])


@pytest.mark.parametrize(
    "change",
    [{}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, {"AWS_ACCESS_KEY_ID": "AKIDUNKNOWN"}],
    ids=["right", "wrong secret", "unknown key"],
)
def test_a_server_that_checks_signatures_accepts_the_right_ones_only(
    strict_moto: SimpleNamespace, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict_moto.url)
    right = {"AWS_ACCESS_KEY_ID": strict_moto.key, "AWS_SECRET_ACCESS_KEY": strict_moto.secret}
    for name, value in {**right, **change}.items():
        monkeypatch.setenv(name, value)
    client = AwsClient("dynamodb", *SERVICES["dynamodb"])
    if not change:
        assert DynamoDbCustomers(client, "customers").find(PHONE, 30) == [ANA]
    # It may do nothing else: moto refuses as it refuses a wrong signature, with XML where AWS sends JSON.
    with pytest.raises(LookupFailed, match="answered 403"):
        client.call("Query" if change else "Scan", {"TableName": "customers"}, time.monotonic() + 30)


def test_neither_boto3_nor_botocore_is_imported(tmp_path: Path) -> None:
    code = "import adapters.dynamodb, sys; sys.exit(any(name.startswith('boto') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(LOOKUP)}, check=True)
