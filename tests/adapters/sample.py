"""The stage of the adapter "sample": a file of customers of the test's own, which can neither fail nor hang."""

from __future__ import annotations

import json

from tests.adapters.stage import Stage


class Directory(Stage):
    """A sample.json."""

    def fill(self, customers: list[dict[str, str]]) -> None:
        file = self.folder / "sample.json"
        file.write_text(json.dumps(customers), "utf-8")
        self.environment.setattr("adapters.sample.FILE", str(file))
