"""A configuration is read once, with every fault at once, and its paths start where its file lies."""

import json
from pathlib import Path

import pytest

from services.common.config import Configuration, load_toml, show
from services.common.errors import ConfigurationFault
from services.common.files import write_durably
from services.common.paths import FilePath


class Store(Configuration):
    """A part of the configuration below."""

    folder: FilePath
    rows: int = 1000


class Small(Configuration):
    """A configuration with one of everything."""

    keys: FilePath
    listen: str = "127.0.0.1:7001"
    store: Store


GOOD = 'keys = "keys/tax"\n[store]\nfolder = "/var/store"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    return folder / "small.toml"


def fault(file: Path, content: str | bytes) -> ConfigurationFault:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationFault) as refusal:
        load_toml(file, Small)
    return refusal.value


def test_relative_paths_start_at_the_files_folder_and_absolute_ones_stay(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(GOOD)
    monkeypatch.chdir(file.parent.parent)
    loaded = load_toml(Path("folder/small.toml"), Small)
    assert loaded.keys == file.parent / "keys" / "tax"
    assert loaded.store.folder == Path("/var/store")


def test_all_faults_are_told_at_once(file: Path) -> None:
    found = fault(file, 'listn = "x"\n[store]\nrows = "many"\n')
    assert sorted(one.partition(":")[0] for one in found.faults) == ["keys", "listn", "store.folder", "store.rows"]
    assert str(file) in str(found)


@pytest.mark.parametrize("content", ["keys = ", "[store", b"\xff\xfe", "a = 1\na = 2"])
def test_what_is_no_toml_is_refused(file: Path, content: str | bytes) -> None:
    assert "is not TOML in UTF-8" in str(fault(file, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"nothing\.toml"):
        load_toml(tmp_path / "nothing.toml", Small)


def test_a_loaded_configuration_does_not_change(file: Path) -> None:
    file.write_text(GOOD)
    loaded = load_toml(file, Small)
    with pytest.raises(ValueError, match="frozen"):
        loaded.listen = "0.0.0.0:1"  # type: ignore[misc]  # the attempt is the test


def test_what_is_shown_is_what_is_in_effect_with_its_defaults(file: Path) -> None:
    file.write_text(GOOD)
    shown = json.loads(show(load_toml(file, Small)))
    assert shown == {
        "keys": str(file.parent / "keys" / "tax"),
        "listen": "127.0.0.1:7001",
        "store": {"folder": "/var/store", "rows": 1000},
    }


def test_a_file_written_durably_replaces_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_durably(path, b"old content that is longer")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_crash_left_beside_a_file_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_durably(path, b"old")
    (tmp_path / ".state.new").write_bytes(b"half of the n")
    assert path.read_bytes() == b"old"
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
