"""The stage of the adapter "sample": an SQLite file that begins with no cases."""

from __future__ import annotations

import json

from cases_adapters.sample import FILE_VARIABLE

from tests.cases.stage import Stage


class Store(Stage):
    """A file of the test's own."""

    def open(self) -> None:
        beginning = self.folder / "sample.json"
        beginning.write_text(json.dumps([]), "utf-8")
        self.environment.setattr("cases_adapters.sample.BEGINNING", str(beginning))
        self.environment.setenv(FILE_VARIABLE, str(self.folder / "cases"))

    def fail(self) -> None:
        (self.folder / "cases").rename(self.folder / "kept")
        (self.folder / "cases").write_bytes(b"no database, but long enough to be one" * 100)

    def recover(self) -> None:
        if (self.folder / "kept").exists():
            (self.folder / "kept").replace(self.folder / "cases")
