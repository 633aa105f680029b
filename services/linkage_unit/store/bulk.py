"""Many rows into one table at once, inside a transaction: what each store does fastest.

PostgreSQL takes them through COPY, SQLite through one prepared statement. Either way rows in the order of the table's
primary key are several times as fast as rows in no order: neighbours in the index are written together.
"""

from collections.abc import Iterable
from typing import Final, cast

from sqlalchemy import Connection, Integer, LargeBinary, String, Table
from sqlalchemy.exc import DBAPIError

Value = str | int | bytes

_POSTGRESQL_TYPES: Final = {String: "text", LargeBinary: "bytea", Integer: "int4"}
"""What COPY's binary format calls the types of columns that come in bulk."""


def insert_rows(connection: Connection, table: Table, rows: Iterable[tuple[Value, ...]]) -> None:
    """Insert rows, each with a value for every column of the table in the table's order.

    Raises what an ordinary insert raises (`sqlalchemy.exc.IntegrityError`, `OperationalError`), on either store.
    """
    names = [column.name for column in table.columns]
    if connection.dialect.name == "postgresql":
        kinds = [_POSTGRESQL_TYPES[type(column.type)] for column in table.columns]
        _copy(connection, f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)", kinds, rows)
        return
    places = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of own tables
    if listed := list(rows):
        connection.exec_driver_sql(statement, listed)


def _copy(connection: Connection, statement: str, kinds: list[str], rows: Iterable[tuple[Value, ...]]) -> None:
    import psycopg  # the driver is needed only where a server is

    driver = cast(psycopg.Connection[tuple[Value, ...]], connection.connection.driver_connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.set_types(kinds)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:  # as SQLAlchemy tells it of its own statements: a lost race is run again by that
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error
