"""What the workspace is asked to do, once and in its order. Runs on CPython and on MicroPython (see test_shared.py)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,var-annotated"

import asyncio

from popdesk.desk import Desk, Unanswered
from popdesk.handling import COMMAND, COMMANDS, QUESTION, Handling, dialable, may_dial, permission_for

CONNECTS = [
    {"type": "agent", "endpointARN": "arn:1", "name": "Sam"},
    {"type": "queue", "endpointARN": "arn:2", "name": "Sales"},
    {"type": "phone_number", "endpointARN": "arn:3", "name": "Back office", "phoneNumber": "+12025550199"},
]
PEOPLE = [
    {"participantId": "p-agent", "isSelf": True, "isInitial": False},
    {"participantId": "p-other", "isSelf": False, "isInitial": False},
    {"participantId": "p-customer", "isSelf": False, "isInitial": True},
]


class Sdk:
    """What connect.py's `call` is given; each method's answers are taken one after the other, the last one stays."""

    def __init__(self, **answers) -> None:
        self.calls = []
        self.waiting = []
        self.hangs = False
        self.answers: dict[str, list[object]] = {
            "getRoutingProfile": [{"name": "Basic", "queues": [{"queueARN": "q-1"}, {"queueARN": "q-2"}]}],
            "listQuickConnects": [{"quickConnects": CONNECTS, "nextToken": None}],
            "listParticipants": [PEOPLE],
            "createOutboundCall": [{"contactId": "c-2"}],
        }
        self.answers.update(answers)

    def call(self, client, method, permission, arguments, answered) -> None:
        self.calls.append((client, method, arguments))
        if self.hangs:
            self.waiting.append(answered)
            return
        answers = self.answers.get(method, [None])
        answer = answers[0] if len(answers) == 1 else answers.pop(0)
        if isinstance(answer, Unanswered):
            answered(None, Unanswered(answer.kind, answer.reason, permission))
        else:
            answered(answer, None)

    def handling(self, seconds=1.0):
        return Handling(self.call, lambda: "c-1", seconds)

    def methods(self):
        return [method for _, method, _ in self.calls]


class Stage:
    """An action's desk: what it writes goes to the API, or to the workspace, each with a key of its own."""

    def __init__(self, sdk, **others) -> None:
        self.sdk = sdk
        self.handling = sdk.handling(**others)
        self.written = []
        self.refuse_attributes = False

    async def ask(self, name):
        if name[: len(QUESTION)] == QUESTION:
            return await self.handling.ask(name[len(QUESTION) :])
        assert name == "contact.attributes"
        return {}

    def desk(self):
        keys = []

        async def write(method, path, body):
            keys.append(path)
            self.written.append((method, path, body))
            if method == COMMAND:
                return await self.handling.do(path, body, "k" + str(len(keys)))
            if self.refuse_attributes:
                raise Unanswered("problem", "The settings do not allow it")
            return None

        return Desk(self.ask, {}, {}, write)


async def _refusal(made):
    try:
        await made
    except Unanswered as error:
        return error
    raise AssertionError("it was done")


async def test_a_contact_is_transferred_once_its_attributes_are_set() -> None:
    stage = Stage(Sdk())
    await stage.desk().workspace.transfer("Sales", {"topic": "invoice"})
    assert [entry[:2] for entry in stage.written] == [("PUT", "contact/attributes/topic"), (COMMAND, "transfer")]
    assert stage.sdk.calls[-1] == ("ContactClient", "transfer", [CONNECTS[1]])
    assert stage.sdk.calls[1] == ("AgentClient", "listQuickConnects", [["q-1", "q-2"], {}])


async def test_nothing_is_transferred_where_an_attribute_cannot_be_set() -> None:
    stage = Stage(Sdk())
    stage.refuse_attributes = True
    error = await _refusal(stage.desk().workspace.transfer("arn:1", {"topic": "invoice"}))
    assert error.reason == "The settings do not allow it"
    assert "transfer" not in stage.sdk.methods()


async def test_what_the_sdk_cannot_do_is_refused_in_words_before_anything_is_sent() -> None:
    stage = Stage(Sdk())
    workspace = stage.desk().workspace
    assert "agents and queues alone" in (await _refusal(workspace.transfer("Back office"))).reason
    assert "no quick connect" in (await _refusal(workspace.transfer("Nobody"))).reason
    assert "begins with +" in (await _refusal(workspace.dial("5550100"))).reason
    assert stage.written == []
    await workspace.add_participant("Back office")
    assert stage.sdk.calls[-1] == ("ContactClient", "addParticipant", [CONNECTS[2]])


async def test_two_quick_connects_of_one_name_are_told_apart_by_their_arns_alone() -> None:
    twice = CONNECTS + [{"type": "agent", "endpointARN": "arn:4", "name": "Sam"}]  # noqa: RUF005  (MicroPython)
    stage = Stage(Sdk(listQuickConnects=[{"quickConnects": twice, "nextToken": None}]))
    workspace = stage.desk().workspace
    assert "several" in (await _refusal(workspace.transfer("Sam"))).reason
    await workspace.transfer("arn:4")
    assert stage.sdk.calls[-1][2] == [twice[3]]


async def test_quick_connects_come_page_by_page_and_each_once() -> None:
    pages = [{"quickConnects": CONNECTS[:2], "nextToken": "n"}, {"quickConnects": CONNECTS[1:], "nextToken": None}]
    stage = Stage(Sdk(listQuickConnects=pages))
    workspace = stage.desk().workspace
    assert await workspace.quick_connects() == CONNECTS
    assert stage.sdk.calls[-1][2] == [["q-1", "q-2"], {"nextToken": "n"}]
    stage = Stage(Sdk())
    assert await stage.desk().workspace.quick_connects("agent") == CONNECTS[:1]
    for odd in (None, {}, {"quickConnects": None}, "x"):
        stage = Stage(Sdk(listQuickConnects=[odd]))
        assert (await _refusal(stage.desk().workspace.quick_connects())).kind == "unexpected"


async def test_the_customer_is_held_and_not_the_agent() -> None:
    stage = Stage(Sdk(isParticipantOnHold=[True]))
    workspace = stage.desk().workspace
    await workspace.hold()
    assert stage.sdk.calls[-1] == ("VoiceClient", "holdParticipant", ["p-customer"])
    await workspace.resume()
    assert stage.sdk.calls[-1] == ("VoiceClient", "resumeParticipant", ["p-customer"])
    assert await workspace.is_on_hold() is True
    stage = Stage(Sdk(listParticipants=[PEOPLE[:1]]))
    assert (await _refusal(stage.desk().workspace.hold())).kind == "nothing"


async def test_a_call_is_related_to_the_contact() -> None:
    stage = Stage(Sdk())
    workspace = stage.desk().workspace
    assert await workspace.dial("+1 (202) 555-0123") == "c-2"
    assert stage.sdk.calls[-1][2] == ["+12025550123", {"relatedContactId": "c-1"}]
    await workspace.dial("+12025550123", related=False, queue_arn="q-2")
    assert stage.sdk.calls[-1][2] == ["+12025550123", {"queueARN": "q-2"}]


async def test_a_state_is_set_and_what_the_workspace_says_is_returned() -> None:
    queued = {"status": "queued", "current": {"name": "Busy"}, "next": {"name": "Lunch"}}
    stage = Stage(Sdk(setAvailabilityStateByName=[queued], listAvailabilityStates=[[{"name": "Lunch"}, None, 7]]))
    assert await stage.desk().workspace.set_state("Lunch") == queued
    assert await stage.desk().workspace.states() == [{"name": "Lunch"}]


async def test_what_is_under_way_is_not_sent_again() -> None:
    sdk = Sdk()
    sdk.hangs = True
    handling = sdk.handling(seconds=0.01)
    error = await _refusal(handling.do("dial", ["+12025550123", False, ""], "k"))
    assert (error.kind, error.uncertain) == ("timeout", True)
    again = asyncio.create_task(handling.do("dial", ["+12025550123", False, ""], "k"))
    await asyncio.sleep(0)
    sdk.waiting[0]({"contactId": "c-2"}, None)
    assert await again == {"contactId": "c-2"}
    # The answer is there: a third try gets it, and calls nobody.
    assert await handling.do("dial", ["+12025550123", False, ""], "k") == {"contactId": "c-2"}
    assert len(sdk.calls) == 1


async def test_what_was_refused_is_sent_again() -> None:
    sdk = Sdk(transfer=[Unanswered("refused", "no permission"), None])
    handling = sdk.handling()
    error = await _refusal(handling.do("transfer", [CONNECTS[0]], "k"))
    assert (error.kind, error.permission) == ("refused", "Contact.Details.Edit")
    await handling.do("transfer", [CONNECTS[0]], "k")
    assert len(sdk.calls) == 2


async def test_a_contact_is_not_cleared_where_something_keeps_it() -> None:
    sdk = Sdk()
    handling = sdk.handling()
    handling.guard = lambda: "Save the wrap-up first."
    assert (await _refusal(handling.do("clear", [], "k"))).reason == "Save the wrap-up first."
    assert sdk.calls == []


async def test_a_card_changes_nothing() -> None:
    async def ask(name):
        return CONNECTS

    workspace = Desk(ask, {}).workspace
    for change in (workspace.accept, workspace.clear, workspace.hold, workspace.resume, workspace.set_offline):
        try:
            await change()
            raise AssertionError("it was done")
        except TypeError as error:
            assert "for actions" in str(error)  # noqa: PT017  (MicroPython has no pytest)


def test_numbers_that_can_be_called() -> None:
    assert dialable("+44 20 7946 0018") == "+442079460018"
    assert dialable("+1-206.555(0100)") == "+12065550100"
    for none in (
        "",
        "5550100",
        "+0123456789",
        "+123",
        "+1234567890123456",
        "+1206555O100",
        "tel:+12065550100",
        None,
        7,
    ):
        assert dialable(none) == ""


def test_a_permission_is_granted_by_itself_or_by_all() -> None:
    assert may_dial(["Contact.Details.Edit"])
    assert may_dial(["*"])
    assert may_dial(None)
    assert not may_dial(["User.Details.View"])
    assert permission_for("set_state") == "User.Status.Edit or User.Configuration.Edit"
    assert permission_for("agent.name") == ""
    assert [name for name in COMMANDS if not permission_for(name)] == []
