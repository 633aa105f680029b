"""A small metadata store with the tables that both services share, on SQLite or PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine

from services.common.database import open_database, sqlite_url

_ENV: Final = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""
_FIRST: Final = """
import sqlalchemy as sa
from alembic import op
from services.common.agreements import agreement_tables
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade() -> None:
    metadata = sa.MetaData()
    agreement_tables(metadata)
    metadata.create_all(op.get_bind())
    op.create_table("counters", sa.Column("name", sa.String(40), primary_key=True), sa.Column("value", sa.Integer))
    op.create_table(
        "steps", sa.Column("number", sa.Integer), sa.Column("counter", sa.String(40), sa.ForeignKey("counters.name"))
    )
"""


def migrations_in(folder: Path) -> Path:
    """Write the store's Alembic scripts."""
    scripts = folder / "migrations"
    (scripts / "versions").mkdir(parents=True, exist_ok=True)
    (scripts / "env.py").write_text(_ENV)
    (scripts / "versions" / "0001_first.py").write_text(_FIRST)
    return scripts


def url_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """URL of an empty store: `sqlite` in a file, or `postgresql` on the suite's own server."""
    if kind == "sqlite":
        return sqlite_url(folder / "store.sqlite")
    new_database: Callable[[], str] = request.getfixturevalue("new_postgresql_database")
    return new_database()


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Engine]:
    """The store at a URL, as a service opens it."""
    engine = open_database(url, migrations_in(folder))
    try:
        yield engine
    finally:
        engine.dispose()
