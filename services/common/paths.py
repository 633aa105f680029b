"""A path in a configuration or mapping file: relative ones start at the folder of that file."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if path.is_absolute() or folder is None else Path(folder) / path


FilePath = Annotated[Path, AfterValidator(_from_folder)]
"""Use with `services.common.config.load_toml`, which tells the folder."""
