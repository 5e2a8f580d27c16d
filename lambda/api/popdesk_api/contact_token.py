"""Verify the contact's token, which the look-up signed (lambda/lookup/token_signing.py) and the page sends with every request.

    proof = verify(token, {"kid": b"key"}, "popdesk-prod", time.time())
    proof.contact_id, proof.customers         # -> "b8f2...", ("C-1001",)

It proves that this stack's look-up has answered for that contact, and with which customer. It does not prove who sends it,
nor that the contact is still with an agent: contacts.py asks Amazon Connect that. docs/security.md says more. Pure: keys and
time are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from token_signing import ALGORITHM, ISSUER, LONGEST_TOKEN, MOST_CUSTOMERS

# Seconds that the clocks of two Lambdas may differ by.
CLOCK_SKEW = 60
# Members of the header that we write; any other may mean something that is not checked here (RFC 7515, 4.1.11, "crit").
_HEADER = {"alg", "kid", "typ"}
_CLAIMS = ["iss", "aud", "sub", "customers", "iat", "exp"]
_LONGEST_CONTACT_ID = 128


class Refused(Exception):
    """The token is not good. The text says why, for the log and for the page; nothing of the token is in it."""


class UnknownKey(Refused):
    """The token names a key that is not known: it may be newer than the keys that have been read."""


@dataclass(frozen=True)
class Proof:
    """What a token proves: the contact, the ids of the customers it is good for, and until when (seconds since 1970)."""

    contact_id: str
    customers: tuple[str, ...]
    expires: int


def verify(token: str, keys: Mapping[str, bytes], audience: str, now: float) -> Proof:
    """Return what the token proves. Raises Refused, of which UnknownKey may pass with newer keys.

    `keys` are the keys by their id, `audience` the stack's name, `now` the time in seconds since 1970. The algorithm is never
    taken from the token (RFC 8725, 3.1), and every claim must be there, with its type.
    """
    if not audience:
        raise Refused("this function does not know its stack's name")
    if not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise Refused("it is no token of the look-up's")
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != _HEADER or header["alg"] != ALGORITHM or not isinstance(header["kid"], str):
            raise Refused("its header is not the look-up's")
        key = keys.get(header["kid"])
        if key is None:
            raise UnknownKey("it is signed with a key that is not known")
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=ISSUER,
            # The times are compared below, with the time that is given.
            options={
                "require": _CLAIMS,
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Refused(f"it is not signed by the look-up of this stack ({type(error).__name__})") from None
    return _checked(claims, now)


def _checked(claims: dict[str, Any], now: float) -> Proof:
    """Return the claims as a proof. Raises Refused for a wrong type or time."""
    contact_id, customers, issued, expires = (claims[name] for name in ("sub", "customers", "iat", "exp"))
    if type(issued) is not int or type(expires) is not int:
        raise Refused("its times are no numbers")
    if now >= expires:
        raise Refused("it has expired")
    if max(issued, _not_before(claims)) > now + CLOCK_SKEW:
        raise Refused("it is not valid yet")
    if not isinstance(contact_id, str) or not 0 < len(contact_id) <= _LONGEST_CONTACT_ID:
        raise Refused("it names no contact")
    if not isinstance(customers, list) or len(customers) > MOST_CUSTOMERS:
        raise Refused("its customers are no list of ids")
    if not all(isinstance(customer, str) and customer for customer in customers):
        raise Refused("its customers are no list of ids")
    return Proof(contact_id, tuple(customers), expires)


def _not_before(claims: dict[str, Any]) -> int:
    begins = claims.get("nbf", 0)
    if type(begins) is not int:
        raise Refused("its times are no numbers")
    return begins
