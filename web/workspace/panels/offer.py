"""The form that offers a contact: a sample customer's, or from any number or address."""

from panels.dom import by_id, element, fill, filled_in
from panels.part import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from panels.page import Page


class Offer(Part):
    """The form. Its customers are the preview server's."""

    def __init__(self, page: "Page") -> None:
        super().__init__(page)
        self._customers: list[dict[str, str]] = []
        self.forms = {"offer": _offer}

    def fill_customers(self, customers: list[dict[str, str]]) -> None:
        """Put the sample customers into the form, unless they are there."""
        self._customers = customers
        self.update()

    def state(self) -> "Any":
        """Return the customers."""
        return self._customers

    def draw(self) -> None:
        """Draw the customers; the first one is chosen."""
        select = by_id("offer-customer")
        choices = [("", "Somebody else")] + [(each["id"], each["name"]) for each in self._customers]
        fill(select, [element("option", "", name, value=identity) for identity, name in choices])
        if self._customers:
            select.value = self._customers[0]["id"]
        self.show_fields()

    def show_fields(self) -> None:
        """Show the field for an address only where no customer is chosen."""
        by_id("offer-address-field").hidden = bool(by_id("offer-customer").value)


def _offer(fields: "dict[str, Any]") -> "tuple[str, dict[str, Any]]":
    if fields.get("customer"):
        fields.pop("address", None)
    lines = [line.partition("=") for line in fields.get("attributes", "").split("\n")]
    fields["attributes"] = {name.strip(): value.strip() for name, equals, value in lines if equals and name.strip()}
    return "offer", filled_in(fields)
