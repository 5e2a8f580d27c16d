"""A thousand callers and a CRM that answers twice at random: none may get another's customer, or no customer for their own.

    uv run python -m tests.attack.crm_twice [--callers 1000] [--seed 1]

The look-up's real handler asks over real sockets. The CRM, or a proxy before it, sends an answer again: at once, within some
milliseconds, cut in two, or just before its next answer, when nothing can be seen before the question; it sends an unasked 408
or hangs up. For half of the callers the CRM's customers have a phone number in their record, for the other half they have not.
Exits with 1 if a caller got another's customer, none although there is one, one although there is none, or no answer.
"""

from __future__ import annotations

import contextlib
import io
import random
import threading
import time
from collections import Counter
from typing import Any

import click
from handler import create_handler

from ops.settings import lambda_settings, load_settings
from tests.unit.lambda_.events import contact_event
from tests.unit.lambda_.scripted_crm import TIMED_OUT, Request, ScriptedCrm, ok

_KNOWN = {f"+1206555{number:04}": f"C-{number}" for number in range(100, 200)}
_UNKNOWN = [f"+1206555{number:04}" for number in range(200, 220)]
_PAUSES = (0.0, 0.0, 0.0, 0.005, 0.02, 0.06)  # seconds between two callers
_LATE = 0.05  # seconds at most until the second answer
_HOW_OFTEN = {
    "once": 40,
    "twice": 15,
    "twice, later": 20,
    "twice, cut in two": 10,
    "twice, before the next": 15,
    "thrice": 5,
    "twice, then without customers": 5,
    "408 later": 5,
    "408 instead": 3,  # on a connection that has been used, as a server's time-out that crosses with the question
    "hangs up": 5,
}


class _Twice:
    """Answers each request, and now and then again."""

    def __init__(self, random_: random.Random, with_phone: bool) -> None:
        self._random = random_
        self._with_phone = with_phone
        self._before_next: dict[int, bytes] = {}
        self.did: Counter[str] = Counter()

    def __call__(self, request: Request) -> None:
        answer = self._answer(request.value)
        (how,) = self._random.choices(list(_HOW_OFTEN), list(_HOW_OFTEN.values()))
        if how == "408 instead" and request.number == 1:
            how = "once"
        self.did[how] += 1
        request.send(self._before_next.pop(request.connection, b""))
        if how == "408 instead":
            request.send(TIMED_OUT)
            request.hang_up()
            return
        cut = self._random.randrange(1, len(answer))
        again = ok([]) if how == "twice, then without customers" else answer
        request.send(answer + {"twice": answer, "thrice": answer * 2, "twice, cut in two": answer[:cut]}.get(how, b""))
        if how in ("twice, before the next", "twice, then without customers"):
            self._before_next[request.connection] = again
        elif how == "hangs up":
            request.hang_up()
        elif how in ("twice, later", "twice, cut in two", "408 later"):
            rest = {"twice, later": answer, "twice, cut in two": answer[cut:], "408 later": TIMED_OUT}[how]
            timer = threading.Timer(self._random.uniform(0, _LATE), request.send, [rest])
            timer.daemon = True
            timer.start()

    def _answer(self, value: str) -> bytes:
        if value not in _KNOWN:
            return ok([])
        record = {"id": _KNOWN[value], "name": f"Customer {_KNOWN[value]}"}
        return ok([{**record, "phone": value} if self._with_phone else record])


def attack(callers: int, seed: int, with_phone: bool) -> tuple[Counter[str], Counter[str]]:
    """Return the counts of the callers' answers ("right" or what was wrong) and of what the CRM did."""
    random_ = random.Random(seed)
    twice = _Twice(random.Random(seed + 1), with_phone)
    outcomes: Counter[str] = Counter()
    with ScriptedCrm(twice) as crm:
        handle = create_handler(_settings(crm.url))
        for _ in range(callers):
            number = random_.choice(_UNKNOWN if random_.random() < 0.2 else list(_KNOWN))
            with contextlib.redirect_stdout(io.StringIO()):  # a line of log for each caller
                answer = handle(contact_event(address=number), None)
            outcomes[_judge(number, answer)] += 1
            time.sleep(random_.choice(_PAUSES))
    return outcomes, twice.did


def _judge(number: str, answer: dict[str, str]) -> str:
    url = answer["contactUrlPath"]
    page = url.rpartition("/")[2] if url.startswith("https://") else ""
    if answer["statusCode"] != "200":
        return f"no answer ({answer['statusCode']})"
    if page == _KNOWN.get(number, "") and answer["contactMatches"] == ("1" if page else "0"):
        return "right"
    if number not in _KNOWN:
        return "a customer for an unknown caller"
    return "another's customer" if page else "no customer for a known caller"


def _settings(url: str) -> dict[str, Any]:
    settings = lambda_settings(load_settings())
    http = {
        "url": url,
        "timeout_ms": 20_000,
        "token_secret": "",
        "list_path": "customers",
        "fields": {"id": "id", "name": "name", "phone": "phone", "email": "email"},
    }
    lookup = {**settings["lookup"], "adapter": "http", "budget_ms": 20_000, "http": http}
    crm = {"home": "", "customer": "https://crm.example.com/customers/{id}", "search": ""}
    return {**settings, "lookup": lookup, "crm": crm, "allowed_hosts": ["crm.example.com"]}


@click.command(help=__doc__)
@click.option("--callers", default=1_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(callers: int, seed: int) -> None:
    """Attack, and say what came of it."""
    wrong = 0
    for with_phone in (True, False):
        outcomes, did = attack(callers // 2, seed, with_phone)
        wrong += sum(outcomes.values()) - outcomes["right"]
        click.echo(
            f"customers {'with' if with_phone else 'without'} a phone number: {dict(outcomes)}; the CRM: {dict(did)}"
        )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
