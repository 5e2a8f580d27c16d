"""The moto account of the release tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.moto_server import MotoServer
from tests.aws.world import World


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    """Return the server; it is one for all tests, each of which starts with an empty account."""
    with MotoServer() as server:
        yield server


@pytest.fixture
def world(moto_server: MotoServer, tmp_path: Path) -> World:
    """Return a new account with a bucket, a distribution and a Lambda."""
    return World(moto_server, tmp_path)
