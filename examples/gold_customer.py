"""A call from a customer who turns gold while they speak: offer, accept, wait for the app, change, assert.

uv run python deploy.py preview --scenario examples/gold_customer.py
"""

from __future__ import annotations

from ops.preview.scenario import Desk


def scenario(desk: Desk) -> None:
    """Play it; an assertion that does not hold ends it and names its line."""
    call = desk.offer(customer="C-1001")  # the real flow and the real Lambda find out who it is
    assert call.look()["attributes"]["Name"] == "Ana Carolina Silva"
    call.accept()
    call.wait_until_running()
    desk.pause(3)

    call.set_attributes(Tier="gold")
    desk.latency(200)  # a slow workspace for the rest of it
    assert call.look()["attributes"]["Tier"] == "gold"
    desk.pause(3)

    desk.heal()
    call.end()
    call.wait_for("acw")
    desk.pause(2)
    call.clear()
    desk.wait_for(lambda look: not look["apps"], "its app to be gone")
