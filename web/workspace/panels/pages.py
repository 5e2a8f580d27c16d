"""The panel of what the app's pages told of themselves, one record for each contact (docs/monitoring.md), newest first."""

from panels.dom import by_id, element, fill
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page

KEPT = 50  # records
_TIMES = (("hello", "Hello"), ("first_values", "First values"), ("pop", "Screen pop"))
_HINT = "At the end of each contact its page posts one record of itself to /api/events. None has come yet."


class PagesPanel(Part):
    """The records that came since the workspace was opened."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self._records: list[dict[str, Any]] = []
        self._number = 0  # of all that came

    def add(self, record: "dict[str, Any]") -> None:
        """Take a record that the API has taken."""
        self._records = [record] + self._records[: KEPT - 1]
        self._number += 1
        self.page.changed()

    def state(self) -> "Any":
        """Return all that is shown."""
        return self._number

    def draw(self) -> None:
        """Draw it."""
        shown = [element("p", "hint", _HINT)]
        if self._records:
            shown = [_record(record, self._number - index) for index, record in enumerate(self._records)]
        fill(by_id("panel-pages"), shown)


def _record(record: "dict[str, Any]", number: int) -> "Any":
    """Return one record: its times, what came of its screen pop, and which cards failed and why."""
    rows = []
    for name, words in _TIMES:
        value = record.get(name)
        text = "not reached" if value is None else "%d ms" % value
        if name == "pop":
            text = "none" if value is None else record["popped"] + ", " + text
        rows.append((words, text))
    failed = record["failed"]
    rows.append(("Failed cards", ", ".join(card + ": " + failed[card] for card in sorted(failed)) or "none"))
    data = [element(tag, "", text) for name, value in rows for tag, text in (("dt", name), ("dd", value))]
    made = [element("h3", "", "Page %d" % number), element("dl", "data", None, data)]
    return element("section", "stack", None, made)
