"""The wave's two key pairs: `tok_AS` opens batch keys, `pay_AS` opens payload chunks; destroyed after the wave.

The private halves are wrapped by the key-encryption key, apart from the store, so that closing a wave destroys them:
from then on nobody can open a recorded token batch or delivery, the service included.
"""

import threading
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from linkage_core.agreement.signatures import VerifiedAgreement
from linkage_core.crypto import hpke
from linkage_core.crypto.secret import Secret
from linkage_core.errors import Refused
from linkage_core.types import PartyName
from services.analysis.store.tables import wave_keys
from services.common.database import transact
from services.common.keystore import PartyKeys
from services.common.sealing import DataKeys
from services.wire.convert.signed import sign_message
from services.wire.messages import SignedStatement, WaveKeys

_EVERYONE = PartyName("")


class WaveKeyring:
    """Makes, signs, opens and destroys the keys of each wave."""

    def __init__(self, engine: Engine, keys: DataKeys, party: PartyKeys) -> None:
        self._engine = engine
        self._keys = keys
        self._party = party
        self._making = threading.Lock()

    def public(self, agreement: VerifiedAgreement, wave: str) -> SignedStatement:
        """Return the signed public halves of a wave's keys, made on first request; meant for all parties.

        Raises `InputFault` for a wave that the agreement does not list, and `Refused` for a closed one.
        """
        agreement.document.wave(wave)
        with self._making:
            keys = self._stored(wave) or self._make(wave)
        return sign_message(self._party.identity, self._party.name, _EVERYONE, agreement.context(wave), keys)

    def private(self, wave: str) -> tuple[Secret, Secret]:
        """Return the private halves (tok_AS, pay_AS); raises `Refused` if the wave is closed or was never opened."""
        if self._stored(wave) is None:
            raise Refused(f"waves.{wave}", "the wave was never opened: no keys were handed out for it")
        return self._keys.open(_name(wave, "token")), self._keys.open(_name(wave, "payload"))

    def is_closed(self, wave: str) -> bool:
        """Tell whether the wave's private keys are destroyed."""
        row = self._row(wave)
        return row is not None and row.closed_at is not None

    def close(self, wave: str, now: datetime) -> bool:
        """Destroy the private halves of a wave's keys for good; tells whether it was open."""

        def mark(connection: Connection) -> bool:
            open_wave = wave_keys.c.wave == wave, wave_keys.c.closed_at.is_(None)
            closed = connection.execute(update(wave_keys).where(*open_wave).values(closed_at=now.isoformat()))
            return closed.rowcount > 0

        was_open = transact(self._engine, mark)
        self._keys.destroy(_name(wave, "token"))
        self._keys.destroy(_name(wave, "payload"))
        return was_open

    def _stored(self, wave: str) -> WaveKeys | None:
        row = self._row(wave)
        if row is not None and row.closed_at is not None:
            raise Refused(f"waves.{wave}", "the wave is closed and its keys are destroyed")
        return None if row is None else WaveKeys(row.token_key, row.payload_key)

    def _row(self, wave: str) -> Row[Any] | None:
        with self._engine.connect() as connection:
            return connection.execute(select(wave_keys).where(wave_keys.c.wave == wave)).one_or_none()

    def _make(self, wave: str) -> WaveKeys:
        token, payload = hpke.generate(), hpke.generate()
        keys = WaveKeys(hpke.public_of(token), hpke.public_of(payload))
        # Private halves first: keys that were handed out can always be opened after a crash.
        self._keys.keep(_name(wave, "token"), token)
        self._keys.keep(_name(wave, "payload"), payload)
        row = {"wave": wave, "token_key": keys.token_key, "payload_key": keys.payload_key}
        transact(self._engine, lambda connection: connection.execute(insert(wave_keys).values(row)))
        return keys


def _name(wave: str, kind: str) -> str:
    return f"wave.{wave}.{kind}"
