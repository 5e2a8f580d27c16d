"""The sample CRM that preview serves, so that a screen pop opens something: a list, a search, a page for each customer.

    app.mount("/crm", sample_crm(customers))     # customers: [{"id", "name", "phone", "email"}, ...]

Plain HTML made on the server; every value is escaped.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ops.settings import ROOT

STYLE = ROOT / "web" / "crm" / "crm.css"

Customer = dict[str, str]


def sample_crm(customers: list[Customer]) -> Starlette:
    """Make the CRM's pages as an app to be mounted at /crm."""
    by_id = {customer["id"]: customer for customer in customers}

    def home(request: Request) -> Response:
        del request
        return _page("Customers", _list("Customers", customers))

    def customer(request: Request) -> Response:
        found = by_id.get(request.path_params["id"])
        if found is None:
            return _page(
                "No such customer", "<h1>No such customer</h1><p class=muted>The address names nobody.</p>", 404
            )
        rows = "".join(
            f"<dt>{label}</dt><dd>{escape(found[key])}</dd>"
            for key, label in (("id", "Customer id"), ("phone", "Phone"), ("email", "E-mail"))
        )
        return _page(found["name"], f"<h1>{escape(found['name'])}</h1><div class=panel><dl>{rows}</dl></div>")

    def search(request: Request) -> Response:
        query = request.query_params.get("q", "")
        found = [one for one in customers if _matches(one, query)]
        return _page("Search", _list(f"{len(found)} found for “{query}”", found), query=query)

    def style(request: Request) -> Response:
        del request
        return Response(STYLE.read_bytes(), media_type="text/css")

    return Starlette(
        routes=[
            Route("/", home),
            Route("/customers/{id}", customer),
            Route("/search", search),
            Route("/crm.css", style),
        ]
    )


def _matches(customer: Customer, query: str) -> bool:
    """Return whether the words stand in one of the customer's fields, or the digits of a number in the phone number."""
    wanted = query.strip().lower()
    if wanted and any(wanted in value.lower() for value in customer.values()):
        return True
    digits = re.sub(r"[\s().+-]", "", wanted)
    return digits.isdecimal() and len(digits) > 2 and digits in customer["phone"]


def _list(title: str, customers: list[Customer]) -> str:
    rows = "".join(
        f'<li><a href="/crm/customers/{quote(one["id"], safe="")}">{escape(one["name"])}</a>'
        f"<span>{escape(one['phone'])}</span><span class=muted>{escape(one['email'])}</span></li>"
        for one in customers
    )
    return f"<h1>{escape(title)}</h1>" + (f"<div class=panel><ul>{rows}</ul></div>" if rows else "")


def _page(title: str, body: str, status: int = 200, query: str = "") -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)} · Sample CRM</title><link rel="stylesheet" href="/crm/crm.css">'
        '<link rel="icon" href="data:,"></head><body>'
        '<header><a href="/crm/">Sample CRM</a><form action="/crm/search"><input type="search" name="q" '
        f'aria-label="Search customers" placeholder="Search customers" value="{escape(query)}"></form></header>'
        f"<main>{body}</main></body></html>",
        status,
        {
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )
