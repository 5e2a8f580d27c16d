"""One agent with one call, as the SDK answers: the desk on which the build plays the cards, and tests show them.

answers = sample_answers(settings, "C-1001", {"tier": "gold"})      # question -> answer, all of popdesk/questions.py

Where the API is enabled, the answers of its shipped routes are among them: "api customers/C-1001/history", "api POST ...".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ops.errors import UserError
from ops.settings import ROOT, Settings

ANSWERS: dict[str, Any] = {
    "agent.arn": "arn:aws:connect:us-east-1:111122223333:instance/i-1/agent/a-7",
    "agent.name": "Alex Rivera",
    "agent.state": {"agentStateARN": "arn:state/s-1", "name": "Available", "type": "routable"},
    "agent.routing_profile": {"name": "Basic Routing Profile", "routingProfileARN": "arn:profile/p-1", "queues": []},
    "agent.channel_concurrency": {"VOICE": 1, "CHAT": 2, "TASK": 1},
    "contact.channel": {"type": "voice", "subtype": "connect:Telephony"},
    "contact.queue": {"name": "BasicQueue", "queueARN": "arn:queue/q-1", "queueId": "q-1"},
    "contact.queue_timestamp": "2026-01-31T12:00:00.000Z",
    "contact.state_duration": 61000,
    "contact.initial_id": "c-0",
    "contact.phone_number": "+12065550100",
    "workspace states": [
        {"agentStateARN": "arn:state/s-1", "name": "Available", "type": "routable"},
        {"agentStateARN": "arn:state/s-2", "name": "Lunch", "type": "not_routable"},
    ],
    "workspace quick_connects": [
        {"type": "agent", "endpointARN": "arn:transfer-destination/1", "name": "Sam Okafor"},
        {"type": "queue", "endpointARN": "arn:transfer-destination/2", "name": "Sales"},
    ],
    "workspace may_dial": True,
    "workspace is_on_hold": False,
    # What actions do: their answers.
    "workspace set_state": {"status": "queued", "current": {"name": "Available"}, "next": {"name": "Lunch"}},
    "workspace set_offline": {"status": "queued", "current": {"name": "Available"}, "next": {"name": "Offline"}},
    "workspace dial": {"contactId": "c-2"},
    **dict.fromkeys(
        [f"workspace {name}" for name in ("transfer", "add_participant", "accept", "clear", "hold", "resume")]
    ),
}
# Whom the look-up has found, where no customer of the sample file is named.
_CUSTOMER = {"id": "C-1001", "name": "Ana Carolina Silva", "phone": "+12065550100"}


def sample_answers(
    settings: Settings, customer: str = "", attributes: dict[str, str] | None = None, project: Path = ROOT
) -> dict[str, Any]:
    """Return the answer to every question: {question: answer}.

    `customer` is the id of one in the project's sample file, whom the look-up then has found. `attributes` are set on the
    contact beside what the look-up answers: by their names, or by those of `[tool.popdesk.attributes]` and
    `[tool.popdesk.fields]`. Raises UserError for a customer that is not in the file.
    """
    found = _customer(project, customer) if customer else _CUSTOMER
    names = {**settings.attribute_names(), **settings.fields}
    values = {
        "url": settings.crm.customer.replace("{id}", found["id"]),
        "name": found.get("name", ""),
        "phone": found.get("phone", ""),
        "identity": found.get("phone", ""),
        "matches": "1",
        "status": "200",
        "customer": found["id"],
        "token": "sample",
        **{field: found[field] for field in settings.fields if field in found},
    }
    told = {names[key]: str(text) for key, text in values.items() if key in names and text}
    told |= {names.get(key, key): text for key, text in (attributes or {}).items()}
    number = {"contact.phone_number": found["phone"]} if found.get("phone") else {}
    api = _api_answers(found["id"]) if settings.api.enabled else {}
    return {**ANSWERS, **number, "contact.attributes": told, **api}


def _api_answers(customer: str) -> dict[str, Any]:
    """Return what the shipped routes of the API answer (docs/api.md), by the names that the page has for them."""
    case = {
        "id": "2041",
        "subject": "Late parcel",
        "status": "open",
        "priority": "high",
        "opened": "2026-01-29T09:30:00Z",
        "updated": "2026-01-30T16:05:00Z",
        "url": "",
    }
    events = [
        {"time": "2026-01-30T16:05:00Z", "title": "Case 2041: note", "note": "The carrier looks for it."},
        {"time": "2026-01-29T09:30:00Z", "title": "Case 2041: Late parcel", "note": ""},
    ]
    of_customer = f"customers/{quote(customer, safe='')}"
    return {
        f"api {of_customer}/cases?status=open": {"cases": [case]},
        f"api {of_customer}/history": {"events": events},
        f"api POST {of_customer}/cases": {**case, "id": "2042"},
        f"api POST {of_customer}/notes": None,
        f"api POST {of_customer}/cases/2041/notes": None,
        f"api PATCH {of_customer}/cases/2041": {**case, "status": "closed"},
    }


def _customer(project: Path, wanted: str) -> dict[str, str]:
    file = project / "lambda" / "lookup" / "adapters" / "sample.json"
    for each in json.loads(file.read_text("utf-8")):
        if each["id"] == wanted:
            return {key: str(value) for key, value in each.items()}
    raise UserError(
        f"customer {wanted!r}", "the sample file has no such id", f"look into {file.name} for the ids that there are"
    )
