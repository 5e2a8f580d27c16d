"""What the desk passes on of a workspace's answers. Runs on CPython and on MicroPython (see test_shared.py)."""

from popdesk.desk import NOTHING, UNEXPECTED, Desk, Unanswered

ROLES = {"identity": "ContactPhoneNumberOrEmail"}
# Question, its method, and an answer as the SDK's declarations promise it.
TEXTS: tuple[tuple[str, object], ...] = (
    ("agent.arn", "arn:aws:connect:..."),
    ("agent.name", "Alex"),
    ("contact.phone_number", "+12025550123"),
)
MAY_BE_NOTHING: tuple[tuple[str, object], ...] = (
    ("contact.queue_timestamp", "2026-01-31T12:00:00.000Z"),
    ("contact.initial_id", "c-1"),
)
# Questions answered with an object: the text that it must have.
NAMED: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("agent.state", "name", {"name": "Lunch", "type": "not_routable"}),
    ("agent.routing_profile", "name", {"name": "Basic", "queues": []}),
    ("contact.channel", "type", {"type": "voice", "subtype": "connect:Telephony"}),
    ("contact.queue", "name", {"name": "Sales", "queueId": "q-1"}),
)
# What a workspace might say where a text belongs.
NO_TEXTS: tuple[object, ...] = (7, 1.5, True, ["Alex"], {"name": "Alex"})
NEITHER: tuple[object, ...] = (None, 7, 1.5, True, ["Alex"], {"name": "Alex"})


async def _asked(question: str, answer: object) -> object:
    async def ask(name: str) -> object:
        assert name == question
        return answer

    place, method = question.split(".")
    return await getattr(getattr(Desk(ask, ROLES), place), method)()


async def _reason(question: str, answer: object, kind: str = UNEXPECTED) -> str:
    try:
        passed = await _asked(question, answer)
    except Unanswered as error:
        assert error.kind == kind, (question, answer, error.kind)  # noqa: PT017  (MicroPython has no pytest)
        return str(error.reason)
    raise AssertionError(question + " passed on " + str(passed) + " of " + str(answer))


async def test_an_answer_of_its_type_is_passed_on() -> None:
    for question, answer in TEXTS + MAY_BE_NOTHING:
        assert await _asked(question, answer) == answer
    for question, _, record in NAMED:
        assert await _asked(question, record) == record
    assert await _asked("contact.state_duration", 61000) == 61000
    assert await _asked("agent.channel_concurrency", {"VOICE": 1}) == {"VOICE": 1}
    assert await _asked("contact.attributes", {"Name": "Ana"}) == {"Name": "Ana"}


async def test_nothing_is_passed_on_where_the_sdk_says_that_there_may_be_nothing() -> None:
    for question, _ in MAY_BE_NOTHING:
        assert await _asked(question, None) is None
    assert await _asked("contact.attributes", None) == {}
    for question in ("contact.queue", "contact.phone_number"):
        await _reason(question, None, NOTHING)


async def test_another_type_than_the_sdk_promises_is_said_and_not_passed_on() -> None:
    for question, _ in TEXTS + MAY_BE_NOTHING:
        for answer in NO_TEXTS:
            assert "where a text belongs" in await _reason(question, answer)
    for question in ("agent.arn", "agent.name"):
        assert "nothing where a text belongs" in await _reason(question, None)
    for question, name, record in NAMED:
        for answer in NEITHER:
            spoilt = dict(record)
            spoilt[name] = answer
            assert question in await _reason(question, spoilt)
        for no_object in (7, "Alex", True, ["Alex"]):
            assert "where an object belongs" in await _reason(question, no_object)
    no_numbers: tuple[object, ...] = (None, "soon", True, [], {}, float("nan"), float("inf"))
    for answer in no_numbers:
        assert "where a number belongs" in await _reason("contact.state_duration", answer)
        assert "where a number belongs" in await _reason("agent.channel_concurrency", {"VOICE": answer})
    no_records: tuple[object, ...] = (7, "Ana", True, [])
    for answer in no_records:
        await _reason("contact.attributes", answer)
        await _reason("agent.channel_concurrency", answer)


async def test_what_a_record_may_lack_is_left_out_when_it_is_no_text() -> None:
    for answer in NEITHER:
        assert await _asked("agent.state", {"name": "Lunch", "type": answer}) == {"name": "Lunch"}
        assert await _asked("contact.channel", {"type": "chat", "subtype": answer}) == {"type": "chat"}


async def test_attributes_are_texts_whatever_the_workspace_sends() -> None:
    given = {"a": "x", "b": 7, "c": None, "d": True, "e": ["y"]}
    assert await _asked("contact.attributes", given) == {"a": "x", "b": "7", "d": "true", "e": '["y"]'}


async def _field(name: str, attributes: object) -> str:
    async def ask(question: str) -> object:
        assert question == "contact.attributes"
        return attributes

    return await Desk(ask, ROLES, {"tier": "loyaltyTier", "plan": "ownPlan"}).customer.field(name)


async def test_a_field_of_the_teams_own_is_its_attributes_text() -> None:
    assert await _field("tier", {"loyaltyTier": "gold", "tier": "silver", "ownPlan": "-"}) == "gold"
    for nothing in ({}, None, {"loyaltyTier": "-"}, {"loyaltyTier": ""}, {"loyaltyTier": None}):
        assert await _field("tier", nothing) == ""
    assert await _field("plan", {"ownPlan": 7}) == "7"


async def test_a_field_that_the_settings_lack_is_a_mistake_of_the_card() -> None:
    try:
        await _field("tire", {})
    except ValueError as error:
        assert "[tool.popdesk.fields] has no field 'tire' (it has: plan, tier)" in str(error)  # noqa: PT017
        return
    raise AssertionError("no error")


async def test_an_own_fields_attribute_that_stands_for_nothing_is_left_out_of_all() -> None:
    async def ask(_: str) -> object:
        return {"loyaltyTier": "-", "other": "-"}

    assert await Desk(ask, ROLES, {"tier": "loyaltyTier"}).contact.attributes() == {"other": "-"}
    assert await Desk(ask, ROLES).contact.attributes() == {"loyaltyTier": "-", "other": "-"}
