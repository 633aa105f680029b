"""Transport certificates: requests by parties, and the small certificate authority of a pilot.

In production the office's own PKI signs the requests; the agreement pins its certificate. A certificate holds exactly
one URI SAN, the SPIFFE id, and one DNS SAN, which clients of a server insist on. Keys are ECDSA P-256: a chain of
Ed25519 keys fails gRPC's handshake.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.common.errors import ConfigurationFault
from services.common.identity import server_name_of

AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 825
_BACKDATED: Final = timedelta(minutes=5)  # clocks of parties differ a little


def create_authority(name: str, now: datetime) -> tuple[bytes, bytes]:
    """Return (private key, certificate) of a new certificate authority, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _private_pem(key), certificate.public_bytes(serialization.Encoding.PEM)


def request_certificate(spiffe_id: str, server_name: str) -> tuple[bytes, bytes]:
    """Return (private key, certificate request) of a new transport key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id), x509.DNSName(server_name)]),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return _private_pem(key), request.public_bytes(serialization.Encoding.PEM)


def issue_certificate(authority_key: bytes, authority_certificate: bytes, request: bytes, now: datetime) -> bytes:
    """Return the certificate (PEM) for a request whose names the operator of the authority has looked at.

    Raises `ConfigurationFault` for a request that is not signed by its own key, has not exactly one URI and one DNS
    name, or asks for the DNS name of another party: clients know a server by that name, so whoever had it could take
    the linkage unit's place and receive every provider's encodings.
    """
    key = serialization.load_pem_private_key(authority_key, None)
    authority = x509.load_pem_x509_certificate(authority_certificate)
    asked, names = _read_request(request)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not asked.is_signature_valid:
        raise ConfigurationFault("the certificate request is not signed by its own key")
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or len(names.get_values_for_type(x509.DNSName)) != 1 or len(list(names)) != 2:
        raise ConfigurationFault("the certificate request must hold one SPIFFE id and one server name, nothing else")
    if names.get_values_for_type(x509.DNSName) != [server_name_of(uris[0])]:
        raise ConfigurationFault("the server name in the certificate request is not the one of its SPIFFE id")
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(names, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def certificate_faults(certificate: bytes, private_key: bytes, authority: bytes) -> list[str]:
    """Return what keeps a party's certificate, its private key and the authority's certificate from fitting together.

    Told here in plain words; TLS would only say that a handshake failed, and the other side nothing at all.
    """
    try:
        own, issuer = x509.load_pem_x509_certificate(certificate), x509.load_pem_x509_certificate(authority)
        key = serialization.load_pem_private_key(private_key, None)
    except (ValueError, TypeError):
        return ["transport.crt, transport.key or authority.crt is not in PEM"]
    faults = [] if own.public_key() == key.public_key() else ["transport.crt is not the certificate of transport.key"]
    try:
        own.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        faults.append("transport.crt was not issued by the authority of authority.crt")
    return faults


def authority_faults(agreed: str, own: bytes) -> list[str]:
    """Return the fault of a key folder's authority (PEM) that is not the one which the agreement pins, if it is not.

    TLS believes whomever this authority certifies: another one than agreed could name anybody a provider.
    """
    try:
        same = set(x509.load_pem_x509_certificates(agreed.encode())) == set(x509.load_pem_x509_certificates(own))
    except ValueError:
        same = False
    return [] if same else ["authority.crt is not the certificate authority that the agreement pins"]


def read_certificate(path: Path) -> str:
    """Return the certificate (PEM) of a certificate authority, without whatever else the file holds.

    Raises `ConfigurationFault` for anything else: a private key that were taken for a certificate would go to everyone
    inside the agreement.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, x509.ExtensionNotFound):
        raise ConfigurationFault(f"{path} is no certificate of a certificate authority") from None
    if not constraints.ca:
        raise ConfigurationFault(f"{path} is a party's certificate, expected the certificate authority's")
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def spiffe_id_of_request(request: bytes) -> str:
    """Return the SPIFFE id that a certificate request asks for, for the authority's operator to look at."""
    _, names = _read_request(request)
    return " ".join(names.get_values_for_type(x509.UniformResourceIdentifier))


def _read_request(request: bytes) -> tuple[x509.CertificateSigningRequest, x509.SubjectAlternativeName]:
    try:
        asked = x509.load_pem_x509_csr(request)
        return asked, asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        raise ConfigurationFault("this is no certificate request, or it names nobody") from None


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
