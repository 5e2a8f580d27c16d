"""The routes of the contact itself: its attributes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from popdesk_api.app import app, asking, request
from popdesk_api.problems import Problem


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
    services.contacts().set_attributes(asking().contact_id, {name: new.value})
