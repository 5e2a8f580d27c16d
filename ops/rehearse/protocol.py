"""AWS's protocols on the server's side, held to botocore's own model: a request read, an answer written.

    call = read_call(environ)                       # the service, the operation, its parameters
    status, headers, body = answer(call, {"Arn": ...})
    status, headers, body = refuse(call, Refusal("ResourceNotFoundException", "there is none"))

Reading and writing are moto's, by the model that the clients have too. A backend of ours subclasses `Backend`: its methods are
the operations, in snake case. Parameters and answers that the model does not allow are errors, so neither side
can make up a field.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore import xform_name
from botocore.model import ListShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from moto.core.model import ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

Environ = dict[str, Any]
Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

# Signing name -> botocore's name, where they differ.
_SERVICES = {"app-integrations": "appintegrations", "apigateway": "apigatewayv2", "monitoring": "cloudwatch"}
# What AWS sends though its model's enumeration lacks it: a stack's own states, in its events.
_ALSO_SENT = {
    "ResourceStatus": (
        "REVIEW_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    )
}
# The HTTP status of codes that S3's model does not have; of a HEAD's refusal nothing else is seen.
_STATUS = {"AccessDenied": 403, "SlowDown": 503}
_SIGNED = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([a-z0-9-]+)/aws4_request")


class Refusal(Exception):
    """An error of a service: its code and what it says."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Call:
    """A request: `key` is the access key that signed it, `service` botocore's name, `parameters` as a client gives them."""

    key: str
    service: str
    model: OperationModel
    protocol: str
    parameters: Parameters

    @property
    def name(self) -> str:
        """The operation's name, as AWS writes it."""
        return str(self.model.name)


def signed_by(environ: Environ) -> tuple[str, str]:
    """Return the access key that signed a request and botocore's name of the service; "" twice where none did."""
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    return (signed[1], _SERVICES.get(signed[2], signed[2])) if signed else ("", "")


def read_call(environ: Environ) -> Call | None:
    """Return what a signed request asks; None for one that is not signed or is of no operation. Its body can be read again."""
    key, service = signed_by(environ)
    if not key:
        return None
    body = bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    request = Request(environ | {"wsgi.input": io.BytesIO(body)})
    try:
        operation, labels = get_service_router(service).match(request)
    except NotFound:
        environ["wsgi.input"] = io.BytesIO(body)
        return None
    protocol = determine_request_protocol(get_service_model(service), request.content_type)
    asked: Any = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": body,
        "url_path": request.path,
        "url_params": labels,
    }
    try:
        parameters = PROTOCOL_PARSERS[protocol](operation).parse(asked)
    finally:
        environ["wsgi.input"] = io.BytesIO(body)
    return Call(key, service, operation, protocol, _without_none(parameters))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list) else value


def answer(call: Call, result: Parameters) -> Response:
    """Return the response for a result. Raises ValueError for one that the model does not allow."""
    if call.model.output_shape is not None and (wrong := problems(call.model.output_shape, result)):
        raise ValueError(f"the answer to {call.service} {call.name}: {'; '.join(wrong)}")
    return _written(call, result)


def refuse(call: Call, refusal: Refusal) -> Response:
    """Return the response for a refusal."""
    with warnings.catch_warnings():  # moto's, for the codes that all services have and their models do not
        warnings.simplefilter("ignore")
        status, headers, body = _written(call, refusal)
    return _STATUS.get(refusal.code, status), headers, body


def _written(call: Call, result: Any) -> Response:
    made = get_serializer_class(call.service, call.protocol)(call.model).serialize(result)
    body = made["body"]
    return made["status_code"], dict(made["headers"]), body if isinstance(body, bytes) else str(body).encode()


def problems(shape: Shape, value: Any, path: str = "") -> list[str]:
    """Return what of `value` the shape does not allow: what botocore checks, and the values of enumerations."""
    found = [str(ParamValidator().validate(value, shape).generate_report())] if not path else []
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                found += problems(member, value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        most = shape.metadata.get("max")
        if most is not None and len(value) > most:
            found.append(f"{path} has {len(value)} members, {most} at most")
        for number, item in enumerate(value):
            found += problems(shape.member, item, f"{path}[{number}]")
    elif isinstance(shape, StringShape) and shape.enum and value not in (*shape.enum, *_ALSO_SENT.get(shape.name, ())):
        found.append(f"{path} is {value!r}, which is none of {shape.enum}")
    return [problem for problem in found if problem]


class Backend:
    """A service of ours: a method for each operation, named as in botocore; another operation is answered with NotImplemented."""

    def answer(self, call: Call) -> Response:
        """Return the response to a call."""
        operation = getattr(self, xform_name(call.name), None)
        if operation is None:
            return refuse(call, Refusal("NotImplemented", f"the rehearsal's {call.service} has no {call.name}"))
        try:
            if call.model.input_shape is not None and (wrong := problems(call.model.input_shape, call.parameters)):
                raise Refusal("ValidationException", "; ".join(wrong))
            return answer(call, operation(call.parameters) or {})
        except Refusal as refusal:
            return refuse(call, refusal)


def page(asked: Parameters, items: list[Any], name: str, size: int = 2) -> Parameters:
    """Return a page of a listing, a small one, so that callers have to ask for the next."""
    start = int(asked.get("NextToken", 0))
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size], **more}


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """Return botocore's model of an operation (its name as AWS writes it)."""
    model: ServiceModel = get_service_model(service)
    return model.operation_model(operation)


def shaped(shape: Shape, value: Any) -> Any:
    """Return a CloudFormation property as the API's parameter of this shape.

    The two differ in the case of names and in how texts stand for numbers; CloudFront's API wraps lists in {Quantity, Items}.
    Raises KeyError for a name that the API does not have.
    """
    kind = shape.type_name
    if kind == "structure":
        members = {name.lower(): (name, member) for name, member in shape.members.items()}
        if "quantity" in members and isinstance(value, list):
            value = {"Items": value}
        found = {}
        for name, each in value.items():
            own, member = members[name.lower()]
            found[own] = shaped(member, each)
        if "quantity" in members:
            found.setdefault("Quantity", len(found.get("Items", [])))
        return found
    if kind == "list":
        return [shaped(shape.member, each) for each in value]
    if kind == "map":
        return {name: shaped(shape.value, each) for name, each in value.items()}
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(value)
    return float(value) if kind in ("float", "double") else str(value)


def query_values(query: str) -> dict[str, str]:
    """Return a query's names with their last values."""
    return {name: values[-1] for name, values in parse_qs(query).items()}
