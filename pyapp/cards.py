"""The cards beside the agent: this is the file to edit. Each card is a title and a question.

    @card("Agent name")
    async def agent_name(desk):
        return await desk.agent.name()

Cards appear in the order of this file; delete one, move one, add one. What may be asked is in popdesk/desk.py, what may be
returned in popdesk/values.py. `personal=True` marks the customer's data, which the setting `mask_personal_data` hides;
`later=True` what nobody reads in the first moment: it is asked when the others have their answers.
"""

from popdesk import (
    FAILED,
    NOTHING,
    REFUSED,
    Desk,
    Duration,
    Moment,
    Pairs,
    Text,
    Unanswered,
    capital,
    card,
    from_arn,
    section,
    shown_phone,
)

_TONES = {"routable": "success", "offline": "", "error": "error"}


@card("Phone number or e-mail", personal=True)
async def phone_or_email(desk: Desk) -> str:
    try:
        number = await desk.contact.phone_number()
    except Unanswered as error:
        # A chat, a task or an e-mail has no number: the flow put what it knows into the attributes.
        if error.kind not in (NOTHING, FAILED):
            raise
        number = ""
    return shown_phone(number or await _identity(desk))


async def _identity(desk: Desk) -> str:
    try:
        return await desk.contact.attribute("identity")
    except Unanswered as error:
        if error.kind == REFUSED:
            # The customer's box names that permission: this card's own is granted.
            raise Unanswered(NOTHING)
        raise


@card("Channel")
async def channel(desk: Desk) -> Text:
    answer = await desk.contact.channel()
    return Text(capital(answer["type"]), rest=answer.get("subtype") or "")


@card("Queue")
async def queue(desk: Desk) -> str:
    return (await desk.contact.queue())["name"]


@card("In queue since", later=True)
async def queue_timestamp(desk: Desk) -> "Moment | None":
    entered = await desk.contact.queue_timestamp()
    return Moment(entered) if entered else None


@card("Time in this state", later=True)
async def state_duration(desk: Desk) -> Duration:
    return Duration(await desk.contact.state_duration())


@card("Initial contact ID", later=True)
async def initial_contact_id(desk: Desk) -> "str | None":
    return await desk.contact.initial_id()


@card("Agent name")
async def agent_name(desk: Desk) -> str:
    return await desk.agent.name()


@card("Agent state")
async def agent_state(desk: Desk) -> Text:
    state = await desk.agent.state()
    return Text(state["name"], tone=_TONES.get(state.get("type", ""), "info"))


@card("Routing profile")
async def routing_profile(desk: Desk) -> str:
    return (await desk.agent.routing_profile())["name"]


@card("Channel concurrency", later=True)
async def channel_concurrency(desk: Desk) -> Pairs:
    most = await desk.agent.channel_concurrency()
    return Pairs([(capital(name), str(most[name])) for name in sorted(most)])


@card("Agent ARN", later=True)
async def agent_arn(desk: Desk) -> Text:
    return from_arn(await desk.agent.arn())


section("Cases")


@card("Open cases", personal=True, later=True, wide=True)
async def open_cases(desk: Desk) -> object:
    customer = await desk.customer.id()
    answer = await desk.api.get("customers/{id}/cases?status=open", id=customer)
    from popdesk import Badge, Link, Since, Table  # when it is needed: the first values wait for nothing of it

    # As the form of "Create case" has them, which has words for other languages; a CRM's own stay as they are.
    priorities = {"low": Badge("Low"), "normal": Badge("Normal"), "high": Badge("High", tone="warning")}
    rows = [
        [
            Link(each["id"], each["url"]),
            each["subject"],
            priorities.get(each["priority"]) or Badge(each["priority"]),
            Since(each["opened"]),
        ]
        for each in answer["cases"]
    ]
    return Table(["Case", "Subject", "Priority", "Opened"], rows)


@card("Recent activity", personal=True, later=True, wide=True)
async def lately(desk: Desk) -> object:
    customer = await desk.customer.id()
    answer = await desk.api.get("customers/{id}/history", id=customer)
    from popdesk import Timeline

    return Timeline([(each["time"], each["title"], each["note"]) for each in answer["events"]], shown=3)
