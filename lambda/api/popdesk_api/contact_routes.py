"""The routes of the contact itself: its attributes, and the customers among whom the agent chooses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

from answers import clean
from customers import LookupFailed
from pydantic import BaseModel, ConfigDict, StringConstraints
from token_signing import NoToken

from popdesk_api.app import app, asking, request
from popdesk_api.candidates import NotOne
from popdesk_api.contacts import ContactOver, ContactsFailed
from popdesk_api.problems import Problem


class Candidate(BaseModel):
    """A customer whom the look-up finds for the contact."""

    id: str
    name: str


class CandidateList(BaseModel):
    """Whom the look-up finds, in the directory's order."""

    customers: list[Candidate]


class Choice(BaseModel):
    """The id of the customer whom the agent chose."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Chosen(BaseModel):
    """The look-up's answer for the one who was chosen: what the contact's attributes would be, the token among them."""

    attributes: dict[str, str]


class NewValue(BaseModel):
    """An attribute's new value; a contact's attributes have 32 KB together."""

    model_config = ConfigDict(extra="forbid")

    value: Annotated[str, StringConstraints(max_length=1_000)]


@app.put("/api/contact/attributes/<name>", status_code=204)
def set_attribute(name: str, new: NewValue) -> None:
    """Set an attribute that the settings allow (api.attributes)."""
    services = request().services
    if name not in services.settings["attributes"]:
        raise Problem(403, "The settings do not allow this attribute to be written (api.attributes).")
    with _asking_amazon_connect():
        services.contacts().set_attributes(asking().contact_id, {name: new.value})


@app.get("/api/contact/customers")
def list_candidates() -> CandidateList:
    """Return whom the look-up finds for this contact: their ids and names."""
    with _asking_amazon_connect(), _looking_up():
        found = request().services.look_up().candidates(asking().contact_id)
    return CandidateList(customers=[Candidate(id=each.id, name=clean(each.name)) for each in found])


@app.post("/api/contact/customers")
def choose(choice: Choice) -> Chosen:
    """Return the look-up's answer for the one customer whom the agent chose, with a token that is good for this one."""
    with _asking_amazon_connect(), _looking_up():
        try:
            return Chosen(attributes=request().services.look_up().choose(asking().contact_id, choice.id))
        except NotOne:
            raise Problem(403, "The look-up does not find that customer for this contact.", title="Not one") from None


@contextlib.contextmanager
def _asking_amazon_connect() -> Iterator[None]:
    """Put what Amazon Connect answers into words."""
    try:
        yield
    except ContactOver:
        raise Problem(403, "The contact is over: nothing can be done for it.", title="Contact over") from None
    except ContactsFailed as failed:
        request().error = f"Amazon Connect did not answer: {failed}"
        raise Problem(503, "Amazon Connect does not answer now.", title="Not done") from failed


@contextlib.contextmanager
def _looking_up() -> Iterator[None]:
    """Put what the look-up's adapter raises into words; only the text of our own errors is logged."""
    try:
        yield
    except (Problem, ContactOver, ContactsFailed):
        raise
    except NoToken as none:
        request().error = f"no token: {none}"
        raise Problem(503, "The choice cannot be signed now.", title="Not done") from none
    except TimeoutError as late:
        request().error = "the directory did not answer in time"
        raise Problem(504, "The customers did not come in time.", title="Look-up failed") from late
    except Exception as error:  # whatever an adapter raises
        request().error = f"the look-up failed: {error if isinstance(error, LookupFailed) else type(error).__name__}"
        raise Problem(502, "The customers cannot be looked up now.", title="Look-up failed") from error
