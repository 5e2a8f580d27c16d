"""AWS's answers made up by a test, for what moto does not have: Connect, drift, the policy simulator.

    stubbed = Stubbed()
    stubbed["iam"].add_response("simulate_principal_policy", answer, expected_parameters)
    ...                          # code under test calls stubbed.aws
    stubbed.done()               # every answer was asked for

    answered = Answered()        # the same in any order and from many threads, by functions
    answered.on("iam", "get_role", lambda asked: {"Role": {...}})
    answered.on("sts", "get_caller_identity", Refusal("ExpiredToken", "..."))
    answered.connect.functions   # and Amazon Connect as ops/rehearse/connect.py has it

The answers are the test's own, but they and the parameters of the calls are held to AWS's models: what botocore's
Stubber checks, and the values of enumerations and the lengths of lists beside.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from werkzeug.test import EnvironBuilder

from ops.rehearse.protocol import Refusal, operation_model, problems, read_call
from tests.aws.account import make_connect
from tests.aws.world import open_test_aws

Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]] | Refusal


class _Strict(Stubber):  # type: ignore[misc]  # botocore has no types
    def add_response(self, method: str, service_response: Any, expected_params: Any = None) -> None:
        name = self.client.meta.method_to_api_mapping[method]
        shape = self.client.meta.service_model.operation_model(name).output_shape
        if shape is not None and (wrong := problems(shape, service_response)):
            raise AssertionError(f"AWS would not answer {method} so: {'; '.join(wrong)}")
        super().add_response(method, service_response, expected_params)


class Stubbed:
    """An Aws whose clients answer what a test says, in that order."""

    def __init__(self) -> None:
        self.aws = open_test_aws("http://127.0.0.1:1")
        self._stubbers: dict[str, Stubber] = {}

    def __getitem__(self, service: str) -> Stubber:
        if service not in self._stubbers:
            self._stubbers[service] = _Strict(self.aws.client(service))
            self._stubbers[service].activate()
        return self._stubbers[service]

    def done(self) -> None:
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()


class Answered:
    """An Aws that is answered by functions, by operation, and by the rehearsal's Amazon Connect."""

    def __init__(self) -> None:
        self.aws = open_test_aws("http://127.0.0.1:1")
        self.connect = make_connect()
        self._answers: dict[tuple[str, str], Answer] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []  # what the functions were asked: (operation, parameters)
        self.aws.client("connect").meta.events.register_first("before-send.connect", self._send_to_connect)

    def on(self, service: str, operation: str, answer: Answer) -> None:
        """Answer an operation with a dict, with what a function of the parameters returns, or with a refusal."""
        known = (service, operation) in self._answers
        self._answers[service, operation] = answer
        if known:
            return
        client = self.aws.client(service)
        name = client.meta.method_to_api_mapping[operation]
        shape = operation_model(service, name).output_shape

        def keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            context["asked"] = params

        def give(context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
            self.asked.append((operation, context["asked"]))
            answer = self._answers[service, operation]
            try:
                if isinstance(answer, Refusal):
                    raise answer
                found = answer(context["asked"]) if callable(answer) else answer
            except Refusal as refusal:
                raise ClientError({"Error": {"Code": refusal.code, "Message": str(refusal)}}, name) from None
            assert shape is not None
            assert problems(shape, found) == []
            return AWSResponse("http://answered", 200, {}, None), found

        client.meta.events.register_first(f"before-parameter-build.{service}.{name}", keep)
        client.meta.events.register_first(f"before-call.{service}.{name}", give)

    def _send_to_connect(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        address = urlsplit(request.url)
        body = request.body if isinstance(request.body, bytes) else b""
        headers = {name: text.decode() if isinstance(text, bytes) else text for name, text in request.headers.items()}
        environ = EnvironBuilder(
            address.path, query_string=address.query, method=request.method, headers=headers, data=body
        ).get_environ()
        call = read_call(environ)
        assert call is not None, f"Amazon Connect has no {request.method} {address.path}"
        status, headers, content = self.connect.answer(call)
        return AWSResponse(request.url, status, headers, _Raw(content))


class _Raw(BytesIO):
    """An answer's body as urllib3 gives it."""

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self.read()]
