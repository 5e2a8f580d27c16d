"""A demonstration: a call, then two chats at once, the agent switching between them.

uv run python deploy.py preview --scenario examples/two_chats.py
"""

from __future__ import annotations

from ops.preview.scenario import Desk


def scenario(desk: Desk) -> None:
    """Play it; each pause is for the one who watches."""
    call = desk.offer(customer="C-1001")
    desk.pause(1.5)
    call.accept()
    call.wait_until_running()
    desk.pause(3)
    call.end()
    desk.pause(1.5)
    call.clear()

    first = desk.offer(customer="C-1002", channel="CHAT")
    first.accept()
    second = desk.offer(customer="C-1003", channel="CHAT")
    second.accept()
    second.wait_until_running()
    desk.pause(2)
    first.select()
    desk.pause(2)
    first.set_attributes(Name="Nikki Wolf (gold)")
    desk.pause(2)
    for contact in (first, second):
        contact.select()
        contact.end()
        contact.clear()
