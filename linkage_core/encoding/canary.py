"""The canary digest: one number that differs if an agent's secret, schema, rules or encoder differs."""

import json

import numpy as np

from linkage_core.crypto.kdf import info, keyed_image
from linkage_core.encoding.keys import LinkageKeys
from linkage_core.encoding.run import Encoder
from linkage_core.schema import LinkageSchema
from linkage_core.standardise.canary import canary_records, standardised_canary


def canary_digest(keys: LinkageKeys, schema: LinkageSchema) -> bytes:
    """Return HMAC(HKDF(S, `canary`), canary records as standardised and encoded here)[:16].

    The message is a length-prefixed list: the standardised values as JSON, then each CLK's and each match key's name,
    presence and bytes. Raises `Refused` if the agreement names other rules than this agent has.
    """
    with Encoder(schema, keys) as encoder:
        encoded = encoder.encode(canary_records(schema))
    parts = [json.dumps(standardised_canary(), sort_keys=True, ensure_ascii=True).encode("ascii")]
    for name, clk in encoded.clks.items():
        parts += [name.encode(), np.packbits(clk.present).tobytes(), clk.bits.tobytes()]
    for key_name, key in encoded.match_keys.items():
        parts += [key_name.encode(), np.packbits(key.present).tobytes(), key.values.tobytes()]
    return keyed_image(keys.canary(), info("canary-records", *parts))
