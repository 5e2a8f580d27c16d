"""The contact's token: what the look-up signs is verified, and nothing else is, however it is made."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from customers import LookupFailed
from hypothesis import given
from hypothesis import strategies as st
from popdesk_api.contact_token import CLOCK_SKEW, Proof, Refused, UnknownKey, verify
from popdesk_api.token_keys import KeysFailed, TokenKeys, read_keys
from token_signing import KEYS_VARIABLE, LIFETIME, LONGEST_TOKEN, NoToken, TokenSigner

from tests.unit.lambda_.tokens import AUDIENCE, CONTACT, KEYS, NOW, claims, forge


def _signer(monkeypatch: pytest.MonkeyPatch, keys: dict[str, bytes] = KEYS) -> TokenSigner:
    monkeypatch.setenv(KEYS_VARIABLE, json.dumps({kid: key.decode() for kid, key in keys.items()}))
    signer = TokenSigner(AUDIENCE)
    signer.fetch_keys(2)
    return signer


def test_what_the_look_up_signs_proves_the_contact_and_its_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = int(time.time())
    token = _signer(monkeypatch).sign(CONTACT, ["C-1001"])
    proof = verify(token, KEYS, AUDIENCE, time.time())
    assert proof == Proof(CONTACT, ("C-1001",), proof.expires)
    assert before + LIFETIME <= proof.expires <= time.time() + LIFETIME


def test_a_forged_token_like_ours_is_good_so_that_the_others_below_fail_for_their_own_fault() -> None:
    assert verify(forge(claims()), KEYS, AUDIENCE, NOW) == Proof(CONTACT, ("C-1001",), NOW + 3600)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "popdesk-prod"},  # another environment's
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "popdesk-prod"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": {"id": CONTACT}},
        {"sub": "c" * 129},
        {"customers": None},
        {"customers": "C-1001"},
        {"customers": {"C-1001": 1}},
        {"customers": [1]},
        {"customers": [""]},
        {"customers": [None]},
        {"customers": ["C-1"] * 21},
        {"iat": None},
        {"iat": "1"},
        {"iat": True},
        {"iat": 1.5},
        {"iat": NOW + CLOCK_SKEW + 1},  # not yet valid
        {"nbf": NOW + CLOCK_SKEW + 1},
        {"nbf": "now"},
        {"exp": None},
        {"exp": NOW},  # expired
        {"exp": NOW - 1},
        {"exp": str(NOW + 60)},
        {"exp": float(NOW + 60)},
        {"exp": True},
        {"exp": -1},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        verify(forge(claims(**changed)), KEYS, AUDIENCE, NOW)


GOOD = forge(claims())


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        GOOD[:-1],
        GOOD[:-4] + "AAAA",
        GOOD + "A",
        GOOD + ".A",
        " " + GOOD,
        GOOD + "\n",
        GOOD.replace(".", ". "),
        GOOD.rpartition(".")[0] + ".",  # no signature
        GOOD.rpartition(".")[0],
        "é" + GOOD,
        GOOD + "\u200b",
        "\ud800",
        "A" * (LONGEST_TOKEN + 1),
        forge(claims(customers=["C" * LONGEST_TOKEN])),  # well signed, and longer than any of ours
        forge(claims(), {"alg": "none", "typ": "JWT", "kid": "kid-1"}),
        forge(claims(), {"alg": "none", "typ": "JWT", "kid": "kid-1"}).rpartition(".")[0] + ".",
        forge(claims(), {"alg": "nOnE", "typ": "JWT", "kid": "kid-1"}),
        forge(claims(), {"alg": "HS384", "typ": "JWT", "kid": "kid-1"}, digest="sha384"),
        forge(claims(), {"alg": "HS512", "typ": "JWT", "kid": "kid-1"}, digest="sha512"),
        forge(claims(), {"alg": "RS256", "typ": "JWT", "kid": "kid-1"}),
        forge(claims(), {"alg": ["HS256"], "typ": "JWT", "kid": "kid-1"}),
        forge(claims(), {"alg": "HS256", "typ": "JWT"}),  # no kid
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": 1}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": None}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": ["kid-1"]}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"}, key=b""),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "kid-1", "crit": ["b64"], "b64": False}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "kid-1", "jku": "https://attacker.example/keys"}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "kid-1", "jwk": {"kty": "oct", "k": "AAAA"}}),
        forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "kid-1", "x5u": "https://attacker.example/"}),
        forge(claims(), key=b"another key"),
        forge(claims(), key=b""),
        forge([claims()]),
        forge("popdesk"),
        forge(None),
        forge(b"\xff\xfe"),
        forge(b"{"),
        forge(b'{"a":' * 900),
        forge(claims(), b"[" * 900),
        forge(claims(), [["alg", "HS256"]]),
        forge(claims(), "HS256"),
    ],
    ids=lambda token: token[:24].encode("ascii", "replace").decode(),
)
def test_forged_tokens_are_refused(token: str) -> None:
    with pytest.raises(Refused):
        verify(token, KEYS, AUDIENCE, NOW)


@given(st.text(max_size=200), st.integers(min_value=0, max_value=len(GOOD) - 1))
def test_no_text_in_a_token_is_anything_but_refused(text: str, place: int) -> None:
    spoilt = GOOD[:place] + text + GOOD[place:]
    if spoilt != GOOD:
        with pytest.raises(Refused):
            verify(spoilt, KEYS, AUDIENCE, NOW)


def test_a_token_is_no_good_without_an_audience_of_ones_own() -> None:
    with pytest.raises(Refused):
        verify(forge(claims(aud="")), KEYS, "", NOW)


def test_after_a_rotation_the_old_key_is_good_for_what_it_signed_and_the_new_one_signs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = "o" * 64, "n" * 64
    stored: list[dict[str, bytes]] = [{"v1": old.encode()}]
    now = [1000.0]
    keys = TokenKeys(lambda _deadline: stored[-1], lambda: now[0])
    before = _signer(monkeypatch, {"v1": old.encode()}).sign(CONTACT, ["C-1"])
    assert keys.verify(before, AUDIENCE).customers == ("C-1",)
    stored.append({"v2": new.encode(), "v1": old.encode()})
    after = _signer(monkeypatch, {"v2": new.encode(), "v1": old.encode()}).sign(CONTACT, ["C-2"])
    with pytest.raises(UnknownKey):  # just read: a flood of unknown keys is no flood of questions
        keys.verify(after, AUDIENCE)
    now[0] += 61
    assert keys.verify(after, AUDIENCE).customers == ("C-2",)
    assert keys.verify(before, AUDIENCE).customers == ("C-1",)
    stored.append({"v3": b"3" * 64, "v2": new.encode()})
    now[0] += 3601  # a key that is out of use is good for an hour more at most, in whatever container
    with pytest.raises(UnknownKey):
        keys.verify(before, AUDIENCE)


def test_unknown_keys_are_asked_for_once_a_minute_and_old_ones_serve_while_they_cannot_be_read() -> None:
    reads: list[float] = []
    now = [1000.0]

    def read(_deadline: float) -> dict[str, bytes]:
        reads.append(now[0])
        if len(reads) > 1:
            raise LookupFailed("secretsmanager answered 500")
        return KEYS

    keys = TokenKeys(read, lambda: now[0])
    unknown = forge(claims(), {"alg": "HS256", "typ": "JWT", "kid": "kid-9"})
    good = forge(claims(iat=int(time.time()), exp=int(time.time()) + 60))
    for _ in range(50):
        with pytest.raises(UnknownKey):
            keys.verify(unknown, AUDIENCE)
    assert len(reads) == 1
    now[0] += 61
    for _ in range(50):
        with pytest.raises(UnknownKey):
            keys.verify(unknown, AUDIENCE)
    assert len(reads) == 2
    assert keys.verify(good, AUDIENCE).contact_id == CONTACT


def test_without_any_key_it_is_said_that_nothing_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    monkeypatch.delenv("POPDESK_TOKEN_SECRET_ARN", raising=False)
    with pytest.raises(KeysFailed, match="POPDESK_TOKEN_SECRET_ARN"):
        TokenKeys(read_keys).verify(GOOD, AUDIENCE)


def test_the_look_up_has_no_token_rather_than_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = TokenSigner(AUDIENCE)
    with pytest.raises(NoToken, match="not been read"):
        signer.sign(CONTACT, [])
    signer = _signer(monkeypatch)
    for contact in (None, "", 7, "c" * 129):
        with pytest.raises(NoToken):
            signer.sign(contact, [])
    many = signer.sign(CONTACT, [f"C-{number}" for number in range(100)])
    assert verify(many, KEYS, AUDIENCE, time.time()).customers == tuple(f"C-{number}" for number in range(20))
    assert verify(signer.sign(CONTACT, ["x" * 129]), KEYS, AUDIENCE, time.time()).customers == ()
    with pytest.raises(NoToken, match="too long"):
        signer.sign(CONTACT, ["☎" * 128] * 20)
