"""What holds for the whole suite: reproducible properties, and a PostgreSQL server of its own for the store suites.

The server is started from the binaries of the machine, in a temporary folder, on a Unix socket that only this account
can reach. Where it cannot start, the tests that need it are skipped, and the summary says so in capital letters.
"""

import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgresql import PostgresqlServer, PostgresqlUnavailable

# The same examples on every run and machine; how fast a machine is decides nothing.
settings.register_profile("symbolon", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("symbolon")

NO_POSTGRESQL = pytest.StashKey[str]()


def _start_or_skip(folder: Path, config: pytest.Config) -> PostgresqlServer:
    try:
        server = PostgresqlServer(folder)
        server.start()
    except PostgresqlUnavailable as error:
        config.stash[NO_POSTGRESQL] = str(error)
        pytest.skip(f"POSTGRESQL COULD NOT BE STARTED: {error}")
    return server


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[PostgresqlServer]:
    """A running PostgreSQL server, or a skip with a reason that the summary repeats."""
    folder = Path(tempfile.mkdtemp(prefix="symbolon-postgresql-"))
    try:
        server = _start_or_skip(folder, request.config)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgresql_database(postgresql_server: PostgresqlServer) -> Callable[[], str]:
    """A function that creates an empty database and returns its SQLAlchemy URL: for tests that need one each."""
    return functools.partial(PostgresqlServer.new_database, postgresql_server)


@pytest.fixture(scope="module")
def postgresql_url(new_postgresql_database: Callable[[], str]) -> str:
    """SQLAlchemy's URL of a database that was empty when the test module began."""
    return new_postgresql_database()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say aloud when the store suites ran without PostgreSQL."""
    reason = config.stash.get(NO_POSTGRESQL, None)
    if reason is not None:
        terminalreporter.section("POSTGRESQL TESTS WERE NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.write_line("THE STORES WERE TESTED ON SQLITE ONLY. POSTGRESQL COULD NOT BE STARTED:")
        terminalreporter.write_line(reason)
