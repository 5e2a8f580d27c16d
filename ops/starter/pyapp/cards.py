"""Our cards: each is a title and a question. docs/cards.md says what there is; save, and the preview reloads."""

from popdesk import Desk, card


@card("Agent name")
async def agent_name(desk: Desk) -> str:
    return await desk.agent.name()
