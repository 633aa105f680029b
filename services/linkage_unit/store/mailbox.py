"""Stored shares (M1) and key checks (M2) of one version of the agreement."""

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from services.common.database import transact
from services.common.errors import Conflict
from services.linkage_unit.store.tables import KEY_CHECKS, SHARES, UPLOADS
from services.wire.messages import KeyCheck


class MailboxStore:
    """Signed statements of providers to providers, and what each submitted as its key check."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put_share(self, agreement: str, sender: str, recipient: str, statement: bytes) -> None:
        """Store a share; the same one again changes nothing, another one raises `Conflict`."""
        where = (SHARES.c.agreement == agreement, SHARES.c.sender == sender, SHARES.c.recipient == recipient)
        digest = hashlib.sha256(statement).digest()

        def work(connection: Connection) -> None:
            stored = connection.execute(select(SHARES.c.digest).where(*where)).scalar_one_or_none()
            if stored is None:
                connection.execute(
                    insert(SHARES).values(
                        agreement=agreement, sender=sender, recipient=recipient, digest=digest, statement=statement
                    )
                )
            elif stored != digest:
                raise Conflict(f"{sender} has already posted another share to {recipient} in this epoch")

        transact(self._engine, work)

    def shares_to(self, agreement: str, recipient: str) -> list[bytes]:
        """Return the statements addressed to a provider, by sender."""
        with self._engine.connect() as connection:
            return list(
                connection.execute(
                    select(SHARES.c.statement)
                    .where(
                        SHARES.c.agreement == agreement,
                        SHARES.c.recipient == recipient,
                        SHARES.c.statement.is_not(None),
                    )
                    .order_by(SHARES.c.sender)
                ).scalars()
            )

    def delete_shares(self, agreement: str) -> None:
        """Delete the content of all shares; their digests stay, so that none can be posted anew."""
        transact(
            self._engine,
            lambda connection: connection.execute(
                update(SHARES).where(SHARES.c.agreement == agreement).values(statement=None)
            ),
        )

    def put_key_check(self, agreement: str, provider: str, check: KeyCheck, statement: bytes) -> Mapping[str, KeyCheck]:
        """Store a provider's key check and return those of all; another one replaces its earlier one.

        Raises `Conflict` for another one once an upload has begun under the agreed ones.
        """

        def work(connection: Connection) -> Mapping[str, KeyCheck]:
            checks = _key_checks(connection, agreement)
            if checks.get(provider) == check:
                return checks
            if connection.execute(select(UPLOADS.c.id).where(UPLOADS.c.agreement == agreement).limit(1)).first():
                raise Conflict("uploads have begun under the key checks that all providers agreed on")
            connection.execute(
                delete(KEY_CHECKS).where(KEY_CHECKS.c.agreement == agreement, KEY_CHECKS.c.provider == provider)
            )
            connection.execute(
                insert(KEY_CHECKS).values(
                    agreement=agreement,
                    provider=provider,
                    key_check=check.key_check,
                    canary_digest=check.canary_digest,
                    statement=statement,
                )
            )
            return _key_checks(connection, agreement)

        return transact(self._engine, work)

    def key_checks(self, agreement: str) -> Mapping[str, KeyCheck]:
        """Return each provider's key check."""
        with self._engine.connect() as connection:
            return _key_checks(connection, agreement)


def _key_checks(connection: Connection, agreement: str) -> Mapping[str, KeyCheck]:
    rows = connection.execute(select(KEY_CHECKS).where(KEY_CHECKS.c.agreement == agreement))
    return {row.provider: _key_check(row) for row in rows}


def _key_check(row: Row[tuple[object, ...]]) -> KeyCheck:
    return KeyCheck(row.key_check, row.canary_digest)
