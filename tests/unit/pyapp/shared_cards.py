"""The shipped cards, asked of a desk that answers at once. Runs on CPython and on MicroPython (see test_shared.py)."""

import cards
from popdesk.desk import FAILED, NO_VALUE, NOTHING, REFUSED, TIMED_OUT, Desk, Unanswered
from popdesk.values import Duration, Moment

ROLES = {"identity": "ContactPhoneNumberOrEmail"}
VOICE = {
    "agent.arn": "arn:aws:connect:us-east-1:111122223333:instance/i/agent/a-7",
    "agent.name": "Alex Rivera",
    "agent.state": {"name": "Available", "type": "routable"},
    "agent.routing_profile": {"name": "Basic Routing Profile"},
    "agent.channel_concurrency": {"VOICE": 1, "CHAT": 2},
    "contact.channel": {"type": "voice", "subtype": "connect:Telephony"},
    "contact.queue": {"name": "Sales"},
    "contact.queue_timestamp": "2026-01-31T12:00:00.000Z",
    "contact.state_duration": 61000,
    "contact.initial_id": "c-1",
    "contact.phone_number": "+12025550123",
    "contact.attributes": {"ContactPhoneNumberOrEmail": "ana.torres@example.com"},
}


def _desk(**changed: object) -> Desk:
    async def ask(name: str) -> object:
        value = changed.get(name.replace(".", "_"), VOICE[name])
        if isinstance(value, Exception):
            raise value
        return value

    return Desk(ask, ROLES)


async def test_the_eleven_cards_read_the_desk() -> None:
    desk = _desk()
    assert await cards.agent_name(desk) == "Alex Rivera"
    assert (await cards.agent_arn(desk)).text == "a-7"
    state = await cards.agent_state(desk)
    assert (state.text, state.tone) == ("Available", "success")
    assert await cards.routing_profile(desk) == "Basic Routing Profile"
    assert (await cards.channel_concurrency(desk)).items == [("Chat", "2"), ("Voice", "1")]
    assert (await cards.channel(desk)).text == "Voice"
    assert await cards.queue(desk) == "Sales"
    entered = await cards.queue_timestamp(desk)
    assert isinstance(entered, Moment)
    assert entered.iso == VOICE["contact.queue_timestamp"]
    duration = await cards.state_duration(desk)
    assert isinstance(duration, Duration)
    assert duration.milliseconds == 61000
    assert await cards.initial_contact_id(desk) == "c-1"
    assert await cards.phone_or_email(desk) == "+1 202 555 0123"


async def test_an_agent_state_without_a_type_has_a_neutral_tone() -> None:
    assert (await cards.agent_state(_desk(agent_state={"name": "Lunch"}))).tone == "info"


async def test_a_contact_without_a_number_shows_what_the_flow_knows() -> None:
    for kind in (NOTHING, FAILED):
        desk = _desk(contact_phone_number=Unanswered(kind))
        assert await cards.phone_or_email(desk) == "ana.torres@example.com"
    assert await cards.phone_or_email(_desk(contact_phone_number=None)) == "ana.torres@example.com"


async def test_an_attribute_that_stands_for_nothing_is_not_there() -> None:
    told = {"ContactPhoneNumberOrEmail": NO_VALUE, "Tier": NO_VALUE, "Note": ""}
    desk = _desk(contact_phone_number=Unanswered(NOTHING), contact_attributes=told)
    # An attribute that is not the look-up's may well be a dash.
    assert await desk.contact.attributes() == {"Tier": NO_VALUE, "Note": ""}
    assert await desk.contact.attribute("identity") == ""
    assert not await cards.phone_or_email(desk)
    assert await _desk(contact_attributes=None).contact.attributes() == {}


async def test_a_refused_number_is_no_reason_to_show_another() -> None:
    for kind in (REFUSED, TIMED_OUT):
        try:
            await cards.phone_or_email(_desk(contact_phone_number=Unanswered(kind)))
        except Unanswered as error:
            assert error.kind == kind  # noqa: PT017  (MicroPython has no pytest)
        else:
            raise AssertionError("it showed something")


async def test_a_contact_that_was_in_no_queue_shows_no_time() -> None:
    assert await cards.queue_timestamp(_desk(contact_queue_timestamp=None)) is None
