"""What holds for the whole suite: reproducible properties, and a PostgreSQL server of its own for the store suites.

The server is started from the binaries of the machine, in a temporary folder, on a Unix socket that only this account
can reach. Where it cannot start, the tests that need it are skipped, and the summary says so in capital letters.
"""

import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run and machine; how fast a machine is decides nothing.
settings.register_profile("symbolon", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("symbolon")

NO_POSTGRESQL = pytest.StashKey[str]()
START_TIMEOUT_SECONDS = 60


class PostgresqlUnavailable(Exception):
    """No PostgreSQL server can be started here; the message says why."""


def _binaries() -> Path:
    """The folder of PostgreSQL's programs: on PATH, else the newest of Debian's."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: float(found.parts[-3]))
    if not versions:
        raise PostgresqlUnavailable("no initdb on PATH or in /usr/lib/postgresql/*/bin; install PostgreSQL")
    return versions[-1].parent


def _account() -> pwd.struct_passwd | None:
    """The account that runs the server: PostgreSQL refuses root. None means the one that runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name: account for account in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return known[name]
    raise PostgresqlUnavailable("the tests run as root, and there is no account postgres or nobody to run the server")


class PostgresqlServer:
    """One server for the session; its data and socket lie in `folder`, and nothing listens on the network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._binaries = _binaries()
        self._account = _account()
        self._numbers = count(1)

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        log = self._folder / f"{program}.log"
        try:
            with log.open("ab") as output:  # a file, not a pipe: the server inherits it and would hold a pipe open
                subprocess.run(
                    [str(self._binaries / program), *arguments],
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=START_TIMEOUT_SECONDS,
                    check=True,
                    user=None if account is None else account.pw_uid,
                    group=None if account is None else account.pw_gid,
                    extra_groups=None if account is None else [],
                )
        except (OSError, subprocess.SubprocessError) as error:
            said = log.read_text(errors="replace").strip().splitlines()[-6:] if log.exists() else []
            raise PostgresqlUnavailable(f"{program} failed; it said: {' | '.join(said) or error}") from error

    def start(self) -> None:
        """Create the cluster and start the server; raises PostgresqlUnavailable with what went wrong."""
        if self._account is not None:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        data = str(self._folder / "data")
        encoding = ("--encoding=UTF8", "--no-locale")
        self._run("initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--no-sync", *encoding)
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--pgdata", data, "--options", options)

    def stop(self) -> None:
        """Stop the server, closing what is still connected."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast", "--pgdata", str(self._folder / "data"))

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database of this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def new_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        import psycopg  # the driver is needed only where a server is

        name = f"store_{next(self._numbers)}"
        with psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


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
