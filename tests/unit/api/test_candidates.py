"""The customers among whom an agent chooses: those of the look-up's own adapter, and no other."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from customers import Customer, LookupFailed
from popdesk_api.contact_token import verify
from popdesk_api.contacts import ContactOver, ContactsFailed
from token_signing import KEYS_VARIABLE

from tests.unit.api.requests import KEY, Asks
from tests.unit.lambda_.tokens import AUDIENCE, KEYS

PATH = "contact/customers"


@pytest.fixture
def asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asks:
    monkeypatch.setenv(KEYS_VARIABLE, json.dumps({kid: key.decode() for kid, key in KEYS.items()}))
    return Asks(tmp_path)


def _found(asks: Asks) -> list[str]:
    answer = asks("GET", PATH)
    assert answer.status == 200
    return [customer["id"] for customer in answer.json["customers"]]


def test_they_are_those_who_share_the_callers_number(asks: Asks) -> None:
    answer = asks("GET", PATH)
    assert answer.status == 200
    assert len(answer.json["customers"]) == 2
    assert all(set(customer) == {"id", "name"} and customer["name"] for customer in answer.json["customers"])


def test_who_is_chosen_is_in_the_look_ups_answer_and_in_its_token(asks: Asks) -> None:
    _, second = _found(asks)
    answer = asks("POST", PATH, {"id": second})
    assert answer.status == 200
    attributes = answer.json["attributes"]
    assert (attributes["customerId"], attributes["contactMatches"], attributes["statusCode"]) == (second, "1", "200")
    assert attributes["contactUrlPath"].endswith(second)
    proof = verify(attributes["popdeskToken"], KEYS, AUDIENCE, time.time())
    assert (proof.contact_id, proof.customers) == ("c-1", (second,))
    assert asks.contacts.written == []
    printed = json.dumps(asks.log)
    assert attributes["popdeskToken"] not in printed
    assert second not in printed
    assert [line["message"] for line in asks.log][-1] == "audit"


@pytest.mark.parametrize("chosen", ["C-1001", "C-9", "-", "*", "C-1001\n", "c-1012"])
def test_nobody_else_can_be_chosen(asks: Asks, chosen: str) -> None:
    answer = asks("POST", PATH, {"id": chosen})
    assert (answer.status, answer.json["title"]) == (403, "Not one")


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": ["C-1"]}, {"id": "C-1", "token": "x"}, [], None])
def test_a_choice_that_is_none_is_told_so(asks: Asks, body: Any) -> None:
    assert asks("POST", PATH, body).status == 422


def test_what_the_look_up_had_identified_goes_before_the_endpoint(asks: Asks) -> None:
    asks.contacts.attributes = {"ContactPhoneNumberOrEmail": "+12065550100"}  # the caller has typed another number
    assert _found(asks) == ["C-1001"]
    asks.contacts.attributes = {"ContactPhoneNumberOrEmail": "-"}
    assert len(_found(asks)) == 2
    asks.contacts.address = "+12065550199"
    assert _found(asks) == []
    asks.contacts.address = "anonymous"
    assert _found(asks) == []


class Failing:
    """A look-up that fails as the test says."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def candidates(self, contact_id: str) -> list[Customer]:  # noqa: ARG002
        raise self.error

    def choose(self, contact_id: str, customer_id: str) -> dict[str, str]:  # noqa: ARG002
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "logged"),
    [
        (LookupFailed("the CRM answered 500"), 502, "the CRM answered 500"),
        (TimeoutError(), 504, "in time"),
        (ValueError("+12125550150"), 502, "ValueError"),
        (ContactOver("over"), 403, ""),
        (ContactsFailed("ThrottlingException"), 503, "ThrottlingException"),
    ],
)
def test_a_look_up_that_fails_is_told_in_words_without_the_callers_number(
    asks: Asks, error: Exception, status: int, logged: str
) -> None:
    asks.look_up = Failing(error)
    for answer in (asks("GET", PATH), asks("POST", PATH, {"id": "C-1"}, KEY)):
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "+12125550150" not in answer.body.decode()
    assert "+12125550150" not in json.dumps(asks.log)
    assert logged in json.dumps(asks.log)


def test_without_a_key_the_choice_is_not_signed(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE)
    answer = asks("POST", PATH, {"id": _found(asks)[0]})
    assert (answer.status, answer.json["title"]) == (503, "Not done")
