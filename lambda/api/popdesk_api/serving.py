"""What happens around each route: the request is admitted, its write done once, its errors put into words, and it is logged.

    api = Api(services)
    api(event, context)      # -> the answer as an HTTP API takes it (payload format 2.0); nothing is ever raised

The routes are those that were added to popdesk_api.app.app.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestUnsupportedContentType, RequestValidationError
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from call_log import kind_of

from popdesk_api.app import Asking, Request, Services, answering, app, asking, request
from popdesk_api.cases import CasesFailed, NotFound, OutcomeUnknown
from popdesk_api.contract import CONTACT_HEADER, EVENTS, IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY, LONGEST_BODY, PROBLEM
from popdesk_api.once import once
from popdesk_api.page_events import called_by, read_record, write_page
from popdesk_api.problems import Problem, invalid
from popdesk_api.request_log import WRITES, write_audit, write_request

# What every answer has: it is about one customer, and JSON whatever a browser makes of it.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_RETRY_SECONDS = 1  # after which a write that is under way may be asked for again

_Admitted = TypeVar("_Admitted")
_Handler = TypeVar("_Handler", bound=Callable[..., Response[str]])


class Api:
    """Answers the events of an HTTP API (payload format 2.0)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return the answer; nothing is ever raised."""
        started = time.perf_counter()
        asked = Request(self._services, event, context)
        with answering(asked):
            is_event = asked.method == "POST" and asked.path == EVENTS and self._services.settings["events"]["enabled"]
            answer = self._take_event(asked) if is_event else self._answer(asked, event, context)
        answer["headers"] = {**answer.get("headers", {}), **_HEADERS}
        status = int(answer["statusCode"])
        if is_event and status < 400:  # its line is written
            return answer
        write_request(self._services.out, asked, status=status, milliseconds=(time.perf_counter() - started) * 1000)
        if asked.method in WRITES and asked.asking is not None:
            write_audit(self._services.out, asked, status=status)
        return answer

    def _take_event(self, asked: Request) -> dict[str, Any]:
        """Take what a page tells of itself. It asks for no open contact and no sign-in, as routes do: a page tells at its end."""
        asked.route = EVENTS
        try:
            record, token = read_record(asked.body), asked.headers.get(CONTACT_HEADER.lower(), "")
            if token:
                _admitted(asked, lambda: asked.services.admission().check(token))
            write_page(self._services.out, record, proven=bool(token), alias=called_by(asked.context))
            return {"statusCode": 204, "body": "", "headers": {}}
        except Problem as problem:
            return problem.answer()
        except Exception as error:
            return _failure(error).answer()

    def _answer(self, asked: Request, event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            if len(asked.body) > LONGEST_BODY:
                raise Problem(413, f"The request is longer than {LONGEST_BODY:,} bytes.")
            if not _is_text(asked.body):
                raise Problem(400, "The request is not text in UTF-8.")
            key = asked.headers.get(IDEMPOTENCY_HEADER.lower(), "")
            if key and not re.fullmatch(IDEMPOTENCY_KEY, key):
                raise Problem(400, f"The {IDEMPOTENCY_HEADER} is not 32 hexadecimal digits.")
            if self._services.settings["auth"] == "oidc" and not asked.subject:
                # The authorizer refuses it before; without one, nobody may ask.
                raise Problem(401, "Sign in first.", title="Not signed in")
            asked.asking = _admit(asked)
            answer: dict[str, Any] = app.resolve(event, context)
            if answer["statusCode"] == 204:  # it has no content (RFC 9110, 15.3.5), and a None is not the JSON null
                answer |= {"body": "", "headers": {}}
            return answer
        except Problem as problem:
            return problem.answer()
        except Exception as error:  # whatever is wrong in a route: the page gets an answer, the log the place
            return _failure(error).answer()


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _admit(asked: Request) -> Asking:
    return _admitted(asked, lambda: asked.services.admission().admit(asked.headers.get(CONTACT_HEADER.lower(), "")))


def _admitted(asked: Request, admit: Callable[[], _Admitted]) -> _Admitted:
    """Return what `admit` returns. Raises Problem where it refuses, and notes for the log why."""
    try:
        return admit()
    except Exception as error:
        status, detail = getattr(error, "status", None), getattr(error, "detail", None)
        if not isinstance(status, int) or not isinstance(detail, str):
            raise
        asked.error = str(getattr(error, "why", ""))
        raise Problem(status, detail, title=str(getattr(error, "title", ""))) from None


def _failure(error: Exception) -> Problem:
    """Return the problem for an error that nobody foresaw; the log gets its type and place, which have no personal data."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" in {place.tb_frame.f_code.co_name}, line {place.tb_lineno}" if place else ""
    request().error = f"{kind_of(error)}{where}"
    write = request().method in WRITES
    detail = "The API has failed: look whether it was done before you try again." if write else "The API has failed."
    return Problem(500, detail, title="API failed")


# -- around every route ------------------------------------------------------------------------------------------------


def _with_template(resolver: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Note the route's template, decode the path's parameters, and refuse a customer who is not the token's.

    An HTTP API has decoded the path once; the page encodes what is in it twice, so that an id may have a slash.
    """
    asked = request()
    asked.route = _template(resolver)
    parameters = resolver.context["_route_args"]
    for name in asked.names():
        if isinstance(parameters.get(name), str):
            parameters[name] = unquote(parameters[name])
    customer = parameters.get("customer")
    if customer is not None and not asking().may_ask_about(customer):
        raise Problem(403, "This contact is not from that customer.", title="Another customer")
    return next_middleware(resolver)


def _once(resolver: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Do a write with an idempotency key once: another try of it gets the first one's answer."""
    asked = request()
    key = asked.headers.get(IDEMPOTENCY_HEADER.lower(), "")
    if asked.method not in WRITES or not key:
        return next_middleware(resolver)
    called = []

    def do() -> dict[str, Any]:
        called.append(True)
        try:
            response = next_middleware(resolver)
        except OutcomeUnknown as error:
            if error.repeatable:
                raise
            # Kept as the answer: the same key is not tried again.
            asked.error = str(error)
            unknown = _unknown(error)
            return {"status": unknown.status, "type": PROBLEM, "text": unknown.body()}
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-type"}
        return {
            "status": response.status_code,
            "type": response.content_type or response.headers.get("Content-Type", ""),
            "headers": headers,
            "body": response.body,
        }

    what = {"method": asked.method, "path": asked.path, "query": asked.query, "body": _canonical(asked.body)}
    kept = once(asked.services.writes(), f"{asked.contact_id}#{key}", what, asked.context, do)
    asked.repeated = not called
    body = kept.get("text") if "text" in kept else kept.get("body")
    return Response(kept["status"], kept["type"] or None, body, kept.get("headers"))


def _canonical(body: bytes) -> str:
    """Return the body with its keys in order: the page's MicroPython may write the same values in another one."""
    text = body.decode()
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


app.use(middlewares=[_with_template, _once])


def _template(resolver: APIGatewayHttpResolver) -> str:
    return str(resolver.context["_route"].path)


def _problem(problem: Problem) -> Response[str]:
    return Response(problem.status, PROBLEM, problem.body(), problem.headers())


def _unknown(error: OutcomeUnknown) -> Problem:
    remedy = "Try again: it is done once." if error.repeatable else "Look before you do it again."
    detail = f"The answer was lost: it may have been done. {remedy}"
    return Problem(504, detail, title="Outcome unknown")


def _noted(error: Exception) -> None:
    """Note an error whose text is our own."""
    request().error = str(error)


def _answers(*errors: type[Exception]) -> Callable[[_Handler], _Handler]:
    """Return a decorator: the function answers these errors."""

    def register(function: _Handler) -> _Handler:
        app.exception_handler(list(errors))(function)
        return function

    return register


@_answers(Problem)
def _own(problem: Problem) -> Response[str]:
    request().route = request().route or _template(app)
    return _problem(problem)


@_answers(RequestValidationError)
def _invalid(error: RequestValidationError) -> Response[str]:
    request().route = _template(app)
    return _problem(invalid(error.errors()))


@_answers(RequestUnsupportedContentType)
def _not_json(_error: RequestUnsupportedContentType) -> Response[str]:
    request().route = _template(app)
    return _problem(Problem(415, "The request is not JSON."))


@_answers(RecursionError)
def _too_deep(error: RecursionError) -> Response[str]:
    if request().route:  # it has reached the route: what it does is nested, not the request
        return _unforeseen(error)
    request().route = _template(app)
    return _problem(Problem(400, "The request is nested too deeply."))


@_answers(NotFoundError)
def _no_route(_error: NotFoundError) -> Response[str]:
    request().route = ""  # Powertools has the path there, with its ids
    return _problem(Problem(404, "There is no such route."))


@_answers(NotFound)
def _no_case(_error: NotFound) -> Response[str]:
    return _problem(Problem(404, "The customer has no such case.", title="No such case"))


@_answers(OutcomeUnknown)
def _lost(error: OutcomeUnknown) -> Response[str]:
    _noted(error)
    return _problem(_unknown(error))


@_answers(CasesFailed)
def _cases_failed(error: CasesFailed) -> Response[str]:
    _noted(error)
    return _problem(Problem(502, "The CRM does not answer as it should. Nothing was done.", title="CRM failed"))


@_answers(IdempotencyAlreadyInProgressError)
def _under_way(_error: IdempotencyAlreadyInProgressError) -> Response[str]:
    problem = Problem(409, "It is being done.", title="Under way", retry_after=_RETRY_SECONDS)
    return _problem(problem)


@_answers(IdempotencyValidationError)
def _other_request(_error: IdempotencyValidationError) -> Response[str]:
    detail = "Another request was sent with this key before: make a new one."
    return _problem(Problem(422, detail, title="Key used"))


@_answers(IdempotencyPersistenceLayerError, IdempotencyInconsistentStateError)
def _store_failed(error: Exception) -> Response[str]:
    request().error = f"the store of writes failed: {type(error.__cause__ or error).__name__}"
    return _problem(Problem(503, "It cannot be made sure that this is done once. Try again.", title="Not done"))


@_answers(ServiceError)
def _powertools_own(error: ServiceError) -> Response[str]:
    """Answer BadRequestError and the like, which a team's route may raise: their text is the route's own."""
    return _problem(Problem(int(error.status_code), str(error.msg)))


@_answers(Exception)
def _unforeseen(error: Exception) -> Response[str]:
    """Answer anything else. Without this Powertools logs the whole traceback, with whatever text is in it."""
    return _problem(_failure(error))
