"""Preview's two sites as Starlette applications: the workspace with what its page asks, and the app.

    workspace_site(builds, pages, connect, api, origin="http://127.0.0.1:8000", app_url="http://localhost:8001/")
    app_site(builds, api)

Both are for this machine's browsers alone: ops/preview/guard.py. The app is served with production's headers
(ops/site/headers.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from popdesk_api.contract import PREFIX
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from ops.flows.definitions import VIEW_SECONDS
from ops.flows.runner import Contact
from ops.preview.builds import MAIN_FLOW, Builds
from ops.preview.guard import Guard
from ops.preview.local_api import METHODS, ApiFaults, LocalApi
from ops.preview.local_connect import LocalConnect
from ops.preview.open_pages import OpenPages
from ops.preview.sample_crm import sample_crm
from ops.settings import ALLOW, SANDBOX
from ops.site.contents import Site
from ops.site.headers import cache_control
from ops.site.media_types import media_type

# The workspace frames the app and, with /?app=URL, any app on this machine or served over https.
_WORKSPACE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; frame-src http://localhost:* http://127.0.0.1:* https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LONGEST_REQUEST = 1_000_000  # bytes; the function takes far less and says so
_NO_STORE = {"Cache-Control": "no-store"}


class _OfferedContact(BaseModel):
    """The contact that the page offers; a number given as an attribute is taken as its text."""

    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True)

    contact_id: str
    initial_contact_id: str | None = None
    channel: Literal["VOICE", "CHAT", "TASK", "EMAIL"]
    subtype: str | None = None
    customer_endpoint: dict[Literal["address", "type"], str] | None = None
    attributes: dict[str, str] | None = None

    def contact(self) -> Contact:
        """Return the contact for the flow."""
        endpoint = self.customer_endpoint
        return Contact(
            contact_id=self.contact_id,
            initial_id=self.initial_contact_id or self.contact_id,
            channel=self.channel,
            subtype=self.subtype or "",
            endpoint={"address": endpoint["address"], "type": endpoint.get("type", "")}
            if endpoint and endpoint.get("address")
            else None,
            attributes=self.attributes or {},
        )


class _Offer(BaseModel):
    """What POST /api/offer takes; `typed` is what the caller enters when the flow asks."""

    contact: _OfferedContact
    typed: str | None = None


class _Answer(BaseModel):
    """What POST /api/answers takes: the page's answer to a command."""

    id: str
    result: Any = None
    error: str | None = None


class _News(BaseModel):
    """What POST /api/contacts takes: the new state of one of the page's contacts."""

    model_config = ConfigDict(alias_generator=to_camel)

    contact_id: Annotated[str, Field(max_length=256)]
    state: Literal["connected", "acw", "missed", "error", "cleared"]
    agent_arn: Annotated[str, Field(max_length=256)]


class _Print(BaseModel):
    """What POST /api/prints takes: what the app's Python has printed."""

    text: Annotated[str, Field(max_length=100_000)]


def workspace_site(
    builds: Builds,
    pages: OpenPages,
    connect: LocalConnect,
    api: LocalApi,
    origin: str,
    app_url: str,
    service: str = "?service",
) -> Starlette:
    """Return the workspace's site: its page, what that asks (/api/), and the sample CRM (/crm/).

    `service` is what the application's address has as a service (ops/cloud/template_service.yaml).
    """

    async def page(request: Request) -> Response:
        return _file(builds.workspace, request.url.path, _WORKSPACE_HEADERS)

    async def config(_request: Request) -> Response:
        settings = builds.settings
        app = {
            "name": settings.name,
            "url": app_url,
            "scope": settings.iframe.scope,
            "sandbox": settings.iframe.sandbox,
            "allow": settings.iframe.allow,
            "permissions": settings.permissions,
        }
        content = {
            "app": app,
            "service": {"name": settings.service[0], "url": f"{app_url}{service}", "permissions": ["*"]}
            if settings.opens == "service"
            else None,
            "view_seconds": VIEW_SECONDS,
            "iframe": {"sandbox": SANDBOX, "allow": ALLOW},
            "attributes": settings.attribute_names(),
            "customers": builds.customers,
            "crm": settings.crm.home,
            "tell_contacts": settings.api.enabled,
            "secrets": settings.secret_attributes(),
            "api_faults": api.faults.model_dump(),
        }
        return JSONResponse(content, headers=_NO_STORE)

    async def offer(request: Request) -> Response:
        offer = _Offer.model_validate_json(await request.body())
        contact = offer.contact.contact()
        connect.offered(contact)
        outcome = await run_in_threadpool(builds.runner.run, MAIN_FLOW, contact, offer.typed or "")
        connect.flow_done(contact.contact_id, outcome.attributes)
        return JSONResponse(outcome.as_json())

    async def events(request: Request) -> Response:
        if request.method == "HEAD":  # Starlette's routes answer it with GET's; it would be sent the commands
            return Response(media_type="text/event-stream")
        different = {tuple(problem.items()): problem for problem in builds.problems.values()}
        stream = pages.events(list(different.values()))
        return StreamingResponse(stream, media_type="text/event-stream", headers=_NO_STORE)

    async def answers(request: Request) -> Response:
        answer = _Answer.model_validate_json(await request.body())
        pages.answered(answer.id, answer.result, answer.error)
        return Response(status_code=204)

    async def contacts(request: Request) -> Response:
        news = _News.model_validate_json(await request.body())
        connect.tell(news.contact_id, news.state, news.agent_arn)
        return Response(status_code=204)

    async def prints(request: Request) -> Response:
        builds.printed(_Print.model_validate_json(await request.body()).text)
        return Response(status_code=204)

    async def faults(request: Request) -> Response:
        api.faults = ApiFaults.model_validate_json(await request.body())
        return Response(status_code=204)

    async def crm(scope: Scope, receive: Receive, send: Send) -> None:
        await sample_crm(builds.customers, builds.sample_cases())(scope, receive, send)

    async def to_crm(_request: Request) -> Response:
        return RedirectResponse("/crm/")

    return Starlette(
        routes=[
            Route("/api/config", config),
            Route("/api/offer", offer, methods=["POST"]),
            Route("/api/events", events),
            Route("/api/answers", answers, methods=["POST"]),
            Route("/api/contacts", contacts, methods=["POST"]),
            Route("/api/prints", prints, methods=["POST"]),
            Route("/api/faults", faults, methods=["POST"]),
            Route("/crm", to_crm),
            Mount("/crm", crm),
            Route("/{path:path}", page),
        ],
        # Another name that resolves to this machine must not reach it (DNS rebinding).
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[urlsplit(origin).hostname or ""]),
            Middleware(Guard, origin=origin),
        ],
        exception_handlers={ValidationError: _bad_request, ClientDisconnect: _gone},
    )


def app_site(builds: Builds, api: LocalApi) -> Starlette:
    """Return the app's site, with production's headers: the workspace alone may frame it; and the team's API."""

    async def page(request: Request) -> Response:
        return _file(builds.app, request.url.path, builds.app_headers)

    return Starlette(
        routes=[
            Route(f"{PREFIX}{{path:path}}", api.endpoint, methods=METHODS),
            Route("/{path:path}", page),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"]),
            Middleware(Guard, longest=_LONGEST_REQUEST),
        ],
        exception_handlers={ClientDisconnect: _gone},
    )


def _file(site: Site, path: str, headers: Mapping[str, str]) -> Response:
    name = path.lstrip("/") or "index.html"
    content = site.contents.get(name)
    if content is None:
        return Response("Not found\n", 404, dict(headers), "text/plain")
    return Response(content, 200, {**headers, "Cache-Control": cache_control(name)}, media_type(name))


def _gone(_request: Request, _error: Exception) -> Response:
    """Answer a page that was closed while it posted: nobody reads it."""
    return Response(status_code=400)


def _bad_request(_request: Request, error: Exception) -> Response:
    """Return which keys of the body are wrong, and not what is in them."""
    assert isinstance(error, ValidationError)
    wrong = [f"{'.'.join(map(str, one['loc'])) or 'the body'}: {one['msg']}" for one in error.errors()]
    return JSONResponse({"error": "; ".join(wrong)}, 400)
