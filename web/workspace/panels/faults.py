"""The panel of faults and permissions: what goes wrong on purpose, and what the apps may ask."""

from model.permissions import EVERYTHING, NAMES
from panels.dom import by_id, element, fill, options
from panels.part import Part
from protocol.requests import known_requests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page


class FaultsPanel(Part):
    """The faults in force and the permissions granted."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self.forms = {"fault": _fault}
        fill(by_id("requests"), options(known_requests()))

    def state(self) -> "Any":
        """Return all that is shown."""
        return self.apps.faults.describe(), self._granted()

    def _granted(self) -> list[str]:
        return list(self.apps.default.permissions) if self.apps.default else []

    def draw(self) -> None:
        """Draw it."""
        faults = self.apps.faults
        by_id("latency").value = str(int(faults.latency))
        lines = faults.describe() or ["Nothing: every request is answered at once."]
        fill(by_id("faults-now"), [element("li", "", line) for line in lines])
        granted = self._granted()
        fill(by_id("permissions"), [_checkbox(name, name in granted) for name in NAMES + (EVERYTHING,)])


def _checkbox(permission: str, checked: bool) -> "Any":
    box = element("input", type="checkbox", data_permission=permission)
    box.checked = checked
    text = "* (everything)" if permission == EVERYTHING else permission
    return element("label", "check", None, [box, element("span", "", text)])


def _fault(fields: dict[str, str]) -> "tuple[str, dict[str, Any]]":
    kind = fields["kind"]
    args = {"request": fields["request"] or "*"}
    if kind == "fail":
        args["reason"] = fields["value"]
    if kind == "late" and fields["value"]:
        args["ms"] = fields["value"]
    return kind, args
