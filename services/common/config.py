"""Configuration: one TOML file a role, parsed once into a frozen model, every fault reported together.

A configuration holds paths and addresses, never a key: showing it gives nothing away.
"""

import json
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from services.common.errors import ConfigurationFault


class Configuration(BaseModel):
    """Base of every configuration: immutable, no unknown setting. Paths are relative to the file's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a model; paths inside become relative to the file's folder.

    Raises one `ConfigurationFault` that lists every fault.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationFault(f"there is no file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"{path} is not TOML in UTF-8: {error}") from None
    try:
        return model.model_validate(content, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ConfigurationFault(f"{path} cannot be used", faults) from None


def show(configuration: BaseModel) -> str:
    """Return a configuration as it is in effect, defaults included, as JSON."""
    return json.dumps(configuration.model_dump(mode="json"), indent=2)
