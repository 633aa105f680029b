"""Payload at rest: one encrypted Parquet file a wave and table, each under a data key of its own.

Parquet's modular encryption (uniform: footer, column names and values) through a `KmsClient` that wraps with the data
key of (lineage, wave, provider, table). Destroying that key's wrap destroys the file. Nothing is ever written in clear.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from linkage_core.crypto.kdf import info
from services.common.clock import RandomBytes
from services.common.sealing import DataKeys, open_bytes, seal_bytes

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_BINDING: Final = info("parquet-key")


class PayloadStore:
    """The payload files of one service, below one folder."""

    def __init__(self, folder: Path, keys: DataKeys, random: RandomBytes) -> None:
        self._folder = folder
        self._keys = keys
        self._factory = pe.CryptoFactory(lambda _: _WrapWithDataKeys(keys, random))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def writing(self, file: str, key: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
        """Write a file under a data key (made on first use); it is on disk and in place when the block ends well.

        A block that fails leaves no file. An earlier file of the name is replaced.
        """
        self._keys.open_or_create(key)
        encryption = pe.EncryptionConfiguration(
            footer_key=key,
            uniform_encryption=True,
            data_key_length_bits=256,
            internal_key_material=True,
            double_wrapping=False,
        )
        properties = self._factory.file_encryption_properties(pe.KmsConnectionConfig(), encryption)
        beside = self._folder / f".{file}.new"
        try:
            with pq.ParquetWriter(beside, schema, encryption_properties=properties) as writer:
                yield writer
            _flush(beside)
            beside.replace(self._folder / file)
            _flush(self._folder)
        finally:
            beside.unlink(missing_ok=True)

    def dataset(self, file: str) -> "ds.Dataset":
        """Open a file as an Arrow data set that decrypts while it is scanned."""
        import pyarrow.dataset as ds  # loads pandas, which commands that count nothing need not wait for

        decryption = ds.ParquetDecryptionConfig(self._factory, pe.KmsConnectionConfig(), pe.DecryptionConfiguration())
        options = ds.ParquetFragmentScanOptions(decryption_config=decryption)
        return ds.dataset(self._folder / file, format=ds.ParquetFileFormat(default_fragment_scan_options=options))

    def destroy(self, file: str, key: str) -> None:
        """Destroy a file's data key, and remove the file."""
        self._keys.destroy(key)
        (self._folder / file).unlink(missing_ok=True)

    def remove(self, file: str) -> None:
        """Remove a file whose data key another file has taken over."""
        (self._folder / file).unlink(missing_ok=True)

    def keep_only(self, files: set[str]) -> None:
        """Remove files that no delivery made count: what a stopped intake left behind."""
        for path in self._folder.iterdir():
            if path.name not in files:
                path.unlink()


def data_key_name(lineage: str, wave: str, provider: str, table: str) -> str:
    """Return the name of the data key of one table of one wave."""
    return f"payload.{lineage}.{wave}.{provider}.{table}"


class _WrapWithDataKeys(pe.KmsClient):  # type: ignore[misc] # pyarrow ships no types
    """Wraps each file's own key with the data key that the file names."""

    def __init__(self, keys: DataKeys, random: RandomBytes) -> None:
        super().__init__()
        self._keys = keys
        self._random = random

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> Any:
        """Return the wrapped file key, as text."""
        key = self._keys.open(master_key_identifier)
        return base64.b64encode(seal_bytes(key, key_bytes, _BINDING, self._random))

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> Any:
        """Return the file key; raises `Tampered` if the data key is destroyed or another."""
        return open_bytes(self._keys.open(master_key_identifier), base64.b64decode(wrapped_key), _BINDING)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
