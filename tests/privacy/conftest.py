"""The whole system, run once for all tests that search what it left behind."""

from collections.abc import Iterator

import pytest

from tests.support.whole_run import WholeRun, whole_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    """A whole run in real processes, over files with canaries in them; all processes have ended."""
    with whole_run(tmp_path_factory.mktemp("whole-run")) as ended:
        yield ended
