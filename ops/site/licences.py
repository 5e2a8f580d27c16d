"""The licences of the npm packages that a page carries: their names, versions, copyrights, terms and notices, as one text.

    licences(Path("web/node_modules"), ["@pyscript/core", ...])     # -> (the content of licences.txt, ["unknown-package"])

Each of these licences asks that its text goes with every copy (MIT and ISC with the copyright notice; Apache-2.0, 4(a) and
4(d), with the NOTICE file). Some packages are published without a text: they get the terms of another package of the
same licence, and the copyright that their authors state elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

# Who holds the copyright of packages that bring no text of their own: from micropython.org's LICENSE, and the packages'
# author fields.
_COPYRIGHTS = {
    "@micropython/micropython-webassembly-pyscript": "Copyright (c) 2013-2026 Damien P. George",
    "@ungap/with-resolvers": "Copyright (c) Andrea Giammarchi",
    "codedent": "Copyright (c) Andrea Giammarchi",
    "to-json-callback": "Copyright (c) Andrea Giammarchi",
}
_NAMES_A_HOLDER = ("MIT", "ISC")  # licences whose text is nothing without a copyright notice
# Of a holder or a year: the terms too have a line that begins with "copyright notice".
_COPYRIGHT_LINE = re.compile(r"^[ \t]*copyright\s+(\(c\)|©|\d{4}).*\n*", re.IGNORECASE | re.MULTILINE)
_RULE = "\n\n" + "-" * 80 + "\n\n"


def licences(modules: Path, roots: Iterable[str]) -> tuple[bytes, list[str]]:
    """Return the licences of the packages `roots` in `modules` and of all that they depend on.

    The second value names the packages whose terms or copyright are not known: they stand there by name alone. An update
    of a package must not stop a build, so the build only says so.
    """
    packages = _with_dependencies(modules, roots)
    texts, unknown = list[str](), list[str]()
    for package in packages:
        about = _about(modules, package)
        name = str(about.get("license", ""))
        terms = _text(modules, package, "LICEN[CS]E*") or _terms_of_another(modules, package, name, packages)
        if not terms:
            unknown.append(package)
        head = f"{package} {about['version']} ({name or 'no licence named'})"
        texts.append("\n\n".join(part for part in (head, terms, _text(modules, package, "NOTICE*")) if part))
    return (_RULE.join(texts) + "\n").encode(), unknown


def _terms_of_another(modules: Path, package: str, name: str, packages: list[str]) -> str:
    """Return the terms of another package of the licence `name`, with the copyright of this one; "" where one is unknown."""
    terms = next(
        (
            text
            for other in packages
            if str(_about(modules, other).get("license", "")).upper() == name.upper()
            and (text := _text(modules, other, "LICEN[CS]E*"))
        ),
        "",
    )
    if name.upper() not in _NAMES_A_HOLDER or not terms:
        return terms
    holder = _COPYRIGHTS.get(package, "")
    return f"{holder}\n\n{_COPYRIGHT_LINE.sub('', terms).strip()}" if holder else ""


def _about(modules: Path, package: str) -> dict[str, object]:
    return _parsed((modules / package / "package.json").read_text("utf-8"))


@lru_cache(maxsize=256)
def _parsed(text: str) -> dict[str, object]:
    """Return a package.json, which nobody changes: each is asked for several times, and by the next build."""
    about: dict[str, object] = json.loads(text)
    return about


def _text(modules: Path, package: str, pattern: str) -> str:
    found = sorted((modules / package).glob(pattern))
    return found[0].read_text("utf-8").strip() if found else ""


def _with_dependencies(modules: Path, roots: Iterable[str]) -> list[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            needs = _about(modules, package).get("dependencies", {})
            assert isinstance(needs, dict)
            waiting += [name for name in needs if (modules / name / "package.json").is_file()]
    return sorted(found)
