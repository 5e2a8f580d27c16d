"""The Lambda's answer: what the contact flow reads as `$.External.NAME` and keeps as contact attributes.

    build_answer(settings, identity, [customer]).values
    # -> {"contactUrlPath": "https://crm.example.com/customers/C-1001", "contactUrlWidth": "1000", ...}

Every answer has every key of `[tool.popdesk.attributes]` and all values are strings: that is what the response type
STRING_MAP takes (docs.aws.amazon.com/connect/latest/adminguide/connect-lambda-functions.html), and a flow that copies a
key finds it. Where there is nothing to say the value is `NO_VALUE`, never "".

Under 32 KB by arithmetic: the two URLs have at most 4,096 characters (page_urls.py), all else at most 256 characters of
at most 4 bytes, and eleven names at most 255.
"""

from __future__ import annotations

from flow_contract import NO_VALUE
from page_urls import RefusedUrl, page_url

TYPE_CHECKING = False  # see identity.py
if TYPE_CHECKING:
    from typing import Any

    from customers import Customer
    from identity import Identity

LONGEST_VALUE = 256  # characters; longer ones end in …

OK = "200"  # the directory was asked, or there was nothing to ask: `matches` counts
FAILED = "502"  # the directory could not answer: `matches` is no number, not "0"
TIMED_OUT = "504"  # it did not answer in time: the same


class Answer:
    """`values` is what the flow gets; the rest is for the log, without personal data.

    `matches` says how many customers there are, "" where nobody knows; `refused` why a URL was left out, one line each.
    """

    __slots__ = ("matches", "refused", "values")

    def __init__(self, values: dict[str, str], matches: str, refused: list[str]) -> None:
        self.values = values
        self.matches = matches
        self.refused = refused


def build_answer(
    settings: dict[str, Any], identity: Identity | None, customers: list[Customer] | None, status: str = OK
) -> Answer:
    """Give the answer for `customers`, what the directory gave for `identity`; None where it gave nothing in time.

    Exactly one customer gives that one's page and name. None and several give the CRM's search for the number or
    address instead, and so does a directory that failed: the agent can still look by hand.
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
    by_role["status"] = status
    by_role["width"] = str(settings["width"])
    by_role["height"] = str(settings["height"])
    by_role["matches"] = "" if customers is None else str(len(customers))
    if one:
        by_role["url"] = link("url", crm["customer"], "id", one.id)
        by_role["name"] = clean(one.name)
        by_role["phone"] = clean(one.phone)
    elif identity and crm["search"]:
        by_role["search"] = link("search", crm["search"], "query", identity.value)
    if identity:
        by_role["identity"] = clean(identity.value)
        if identity.kind == "phone":
            by_role["phone"] = clean(identity.value)
    values = {settings["attributes"][role]: value or NO_VALUE for role, value in by_role.items()}
    return Answer(values, by_role["matches"], refused)


def clean(text: str) -> str:
    """Give `text` on one line, without controls and lone surrogates, and at most LONGEST_VALUE characters long."""
    text = text[: 4 * LONGEST_VALUE].encode("utf-8", "replace").decode("utf-8")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1].rstrip() + "…"
