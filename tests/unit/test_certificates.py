"""The pilot's certificate authority certifies one SPIFFE id and one server name, for a key that asked itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.common.certificates import (
    CERTIFICATE_DAYS,
    create_authority,
    issue_certificate,
    request_certificate,
    spiffe_id_of_request,
)
from services.common.errors import ConfigurationFault

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
AUTHORITY_KEY, AUTHORITY = create_authority("test authority", NOW)
SPIFFE_ID = "spiffe://test.example/agreement/small/provider/tax"
SERVER_NAME = "tax.provider.small.test.example"
_, REQUEST = request_certificate(SPIFFE_ID, SERVER_NAME)
CERTIFICATE = x509.load_pem_x509_certificate(issue_certificate(AUTHORITY_KEY, AUTHORITY, REQUEST, NOW))


def request_of(names: Sequence[x509.GeneralName] | None) -> bytes:
    """A request with any names, or with none at all."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=True)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def uri(name: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(f"spiffe://test.example/agreement/small/provider/{name}")


DNS = x509.DNSName(SERVER_NAME)


def test_the_chain_verifies() -> None:
    authority = x509.load_pem_x509_certificate(AUTHORITY)
    CERTIFICATE.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(authority)


def test_a_certificate_holds_the_two_names_that_were_asked_for_and_no_common_name() -> None:
    names = CERTIFICATE.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE_ID]
    assert names.get_values_for_type(x509.DNSName) == [SERVER_NAME]
    assert list(CERTIFICATE.subject) == []


def test_a_party_is_no_authority_and_the_authority_certifies_no_other() -> None:
    constraints = CERTIFICATE.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (False, True)
    assert not CERTIFICATE.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    own = x509.load_pem_x509_certificate(AUTHORITY).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (own.ca, own.path_length) == (True, 0)


def test_a_certificate_serves_both_sides_of_mutual_tls_and_ends() -> None:
    usage = CERTIFICATE.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert CERTIFICATE.not_valid_after_utc == NOW + timedelta(days=CERTIFICATE_DAYS)
    assert NOW - timedelta(minutes=10) < CERTIFICATE.not_valid_before_utc < NOW


def test_keys_are_those_with_which_grpc_shakes_hands() -> None:
    key = CERTIFICATE.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)


@pytest.mark.parametrize(
    "names",
    [
        [uri("tax"), uri("border"), DNS],
        [uri("tax"), uri("border")],
        [uri("tax")],
        [DNS],
        [uri("tax"), DNS, x509.DNSName("other.example")],
        [uri("tax"), DNS, x509.RFC822Name("tax@test.example")],
        None,
    ],
    ids=["two ids", "two ids and no server", "no server", "no id", "two servers", "a mail address", "nothing"],
)
def test_a_request_with_other_names_is_refused(names: Sequence[x509.GeneralName] | None) -> None:
    with pytest.raises(ConfigurationFault):
        issue_certificate(AUTHORITY_KEY, AUTHORITY, request_of(names), NOW)


@pytest.mark.parametrize(
    "id_",
    [
        "spiffe://test.example/agreement/small/provider/border",
        "spiffe://test.example/agreement/small/linkage-unit/tax",
        "spiffe://test.example/agreement/other/provider/tax",
        "spiffe://other.example/agreement/small/provider/tax",
        "spiffe://test.example/agreement/small/office/tax",
        "spiffe://test.example/tax",
    ],
)
def test_a_server_name_of_another_party_is_not_certified(id_: str) -> None:
    # The operator looks at the SPIFFE id; clients of a server look at its server name.
    with pytest.raises(ConfigurationFault, match="server name"):
        issue_certificate(AUTHORITY_KEY, AUTHORITY, request_of([x509.UniformResourceIdentifier(id_), DNS]), NOW)


def test_a_request_that_its_own_key_did_not_sign_is_refused() -> None:
    whole = x509.load_pem_x509_csr(REQUEST).public_bytes(serialization.Encoding.DER)
    other = x509.load_pem_x509_csr(request_of([uri("tax"), DNS]))
    # The last bytes are the signature: that of another request, where it has the same length.
    forged = bytearray(whole)
    forged[-8:] = other.signature[-8:]
    pem = x509.load_der_x509_csr(bytes(forged)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(ConfigurationFault, match="not signed by its own key"):
        issue_certificate(AUTHORITY_KEY, AUTHORITY, pem, NOW)


@pytest.mark.parametrize(
    "request_", [b"", b"canary", AUTHORITY, REQUEST[:100]], ids=["nothing", "text", "a certificate", "a part"]
)
def test_what_is_no_request_is_refused_and_not_shown(request_: bytes) -> None:
    with pytest.raises(ConfigurationFault) as refusal:
        issue_certificate(AUTHORITY_KEY, AUTHORITY, request_, NOW)
    assert "canary" not in str(refusal.value)


def test_the_operator_sees_whom_a_request_names() -> None:
    assert spiffe_id_of_request(REQUEST) == SPIFFE_ID
    assert spiffe_id_of_request(request_of([uri("tax"), uri("border")])).count("spiffe://") == 2
    with pytest.raises(ConfigurationFault):
        spiffe_id_of_request(b"canary")
