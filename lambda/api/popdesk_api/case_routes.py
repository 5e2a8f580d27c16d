"""The routes of cases and history; the adapter of the settings answers them (cases.py)."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from page_urls import RefusedUrl, check_url
from pydantic import BaseModel

from popdesk_api.app import app, request, write
from popdesk_api.cases import Case, CaseChange, Cases, Event, NewCase, NewNote


class CaseList(BaseModel):
    """A customer's open cases."""

    cases: list[Case]


class History(BaseModel):
    """What happened with a customer, newest first."""

    events: list[Event]


def _cases() -> Cases:
    return request().services.cases()


def _with_page(customer: str, case: Case) -> Case:
    """Return the case with the URL of its page in the CRM, "" where the settings have none or it may not be opened."""
    settings = request().services.settings
    template = settings["crm"]["case"] or settings["crm"]["customer"]
    url = case.url or template.replace("{customer}", quote(customer, safe="")).replace(
        "{id}", _of(template, customer, case)
    )
    try:
        check_url(url, settings["allowed_hosts"])
    except RefusedUrl:
        url = ""
    return case.model_copy(update={"url": url})


def _of(template: str, customer: str, case: Case) -> str:
    """Return what stands for {id}: the case's where the page is a case's, the customer's otherwise."""
    own = request().services.settings["crm"]["case"]
    return quote(case.id if template == own else customer, safe="")


@app.get("/api/customers/<customer>/cases")
def list_cases(customer: str, status: Literal["open"] = "open") -> CaseList:
    """Return the customer's open cases."""
    del status  # there is no other
    return CaseList(cases=[_with_page(customer, case) for case in _cases().open_cases(customer)])


@app.get("/api/customers/<customer>/history")
def history(customer: str) -> History:
    """Return what happened lately."""
    return History(events=_cases().history(customer))


@app.post("/api/customers/<customer>/cases", status_code=201)
def create_case(customer: str, new: NewCase) -> Case:
    """Create a case."""
    return _with_page(customer, _cases().create_case(customer, new, write()))


@app.patch("/api/customers/<customer>/cases/<case>")
def update_case(customer: str, case: str, change: CaseChange) -> Case:
    """Change a case: close it, open it again, call it otherwise."""
    return _with_page(customer, _cases().update_case(customer, case, change, write()))


@app.post("/api/customers/<customer>/cases/<case>/notes", status_code=201)
def add_case_note(customer: str, case: str, note: NewNote) -> None:
    """Add a note to a case."""
    _cases().add_note(customer, case, note.text, write())


@app.post("/api/customers/<customer>/notes", status_code=201)
def add_customer_note(customer: str, note: NewNote) -> None:
    """Add a note to the customer."""
    _cases().add_note(customer, "", note.text, write())
