"""The moto account of the release tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader, create_loader

from tests.aws.moto_server import MotoServer
from tests.aws.world import World

_models: dict[str | None, dict[Any, Any]] = {}


def _create_loader(search_path: str | None = None) -> Loader:
    """Return a loader of AWS's models that keeps what it has read for the loaders of the sessions after it.

    Each command opens a session of its own. To read the same models again takes longer than most of these tests.
    """
    loader = create_loader(search_path)
    loader._cache = _models.setdefault(search_path, {})
    return loader


botocore.session.create_loader = _create_loader


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    """Return the server; it is one for all tests, each of which starts with an empty account."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def world(moto_server: MotoServer, tmp_path: Path) -> World:
    """Return a new account with a bucket, a distribution and a Lambda."""
    return World(moto_server, tmp_path)
