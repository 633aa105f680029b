"""The examples that commands print can be used as they are, and a user's mistake is a sentence, not a traceback."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from disclosure.query.parsing import parse_question
from disclosure.query.questions import StockQuestion
from services.analysis import client_config, config
from services.cli import outcome, query
from services.common.errors import ConfigurationFault, Denied, NotReady
from services.linkage_unit import config as linkage_unit_config
from services.provider_agent import config as agent_config
from services.provider_agent import mapping


@pytest.mark.parametrize(
    ("example", "load"),
    [
        (agent_config.EXAMPLE, agent_config.load),
        (mapping.EXAMPLE, mapping.load_mapping),
        (linkage_unit_config.EXAMPLE, linkage_unit_config.load),
        (config.EXAMPLE, config.load),
        (client_config.EXAMPLE, client_config.load),
    ],
)
def test_an_example_is_a_valid_file(example: str, load: Callable[[Path], BaseModel], tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(example)
    load(file)


def test_the_example_question_is_a_question() -> None:
    assert isinstance(parse_question(tomllib.loads(query.EXAMPLE_QUESTION)), StockQuestion)


@pytest.mark.parametrize("address", ["localhost", ":7443", "localhost:port", "localhost:70000", "localhost:-1"])
def test_an_address_without_host_and_port_is_told_in_plain_words(address: str, tmp_path: Path) -> None:
    file = tmp_path / "analyst.toml"
    file.write_text(client_config.EXAMPLE.replace("analysis.example:7444", address))
    with pytest.raises(ConfigurationFault, match="analysis_service: must be host:port"):
        client_config.load(file)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", "there.json"), 2, "bad input: there.json: No such file"),
        (PermissionError(13, "Permission denied", "there.json"), 2, "bad input: there.json: Permission denied"),
        (Denied("the linkage unit: Not allowed."), 3, "refused: the linkage unit: Not allowed. It gives no reason"),
        (NotReady("waiting for the shares of: tax"), 4, "try again later: waiting for the shares of: tax"),
    ],
)
def test_an_error_becomes_a_sentence_and_its_exit_code(
    error: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        outcome.run(command)
    assert ended.value.code == code
    assert capsys.readouterr().err.startswith(told)


def test_a_fault_of_the_program_stays_a_traceback() -> None:
    def command() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        outcome.run(command)
