"""What the agent can do from the page: this is the file to edit. Each action is a title, fields and a function.

    @action("Create case", fields=[Line("subject", required=True)], when="customer")
    async def create_case(desk, subject):
        await desk.api.post("customers/{id}/cases", {"subject": subject}, id=await desk.customer.id())

They are buttons in the customer's box, or on the card that `card=` names. docs/actions.md says what there is.
"""

from popdesk import Choice, Desk, Line, Link, Paragraph, Text, action


async def _open_cases(desk: Desk) -> "list[tuple[str, str]]":
    answer = await desk.api.get("customers/{id}/cases?status=open", id=await desk.customer.id())
    return [(each["id"], each["id"] + " " + each["subject"]) for each in answer["cases"]]


@action(
    "Create case",
    fields=[
        Line("subject", required=True),
        Choice("priority", [("low", "Low"), ("normal", "Normal"), ("high", "High")], default="normal", required=True),
        Paragraph("note", longest=4000),
    ],
    when="customer",
)
async def create_case(desk: Desk, subject: str, priority: str, note: str) -> Link:
    case = {"subject": subject, "priority": priority, "note": note}
    made = await desk.api.post("customers/{id}/cases", case, id=await desk.customer.id())
    return Link(made["id"] + " " + made["subject"], made["url"])


@action(
    "Add note",
    fields=[
        Choice("case", _open_cases, help="Without a case, the note is about the customer."),
        Paragraph("note", required=True, longest=4000),
    ],
    when="customer",
)
async def add_note(desk: Desk, case: str, note: str) -> None:
    customer = await desk.customer.id()
    if case:
        await desk.api.post("customers/{id}/cases/{case}/notes", {"text": note}, id=customer, case=case)
    else:
        await desk.api.post("customers/{id}/notes", {"text": note}, id=customer)


async def _reopen(desk: Desk, case: str) -> None:
    customer = await desk.customer.id()
    await desk.api.patch("customers/{id}/cases/{case}", {"status": "open"}, id=customer, case=case)


@action(
    "Close case",
    fields=[Choice("case", _open_cases, required=True)],
    card="open_cases",
    when=["customer", "card"],  # while there is one to close
    undo=_reopen,
)
async def close_case(desk: Desk, case: str) -> Text:
    customer = await desk.customer.id()
    await desk.api.patch("customers/{id}/cases/{case}", {"status": "closed"}, id=customer, case=case)
    return Text(case)
