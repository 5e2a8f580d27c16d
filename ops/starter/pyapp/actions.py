"""What our agents can do from the page: each is a title, fields and a function. docs/actions.md says what there is."""

from popdesk import Desk, Line, Link, Paragraph, action


@action("Create case", fields=[Line("subject", required=True), Paragraph("note", longest=4000)], when="customer")
async def create_case(desk: Desk, subject: str, note: str) -> Link:
    case = {"subject": subject, "note": note}
    made = await desk.api.post("customers/{id}/cases", case, id=await desk.customer.id())
    return Link(made["id"] + " " + made["subject"], made["url"])
