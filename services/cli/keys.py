"""`symbolon keys`: a party's own keys, and the small certificate authority of a pilot."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from services.cli.outcome import results, talk

app = typer.Typer(no_args_is_help=True, help="Make and show a party's keys; run a small certificate authority.")

Folder = Annotated[Path, typer.Argument(help="Folder for the keys; made with mode 0700.")]


@app.command()
def new(
    folder: Folder,
    role: Annotated[str, typer.Option(help="provider, linkage-unit, analysis-service, analyst or approver.")],
    name: Annotated[str, typer.Option(help="Short name of the party in the agreement, e.g. tax.")],
    agreement: Annotated[str, typer.Option(help="Id of the agreement, e.g. migration.")],
    trust_domain: Annotated[str, typer.Option(help="Trust domain of the parties, e.g. statistics.example.")],
    authority: Annotated[
        Path | None, typer.Option(help="Folder of the certificate authority, if it is at hand: certifies at once.")
    ] = None,
) -> None:
    """Make a party's keys and a certificate request.

    Example: symbolon keys new keys/tax --role provider --name tax --agreement migration
    --trust-domain statistics.example --authority keys/authority
    """
    from services.common.clock import system_random
    from services.common.errors import ConfigurationFault
    from services.common.identity import Realm, Role
    from services.common.keystore import create_party_keys

    try:
        party_role = Role(role)
    except ValueError:
        raise ConfigurationFault(f"--role must be one of {', '.join(Role)}") from None
    public = create_party_keys(folder, Realm(trust_domain, agreement), party_role, name, system_random)
    person = party_role in (Role.ANALYST, Role.APPROVER)
    receiver = "the analysis service's operator" if person else "whoever drafts the agreement"
    talk.print(f"keys made in {folder}; {folder / 'party.json'} is public: send it to {receiver}")
    if party_role is Role.APPROVER:
        talk.print("an approver signs and calls nobody: no certificate is needed")
    elif authority is None:
        talk.print(f"send {folder / 'transport.csr'} to the certificate authority; put its answer into transport.crt")
    else:
        _certify(authority, folder)
    results.print(public.spiffe_id)


@app.command()
def show(folder: Folder) -> None:
    """Show whose keys these are, with the fingerprint to compare by telephone. The public keys are in party.json.

    Example: symbolon keys show keys/tax
    """
    from services.common.keystore import load_public_identity

    public = load_public_identity(folder)
    results.print(f"name         {public.name}\nrole         {public.role}\nSPIFFE id    {public.spiffe_id}")
    results.print(f"fingerprint  {public.fingerprint}")


@app.command()
def authority(
    folder: Folder, name: Annotated[str, typer.Option(help="Name in the authority's certificate.")] = "Symbolon pilot"
) -> None:
    """Make a certificate authority for a pilot. In production the office's own PKI does this.

    Example: symbolon keys authority keys/authority
    """
    from services.common.certificates import create_authority
    from services.common.clock import system_clock
    from services.common.errors import ConfigurationFault
    from services.common.keystore import write_private

    if (folder / "authority.key").exists():
        raise ConfigurationFault(f"{folder} already holds a certificate authority")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    key, certificate = create_authority(name, system_clock())
    write_private(folder / "authority.key", key)
    (folder / "authority.crt").write_bytes(certificate)
    results.print(str(folder / "authority.crt"))


@app.command()
def certify(
    authority: Annotated[Path, typer.Argument(help="Folder of the certificate authority.")],
    parties: Annotated[list[Path], typer.Argument(help="Key folders whose transport.csr is to be certified.")],
) -> None:
    """Issue transport certificates for the requests in key folders, and show whom each one names.

    Example: symbolon keys certify keys/authority keys/tax keys/register
    """
    for folder in parties:
        _certify(authority, folder)


def _certify(authority: Path, folder: Path) -> None:
    from services.common.certificates import issue_certificate, spiffe_id_of_request
    from services.common.clock import system_clock
    from services.common.errors import ConfigurationFault

    missing = [path for path in (authority / "authority.key", folder / "transport.csr") if not path.exists()]
    if missing:
        raise ConfigurationFault("cannot certify", tuple(f"{path} is missing" for path in missing))
    request = (folder / "transport.csr").read_bytes()
    certificate = issue_certificate(
        (authority / "authority.key").read_bytes(),
        (authority / "authority.crt").read_bytes(),
        request,
        system_clock(),
    )
    (folder / "transport.crt").write_bytes(certificate)
    shutil.copyfile(authority / "authority.crt", folder / "authority.crt")
    talk.print(f"certified {spiffe_id_of_request(request)}")
