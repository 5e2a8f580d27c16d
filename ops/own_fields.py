"""Check `[tool.popdesk.fields]`, the customer fields of a team's own: {field: contact attribute}, e.g. {"tier": "loyaltyTier"}.

    check_own_fields({"tier": "loyaltyTier"}, settings.attribute_names())    # raises ValueError, or nothing

A field's name is a column of the CSV file, an attribute of a DynamoDB item, a key of sample.json and of the CRM's record. Its
contact attribute travels in the Lambda's answer, through the flow, to the page.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from answers import LONGEST_VALUE
from page_urls import LONGEST_URL

BASIC_FIELDS = ("id", "name", "phone", "email")  # what every customer has: lambda/lookup/customers.py
LONGEST_ANSWER = 32_768  # bytes; the Lambda's answer and a contact's attributes may each have that many
# Contact attribute keys: letters, digits, - and _ (docs.aws.amazon.com/connect/latest/APIReference/
# API_UpdateContactAttributes.html).
ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")

_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_KEYS = ("pk", "sk")  # the keys of a DynamoDB item
# Bytes of an answer's values by their role; those of the others, a status, a size or a number of matches, are few.
_TEXT = 4 * LONGEST_VALUE
LONGEST_TOKEN = 4_096
_LONGEST = {"url": LONGEST_URL, "search": LONGEST_URL, "token": LONGEST_TOKEN}
_LONGEST |= dict.fromkeys(("name", "phone", "identity", "customer"), _TEXT)
_SHORT = 16
_SYNTAX = len('"":"",')


def says_who_is_calling(attribute: str) -> bool:
    """Return whether a contact's attribute of this name may say who the contact is from."""
    # Here, as it imports phonenumbers: a fifth of the time that reading settings takes, and most settings have no such names.
    from identity import is_identity_attribute

    return is_identity_attribute(attribute)


def check_own_fields(fields: dict[str, str], attributes: Mapping[str, str]) -> None:
    """Raise ValueError unless each field and its contact attribute have names of their own and all fit into an answer.

    `attributes` are the names that are taken by their role: those of `[tool.popdesk.attributes]`.
    """
    taken = {name.lower(): "an attribute of [tool.popdesk.attributes]" for name in attributes.values()}
    for field, attribute in fields.items():
        if field in BASIC_FIELDS or field in _KEYS:
            raise ValueError(f"fields.{field}: every customer has {field!r} already; choose another name")
        if not _FIELD.fullmatch(field):
            raise ValueError(
                f"fields.{field}: a field's name is a lower-case letter and up to 63 lower-case letters, digits and _"
            )
        where = f"fields.{field} = {attribute!r}"
        if not ATTRIBUTE_NAME.fullmatch(attribute):
            raise ValueError(f"{where}: only letters, digits, - and _ are allowed")
        if attribute.lower() in taken:
            raise ValueError(f"{where}: that is the name of {taken[attribute.lower()]} already")
        if says_who_is_calling(attribute):
            raise ValueError(
                f"{where}: a contact's attribute of that name says who is calling (docs/lambda.md); choose another name"
            )
        taken[attribute.lower()] = f"fields.{field}"
    if (size := longest_answer(fields.values(), attributes)) > LONGEST_ANSWER:
        raise ValueError(
            f"fields: with these {len(fields)} the Lambda's answer could have {size:,} bytes, and Amazon Connect takes "
            f"{LONGEST_ANSWER:,}: leave some out"
        )


def longest_answer(own: Collection[str], attributes: Mapping[str, str]) -> int:
    """Return the most bytes that an answer with these contact attributes ({role: name}) may have, as JSON in UTF-8."""
    keys = sum(len(name) + _SYNTAX for name in (*own, *attributes.values()))
    return keys + _TEXT * len(own) + sum(_LONGEST.get(role, _SHORT) for role in attributes)
