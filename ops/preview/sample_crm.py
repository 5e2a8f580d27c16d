"""The sample CRM that preview serves, so that a screen pop opens something: a list, a search, a page for each customer.

    app.mount("/crm", sample_crm(customers, cases))     # customers: [{"id", "name", "phone", "email"}, ...]

A customer's page shows their cases and notes where `cases` is given, as the API's sample adapter keeps them.

Plain HTML made on the server; every value is escaped.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote

from cases_adapters.sample import SampleCases
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ops.settings import ROOT

STYLE = ROOT / "web" / "crm" / "crm.css"

Customer = dict[str, str]


def sample_crm(customers: list[Customer], cases: SampleCases | None = None) -> Starlette:
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
        about = f"<h1>{escape(found['name'])}</h1><div class=panel><dl>{rows}</dl></div>"
        return _page(found["name"], about + (_cases(cases, found["id"]) if cases else ""))

    def search(request: Request) -> Response:
        query = request.query_params.get("q", "")
        found = [one for one in customers if _matches(one, query)]
        return _page("Search", _list(f"{len(found) or 'Nobody'} found for “{query}”", found), query=query)

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


def _cases(cases: SampleCases, customer: str) -> str:
    rows = "".join(
        f'<tr id="case-{escape(case.id)}"><td>{escape(case.id)}</td><td>{escape(case.subject)}</td>'
        f"<td>{escape(case.status)}</td><td>{escape(case.priority)}</td><td>{_time(case.updated)}</td></tr>"
        for case in cases.all_cases(customer)
    )
    head = "<tr><th>Case</th><th>Subject</th><th>Status</th><th>Priority</th><th>Updated</th></tr>"
    listed = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else "<p class=muted>None.</p>"
    events = "".join(
        f"<li>{_time(event.time)}<span>{escape(event.title)}</span>"
        + (f"<span class=muted>{escape(event.note)}</span></li>" if event.note else "</li>")
        for event in cases.history(customer)
    )
    happened = f"<ul class=history>{events}</ul>" if events else "<p class=muted>Nothing.</p>"
    return f"<h2>Cases</h2><div class=panel>{listed}</div><h2>History</h2><div class=panel>{happened}</div>"


def _time(iso: str) -> str:
    return f'<time datetime="{escape(iso)}">{escape(iso[:16].replace("T", " "))}</time>'


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
