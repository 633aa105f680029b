"""Every benchmark runs on real parts at a tiny size, so that `make bench` is not found broken when it is needed.

Nothing is asserted about time. What a benchmark checks of itself (equal bits, equal answers) runs here too.
"""

import datetime
import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import analysis_peers, clear_text, in_clear, release, startup
from benchmarks.results import Measured
from benchmarks.table import Figure, Table, shown

TINY: dict[str, dict[str, Any]] = {
    "encoding": {"people": 200, "rounds": 1},
    "agent": {"people": 400, "rounds": 1},
    "comparing": {"people": 200, "rounds": 1},
    "search": {"people": {300: True, 500: True}, "sampled": 100},
    "linking": {"febrl_rows": 100, "people": 200, "keys": 1},
    "duplicates": {"persons": 60, "keys": 1},
    "waves": {"people": (200, 300), "new_rows": 20},
    "clear_text": {"rounds": {500: 1}},
    "profiles": {"records": 400, "keys": 1, "profiles": ("usual",)},
    "intervals": {"linkages": 3, "sizes": (300, 400)},
    "attack": {"febrl_rows": 100, "people": 200},
    "frontier": {"people": 150, "febrl_rows": 100, "large": None, "ts": (), "fills": (0.2,)},
    "generator": {"sizes": (50, 60)},
    "upload": {"rows": 2_000, "rounds": 1},
    "release": {"persons": 300},
    "residence": {"persons": 1_000, "processes": False},
    "analysis_peers": {"persons": 300, "rounds": 1, "peers": {"OpenDP Context": analysis_peers.OPENDP_CONTEXT}},
    "coverage": {"releases": 5},
    "linkage_coverage": {"settings": (("dirty", 250),), "number": 2, "training": 20},
    "startup": {"rounds": 1, "first_runs": 0},
}
"""What `at_size` of a benchmark is given."""

PEERS = {
    "clear_text": (in_clear.SPLINK,),
    "profiles": (in_clear.SPLINK,),
    "analysis_peers": (analysis_peers.OPENDP_CONTEXT,),
}
"""The environments of their own that a benchmark runs scripts in."""


@pytest.mark.parametrize("name", command.NAMES)
def test_a_benchmark_returns_rows_without_an_empty_figure(name: str) -> None:
    if not all(peer.is_built for peer in PEERS.get(name, ())):
        pytest.skip("the peers' environments are built by `make bench`, not by `make test`")
    made: Table = import_module(f"benchmarks.{name}").at_size(**TINY[name])
    assert len(made.rows) >= 2
    assert all(row[0] for row in made.rows)
    assert all(any(character.isdigit() for character in "".join(map(shown, row[1:]))) for row in made.rows)


def test_what_a_release_is_charged_is_what_opendp_alone_would_charge() -> None:
    made = release.at_size(persons=50)
    ours, theirs = made.columns.index("rho charged"), made.columns.index("rho, OpenDP")
    pairs = [(row[ours], row[theirs]) for row in made.rows]
    assert all(isinstance(a, Figure) and isinstance(b, Figure) and abs(a.value - b.value) <= 2e-9 for a, b in pairs)


def test_without_splinks_environment_one_is_told_how_to_build_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_clear, "SPLINK", replace(in_clear.SPLINK, folder=Path("/nowhere")))
    with pytest.raises(FileNotFoundError, match=re.escape("make .bench/splink/.ready")):
        clear_text.at_size({50: 1})


def test_our_door_counts_what_plain_duckdb_counts_up_to_noise_and_truncation() -> None:
    made = analysis_peers.at_size(persons=400, rounds=1, peers={})
    assert made.column("way") == ("ours", "plain DuckDB") * 2
    assert [shown(cell) for cell in made.column("noise SD")] == ["3.162", "0.000", "4.472", "0.000"]


def test_a_way_whose_table_is_another_is_refused() -> None:
    spoilt = analysis_peers.Answer(seconds=1, processor_seconds=1, peak_mebibytes=1, noise_sd=3.0, cells=4, total=500)
    with pytest.raises(AssertionError, match="stock: a way counts 500 where 300 persons are expected"):
        analysis_peers.check("stock", spoilt, expected=300)


def test_once_every_kernel_was_used_no_further_use_compiles() -> None:
    startup.use_kernels()
    assert startup.use_kernels() == 0


def test_what_is_run_is_printed_with_the_machine_and_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = Table("A step", ("way", "figure"), (("ours", 2.5),))
    ended = Measured("coverage", made, True, datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC), 1.0, 0.0)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "coverage", "--quick", "--results", str(tmp_path)])
    monkeypatch.setattr(command, "run", lambda name, quick: ended if (name, quick) == ("coverage", True) else None)
    command.main()
    printed = capsys.readouterr().out
    assert printed.startswith("Quick sizes on ")
    assert "## A step" in printed
    assert [path.name for path in tmp_path.glob("2026-11-22-*-quick/*")] == ["coverage.json"]


def test_an_unknown_benchmark_is_refused_before_any_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "coverage", "luck"])
    monkeypatch.setattr(command, "run", lambda _name, **_options: pytest.fail("ran"))
    with pytest.raises(SystemExit) as refused:
        command.main()
    assert refused.value.code == 2
