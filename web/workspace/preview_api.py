"""What the page asks of the preview server (ops/preview/routes.py).

config = await fetch_json("/api/config")
outcome = await run_flow(contact, typed="")       # the contact flow's outcome, of POST /api/offer
await set_api_faults(faults.api)
"""

import json

import js
from jsffi import to_js

from model.desk import NotPossible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from model.contact import Contact


async def fetch_json(path: str, body: "Any" = None) -> "Any":
    """Return the answer of the preview server; a body is posted as JSON. Raises NotPossible where there is no answer."""
    try:
        answer = await (js.fetch(path) if body is None else post(path, body))
        text = await answer.text()
    except Exception as error:
        raise NotPossible("the preview server does not answer " + path + " (" + str(error) + ")")
    if not answer.ok:
        raise NotPossible("the preview server answered " + path + " with status " + str(answer.status))
    return json.loads(text)


def post(path: str, body: "Any") -> "Any":
    """Post a body as JSON; return the promise of the response."""
    headers = {"Content-Type": "application/json"}
    return js.fetch(path, to_js({"method": "POST", "headers": headers, "body": json.dumps(body)}))


async def run_flow(contact: "Contact", typed: str) -> "dict[str, Any]":
    """Run the contact flow for a contact; return its outcome. Raises NotPossible where there is none."""
    endpoint = {"address": contact.address, "type": contact.address_type} if contact.address else None
    body = {
        "contact": {
            "contactId": contact.id,
            "initialContactId": contact.initial_id or None,
            "channel": contact.channel,
            "subtype": contact.subtype,
            "customerEndpoint": endpoint,
            "attributes": contact.attributes,
        },
        "typed": typed,
    }
    outcome: dict[str, Any] = await fetch_json("/api/offer", body)
    return outcome


async def set_api_faults(faults: "dict[str, Any]") -> None:
    """Make the team's API go wrong on purpose. Raises NotPossible where the server does not take it."""
    try:
        answer = await post("/api/faults", faults)
    except Exception as error:
        raise NotPossible("the preview server does not answer (" + str(error) + ")")
    if not answer.ok:
        raise NotPossible("the preview server answered /api/faults with status " + str(answer.status))
