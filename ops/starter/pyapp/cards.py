"""Our cards: each is a title and a question. docs/cards.md says what there is; save, and the preview reloads."""

from popdesk import Desk, Table, card


@card("Agent name")
async def agent_name(desk: Desk) -> str:
    return await desk.agent.name()


@card("Open cases", personal=True, later=True)
async def open_cases(desk: Desk) -> Table:
    answer = await desk.api.get("customers/{id}/cases?status=open", id=await desk.customer.id())
    return Table(["Case", "Subject"], [[each["id"], each["subject"]] for each in answer["cases"]])
