"""A real S3 server for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.s3_server import S3Server, start_s3_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Started once, on first use; a test that kills a server starts one of its own."""
    running = start_s3_server(tmp_path_factory.mktemp("s3"))
    yield running
    running.kill()
