"""Certificates that do not fit are told in plain words, and what an agreement takes as the authority's is one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.common.certificates import (
    certificate_faults,
    create_authority,
    issue_certificate,
    read_certificate,
    request_certificate,
)
from services.common.errors import ConfigurationFault

NOW = datetime(2026, 5, 1, tzinfo=UTC)
KEY, CERTIFICATE = create_authority("Test", NOW)


def test_a_private_key_beside_the_certificate_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "authority.crt"
    file.write_bytes(KEY + CERTIFICATE)
    assert read_certificate(file) == CERTIFICATE.decode()


def test_a_private_key_never_becomes_part_of_an_agreement(tmp_path: Path) -> None:
    file = tmp_path / "authority.key"
    file.write_bytes(KEY)
    with pytest.raises(ConfigurationFault, match="no certificate of a certificate authority"):
        read_certificate(file)


def test_a_partys_certificate_is_not_taken_for_the_authoritys(tmp_path: Path) -> None:
    _, request = request_certificate("spiffe://a.example/agreement/m/provider/tax", "tax.provider.m.a.example")
    file = tmp_path / "transport.crt"
    file.write_bytes(issue_certificate(KEY, CERTIFICATE, request, NOW))
    with pytest.raises(ConfigurationFault, match="a party's certificate"):
        read_certificate(file)


def test_a_certificate_of_another_key_or_authority_is_told_before_any_handshake() -> None:
    other_key, other = create_authority("Other", NOW)
    key, request = request_certificate("spiffe://a.example/agreement/m/provider/tax", "tax.provider.m.a.example")
    foreign_key, _ = request_certificate("spiffe://a.example/agreement/m/provider/tax", "tax.provider.m.a.example")
    certificate = issue_certificate(KEY, CERTIFICATE, request, NOW)
    assert certificate_faults(certificate, key, CERTIFICATE) == []
    assert certificate_faults(certificate, foreign_key, other) == [
        "transport.crt is not the certificate of transport.key",
        "transport.crt was not issued by the authority of authority.crt",
    ]
    same_name = create_authority("Test", NOW)[1]
    assert certificate_faults(certificate, key, same_name) != [], "the name alone proves nothing"
    assert certificate_faults(b"nothing", key, CERTIFICATE) != []
    assert certificate_faults(issue_certificate(other_key, other, request, NOW), key, other) == []
