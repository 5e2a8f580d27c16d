"""Build the Lambda's answer, which the contact flow reads as `$.External.NAME` and stores as contact attributes.

    build_answer(settings, identity, [customer]).values
    # -> {"contactUrlPath": "https://crm.example.com/customers/C-1001", "contactUrlWidth": "1000", ...}

Every answer has every key of `[tool.popdesk.attributes]` and `[tool.popdesk.fields]`, so that a flow that copies a key finds
it, and all values are strings, as the response type STRING_MAP requires
(docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html). A missing value is `NO_VALUE`, never "".

An answer cannot exceed Amazon Connect's 32 KB: its two URLs have at most 4,096 characters (page_urls.py), every other
value at most 256 characters of at most 4 bytes, and ops/own_fields.py checks that there are not too many fields.
"""

from __future__ import annotations

from customers import LookupFailed
from flow_contract import NO_VALUE
from page_urls import RefusedUrl, page_url

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from customers import Customer
    from identity import Identity

LONGEST_VALUE = 256  # characters; a longer value is cut and ends in …

# The statuses. After FAILED and TIMED_OUT the number of matches is unknown, which is not the same as "0".
OK = "200"  # the directory answered, or the contact has no number or address to look up
FAILED = "502"  # the directory could not answer
TIMED_OUT = "504"  # it did not answer in time


class Answer:
    """The answer and what is logged about it.

    `values` goes to the flow. `matches` is the number of customers found, "" if it is unknown. `refused` has a line for each
    URL that was left out, with the reason. `matches` and `refused` contain no personal data.
    """

    __slots__ = ("matches", "refused", "values")

    def __init__(self, values: dict[str, str], matches: str, refused: list[str]) -> None:
        self.values = values
        self.matches = matches
        self.refused = refused


def build_answer(
    settings: dict[str, Any], identity: Identity | None, customers: list[Customer] | None, status: str = OK
) -> Answer:
    """Return the answer for the `customers` that the directory found for `identity`, None if it failed or timed out.

    One customer is answered with their page, name and telephone number, which need not be the caller's. For no customer, for
    several and after a failure the answer has the CRM's search for the number or address instead, so that the agent can
    search by hand.
    """
    crm, allowed = settings["crm"], settings["allowed_hosts"]
    refused: list[str] = []

    def link(role: str, template: str, placeholder: str, value: str) -> str:
        try:
            return page_url(template, placeholder, value, allowed)
        except RefusedUrl as refusal:
            refused.append(f"{role}: {refusal}")
            return ""

    one = customers[0] if customers is not None and len(customers) == 1 else None
    by_role = dict.fromkeys(settings["attributes"], "")
    fields = dict.fromkeys(settings["fields"], "")
    by_role["status"] = status
    by_role["width"] = str(settings["width"])
    by_role["height"] = str(settings["height"])
    by_role["matches"] = "" if customers is None else str(len(customers))
    if one:
        by_role["url"] = link("url", crm["customer"], "id", one.id)
        by_role["name"] = clean(one.name)
        by_role["phone"] = clean(one.phone)
        if "customer" in by_role and clean(one.id) == one.id:  # a part of an id is the id of somebody else
            by_role["customer"] = one.id
        for field in fields:
            text = one.fields.get(field, "")
            if not isinstance(text, str):
                raise LookupFailed(f"the adapter's field {field!r} is not a string")
            fields[field] = clean(text)
    elif identity and crm["search"]:
        by_role["search"] = link("search", crm["search"], "query", identity.value)
    if identity:
        by_role["identity"] = clean(identity.value)
        if identity.kind == "phone" and not one:
            by_role["phone"] = clean(identity.value)
    values = {settings["attributes"][role]: value or NO_VALUE for role, value in by_role.items()}
    values |= {settings["fields"][field]: value or NO_VALUE for field, value in fields.items()}
    return Answer(values, by_role["matches"], refused)


def clean(text: str) -> str:
    """Return `text` on one line, without control characters and lone surrogates, cut to LONGEST_VALUE characters."""
    text = text[: 4 * LONGEST_VALUE].encode("utf-8", "replace").decode("utf-8")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1].rstrip() + "…"
