"""`symbolon agreement`: draft, sign, verify and show the data-sharing agreement."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from services.cli.outcome import results, talk
from services.cli.rates import simulate_linkage

app = typer.Typer(no_args_is_help=True, help="Draft, sign, verify and show the data-sharing agreement.")
app.command("simulate-linkage")(simulate_linkage)

File = Annotated[Path, typer.Argument(help="The agreement's file.", exists=True, dir_okay=False)]
Keys = Annotated[Path, typer.Option(help="Key folder of the party.")]


@app.command()
def terms() -> None:
    """Print example terms (TOML) to start from: those of the demo's country.

    Example: symbolon agreement terms > terms.toml
    """
    results.print(resources.files("services.demo").joinpath("data/terms.toml").read_text("utf-8"))


@app.command()
def new(
    terms: Annotated[Path, typer.Argument(help="The terms, TOML; `symbolon agreement terms` prints an example.")],
    party: Annotated[list[Path], typer.Option(help="party.json of each party (or its key folder); repeat.")],
    authority: Annotated[
        Path, typer.Option(help="Certificate of the authority for transport certificates.", exists=True, dir_okay=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the agreement.")],
    amends: Annotated[
        Path | None, typer.Option(help="The signed agreement that this one amends.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Draft an agreement from terms and the parties' public keys. A draft is overwritten, a signed agreement never.

    Example: symbolon agreement new terms.toml --party keys/tax --party keys/register …
    --authority keys/authority/authority.crt -o agreement.json
    """
    import tomllib

    from linkage_core.agreement.signatures import SignedAgreement, parse_signed, verify_agreement
    from services.common.certificates import read_certificate
    from services.common.clock import system_random
    from services.common.drafting import draft_agreement
    from services.common.errors import ConfigurationFault
    from services.common.files import write_durably
    from services.common.keystore import load_public_identity

    try:
        content = tomllib.loads(terms.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationFault(f"{terms} is not TOML in UTF-8: {error}") from None
    if output.exists() and parse_signed(output.read_bytes()).signatures:
        raise ConfigurationFault(f"{output} is signed already; write the new one to another file")
    previous = verify_agreement(amends.read_bytes()).document if amends else None
    parties = [load_public_identity(path) for path in party]
    document = draft_agreement(content, parties, read_certificate(authority), system_random, previous)
    write_durably(output, SignedAgreement(agreement=document).to_bytes(), mode=0o644)
    talk.print(f"drafted {output}: every party now signs it with `symbolon agreement sign`")
    results.print(document.hash.hex())


@app.command()
def sign(
    file: File,
    keys: Annotated[
        list[Path], typer.Option(help="Key folder of the party; repeat it where one machine holds several.")
    ],
    without_households: Annotated[
        bool,
        typer.Option(
            "--without-households",
            help="The files hold no relatives, as FEBRL's: attack people who live alone. Wrong for a register.",
        ),
    ] = False,
) -> None:
    """Sign an agreement with a party's identity key; read it first with `symbolon agreement show`.

    Before that the linkage schema is attacked on invented people, which takes some seconds: a schema that opens is not
    signed.

    Example: symbolon agreement sign agreement.json --keys keys/tax
    """
    from linkage_core.agreement.signatures import parse_signed
    from linkage_core.assessment.gate import describe, require_closed
    from services.cli.bars import telling_of_kernels
    from services.cli.schema_gate import attack_schema
    from services.common.drafting import require_encodable
    from services.common.files import write_durably
    from services.common.keystore import load_party_keys

    parties = [load_party_keys(folder) for folder in keys]
    unsigned = parse_signed(file.read_bytes())
    require_encodable(unsigned.agreement)
    signed = unsigned
    for party in parties:
        signed = signed.signed_by(party.name, party.identity)
    with telling_of_kernels(), talk.status("attacking the linkage schema on invented people …"):
        figures = attack_schema(unsigned.agreement.linkage, households=not without_households)
    require_closed(figures)
    talk.print(f"linkage schema {unsigned.agreement.schema_hash.hex()[:16]}…: {describe(figures)}")
    if without_households:
        talk.print("NOT MEASURED: households. Relatives in a file give each other away")
    write_durably(file, signed.to_bytes(), mode=0o644)
    waiting = sorted({p.name for p in signed.agreement.parties} - set(signed.signatures))
    talk.print(
        f"signed as {', '.join(party.name for party in parties)}; "
        + (f"waiting for {', '.join(waiting)}" if waiting else "everyone has signed")
    )


@app.command()
def verify(file: File) -> None:
    """Verify that every party has signed exactly this document; prints its hash."""
    from linkage_core.agreement.signatures import verify_agreement

    verified = verify_agreement(file.read_bytes())
    talk.print(f"{verified.document.id} version {verified.document.version}: signed by all parties")
    results.print(verified.hash.hex())


@app.command()
def show(
    file: File,
    json: Annotated[bool, typer.Option("--json", help="Print every clause as it is signed, as JSON.")] = False,
) -> None:
    """Show what an agreement says, clause by clause, and who has signed it."""
    from linkage_core.agreement.signatures import parse_signed
    from services.cli.agreement_text import describe

    signed = parse_signed(file.read_bytes())
    results.print(signed.model_dump_json(indent=2) if json else describe(signed))


@app.command()
def suspend(
    file: File,
    keys: Keys,
    linkage_unit: Annotated[str, typer.Option(help="Address of the linkage unit, host:port.")],
    analysis: Annotated[str, typer.Option(help="Address of the analysis service, host:port.")],
) -> None:
    """Suspend the agreement at both services; any single party may. Only a newly signed version ends it.

    If one service does not answer, the other is told all the same; the command may be repeated.
    """
    from linkage_core.agreement.signatures import verify_agreement
    from linkage_core.types import PartyName
    from services.common.channel import DEADLINE_SECONDS, open_channel, remote_errors
    from services.common.errors import ServiceError
    from services.common.identity import Role
    from services.common.keystore import load_party_keys
    from services.wire.convert import agreement as convert
    from services.wire.convert.signed import sign_message
    from services.wire.messages import SuspensionNotice
    from services.wire.v1 import agreement_pb2_grpc

    verified, party = verify_agreement(file.read_bytes()), load_party_keys(keys)
    document = verified.document
    failures: list[ServiceError] = []
    for peer, address in ((document.linkage_unit, linkage_unit), (document.analysis_service, analysis)):
        notice = sign_message(party.identity, party.name, PartyName(peer.name), verified.context(), SuspensionNotice())
        channel = open_channel(address, party.transport, party.public.realm, Role(peer.role), peer.name)
        try:
            with channel, remote_errors(peer.name):
                agreement_pb2_grpc.AgreementsStub(channel).SuspendAgreement(
                    convert.suspend_request(notice), timeout=DEADLINE_SECONDS
                )
        except ServiceError as failure:  # the other service must hear of it all the same
            talk.print(f"NOT suspended at {peer.name}")
            failures.append(failure)
        else:
            talk.print(f"suspended at {peer.name}")
    if failures:
        raise failures[0]
