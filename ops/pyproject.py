"""Read pyproject.toml: the project's version, and the document that ops/settings.py checks.

    version()                       # -> "0.2.0"
    read_pyproject(PYPROJECT)       # -> the document as a dict

By itself, so that `deploy.py --version` needs none of what checks the settings.
"""

from __future__ import annotations

import tomllib
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ops import ROOT
from ops.errors import UserError

PYPROJECT = ROOT / "pyproject.toml"


def version(pyproject: Path | None = None) -> str:
    """Return the project's version, e.g. "0.2.0". Raises UserError as `read_pyproject` does."""
    return str(read_pyproject(pyproject or PYPROJECT).get("project", {}).get("version", "unknown"))


def read_pyproject(pyproject: Path) -> dict[str, Any]:
    """Return the document. Raises UserError where the file is not there or is no TOML."""
    try:
        return deepcopy(_parsed(pyproject.read_text("utf-8")))
    except FileNotFoundError:
        raise UserError(str(pyproject), "the file is missing", "run from a checkout of the project") from None
    except UnicodeDecodeError as error:
        raise UserError(str(pyproject), f"it is not UTF-8 (near byte {error.start})", "save it as UTF-8", 2) from None
    except OSError as error:
        raise UserError(str(pyproject), f"it cannot be read: {error.strerror}", "make it readable") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(str(pyproject), f"it is not valid TOML: {error}", "correct that line", exit_code=2) from None


@lru_cache(maxsize=8)
def _parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text)
