"""A pull request on a GitHub on the loopback, and the job that judges its commit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standin.github_job import Job, judging


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    with judging(tmp_path, monkeypatch) as found:
        yield found
