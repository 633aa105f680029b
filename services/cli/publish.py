"""What an analyst publishes: `export` writes a released table, `report` drafts a quality report, `verify` checks one.

`verify` needs neither a configuration nor a service: whoever reads a table can run it.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from services.cli.outcome import results

Config = Annotated[
    Path, typer.Option("--config", "-c", help="The analyst's configuration, TOML; `example` prints one.")
]


def export(
    config: Config,
    output: Annotated[Path, typer.Option("--output", "-o", help="The table's file.")],
    release: Annotated[str, typer.Argument(help="The release's id, as `list` names it.")] = "",
    question: Annotated[
        str, typer.Option(help="Instead of an id: file with a question that was released before (- for stdin).")
    ] = "",
    wave: Annotated[str, typer.Option(help="Wave of the question; default: the latest complete one.")] = "",
    form: Annotated[
        Literal["json", "csv", "parquet", "sdmx-csv", "sdmx-ml"] | None,
        typer.Option("--format", "-f", help="Default: by the file's ending; .xml is SDMX-ML."),
    ] = None,
    agency: Annotated[str, typer.Option(help="SDMX: the maintenance agency that publishes.")] = "SYMBOLON",
    conf_status: Annotated[
        Literal["F", "N", "C"],
        typer.Option(help="SDMX's CONF_STATUS: F free for publication, N not for publication, C confidential."),
    ] = "F",
    previous: Annotated[str, typer.Option(help="Id of the release before in this series: breaks are named.")] = "",
) -> None:
    """Write a released table with all that belongs to it, and its signed provenance beside it. It costs nothing.

    SDMX needs the extra `sdmx`; its XML is validated before it is written.

    Example: symbolon query export --config analyst.toml 3f0c52… --format sdmx-ml -o stock.xml
    """
    from services.analysis.client import Analysis
    from services.cli.questions import read_question
    from services.common.errors import ConfigurationFault

    if bool(release) == bool(question):
        raise ConfigurationFault("name either a release or a --question")
    with Analysis.connect(config) as analysis:
        wanted = release or analysis.find(read_question(question), wave)
        written = analysis.export(wanted, output, form, agency=agency, confidentiality=conf_status, previous=previous)
    for path in written:
        results.print(str(path))


def report(
    config: Config,
    releases: Annotated[list[str], typer.Argument(help="Ids of releases, as `list` names them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page, HTML.")],
    facts: Annotated[Path | None, typer.Option("--json", help="Write the same facts as JSON too.")] = None,
) -> None:
    """Draft a quality report on released tables, under the headings of SIMS 2.0, with charts. It costs nothing.

    It is filled from the agreement and the releases; what only the office knows is marked.

    Example: symbolon query report --config analyst.toml 3f0c52… 81b2aa… -o report.html
    """
    from services.analysis.client import Analysis
    from services.common.files import write_durably

    with Analysis.connect(config) as analysis:
        drafted = analysis.report(releases)
    for path, content in ((output, drafted.to_html()), *([(facts, drafted.to_json())] if facts else [])):
        write_durably(path, content.encode(), mode=0o644)
        results.print(str(path))


def verify(
    table: Annotated[Path, typer.Argument(help="The release, JSON: NAME.release.json beside an export.")],
    provenance: Annotated[Path, typer.Argument(help="Its signed provenance: NAME.provenance.json.")],
    agreement: Annotated[Path, typer.Option("--agreement", "-a", help="The signed agreement, which names the keys.")],
) -> None:
    """Verify where a table comes from and that no figure in it was changed, with the agreement alone and off line.

    Example: symbolon query verify stock.release.json stock.provenance.json --agreement agreement.json
    """
    from linkage_core.agreement.signatures import verify_agreement
    from services.analysis.provenance import verify_provenance

    parties = verify_agreement(agreement.read_bytes())
    release, manifest = verify_provenance(table.read_bytes(), provenance.read_bytes(), parties)
    results.print(f"release {manifest.release}: {len(release.cells)} cells, as {manifest.signer} released them")
    results.print(f"released {manifest.released_at} from wave {manifest.wave}, data version {manifest.data_version}")
    charged = f"charged {manifest.nano_rho / 1e9:g} rho" if release.is_private else f"no rho: {manifest.mechanism}"
    results.print(f"{charged}; entry {manifest.sequence} of the ledger {manifest.entry}")
    results.print(
        f"signed under version {manifest.signed_under_version} of agreement {parties.document.id}, "
        f"by symbolon {manifest.code}"
    )
