"""Configuration: one TOML file a role, parsed once into a frozen model, every fault reported together.

A configuration holds paths and addresses, never a key: showing it gives nothing away.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from services.common.errors import ConfigurationFault


class Configuration(BaseModel):
    """Base of every configuration: immutable, no unknown setting. Paths are relative to the file's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)

HIGHEST_PORT: Final = 65535

_IN_WORDS: Final = {"missing": "is missing", "extra_forbidden": "there is no such setting"}
"""Kinds of faults that the parser tells in words of its own trade."""


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a model; paths inside become relative to the file's folder.

    Raises one `ConfigurationFault` that lists every fault.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationFault(f"there is no file {path}") from None
    except OSError as error:
        raise ConfigurationFault(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"{path} is not TOML in UTF-8: {error}") from None
    try:
        return model.model_validate(content, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc'])) or 'file'}: {_in_words(e)}" for e in error.errors())
        raise ConfigurationFault(f"{path} cannot be used", faults) from None


def _in_words(fault: Mapping[str, Any]) -> str:
    return _IN_WORDS.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")


def _host_and_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > HIGHEST_PORT:
        raise ValueError("must be host:port, e.g. 127.0.0.1:7443")
    return address


Address = Annotated[str, AfterValidator(_host_and_port)]
"""`host:port`."""


def show(configuration: BaseModel) -> str:
    """Return a configuration as it is in effect, defaults included, as JSON."""
    return json.dumps(configuration.model_dump(mode="json"), indent=2)
