"""A PostgreSQL server of one's own, started from the machine's binaries in a folder, on a Unix socket there."""

import os
import pwd
import shutil
import subprocess
from itertools import count
from pathlib import Path
from typing import Final

START_TIMEOUT_SECONDS: Final = 60


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
    """A server whose data and socket lie in `folder`; nothing listens on the network.

    Unless it is `durable`, a crash of the machine may lose what was committed: enough for tests, not for figures.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._fsync = "on" if durable else "off"
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
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync={self._fsync}"
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
