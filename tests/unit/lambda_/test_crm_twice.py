"""No caller gets another's customer from a CRM that answers twice at random (a smaller tests/attack/crm_twice.py)."""

from __future__ import annotations

import pytest

from tests.attack.crm_twice import attack


@pytest.mark.parametrize("with_phone", [True, False])
def test_no_caller_gets_what_was_anothers(with_phone: bool) -> None:
    outcomes, did = attack(callers=80, seed=3, with_phone=with_phone)
    assert outcomes == {"right": 80}
    assert sum(count for how, count in did.items() if how != "once") > 20
