"""The contact's life. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.contact_state import STATES, ContactState


def _after(*events: str) -> ContactState:
    life = ContactState()
    for event in events:
        life.happened(event)
    return life


def test_a_call_goes_from_connecting_to_cleared() -> None:
    life = ContactState()
    seen = [life.now]
    for event in ("contact", "connected", "acw", "cleared", "destroyed"):
        assert life.happened(event)
        seen.append(life.now)
    assert seen == ["starting", "connecting", "connected", "acw", "cleared", "destroyed"]


def test_a_missed_contact_may_be_offered_again() -> None:
    assert _after("contact", "missed").now == "missed"
    assert _after("contact", "missed", "connected").now == "connected"


def test_what_is_over_stays_over() -> None:
    assert _after("contact", "cleared", "connected").now == "cleared"
    assert _after("contact", "destroyed", "contact", "connected", "cleared").now == "destroyed"
    assert _after("outside", "contact", "connected").now == "outside"


def test_hidden_and_shown_do_not_touch_the_state() -> None:
    life = _after("contact", "connected", "hidden")
    assert (life.now, life.hidden) == ("connected", True)
    assert not life.happened("hidden")
    assert life.happened("shown")
    assert (life.now, life.hidden) == ("connected", False)


def test_unknown_news_change_nothing() -> None:
    life = _after("contact")
    assert not life.happened("weather")
    assert life.now in STATES
