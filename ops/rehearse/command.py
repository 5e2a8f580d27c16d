"""Runs deploy.py as a person does, with some settings changed: what the rehearsal starts.

    python -m ops.rehearse.command '{"aws": {"instance_arn": "arn:..."}}' release --yes --env prod

The first argument is laid over the environment's settings (over [tool.popdesk] where the command names no --env), as
pyproject.toml would have it. Everything else is the real command line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ops import settings
from ops.rehearse import command  # this module, as others see it

_read = settings.read_pyproject
laid: dict[str, Any] = {}  # what is laid over the settings of this process


def merged(tree: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a table with another one laid over it."""
    found = dict(tree)
    for name, value in over.items():
        found[name] = merged(found.get(name, {}), value) if isinstance(value, dict) else value
    return found


def lay_over(over: dict[str, Any], environment: str) -> None:
    """Let this process read the settings with `over` laid over them."""

    def read(pyproject: Path) -> dict[str, Any]:
        table = {"environments": {environment: over}} if environment else over
        return merged(_read(pyproject), {"tool": {"popdesk": table}})

    laid.update(merged(laid, over))
    settings.read_pyproject = read


def _main(arguments: list[str]) -> None:
    over, words = json.loads(arguments[0]), arguments[1:]
    environment = words[words.index("--env") + 1] if "--env" in words else ""
    command.lay_over(over, environment)
    import deploy

    deploy.cli(words, prog_name=Path(deploy.__file__).name)


if __name__ == "__main__":
    _main(sys.argv[1:])
