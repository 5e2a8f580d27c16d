"""The page's state: what follows from the workspace's news. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.board import Outcome
from popdesk.declaration import Card
from popdesk.page_state import ABOUT_CONTACT, PageState

ROLES = {
    "url": "contactUrlPath",
    "search": "contactSearchUrl",
    "name": "Name",
    "phone": "Phone",
    "identity": "Identity",
    "matches": "matches",
    "status": "status",
}
CREATED = {"contactId": "c-1", "permissions": ["User.Details.View"]}


def _nothing(_: object) -> None:
    """Stand in for a card's function."""


def _state(**changed: object) -> PageState:
    settings = {
        "permissions": ["User.Details.View", "Contact.Details.View"],
        "scope": "PER_CONTACT",
        "look_again_seconds": 0,
        "pop": {"allowed_hosts": ["crm.example.com"]},
        "crm_search": "",
        "attributes": ROLES,
    }
    settings.update(changed)
    cards = [
        Card("Name", False, False, "cards", _nothing, "name"),
        Card("Queue", False, False, "cards", _nothing, "queue"),
        Card("ARN", False, True, "cards", _nothing, "arn"),
        Card("Number", False, True, "caller", _nothing, "number"),
    ]
    return PageState(settings, cards, "1.0.11")


def test_a_contact_is_granted_its_permissions_and_greeted() -> None:
    state = _state()
    assert state.missing is None
    assert state.heard("contact", CREATED) == [("grant", ["User.Details.View"]), ("greet",), ("draw",)]
    assert (state.contact.now, state.contact_id, state.created) == ("connecting", "c-1", True)
    assert state.missing == ["Contact.Details.View"]


def test_every_permission_at_once_is_a_star_and_none_told_is_unknown() -> None:
    for granted, missing in ((["*"], []), ([], ["User.Details.View", "Contact.Details.View"]), (None, None)):
        state = _state()
        steps = state.heard("contact", {"contactId": "c-1", "permissions": granted})
        assert state.missing == missing
        assert (("grant", granted) in steps) == (granted is not None)


def test_what_was_asked_about_a_contact_is_asked_again_where_it_was_another_or_none() -> None:
    assert ("refresh", ABOUT_CONTACT) not in _state().heard("contact", CREATED)
    assert ("refresh", ABOUT_CONTACT) in _state(scope="CROSS_CONTACTS").heard("contact", CREATED)
    steps = _state().heard("idle", {"contactId": "", "permissions": None})
    assert ("refresh", ABOUT_CONTACT) in steps
    assert ("draw_customer",) in steps


def test_the_attributes_are_looked_at_again_once_started_and_never_without_a_contact() -> None:
    state = _state(look_again_seconds=30)
    assert ("look_again",) in state.heard("contact", CREATED)
    assert ("look_again",) not in state.heard("contact", CREATED)
    assert ("look_again",) not in _state(look_again_seconds=30).heard("idle", {"contactId": "", "permissions": None})


def test_events_about_another_contact_change_nothing() -> None:
    state = _state()
    state.heard("contact", CREATED)
    assert state.heard("connected", {"contactId": "c-2", "initialContactId": "c-2"}) == []
    assert state.contact.now == "connecting"
    steps = state.heard("connected", {"contactId": "c-1", "initialContactId": "c-0"})
    assert steps == [("refresh_soon", ABOUT_CONTACT), ("connect", "c-0"), ("draw",)]
    assert state.heard("acw", {"contactId": "c-1"}) == [("refresh_soon", ABOUT_CONTACT), ("end_contact",), ("draw",)]
    assert state.heard("cleared", {"contactId": "c-1"}) == [("draw",)]


def test_clocks_run_while_the_agent_sees_a_contact_that_is_not_over() -> None:
    state = _state()
    state.heard("contact", CREATED)
    assert state.clocks_run
    assert state.heard("hidden", None) == [("draw",)]
    assert not state.clocks_run
    assert state.heard("shown", None) == [("refresh",), ("draw",)]
    assert state.heard("shown", None) == []
    assert state.clocks_run
    state.heard("cleared", {"contactId": "c-1"})
    assert not state.clocks_run


def test_the_agents_state_comes_with_the_event_or_is_asked_for() -> None:
    state = _state()
    assert state.heard("state", "Lunch") == [("tell", "agent.state", {"name": "Lunch"})]
    assert state.heard("state", None) == [("refresh_soon", ["agent.state"])]


def test_a_theme_that_changed_meanwhile_is_newer_than_the_answer() -> None:
    state = _state()
    state.theme_answered("light")
    assert state.theme == "light"
    assert state.heard("theme", "dark") == [("draw",)]
    state.theme_answered("light")
    assert state.theme == "dark"


def test_the_last_five_errors_of_the_workspace_are_kept() -> None:
    state = _state()
    for number in range(7):
        assert state.heard("error", str(number)) == [("draw",)]
    assert state.messages == ["2", "3", "4", "5", "6"]
    error = ValueError("ours")
    assert state.heard("defect", error) == [("fail", "workspace", error)]


def test_the_end_and_the_absence_of_a_workspace_close_the_page() -> None:
    assert _state().heard("outside", None) == [("leave",), ("draw",)]
    state = _state()
    state.heard("contact", CREATED)
    assert state.heard("destroyed", None) == [("close",), ("draw",)]
    assert state.heard("connected", {"contactId": "c-1", "initialContactId": "c-1"}) == []


def test_the_last_of_the_first_results_is_known() -> None:
    state = _state()
    name, queue, arn = state._cards[:3]
    assert not state.answered(arn, Outcome("value"))
    assert not state.answered(name, Outcome("value"))
    assert state.answered(queue, Outcome("timeout"))
    assert not state.answered(queue, Outcome("value"))


def test_the_cards_that_lack_a_permission_are_named_but_for_those_that_the_page_hides() -> None:
    state = _state()
    for card in state._cards:
        state.answered(card, Outcome("refused", None, "", "A" if card.id == "name" else "B"))
    assert state.titles_refused_for("A") == ["Name"]
    assert state.titles_refused_for("B") == ["Queue", "ARN"]
    state.answered(state._cards[1], Outcome("value"))
    assert state.titles_refused_for("B") == ["ARN"]


def test_a_customer_who_is_not_answered_this_time_is_still_known() -> None:
    state = _state()
    box, queue = Card("Contact attributes", True, False, "customer", _nothing, "customer's box"), state._cards[1]
    for known, later, kept in (
        ("value", "timeout", "value"),
        ("value", "failed", "value"),
        ("value", "refused", "refused"),
        ("value", "nothing", "nothing"),
        ("refused", "timeout", "timeout"),
        ("failed", "timeout", "timeout"),
    ):
        for card in (box, queue):
            state.answered(card, Outcome(known))
            state.answered(card, Outcome(later))
        assert state.outcomes[box.id].kind == kept, (known, later)
        assert state.outcomes[queue.id].kind == later


def test_another_contact_s_customer_is_not_kept() -> None:
    box = Card("Contact attributes", True, False, "customer", _nothing, "customer's box")
    for state, another in (
        (_state(scope="CROSS_CONTACTS"), None),
        (_state(), {"contactId": "c-2", "permissions": None}),
    ):
        state.heard("contact", CREATED)
        if another:
            state.heard("cleared", {"contactId": CREATED["contactId"]})
            state.heard("contact", another)
        state.answered(box, Outcome("value"))
        state.answered(box, Outcome("timeout"))
        assert state.outcomes[box.id].kind == "timeout"


def test_a_number_that_is_not_answered_this_time_is_still_known() -> None:
    state = _state()
    assert state.take_number(Outcome("value", "+12025550123"))
    assert not state.take_number(Outcome("value", "+12025550123"))
    assert not state.take_number(Outcome("timeout"))
    assert state.number == "+12025550123"
    assert state.take_number(Outcome("nothing"))
    assert state.number == ""


def test_an_offer_lasts_as_long_as_its_answer() -> None:
    state = _state()
    state.decide(Outcome("value", {"Name": "Ana", "matches": "1"}), lambda _: None)
    assert state.offer is not None
    assert (state.offer.kind, state.offer.name) == ("one", "Ana")
    state.decide(Outcome("refused", None, "", "Contact.Attributes.View"), lambda _: None)
    assert state.offer is None


def test_an_error_from_one_place_is_new_once() -> None:
    state = _state()
    assert state.is_new_error("KeyError", "pyapp/cards.py:3 name")
    assert not state.is_new_error("KeyError", "pyapp/cards.py:3 name")
    assert state.is_new_error("KeyError", "pyapp/cards.py:4 name")
